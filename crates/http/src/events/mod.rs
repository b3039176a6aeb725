//! How events read on the wire: flat objects, with the names of the history (spec 4b 4.3), of the existing frontend's
//! messages (spec 4b 14.1) or of the second format (spec 4).
//!
//! `fields` writes JSON; `process` and `steps` say which fields an event has; `messages` keeps what was written lately.

mod fields;
mod messages;
mod process;
mod steps;

use procession_application::ports::StoredEvent;
use procession_domain::{
    definition::{Definition, Step},
    event::Direction,
    value::StepId,
};

use fields::Fields;
pub(crate) use fields::{Naming, output_url};
pub(crate) use messages::{Format, Messages};

/// An event with what its fields are made of.
#[derive(Clone, Copy)]
struct Told<'a> {
    stored: &'a StoredEvent,
    definition: &'a Definition,
}

impl<'a> Told<'a> {
    /// A step of its execution; `None` for the question about the budget.
    fn step(self, id: &StepId) -> Option<&'a Step> {
        self.definition.position(id).map(|position| self.definition.step(position))
    }
}

/// The JSON text of an event of an execution that runs this definition.
pub(crate) fn text_of(stored: &StoredEvent, definition: &Definition, naming: Naming) -> String {
    let told = Told { stored, definition };
    let event_type = stored.event().event_type();
    let mut fields = Fields::new(naming);
    match naming {
        Naming::History => {}
        Naming::Classic => fields.put("type", "process_event"),
        Naming::V2 => fields.put("type", messages::v2_type(stored.event())),
    }
    if naming != Naming::History {
        fields.put("event_id", stored.id);
    }
    fields.put("id", stored.id);
    fields.put("sequence", stored.sequence());
    if naming == Naming::Classic {
        fields.put("event_type", snake_case(event_type));
    } else {
        fields.put("event_type", event_type);
    }
    fields.put("timestamp", stored.at());
    fields.put("execution_id", stored.execution_id);
    fields.put("process_id", stored.process_id());
    fields.put("process_name", stored.process_name());
    if let Some(step_id) = stored.event().step_id() {
        fields.put("step_id", step_id);
        fields.put("step_name", told.step(step_id).map_or(step_id.as_str(), |step| &step.name));
    }
    process::put_event(&mut fields, told);
    fields.finish()
}

/// How often a step, or what undoes it, is tried at most; nothing if nothing undoes it.
pub(crate) fn max_attempts(step: &Step, direction: Direction) -> Option<u32> {
    match direction {
        Direction::Do => Some(step.retry.max_attempts),
        Direction::Undo => step.compensation.as_ref().map(|compensation| compensation.retry.max_attempts),
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_with_underscores_for_the_existing_frontend() {
        assert_eq!(snake_case("StepWaitingApproval"), "step_waiting_approval");
    }
}
