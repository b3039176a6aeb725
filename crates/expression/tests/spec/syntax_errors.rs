//! What can't be read is reported with its place, all of it at once.

use procession_expression::{SyntaxError, check_condition, check_template};

use crate::support::names;

/// Errors as `words of the author: message -> what to write instead`.
fn shown(source: &str, errors: &[SyntaxError]) -> Vec<String> {
    let shown = |error: &SyntaxError| {
        let meant = error.instead.as_ref().map(|meant| format!(" -> {:?}", meant.text)).unwrap_or_default();
        format!("{}: {}{meant}", &source[error.range.clone()], error.message)
    };
    errors.iter().map(shown).collect()
}

/// Templates and everything that is wrong with them.
const UNREADABLE: &[(&str, &[&str])] = &[
    ("{{ }}", &["{{ }}: the placeholder is empty"]),
    ("{% %}", &["{% %}: the tag is empty"]),
    ("a {{ input.x", &["{{: `{{` has no closing `}}`; to write these characters, use `{{ '{{' }}`"]),
    (
        "a {{ input.x, how are you? {{ input.y }}",
        &["{{: `{{` has no closing `}}`; to write these characters, use `{{ '{{' }}`"],
    ),
    ("{% if input.x", &["{%: `{%` has no closing `%}`; to write these characters, use `{{ '{%' }}`"]),
    (
        "a {# b",
        &["{#: `{#` starts a comment, and its `#}` is missing; to write these two characters, use `{{ '{#' }}`"],
    ),
    ("{{ 'a }}", &["': the text that starts with this quote has no closing quote"]),
    ("{{ input. }}", &["}}: this can't be read: unexpected `}}`, expected identifier or integer"]),
    (
        "{{ input.x input.y }}",
        &["input: `input` follows a complete expression: an operator such as `and` or `==` is missing before it"],
    ),
    (
        "{{ f'a' }}",
        &["'a': `'a'` follows a complete expression: an operator such as `and` or `==` is missing before it"],
    ),
    (
        "{{ lambda x: x }}",
        &["x: `x` follows a complete expression: an operator such as `and` or `==` is missing before it"],
    ),
    ("{{ a gt 1 }}", &["gt: `gt` is no operator here -> \">\""]),
    ("{{ input.x + }}", &["}}: this can't be read: unexpected `}}`"]),
    ("{{ foo(1 }}", &["}: a `)` is expected here, not `}`"]),
    ("{{ a.b }", &["}: a placeholder ends with `}}` -> \"}}\""]),
    ("{{ a.b } and {{ a.c }}", &["{{: `{{` has no closing `}}`; to write these characters, use `{{ '{{' }}`"]),
    ("{{ a) }}", &["): this `)` closes nothing"]),
    ("{{ [1, 2 }}", &["}: a `]` is expected here, not `}`"]),
    ("{{ a = 1 }}", &["=: `=` does not compare -> \"==\""]),
    ("{% if a = 1 %}{% endif %}", &["=: `=` does not compare -> \"==\""]),
    ("{{ a === 1 }}", &["===: `===` is no operator here -> \"==\""]),
    ("{{ a <> 1 }}", &["<>: `<>` is no operator here -> \"!=\""]),
    ("{{ a ? 1 : 2 }}", &["?: `a ? b : c` is written `b if a else c`"]),
    ("{{ a & b }}", &["&: `&` is no operator here -> \"and\""]),
    ("{{ a AND b }}", &["AND: `AND` is written in lower case here -> \"and\""]),
    ("{{ a | round: 2 }}", &["round:: what is given to a filter stands in parentheses: `round(…)`, not `round: …`"]),
    ("{{ a | uper }}", &["uper: there is no filter `uper` -> \"upper\""]),
    ("{{ a is defned }}", &["defned: there is no test `defned` -> \"defined\""]),
    ("{{ foo() }}", &["foo(): there is no function `foo`: there are now, time, range, dict"]),
    ("{{ namespace() }}", &["namespace(): there is no function `namespace`: there are now, time, range, dict"]),
    ("{{ a.b.splitt(',') }}", &[".splitt(','): there is no method `splitt` -> \"split\""]),
    ("{{ 'a'() }}", &["'a'(): this can't be called"]),
    ("{{ range(*a) }}", &["range(*a): arguments are given one by one, without `*` or `**`"]),
    ("{{ a ≥ 1 }}", &["≥: `≥` can't stand in an expression: operators are written in plain characters -> \">=\""]),
    (
        "{{ a == “x” }}",
        &["“: `“` can't stand in an expression: texts stand in plain quotes, `'…'` or `\"…\"` -> \"'x'\""],
    ),
    (
        "{{ $input.x }}",
        &["$: `$` can't stand in an expression: names have no `$` here, and placeholders are `{{ … }}` -> \"input\""],
    ),
    ("{{ a\u{200b} }}", &["\u{200b}: `\\u{200b}` can't stand in an expression: a text that holds it stands in quotes"]),
    ("{{ a @ b }}", &["@: `@` can't stand in an expression: a text that holds it stands in quotes"]),
    ("{{ '\\u12' }}", &["{{: this can't be read: bad string escape"]),
    ("{% raw %}{{ a }}", &["{% raw %}: the `{% endraw %}` of this `{% raw %}` is missing"]),
    ("{% endif %}", &["{% endif %}: there is no `{% if %}` before this `{% endif %}`"]),
    (
        "{% for x in a %}{{ x }}{% endif %}",
        &["{% endif %}: `{% endif %}` does not go with the `{% for %}` before it, which ends with `{% endfor %}`"],
    ),
    ("{% if a %}{% for x in a %}y{% endfor %}", &["{% if a %}: the `{% endif %}` of this `{% if %}` is missing"]),
    ("{% if a %}x", &["{% if a %}: the `{% endif %}` of this `{% if %}` is missing"]),
    ("{% foo %}", &["foo: this can't be read: unknown statement foo"]),
    (
        "{% macro f() %}{% endmacro %}",
        &[
            "macro f() %}{% endmacro: `macro` is not available, since a text stands alone: there are if, for, set, with, filter, break, continue and raw",
        ],
    ),
    (
        "{% include 'a' %}{% import 'b' as c %}",
        &[
            "include 'a': `include` is not available, since a text stands alone: there are if, for, set, with, filter, break, continue and raw",
            "import 'b' as c: `import` is not available, since a text stands alone: there are if, for, set, with, filter, break, continue and raw",
        ],
    ),
    (
        "{% extends 'a' %}",
        &[
            "extends 'a': `extends` is not available, since a text stands alone: there are if, for, set, with, filter, break, continue and raw",
        ],
    ),
    (
        "{% block a %}{% endblock %}",
        &[
            "block a %}{% endblock: `block` is not available, since a text stands alone: there are if, for, set, with, filter, break, continue and raw",
        ],
    ),
    (
        "{% do a() %}",
        &[
            "do a(): `do` is not available, since a text stands alone: there are if, for, set, with, filter, break, continue and raw",
        ],
    ),
    (
        "{% autoescape true %}{% endautoescape %}",
        &[
            "autoescape true %}{% endautoescape: `autoescape` is not available, since a text stands alone: there are if, for, set, with, filter, break, continue and raw",
        ],
    ),
    (
        "{% for a in b recursive %}{% endfor %}",
        &["for a in b recursive %}{% endfor: recursive loops are not available"],
    ),
    ("{% set a.b = 1 %}", &["b: only a plain name can be given a value"]),
    ("{% break %}", &["break: this can't be read: 'break' must be placed inside a loop"]),
    // All of them at once.
    (
        "ö {{ a + }} {{ b | uper }} {{ c ? d }} {{ [ }} {{ ok }}",
        &[
            "}}: this can't be read: unexpected `}}`",
            "uper: there is no filter `uper` -> \"upper\"",
            "?: `a ? b : c` is written `b if a else c`",
            "}: a `]` is expected here, not `}`",
        ],
    ),
    (
        "{{ a | uper | lowr(b is odd) }}",
        &["uper: there is no filter `uper` -> \"upper\"", "lowr(b is odd): there is no filter `lowr` -> \"lower\""],
    ),
    (
        "{{ a b }} {{ c d }} {{ e f }}",
        &[
            "b: `b` follows a complete expression: an operator such as `and` or `==` is missing before it",
            "d: `d` follows a complete expression: an operator such as `and` or `==` is missing before it",
            "f: `f` follows a complete expression: an operator such as `and` or `==` is missing before it",
        ],
    ),
];

