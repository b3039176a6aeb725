//! The calls of a run: those that the state says are in flight are compared with those that it waits for.

use std::sync::Arc;

use procession_domain::{
    definition::StepKind,
    event::Direction,
    execution::{Call, CallId, Command, Values},
};

use super::{effects::CallTask, queues::SlotGuard, runner::Run};

impl Run {
    /// Has the domain take up again what the state says is in flight and nobody waits for: the server had stopped, or the
    /// answer to a commit was lost.
    pub(super) fn interrupt_lost_calls(&mut self) {
        let Some(execution) = self.execution.as_ref().filter(|_| std::mem::take(&mut self.is_fresh)) else { return };
        let in_flight = execution.calls_in_flight().into_iter();
        let lost: Vec<Call> = in_flight.filter(|call| !self.calls.contains_key(&call.id)).collect();
        self.pending.retain(|command| !matches!(command, Command::Interrupted { .. }));
        if lost.is_empty() {
            return;
        }
        // Their places are theirs before any step that waits for one is asked about.
        for call in &lost {
            if !self.places.contains_key(&call.id.step_id)
                && let Some(place) = self.occupy(call)
            {
                self.places.insert(call.id.step_id.clone(), place);
            }
        }
        let calls = lost.into_iter().map(|call| call.id).collect();
        self.pending.push(Command::Interrupted { calls, in_order: self.stopped_in_order });
    }

    /// Ends the calls that the state knows nothing of any more, and starts those that are missing: what has just begun is
    /// made, all else is recovered under its key.
    pub(super) fn compare_calls(&mut self, begun: &[CallId]) {
        let Some(execution) = &self.execution else { return };
        let mut in_flight = execution.calls_in_flight();
        self.calls.retain(|id, _| !begun.contains(id) && in_flight.iter().any(|call| call.id == *id));
        // Whoever drains leaves what is in flight to the next start.
        if self.draining {
            return;
        }
        in_flight.retain(|call| !self.calls.contains_key(&call.id));
        // In the order in which they began.
        let place = |call: &Call| begun.iter().position(|id| call.id == *id);
        in_flight.sort_by_key(|call| place(call).map_or((false, 0), |place| (true, place)));
        for call in in_flight {
            let recovers = place(&call).is_none();
            self.start_call(call, recovers);
        }
    }

    fn start_call(&mut self, call: Call, recovers: bool) {
        let Some(execution) = &self.execution else { return };
        let Some((step, state)) = execution.step(&call.id.step_id) else { return };
        let schema = match (&step.kind, call.id.direction) {
            (StepKind::AgentTask(task), Direction::Do) => task.output_schema.clone(),
            _ => None,
        };
        let occasion = match call.id.direction {
            Direction::Do => state.round.to_string(),
            Direction::Undo => "compensation".to_owned(),
        };
        if recovers {
            self.engine.recovery.note(self.engine.now(), |report| report.attempts += 1);
        }
        // Without a place of its own it is in flight already, and takes one whatever the limit.
        let place = self.places.remove(&call.id.step_id).or_else(|| self.occupy(&call));
        let task = CallTask {
            engine: Arc::clone(&self.engine),
            process_name: execution.creation().process.name.clone(),
            input: self.values.get(&call.input),
            schema,
            mailbox: self.sender.clone(),
            recovers,
            message_id: format!("{}/{}/{occasion}", call.id.execution_id, call.id.step_id),
            call,
        };
        let id = task.call.id.clone();
        self.calls.insert(id, task.spawn(place));
    }

    fn occupy(&self, call: &Call) -> Option<SlotGuard> {
        let agent = call.agent.as_ref()?;
        Some(self.engine.queues.occupy(agent, self.engine.ports.agents.concurrency(agent)))
    }
}
