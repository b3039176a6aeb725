//! What one text may cost: sizes, depths and amounts of work. Beyond each of them stands an error that its author can
//! read, never a stack that overflows or memory that runs out (spec 2).

/// The longest expression or tag, in bytes: longer ones could exhaust the stack of the parser.
pub const EXPRESSION_BYTES: usize = 4_096;

/// The longest name in bytes that is looked for before a hyphen (spec 2.1). Ids of steps have at most 64.
pub const NAME_BYTES: usize = 256;

/// The longest template, in bytes.
pub const TEMPLATE_BYTES: usize = 1 << 20;

/// The most brackets that are open at once within an expression.
pub const BRACKETS: usize = 40;

/// The most signs (`-`, `not`, `!`) that follow each other.
pub const SIGNS: usize = 16;

/// The most tags (`if`, `for`, `with`, …) that are open at once.
pub const BLOCKS: usize = 24;

/// The most `elif` of one `if`.
pub const BRANCHES: usize = 200;

/// The deepest tree of an expression. What chains to the left (`a + b + c`, `x|f|g`, `a.b.c`) adds no depth.
pub const EXPRESSION_DEPTH: usize = 120;

/// How many nodes of expressions and statements one evaluation visits; each turn of a loop visits its nodes again.
pub const FUEL: u32 = 100_000;

/// The longest list that an expression makes out of something else: a range, a repetition, the parts of a text.
pub const ITEMS: usize = 100_000;

/// The deepest nesting of lists and mappings that is printed or given to a filter.
pub const VALUE_DEPTH: usize = 160;

/// The largest list or mapping that is given to a filter or made by one: its texts, and 16 bytes for each item.
pub const VALUE_BYTES: usize = 32 << 20;

/// How much data one evaluation handles in all, counted likewise.
pub const DATA_BYTES: usize = 256 << 20;

/// The longest text that an evaluation makes, be it the result or something on the way to it.
pub const OUTPUT_BYTES: usize = 16 << 20;

/// About how much of a value is kept with the evaluation of a condition, in characters.
pub const PREVIEW_CHARS: usize = 200;

/// How many errors are looked for in one template.
pub const ERRORS: usize = 200;

/// How many warnings one evaluation gives.
pub const WARNINGS: usize = 50;
