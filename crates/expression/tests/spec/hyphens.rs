//! Spec 2.1: names with hyphens are written with dots.

use procession_expression::{Names, Reference, check_condition, check_template};

use crate::support::{holds, names_of, text};

fn references(text: &str, names: &Names) -> Vec<String> {
    let as_text = |reference: Reference| {
        let path: Vec<&str> =
            std::iter::once(reference.root.as_str()).chain(reference.path.iter().map(String::as_str)).collect();
        path.join("/")
    };
    let checked = check_condition(text, names).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let braced = format!("{{{{{text}}}}}");
    let in_template = check_template(&braced, names).unwrap_or_else(|errors| panic!("{braced}: {errors:?}"));
    let references: Vec<String> = checked.references.into_iter().map(as_text).collect();
    let of_template: Vec<String> = in_template.references.into_iter().map(as_text).collect();
    assert_eq!(references, of_template, "{text}");
    references
}

#[test]
fn under_steps_the_longest_known_step_counts() {
    let names = names_of(&["quality-review", "quality", "a", "a-1", "b-", "x--y"], &[]);
    let cases: &[(&str, &[&str])] = &[
        ("steps.quality-review.output.score", &["steps/quality-review/output/score"]),
        ("steps.quality-review", &["steps/quality-review"]),
        ("steps . quality-review . output", &["steps/quality-review/output"]),
        ("steps.quality.output", &["steps/quality/output"]),
        // No step of the whole run: the longest known one before a hyphen.
        ("steps.quality-revue.output", &["steps/quality", "revue/output"]),
        ("steps.a-steps.quality", &["steps/a", "steps/quality"]),
        ("steps.a-1", &["steps/a-1"]),
        ("steps.a-2", &["steps/a"]),
        ("steps.a-1-2", &["steps/a-1"]),
        ("steps.a - 1", &["steps/a"]),
        ("steps.a -1", &["steps/a"]),
        ("steps.a- 1", &["steps/a"]),
        ("steps.b-.output", &["steps/b-/output"]),
        ("steps.x--y.output", &["steps/x--y/output"]),
        ("steps.a-Upper", &["steps/a", "Upper"]),
        // None at all: an unknown step, as a whole.
        ("steps.qualty-review.output", &["steps/qualty-review/output"]),
        ("steps.no-such-step", &["steps/no-such-step"]),
        ("steps.no-1", &["steps/no-1"]),
        ("steps.Upper-case.output", &["steps/Upper-case/output"]),
        ("steps.größe-x.output", &["steps/größe-x/output"]),
        // Fields of an output are no ids.
        ("steps.a.output.x-y", &["steps/a/output/x", "y"]),
        ("steps['quality-review'].output", &["steps/quality-review/output"]),
        ("steps[\"any-thing\"].output", &["steps/any-thing/output"]),
        ("other.a-b", &["other/a", "b"]),
        ("other.steps.a-b", &["other/steps/a", "b"]),
    ];
    for (text, expected) in cases {
        assert_eq!(references(text, &names), *expected, "{text}");
    }
}

#[test]
fn under_input_the_longest_field_of_the_schema_counts() {
    let names = names_of(&[], &["max-count", "max", "covid-19", "total", "größe"]);
    let cases: &[(&str, &[&str])] = &[
        ("input.max-count", &["input/max-count"]),
        ("input.max-count.x", &["input/max-count/x"]),
        ("input.max-counter", &["input/max", "counter"]),
        ("input.max-count-1", &["input/max-count"]),
        ("input.max-1", &["input/max"]),
        ("input.covid-19", &["input/covid-19"]),
        ("input.covid-190", &["input/covid"]),
        ("input.total-input.max", &["input/total", "input/max"]),
        ("input.größe", &["input/größe"]),
        ("input.unknown-field", &["input/unknown-field"]),
        ("input.unknown-1", &["input/unknown"]),
    ];
    for (text, expected) in cases {
        assert_eq!(references(text, &names), *expected, "{text}");
    }
}

#[test]
fn without_a_schema_a_hyphen_before_a_letter_belongs_to_the_name() {
    let names = Names::default();
    let cases: &[(&str, &[&str])] = &[
        ("input.max-count", &["input/max-count"]),
        ("input.max-count-x", &["input/max-count-x"]),
        ("input.max-1", &["input/max"]),
        ("input.a-b-1", &["input/a-b"]),
        ("input.max - count", &["input/max", "count"]),
        ("input.max- count", &["input/max", "count"]),
        ("input.max -count", &["input/max", "count"]),
        ("input.max-", &["input/max"]),
        ("input.nested.first-name", &["input/nested/first-name"]),
        ("input.list[0].first-name", &["input/list/0/first-name"]),
        ("input.list.0.first-name", &["input/list/0/first-name"]),
        ("input.a[input.b-c].d-e", &["input/a", "input/b-c"]),
        ("input['a-b']", &["input/a-b"]),
    ];
    for (text, expected) in cases.iter().filter(|(text, _)| !text.ends_with('-')) {
        assert_eq!(references(text, &names), *expected, "{text}");
    }
}

#[test]
fn a_hyphen_of_closing_braces_is_no_part_of_a_name() {
    assert_eq!(text("{{input.max-count-}} x"), "7x");
    assert_eq!(text("{{ input.topic-}} x"), "tidesx");
    assert_eq!(text("{{steps.quality-review.output.score-}} x"), "9x");
    assert_eq!(text("{% if steps.quality-review.status-%} x{% endif %}"), "x");
}

#[test]
fn names_with_hyphens_are_read_at_run_time() {
    for source in [
        "steps.quality-review.output.score == 9",
        "steps.quality-review.score-1 == 8",
        "input.max-count == 7",
        "input.max-count-1 == 6",
        "{{input.max-count}} - 1 == 6",
        "input.nested.first-name == 'Ada'",
        "steps['quality-review'].output.score == 9",
    ] {
        assert!(holds(source), "{source}");
    }
}
