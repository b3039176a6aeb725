//! What a store promises about removing what is old, and about executions that come from another store.

use std::sync::Arc;

use procession_domain::{
    event::Recorded,
    execution::ExecutionStatus,
    value::{ContentHash, Currency, ExecutionId},
};

use super::{
    given::{Stores, agent, at, sub_process},
    run::{Launch, Run},
};
use procession_application::ports::{
    AuditAnchor, AuditEntry, AuditOutcome, AuditedResource, CommitError, Content, CopyOutcome, Counted, EndedStep,
    EventPage, ExecutionCopy, Grouping, IdGenerator, KeptPart, NewValue, Origin, Purged, Removal,
};

/// An execution that has ended at this second.
async fn ended_at(stores: &Stores, second: i64) -> Run {
    let process = stores.published(&format!("report-{second}"), vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.launched(&process, Launch { at: at(0), admit: Some(lease), ..Launch::default() }).await;
    for commit in [run.begin(), run.finish(at(second), "a")] {
        stores.executions.commit(Arc::new(commit)).await.unwrap();
    }
    assert_eq!(run.execution.status(), ExecutionStatus::Completed);
    run
}

async fn overdue(stores: &Stores, part: KeptPart, second: i64) -> Vec<ExecutionId> {
    let found = stores.retention.overdue(part, at(second), 10).await.unwrap();
    found.into_iter().map(|overdue| overdue.id).collect()
}

/// Removes a part of executions in as many steps as the store wants.
async fn purge(stores: &Stores, part: KeptPart, runs: &[&Run]) -> Purged {
    let state = |run: &Run| (part == KeptPart::Events).then(|| Box::new(run.execution.snapshot()));
    let mut removals: Vec<Removal> = runs.iter().map(|run| Removal { id: run.id(), state: state(run) }).collect();
    let mut purged = Purged::default();
    while !removals.is_empty() {
        let step = stores.retention.purge(part, removals.clone()).await.unwrap();
        purged = purged.plus(step.purged);
        removals.drain(..step.settled);
    }
    purged
}

/// Ended executions are found by their end, and live ones never.
pub async fn what_has_ended_before_a_time_is_overdue(stores: &Stores) {
    let process = stores.published("live", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    stores.admitted(&process, lease).await;
    let (late, early) = (ended_at(stores, 50).await, ended_at(stores, 20).await);
    for part in [KeptPart::Whole, KeptPart::Events, KeptPart::Values] {
        assert_eq!(overdue(stores, part, 20).await, [], "{part:?}");
        assert_eq!(overdue(stores, part, 21).await, [early.id()], "{part:?}");
        assert_eq!(overdue(stores, part, 99).await, [early.id(), late.id()], "{part:?}");
    }
    assert_eq!(stores.retention.count_overdue(KeptPart::Whole, at(99)).await.unwrap(), 2);
    assert!(stores.retention.count_overdue(KeptPart::Events, at(99)).await.unwrap() > 4);
}

/// A sub-process is not overdue before what runs it is.
pub async fn a_sub_process_is_not_overdue_before_its_parent(stores: &Stores) {
    let child = stores.published("child", vec![agent("a", &[])]).await;
    let parent = stores.published("parent", vec![sub_process("run", &child, true)]).await;
    let lease = stores.node().await;
    let mut run = stores.launched(&parent, Launch { admit: Some(lease), ..Launch::default() }).await;
    run.give_child("run", &child);
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    let children = stores.queries.children(run.id()).await.unwrap();
    assert!(stores.executions.claim_one(lease, children[0], at(5)).await.unwrap());
    let mut held = Run::loaded(stores, &child, children[0], lease).await;
    for commit in [held.begin(), held.finish(at(6), "a")] {
        stores.executions.commit(Arc::new(commit)).await.unwrap();
    }
    assert_eq!(held.execution.status(), ExecutionStatus::Completed);
    assert_eq!(overdue(stores, KeptPart::Whole, 99).await, []);
    assert_eq!(overdue(stores, KeptPart::Values, 99).await, []);
    // Ended itself, it takes its sub-process along.
    assert!(stores.executions.claim_one(lease, run.id(), at(40)).await.unwrap());
    let mut cancel = run.cancel(at(40));
    let told = stores.executions.inbox(run.id(), 0).await.unwrap();
    cancel.seen = told.last().unwrap().number;
    stores.executions.commit(Arc::new(cancel)).await.unwrap();
    assert_eq!(run.execution.status(), ExecutionStatus::Cancelled);
    assert_eq!(overdue(stores, KeptPart::Whole, 40).await, []);
    assert_eq!(overdue(stores, KeptPart::Whole, 41).await, [children[0], run.id()]);
}

/// Without its events an execution is as it was, and hears of a late cost as before.
pub async fn without_its_events_an_execution_keeps_its_state(stores: &Stores) {
    let (gone, kept) = (ended_at(stores, 20).await, ended_at(stores, 50).await);
    let purged = purge(stores, KeptPart::Events, &[&gone]).await;
    assert_eq!(purged, Purged { events: gone.history.len() as u64, ..Purged::default() });
    let first = EventPage { offset: 0, limit: 10 };
    assert_eq!(stores.queries.events(gone.id(), first).await.unwrap(), []);
    assert!(!stores.queries.events(kept.id(), first).await.unwrap().is_empty());
    let loaded = stores.stored(gone.id()).await;
    let execution = loaded.execution(Arc::clone(gone.execution.definition())).unwrap();
    assert_eq!(execution.state(), gone.execution.state());
    assert_eq!(overdue(stores, KeptPart::Events, 99).await, [kept.id()], "it is done with");
    assert_eq!(overdue(stores, KeptPart::Values, 99).await, [gone.id(), kept.id()]);
    let newest = stores.feed.newest().await.unwrap();
    assert!(newest >= (gone.history.len() + kept.history.len()) as u64, "numbers of events are not used again");
}

/// Events stay when the state that is to be kept is not that of the last one.
pub async fn events_stay_where_the_state_is_an_older_one(stores: &Stores) {
    let run = ended_at(stores, 20).await;
    let mut state = run.execution.snapshot();
    state.state.sequence -= 1;
    let removals = vec![Removal { id: run.id(), state: Some(Box::new(state)) }];
    let step = stores.retention.purge(KeptPart::Events, removals).await.unwrap();
    assert_eq!((step.purged, step.settled), (Purged::default(), 1));
    assert_eq!(overdue(stores, KeptPart::Events, 99).await, [run.id()]);
}

/// Values go alone.
pub async fn without_its_values_an_execution_says_that_they_are_gone(stores: &Stores) {
    let run = ended_at(stores, 20).await;
    let input = run.execution.creation().input.hash;
    assert!(stores.executions.value(run.id(), input).await.unwrap().is_some());
    let purged = purge(stores, KeptPart::Values, &[&run]).await;
    assert!(purged.values > 0 && purged.events == 0 && purged.executions == 0, "{purged:?}");
    assert_eq!(stores.executions.value(run.id(), input).await.unwrap(), None);
    assert_eq!(overdue(stores, KeptPart::Values, 99).await, []);
    assert_eq!(stores.transfer.values_of(run.id()).await.unwrap(), []);
}

/// An execution goes with all that belongs to it, and nothing else does.
pub async fn an_execution_goes_with_all_that_belongs_to_it(stores: &Stores) {
    let runs = [ended_at(stores, 20).await, ended_at(stores, 30).await, ended_at(stores, 40).await];
    let kept = ended_at(stores, 50).await;
    let purged = purge(stores, KeptPart::Whole, &[&runs[0], &runs[1], &runs[2]]).await;
    assert_eq!(purged.executions, 3);
    for run in &runs {
        assert!(stores.executions.load(run.id()).await.unwrap().is_none());
        let first = EventPage { offset: 0, limit: 10 };
        assert_eq!(stores.queries.events(run.id(), first).await.unwrap(), []);
    }
    assert!(stores.executions.load(kept.id()).await.unwrap().is_some());
    assert_eq!(overdue(stores, KeptPart::Whole, 99).await, [kept.id()]);
}

/// Figures are the same before and after what they count is removed, part by part.
pub async fn figures_stay_when_executions_go(stores: &Stores) {
    let runs = [ended_at(stores, 20).await, ended_at(stores, 30).await];
    let everything =
        Counted { from: at(-100_000), until: at(100_000), user: None, process_id: None, process_name: None };
    let figures = async || {
        let grouping = Grouping { days: &[at(-100_000)], by_process: true };
        let store = &stores.stores.analytics;
        let of_runs = store.run_figures(&everything, grouping, Currency::USD).await.unwrap();
        (of_runs, store.step_figures(&everything, Currency::USD).await.unwrap())
    };
    let before = figures().await;
    assert_eq!((before.0.len(), before.1.len()), (2, 2));
    for part in [KeptPart::Values, KeptPart::Events, KeptPart::Whole] {
        purge(stores, part, &[&runs[0], &runs[1]]).await;
        assert_eq!(figures().await, before, "{part:?}");
    }
    assert!(stores.executions.load(runs[0].id()).await.unwrap().is_none());
}

/// A live execution is not removed, whoever asks for it.
pub async fn a_live_execution_is_never_removed(stores: &Stores) {
    let process = stores.published("live", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.admitted(&process, lease).await;
    for part in [KeptPart::Whole, KeptPart::Events, KeptPart::Values] {
        assert_eq!(purge(stores, part, &[&run]).await, Purged::default(), "{part:?}");
    }
    let begun: Result<_, CommitError> = stores.executions.commit(Arc::new(run.begin())).await;
    begun.unwrap();
}

/// What is in the archive is known to be.
pub async fn what_is_in_the_archive_is_known_to_be(stores: &Stores) {
    let (first, second) = (ended_at(stores, 20).await, ended_at(stores, 30).await);
    stores.retention.mark_archived(&[second.id()]).await.unwrap();
    let found = stores.retention.overdue(KeptPart::Whole, at(99), 10).await.unwrap();
    let archived: Vec<(ExecutionId, bool)> = found.iter().map(|one| (one.id, one.is_archived)).collect();
    assert_eq!(archived, [(first.id(), false), (second.id(), true)]);
}

/// The audit trail is purged up to its anchor, and goes on from there.
pub async fn the_audit_trail_is_purged_up_to_its_anchor(stores: &Stores) {
    for second in 0..6 {
        stores.audit.append(&entry(stores, second, "process.publish")).await.unwrap();
    }
    let all = stores.audit.after(0, 10).await.unwrap();
    assert_eq!(stores.audit.anchor().await.unwrap(), AuditAnchor::NONE);
    assert_eq!(stores.retention.purge_audit().await.unwrap(), 0, "nothing goes before the anchor has moved");
    assert_eq!(stores.retention.audit_before(at(0)).await.unwrap(), None);
    let last = stores.retention.audit_before(at(99)).await.unwrap().unwrap();
    assert_eq!(last.number, 5, "the newest stays");
    let to = stores.retention.audit_before(at(3)).await.unwrap().unwrap();
    assert_eq!(to, AuditAnchor { number: 3, hash: all[2].hash });

    stores.retention.move_audit_anchor(to, &entry(stores, 7, "audit.purge")).await.unwrap();
    assert_eq!(stores.audit.anchor().await.unwrap(), to);
    let mut gone = 0;
    loop {
        match stores.retention.purge_audit().await.unwrap() {
            0 => break,
            some => gone += some,
        }
    }
    assert_eq!(gone, 3);
    let left = stores.audit.after(0, 10).await.unwrap();
    assert_eq!(left[..3], all[3..]);
    assert_eq!((left[0].previous, left[3].number), (to.hash, 7));
    assert_eq!(stores.retention.audit_before(at(3)).await.unwrap(), None, "there is nothing behind the anchor");
    assert_eq!(stores.audit.ever().await.unwrap(), 7);
}

/// An execution of another store comes whole, and is known the second time.
pub async fn an_execution_of_another_store_comes_whole_and_once(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.launched(&process, Launch { at: at(0), admit: Some(lease), ..Launch::default() }).await;
    for commit in [run.begin(), run.finish(at(9), "a")] {
        stores.executions.commit(Arc::new(commit)).await.unwrap();
    }
    let values = stores.transfer.values_of(run.id()).await.unwrap();
    let events: Vec<Arc<Recorded>> = run.history.clone();
    let copy = ExecutionCopy {
        execution: run.execution.clone(),
        ended_steps: EndedStep::of(&run.execution, &events),
        events,
        state: None,
        values: values.iter().map(new_value).collect(),
        approvals: Vec::new(),
        dismissed_at: Some(at(10)),
    };
    assert_eq!(stores.transfer.put_copy(copy.clone()).await.unwrap(), CopyOutcome::Known);
    purge(stores, KeptPart::Whole, &[&run]).await;

    let mut live = stores.feed.subscribe();
    let before = stores.feed.newest().await.unwrap();
    assert_eq!(stores.transfer.put_copy(copy.clone()).await.unwrap(), CopyOutcome::Written);
    assert_eq!(stores.transfer.put_copy(copy).await.unwrap(), CopyOutcome::Known);
    let loaded = stores.stored(run.id()).await;
    let execution = loaded.execution(Arc::clone(&process.definition)).unwrap();
    assert_eq!(execution.state(), run.execution.state());
    assert_eq!(stores.transfer.values_of(run.id()).await.unwrap(), values);
    assert_eq!(stores.queries.dismissed_at(run.id()).await.unwrap(), Some(at(10)));
    let told = stores.feed.after(before, None, 100).await.unwrap();
    assert_eq!(told.len(), run.history.len(), "its events come behind all others");
    assert!(live.try_recv().is_err(), "nobody is told of what has happened elsewhere");
    assert_eq!(overdue(stores, KeptPart::Whole, 99).await, [run.id()]);
}

/// An execution of a process that is not there does not come.
pub async fn an_execution_without_its_process_does_not_come(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let (run, _) = Launch::default().prepare(stores, &process);
    let mut creation = (**run.execution.creation()).clone();
    creation.process.id = procession_domain::value::ProcessId::new(stores.ids.new_id());
    let id = ExecutionId::new(stores.ids.new_id());
    let (execution, created) =
        procession_domain::execution::Execution::create(id, Arc::clone(&process.definition), creation, at(0));
    let copy = ExecutionCopy {
        execution,
        events: vec![Arc::new(created)],
        state: None,
        values: Vec::new(),
        approvals: Vec::new(),
        ended_steps: Vec::new(),
        dismissed_at: None,
    };
    assert_eq!(stores.transfer.put_copy(copy).await.unwrap(), CopyOutcome::ProcessGone);
    assert!(stores.executions.load(id).await.unwrap().is_none());
}

fn new_value((hash, content): &(ContentHash, Content)) -> NewValue {
    let size = match content {
        Content::Inline(text) => text.len() as u64,
        Content::Blob { .. } => 0,
    };
    let value = procession_domain::event::ValueRef { hash: *hash, size };
    NewValue { value, content: content.clone() }
}

fn entry(stores: &Stores, second: i64, action: &str) -> AuditEntry {
    AuditEntry {
        id: stores.ids.new_id(),
        at: at(second),
        actor: "ada".to_owned(),
        via: "session".to_owned(),
        key_id: None,
        origin: Origin::default(),
        action: action.to_owned(),
        resource: AuditedResource { kind: "process".to_owned(), ..AuditedResource::default() },
        outcome: AuditOutcome::Done,
        reason: None,
    }
}
