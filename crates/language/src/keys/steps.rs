//! Keys of steps: those of every step, and those of each type (spec 1.2, 1.3).

use super::{
    Place, Shape, key, other,
    parts::{COMPENSATION, ON_ERROR, RERUN, RETRY, ROLE_ASSIGNEE, ROLES, ROUTE},
    same,
};

pub(super) const PRIORITY: Shape = Shape::Word { words: &["high", "normal", "low"], others: &["critical"] };
const ANY_COUNT: Shape = Shape::Integer { least: 1, most: u32::MAX };

pub(crate) static STEP: Place = Place {
    name: "step",
    title: "a step",
    keys: &[
        key(
            "id",
            Shape::StepId,
            "Its id, unique in the process: a lower-case letter, then lower-case letters, digits, `_` and `-`.",
        )
        .required(),
        key(
            "type",
            Shape::Word {
                words: &[
                    "agent_task",
                    "human_approval",
                    "gateway",
                    "timer",
                    "notification",
                    "sub_process",
                ],
                others: &[],
            },
            "What the step does.",
        ),
        key("name", Shape::Text, "Its name for people. Default: the id."),
        key(
            "description",
            Shape::Text,
            "What it is for; of an approval, details for who decides, with placeholders.",
        ),
        key("depends_on", Shape::StepIds, "The steps it comes after."),
        key(
            "run_if_skipped",
            Shape::Boolean,
            "Whether it also runs when the steps before it were skipped. Default: false.",
        ),
        key("condition", Shape::Condition, "It runs only if this is true; else it is skipped."),
        key("retry", Shape::Map(&RETRY), "How failed attempts are repeated."),
        key(
            "on_error",
            Shape::TextOr(&ON_ERROR),
            "What its final failure does: fail_process, skip_step, or goto_step with a `target_step`. Default: fail_process.",
        ),
        key(
            "compensation",
            Shape::Map(&COMPENSATION),
            "How it is undone when the process fails after it has completed.",
        ),
        key("roles", Shape::Map(&ROLES), "The agent that does it, and agents that are told of it."),
        key(
            "timeout",
            Shape::Duration,
            "The longest an attempt may take; of an approval, its deadline. Default: agent_task 5m, human_approval 24h, notification 30s, sub_process 1h, others none.",
        )
        .aliases(&[
            same("deadline"),
            other(
                "timeout_hours",
                Shape::Number {
                    least: 0.0,
                    most: 87_600_000.0,
                },
            ),
        ]),
        key("priority", PRIORITY, "Its place in queues. Default: the process's.").aliases(&[same("urgency")]),
        key("config", Shape::AnyMap, "More keys of the step; the step's own keys win."),
    ],
};

pub(crate) static AGENT_TASK: Place = Place {
    name: "agent_task",
    title: "an agent_task",
    keys: &[
        key("agent", Shape::Template, "The agent that does the work; required unless `roles.executor` is given."),
        key("message", Shape::Template, "What the agent is asked.").required().aliases(&[same("task")]),
        key("model", Shape::Text, "The model to use, where the agent offers a choice."),
        key("temperature", Shape::Number { least: 0.0, most: 2.0 }, "The model's temperature, 0 to 2."),
        key("max_cost", Shape::Money, "The most that all attempts together may cost."),
        key(
            "output_schema",
            Shape::JsonSchema,
            "The JSON Schema that a reply must fit; another one fails with OUTPUT_SCHEMA_MISMATCH and is retried.",
        ),
        key(
            "output_key",
            Shape::Text,
            "A key of the output under which the parsed reply, or else its text, is found too.",
        ),
    ],
};

