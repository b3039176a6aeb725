//! What every history of an execution must be, however it came about.

use std::{collections::BTreeSet, sync::Arc};

use procession_application::ports::StoredEvent;
use procession_domain::{
    event::{AttemptEvent, Event, Recorded},
    execution::Execution,
};

/// Checks an execution that has ended against its stored events: they are numbered without gaps, add up to the stored
/// state, start no attempt twice, and nothing comes after the end but late costs.
pub fn check_history(execution: &Execution, stored: &[StoredEvent]) {
    let id = execution.id();
    let story: Vec<String> = stored.iter().map(told).collect();
    assert!(execution.status().is_ended(), "{id} has not ended: {story:?}");
    let sequences: Vec<u64> = stored.iter().map(StoredEvent::sequence).collect();
    assert_eq!(sequences, (1..=stored.len() as u64).collect::<Vec<_>>(), "{id}: {story:?}");
    assert!(stored.is_sorted_by(|before, after| before.id < after.id), "{id}: {story:?}");
    let after_end = stored.iter().skip_while(|event| !event.event().ends_execution()).skip(1);
    for event in after_end {
        assert!(
            matches!(event.event(), Event::Attempt(_, _, AttemptEvent::CostRecorded { .. })),
            "{id} went on after its end: {story:?}"
        );
    }
    let mut attempts = BTreeSet::new();
    for event in stored {
        if let Event::Attempt(step, direction, AttemptEvent::Started(start)) = event.event()
            && !start.again
        {
            let is_new = attempts.insert((step.clone(), *direction, start.attempt));
            assert!(is_new, "{id} started twice: {story:?}");
        }
    }
    let recorded: Vec<Recorded> = stored.iter().map(|event| (*event.recorded).clone()).collect();
    let creation = Arc::clone(execution.creation());
    let replayed = Execution::replay(id, Arc::clone(execution.definition()), creation, &recorded).unwrap();
    assert_eq!(replayed, *execution, "the events of {id} add up to another state: {story:?}");
}

/// An event in few words: `StepStarted write`.
pub fn told(event: &StoredEvent) -> String {
    let step = event.event().step_id().map(|step| format!(" {step}")).unwrap_or_default();
    format!("{}{step}", event.event().event_type())
}
