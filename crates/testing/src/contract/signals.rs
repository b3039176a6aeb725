//! What a store promises about signals: none is lost, whenever it arrives.

use std::sync::Arc;

use procession_domain::{
    execution::{CommandError, ExecutionStatus, Signal},
    value::ExecutionId,
};

use super::{
    commits::refused,
    given::{Stores, agent, approval, at, at_once, timer},
    run::{Launch, Run},
};
use procession_application::ports::{ClaimKind, SignalError, WorkScope};

/// A signal comes into the inbox, in which numbers rise and are never used again.
pub async fn signals_get_rising_numbers_that_are_never_used_again(stores: &Stores) {
    let mut run = running(stores).await;
    let mut last = 0;
    for round in 0..3 {
        stores.executions.signal(run.id(), pause(), at(2)).await.unwrap();
        stores.executions.signal(run.id(), Signal::BudgetRaised, at(2)).await.unwrap();
        let rows = stores.executions.inbox(run.id(), last).await.unwrap();
        assert_eq!(rows.len(), 2, "round {round}");
        assert_eq!((&rows[0].signal, &rows[1].signal), (&pause(), &Signal::BudgetRaised));
        assert!(rows[0].number > last && rows[1].number > rows[0].number);
        assert_eq!(stores.stored(run.id()).await.inbox, rows);
        assert_eq!(stores.executions.inbox(run.id(), rows[0].number).await.unwrap(), rows[1..]);
        last = rows[1].number;
        stores.executions.commit(Arc::new(run.hear(at(3), &rows))).await.unwrap();
        assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap(), []);
        stores.executions.signal(run.id(), resume(), at(4)).await.unwrap();
        let rows = stores.executions.inbox(run.id(), last).await.unwrap();
        last = rows[0].number;
        stores.executions.commit(Arc::new(run.hear(at(5), &rows))).await.unwrap();
    }
}

/// A commit that ends the execution is a conflict while a signal waits that it has not seen.
pub async fn a_signal_between_load_and_ending_commit_is_a_conflict(stores: &Stores) {
    let mut run = running(stores).await;
    stores.executions.commit(Arc::new(run.finish(at(2), "a"))).await.unwrap();
    let mut ending = run.clone();
    let ending = ending.finish(at(3), "b");
    assert!(ending.ends());
    stores.executions.signal(run.id(), pause(), at(3)).await.unwrap();
    refused(stores, &run, ending).await;
    assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap().len(), 1, "only its own commit takes it");
    let rows = stores.executions.inbox(run.id(), 0).await.unwrap();
    stores.executions.commit(Arc::new(run.hear(at(4), &rows))).await.unwrap();
    assert_eq!(run.execution.status(), ExecutionStatus::Paused);
    stores.executions.commit(Arc::new(run.finish(at(5), "b"))).await.unwrap();
    assert_eq!(stores.stored(run.id()).await.standing, run.execution.standing());
}

/// Any other commit is then written, says so, and the execution needs attention at once, whatever was asked for.
pub async fn a_signal_between_load_and_another_commit_calls_attention(stores: &Stores) {
    let mut run = running(stores).await;
    let mut commit = run.finish(at(2), "a");
    commit.attention_at = Some(at(900));
    stores.executions.signal(run.id(), pause(), at(2)).await.unwrap();
    let committed = stores.executions.commit(Arc::new(commit)).await.unwrap();
    assert!(committed.has_unseen_signals);
    assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap().len(), 1);
    assert_eq!(stores.executions.owned_and_due(run.lease, at(3)).await.unwrap(), [run.id()]);
    let rows = stores.executions.inbox(run.id(), 0).await.unwrap();
    let committed = stores.executions.commit(Arc::new(run.hear(at(4), &rows))).await.unwrap();
    assert!(!committed.has_unseen_signals);
    assert_eq!(stores.executions.owned_and_due(run.lease, at(4)).await.unwrap(), []);
}

