//! Every key of the language: its spellings, what it takes and what it is for. One table per place drives both the check
//! for unknown keys and the JSON Schema, so that they can't differ.

mod document;
pub(crate) mod foreign;
mod parts;
mod steps;

use procession_domain::definition::StepType;

pub(crate) use document::{
    BUDGET, CONFIG, COST_ALERT, DOCUMENT, DST, EXPOSE, EXPOSE_MCP, INPUT_FIELD, LISTED_INPUT, OUTPUT, TRIGGER, WEBHOOK,
};
pub(crate) use parts::{COMPENSATION, INFORMED, ON_ERROR, RERUN, RETRY, ROLE_ASSIGNEE, ROLES, ROUTE};
pub(crate) use steps::{AGENT_TASK, GATEWAY, HUMAN_APPROVAL, NOTIFICATION, STEP, SUB_PROCESS, TIMER};

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its canonical spelling.
    pub name: &'static str,
    /// Other spellings that mean the same.
    pub aliases: &'static [Alias],
    /// What it takes.
    pub shape: Shape,
    /// Whether every mapping of its place has it, in one spelling or another.
    pub required: bool,
    /// What it is for, with its default.
    pub doc: &'static str,
}

/// Another spelling of a key.
#[derive(Debug)]
pub(crate) struct Alias {
    pub name: &'static str,
    /// What it takes, if that differs from the canonical key.
    pub shape: Option<Shape>,
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Plain text.
    Text,
    /// Text in which `{{ … }}` is filled in.
    Template,
    /// A condition: text or a boolean.
    Condition,
    Boolean,
    Integer {
        least: u32,
        most: u32,
    },
    Number {
        least: f64,
        most: f64,
    },
    Duration,
    Money,
    Version,
    /// The id of a step.
    StepId,
    /// One of these words; others are aliases, which mean one of them.
    Word {
        words: &'static [&'static str],
        others: &'static [&'static str],
    },
    /// A list of texts, or one of them.
    Texts,
    /// A list of templates, or one of them.
    Templates,
    /// A list of step ids, or one of them.
    StepIds,
    /// A list of error codes, or one of them.
    ErrorCodes,
    /// A mapping of one's own keys to anything.
    AnyMap,
    /// A mapping of one's own keys to texts.
    TextMap,
    /// A mapping of one's own keys to templates or JSON.
    TemplateMap,
    /// A JSON Schema.
    JsonSchema,
    /// Anything.
    Any,
    /// A list of anything.
    AnyList,
    /// A mapping with the keys of a place.
    Map(&'static Place),
    /// A mapping of one's own keys to mappings of a place.
    MapOf(&'static Place),
    /// A list of mappings of a place.
    ListOf(&'static Place),
    /// A text, or a mapping of a place.
    TextOr(&'static Place),
    /// An amount of money, or a mapping of a place.
    MoneyOr(&'static Place),
    /// A list of texts or mappings of a place.
    TextsOr(&'static Place),
    /// The list of outputs, or a mapping of names to templates.
    Outputs,
    /// The steps.
    Steps,
}

/// A kind of mapping.
#[derive(Debug)]
pub(crate) struct Place {
    /// Its name in the JSON Schema.
    pub name: &'static str,
    /// What it is, for messages: `a step`, `` `retry` ``.
    pub title: &'static str,
    pub keys: &'static [Key],
}

const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, aliases: &[], shape, required: false, doc }
}

const fn same(name: &'static str) -> Alias {
    Alias { name, shape: None }
}

const fn other(name: &'static str, shape: Shape) -> Alias {
    Alias { name, shape: Some(shape) }
}

impl Key {
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn aliases(mut self, aliases: &'static [Alias]) -> Self {
        self.aliases = aliases;
        self
    }

    /// All spellings, the canonical one first.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().map(|alias| alias.name))
    }
}

impl Place {
    pub fn find(&self, spelling: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.spellings().any(|known| known == spelling))
    }
}

/// The keys that steps of one type have besides those of every step.
pub(crate) const fn of_type(step_type: StepType) -> &'static Place {
    match step_type {
        StepType::AgentTask => &AGENT_TASK,
        StepType::HumanApproval => &HUMAN_APPROVAL,
        StepType::Gateway => &GATEWAY,
        StepType::Timer => &TIMER,
        StepType::Notification => &NOTIFICATION,
        StepType::SubProcess => &SUB_PROCESS,
    }
}

/// Every place.
pub(crate) const PLACES: &[&Place] = &[
    &DOCUMENT,
    &INPUT_FIELD,
    &LISTED_INPUT,
    &CONFIG,
    &BUDGET,
    &COST_ALERT,
    &OUTPUT,
    &TRIGGER,
    &DST,
    &WEBHOOK,
    &EXPOSE,
    &EXPOSE_MCP,
    &STEP,
    &AGENT_TASK,
    &HUMAN_APPROVAL,
    &GATEWAY,
    &TIMER,
    &NOTIFICATION,
    &SUB_PROCESS,
    &RETRY,
    &ON_ERROR,
    &COMPENSATION,
    &ROLES,
    &INFORMED,
    &ROLE_ASSIGNEE,
    &ROUTE,
    &RERUN,
];

/// A place that knows this key.
pub(crate) fn place_with(spelling: &str) -> Option<&'static Place> {
    PLACES.iter().copied().find(|place| place.find(spelling).is_some())
}

/// Whether some place knows this key.
pub(crate) fn is_known_anywhere(spelling: &str) -> bool {
    place_with(spelling).is_some()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_place_has_a_spelling_twice() {
        for place in PLACES {
            let mut seen = BTreeSet::new();
            for spelling in place.keys.iter().flat_map(Key::spellings) {
                assert!(seen.insert(spelling), "{spelling} twice in {}", place.name);
            }
        }
        for step_type in StepType::ALL {
            for spelling in of_type(step_type).keys.iter().flat_map(Key::spellings) {
                let shared = STEP.find(spelling).is_some();
                assert!(!shared, "{step_type} repeats {spelling} of every step");
            }
        }
    }

    #[test]
    fn every_key_is_explained() {
        for place in PLACES {
            for key in place.keys {
                assert!(key.doc.ends_with('.'), "{} in {}", key.name, place.name);
            }
        }
    }
}
