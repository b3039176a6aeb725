//! The static side: what a text reads, and remarks on it.

use procession_expression::{Checked, Names, check_condition, check_template, single_placeholder};

use crate::support::names_of;

fn names() -> Names {
    names_of(&["a", "b", "quality-review"], &["topic", "max-count", "x"])
}

/// Each reference as `root/path`, with `?` where the text can do without it, `*` where something computed follows, and
/// `@` and the author's words for it.
fn shown(source: &str, checked: Checked) -> Vec<String> {
    checked
        .references
        .into_iter()
        .map(|reference| {
            let optional = if reference.optional { "?" } else { "" };
            let dynamic = if reference.dynamic { "*" } else { "" };
            let path: Vec<&str> =
                std::iter::once(reference.root.as_str()).chain(reference.path.iter().map(String::as_str)).collect();
            format!("{}{optional}{dynamic} @ {}", path.join("/"), &source[reference.range])
        })
        .collect()
}

fn of_template(source: &str) -> Vec<String> {
    shown(source, check_template(source, &names()).unwrap_or_else(|errors| panic!("{source}: {errors:?}")))
}

#[test]
fn templates_read_these_paths() {
    let cases: &[(&str, &[&str])] = &[
        ("no placeholder", &[]),
        ("{{ input.topic }}", &["input/topic @ input.topic"]),
        (
            "ö {{ input.topic }} ß {{steps.a.output.x}}",
            &["input/topic @ input.topic", "steps/a/output/x @ steps.a.output.x"],
        ),
        ("{{steps.quality-review.output}}", &["steps/quality-review/output @ steps.quality-review.output"]),
        ("{{ input.max-count }}!", &["input/max-count @ input.max-count"]),
        ("{{ input . topic }}", &["input/topic @ input . topic"]),
        ("{{ input['topic'].y[0].z }}", &["input/topic/y/0/z @ input['topic'].y[0].z"]),
        ("{{ input.topic[-1] }}", &["input/topic/-1 @ input.topic[-1]"]),
        ("{{ input.topic[1:] }}", &["input/topic @ input.topic"]),
        ("{{ steps[input.x].output }}", &["steps* @ steps[input.x].output", "input/x @ input.x"]),
        ("{{ steps.a.output[input.x].y }}", &["steps/a/output* @ steps.a.output[input.x].y", "input/x @ input.x"]),
        ("{{ steps }}", &["steps* @ steps"]),
        ("{% for id, s in steps | items %}{{ s.status }}{% endfor %}", &["steps* @ steps"]),
        ("{{ nowhere }} {{ now() }} {{ range(input.x) }}", &["nowhere @ nowhere", "input/x @ input.x"]),
        ("{{ -input.x }} {{ not input.topic }}", &["input/x @ input.x", "input/topic @ input.topic"]),
        ("{{ input.x.upper() }} {{ input.x.items() }}", &["input/x @ input.x", "input/x @ input.x"]),
        (
            "{{ input.x | replace(input.topic, steps.a.output) }}",
            &["input/x @ input.x", "input/topic @ input.topic", "steps/a/output @ steps.a.output"],
        ),
        ("{{ [input.x, {'k': input.topic}] }}", &["input/x @ input.x", "input/topic @ input.topic"]),
        (
            "{{ input.x if input.topic else steps.a.status }}",
            &["input/x @ input.x", "input/topic @ input.topic", "steps/a/status @ steps.a.status"],
        ),
        ("{{ 1 < input.x < 3 ~ trigger.type }}", &["input/x @ input.x", "trigger/type @ trigger.type"]),
        // To the left of `default`, `||` and `??`, at every level; or asked about anywhere.
        ("{{ input.x | default(input.topic) }}", &["input/x? @ input.x", "input/topic @ input.topic"]),
        ("{{ input.x | default:input.topic }}", &["input/x? @ input.x", "input/topic @ input.topic"]),
        (
            "{{ input.x || input.topic ?? steps.a.output }}",
            &["input/x? @ input.x", "input/topic? @ input.topic", "steps/a/output @ steps.a.output"],
        ),
        ("{{ (input.x ~ input.topic | upper) | default('') }}", &["input/x? @ input.x", "input/topic? @ input.topic"]),
        ("{{ input.x + input.topic | default(1) }}", &["input/x @ input.x", "input/topic? @ input.topic"]),
        ("{{ input.x or input.topic }}", &["input/x @ input.x", "input/topic @ input.topic"]),
        ("{{ input.x is defined }}", &["input/x? @ input.x"]),
        ("{{ input.x is not defined }}", &["input/x? @ input.x"]),
        (
            "{% if input.x is defined %}{{ input.x.y }}{{ input.topic }}{% endif %}",
            &["input/x? @ input.x", "input/x/y? @ input.x.y", "input/topic @ input.topic"],
        ),
        ("{{ input.x is none }}", &["input/x @ input.x"]),
        // The text's own names are no references, as far as they reach.
        (
            "{% for item in input.x %}{{ item.name }}{{ loop.index }}{% endfor %}{{ item }}",
            &["input/x @ input.x", "item @ item"],
        ),
        ("{% for k, (v, w) in input.x %}{{ k ~ v ~ w }}{% else %}{{ k }}{% endfor %}", &["input/x @ input.x", "k @ k"]),
        (
            "{% for i in input.x if i > input.topic %}{% endfor %}{{ loop }}",
            &["input/x @ input.x", "input/topic @ input.topic", "loop @ loop"],
        ),
        ("{% set y = input.x %}{{ y.z }}", &["input/x @ input.x"]),
        ("{% set y %}{{ input.x }}{% endset %}{{ y }}", &["input/x @ input.x"]),
        ("{% for i in input.x %}{% set y = i %}{% endfor %}{{ y }}", &["input/x @ input.x", "y @ y"]),
        ("{% if input.x %}{% set y = 1 %}{% endif %}{{ y }}", &["input/x @ input.x"]),
        ("{% with y = input.x %}{{ y }}{% endwith %}{{ y }}", &["input/x @ input.x", "y @ y"]),
        (
            "{% filter replace('a', input.x) %}{{ input.topic }}{% endfilter %}",
            &["input/x @ input.x", "input/topic @ input.topic"],
        ),
        ("{# {{ input.x }} #}{% raw %}{{ input.x }}{% endraw %}", &[]),
        ("{{{ input.x }}}", &["input/x @ input.x"]),
        ("{{ \"a\\\"b\" ~ input.x }}", &["input/x @ input.x"]),
        ("{{ input.x|default:'ö'|upper }}{{input.topic}}", &["input/x? @ input.x", "input/topic @ input.topic"]),
        ("{{!input.x&&input.topic}}", &["input/x @ input.x", "input/topic @ input.topic"]),
    ];
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|(source, expected)| {
            let found = of_template(source);
            (found != *expected).then(|| format!("{source}\n  gave     {found:?}\n  expected {expected:?}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn conditions_read_these_paths() {
    let cases: &[(&str, &[&str])] = &[
        (
            "{{steps.a.output.score}} >= 80 and not steps.b.output.flag",
            &["steps/a/output/score @ steps.a.output.score", "steps/b/output/flag @ steps.b.output.flag"],
        ),
        ("  input.x contains input.topic", &["input/x @ input.x", "input/topic @ input.topic"]),
        ("'{{ input.x }}' == 'a'", &["input/x @ input.x"]),
        ("{{ input.x }}.y[0] == 1", &["input/x/y/0 @ input.x }}.y[0]"]),
        ("false", &[]),
    ];
    for (source, expected) in cases {
        let checked = check_condition(source, &names()).unwrap_or_else(|errors| panic!("{source}: {errors:?}"));
        assert_eq!(shown(source, checked), *expected, "{source}");
    }
}

#[test]
fn other_words_for_a_decision_are_remarked_on() {
    let cases = [
        ("steps.a.decision == 'approve'", Some(("approve", "approved"))),
        ("'reject' != steps.a.output.decision", Some(("reject", "rejected"))),
        ("steps.a.decision in ['approved', 'revision_requested']", Some(("revision_requested", "changes_requested"))),
        ("steps.a.decision == 'Approved'", Some(("Approved", "approved"))),
        ("input.x or steps.a.decision == 'approve'", Some(("approve", "approved"))),
        ("steps.a.decision == 'approved'", None),
        ("steps.a.decision == input.x", None),
        ("steps.a.output.other == 'approve'", None),
        ("steps.a.decision | upper == 'approve'", None),
        ("steps.a.status == 'COMPLETED'", None),
    ];
    for (source, expected) in cases {
        let notes = check_condition(source, &names()).unwrap().notes;
        let Some((word, right)) = expected else {
            assert!(notes.is_empty(), "{source}: {notes:?}");
            continue;
        };
        assert_eq!(notes.len(), 1, "{source}");
        assert_eq!(notes[0].message, format!("`{word}` is understood as the decision `{right}`"), "{source}");
        assert_eq!(notes[0].suggestion.as_deref(), Some(right), "{source}");
        assert_eq!(&source[notes[0].range.clone()], format!("'{word}'"), "{source}");
        assert_eq!(notes[0].approval.as_deref(), Some("a"), "{source}");
        let template = format!("{{% if {source} %}}x{{% endif %}}");
        assert_eq!(check_template(&template, &names()).unwrap().notes.len(), 1, "{template}");
    }
}

#[test]
fn a_single_placeholder_is_recognised() {
    for text in [
        "{{ a }}",
        "{{a}}",
        " {{ a }}\n",
        "{{ '}}' }}",
        "{{ {'a': {'b': 1}} }}",
        "{{- a -}}",
        "{{{'a': 1}}}",
        "{{ a | default:'{{' }}",
    ] {
        assert!(single_placeholder(text), "{text}");
    }
    for text in [
        "",
        "a",
        "{{ a }} b",
        "{{ a }}{{ b }}",
        "{{{ a }}}",
        "{% if a %}{% endif %}",
        "{{ a",
        "{{ }}",
        "{# c #}{{ a }}",
        "{{ 'a }}",
        "{ {a} }",
    ] {
        assert!(!single_placeholder(text), "{text}");
    }
}
