//! What is meant by people who know other tools, and by those who mistype: one problem each, and nothing that follows.

use procession_language::Code;

use super::{Case, case};

pub const CASES: &[Case] = &[
    // Required keys.
    case(Code::MissingKey, "«nmae»: p\nsteps: [{id: a, type: timer, duration: 1s}]\n").suggests("name"),
    case(Code::MissingKey, "«title»: p\nsteps: [{id: a, type: timer, duration: 1s}]\n").suggests("name"),
    case(Code::MissingKey, "name: p\n«tasks»: [{id: a, type: timer, duration: 1s}]\n").suggests("steps"),
    case(Code::MissingKey, "name: p\n«jobs»:\n  build:\n    runs-on: x\n"),
    case(Code::MissingKey, "name: p\nsteps: [{«ID»: a, type: timer, duration: 1s}]\n").suggests("id"),
    case(Code::MissingKey, "name: p\nsteps: [{id: a, type: agent_task, «agnet»: writer, message: x}]\n").suggests("agent"),
    case(Code::MissingKey, "name: p\nsteps: [{id: a, type: agent_task, agent: writer, «prompt»: x}]\n").suggests("message"),
    case(
        Code::MissingKey,
        "name: p\nsteps: [{id: a, type: agent_task, agent: writer, «instructions»: \"{{ now() }}\"}]\n",
    )
    .suggests("message"),
    case(Code::MissingKey, "name: p\nsteps: [{id: a, type: timer, «wait»: 5m}]\n").suggests("duration"),
    // Another kind of file.
    case(Code::WrongType, "«agents»:\n  writer: {kind: mock, reply: hello}\n"),
    // Optional keys: they are ignored, but nothing else is said.
    case(
        Code::UnknownKey,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s}\n  - {id: b, type: timer, duration: 1s, «needs»: [a]}\n",
    )
    .suggests("depends_on"),
    case(
        Code::UnknownKey,
        "\
name: p
steps:
  - {id: a, type: agent_task, agent: writer, message: x}
  - {id: b, type: agent_task, agent: writer, message: \"{{ steps.a.output }}\", «depend_on»: [a]}
",
    )
    .suggests("depends_on"),
    case(Code::UnknownKey, "name: p\nsteps: [{id: a, type: timer, duration: 1s, «if»: \"now() != none\"}]\n")
        .suggests("condition"),
    case(Code::UnknownKey, "name: p\nsteps: [{id: a, type: timer, duration: 1s, «when»: \"true\"}]\n")
        .suggests("condition"),
    case(Code::UnknownKey, "name: p\nsteps: [{id: a, type: timer, duration: 1s, «continue-on-error»: true}]\n")
        .suggests("on_error: skip_step"),
    case(Code::UnknownKey, "name: p\nsteps: [{id: a, type: timer, duration: 1s, «on_failure»: continue}]\n")
        .suggests("on_error: skip_step"),
    case(Code::UnknownKey, "name: p\nsteps: [{id: a, type: timer, duration: 1s, «retries»: 3}]\n")
        .suggests("retry: {max_attempts: 4}"),
    case(Code::UnknownKey, "name: p\nsteps: [{id: a, type: timer, duration: 1s, «timeout-minutes»: 5}]\n")
        .suggests("timeout: 5m"),
    case(Code::WrongType, "name: p\nsteps: [{id: a, type: timer, duration: 1s, retry: «3»}]\n")
        .suggests("retry: {max_attempts: 3}"),
    case(Code::WrongType, "name: p\nconfig:\n  budget: «5.50»\nsteps: [{id: a, type: timer, duration: 1s}]\n")
        .suggests("budget: {max_cost: 5.50}"),
    case(Code::WrongType, "name: p\nsteps: [{id: a, type: timer, duration: 1s, retry: {max_attempts: «\"3\"»}}]\n")
        .suggests("3"),
    case(Code::WrongType, "name: p\nsteps: [{id: a, type: timer, duration: 1s, retry: {backoff_multiplier: «'1.5'»}}]\n")
        .suggests("1.5"),
    case(Code::WrongType, "name: p\nsteps: [{id: a, type: timer, duration: 1s, retry: «often»}]\n"),
    case(
        Code::UnknownKey,
        "name: p\nsteps: [{id: a, type: agent_task, agent: writer, message: x, «budget»: 5}]\n",
    )
    .suggests("max_cost"),
    case(Code::UnknownKey, "name: p\nsteps: [{id: a, type: human_approval, «assignee»: alice}]\n").suggests("assignees"),
    case(
        Code::MissingKey,
        "\
name: p
steps:
  - {id: a, type: gateway, «branches»: [{target: b}]}
  - {id: b, type: timer, duration: 1s, depends_on: a}
",
    )
    .suggests("routes"),
    case(Code::UnknownKey, "name: p\n«on»: {push: {branches: [main]}}\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    // A key that is there already is not what is meant by another one.
    case(Code::UnknownKey, "name: p\nsteps: [{id: a, type: timer, duration: 1s, «ids»: [x]}]\n"),
    case(
        Code::UnknownKey,
        "name: p\nsteps: [{id: a, type: timer, duration: 1s, condition: \"true\", «if»: \"false\"}]\n",
    ),
    // Words.
    case(Code::InvalidValue, "name: p\nsteps: [{id: a, type: «approval», title: t}]\n").suggests("human_approval"),
    case(Code::InvalidValue, "name: p\nsteps: [{id: a, type: «agent», agent: writer, message: x}]\n")
        .suggests("agent_task"),
    case(Code::InvalidValue, "name: p\nsteps: [{id: a, type: «\"sleep\"», duration: 1s}]\n").suggests("timer"),
    case(
        Code::InvalidValue,
        "\
name: p
steps:
  - {id: a, type: gateway, gateway_type: «xor», routes: [{condition: input.x, target: b}], default_route: c}
  - {id: b, type: timer, duration: 1s}
  - {id: c, type: timer, duration: 1s}
",
    )
    .suggests("exclusive"),
    case(
        Code::InvalidValue,
        "\
name: p
input: {x: {}}
steps:
  - {id: a, type: «xor», routes: [{condition: input.x, target: b}], default_route: c}
  - {id: b, type: timer, duration: 1s}
  - {id: c, type: timer, duration: 1s}
",
    )
    .suggests("gateway"),
    case(
        Code::InvalidValue,
        "\
name: p
input: {x: {}}
steps:
  - id: a
    type: «exclusive_gateway»
    routes: [{condition: input.x, target: b}]
    default_route: c
  - {id: b, type: timer, duration: 1s}
  - {id: c, type: timer, duration: 1s}
",
    )
    .suggests("gateway"),
    case(
        Code::InvalidValue,
        "\
name: p
steps:
  - id: a
    type: «parallel_gateway»
    routes: [{target: b}, {target: c}]
  - {id: b, type: timer, duration: 1s}
  - {id: c, type: timer, duration: 1s}
",
    )
    .suggests("gateway\n    gateway_type: parallel"),
    case(
        Code::InvalidValue,
        "\
name: p
steps:
  - {id: a, type: «\"AND\"», routes: [{target: b}, {target: c}]}
  - {id: b, type: timer, duration: 1s}
  - {id: c, type: timer, duration: 1s}
",
    )
    .suggests("gateway, gateway_type: parallel"),
    case(Code::InvalidValue, "name: p\nsteps: [{id: a, type: «approval_task», title: t}]\n").suggests("human_approval"),
    case(Code::InvalidValue, "name: p\nsteps: [{id: a, type: «wait-step», duration: 1s}]\n").suggests("timer"),
    case(Code::InvalidValue, "name: p\nsteps: [{id: a, type: timer, duration: 1s, priority: «urgent»}]\n")
        .suggests("high"),
    // Durations.
    case(Code::BadDuration, "name: p\nsteps: [{id: a, type: timer, duration: «5min»}]\n").suggests("5m"),
    case(Code::BadDuration, "name: p\nsteps: [{id: a, type: timer, duration: 1s, timeout: «2w»}]\n").suggests("14d"),
    case(Code::BadDuration, "name: p\nsteps: [{id: a, type: timer, duration: «\"1.5 hours\"»}]\n").suggests("1h30m"),
    case(Code::BadDuration, "name: p\nsteps: [{id: a, type: timer, duration: «PT5M»}]\n").suggests("5m"),
    case(Code::BadDuration, "name: p\nsteps: [{id: a, type: timer, duration: «soon»}]\n"),
    // Steps, inputs and outputs in other forms.
    case(
        Code::WrongType,
        "\
name: p
«steps»:
  a:
    type: timer
    duration: 1s  # short

  b:
    type: agent_task
    agent: writer
    message: |
      Say
        hello
    depends_on: [a]
outputs: {said: \"{{ steps.b.output }}\"}
",
    )
    .suggests(
        "  - id: a
    type: timer
    duration: 1s  # short

  - id: b
    type: agent_task
    agent: writer
    message: |
      Say
        hello
    depends_on: [a]",
    ),
    case(Code::WrongType, "name: p\n«steps»:\n    a: {type: timer, duration: 1s}\n    b:\n     id: c\n     type: timer\n     duration: 1s\n")
        .suggests("    - {id: a, type: timer, duration: 1s}\n    - id: c\n      type: timer\n      duration: 1s"),
    case(
        Code::WrongType,
        "\
name: p
input:
  - «topic»
  - {name: tone}
steps: [{id: a, type: agent_task, agent: writer, message: \"{{ input.topic }} {{ input.tone }}\"}]
",
    )
    .suggests("{name: topic}"),
    case(Code::WrongType, "name: p\ninput: {n: «int»}\nsteps: [{id: a, type: timer, duration: 1s}]\n")
        .suggests("{type: integer}"),
    case(
        Code::WrongType,
        "name: p\nsteps: [{id: a, type: agent_task, agent: writer, message: x}]\noutputs:\n  - «x»: \"{{ steps.a.output }}\"\n",
    )
    .suggests("{name: x, source: \"{{ steps.a.output }}\"}"),
    // One misspelt name is one problem.
    case(
        Code::UnknownStep,
        "\
name: p
steps:
  - {id: poem, type: agent_task, agent: writer, message: x}
  - {id: check, type: human_approval, depends_on: [«poems»], title: \"{{ steps.poem.output }}\"}
  - {id: send, type: agent_task, agent: writer, message: \"{{ steps.poem.output }}\", depends_on: check}
",
    )
    .suggests("poem"),
    case(
        Code::UnknownStep,
        "\
name: p
steps:
  - {id: choose, type: gateway, routes: [{condition: input.x, target: «shp»}], default_route: stay}
  - {id: ship, type: timer, duration: 1s, depends_on: [choose]}
  - {id: stay, type: timer, duration: 1s}
",
    )
    .suggests("ship"),
    case(
        Code::BadStepId,
        "\
name: p
steps:
  - {id: «\"First Draft\"», type: agent_task, agent: writer, message: x}
  - {id: b, type: timer, duration: 1s, depends_on: First Draft}
",
    )
    .suggests("first-draft"),
    // What the waiting can't be.
    case(
        Code::KeyWithoutEffect,
        "name: p\nsteps: [{id: a, type: timer, duration: 1s, retry: {«initial_delay»: 1h, max_delay: 1s}}]\n",
    ),
    case(
        Code::KeyWithoutEffect,
        "name: p\nsteps: [{id: a, type: timer, duration: 1s, retry: {«delay»: 10m, backoff: fixed}}]\n",
    )
    .suggests("max_delay: 10m"),
];
