//! What happens, in the log: a line for each start, end, failure and decision, with ids and names. Nothing that agents
//! answered or people wrote is in it.

use procession_application::{
    access::Principal,
    events::{Events, Subscription},
    ports::{FeedError, StoredEvent},
};
use procession_domain::event::{ApprovalEvent, AttemptEvent, Direction, Event, ProcessEvent, StepError};

/// Writes the log until the store closes.
pub async fn keep(events: Events, mut live: Subscription) {
    let everyone = Principal::system();
    loop {
        match live.next().await {
            Ok(told) => events.visible(&everyone, &told, |_| true).into_iter().for_each(note),
            Err(FeedError::Lagged(count)) => tracing::warn!(count, "more happened than the log could keep up with"),
            Err(FeedError::Closed) => return,
        }
    }
}

fn note(stored: &StoredEvent) {
    match stored.event() {
        Event::Process(event) => note_process(stored, event),
        Event::Attempt(step, direction, event) => note_attempt(stored, step.as_str(), *direction, event),
        Event::Approval(step, approval, ApprovalEvent::Decided(verdict)) => {
            let by = verdict.decided_by.as_deref().unwrap_or_default();
            let (id, process) = names(stored);
            tracing::info!(execution = %id, process, %step, %approval, decision = verdict.decision.as_str(), by, "decided");
        }
        Event::Approval(..) | Event::Step(..) | Event::Child(..) => {}
    }
}

fn note_process(stored: &StoredEvent, event: &ProcessEvent) {
    let (id, process) = names(stored);
    match event {
        ProcessEvent::Started { .. } => {
            let version = stored.creation.process.version;
            tracing::info!(execution = %id, process, %version, by = stored.creation.triggered_by, "execution started");
        }
        ProcessEvent::Completed { duration, .. } => {
            tracing::info!(execution = %id, process, ms = duration.as_millis(), "execution completed");
        }
        ProcessEvent::Failed { error, .. } => {
            let step = error.step_id.as_ref().map(ToString::to_string).unwrap_or_default();
            tracing::info!(execution = %id, process, code = %error.code, step, "execution failed");
        }
        ProcessEvent::Cancelled(cancellation) => {
            tracing::info!(execution = %id, process, by = cancellation.cancelled_by, "execution cancelled");
        }
        ProcessEvent::RollBackStarted { count, .. } => {
            tracing::info!(execution = %id, process, count, "execution rolls back");
        }
        ProcessEvent::Created(_)
        | ProcessEvent::Paused(_)
        | ProcessEvent::Resumed { .. }
        | ProcessEvent::BudgetWarning { .. }
        | ProcessEvent::BudgetRaised { .. } => {}
    }
}

fn note_attempt(stored: &StoredEvent, step: &str, direction: Direction, event: &AttemptEvent) {
    let (id, process) = names(stored);
    match (direction, event) {
        (Direction::Do, AttemptEvent::Failed { error: StepError { code, .. }, .. }) => {
            tracing::info!(execution = %id, process, step, %code, "step failed");
        }
        (Direction::Undo, AttemptEvent::Failed { error: StepError { code, .. }, .. }) => {
            tracing::info!(execution = %id, process, step, %code, "step could not be undone");
        }
        (_, AttemptEvent::Retrying { attempt, error: StepError { code, .. }, .. }) => {
            tracing::info!(execution = %id, process, step, attempt, %code, "attempt failed; another one follows");
        }
        (
            Direction::Do | Direction::Undo,
            AttemptEvent::Started(_)
            | AttemptEvent::Submitted { .. }
            | AttemptEvent::Waiting(_)
            | AttemptEvent::Resumed { .. }
            | AttemptEvent::Interrupted { .. }
            | AttemptEvent::Completed { .. }
            | AttemptEvent::CostRecorded { .. },
        ) => {}
    }
}

/// The execution's id, and its process's name.
fn names(stored: &StoredEvent) -> (procession_domain::value::ExecutionId, &str) {
    (stored.execution_id, stored.creation.process.name.as_str())
}
