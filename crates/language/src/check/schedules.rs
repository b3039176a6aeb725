//! Inputs of schedules, which nobody sees refused at night.

use procession_domain::{
    definition::{InputProblem, RequiredInput, TriggerKind},
    value::Json,
};

use crate::{
    code::Code,
    lower::{Lowered, Lowering},
    problem::Problem,
};

/// Warns of schedules whose starts would be refused because of their input.
pub(super) fn check_inputs(cx: &mut Lowering<'_>, lowered: &Lowered, required: &[RequiredInput]) {
    for scheduled in &lowered.triggers {
        let TriggerKind::Schedule(schedule) = &scheduled.trigger.kind else { continue };
        let given: Json = schedule.input.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let problems = match &lowered.input {
            Some(schema) => schema.check(&given).err().unwrap_or_default(),
            None => missing(&given, required),
        };
        for problem in problems {
            let message = format!(
                "the starts of this schedule will be refused: the input `{}` {}",
                problem.field, problem.message
            );
            let problem = Problem::new(Code::ScheduleInput, scheduled.span, message);
            cx.problems.push(problem.at(&scheduled.path));
        }
    }
}

fn missing(given: &Json, required: &[RequiredInput]) -> Vec<InputProblem> {
    required
        .iter()
        .filter(|required| given.get(&required.field).is_none())
        .map(|required| {
            let readers: Vec<String> = required.readers.iter().map(|step| format!("`{step}`")).collect();
            InputProblem {
                field: required.field.clone(),
                message: format!("is required: it is read by {}", readers.join(", ")),
            }
        })
        .collect()
}
