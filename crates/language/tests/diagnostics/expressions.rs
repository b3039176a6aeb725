//! Problems of expressions, and of what they refer to.

use procession_language::Code;

use super::{Case, case};

pub const CASES: &[Case] = &[
    case(
        Code::ExpressionSyntax,
        "name: p\nsteps:\n  - {id: a, type: agent_task, agent: writer, message: \"hi {{ input.x + «}}»\"}\n",
    ),
    case(
        Code::DollarBraces,
        "\
name: p
input: {topic: {}}
steps:
  - {id: a, type: agent_task, agent: writer, message: \"About «${topic}»\"}
",
    )
    .suggests("{{input.topic}}"),
    case(
        Code::DollarBraces,
        "\
name: p
steps:
  - id: a
    type: agent_task
    agent: writer
    message: |
      Costs $5.
      About «${ENV:TOPIC}»
",
    ),
    // A `$` before a placeholder is sent along, which is right for an amount alone.
    case(
        Code::DollarBraces,
        "name: p\ninput: {name: {}}\nsteps: [{id: a, type: agent_task, agent: writer, message: \"Hello «${{ input.name }}»\"}]\n",
    )
    .suggests("{{ input.name }}"),
    case(
        Code::DollarBraces,
        "name: p\nsteps: [{id: a, type: agent_task, agent: writer, message: x}]\noutputs:\n  r: «${{steps.a.output | upper}}»\n",
    )
    .suggests("\"{{steps.a.output | upper}}\""),
    case(
        Code::DollarBraces,
        "\
name: p
input: {n: {type: number}, x: {}}
steps:
  - {id: a, type: agent_task, agent: writer, message: \"Costs ${{ input.n }} or «${{ input.x.y }}» or ${{ input.x.total_price }}\"}
",
    )
    .suggests("{{ input.x.y }}"),
    case(
        Code::ExpressionSyntax,
        "name: p\ninput: {n: {}}\nsteps: [{id: a, type: timer, duration: 1s, condition: \"«$»{{ input.n == 1 }}\"}]\n",
    )
    .suggests("input.n == 1"),
    case(
        Code::ExpressionSyntax,
        "name: p\ninput: {n: {}}\nsteps: [{id: a, type: timer, duration: 1s, condition: \"«$»{{ input.n == 1 or input.n == 2 }} and input.n\"}]\n",
    )
    .suggests("(input.n == 1 or input.n == 2)"),
    case(
        Code::ExpressionSyntax,
        "name: p\ninput: {n: {}}\nsteps: [{id: a, type: timer, duration: 1s, condition: \"«$»{input.n} > 5\"}]\n",
    )
    .suggests("input.n"),
    case(
        Code::UnknownVariable,
        "\
name: p
input: {topic: {}}
steps:
  - {id: a, type: agent_task, agent: writer, message: \"About {{ «topic» }}\"}
",
    )
    .suggests("input.topic"),
    case(
        Code::UnknownVariable,
        "name: p\nsteps:\n  - {id: a, type: agent_task, agent: writer, message: \"{{ «inputs.topic» }}\"}\n",
    )
    .suggests("input.topic"),
    case(
        Code::UnknownInput,
        "\
name: p
input:
  topic: {}
steps:
  - id: a
    type: agent_task
    agent: writer
    message: >-
      Write about
      {{ «input.topik» }} please
",
    )
    .suggests("topic"),
    case(
        Code::UnknownStep,
        "\
name: p
steps:
  - {id: draft, type: agent_task, agent: writer, message: x}
  - {id: b, type: agent_task, agent: writer, message: \"{{«steps.drafts.output»}}\", depends_on: draft}
",
    )
    .suggests("draft"),
    case(
        Code::UnknownStep,
        "name: p\noutputs: {x: \"{{«steps.nothing.output»}}\"}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::UnknownField,
        "\
name: p
steps:
  - {id: ask, type: human_approval}
  - {id: b, type: agent_task, agent: writer, message: \"{{«steps.ask.output.decison»}}\", depends_on: ask}
",
    )
    .suggests("decision"),
    case(
        Code::UnknownField,
        "name: p\nsteps:\n  - {id: a, type: agent_task, agent: writer, message: \"{{ «execution.ids» }}\"}\n",
    )
    .suggests("id"),
    case(
        Code::OwnStep,
        "name: p\nsteps:\n  - {id: a, type: agent_task, agent: writer, message: \"{{«steps.a.output»}}\"}\n",
    ),
    case(
        Code::OwnStep,
        "name: p\nsteps:\n  - {id: a, type: human_approval, description: \"{{«steps.a.feedback»}}\"}\n",
    ),
    case(
        Code::NotUpstream,
        "\
name: p
steps:
  - {id: a, type: agent_task, agent: writer, message: x}
  - {id: b, type: agent_task, agent: writer, message: \"{{«steps.a.output»}} and {{steps.a.output}}\"}
",
    ),
    case(
        Code::ReadCycle,
        "\
name: p
steps:
  - {id: a, type: agent_task, agent: writer, message: \"{{«steps.b.output»}}\"}
  - {id: b, type: agent_task, agent: writer, message: x, depends_on: a}
",
    ),
    case(
        Code::ErrorOutsideHandler,
        "name: p\nsteps:\n  - {id: a, type: agent_task, agent: writer, message: \"{{ «error.message» }}\"}\n",
    ),
    case(
        Code::NeverTrue,
        "\
name: p
steps:
  - {id: a, type: agent_task, agent: writer, message: x}
  - {id: b, type: timer, duration: 1s, depends_on: a, condition: \"«steps.a.status» == 'failed'\"}
",
    ),
    case(
        Code::NeverTrue,
        "\
name: p
steps:
  - {id: a, type: agent_task, agent: writer, message: x, on_error: skip_step}
  - {id: b, type: timer, duration: 1s, depends_on: a, condition: \"'FAILED' == {{«steps.a.status»}}\"}
",
    ),
    case(
        Code::ExpressionNote,
        "\
name: p
steps:
  - {id: ask, type: human_approval, on_reject: continue}
  - {id: b, type: timer, duration: 1s, depends_on: ask, condition: \"steps.ask.decision == «'approve'»\"}
",
    )
    .suggests("approved"),
];
