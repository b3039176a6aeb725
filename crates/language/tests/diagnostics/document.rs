//! Problems of the document outside of its steps.

use procession_language::Code;

use super::{Case, case};

pub const CASES: &[Case] = &[
    case(Code::WrongType, "«- name: p»\n- steps: []\n"),
    case(Code::WrongType, "«just a text»\n"),
    case(Code::WrongType, "name: p\n«steps»: {a: {type: timer, duration: 1s}, b: {id: c, type: timer, duration: 1s}}\n")
        .suggests("[{id: a, type: timer, duration: 1s}, {id: c, type: timer, duration: 1s}]"),
    case(Code::WrongType, "name: «[p]»\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    case(Code::MissingKey, "«steps: [{id: a, type: timer, duration: 1s}]»\n"),
    case(Code::MissingKey, "«name: p»\nversion: 2\n"),
    case(Code::MissingKey, "name: p\n«steps»:\n"),
    case(Code::MissingKey, "name: p\n«steps»: []\n"),
    case(Code::BadName, "name: «\"{{x}}\"»\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    case(Code::BadName, "name: «\"  \"»\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    case(
        Code::UnconventionalName,
        "name: «Weekly Report!»\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("weekly-report"),
    case(Code::BadVersion, "name: p\nversion: «0.9»\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    case(Code::BadVersion, "name: p\nversion: «v2»\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    case(Code::WrongType, "name: p\nversion: «true»\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    case(
        Code::VersionPatchDropped,
        "name: p\nversion: «\"1.2.3\"»\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("1.2"),
    case(
        Code::UnknownKey,
        "name: p\n«descripton»: x\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("description"),
    case(Code::UnknownKey, "name: p\n«author»: me\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    case(Code::MisplacedKey, "name: p\n«max_cost»: 5\nsteps: [{id: a, type: timer, duration: 1s}]\n"),
    // Inputs.
    case(
        Code::InvalidValue,
        "name: p\ninput: {n: {type: «int»}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("integer"),
    case(
        Code::InvalidValue,
        "name: p\ninput: {n: {type: «strng»}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("string"),
    case(
        Code::WrongType,
        "name: p\ninput: {n: «string»}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("{type: string}"),
    case(
        Code::BadDefault,
        "name: p\ninput: {n: {type: integer, default: «ten»}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::BadDefault,
        "name: p\ninput: {n: {enum: [1, 2], default: «3»}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::BadDefault,
        "name: p\ninput: {n: {type: integer, enum: [1, «two»]}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::DuplicateName,
        "name: p\ninputs: [{name: n}, {name: «n»}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::LooseBoolean,
        "name: p\ninput: {n: {required: «yes»}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("true"),
    // Settings.
    case(
        Code::WrongType,
        "name: p\nconfig: {stop_on_failure: «maybe»}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::OutOfRange,
        "name: p\nconfig: {max_concurrent_steps: «0»}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::WrongCurrency,
        "name: p\nconfig: {max_cost: «12 EUR»}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::BadMoney,
        "name: p\nconfig: {cost_alert: «-5»}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::BadMoney,
        "name: p\nconfig: {cost_alert: {daily: «much»}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::OverriddenKey,
        "name: p\nconfig: {budget: {max_cost: 5}, «max_cost»: 4}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::MissingKey,
        "name: p\nconfig: {budget: «{action: ask}»}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::InvalidValue,
        "name: p\nconfig: {undefined: «ignore»}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    // Triggers.
    case(
        Code::BadCron,
        "name: p\ntriggers: [{type: schedule, cron: «\"61 * * * *\"»}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::BadCron,
        "name: p\ntriggers: [{cron: «dialy»}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("daily"),
    case(
        Code::BadCron,
        "name: p\ntriggers: [{cron: «\"0 0 30 2 *\"»}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::BadTimezone,
        "name: p\ntriggers: [{cron: daily, timezone: «Europe/Berln»}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("Europe/Berlin"),
    case(
        Code::DuplicateName,
        "name: p\ntriggers: [{cron: daily}, «{cron: hourly}»]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::BadName,
        "name: p\ntriggers: [{id: «my hook», type: webhook}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("my-hook"),
    case(
        Code::LiteralSecret,
        "name: p\ntriggers: [{type: webhook, secret: «hunter2»}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("${ENV:HOOK_SECRET}"),
    case(
        Code::EnvironmentNotAllowed,
        "name: p\ntriggers: [{type: webhook, secret: «\"${ENV:HOOK_SECRT}\"»}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("${ENV:HOOK_SECRET}"),
    case(
        Code::KeyWithoutEffect,
        "name: p\ntriggers: [{type: webhook, «timezone»: UTC}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::MissingKey,
        "name: p\ntriggers: [«{type: schedule}»]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::ScheduleInput,
        "\
name: p
input: {topic: {required: true}}
triggers:
  - «type: schedule»
    cron: daily
steps: [{id: a, type: timer, duration: 1s}]
",
    ),
    // Outputs, webhooks, exposure.
    case(
        Code::DuplicateName,
        "name: p\noutputs: [{name: x, source: a}, {name: «x», source: b}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::MissingKey,
        "name: p\noutputs: [«{name: x}»]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::BadUrl,
        "name: p\nwebhooks: [{url: «example.com/hook»}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::UnknownEvent,
        "name: p\nwebhooks: [{url: \"https://x.example\", events: [«process_complete», StepFailed]}]\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    )
    .suggests("ProcessCompleted"),
    case(
        Code::ExposedWithoutInput,
        "name: p\n«expose»: {mcp: {enabled: true}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    case(
        Code::BadName,
        "name: p\ninput: {}\nexpose: {mcp: {enabled: true, tool_name: «run it»}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
    // What no server does yet.
    case(
        Code::NotYetAvailable,
        "name: p\ninput: {}\n«expose»: {mcp: {enabled: true}}\nsteps: [{id: a, type: timer, duration: 1s}]\n",
    ),
];
