//! Problems of the text as YAML.

use std::fmt::Write;

use procession_language::Code;

use super::{Case, case};

pub const CASES: &[Case] = &[
    // Expressions without quotes.
    case(
        Code::UnquotedExpression,
        "\
name: p
steps:
  - id: a
    type: agent_task
    agent: writer
    message: «{{input.topic}}»
",
    )
    .suggests("message: \"{{input.topic}}\""),
    case(
        Code::UnquotedExpression,
        "\
name: p
steps:
  - id: a
    type: agent_task
    agent: writer
    message: «{{ input.topic | default(\"x: y\") }} and more»   # why
",
    )
    .suggests("message: '{{ input.topic | default(\"x: y\") }} and more'   # why"),
    case(
        Code::UnquotedExpression,
        "\
name: p
steps:
  - id: a
    type: agent_task
    agent: writer
    message: «{{input.topic}}
      goes on
      here»
    model: m
",
    )
    .suggests("message: |\n      {{input.topic}}\n      goes on\n      here"),
    case(
        Code::UnquotedExpression,
        "\
name: p
steps:
  - id: a
    type: notification
    channel: email
    message: x
    recipients:
      - «{{input.mail}}»
",
    )
    .suggests("- \"{{input.mail}}\""),
    case(
        Code::UnquotedExpression,
        "\
name: p
steps:
  - {id: a, type: notification, channel: email, message: x, recipients: [bob, «mail {{input.mail}}»]}
",
    )
    .suggests("- {id: a, type: notification, channel: email, message: x, recipients: [bob, \"mail {{input.mail}}\"]}"),
    case(
        Code::UnquotedExpression,
        "\
name: p
steps:
  - {id: a, type: agent_task, agent: writer, message: «{{input.topic}}», model: m}
",
    )
    .suggests("- {id: a, type: agent_task, agent: writer, message: \"{{input.topic}}\", model: m}"),
    case(
        Code::UnquotedExpression,
        "\
name: p
steps:
  - id: a
    type: agent_task
    agent: writer
    message: «{% if input.x %}yes{% endif %}»
",
    )
    .suggests("message: \"{% if input.x %}yes{% endif %}\""),
    // Texts with a colon.
    case(
        Code::UnquotedColon,
        "\
name: p
steps:
  - id: a
    type: agent_task
    agent: writer
    message: «Text: more»
",
    )
    .suggests("message: \"Text: more\""),
    case(
        Code::UnquotedColon,
        "\
name: p
steps:
  - id: a
    type: agent_task
    agent: writer
    message: «Write this
      with care: about tides»
",
    )
    .suggests("message: |\n      Write this\n      with care: about tides"),
    case(
        Code::UnquotedColon,
        "\
name: p
steps:
  - id: a
    type: human_approval
    artifacts:
      - «Draft: {{input.link}}»
",
    )
    .suggests("- \"Draft: {{input.link}}\""),
    // Other syntax errors.
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
    type: notification
    channel: slack
    url: https://example.com/x
    message: «@channel look»
",
    )
    .suggests("message: \"@channel look\""),
    case(
        Code::YamlSyntax,
        "\
name: p
description: «\"Say \"hi\" to them\"»
steps: [{id: a, type: timer, duration: 1s}]
",
    )
    .suggests("description: 'Say \"hi\" to them'"),
    case(
        Code::YamlSyntax,
        "\
name: p
description: «'it's'»
steps: [{id: a, type: timer, duration: 1s}]
",
    )
    .suggests("description: \"it's\""),
    case(
        Code::YamlSyntax,
        "\
name: p
description: «[draft] do it»
steps: [{id: a, type: timer, duration: 1s}]
",
    )
    .suggests("description: \"[draft] do it\""),
    case(
        Code::YamlSyntax,
        "\
name: p
description: «\"not closed»
steps: [{id: a, type: timer, duration: 1s}]
",
    )
    .suggests("description: \"not closed\""),
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
    type: human_approval
    assignees: «[alice, bob»
    title: t
",
    )
    .suggests("assignees: [alice, bob]"),
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
    type: timer
    «this is no key»
    duration: 1s
",
    ),
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
    type: timer
    description: x
      «duration»: 1s
",
    )
    .suggests("    duration: 1s"),
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
   «type: timer»
    duration: 1s
",
    )
    .suggests("    type: timer"),
    case(
        Code::YamlSyntax,
        "\
name: p
description: «\"a \\d+ pattern\"»
steps: [{id: a, type: timer, duration: 1s}]
",
    )
    .suggests("description: 'a \\d+ pattern'"),
    // One character is missing: a space behind a dash or a colon, or a colon.
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - «id:a»
    type: timer
    duration: 1s
  - id: b
    type: timer
    duration: 1s
    depends_on: [a]
",
    )
    .suggests("- id: a"),
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  «-id: a»
    type: timer
    duration: 1s
  - id: b
    type: timer
    duration: 1s
    depends_on: [a]
