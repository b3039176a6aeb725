//! What a store promises about commits: whole or not at all, and only on what they were decided on.

use std::sync::Arc;

use procession_domain::{
    execution::{Execution, ExecutionStatus, Signal, Snapshot},
    value::{ContentHash, ExecutionId},
};
use uuid::Uuid;

use super::{
    given::{Published, Stores, agent, at, at_once, definition, sub_process, timer},
    run::{Launch, Run, advance},
};
use procession_application::ports::{ClaimKind, Commit, CommitError, Content, Lease, StoreError, WorkScope};

/// A commit is read back as it was written: state, changed steps, events, values.
pub async fn a_commit_is_read_back_as_it_was_written(stores: &Stores) {
    let steps = vec![agent("a", &[]), agent("b", &[]), agent("c", &["a"])];
    let process = stores.published("report", steps).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let first = run.begin();
    stores.executions.commit(Arc::new(first.clone())).await.unwrap();
    let second = run.finish(at(2), "a");
    stores.executions.commit(Arc::new(second.clone())).await.unwrap();
    let loaded = Run::loaded(stores, &process, run.id(), run.lease).await;
    assert_eq!(loaded.execution, run.execution);
    let events = stores.feed.after(1, Some(run.id()), 100).await.unwrap();
    let written: Vec<_> = first.events.iter().chain(&second.events).collect();
    assert_eq!(events.len(), written.len());
    for (stored, event) in events.iter().zip(written) {
        assert_eq!(&stored.recorded, event);
        assert_eq!(&stored.creation, run.execution.creation());
    }
    for value in first.values.iter().chain(&second.values) {
        let stored = stores.executions.value(run.id(), value.value.hash).await.unwrap();
        assert_eq!(stored.as_ref(), Some(&value.content));
    }
    assert_eq!(stores.executions.newest_event_time().await.unwrap(), Some(at(2)));
}

/// A value in the blob store is known as such; one that was never written is not known.
pub async fn a_value_says_where_it_is(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let mut commit = run.begin();
    let blob = Content::Blob { key: "executions/x/steps/a/input/1/y".into(), preview: "{\"message\":\"a long".into() };
    commit.values[0].content = blob.clone();
    let hash = commit.values[0].value.hash;
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    assert_eq!(stores.executions.value(run.id(), hash).await.unwrap(), Some(blob));
    assert_eq!(stores.executions.value(run.id(), ContentHash::new([7; 32])).await.unwrap(), None);
    let other = ExecutionId::new(stores.id());
    assert_eq!(stores.executions.value(other, hash).await.unwrap(), None);
}

/// What was stored as a snapshot need not be read again; with the events after it, it gives the same execution.
pub async fn an_execution_is_read_as_its_newest_snapshot_and_what_came_after_it(stores: &Stores) {
    let steps = vec![agent("a", &[]), agent("b", &["a"]), agent("c", &["b"])];
    let process = stores.published("report", steps).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    for (commit, keeps) in [(run.begin(), false), (run.finish(at(2), "a"), true), (run.finish(at(3), "b"), false)] {
        let snapshot = keeps.then(|| snapshot_at(&run, &commit, &process));
        stores.executions.commit(Arc::new(Commit { snapshot, ..commit })).await.unwrap();
    }
    let loaded = stores.stored(run.id()).await;
    let sequence = loaded.snapshot.as_ref().unwrap().state.sequence;
    assert!(sequence < loaded.standing.sequence);
    let numbers: Vec<u64> = loaded.events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (sequence + 1..=loaded.standing.sequence).collect::<Vec<_>>());
    assert_eq!(loaded.execution(Arc::clone(&process.definition)).unwrap(), run.execution);
    assert_eq!(stores.feed.after(0, Some(run.id()), 100).await.unwrap().len() as u64, loaded.standing.sequence);
}

/// The state as it was after a commit, though the run may have gone on since.
fn snapshot_at(run: &Run, commit: &Commit, process: &Published) -> Snapshot {
    let mut events = run.history.clone();
    events.retain(|event| event.sequence <= commit.standing.sequence);
    let events: Vec<_> = events.iter().map(|event| (**event).clone()).collect();
    let (definition, creation) = (Arc::clone(&process.definition), Arc::clone(&commit.creation));
    Execution::replay(run.id(), definition, creation, &events).unwrap().snapshot()
}

/// A commit on an older state than the stored one is a conflict, and so is one on a newer state.
pub async fn a_commit_on_another_state_is_a_conflict(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &[])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    let mut late = run.clone();
    stores.executions.commit(Arc::new(run.finish(at(2), "a"))).await.unwrap();
    refused(stores, &run, late.finish(at(3), "b")).await;
    let mut ahead = run.clone();
    ahead.turn(at(4), &[]);
    let mut commit = ahead.finish(at(4), "b");
    advance(&mut commit);
    refused(stores, &run, commit).await;
}

