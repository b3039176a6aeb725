//! What a store promises about claims: one node only, in order, within limits.

use std::{collections::HashSet, sync::Arc};

use procession_domain::{
    definition::Priority,
    execution::ExecutionStatus,
    value::{ExecutionId, Timestamp},
};

use super::{
    given::{Published, Stores, agent, at, at_once, much_later, timer},
    run::Launch,
};
use procession_application::ports::{Claim, ClaimKind, ClaimRequest, Lease, WorkScope};

/// An execution is claimed when its time has come, the earliest first, no more than asked for, and once.
pub async fn due_executions_are_claimed_in_order_and_once(stores: &Stores) {
    let lease = stores.node().await;
    let process = stores.published("report", vec![timer("wait", &[])]).await;
    let mut ids = Vec::new();
    for second in [30, 10, 20] {
        ids.push(waiting(stores, &process, lease, at(second)).await);
    }
    assert_eq!(stores.executions.next_attention(&WorkScope::All).await.unwrap(), Some(at(610)));
    assert_eq!(stores.claim(lease, at(609)).await, []);
    let request = ClaimRequest { lease, now: at(625), most: 1, most_running: 100, scope: WorkScope::All };
    let mut claimed = Vec::new();
    for _ in 0..3 {
        claimed.extend(stores.executions.claim(request.clone()).await.unwrap());
    }
    let due = |execution_id| Claim { execution_id, kind: ClaimKind::Due };
    assert_eq!(claimed, [due(ids[1]), due(ids[2])]);
    assert_eq!(stores.claim(lease, at(630)).await, [due(ids[0])]);
    assert_eq!(stores.executions.owned_and_due(lease, much_later()).await.unwrap(), [], "a claim is an answer to it");
}

/// Claims by two nodes, and by two tasks of one node, never overlap, and leave nothing.
pub async fn claims_at_once_never_overlap(stores: &Stores) {
    let leases = [stores.node().await, stores.node().await];
    let process = stores.published("report", vec![timer("wait", &[])]).await;
    let mut expected = HashSet::new();
    for _ in 0..60 {
        expected.insert(waiting(stores, &process, leases[1], at(1)).await);
        expected.insert(stores.queued(&process).await);
    }
    let claimers: Vec<_> = (0..8)
        .map(|number: usize| {
            let (executions, lease) = (Arc::clone(&stores.executions), leases[number % 2]);
            async move {
                let mut claimed = Vec::new();
                for _ in 0..40 {
                    let request =
                        ClaimRequest { lease, now: at(700), most: 5, most_running: 1_000, scope: WorkScope::All };
                    claimed.extend(executions.claim(request).await.unwrap());
                }
                claimed.into_iter().map(|claim| claim.execution_id).collect::<Vec<_>>()
            }
        })
        .collect();
    let claimed: Vec<ExecutionId> = at_once(claimers).await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), expected.len());
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), expected);
}

/// Pending executions are admitted by priority, and by age within it.
pub async fn pending_executions_are_admitted_by_priority_and_age(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let order =
        [(Priority::Normal, 5), (Priority::Low, 1), (Priority::High, 9), (Priority::Normal, 3), (Priority::High, 7)];
    let mut ids = Vec::new();
    for (priority, second) in order {
        let launch = Launch { priority, at: at(second), ..Launch::default() };
        ids.push(stores.launched(&process, launch).await.id());
    }
    let lease = stores.node().await;
    let mut admitted = Vec::new();
    for room in 1..=5 {
        let request = ClaimRequest { lease, now: at(20), most: 100, most_running: room, scope: WorkScope::All };
        let claims = stores.executions.claim(request).await.unwrap();
        assert_eq!((claims.len(), claims[0].kind), (1, ClaimKind::Admitted));
        admitted.push(claims[0].execution_id);
    }
    assert_eq!(admitted, [4, 2, 3, 0, 1].map(|place: usize| ids[place]));
}

/// Several that are admitted together come in the order of their places.
pub async fn those_admitted_together_come_in_order(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut ids = Vec::new();
    for second in (0..20).rev() {
        let launch = Launch { at: at(second), ..Launch::default() };
        ids.push(stores.launched(&process, launch).await.id());
    }
    ids.reverse();
    let claims = stores.claim(stores.node().await, at(30)).await;
    assert_eq!(claims.iter().map(|claim| claim.execution_id).collect::<Vec<_>>(), ids);
}