",
    )
    .suggests("- id: a"),
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
    type: timer
    duration: 1s
  «-id: b»
    type: timer
    duration: 1s
    depends_on: [a]
",
    )
    .suggests("- id: b"),
    case(
        Code::YamlSyntax,
        "\
name: p
«steps»
  - id: a
    type: timer
    duration: 1s
outputs: {when: \"{{ steps.a.status }}\"}
",
    )
    .suggests("steps:"),
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
    «type agent_task»
    agent: writer
    message: x
",
    )
    .suggests("type: agent_task"),
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
    type: agent_task
    «agent writer»
    message: x
",
    )
    .suggests("agent: writer"),
    // A comment within a text of several lines.
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
    type: agent_task
    agent: writer
    message: Tell the people
      in room «#42 of this»
      and those next door
",
    )
    .suggests("message: |\n      Tell the people\n      in room #42 of this\n      and those next door"),
    case(
        Code::YamlSyntax,
        "\
name: p
steps:
  - id: a
    type: agent_task
    agent: writer
    message: Tell the people «# all of them»
      and those next door
",
    ),
    // An expression without quotes within brackets, in which the parser takes a quote for the start of a text.
    case(
        Code::UnquotedExpression,
        "\
name: p
steps:
  - id: a
    type: human_approval
    title: x
  - {id: b, type: human_approval, depends_on: [a], title: «X\"Pay? {{steps.a.decision}}\"»}
outputs: {r: \"{{steps.b.decision}}\"}
",
    )
    .suggests("- {id: b, type: human_approval, depends_on: [a], title: 'X\"Pay? {{steps.a.decision}}\"'}"),
    // Characters that YAML does not take.
    case(
        Code::YamlSyntax,
        "name: p\ndescription: some «\u{1b}»[1mbold text\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(Code::YamlSyntax, "name: p\ndescription: \"some «\u{1}»text\"\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    case(
        Code::YamlSyntax,
        "name: p\ndescription: |\n  first\n  some «\u{8}»text\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(Code::YamlSyntax, "name: p\nsteps: [{id: a, type: timer, duration: 1s, description: a«\u{7f}»b}]\n"),
    case(
        Code::TabIndentation,
        "\
name: p
steps:
  - id: a
«\t»type: timer
    duration: 1s
",
    )
    .suggests("    type: timer"),
    case(Code::DuplicateKey, "name: p\n«name»: q\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    case(
        Code::DuplicateKey,
        "\
name: p
steps:
  - id: a
    type: timer
    duration: 1s
    «duration»: 2s
",
    ),
    case(
        Code::BadKey,
        "\
name: p
labels:
  «[a, b]»: c
steps: [{id: a, type: timer, duration: 1s}]
",
    ),
    case(
        Code::UnknownAnchor,
        "\
name: p
description: «*important»
steps: [{id: a, type: timer, duration: 1s}]
",
    )
    .suggests("\"*important\""),
    case(
        Code::IgnoredTag,
        "\
name: p
description: !loud «hello»
steps: [{id: a, type: timer, duration: 1s}]
",
    ),
    case(Code::EmptyDocument, "«»"),
    case(Code::EmptyDocument, "«»# nothing but a comment\n"),
    case(
        Code::SeveralDocuments,
        "\
name: p
steps: [{id: a, type: timer, duration: 1s}]
«---»
name: q
",
    ),
];

/// Texts that exceed a limit.
pub fn too_much() -> Vec<(String, Code)> {
    let head = "name: p\nsteps:\n";
    let mut many_steps = head.to_owned();
    for index in 0..2_001 {
        writeln!(many_steps, "- {{id: s{index}, type: timer, duration: 1s}}").unwrap();
    }
    let mut aliases = "name: p\nlabels:\n  x: &x y\n".to_owned();
    for index in 0..101 {
        writeln!(aliases, "  l{index}: *x").unwrap();
    }
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (outer, inner) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        let list = vec![format!("*{inner}"); 9].join(", ");
        writeln!(bomb, "{outer}: &{outer} [{list}]").unwrap();
    }
    let nodes = format!("name: p\nlabels: [{}]\n", "1,".repeat(200_001));
    let mut unknown = "name: p\nsteps: [{id: a, type: timer, duration: 1s}]\n".to_owned();
    for index in 0..1_100 {
        writeln!(unknown, "unknown-{index}: 1").unwrap();
    }
    vec![
        (format!("description: {}\n", "x".repeat(1024 * 1024)), Code::DocumentTooLarge),
        (format!("a: {}{}\n", "[".repeat(65), "]".repeat(65)), Code::NestedTooDeep),
        ("- ".repeat(10_000), Code::NestedTooDeep),
        (aliases, Code::TooManyAliases),
        (bomb, Code::TooManyNodes),
        (nodes, Code::TooManyNodes),
        (many_steps, Code::TooManySteps),
        (unknown, Code::TooManyProblems),
    ]
}
