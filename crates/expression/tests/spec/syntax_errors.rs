//! What can't be read is reported with its place, all of it at once.

use procession_expression::{SyntaxError, check_condition, check_template};

use crate::support::names;

/// Errors as `words of the author: message`.
fn shown(source: &str, errors: &[SyntaxError]) -> Vec<String> {
    errors.iter().map(|error| format!("{}: {}", &source[error.range.clone()], error.message)).collect()
}

/// Templates and everything that is wrong with them.
const UNREADABLE: &[(&str, &[&str])] = &[
    ("{{ }}", &["{{ }}: The placeholder is empty."]),
    ("{% %}", &["{% %}: The tag is empty."]),
    ("a {{ input.x", &["{{: `{{` has no closing `}}`. To write these characters, use `{{ '{{' }}`."]),
    (
        "a {{ input.x, how are you? {{ input.y }}",
        &["{{: `{{` has no closing `}}`. To write these characters, use `{{ '{{' }}`."],
    ),
    ("{% if input.x", &["{%: `{%` has no closing `%}`. To write these characters, use `{{ '{%' }}`."]),
    (
        "a {# b",
        &["{#: `{#` starts a comment, and its `#}` is missing. To write these two characters, use `{{ '{#' }}`."],
    ),
    ("{{ 'a }}", &["': The text that starts with this quote has no closing quote."]),
    ("{{ input. }}", &["}}: This can't be read: unexpected `}}`, expected identifier or integer."]),
    ("{{ input.x input.y }}", &["input: This can't be read: unexpected identifier, expected `}}`."]),
    ("{{ input.x + }}", &["}}: This can't be read: unexpected `}}`."]),
    ("{{ foo(1 }}", &["}: A `)` is expected here, not `}`."]),
    ("{{ a) }}", &["): This `)` closes nothing."]),
    ("{{ [1, 2 }}", &["}: A `]` is expected here, not `}`."]),
    ("{{ a = 1 }}", &["=: `=` does not compare; write `==`."]),
    ("{% if a = 1 %}{% endif %}", &["=: `=` does not compare; write `==`."]),
    ("{{ a === 1 }}", &["===: `===` is not known here; write `==`."]),
    ("{{ a <> 1 }}", &["<>: Write `!=` for “is not equal”."]),
    ("{{ a ? 1 : 2 }}", &["?: `a ? b : c` is written `b if a else c`."]),
    ("{{ a & b }}", &["&: Write `and`, or `&&`."]),
    ("{{ a AND b }}", &["AND: `AND` is written in lower case here: `and`."]),
    ("{{ a | round: 2 }}", &["round:: What is given to a filter stands in parentheses: `round(…)`, not `round: …`."]),
    ("{{ a | uper }}", &["uper: There is no filter `uper`. Did you mean `upper`?"]),
    ("{{ a is defned }}", &["defned: There is no test `defned`. Did you mean `defined`?"]),
    ("{{ foo() }}", &["foo(): There is no function `foo`. There are: now, time, range, dict."]),
    ("{{ namespace() }}", &["namespace(): There is no function `namespace`. There are: now, time, range, dict."]),
    ("{{ a.b.splitt(',') }}", &[".splitt(','): There is no method `splitt`. Did you mean `split`?"]),
    ("{{ 'a'() }}", &["'a'(): This can't be called."]),
    ("{{ range(*a) }}", &["range(*a): Arguments are given one by one, without `*` or `**`."]),
    ("{{ a ≥ 1 }}", &["≥: `≥` can't stand in an expression: write `>=`."]),
    ("{{ a == “x” }}", &["“: `“` can't stand in an expression: texts stand in plain quotes, `'…'` or `\"…\"`."]),
    (
        "{{ $input.x }}",
        &["$: `$` can't stand in an expression: names have no `$` here, and placeholders are `{{ … }}`."],
    ),
    (
        "{{ a\u{200b} }}",
        &["\u{200b}: `\\u{200b}` can't stand in an expression: a text that holds it stands in quotes."],
    ),
    ("{{ a @ b }}", &["@: `@` can't stand in an expression: a text that holds it stands in quotes."]),
    ("{{ '\\u12' }}", &["{{: This can't be read: bad string escape."]),
    ("{% raw %}{{ a }}", &["{% raw %}: The `{% endraw %}` of this `{% raw %}` is missing."]),
    ("{% endif %}", &["{% endif %}: There is no `{% if %}` before this `{% endif %}`."]),
    (
        "{% for x in a %}{{ x }}{% endif %}",
        &["{% endif %}: `{% endif %}` does not go with the `{% for %}` before it, which ends with `{% endfor %}`."],
    ),
    ("{% if a %}{% for x in a %}y{% endfor %}", &["{% if a %}: The `{% endif %}` of this `{% if %}` is missing."]),
    ("{% if a %}x", &["{% if a %}: The `{% endif %}` of this `{% if %}` is missing."]),
    ("{% foo %}", &["foo: This can't be read: unknown statement foo."]),
    (
        "{% macro f() %}{% endmacro %}",
        &[
            "macro f() %}{% endmacro: `macro` is not available: a text stands alone. There are if, for, set, with, filter, break, continue and raw.",
        ],
    ),
    (
        "{% include 'a' %}{% import 'b' as c %}",
        &[
            "include 'a': `include` is not available: a text stands alone. There are if, for, set, with, filter, break, continue and raw.",
            "import 'b' as c: `import` is not available: a text stands alone. There are if, for, set, with, filter, break, continue and raw.",
        ],
    ),
    (
        "{% extends 'a' %}",
        &[
            "extends 'a': `extends` is not available: a text stands alone. There are if, for, set, with, filter, break, continue and raw.",
        ],
    ),
    (
        "{% block a %}{% endblock %}",
        &[
            "block a %}{% endblock: `block` is not available: a text stands alone. There are if, for, set, with, filter, break, continue and raw.",
        ],
    ),
    (
        "{% do a() %}",
        &[
            "do a(): `do` is not available: a text stands alone. There are if, for, set, with, filter, break, continue and raw.",
        ],
    ),
    (
        "{% autoescape true %}{% endautoescape %}",
        &[
            "autoescape true %}{% endautoescape: `autoescape` is not available: a text stands alone. There are if, for, set, with, filter, break, continue and raw.",
        ],
    ),
    (
        "{% for a in b recursive %}{% endfor %}",
        &["for a in b recursive %}{% endfor: Recursive loops are not available."],
    ),
    ("{% set a.b = 1 %}", &["b: Only a plain name can be given a value."]),
    ("{% break %}", &["break: This can't be read: 'break' must be placed inside a loop."]),
    // All of them at once.
    (
        "ö {{ a + }} {{ b | uper }} {{ c ? d }} {{ [ }} {{ ok }}",
        &[
            "}}: This can't be read: unexpected `}}`.",
            "uper: There is no filter `uper`. Did you mean `upper`?",
            "?: `a ? b : c` is written `b if a else c`.",
            "}: A `]` is expected here, not `}`.",
        ],
    ),
    (
        "{{ a | uper | lowr(b is odd) }}",
        &[
            "uper: There is no filter `uper`. Did you mean `upper`?",
            "lowr(b is odd): There is no filter `lowr`. Did you mean `lower`?",
        ],
    ),
    (
        "{{ a b }} {{ c d }} {{ e f }}",
        &[
            "b: This can't be read: unexpected identifier, expected `}}`.",
            "d: This can't be read: unexpected identifier, expected `}}`.",
            "f: This can't be read: unexpected identifier, expected `}}`.",
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
        ("", &[": The condition is empty; leave the key out if there is none."]),
        ("  ", &["  : The condition is empty; leave the key out if there is none."]),
        ("{{ }}", &["{{ }}: The placeholder is empty."]),
        ("{{ a", &["{{: This bracket is not closed: a `}}` is missing."]),
        ("a }}", &["}: This `}` closes nothing."]),
        ("{{ a } == 1", &["}: A placeholder ends with `}}`."]),
        ("{% if a %}b{% endif %}", &["%: A condition is one expression, without `{% … %}`."]),
        ("a = 'x'", &["=: `=` does not compare; write `==`."]),
        ("a == ", &["==: This can't be read: unexpected end of the text, expected expression."]),
        ("(a == 1", &["(: This bracket is not closed: a `)` is missing."]),
        (
            "a == 1 b",
            &["b: `b` follows a complete expression: an operator such as `and` or `==` is missing before it."],
        ),
        ("a gt 3", &["gt: `gt` is no operator here; write `>`."]),
        (
            "a matches 'y'",
            &[
                "matches: `matches` is no operator here; write `a contains 'x'`, `a is startingwith('x')` or `a is endingwith('x')`.",
            ],
        ),
        ("={{ a > 3 }}", &["=: An expression does not begin with `=` here."]),
        (
            "${{ a > 3 }}",
            &["$: `$` can't stand in an expression: names have no `$` here, and placeholders are `{{ … }}`."],
        ),
        ("a == 'x", &["': The text that starts with this quote has no closing quote."]),
        (
            "'id-{{ a }}' == 'id-1'",
            &[
                "'id-{{ a }}': A text within a condition has no placeholders; join texts with `~`, as in `\"id-\" ~ input.number`.",
            ],
        ),
        ("a == not", &["not: A value is expected here, not `not`."]),
        (
            "a | nope and b is nope",
            &[
                "nope: There is no filter `nope`. There are: abs, attr, batch, bool, capitalize, chain, count, d, default, dictsort, e, escape, first, float, format, groupby, indent, int, items, join, last, length, lines, list, lower, map, max, min, reject, rejectattr, replace, reverse, round, safe, select, selectattr, slice, sort, split, string, sum, title, tojson, trim, truncate, unique, upper, urlencode, wordcount, zip.",
                "nope: There is no test `nope`. Did you mean `none`?",
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