/// Only as many roots are admitted as may be in work; what merely waits leaves its place to others.
pub async fn only_so_many_roots_are_in_work(stores: &Stores) {
    let process = stores.published("report", vec![timer("wait", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.admitted(&process, lease).await;
    for _ in 0..3 {
        stores.queued(&process).await;
    }
    let request = ClaimRequest { lease, now: at(2), most: 100, most_running: 2, scope: WorkScope::All };
    assert_eq!(stores.executions.claim(request.clone()).await.unwrap().len(), 1);
    assert_eq!(stores.executions.claim(request.clone()).await.unwrap(), []);
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    assert_eq!(stores.executions.claim(request.clone()).await.unwrap().len(), 1);
    assert_eq!(stores.executions.claim(request).await.unwrap(), []);
}

/// Those that wake up are never held back by the limit of those in work.
pub async fn those_that_wake_up_are_not_held_back(stores: &Stores) {
    let process = stores.published("report", vec![timer("wait", &[])]).await;
    let lease = stores.node().await;
    for _ in 0..3 {
        waiting(stores, &process, lease, at(1)).await;
    }
    stores.queued(&process).await;
    let request = ClaimRequest { lease, now: at(700), most: 100, most_running: 1, scope: WorkScope::All };
    let claims = stores.executions.claim(request).await.unwrap();
    assert_eq!(claims.len(), 3);
    assert!(claims.iter().all(|claim| claim.kind == ClaimKind::Due));
}

/// A process's own limit holds per name; others pass by those that it holds back.
pub async fn a_processs_own_limit_holds_back_only_its_own(stores: &Stores) {
    let limited = stores.published("limited", vec![agent("a", &[])]).await;
    let second = stores.published_from(super::given::definition("limited", "2", vec![agent("a", &[])])).await;
    let free = stores.published("free", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut ids = Vec::new();
    let launches = [(&limited, 1), (&second, 2), (&limited, 3), (&limited, 4), (&free, 5), (&free, 6)];
    for (process, second) in launches {
        let limit = (process.process.name.as_str() == "limited").then_some(2);
        let launch = Launch { at: at(second), instance_limit: limit, ..Launch::default() };
        ids.push(stores.launched(process, launch).await.id());
    }
    let admitted = |claims: Vec<Claim>| claims.into_iter().map(|claim| claim.execution_id).collect::<Vec<_>>();
    assert_eq!(admitted(stores.claim(lease, at(9)).await), [0, 1, 4, 5].map(|place: usize| ids[place]));
    assert_eq!(stores.claim(lease, at(9)).await, []);
    let mut run = super::run::Run::loaded(stores, &limited, ids[0], lease).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    assert_eq!(stores.claim(lease, at(9)).await, []);
    stores.executions.commit(Arc::new(run.finish(at(10), "a"))).await.unwrap();
    assert_eq!(admitted(stores.claim(lease, at(11)).await), [ids[2]]);
}

/// A long queue of held-back executions does not hide those behind it.
pub async fn a_long_queue_of_held_back_executions_hides_nobody(stores: &Stores) {
    let limited = stores.published("limited", vec![agent("a", &[])]).await;
    let free = stores.published("free", vec![agent("a", &[])]).await;
    for second in 0..300 {
        let launch = Launch { at: at(second), instance_limit: Some(1), ..Launch::default() };
        stores.launched(&limited, launch).await;
    }
    let last = stores.launched(&free, Launch { at: at(900), ..Launch::default() }).await;
    let claims = stores.claim(stores.node().await, at(901)).await;
    assert_eq!(claims.len(), 2);
    assert_eq!(claims[1].execution_id, last.id());
}

/// In a scope only what is in it is claimed: due, pending, left over or a sub-process. The rest stays as it is, and holds
/// nobody back, neither in the queue nor by what belongs to a node that is gone.
pub async fn a_scope_leaves_what_is_outside_of_it(stores: &Stores) {
    let pausing = stores.published("pause", vec![timer("wait", &[])]).await;
    let working = stores.published("work", vec![agent("write", &[])]).await;
    let limited = stores.published("report", vec![agent("write", &[])]).await;
    let gone = stores.executions.join(stores.id(), at(0), at(30)).await.unwrap();
    let (other, own) = (waiting(stores, &pausing, gone, at(1)).await, waiting(stores, &pausing, gone, at(2)).await);
    let mut left_over = Vec::new();
    for process in [&working, &working, &limited] {
        let mut run = stores.admitted(process, gone).await;
        stores.executions.commit(Arc::new(run.begin())).await.unwrap();
        left_over.push(run.id());
    }
    let launch = |second| Launch { at: at(second), instance_limit: Some(1), ..Launch::default() };
    let ahead = stores.launched(&limited, launch(3)).await.id();
    let behind = stores.launched(&limited, launch(4)).await.id();
    let lease = stores.executions.join(stores.id(), at(60), much_later()).await.unwrap();

    let scope = WorkScope::Below(vec![own, left_over[1], behind]);
    let claim = |scope: &WorkScope, most_running| {
        let request = ClaimRequest { lease, now: at(700), most: 100, most_running, scope: scope.clone() };
        async { stores.executions.claim(request).await.unwrap() }
    };
    assert_eq!(stores.executions.next_attention(&scope).await.unwrap(), Some(at(602)));
    let found = |execution_id, kind| Claim { execution_id, kind };
    assert_eq!(
        claim(&scope, 3).await,
        [found(left_over[1], ClaimKind::TakenOver), found(own, ClaimKind::Due), found(behind, ClaimKind::Admitted)]
    );
    assert_eq!(claim(&scope, 100).await, []);
    assert_eq!(stores.executions.next_attention(&scope).await.unwrap(), None);
    assert_eq!(stores.executions.next_attention(&WorkScope::All).await.unwrap(), Some(at(601)));
    let rest = claim(&WorkScope::All, 100).await;
    let orphans = [left_over[0], left_over[2]].map(|id| found(id, ClaimKind::TakenOver));
    assert_eq!(rest, [orphans.as_slice(), &[found(other, ClaimKind::Due)]].concat());
    let status = stores.stored(ahead).await.standing.status;
    assert_eq!(status, ExecutionStatus::Pending, "its process is at its limit");
}

/// One execution is claimed whatever its time of attention, unless another node has it.
pub async fn one_execution_is_claimed_unless_another_node_has_it(stores: &Stores) {
    let process = stores.published("report", vec![timer("wait", &[])]).await;
    let old = stores.executions.join(stores.id(), at(0), at(30)).await.unwrap();
    let id = waiting(stores, &process, old, at(1)).await;
    let unknown = ExecutionId::new(stores.id());
    assert!(!stores.executions.claim_one(old, unknown, at(2)).await.unwrap());
    assert!(stores.executions.claim_one(old, id, at(2)).await.unwrap());
    assert!(stores.executions.claim_one(old, id, at(2)).await.unwrap(), "it has it already");
    assert_eq!(stores.claim(old, at(700)).await, []);
    let stale = Lease { epoch: old.epoch + 1, ..old };
    assert!(!stores.executions.claim_one(stale, id, at(2)).await.unwrap(), "nobody has this lease");
    let new = stores.executions.join(stores.id(), at(60), much_later()).await.unwrap();
    assert!(stores.executions.claim_one(new, id, at(61)).await.unwrap(), "its owner is gone");
    assert!(!stores.executions.claim_one(old, id, at(62)).await.unwrap());
}

/// A signal that has called attention is still seen after its execution was claimed once more by its owner.
pub async fn claiming_what_one_has_forgets_no_signal(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let run = stores.admitted(&process, lease).await;
    let signal = procession_domain::execution::Signal::BudgetRaised;
    stores.executions.signal(run.id(), signal, at(3)).await.unwrap();
    assert!(stores.executions.claim_one(lease, run.id(), at(4)).await.unwrap());
    assert_eq!(stores.executions.owned_and_due(lease, at(4)).await.unwrap(), [run.id()]);
}

/// A node is told all that it owns, and nothing else.
pub async fn a_node_knows_what_it_owns(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut own = vec![stores.admitted(&process, lease).await.id(), stores.admitted(&process, lease).await.id()];
    stores.queued(&process).await;
    let mut released = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(released.begin())).await.unwrap();
    stores.executions.commit(Arc::new(released.finish(at(2), "a"))).await.unwrap();
    let mut owned = stores.executions.owned(lease).await.unwrap();
    owned.sort();
    own.sort();
    assert_eq!(owned, own);
    assert_eq!(stores.executions.owned(Lease { epoch: lease.epoch + 1, ..lease }).await.unwrap(), []);
}

/// An execution that waits for ten minutes from `now` on, and that nobody owns.
async fn waiting(stores: &Stores, process: &Published, lease: Lease, now: Timestamp) -> ExecutionId {
    let mut run = stores.admitted(process, lease).await;
    let commit = run.turn(now, &[procession_domain::execution::Command::Start]);
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    run.id()
}
