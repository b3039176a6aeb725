//! Several problems in one text: none hides another.

use procession_language::{Code, Nothing, check};

/// The codes with their lines and columns.
fn found(yaml: &str) -> Vec<(Code, u32, u32)> {
    let diagnostics = check(yaml, &Nothing).diagnostics;
    diagnostics.iter().map(|found| (found.code, found.line, found.column)).collect()
}

#[test]
fn four_mistakes_in_forty_lines_are_all_reported_at_their_places() {
    let yaml = "\
# Researches a topic, writes about it and has it reviewed.
name: content-pipeline
version: 1
description: Researches, writes and reviews an article

input:
  topic:
    type: string
    required: true

steps:
  - id: research
    type: agent_task
    agent: researcher
    message: \"Find sources on {{input.topic}}\"
    timeout: 10m

  - id: outline
    type: agent_task
    agent: writer
    depend_on: [research]
    message: Write an outline

  - id: write
    type: agent_task
    agent: writer
    depends_on: [outline, review]
    message: {{steps.outline.output.response}}
    tempo: fast

  - id: review
    type: human_approval
    depends_on:
      - write
    title: Is this good enough?
    on_reject: fail

outputs:
  - name: article
    source: \"{{steps.write.output.response}}\"
";
    assert_eq!(yaml.lines().count(), 40);
    assert_eq!(
        found(yaml),
        [
            (Code::UnknownKey, 21, 5),
            (Code::DependencyCycle, 27, 27),
            (Code::UnquotedExpression, 28, 14),
            (Code::UnknownKey, 29, 5),
        ]
    );
    let diagnostics = check(yaml, &Nothing).diagnostics;
    assert_eq!(diagnostics[0].suggestion.as_deref(), Some("depends_on"));
    assert!(diagnostics[1].message.contains("`write` → `review` → `write`"));
    assert!(diagnostics[2].message.starts_with("step `write`: quote this expression"));
    let steps: Vec<Option<&str>> = diagnostics.iter().map(|found| found.step_id.as_deref()).collect();
    assert_eq!(steps, [Some("outline"), Some("write"), Some("write"), Some("write")]);
    let path: Vec<&str> = diagnostics.iter().map(|found| found.path.as_str()).collect();
    let expected = ["steps[1].depend_on", "steps[2].depends_on[1]", "steps[2].message", "steps[2].tempo"];
    assert_eq!(path, expected);
}

#[test]
fn an_unquoted_expression_is_checked_like_a_quoted_one() {
    let yaml = "\
name: p
steps:
  - id: a
    type: agent_task
    agent: w
    message: {{ steps.b.output }} and {{ nothing.x }}
";
    let expected = [(Code::UnquotedExpression, 6, 14), (Code::UnknownStep, 6, 17), (Code::UnknownVariable, 6, 42)];
    assert_eq!(found(yaml), expected);
}

