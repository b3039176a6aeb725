//! Keys of the mappings within steps (spec 1.4 to 1.7).

use super::{Place, Shape, key, same};

pub(crate) static RETRY: Place = Place {
    name: "retry",
    title: "`retry`",
    keys: &[
        key(
            "max_attempts",
            Shape::Integer { least: 1, most: 100 },
            "Tries in all, from 1 to 100. Default: agent_task and notification 3, others 1.",
        )
        .aliases(&[same("attempts")]),
        key(
            "initial_delay",
            Shape::Duration,
            "The delay before the second attempt. Default: 5s. Written as `delay` without `backoff` it means a fixed delay.",
        )
        .aliases(&[same("delay")]),
        key(
            "backoff",
            Shape::Word {
                words: &["exponential", "linear", "fixed"],
                others: &[],
            },
            "How the delay grows. Default: exponential.",
        ),
        key(
            "backoff_multiplier",
            Shape::Number { least: 1.0, most: 1e6 },
            "The factor of exponential growth. Default: 2.",
        ),
        key("max_delay", Shape::Duration, "No delay is longer. Default: 5m."),
        key("jitter", Shape::Boolean, "Whether each delay is varied by up to a tenth. Default: true."),
        key("retry_on", Shape::ErrorCodes, "The error codes that are retried; no others are then.")
            .aliases(&[same("retryable_errors")]),
        key("no_retry_on", Shape::ErrorCodes, "Error codes that are never retried.")
            .aliases(&[same("non_retryable_errors")]),
    ],
};

pub(crate) static ON_ERROR: Place = Place {
    name: "on_error",
    title: "`on_error`",
    keys: &[
        key(
            "action",
            Shape::Word { words: &["fail_process", "skip_step", "goto_step"], others: &[] },
            "What the step's final failure does.",
        )
        .required(),
        key("target_step", Shape::StepId, "With goto_step: the step that handles the error."),
    ],
};

/// Besides these keys a compensation has those of its type.
pub(crate) static COMPENSATION: Place = Place {
    name: "compensation",
    title: "`compensation`",
    keys: &[
        key(
            "type",
            Shape::Word { words: &["agent_task", "notification"], others: &[] },
            "What is done. Default: agent_task.",
        ),
        key("timeout", Shape::Duration, "The longest an attempt may take. Default: 5m."),
        key("retry", Shape::Map(&RETRY), "How failed attempts are repeated."),
    ],
};

pub(crate) static ROLES: Place = Place {
    name: "roles",
    title: "`roles`",
    keys: &[
        key("executor", Shape::Template, "The agent that does the work. Default: the step's `agent`."),
        key("monitors", Shape::Texts, "Agents told of failure, retry, time-out and compensation."),
        key("informed", Shape::TextsOr(&INFORMED), "Agents told of completion and failure."),
    ],
};

pub(crate) static INFORMED: Place = Place {
    name: "informed",
    title: "an informed agent",
    keys: &[
        key("agent", Shape::Text, "The agent.").required(),
        key("events", Shape::Texts, "The events it is told of. Default: completion and failure."),
    ],
};

pub(crate) static ROLE_ASSIGNEE: Place = Place {
    name: "role_assignee",
    title: "an assignee",
    keys: &[key("role", Shape::Text, "A role: whoever has it may decide.").aliases(&[same("team")])],
};

pub(crate) static ROUTE: Place = Place {
    name: "route",
    title: "a route",
    keys: &[
        key("condition", Shape::Condition, "When it is taken. Default: always.").aliases(&[same("expression")]),
        key("target", Shape::StepId, "The step it leads to.").required().aliases(&[same("next"), same("next_step")]),
        key("name", Shape::Text, "Its name for people."),
        key("default", Shape::Boolean, "Whether it is the gateway's default route, taken when no other is true."),
    ],
};

pub(crate) static RERUN: Place = Place {
    name: "on_changes_requested",
    title: "`on_changes_requested`",
    keys: &[
        key("rerun", Shape::StepId, "The first step to run again; it comes before the approval.").required(),
        key("max", Shape::Integer { least: 1, most: u32::MAX }, "How often changes may be requested. Default: 3."),
    ],
};
