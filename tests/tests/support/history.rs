//! What every history of an execution must be, however it came about.

use std::{collections::BTreeSet, sync::Arc};

use procession_application::ports::StoredEvent;
use procession_domain::{
    event::{Event, Recorded},
    execution::Execution,
};

/// Checks an execution that has ended against its stored events: they are numbered without gaps, add up to the stored
/// state, start no attempt twice, and nothing comes after the end but late costs.
pub fn check_history(execution: &Execution, stored: &[StoredEvent]) {
    let id = execution.id();
    let story: Vec<String> = stored.iter().map(told).collect();
    assert!(execution.status().is_ended(), "{id} has not ended: {story:?}");
    let sequences: Vec<u64> = stored.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=stored.len() as u64).collect::<Vec<_>>(), "{id}: {story:?}");
    assert!(stored.is_sorted_by(|before, after| before.id < after.id), "{id}: {story:?}");
    let after_end = stored.iter().skip_while(|event| !is_end(&event.event)).skip(1);
    for event in after_end {
        assert!(matches!(event.event, Event::CostRecorded { .. }), "{id} went on after its end: {story:?}");
    }
    let mut attempts = BTreeSet::new();
    for event in stored {
        if let Event::StepStarted(start) = &event.event
            && !start.again
        {
            assert!(attempts.insert((start.step_id.clone(), start.attempt)), "{id} started twice: {story:?}");
        }
    }
    let recorded: Vec<Recorded> = stored
        .iter()
        .map(|event| Recorded { sequence: event.sequence, at: event.at, event: event.event.clone() })
        .collect();
    let replayed = Execution::replay(id, Arc::clone(execution.definition()), &recorded).unwrap();
    assert_eq!(replayed, *execution, "the events of {id} add up to another state: {story:?}");
}

/// An event in few words: `StepStarted write`.
pub fn told(event: &StoredEvent) -> String {
    let step = event.event.step_id().map(|step| format!(" {step}")).unwrap_or_default();
    format!("{}{step}", event.event.event_type())
}

/// Whether it ends its execution.
pub const fn is_end(event: &Event) -> bool {
    matches!(event, Event::ProcessCompleted { .. } | Event::ProcessFailed { .. } | Event::ProcessCancelled(_))
}