#[test]
fn syntax_errors_of_several_kinds_are_all_reported() {
    let yaml = "\
name: p
description: \"broken \"quotes\" here\"
steps:
  - id: a
    type: agent_task
    agent: @writer
    message: Note: this
  - id: b
    type: agent_task
    agent: w
    message: {{ input.x }}
    depends_on: [a, c
    tmeout: 5m
  - id: d
    type: timer
    duration: 5 min
";
    let expected = [
        (Code::YamlSyntax, 2, 14),
        (Code::YamlSyntax, 6, 12),
        (Code::UnquotedColon, 7, 14),
        (Code::UnquotedExpression, 11, 14),
        (Code::YamlSyntax, 12, 17),
        (Code::UnknownKey, 13, 5),
        (Code::BadDuration, 16, 15),
    ];
    assert_eq!(found(yaml), expected);
}

#[test]
fn of_a_text_that_breaks_off_only_what_is_certain_is_reported() {
    let yaml = "\
name: p
steps:
  - id: a
    typ: timer
    duration: 5 min
    depends_on: later
   message: out of line
";
    let expected = [(Code::UnknownKey, 4, 5), (Code::BadDuration, 5, 15), (Code::YamlSyntax, 7, 4)];
    assert_eq!(found(yaml)[..], expected[..]);
}

#[test]
fn every_circle_is_named_once() {
    let yaml = "\
name: p
steps:
  - {id: a, type: timer, duration: 1s, depends_on: b}
  - {id: b, type: timer, duration: 1s, depends_on: a}
  - {id: c, type: timer, duration: 1s, depends_on: [b, d]}
  - {id: d, type: timer, duration: 1s, depends_on: e}
  - {id: e, type: timer, duration: 1s, depends_on: c}
";
    let expected = [(Code::DependencyCycle, 3, 52), (Code::DependencyCycle, 5, 56)];
    assert_eq!(found(yaml), expected);
}

#[test]
fn a_mistake_behind_an_anchor_is_reported_once() {
    let yaml = "\
name: p
steps:
  - {id: a, type: timer, duration: 1s, retry: &policy {max_atempts: 3}}
  - {id: b, type: timer, duration: 1s, retry: *policy}
  - {id: c, type: timer, duration: 1s, retry: {<<: *policy, delay: 2s}}
";
    assert_eq!(found(yaml), [(Code::UnknownKey, 3, 56)]);
}

#[test]
fn what_is_valid_has_no_diagnostics() {
    for (name, yaml) in [
        ("all step types", include_str!("examples/every-step-type.yaml")),
        ("aliases", include_str!("examples/existing-spellings.yaml")),
    ] {
        let odd: Vec<_> = found(yaml).into_iter().filter(|(code, ..)| *code != Code::NotYetAvailable).collect();
        assert_eq!(odd, [], "{name}");
    }
}

#[test]
fn keys_that_hold_anchors_are_left_alone_at_the_top_and_nowhere_else() {
    let yaml = "\
name: p
x-retry: &retry {max_attempts: 2, anything: [1, {else: x}]}
.defaults: &defaults {type: timer, duration: 1s}
steps:
  - {id: a, <<: *defaults}
  - {id: b, <<: *defaults, x-note: y}
";
    assert_eq!(found(yaml), [(Code::UnknownKey, 6, 28)]);
}

#[test]
fn a_key_that_may_be_ignored_is_no_error_even_if_what_it_means_would_be() {
    let yaml = "\
name: p
steps:
  - {id: a, type: timer, duration: 1s, on_failure: retry_it}
  - {id: b, type: timer, duration: 1s, needs: [nobody]}
";
    let checked = check(yaml, &Nothing);
    assert!(checked.definition.is_some());
    let listed: Vec<_> = checked.diagnostics.iter().map(|found| (found.code, found.suggestion.as_deref())).collect();
    assert_eq!(listed, [(Code::UnknownKey, None), (Code::UnknownKey, None)]);
}

#[test]
fn what_is_read_as_it_is_meant_is_not_run_like_that() {
    let yaml = "\
name: p
steps:
  - {id: a, type: timer, duration: 1s}
  - {id: b, type: timer, duration: 1s, depend_on: [a], conditon: \"false\"}
";
    let checked = check(yaml, &Nothing);
    let definition = checked.definition.unwrap();
    let step = &definition.steps()[1];
    assert!(step.depends_on.is_empty() && step.condition.is_none());
    assert_eq!(checked.diagnostics.len(), 2);
}

#[test]
fn a_value_of_a_wrong_type_is_told_with_its_key() {
    for (yaml, told) in [
        ("retry: 3", "`retry` takes a mapping, not a number"),
        ("retry: {max_attempts: \"3\"}", "`max_attempts` takes a whole number, not a text"),
        ("compensation: x", "`compensation` takes a mapping, not a text"),
        ("depends_on: [[b]]", "an item of `depends_on` must be a text, not a list"),
    ] {
        let yaml = format!("name: p\nsteps:\n  - {{id: a, type: timer, duration: 1s, {yaml}}}\n");
        let messages: Vec<String> = check(&yaml, &Nothing).diagnostics.into_iter().map(|found| found.message).collect();
        assert_eq!(messages, [format!("step `a`: {told}")]);
    }
}

#[test]
fn a_character_that_yaml_does_not_take_is_named() {
    let told = |yaml: &str| check(yaml, &Nothing).diagnostics[0].message.clone();
    let escape = told("name: p\ndescription: a \u{1b}[1mbold text\nsteps: [{id: a, type: timer, duration: 1s}]\n");
    let expected = "an escape character (`\\u{1b}`) can't stand in YAML: remove it, or write `\\u001b` within \"…\"";
    assert_eq!(escape, expected);
    let other = told("name: p\ndescription: \"a \u{1}b\"\nsteps: [{id: a, type: timer, duration: 1s}]\n");
    assert!(other.starts_with("a control character (`\\u{1}`) can't stand in YAML"), "{other}");
}