/// The same for a commit that gives the execution back: it is due at once.
pub async fn a_signal_before_a_release_makes_the_execution_due(stores: &Stores) {
    let process = stores.published("report", vec![timer("wait", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.admitted(&process, lease).await;
    let commit = run.begin();
    assert!(commit.release);
    stores.executions.signal(run.id(), cancel(), at(1)).await.unwrap();
    assert!(stores.executions.commit(Arc::new(commit)).await.unwrap().has_unseen_signals);
    let claims = stores.claim(lease, at(2)).await;
    assert_eq!((claims.len(), claims[0].kind), (1, ClaimKind::Due));
}

/// Signals up to the last one seen go with the commit that took them, and only with it; newer ones stay.
pub async fn seen_signals_go_with_their_commit_and_only_then(stores: &Stores) {
    let mut run = running(stores).await;
    stores.executions.signal(run.id(), Signal::BudgetRaised, at(2)).await.unwrap();
    stores.executions.signal(run.id(), pause(), at(2)).await.unwrap();
    let rows = stores.executions.inbox(run.id(), 0).await.unwrap();
    let mut stale = run.clone();
    stale.lease.epoch += 1;
    refused(stores, &run, stale.hear(at(3), &rows)).await;
    assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap(), rows);
    let committed = stores.executions.commit(Arc::new(run.hear(at(3), &rows[..1]))).await.unwrap();
    assert!(committed.has_unseen_signals);
    assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap(), rows[1..]);
}

/// A signal makes an execution need attention at once: one that waits, one that is owned, and one that is pending.
pub async fn a_signal_calls_attention_wherever_the_execution_is(stores: &Stores) {
    let process = stores.published("report", vec![timer("wait", &[])]).await;
    let lease = stores.node().await;
    let mut waiting = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(waiting.begin())).await.unwrap();
    let owned = running(stores).await;
    let launch = Launch { instance_limit: Some(0), ..Launch::default() };
    let pending = stores.launched(&process, launch).await;
    for id in [waiting.id(), owned.id(), pending.id()] {
        stores.executions.signal(id, cancel(), at(5)).await.unwrap();
    }
    assert_eq!(stores.executions.next_attention(&WorkScope::All).await.unwrap(), Some(at(5)));
    assert_eq!(stores.claim(lease, at(4)).await, []);
    let claims = stores.claim(owned.lease, at(5)).await;
    let mut due: Vec<ExecutionId> = claims.iter().map(|claim| claim.execution_id).collect();
    due.sort_unstable();
    assert_eq!(due, [waiting.id(), pending.id()]);
    assert!(claims.iter().all(|claim| claim.kind == ClaimKind::Due));
    assert_eq!(stores.executions.owned_and_due(owned.lease, at(4)).await.unwrap(), []);
    assert_eq!(stores.executions.owned_and_due(owned.lease, at(5)).await.unwrap(), [owned.id()]);
}

/// A command must fit the committed state: unknown, ended, or not paused, it is refused and leaves nothing.
pub async fn a_command_that_does_not_fit_is_refused(stores: &Stores) {
    let unknown = stores.executions.signal(ExecutionId::new(stores.id()), cancel(), at(1)).await;
    assert!(matches!(unknown, Err(SignalError::Unknown)));
    let mut run = running(stores).await;
    let refused = stores.executions.signal(run.id(), resume(), at(1)).await;
    assert!(matches!(refused, Err(SignalError::Refused(CommandError::NotPaused))));
    stores.executions.signal(run.id(), pause(), at(2)).await.unwrap();
    let rows = stores.executions.inbox(run.id(), 0).await.unwrap();
    stores.executions.commit(Arc::new(run.hear(at(3), &rows))).await.unwrap();
    let refused = stores.executions.signal(run.id(), pause(), at(4)).await;
    assert!(matches!(refused, Err(SignalError::Refused(CommandError::AlreadyPaused))));
    stores.executions.commit(Arc::new(run.cancel(at(5)))).await.unwrap();
    let refused = stores.executions.signal(run.id(), cancel(), at(6)).await;
    let status = ExecutionStatus::Cancelled;
    assert!(matches!(refused, Err(SignalError::Refused(CommandError::Ended { status: ended, .. })) if ended == status));
    assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap(), []);
    let pending = stores.launched(&stores.published("queue", vec![agent("a", &[])]).await, Launch::default()).await;
    let refused = stores.executions.signal(pending.id(), pause(), at(1)).await;
    assert!(matches!(refused, Err(SignalError::Refused(CommandError::NotStarted { .. }))));
}

