//! Expressions and templates (spec 2): Jinja2's syntax with strict undefined values, limits of work and size, and own
//! comparison rules in conditions.
//!
//! [`Evaluator`] implements the domain's [`Expressions`](procession_domain::expressions::Expressions) for one
//! definition. [`check_template`] and [`check_condition`] are the static side: syntax errors with their place, and every
//! path that a text reads.
//!
//! The way of a text: `normalise` turns foreign spellings into Jinja's and remembers the author's places, `syntax` has it
//! parsed and makes a tree of our own, `evaluate` walks that tree against the variables, for conditions and for templates
//! alike. Filters and tests are minijinja's.
//!
//! Nothing here does I/O, reads a clock or the environment, panics, or runs longer than [`limits`] allow, and no error
//! message holds the value of a variable.

mod ast;
mod compile;
mod evaluate;
mod evaluator;
mod known;
pub mod limits;
mod normalise;
mod plain;
mod references;
mod syntax;
mod time;
mod words;

use std::{
    collections::{BTreeSet, HashSet},
    ops::Range,
};

pub use evaluator::Evaluator;
pub use words::{DECISIONS, decision_meant};

/// The names of a definition that decide where a hyphenated path ends (spec 2.1).
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The ids of its steps.
    pub steps: HashSet<String>,
    /// The fields of its input schema; `None` without a schema.
    pub inputs: Option<BTreeSet<String>>,
}

/// What a text is, seen statically.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Every path it reads, in the order in which they stand.
    pub references: Vec<Reference>,
    /// What is accepted but better written otherwise.
    pub notes: Vec<Note>,
}

/// One path that a text reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The first name: `steps`, `input`, `trigger`, … or one that does not exist. Loop variables and names that the
    /// text sets itself are no references.
    pub root: String,
    /// What follows, as far as it is constant: for `steps` the step's id comes first (the longest run of `[a-z0-9_-]`
    /// where no step fits).
    pub path: Vec<String>,
    /// Whether something computed follows the constant part: for `steps` with an empty path, the step itself is chosen
    /// at run time.
    pub dynamic: bool,
    /// Whether the text can do without it: to the left of `default`, `||` or `??`, or asked about by `is defined`
    /// anywhere in the text.
    pub optional: bool,
    /// Where the path stands, in bytes of the text.
    pub range: Range<usize>,
    /// The texts that its value is compared with, by themselves or in lists.
    pub compared: Vec<Compared>,
}

/// A constant text that something is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// The text.
    pub word: String,
    /// Where it stands, quotes included, in bytes of the text.
    pub range: Range<usize>,
    /// Whether being equal to it, or one of several, makes the comparison true.
    pub is_wanted: bool,
}

/// A remark on a part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The remark.
    pub message: String,
    /// What to write instead.
    pub suggestion: Option<String>,
    /// The part, in bytes of the text.
    pub range: Range<usize>,
    /// The step that the remark takes for an approval; if it is of another type, the remark does not apply.
    pub approval: Option<String>,
}

/// Why a text can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the text.
    pub range: Range<usize>,
    /// What was probably meant.
    pub instead: Option<Replacement>,
}

/// Other characters for a part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The part, in bytes of the text.
    pub range: Range<usize>,
    /// What to write there.
    pub text: String,
}

impl SyntaxError {
    /// An error for which there is nothing to suggest.
    fn new(message: impl Into<String>, range: Range<usize>) -> Self {
        Self { message: message.into(), range, instead: None }
    }

    /// An error that goes away when its place reads otherwise.
    fn with(message: impl Into<String>, range: Range<usize>, text: impl Into<String>) -> Self {
        let instead = Some(Replacement { range: range.clone(), text: text.into() });
        Self { message: message.into(), range, instead }
    }
}

/// Checks a template (spec 2.2): what it reads, or everything in it that can't be read.
pub fn check_template(text: &str, names: &Names) -> Result<Checked, Vec<SyntaxError>> {
    let compiled = compile::compile_template(text, names)?;
    let found = references::of_template(&compiled.tree);
    Ok(checked(compiled.notes, found))
}

/// Checks a condition (spec 2.3): what it reads, or everything in it that can't be read.
pub fn check_condition(text: &str, names: &Names) -> Result<Checked, Vec<SyntaxError>> {
    let compiled = compile::compile_condition(text, names)?;
    let found = references::of_expression(&compiled.tree);
    Ok(checked(compiled.notes, found))
}

/// Whether a text is exactly one placeholder, and so keeps the type of its value where JSON is wanted (spec 2.2). Space
/// around it does not count.
pub fn single_placeholder(text: &str) -> bool {
    normalise::is_single_placeholder(text)
}

fn checked(mut notes: Vec<Note>, (references, found): (Vec<Reference>, Vec<Note>)) -> Checked {
    notes.extend(found);
    notes.sort_by_key(|note| note.range.start);
    Checked { references, notes }
}
