//! Keys of the document and of its parts outside of steps (spec 1.1, 1.8, 1.9, 7).

use super::{Key, Place, Shape, key, other, same, steps::PRIORITY};

const AT_LEAST_ONE: Shape = Shape::Integer { least: 1, most: u32::MAX };

pub(crate) static DOCUMENT: Place = Place {
    name: "process",
    title: "a process",
    keys: &[
        key(
            "name",
            Shape::Text,
            "The name that all versions of the process share, best in lower case with hyphens: `weekly-report`.",
        )
        .required(),
        key("version", Shape::Version, "The version, `1` or `1.2`. Default: 1."),
        key("description", Shape::Text, "What the process is for."),
        key(
            "input",
            Shape::MapOf(&INPUT_FIELD),
            "The declared inputs, by name. A start is checked against them, and defaults are filled in.",
        )
        .aliases(&[other("inputs", Shape::ListOf(&LISTED_INPUT))]),
        key("triggers", Shape::ListOf(&TRIGGER), "What starts the process besides people: webhooks and schedules.")
            .aliases(&[other("trigger", Shape::Map(&TRIGGER))]),
        key("steps", Shape::Steps, "The steps. Each starts as soon as those it depends on allow.").required(),
        key(
            "outputs",
            Shape::Outputs,
            "What an execution gives back: a list of outputs, or a mapping of names to templates.",
        )
        .aliases(&[same("output")]),
        key("config", Shape::Map(&CONFIG), "Settings of the whole process: limits, budget, priority."),
        key("webhooks", Shape::ListOf(&WEBHOOK), "Addresses to which events of its executions are sent."),
        key("labels", Shape::TextMap, "Labels for search."),
        key("expose", Shape::Map(&EXPOSE), "How the process is offered to agents as a tool."),
    ],
};

const INPUT_TYPES: Shape =
    Shape::Word { words: &["string", "number", "integer", "boolean", "object", "array"], others: &[] };
const INPUT_TYPE: Key = key("type", INPUT_TYPES, "The type of the value. Default: any.");
const INPUT_DESCRIPTION: Key = key("description", Shape::Text, "What the input is.");
const INPUT_DEFAULT: Key = key("default", Shape::Any, "The value when none is given.");
const INPUT_REQUIRED: Key =
    key("required", Shape::Boolean, "Whether a start without it is refused, there being no default. Default: false.");
const INPUT_ENUM: Key = key("enum", Shape::AnyList, "The only values allowed. Default: all.");

pub(crate) static INPUT_FIELD: Place = Place {
    name: "input_field",
    title: "an input field",
    keys: &[INPUT_TYPE, INPUT_DESCRIPTION, INPUT_DEFAULT, INPUT_REQUIRED, INPUT_ENUM],
};

pub(crate) static LISTED_INPUT: Place = Place {
    name: "listed_input",
    title: "an input field",
    keys: &[
        key("name", Shape::Text, "The name of the input.").required(),
        INPUT_TYPE,
        INPUT_DESCRIPTION,
        INPUT_DEFAULT,
        INPUT_REQUIRED,
        INPUT_ENUM,
    ],
};

pub(crate) static CONFIG: Place = Place {
    name: "config",
    title: "`config`",
    keys: &[
        key(
            "max_concurrent_instances",
            AT_LEAST_ONE,
            "How many executions of the process run at once. Default: the server's limit.",
        ),
        key(
            "max_concurrent_steps",
            AT_LEAST_ONE,
            "How many calls of one execution are in flight at once. Default: the server's limit.",
        ),
        key("priority", PRIORITY, "The place of its executions and steps in queues. Default: normal."),
        key(
            "max_cost",
            Shape::Money,
            "What an execution, with its sub-processes, may cost; when it is spent the execution fails.",
        ),
        key("budget", Shape::Map(&BUDGET), "The same as `max_cost`, with a choice of what happens when it is spent."),
        key("timeout", Shape::Duration, "The longest an execution may take, pauses included. Default: no limit."),
        key(
            "stop_on_failure",
            Shape::Boolean,
            "Whether the first unhandled failure stops everything else. Default: true.",
        ),
        key(
            "undefined",
            Shape::Word { words: &["error", "empty", "keep"], others: &[] },
            "What an undefined reference in a text does: fail the step, print nothing, or keep the placeholder. Default: by the place where it stands.",
        ),
        key(
            "cost_alert",
            Shape::MoneyOr(&COST_ALERT),
            "From which costs on an alert is raised; an amount alone is that of an execution.",
        ),
    ],
};