/// The same command twice, before the first is carried out, is refused; what comes from inside is not.
pub async fn the_same_command_does_not_wait_twice(stores: &Stores) {
    let run = running(stores).await;
    stores.executions.signal(run.id(), pause(), at(2)).await.unwrap();
    let twice = stores.executions.signal(run.id(), pause(), at(3)).await;
    assert!(matches!(twice, Err(SignalError::Waiting)));
    stores.executions.signal(run.id(), cancel(), at(3)).await.unwrap();
    for _ in 0..2 {
        stores.executions.signal(run.id(), Signal::BudgetRaised, at(3)).await.unwrap();
    }
    assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap().len(), 4);
}

/// Of the same commands at once, one waits.
pub async fn of_the_same_commands_at_once_one_waits(stores: &Stores) {
    let run = running(stores).await;
    let commands: Vec<_> = (0..16)
        .map(|_| {
            let (executions, id) = (std::sync::Arc::clone(&stores.executions), run.id());
            async move { executions.signal(id, cancel(), at(2)).await }
        })
        .collect();
    let results = at_once(commands).await;
    let waiting = |result: &&Result<(), SignalError>| matches!(result, Err(SignalError::Waiting));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(waiting).count(), 15);
    assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap().len(), 1);
}

/// Signals and ending commits at once: either the signal came first and the commit is a conflict, or the execution has
/// ended and the command is refused. Never both succeed.
pub async fn a_signal_and_an_ending_commit_at_once_never_both_succeed(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut pairs = Vec::new();
    for _ in 0..32 {
        let mut run = stores.admitted(&process, lease).await;
        stores.executions.commit(Arc::new(run.begin())).await.unwrap();
        let (executions, id) = (std::sync::Arc::clone(&stores.executions), run.id());
        let ending = run.finish(at(2), "a");
        pairs.push(async move {
            let signalling = std::sync::Arc::clone(&executions);
            let signal = tokio::spawn(async move { signalling.signal(id, cancel(), at(2)).await });
            let committed = executions.commit(Arc::new(ending)).await;
            (id, signal.await.unwrap().is_ok(), committed.is_ok())
        });
    }
    for (id, signalled, ended) in at_once(pairs).await {
        assert!(signalled != ended, "exactly one comes first");
        let loaded = stores.stored(id).await;
        assert_eq!(loaded.inbox.len(), usize::from(signalled));
        assert_eq!(loaded.standing.status.is_ended(), ended);
    }
}

/// An execution in memory of a node, with `a` under way, then `b`, and a decision beside them.
async fn running(stores: &Stores) -> Run {
    let steps = vec![agent("a", &[]), agent("b", &["a"])];
    let name = format!("report {}", stores.id());
    let process = stores.published(&name, steps).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    run
}

/// A person's decision reaches the inbox of an execution that waits for people only.
pub async fn a_paused_execution_hears_signals(stores: &Stores) {
    let process = stores.published("report", vec![approval("ok", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    assert_eq!(run.execution.status(), ExecutionStatus::Paused);
    stores.executions.signal(run.id(), cancel(), at(7)).await.unwrap();
    let claims = stores.claim(lease, at(7)).await;
    assert_eq!(claims.len(), 1);
    let loaded = stores.stored(run.id()).await;
    stores.executions.commit(Arc::new(run.hear(at(8), &loaded.inbox))).await.unwrap();
    assert_eq!(stores.stored(run.id()).await.standing.status, ExecutionStatus::Cancelled);
}

fn pause() -> Signal {
    Signal::Pause { by: "ada".into() }
}

fn resume() -> Signal {
    Signal::Resume { by: "ada".into() }
}

fn cancel() -> Signal {
    Signal::Cancel { by: "ada".into(), reason: Some("enough".into()), compensate: false }
}