#[test]
fn templates_that_can_not_be_read() {
    let failed: Vec<String> = UNREADABLE
        .iter()
        .filter_map(|(source, expected)| {
            let found = match check_template(source, &names()) {
                Ok(checked) => vec![format!("{checked:?}")],
                Err(errors) => shown(source, &errors),
            };
            (found != *expected).then(|| format!("{source}\n  gave     {found:?}\n  expected {expected:?}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn conditions_that_can_not_be_read() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[": the condition is empty; leave the key out if there is none"]),
        ("  ", &["  : the condition is empty; leave the key out if there is none"]),
        ("{{ }}", &["{{ }}: the placeholder is empty"]),
        ("{{ a", &["{{: this bracket is not closed: a `}}` is missing"]),
        ("a }}", &["}: this `}` closes nothing"]),
        ("{{ a } == 1", &["}: a placeholder ends with `}}`"]),
        ("{% if a %}b{% endif %}", &["%: a condition is one expression, without `{% … %}`"]),
        ("a = 'x'", &["=: `=` does not compare -> \"==\""]),
        ("a == ", &["==: this can't be read: unexpected end of the text, expected expression"]),
        ("(a == 1", &["(: this bracket is not closed: a `)` is missing"]),
        ("not input.t and or input.n", &["or: a value is expected here, not `or`"]),
        ("input.t or and", &["and: a value is expected here, not `and`"]),
        ("a == 1 b", &["b: `b` follows a complete expression: an operator such as `and` or `==` is missing before it"]),
        (
            "len(input.x) > 3",
            &[
                "len(input.x): there is no function `len`: it is a filter here, as in `x | length` -> \"input.x | length\"",
            ],
        ),
        ("upper(a ~ b)", &["upper(a ~ b): there is no function `upper`: it is a filter here, as in `x | upper`"]),
        (
            "steps.a.output.response.includes('x')",
            &[
                ".includes('x'): there is no method `includes`: it is an operator here, as in `a contains b` -> \"steps.a.output.response contains 'x'\"",
            ],
        ),
        ("a.b.toUpperCase() == 'X'", &[".toUpperCase(): there is no method `toUpperCase` -> \"upper\""]),
        (
            "${input.x} > 3",
            &[
                "$: `$` can't stand in an expression: names have no `$` here, and placeholders are `{{ … }}` -> \"input.x\"",
            ],
        ),
        ("a => 3", &["=: `=` does not compare; `>=` and `<=` do"]),
        ("a – 3 > 1", &["–: `–` can't stand in an expression: operators are written in plain characters -> \"-\""]),
        ("a gt 3", &["gt: `gt` is no operator here -> \">\""]),
        (
            "a matches 'y'",
            &[
                "matches: `matches` is no operator here; write `a contains 'x'`, `a is startingwith('x')` or `a is endingwith('x')`",
            ],
        ),
        ("={{ a > 3 }}", &["={{ a > 3 }}: an expression does not begin with `=` here -> \"{{ a > 3 }}\""]),
        (
            "${{ input.a > 3 }}",
            &[
                "$: `$` can't stand in an expression: names have no `$` here, and placeholders are `{{ … }}` -> \"input.a > 3\"",
            ],
        ),
        ("a == 'x", &["': the text that starts with this quote has no closing quote"]),
        (
            "'id-{{ a }}' == 'id-1'",
            &[
                "'id-{{ a }}': a text within a condition has no placeholders; join texts with `~`, as in `\"id-\" ~ input.number`",
            ],
        ),
        ("a == not", &["not: a value is expected here, not `not`"]),
        (
            "a | nope and b is nope",
            &[
                "nope: there is no filter `nope`: there are abs, attr, batch, bool, capitalize, chain, count, d, default, dictsort, e, escape, first, float, format, groupby, indent, int, items, join, last, length, lines, list, lower, map, max, min, reject, rejectattr, replace, reverse, round, safe, select, selectattr, slice, sort, split, string, sum, title, tojson, trim, truncate, unique, upper, urlencode, wordcount, zip",
                "nope: there is no test `nope` -> \"none\"",
            ],
        ),
    ];
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|(source, expected)| {
            let found = match check_condition(source, &names()) {
                Ok(checked) => vec![format!("{checked:?}")],
                Err(errors) => shown(source, &errors),
            };
            (found != *expected).then(|| format!("{source}\n  gave     {found:?}\n  expected {expected:?}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