pub(crate) static COST_ALERT: Place = Place {
    name: "cost_alert",
    title: "`cost_alert`",
    keys: &[
        key("per_execution", Shape::Money, "An execution that costs more raises an alert."),
        key("daily", Shape::Money, "A day whose executions cost more together raises an alert."),
        key("weekly", Shape::Money, "A week, from Monday on, whose executions cost more together raises an alert."),
        key(
            "channel",
            Shape::Text,
            "The channel through which people are told: `slack`, `email`, `webhook`, or one that the server maps. Default: as the server says.",
        ),
    ],
};

pub(crate) static BUDGET: Place = Place {
    name: "budget",
    title: "`budget`",
    keys: &[
        key("max_cost", Shape::Money, "The most that may be spent.").required(),
        key(
            "action",
            Shape::Word { words: &["stop", "ask", "warn"], others: &[] },
            "What happens then: the execution fails, a person decides, or an event tells of it. Default: stop.",
        ),
    ],
};

pub(crate) static OUTPUT: Place = Place {
    name: "output",
    title: "an output",
    keys: &[
        key("name", Shape::Text, "The name of the output, unique in the process.").required(),
        key("source", Shape::Template, "Its value; a text that is exactly one placeholder keeps its JSON type.")
            .required()
            .aliases(&[same("value")]),
        key("description", Shape::Text, "What the output is."),
    ],
};

pub(crate) static TRIGGER: Place = Place {
    name: "trigger",
    title: "a trigger",
    keys: &[
        key(
            "type",
            Shape::Word { words: &["manual", "webhook", "schedule"], others: &[] },
            "How it fires. Default: schedule if it has `cron`, else webhook.",
        ),
        key("id", Shape::Text, "Its id, unique in the process. Default: the type, for a webhook the process's name."),
        key("enabled", Shape::Boolean, "Whether it fires. Default: true."),
        key("description", Shape::Text, "What it is for."),
        key("secret", Shape::Text, "Webhook: the secret that callers show or sign with, best as `${ENV:NAME}`."),
        key("dedupe_header", Shape::Text, "Webhook: the header whose value makes repeated calls one start."),
        key("cron", Shape::Text, "Schedule: five cron fields, or `hourly`, `daily`, `weekly`, `weekdays`, `monthly`.")
            .aliases(&[other("schedule", Shape::TextOr(&TRIGGER))]),
        key("timezone", Shape::Text, "Schedule: the IANA time zone. Default: UTC."),
        key("input", Shape::AnyMap, "Schedule: the input of each execution."),
        key(
            "misfire",
            Shape::Word { words: &["fire_once", "skip", "fire_all"], others: &[] },
            "Schedule: what is done about times that passed while no server ran. Default: fire_once.",
        ),
        key("misfire_grace", Shape::Duration, "Schedule: how late a missed time may still fire. Default: 1h."),
        key(
            "overlap",
            Shape::Word { words: &["allow", "skip", "queue", "cancel_running"], others: &[] },
            "Schedule: what is done when the last execution still runs. Default: allow.",
        ),
        key("dst", Shape::Map(&DST), "Schedule: what is done where clocks change."),
        key("jitter", Shape::Duration, "Schedule: each firing is delayed by up to this. Default: 0s."),
    ],
};

pub(crate) static DST: Place = Place {
    name: "dst",
    title: "`dst`",
    keys: &[
        key(
            "missing",
            Shape::Word { words: &["shift", "skip"], others: &[] },
            "Where clocks go forward: a time that does not exist fires right after the gap, or not at all. Default: shift.",
        ),
        key(
            "repeated",
            Shape::Word { words: &["first", "both"], others: &[] },
            "Where clocks go back: a time that exists twice fires the first time, or both times. Default: first.",
        ),
    ],
};

pub(crate) static WEBHOOK: Place = Place {
    name: "webhook",
    title: "a webhook",
    keys: &[
        key("url", Shape::Text, "Where events are sent.").required(),
        key(
            "events",
            Shape::Texts,
            "The event types to send. Default: process_completed, process_failed, process_cancelled, approval_requested.",
        ),
        key("secret", Shape::Text, "The signing secret, best as `${ENV:NAME}`."),
    ],
};

pub(crate) static EXPOSE: Place =
    Place { name: "expose", title: "`expose`", keys: &[key("mcp", Shape::Map(&EXPOSE_MCP), "As a tool over MCP.")] };

pub(crate) static EXPOSE_MCP: Place = Place {
    name: "expose_mcp",
    title: "`expose.mcp`",
    keys: &[
        key("enabled", Shape::Boolean, "Whether the process is offered as a tool. Default: false."),
        key(
            "tool_name",
            Shape::Text,
            "The tool's name: letters, digits, `_` and `-`, at most 40. Default: `run_` and the process's name.",
        ),
        key("description", Shape::Text, "The tool's description. Default: the process's."),
    ],
};
