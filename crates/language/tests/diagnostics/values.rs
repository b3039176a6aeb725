//! Problems of single keys of steps.

use procession_language::Code;

use super::{Case, case};

pub const CASES: &[Case] = &[
    // Ids and types.
    case(Code::MissingKey, "name: p\nsteps:\n  - «type: timer»\n    duration: 1s\n"),
    case(Code::BadStepId, "name: p\nsteps:\n  - {id: «My Step», type: timer, duration: 1s}\n").suggests("my-step"),
    case(Code::BadStepId, "name: p\nsteps:\n  - {id: «_budget», type: timer, duration: 1s}\n").suggests("budget"),
    case(Code::BadStepId, "name: p\nsteps:\n  - {id: «7», type: timer, duration: 1s}\n"),
    case(
        Code::BadStepId,
        "\
name: p
steps:
  - {id: «First», type: timer, duration: 1s}
  - {id: b, type: timer, duration: 1s, depends_on: First}
",
    )
    .suggests("first"),
    case(
        Code::DuplicateStep,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s}\n  - {id: «a», type: timer, duration: 1s}\n",
    ),
    case(Code::TypeAssumed, "name: p\nsteps:\n  - «id: a»\n    agent: writer\n    message: x\n")
        .suggests("type: agent_task"),
    case(
        Code::MissingKey,
        "name: p\nsteps:\n  - «id: a»\n    routes: [{target: b}]\n  - {id: b, type: timer, duration: 1s}\n",
    )
    .suggests("type: gateway"),
    case(Code::InvalidValue, "name: p\nsteps:\n  - {id: a, type: «agent_taks», agent: writer, message: x}\n")
        .suggests("agent_task"),
    // Unknown and misplaced keys.
    case(
        Code::UnknownKey,
        "\
name: p
steps:
  - id: a
    type: timer
    duration: 1s
    «depend_on»: b
  - {id: b, type: timer, duration: 1s}
",
    )
    .suggests("depends_on"),
    case(Code::UnknownKey, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, retry: {«max_attempt»: 2}}\n")
        .suggests("max_attempts"),
    case(Code::MisplacedKey, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, «routes»: []}\n"),
    case(Code::MisplacedKey, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, «jitter»: 2}\n"),
    case(Code::UnknownKey, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, «max_attempts»: 2}\n")
        .suggests("retry: {max_attempts: 2}"),
    case(Code::OverriddenKey, "name: p\nsteps:\n  - {id: a, type: agent_task, agent: writer, message: x, «task»: y}\n"),
    case(
        Code::OverriddenKey,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, config: {«duration»: 2s, description: x}}\n",
    ),
    // Types of values.
    case(Code::WrongType, "name: p\nsteps: [{id: a, type: timer, duration: 1s}, «oops»]\n"),
    case(Code::WrongType, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, depends_on: «{b: c}»}\n"),
    case(Code::WrongType, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, condition: «[x]»}\n"),
    case(Code::WrongType, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, config: «x»}\n"),
    case(
        Code::MissingKey,
        "name: p\nsteps:\n  - id: a\n    type: timer\n    duration: 1s\n    depends_on:\n      «-» \n",
    ),
    case(Code::LooseBoolean, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, run_if_skipped: «\"true\"»}\n")
        .suggests("true"),
    // Durations, ranges, codes.
    case(Code::BadDuration, "name: p\nsteps:\n  - {id: a, type: timer, duration: «5 minutes»}\n").suggests("5m"),
    case(Code::BadDuration, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, timeout: «1.5»}\n"),
    case(Code::BadDuration, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, timeout: «\"{{input.t}}\"»}\n"),
    case(Code::OutOfRange, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, timeout: «0»}\n"),
    case(Code::OutOfRange, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, retry: {max_attempts: «101»}}\n"),
    case(
        Code::OutOfRange,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, retry: {backoff_multiplier: «0.5»}}\n",
    ),
    case(
        Code::OutOfRange,
        "name: p\nsteps:\n  - {id: a, type: agent_task, agent: writer, message: x, temperature: «2.5»}\n",
    ),
    case(
        Code::UnknownErrorCode,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, retry: {retry_on: [TIMEOUT, «AGENT_TIMEOUT»]}}\n",
    )
    .suggests("TIMEOUT"),
    case(
        Code::UnknownErrorCode,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, retry: {no_retry_on: «AGENT_EROR»}}\n",
    )
    .suggests("AGENT_ERROR"),
    case(Code::InvalidValue, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, on_error: «skip»}\n")
        .suggests("skip_step"),
    case(Code::MissingKey, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, on_error: «goto_step»}\n"),
    case(
        Code::MissingKey,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, on_error: «{action: goto_step}»}\n",
    ),
    case(
        Code::KeyWithoutEffect,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, on_error: {action: skip_step, «target_step»: a}}\n",
    ),
    // Agents.
    case(Code::MissingKey, "name: p\nsteps:\n  - «id: a»\n    type: agent_task\n    message: x\n"),
    case(
        Code::MissingKey,
        "name: p\nsteps:\n  - id: a\n    type: agent_task\n    agent: writer\n    message: «\"\"»\n",
    ),
    case(
        Code::BadSchema,
        "name: p\nsteps:\n  - {id: a, type: agent_task, agent: writer, message: x, output_schema: «{type: objekt}»}\n",
    ),
    // Timers.
    case(Code::MissingKey, "name: p\nsteps:\n  - «id: a»\n    type: timer\n"),
    case(Code::ConflictingKeys, "name: p\nsteps:\n  - {id: a, type: timer, «duration»: 1s, until: \"10:30\"}\n"),
    case(Code::BadTime, "name: p\nsteps:\n  - {id: a, type: timer, until: «tomorrow»}\n"),
    case(Code::BadTimezone, "name: p\nsteps:\n  - {id: a, type: timer, until: \"10:30\", timezone: «berlin»}\n")
        .suggests("Europe/Berlin"),
    case(Code::KeyWithoutEffect, "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, «timezone»: UTC}\n"),
    // Notifications.
    case(Code::MissingKey, "name: p\nsteps:\n  - «id: a»\n    type: notification\n    message: x\n"),
    case(
        Code::UnknownChannel,
        "name: p\nsteps:\n  - {id: a, type: notification, channel: «slck», url: \"https://example.com\", message: x}\n",
    )
    .suggests("slack"),
    case(Code::NoDestination, "name: p\nsteps:\n  - {id: a, type: notification, channel: «slack», message: x}\n"),
    case(
        Code::NoDestination,
        "name: p\nsteps:\n  - {id: a, type: notification, channels: [teams, «email»], message: x}\n",
    ),
    case(
        Code::BadUrl,
        "name: p\nsteps:\n  - {id: a, type: notification, channel: webhook, url: «localhost», message: x}\n",
    ),
    case(
        Code::MissingKey,
        "\
name: p
steps:
  - id: a
    type: notification
    channel: slack
    url: https://example.com/x
    message: x
    recipients:
      «- #general»
",
    )
    .suggests("- \"#general\""),
    // Gateways.
    case(Code::NoRoutes, "name: p\nsteps:\n  - «id: a»\n    type: gateway\n"),
    case(Code::NoRoutes, "name: p\nsteps:\n  - {id: a, type: gateway, «routes»: []}\n"),
    case(Code::MissingKey, "name: p\nsteps:\n  - {id: a, type: gateway, routes: [«{condition: \"true\"}»]}\n"),
    // Sub-processes.
    case(Code::MissingKey, "name: p\nsteps:\n  - «id: a»\n    type: sub_process\n"),
    case(Code::BadName, "name: p\nsteps:\n  - {id: a, type: sub_process, process_name: «\"{{input.p}}\"»}\n"),
    // Compensations.
    case(
        Code::MissingKey,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, compensation: «{agent: writer}»}\n",
    ),
    case(
        Code::MisplacedKey,
        "name: p\nsteps:\n  - {id: a, type: timer, duration: 1s, compensation: {agent: writer, message: x, «channel»: slack}}\n",
    ),
];
