//! The end of a turn: the execution may have completed, may only wait for people now, or goes on rolling back.

use serde_json::Map;

use super::{
    Execution,
    boundary::{ValueKey, Write},
    scope::Viewpoint,
    state::{Life, StepStatus},
    turn::Turn,
};
use crate::{
    definition::UndefinedRule,
    event::{Event, ExecutionError, PauseReason, ProcessEvent, RollBackCause},
    execution::Signal,
    value::{ErrorCode, Json},
};

impl Turn<'_, '_> {
    /// Draws the conclusion of a turn.
    pub fn conclude(&mut self) {
        match self.execution.state.life.clone() {
            Life::Running | Life::Paused(_) if self.execution.index.open == 0 => self.end_if_outputs_are_known(),
            Life::Running | Life::Paused(PauseReason::People) => self.pause_or_go_on(),
            Life::Compensating(cause) => self.roll_back(cause),
            Life::Paused(PauseReason::Operator { .. })
            | Life::Pending
            | Life::Completed { .. }
            | Life::Failed(_)
            | Life::Cancelled(_) => {}
        }
    }

    /// Every step has ended.
    fn end_if_outputs_are_known(&mut self) {
        if let Some(failure) = self.execution.standing_failure() {
            self.stop(RollBackCause::Failure(failure), true);
            self.conclude_roll_back();
            return;
        }
        let Some((outputs, output_warnings)) = self.outputs() else {
            return;
        };
        match self.context.values.put(ValueKey::Outputs, outputs) {
            Ok(output) => {
                let state = &self.execution.state;
                let duration = state.started_at.map(|started| self.now().since(started)).unwrap_or_default();
                let total_cost = state.cost;
                let completed = ProcessEvent::Completed { output, output_warnings, total_cost, duration };
                self.emit(Event::Process(completed));
                self.tell_parent();
            }
            Err(error) => {
                let message = format!("the outputs of the process are too large: {error}");
                let error = ExecutionError { code: ErrorCode::OutputTooLarge, message, step_id: None };
                self.stop(RollBackCause::Failure(error), true);
                self.conclude_roll_back();
            }
        }
    }

    fn conclude_roll_back(&mut self) {
        if let Life::Compensating(cause) = self.execution.state.life.clone() {
            self.roll_back(cause);
        }
    }

    /// The outputs of the process (spec 1.9): what is undefined is null and noted, and never fails a finished run.
    fn outputs(&mut self) -> Option<(Json, Vec<String>)> {
        let content = std::sync::Arc::clone(&self.execution.definition);
        let scope = self.scope(Viewpoint::Outputs, &content.content().output_reads)?;
        let mut outputs = Map::new();
        let mut warnings = Vec::new();
        for output in &content.content().outputs {
            let value = match self.context.expressions.value(&output.source, &scope, UndefinedRule::Error) {
                Ok(expanded) => {
                    warnings.extend(expanded.warnings);
                    expanded.value
                }
                Err(error) => {
                    warnings.push(format!("output `{}`: {error}", output.name));
                    Json::Null
                }
            };
            outputs.insert(output.name.clone(), value);
        }
        Some((Json::Object(outputs), warnings))
    }

    /// `paused` is derived (spec 3.1): nothing runs or waits by itself, and people are asked.
    fn pause_or_go_on(&mut self) {
        if !self.transition.needs.is_empty() || self.execution.index.held_by_budget {
            return;
        }
        let index = &self.execution.index;
        let asks_about_budget = self.execution.state.budget.question.is_some();
        let stirs =
            !self.execution.index.running.is_empty() || index.waiting > 0 || (index.is_busy() && !asks_about_budget);
        let asks = index.asking > 0 || asks_about_budget;
        let paused = self.execution.state.life == Life::Paused(PauseReason::People);
        match (stirs, asks) {
            (false, true) if !paused => self.emit(Event::Process(ProcessEvent::Paused(PauseReason::People))),
            (true, _) if paused => self.emit(Event::Process(ProcessEvent::Resumed { by: None })),
            (false, false) => self.report_deadlock(),
            _ => {}
        }
    }

    /// Can't happen for a checked definition (a property test shows it), and must not go unseen if it does.
    fn report_deadlock(&mut self) {
        let stuck: Vec<String> = self
            .execution
            .steps()
            .filter(|(_, state)| state.status() == StepStatus::Pending)
            .map(|(step, _)| format!("`{}`", step.id))
            .collect();
        let message = format!("nothing can go on, and nothing is waited for: {} can't be decided", stuck.join(", "));
        let error = ExecutionError { code: ErrorCode::Deadlock, message, step_id: None };
        self.stop(RollBackCause::Failure(error), true);
        self.conclude_roll_back();
    }

    /// Wakes the parent whose step this execution is.
    pub fn tell_parent(&mut self) {
        let parent = self.execution.creation.parent.clone().filter(|parent| parent.waits);
        if let Some(parent) = parent {
            let signal = Signal::ChildEnded { execution_id: self.execution.id() };
            self.transition.writes.push(Write::Signal { to: parent.execution_id, signal });
        }
    }

    /// A decision has come while the execution waited for people only: it runs again.
    pub fn wake(&mut self) {
        if self.execution.state.life == Life::Paused(PauseReason::People) {
            self.emit(Event::Process(ProcessEvent::Resumed { by: None }));
        }
    }
}

impl Execution {
    /// How deep this execution is nested: 0 for a root.
    pub(super) fn depth(&self) -> u32 {
        self.creation.parent.as_ref().map_or(0, |parent| parent.depth)
    }
}
