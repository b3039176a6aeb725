//! What would be lost, or never true, without a word: comments in texts, characters that can't be seen, quotes of word
//! processors, fields that are never there.

use procession_language::{Code, check};

use super::{Case, case, failure, support::office};

pub const CASES: &[Case] = &[
    // Comments that take a part of a text away.
    case(Code::CommentInText, "name: p\nsteps:\n  - id: a\n    type: agent_task\n    agent: writer\n    message: Fix «#42 now»\n")
        .suggests("message: \"Fix #42 now\""),
    case(
        Code::CommentInText,
        "name: p\nsteps:\n  - id: a\n    type: agent_task\n    agent: writer\n    message: Say \"hi\" in «#{{ input.channel }}»\n",
    )
    .suggests("message: 'Say \"hi\" in #{{ input.channel }}'"),
    case(
        Code::CommentInText,
        "name: p\nsteps:\n  - id: a\n    type: agent_task\n    agent: writer\n    message: Fix\n      the bug «#42 now»\n",
    )
    .suggests("message: |\n      Fix\n      the bug #42 now"),
    case(Code::CommentInText, "name: p\ndescription: About «#1»\nsteps: [{id: a, type: timer, duration: 1s}]\n")
        .suggests("description: \"About #1\""),
    case(Code::CommentInText, "name: p\ndescription: «#1 of all»\nsteps: [{id: a, type: timer, duration: 1s}]\n")
        .suggests("description: \"#1 of all\""),
    case(
        Code::CommentInText,
        "name: p\nsteps:\n  - id: a\n    type: human_approval\n    title: «#general»\n    artifacts: [x]\n",
    )
    .suggests("title: \"#general\""),
    case(
        Code::CommentInText,
        "name: p\nsteps: [{id: a, type: timer, duration: 1s}]\noutputs:\n  status: See «#{{ execution.id }}»\n",
    )
    .suggests("status: \"See #{{ execution.id }}\""),
    case(
        Code::MissingKey,
        "name: p\nsteps:\n  - id: a\n    type: agent_task\n    agent: writer\n    «message»: #42 must be fixed\n",
    )
    .suggests("message: \"#42 must be fixed\""),
    case(
        Code::CommentInText,
        "name: p\ninput:\n  task:\n    default: Fix issue «#42 now»\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("default: \"Fix issue #42 now\""),
    case(
        Code::CommentInText,
        "name: p\ninput:\n  task:\n    enum:\n      - say «#1»\n      - other # one\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("- \"say #1\""),
    case(
        Code::CommentInText,
        "name: p\nlabels:\n  team: ops «#5»\n  size: 5 #five\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("team: \"ops #5\""),
    case(
        Code::CommentInText,
        "\
name: p
input: {t: {}}
triggers:
  - type: schedule
    cron: 0 9 * * *
    input:
      t: other «#2»
steps: [{id: a, type: timer, duration: 1s}]
",
    )
    .suggests("t: \"other #2\""),
    case(
        Code::CommentInText,
        "\
name: p
steps:
  - id: a
    type: notification
    channel: email
    message: x
    recipients:
      - mail «#{{ input.x }}»
",
    )
    .suggests("- \"mail #{{ input.x }}\""),
    // A name of which letters would be lost is none to suggest.
    case(Code::UnconventionalName, "name: «Ünïcode 流程 🚀»\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    // Quotes and white space from elsewhere.
    case(Code::TypographicQuotes, "name: p\nsteps:\n  - {id: a, type: agent_task, agent: «“writer”», message: x}\n")
        .suggests("\"writer\""),
    case(Code::TypographicQuotes, "name: p\nsteps: [{id: a, type: human_approval, title: «„Ja?“», on_reject: fail}]\n")
        .suggests("\"Ja?\""),
    case(Code::InvalidValue, "name: p\nsteps: [{id: a, type: «“timer”», duration: 1s}]\n").suggests("timer"),
    case(
        Code::UnknownStep,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s}\n  - {id: b, type: timer, duration: 1s, depends_on: [«a\u{200b}»]}\n",
    )
    .suggests("a"),
    case(Code::UnknownKey, "name: p\nsteps: [{id: a, type: timer, duration: 1s, «condition\u{200b}»: \"true\"}]\n")
        .suggests("condition"),
    case(Code::BadStepId, "name: p\nsteps: [{id: «a\u{200b}», type: timer, duration: 1s}]\n").suggests("a"),
    case(Code::YamlSyntax, "«```yaml»\nname: p\nsteps: [{id: a, type: timer, duration: 1s}]\n```\n"),
];

