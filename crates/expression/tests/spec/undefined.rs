//! Spec 2.2: what something undefined does in a template, by the rule in force.

use procession_domain::{
    definition::UndefinedRule::{Empty, Error, Keep},
    expressions::ExpressionError,
    value::ErrorCode,
};
use serde_json::json;

use crate::support::{text_under, value_under};

/// A template; its message under `error`, its text under `empty`, its text under `keep`.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("a {{ input.missing }} b", "input.missing", "a  b", "a {{ input.missing }} b"),
    ("{{input.missing|upper}}!", "input.missing", "!", "{{input.missing|upper}}!"),
    ("{{ input.missing.deep.er }}", "input.missing", "", "{{ input.missing.deep.er }}"),
    ("{{ 'x' ~ input.missing }}", "input.missing", "x", "{{ 'x' ~ input.missing }}"),
    ("{{- input.missing -}} b", "input.missing", "b", "{{- input.missing -}}b"),
    ("{{ nowhere }}", "nowhere", "", "{{ nowhere }}"),
    ("{{ steps.nobody.output.x }}", "steps.nobody", "", "{{ steps.nobody.output.x }}"),
    ("{{ steps.analyze.output.scor }}", "steps.analyze.output.scor", "", "{{ steps.analyze.output.scor }}"),
    ("{{ steps.analyze.scor }}", "steps.analyze.scor", "", "{{ steps.analyze.scor }}"),
    ("{{ steps.analyze.output.score.x }}", "steps.analyze.output.score.x", "", "{{ steps.analyze.output.score.x }}"),
    ("{{ trigger.payload.nope }}", "trigger.payload.nope", "", "{{ trigger.payload.nope }}"),
    ("{{ trigger.nope }}", "trigger.nope", "", "{{ trigger.nope }}"),
    ("{{ execution.nope }}", "execution.nope", "", "{{ execution.nope }}"),
    ("{{ error.nope }}", "error.nope", "", "{{ error.nope }}"),
    ("{{ input.list[9] }}", "input.list[9]", "", "{{ input.list[9] }}"),
    ("{{ [] | first }}", "[] | first", "", "{{ [] | first }}"),
    ("{{ [1][3] }}", "[1][3]", "", "{{ [1][3] }}"),
    ("{{ input.nothing.x }}", "input.nothing.x", "", "{{ input.nothing.x }}"),
    ("{% if input.missing %}a{% else %}b{% endif %}", "input.missing", "b", "b"),
    ("{% for x in input.missing %}a{% else %}b{% endfor %}", "input.missing", "b", "b"),
    ("{% for i in input.items %}{{ i.nope }},{% endfor %}", "i.nope", ",,", "{{ i.nope }},{{ i.nope }},"),
    ("{% set x = input.missing %}[{{ x }}]", "input.missing", "[]", "[{{ x }}]"),
    ("{% with x = input.missing %}[{{ x }}]{% endwith %}", "input.missing", "[]", "[{{ x }}]"),
    ("{% filter replace('a', input.missing) %}a{% endfilter %}", "input.missing", "", "a"),
];

#[test]
fn each_rule_does_its_own() {
    for (source, missing, empty, kept) in CASES {
        let error = text_under(source, Error).expect_err(source);
        assert_eq!(error.code(), ErrorCode::UndefinedReference, "{source}: {error}");
        assert!(error.to_string().starts_with(&format!("`{missing}` is not defined (line 10).")), "{source}: {error}");

        let expanded = text_under(source, Empty).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(expanded.value, *empty, "{source}");
        assert!(!expanded.warnings.is_empty(), "{source}");

        let expanded = text_under(source, Keep).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(expanded.value, *kept, "{source}");
        assert!(
            expanded.warnings[0].starts_with(&format!("`{missing}` is not defined (line 10): ")),
            "{source}: {:?}",
            expanded.warnings
        );
    }
}

#[test]
fn what_is_not_missing_needs_no_rule() {
    for source in [
        "{{ steps.skipped.output.x }}",
        "{{ steps.broken.output }}",
        "{{ input.missing | default('x') }}",
        "{{ input.missing || 'x' }}",
        "{% if input.missing is defined %}{{ input.missing }}{% endif %}",
        "{{ input.missing if input.missing is defined else 'x' }}",
        "{% if input.no and input.missing %}{% endif %}",
        "{{ input.topic or input.missing }}",
    ] {
        for rule in [Error, Empty, Keep] {
            let expanded = text_under(source, rule).unwrap_or_else(|error| panic!("{source}: {error}"));
            assert!(expanded.warnings.is_empty(), "{source}: {:?}", expanded.warnings);
        }
    }
}

#[test]
fn where_json_is_wanted_the_rules_give_null_or_the_placeholder() {
    let source = " {{ input.missing }} ";
    assert!(matches!(value_under(source, Error), Err(ExpressionError::Undefined { .. })));
    let empty = value_under(source, Empty).unwrap();
    assert_eq!((empty.value, empty.warnings.len()), (json!(null), 1));
    let kept = value_under(source, Keep).unwrap();
    assert_eq!((kept.value, kept.warnings.len()), (json!("{{ input.missing }}"), 1));
}

#[test]
fn a_branch_not_taken_gives_null_and_a_warning_where_json_is_wanted() {
    let expanded = value_under("{{ steps.skipped.output.x }}", Error).unwrap();
    assert_eq!(expanded.value, json!(null));
    assert_eq!(
        expanded.warnings,
        ["`steps.skipped.output.x` (line 10) has no value: it reads a step that was skipped or has not run."]
    );
}

#[test]
fn the_same_warning_is_given_once() {
    let expanded = text_under("{{ input.a }}{{ input.a }}{{ input.b }}", Keep).unwrap();
    assert_eq!(expanded.warnings.len(), 2);
}