/// A commit of an execution that nobody knows is a conflict.
pub async fn a_commit_of_an_unknown_execution_is_a_conflict(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let admit = Some(stores.node().await);
    let (mut run, _) = Launch { admit, ..Launch::default() }.prepare(stores, &process);
    let result = stores.executions.commit(Arc::new(run.begin())).await;
    assert!(matches!(result, Err(CommitError::Conflict)));
    assert_eq!(stores.feed.newest().await.unwrap(), 0);
}

/// A commit under another node's lease, an older or newer epoch, or none, is a conflict.
pub async fn a_commit_under_another_lease_is_a_conflict(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    let strangers = [
        Lease { node: stores.id(), ..lease },
        Lease { epoch: lease.epoch + 1, ..lease },
        Lease { epoch: lease.epoch - 1, ..lease },
        Lease { node: Uuid::nil(), epoch: 0 },
    ];
    for stranger in strangers {
        let mut other = run.clone();
        other.lease = stranger;
        refused(stores, &run, other.finish(at(2), "a")).await;
    }
    stores.executions.commit(Arc::new(run.finish(at(2), "a"))).await.unwrap();
}

/// Who has given an execution back can't commit to it any more.
pub async fn a_commit_after_the_release_is_a_conflict(stores: &Stores) {
    let process = stores.published("report", vec![timer("wait", &[]), agent("a", &["wait"])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let commit = run.begin();
    assert!(commit.release, "a timer runs in nobody's memory");
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    let mut late = run.clone();
    refused(stores, &run, late.turn(at(700), &[])).await;
}

/// An owner whose execution was taken over can't commit to it any more.
pub async fn a_commit_after_a_take_over_is_a_conflict(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let old = stores.executions.join(stores.id(), at(0), at(30)).await.unwrap();
    let mut run = stores.admitted(&process, old).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    let new = stores.executions.join(stores.id(), at(60), at(90)).await.unwrap();
    let claims = stores.claim(new, at(61)).await;
    assert_eq!((claims.len(), claims[0].kind), (1, ClaimKind::TakenOver));
    let mut late = run.clone();
    refused(stores, &run, late.finish(at(62), "a")).await;
    run.lease = new;
    stores.executions.commit(Arc::new(run.finish(at(62), "a"))).await.unwrap();
}

/// A commit that is repeated, since its answer was lost, is a conflict and doubles nothing.
pub async fn a_repeated_commit_is_a_conflict_and_doubles_nothing(stores: &Stores) {
    let child = stores.published("child", vec![agent("work", &[])]).await;
    let steps = vec![agent("a", &[]), sub_process("run", &child, true)];
    let process = stores.published_from(definition("parent", "1", steps)).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    run.give_child("run", &child);
    let commit = run.begin();
    assert_eq!(commit.children.len(), 1);
    stores.executions.commit(Arc::new(commit.clone())).await.unwrap();
    refused(stores, &run, commit).await;
    assert_eq!(stores.queries.children(run.id()).await.unwrap().len(), 1);
}

/// A commit whose events don't follow its state is refused, and not as a conflict that loading anew could heal.
pub async fn a_commit_with_a_gap_in_its_events_is_refused(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let commit = run.begin();
    let mut gap = commit.clone();
    gap.events.remove(0);
    let mut ahead = commit.clone();
    ahead.standing.sequence += 1;
    for broken in [gap, ahead] {
        let result = stores.executions.commit(Arc::new(broken)).await;
        assert!(matches!(result, Err(CommitError::Store(StoreError::Corrupt(_)))));
    }
    assert_eq!(stores.feed.newest().await.unwrap(), 1);
    stores.executions.commit(Arc::new(commit)).await.unwrap();
}

/// Of many commits at once, the bad ones are refused and harm no others.
pub async fn bad_commits_among_many_harm_no_others(stores: &Stores) {
    let child = stores.published("child", vec![agent("work", &[])]).await;
    let process = stores.published_from(definition("parent", "1", vec![sub_process("run", &child, true)])).await;
    let lease = stores.node().await;
    let taken = stores.queued(&child).await;
    let mut commits = Vec::new();
    for number in 0..60_usize {
        let mut run = stores.admitted(&process, lease).await;
        run.give_child("run", &child);
        let mut commit = run.begin();
        let harm = Harm::of(number);
        harm.spoil(&mut commit, taken);
        commits.push((harm, run, commit));
    }
    let newest = stores.feed.newest().await.unwrap();
    let tasks: Vec<_> = commits
        .into_iter()
        .map(|(harm, run, commit)| {
            let executions = Arc::clone(&stores.executions);
            async move { (harm, run, executions.commit(Arc::new(commit)).await) }
        })
        .collect();
    let mut written = 0;
    for (harm, run, result) in at_once(tasks).await {
        let stored = stores.stored(run.id()).await;
        let children = stores.queries.children(run.id()).await.unwrap().len();
        if harm.is_as_expected(&result) && result.is_ok() {
            assert_eq!((stored.standing, children), (run.execution.standing(), 1));
            written += 1;
        } else {
            assert!(harm.is_as_expected(&result), "{harm:?}: {result:?}");
            assert_eq!((stored.standing.sequence, children), (1, 0));
        }
    }
    assert_eq!(written, 30);
    let events = stores.feed.after(newest, None, 1_000).await.unwrap();
    assert_eq!(events.len(), written * 5, "four events of a parent, one of its child");
}

/// What is wrong with one of many commits.
#[derive(Debug, Clone, Copy)]
enum Harm {
    None,
    StaleState,
    StaleEpoch,
    /// A child whose id is taken: the store can't write it.
    TakenChild,
}

impl Harm {
    const fn of(number: usize) -> Self {
        match number % 6 {
            1 => Self::StaleState,
            3 => Self::StaleEpoch,
            5 => Self::TakenChild,
            _ => Self::None,
        }
    }

    fn spoil(self, commit: &mut Commit, taken: ExecutionId) {
        match self {
            Self::None => {}
            Self::StaleState => advance(commit),
            Self::StaleEpoch => commit.lease.epoch += 1,
            Self::TakenChild => {
                let child = &mut commit.children[0];
                let (creation, definition) = (child.execution.creation(), child.execution.definition());
                let again = Execution::create(taken, Arc::clone(definition), (**creation).clone(), at(1));
                (child.execution, child.created) = (again.0, Arc::new(again.1));
            }
        }
    }

    const fn is_as_expected<T>(self, result: &Result<T, CommitError>) -> bool {
        match self {
            Self::None => result.is_ok(),
            Self::StaleState | Self::StaleEpoch => matches!(result, Err(CommitError::Conflict)),
            Self::TakenChild => matches!(result, Err(CommitError::Store(StoreError::Corrupt(_)))),
        }
    }
}

/// Two commits of one execution that are sent one after the other, without waiting, are both written in order.
pub async fn commits_sent_in_a_row_are_written_in_order(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &["a"]), agent("c", &["b"])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let commits = [run.begin(), run.finish(at(2), "a"), run.finish(at(3), "b"), run.finish(at(4), "c")];
    let answers = futures::future::join_all(commits.map(|commit| stores.executions.commit(Arc::new(commit)))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let loaded = Run::loaded(stores, &process, run.id(), run.lease).await;
    assert_eq!(loaded.execution, run.execution);
    assert_eq!(loaded.execution.status(), ExecutionStatus::Completed);
}

/// A released execution needs attention when its commit says so, and nobody owns it until it is claimed.
pub async fn a_released_execution_needs_attention_when_it_said(stores: &Stores) {
    let process = stores.published("report", vec![timer("wait", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    assert_eq!(stores.executions.next_attention(&WorkScope::All).await.unwrap(), Some(at(601)));
    assert_eq!(stores.claim(lease, at(600)).await, []);
    let claims = stores.claim(lease, at(601)).await;
    assert_eq!((claims.len(), claims[0].kind), (1, ClaimKind::Due));
    assert_eq!(stores.executions.next_attention(&WorkScope::All).await.unwrap(), None);
}

/// The cost of a call that becomes known late is recorded on an execution that has ended.
pub async fn an_ended_execution_still_records_a_late_cost(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    let call = run.open_call("a");
    stores.executions.commit(Arc::new(run.cancel(at(2)))).await.unwrap();
    assert!(stores.executions.claim_one(lease, run.id(), at(3)).await.unwrap());
    let usage = procession_domain::event::Usage::of_cost(Some("0.10".parse().unwrap()));
    let late = procession_domain::execution::Command::LateCost { call, usage };
    let commit = run.turn(at(3), &[late]);
    assert_eq!(commit.events.len(), 1);
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    let loaded = Run::loaded(stores, &process, run.id(), lease).await;
    assert_eq!(loaded.execution, run.execution);
    assert_eq!(loaded.execution.status(), ExecutionStatus::Cancelled);
    let nobody = stores.executions.signal(run.id(), Signal::BudgetRaised, at(4)).await;
    assert!(nobody.is_ok());
    assert_eq!(stores.executions.next_attention(&WorkScope::All).await.unwrap(), None);
}

/// The commit is a conflict, and nothing of it is stored.
pub(super) async fn refused(stores: &Stores, stored: &Run, commit: Commit) {
    let newest = stores.feed.newest().await.unwrap();
    let result = stores.executions.commit(Arc::new(commit)).await;
    assert!(matches!(result, Err(CommitError::Conflict)), "{result:?}");
    let process = Published {
        process: stored.execution.creation().process.clone(),
        definition: Arc::clone(stored.execution.definition()),
    };
    let loaded = Run::loaded(stores, &process, stored.id(), stored.lease).await;
    assert_eq!(loaded.execution, stored.execution);
    assert_eq!(stores.feed.newest().await.unwrap(), newest);
}