pub(crate) static HUMAN_APPROVAL: Place = Place {
    name: "human_approval",
    title: "a human_approval",
    keys: &[
        key("title", Shape::Template, "What is to be decided. Default: the step's name."),
        key(
            "assignees",
            Shape::TextsOr(&ROLE_ASSIGNEE),
            "Who may decide: user names, e-mail addresses, `role:NAME`. Default: anyone who may decide approvals.",
        )
        .aliases(&[same("approvers")]),
        key(
            "timeout_action",
            Shape::Word { words: &["reject", "approve", "skip", "escalate"], others: &["auto_approve", "fail"] },
            "What the deadline does. Default: reject.",
        )
        .aliases(&[same("on_timeout")]),
        key(
            "on_reject",
            Shape::Word { words: &["fail", "continue"], others: &[] },
            "What a rejection does: fail the step, or complete it with that decision. Default: continue if all that follows asks for the decision, else fail.",
        ),
        key("escalate_to", Shape::TextsOr(&ROLE_ASSIGNEE), "Who is added when the deadline escalates."),
        key("required_approvals", ANY_COUNT, "How many different people must approve. Default: 1.")
            .aliases(&[same("required")]),
        key("artifacts", Shape::Templates, "Links or outputs to show to who decides."),
        key(
            "on_changes_requested",
            Shape::Map(&RERUN),
            "What is run again when changes are requested; without it the step fails then.",
        ),
        key("allow_comments", Shape::Boolean, "Whether comments are taken. Default: true."),
        key("require_reason_on_reject", Shape::Boolean, "Whether a rejection needs a comment. Default: true."),
        key(
            "self_approval",
            Shape::Boolean,
            "Whether those may decide who started the execution, or decided the approval before this one. Default: true.",
        ),
    ],
};

pub(crate) static GATEWAY: Place = Place {
    name: "gateway",
    title: "a gateway",
    keys: &[
        key(
            "gateway_type",
            Shape::Word { words: &["exclusive", "parallel", "inclusive"], others: &[] },
            "How routes are chosen: the first true one, all, or every true one. Default: exclusive.",
        ),
        key("routes", Shape::ListOf(&ROUTE), "Where it leads.").aliases(&[same("conditions")]),
        key("default_route", Shape::StepId, "The step it leads to when no route is true."),
    ],
};

pub(crate) static TIMER: Place = Place {
    name: "timer",
    title: "a timer",
    keys: &[
        key("duration", Shape::Template, "How long it waits: `90s`, `1h30m`, `3d`, or a placeholder.")
            .aliases(&[same("delay")]),
        key(
            "until",
            Shape::Template,
            "Until when it waits: a date and time, `HH:MM` for the next such time, or a placeholder.",
        )
        .aliases(&[same("wait_until")]),
        key("timezone", Shape::Text, "The IANA time zone of `until`. Default: UTC."),
    ],
};

pub(crate) static NOTIFICATION: Place = Place {
    name: "notification",
    title: "a notification",
    keys: &[
        key(
            "channel",
            Shape::Text,
            "How it is sent: slack, email, webhook, or a channel that the server maps to a webhook.",
        )
        .required()
        .aliases(&[other("channels", Shape::Texts)]),
        key("message", Shape::Template, "The text.").required().aliases(&[same("template")]),
        key("url", Shape::Template, "The address of Slack's incoming webhook, or of the webhook.")
            .aliases(&[same("webhook_url")]),
        key(
            "recipients",
            Shape::Templates,
            "Who gets it: e-mail addresses and user names, `#channel` and `@name` of Slack.",
        ),
        key(
            "subject",
            Shape::Template,
            "The subject of a mail. Default: a leading `Subject:` line of the message, else the step's name.",
        ),
    ],
};

pub(crate) static SUB_PROCESS: Place = Place {
    name: "sub_process",
    title: "a sub_process",
    keys: &[
        key("process_name", Shape::Text, "The process to run.")
            .required()
            .aliases(&[same("process"), same("process_id")]),
        key("version", Shape::Version, "Its version. Default: the newest published one when the parent starts."),
        key(
            "input_mapping",
            Shape::TemplateMap,
            "The child's input; a value that is exactly one placeholder keeps its JSON type. Default: the parent's input.",
        ),
        key("output_key", Shape::Text, "The key under which the child's outputs are found too. Default: result."),
        key("wait_for_completion", Shape::Boolean, "Whether the step lasts until the child ends. Default: true."),
    ],
};
