//! What a store promises about nodes: each has one lease, and what belongs to a node that is gone is taken over.

use std::sync::Arc;

use procession_domain::{execution::ExecutionStatus, value::ExecutionId};

use super::{
    given::{Stores, agent, at, much_later, timer},
    run::Run,
};
use procession_application::ports::{Claim, ClaimKind, ClaimRequest, WorkScope};

/// Each time a node joins it gets a new epoch, higher than all before.
pub async fn epochs_rise(stores: &Stores) {
    let node = stores.id();
    let first = stores.executions.join(node, at(0), at(10)).await.unwrap();
    let second = stores.executions.join(node, at(1), at(11)).await.unwrap();
    stores.executions.leave(second).await.unwrap();
    let third = stores.executions.join(node, at(2), at(12)).await.unwrap();
    assert!(first.epoch < second.epoch && second.epoch < third.epoch);
    assert!([first, second, third].iter().all(|lease| lease.node == node));
}

/// A lease is prolonged as long as nobody has noticed its end; afterwards only joining again helps.
pub async fn a_lease_is_prolonged_until_its_end_is_noticed(stores: &Stores) {
    let old = stores.executions.join(stores.id(), at(0), at(30)).await.unwrap();
    assert!(stores.executions.renew(old, at(40)).await.unwrap());
    let superseded = procession_application::ports::Lease { epoch: old.epoch - 1, ..old };
    assert!(!stores.executions.renew(superseded, at(50)).await.unwrap());
    let new = stores.executions.join(stores.id(), at(60), at(90)).await.unwrap();
    assert!(!stores.executions.renew(old, at(100)).await.unwrap());
    assert!(stores.executions.renew(new, at(100)).await.unwrap());
    stores.executions.leave(new).await.unwrap();
    assert!(!stores.executions.renew(new, at(110)).await.unwrap());
}

/// A node whose lease has ended claims nothing, neither what is due nor what is pending.
pub async fn a_node_without_a_lease_claims_nothing(stores: &Stores) {
    let process = stores.published("report", vec![timer("wait", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    stores.queued(&process).await;
    stores.executions.leave(lease).await.unwrap();
    assert_eq!(stores.claim(lease, at(700)).await, []);
    assert!(!stores.executions.claim_one(lease, run.id(), at(700)).await.unwrap());
    let stranger = procession_application::ports::Lease { node: stores.id(), epoch: 1 };
    assert_eq!(stores.claim(stranger, at(700)).await, []);
    assert_eq!(stores.claim(stores.node().await, at(700)).await.len(), 2);
}

/// What a node had in work when its lease ran out is taken over, once, with all that it had committed.
pub async fn what_a_dead_node_had_is_taken_over(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &["a"])]).await;
    let old = stores.executions.join(stores.id(), at(0), at(30)).await.unwrap();
    let mut runs = Vec::new();
    for _ in 0..3 {
        let mut run = stores.admitted(&process, old).await;
        stores.executions.commit(Arc::new(run.begin())).await.unwrap();
        stores.executions.commit(Arc::new(run.finish(at(2), "a"))).await.unwrap();
        runs.push(run);
    }
    let new = stores.executions.join(stores.id(), at(60), much_later()).await.unwrap();
    let request = ClaimRequest { lease: new, now: at(61), most: 2, most_running: 100, scope: WorkScope::All };
    let mut claims = stores.executions.claim(request.clone()).await.unwrap();
    assert_eq!(claims.len(), 2, "no more than asked for");
    claims.extend(stores.executions.claim(request.clone()).await.unwrap());
    assert!(claims.iter().all(|claim| claim.kind == ClaimKind::TakenOver));
    let mut taken: Vec<ExecutionId> = claims.iter().map(|claim| claim.execution_id).collect();
    taken.sort_unstable();
    assert_eq!(taken, runs.iter().map(Run::id).collect::<Vec<_>>());
    assert_eq!(stores.executions.claim(request).await.unwrap(), []);
    for run in &runs {
        let loaded = Run::loaded(stores, &process, run.id(), new).await;
        assert_eq!(loaded.execution, run.execution);
    }
}

/// A node that leaves gives back what it still has.
pub async fn what_a_leaving_node_had_is_taken_over(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let old = stores.node().await;
    let mut run = stores.admitted(&process, old).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    stores.executions.leave(old).await.unwrap();
    let claims = stores.claim(stores.node().await, at(2)).await;
    let expected = Claim { execution_id: run.id(), kind: ClaimKind::TakenOver };
    assert_eq!(claims, [expected]);
}

/// A node that had to join again takes its own executions over: their runs are of the old epoch.
pub async fn a_node_that_joins_again_takes_over_its_own(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let node = stores.id();
    let old = stores.executions.join(node, at(0), at(30)).await.unwrap();
    let mut run = stores.admitted(&process, old).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    let new = stores.executions.join(node, at(60), much_later()).await.unwrap();
    assert_eq!(stores.claim(old, at(61)).await, []);
    let claims = stores.claim(new, at(61)).await;
    assert_eq!((claims.len(), claims[0].kind), (1, ClaimKind::TakenOver));
    let mut late = run.clone();
    super::commits::refused(stores, &run, late.finish(at(62), "a")).await;
}

/// What a dead node had only been given room for goes back to the queue, to its old place and within the limits.
pub async fn what_a_dead_node_had_not_begun_is_admitted_anew(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let old = stores.executions.join(stores.id(), at(0), at(30)).await.unwrap();
    let first = stores.admitted(&process, old).await;
    let second = stores.admitted(&process, old).await;
    let new = stores.executions.join(stores.id(), at(60), much_later()).await.unwrap();
    let request = ClaimRequest { lease: new, now: at(61), most: 100, most_running: 1, scope: WorkScope::All };
    let claims = stores.executions.claim(request).await.unwrap();
    let admitted = |run: &Run| Claim { execution_id: run.id(), kind: ClaimKind::Admitted };
    assert_eq!(claims, [admitted(&first)]);
    assert_eq!(stores.stored(first.id()).await.standing.status, ExecutionStatus::Pending);
    assert_eq!(stores.claim(new, at(61)).await, [admitted(&second)]);
}
