//! What a store promises about starts.

use std::sync::Arc;

use procession_domain::{
    definition::{Budget, BudgetAction},
    execution::ExecutionStatus,
    value::Timestamp,
};

use super::{
    given::{Published, Stores, agent, at, at_once, definition, some_value},
    run::Launch,
};
use procession_application::ports::{ClaimKind, Content, IdempotencyKey, KeptStart, StartError, Started, WorkScope};

/// What a start answers that has to wait to be admitted.
const QUEUED: Started = Started::Created { admitted: false };

/// A start is read back as it was made: creation, state, value, first event; nobody owns it and it waits to be admitted.
pub async fn a_start_is_read_back(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let launch = Launch {
        user: Some("ada".into()),
        labels: [("team".to_owned(), "blue".to_owned())].into_iter().collect(),
        ..Launch::default()
    };
    let (run, start) = launch.prepare(stores, &process);
    assert_eq!(stores.executions.start(start.clone()).await.unwrap(), QUEUED);
    let loaded = stores.stored(run.id()).await;
    assert_eq!(&loaded.creation, run.execution.creation());
    assert_eq!(loaded.standing, run.execution.standing());
    assert_eq!(loaded.execution(Arc::clone(&process.definition)).unwrap(), run.execution);
    assert_eq!((loaded.inbox.len(), loaded.ledger), (0, None));
    let events = stores.feed.after(0, None, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].recorded, start.events[0]);
    assert_eq!((events[0].process_id(), events[0].process_name()), (process.process.id, &process.process.name));
    let value = stores.executions.value(run.id(), some_value().hash).await.unwrap();
    assert!(matches!(value, Some(Content::Inline(text)) if &*text == "{}"));
    assert_eq!(stores.executions.next_attention(&WorkScope::All).await.unwrap(), None);
}

/// A start whose process was deleted meanwhile is refused.
pub async fn a_start_without_its_process_is_refused(stores: &Stores) {
    let draft = stores.draft("report", "1", at(0)).await;
    let process = Published {
        process: procession_domain::event::ProcessRef {
            id: draft.id(),
            name: draft.definition().name().clone(),
            version: draft.definition().version(),
        },
        definition: Arc::clone(draft.definition()),
    };
    stores.definitions.delete(draft.id()).await.unwrap();
    let (run, start) = Launch::default().prepare(stores, &process);
    let refused = stores.executions.start(start).await;
    assert!(matches!(refused, Err(StartError::ProcessGone)));
    assert!(stores.executions.load(run.id()).await.unwrap().is_none());
    assert_eq!(stores.feed.newest().await.unwrap(), 0);
}

/// The same key with the same digest leads to the first execution, and starts nothing.
pub async fn the_same_key_leads_to_the_first_execution(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let (first, start) = keyed("k", "digest", at(0)).prepare(stores, &process);
    assert_eq!(stores.executions.start(start).await.unwrap(), QUEUED);
    let (second, start) = keyed("k", "digest", at(80)).prepare(stores, &process);
    assert_eq!(stores.executions.start(start).await.unwrap(), Started::Before(first.id()));
    assert!(stores.executions.load(second.id()).await.unwrap().is_none());
    let (_, start) = keyed("another", "digest", at(0)).prepare(stores, &process);
    assert_eq!(stores.executions.start(start).await.unwrap(), QUEUED);
}

/// The same key with another digest is refused.
pub async fn the_same_key_with_another_request_is_refused(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let (_, start) = keyed("k", "one", at(0)).prepare(stores, &process);
    stores.executions.start(start).await.unwrap();
    let (second, start) = keyed("k", "two", at(1)).prepare(stores, &process);
    let refused = stores.executions.start(start).await;
    assert!(matches!(refused, Err(StartError::KeyReused)));
    assert!(stores.executions.load(second.id()).await.unwrap().is_none());
}

/// A key tells which execution it has started, as long as it is kept.
pub async fn a_key_tells_what_it_has_started(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let (run, start) = keyed("k", "one", at(0)).prepare(stores, &process);
    stores.executions.start(start).await.unwrap();
    let kept = stores.queries.started_under("k", at(99)).await.unwrap();
    assert_eq!(kept, Some(KeptStart { digest: "one".to_owned(), execution_id: run.id() }));
    assert_eq!(stores.queries.started_under("k", at(100)).await.unwrap(), None);
    assert_eq!(stores.queries.started_under("another", at(0)).await.unwrap(), None);
}