/// Conditions and texts with fields that are never there, or words that are never true. Steps: `a` an agent_task, `s` one
/// whose replies are closed by a schema, `ask` an approval, `g` a gateway, `t` a timer, `n` a notification, `p` another
/// process; inputs: `t` a text, `n` an integer, `o` an object.
const FIELDS: &[(&str, Option<&str>)] = &[
    ("«steps.a.ouput.score» >= 80", Some("output")),
    ("«steps.a.outputs.score» >= 80", Some("output")),
    ("«steps.a.outptu.response» == 'x'", Some("output")),
    ("«steps.a.stauts» == 'completed'", Some("status")),
    ("«steps.p.ouput.x» == 1", Some("output")),
    ("«steps['a'].ouput» == 1", Some("output")),
    ("«steps.a.completed»", Some("steps.a.status == 'completed'")),
    ("not «steps.a.failed»", None),
    ("«steps.t.success» and input.o.x", Some("steps.t.status == 'completed'")),
    ("«steps.a.completed» == true", None),
    ("«steps.ask.output.approved»", Some("steps.ask.decision == 'approved'")),
    ("not «steps.ask.approved»", Some("steps.ask.decision == 'approved'")),
    ("«steps.ask.output.status» == 'approved'", None),
    ("«steps.ask.output.decison» == 'approved'", Some("decision")),
    ("«steps.t.output.waited» > 0", None),
    ("«steps.g.output.rout» == 'x'", Some("route")),
    ("«steps.g.output.routes» | length > 1", Some("route")),
    ("steps.g.output.route == «'z'»", None),
    ("steps.g.route == «'other'»", None),
    ("steps.ask.decision == «'aproved'»", Some("approved")),
    ("steps.ask.output.decision in [«'yes'»]", None),
    ("«steps.n.output.delivered»", None),
    ("«steps.s.output.scroe» > 1", Some("score")),
    ("«steps.s.verdict» == 'x'", None),
    ("steps.a.status == «'success'»", Some("completed")),
    ("steps.a.status in ['completed', «'error'»]", None),
    ("steps.a.status in ['completed', «'skiped'»]", Some("skipped")),
    ("«\"done\"» == steps.a.status", Some("completed")),
    ("steps.a.status != «'complted'»", Some("completed")),
    ("steps.a.status == «'green'»", None),
    ("«steps.a.status.x» == 1", None),
    ("«steps.a.output.response.length» > 1", Some("steps.a.output.response | length")),
    ("«steps.a.response.size» > 1", Some("steps.a.response | length")),
    ("«steps.a.duration.seconds» > 1", None),
    ("«input.t.length» > 3", Some("input.t | length")),
    ("«input.n.value» > 3", None),
    ("«execution.ids» == 1", Some("id")),
];

/// Nothing is wrong with these, as far as can be known.
const FINE: &[&str] = &[
    "steps.a.score >= 80",
    "steps.a.output.anything >= 80",
    "steps.a.state == 'x'",
    "steps.a.stats.count == 1",
    "steps.a.status == 'Completed'",
    "steps.a.output.response | length > 3",
    "steps.a.output.response[0] == 'x'",
    "steps.p.output.result.x == 1",
    "steps.p.child_cost > 1",
    "steps.s.output.score > 1 and steps.s.score > 1",
    "steps.s.output.response == 'x'",
    "steps.ask.decision == 'approved' and steps.ask.output.comments | length > 0",
    "steps.g.output.route == 'x' or steps.g.route == 'y'",
    "steps.t.output.waited_seconds > 1",
    "steps.n.output.status_code == 200",
    "input.o.x.y.z == 1",
    "steps.a.error.code == 'TIMEOUT'",
];

fn document(condition: &str) -> String {
    format!(
        "\
name: p
input: {{t: {{type: string}}, n: {{type: integer}}, o: {{type: object}}}}
steps:
  - {{id: a, type: agent_task, agent: writer, message: x}}
  - id: s
    type: agent_task
    agent: writer
    message: x
    output_schema: {{type: object, properties: {{score: {{type: integer}}}}, additionalProperties: false}}
  - {{id: ask, type: human_approval, on_reject: continue}}
  - {{id: g, type: gateway, routes: [{{condition: input.o.x, target: x}}], default_route: y}}
  - {{id: t, type: timer, duration: 1s}}
  - {{id: n, type: notification, channel: slack, url: \"https://example.com\", message: x}}
  - {{id: p, type: sub_process, process_name: billing}}
  - {{id: x, type: timer, duration: 1s}}
  - {{id: y, type: timer, duration: 1s}}
  - id: last
    type: timer
    duration: 1s
    depends_on: [a, s, ask, t, n, p, x, y]
    condition: >-
      {condition}
"
    )
}

#[test]
fn what_is_never_true_is_told_of_in_conditions() {
    let failures: Vec<String> = FIELDS
        .iter()
        .filter_map(|(condition, suggestion)| failure(Code::UnknownField, &document(condition), *suggestion))
        .collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn what_may_be_true_is_not_told_of() {
    for condition in FINE {
        let diagnostics = check(&document(condition), &office()).diagnostics;
        assert!(diagnostics.is_empty(), "{condition}: {diagnostics:#?}");
    }
}