/// A key that has expired can be used anew, and is then kept for the new execution.
pub async fn an_expired_key_can_be_used_anew(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let (_, start) = keyed("k", "one", at(0)).prepare(stores, &process);
    stores.executions.start(start).await.unwrap();
    let (second, start) = keyed("k", "two", at(100)).prepare(stores, &process);
    assert_eq!(stores.executions.start(start).await.unwrap(), QUEUED);
    let (_, start) = keyed("k", "two", at(101)).prepare(stores, &process);
    assert_eq!(stores.executions.start(start).await.unwrap(), Started::Before(second.id()));
}

/// A sweep deletes the keys that have expired and no others.
pub async fn a_sweep_deletes_expired_keys(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    for (key, now) in [("old", at(0)), ("older", at(1)), ("young", at(50))] {
        let (_, start) = keyed(key, "one", now).prepare(stores, &process);
        stores.executions.start(start).await.unwrap();
    }
    assert_eq!(stores.executions.sweep(at(120)).await.unwrap(), 2);
    assert_eq!(stores.executions.sweep(at(120)).await.unwrap(), 0);
    let (_, start) = keyed("young", "two", at(120)).prepare(stores, &process);
    assert!(matches!(stores.executions.start(start).await, Err(StartError::KeyReused)));
}

/// Of many starts with one key at once, one creates an execution, to which the others lead.
pub async fn of_starts_with_one_key_at_once_one_creates(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let starts: Vec<_> = (0..16)
        .map(|_| {
            let executions = Arc::clone(&stores.executions);
            let (run, start) = keyed("k", "digest", at(0)).prepare(stores, &process);
            async move { (run.id(), executions.start(start).await.unwrap()) }
        })
        .collect();
    let results = at_once(starts).await;
    let created: Vec<_> = results.iter().filter(|(_, started)| *started == QUEUED).collect();
    assert_eq!(created.len(), 1);
    let before = results.iter().filter(|(_, started)| *started == Started::Before(created[0].0));
    assert_eq!(before.count(), 15);
    assert_eq!(stores.feed.newest().await.unwrap(), 1);
}

/// A start that is repeated under its own id, since its answer was lost, is the start made before.
pub async fn a_start_repeated_under_its_own_id_is_done_once(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let (run, start) = Launch::default().prepare(stores, &process);
    assert_eq!(stores.executions.start(start.clone()).await.unwrap(), QUEUED);
    assert_eq!(stores.executions.start(start).await.unwrap(), Started::Before(run.id()));
    assert_eq!(stores.feed.newest().await.unwrap(), 1);
}

/// Beyond the length of the queue a start is refused and leaves nothing, its key neither.
pub async fn the_queue_of_pending_executions_is_limited(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let launch = || Launch { queue_length: 2, ..keyed("k", "digest", at(0)) };
    for key in ["one", "two"] {
        let (_, start) = Launch { queue_length: 2, ..keyed(key, "digest", at(0)) }.prepare(stores, &process);
        stores.executions.start(start).await.unwrap();
    }
    let (_, start) = launch().prepare(stores, &process);
    let refused = stores.executions.start(start).await;
    assert!(matches!(refused, Err(StartError::QueueFull { pending: 2 })));
    assert_eq!(stores.feed.newest().await.unwrap(), 2);
    let lease = stores.node().await;
    let (_, start) = Launch { admit: Some(lease), queue_length: 2, ..Launch::default() }.prepare(stores, &process);
    let refused = stores.executions.start(start).await;
    assert!(matches!(refused, Err(StartError::QueueFull { pending: 2 })), "nobody goes past those who wait");
    assert_eq!(stores.claim(lease, at(1)).await.len(), 2);
    let (_, start) = launch().prepare(stores, &process);
    assert_eq!(stores.executions.start(start).await.unwrap(), QUEUED, "the key was not kept");
}

/// The queue's limit holds for starts at once too.
pub async fn the_queue_is_limited_for_starts_at_once(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let starts: Vec<_> = (0..32)
        .map(|_| {
            let executions = Arc::clone(&stores.executions);
            let (_, start) = Launch { queue_length: 5, ..Launch::default() }.prepare(stores, &process);
            async move { executions.start(start).await }
        })
        .collect();
    let results = at_once(starts).await;
    let full = |result: &&Result<Started, StartError>| matches!(result, Err(StartError::QueueFull { pending: 5 }));
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 5);
    assert_eq!(results.iter().filter(full).count(), 27);
}

/// An execution that is admitted at once belongs to its node: nobody claims it, and its node can commit.
pub async fn an_admitted_start_belongs_to_its_node(stores: &Stores) {
    let (process, lease) = (stores.published("report", vec![agent("a", &[])]).await, stores.node().await);
    let mut run = stores.admitted(&process, lease).await;
    assert_eq!(stores.claim(lease, at(10)).await, []);
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    assert_eq!(stores.stored(run.id()).await.standing.status, ExecutionStatus::Running);
}

/// Of starts at once, no more are admitted than the limit of the server leaves room for; the others wait.
pub async fn of_starts_at_once_as_many_are_admitted_as_there_is_room_for(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let admit = Some(stores.node().await);
    let starts: Vec<_> = (0..24)
        .map(|_| {
            let executions = Arc::clone(&stores.executions);
            let (_, start) = Launch { admit, most_running: 3, ..Launch::default() }.prepare(stores, &process);
            async move { executions.start(start).await.unwrap() }
        })
        .collect();
    let results = at_once(starts).await;
    let admitted = results.iter().filter(|started| **started == Started::Created { admitted: true });
    assert_eq!(admitted.count(), 3);
}

/// A start is admitted only within the limit of its process, and not past those who wait already.
pub async fn a_start_is_admitted_within_the_limit_of_its_process_and_past_nobody(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let other = stores.published("digest", vec![agent("a", &[])]).await;
    let admit = Some(stores.node().await);
    let start = async |process: &Published, instance_limit| {
        let (_, start) = Launch { admit, instance_limit, ..Launch::default() }.prepare(stores, process);
        stores.executions.start(start).await.unwrap()
    };
    assert_eq!(start(&process, Some(1)).await, Started::Created { admitted: true });
    assert_eq!(start(&other, Some(1)).await, Started::Created { admitted: true }, "each process has its own limit");
    assert_eq!(start(&process, Some(1)).await, QUEUED);
    assert_eq!(start(&other, None).await, QUEUED, "it waits behind the other one");
}

/// Who asks for admission under a lease that has ended gets a place in the queue.
pub async fn an_ended_lease_admits_nothing(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let ended = stores.node().await;
    stores.executions.leave(ended).await.unwrap();
    let run = stores.admitted(&process, ended).await;
    let lease = stores.node().await;
    let claims = stores.claim(lease, at(1)).await;
    assert_eq!(claims.len(), 1);
    assert_eq!((claims[0].execution_id, claims[0].kind), (run.id(), ClaimKind::Admitted));
}

/// The steps that an execution takes over from the one that it repeats are read back.
pub async fn what_a_retry_takes_over_is_read_back(stores: &Stores) {
    let steps = vec![agent("a", &[]), agent("b", &["a"])];
    let process = stores.published_from(definition("report", "1", steps)).await;
    let lease = stores.node().await;
    let mut failed = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(failed.begin())).await.unwrap();
    stores.executions.commit(Arc::new(failed.finish(at(2), "a"))).await.unwrap();
    stores.executions.commit(Arc::new(failed.cancel(at(3)))).await.unwrap();
    let (mut run, mut start) = Launch { at: at(9), ..Launch::default() }.prepare(stores, &process);
    let creation = (**run.execution.creation()).clone();
    let retried =
        procession_domain::execution::Execution::retry_from_failed(run.id(), &failed.execution, creation, at(9));
    let events;
    (run.execution, events) = retried.unwrap();
    start.events = events.into_iter().map(Arc::new).collect();
    start.execution = run.execution.clone();
    stores.executions.start(start).await.unwrap();
    let lease = stores.node().await;
    let loaded = super::run::Run::loaded(stores, &process, run.id(), lease).await;
    assert_eq!(loaded.execution, run.execution);
    assert!(loaded.execution.step("a").unwrap().1.is_terminal());
}

/// A start with a budget opens the ledger of its tree.
pub async fn a_start_with_a_budget_opens_a_ledger(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let budget = Budget { max_cost: "12.50 EUR".parse().unwrap(), action: BudgetAction::Ask };
    let run = stores.launched(&process, Launch { budget: Some(budget), ..Launch::default() }).await;
    let ledger = stores.stored(run.id()).await.ledger.unwrap();
    assert_eq!((ledger.limit.to_string().as_str(), ledger.action), ("12.50 EUR", BudgetAction::Ask));
    assert!(ledger.spent.is_zero());
}

/// A start with a key that is kept for a hundred seconds.
fn keyed(scope: &str, digest: &str, now: Timestamp) -> Launch {
    let key = IdempotencyKey {
        scope: scope.to_owned(),
        digest: digest.to_owned(),
        expires_at: now.saturating_add(procession_domain::value::Duration::from_secs(100)),
    };
    Launch { at: now, idempotency: Some(key), ..Launch::default() }
}
