//! What a store promises about approvals: each is changed by one conditional write, and exactly one of vote, deadline and
//! cancel wins.

use std::sync::Arc;

use procession_domain::{
    approval::{Approval, ApprovalStatus, Ballot, Voter},
    execution::Signal,
    value::{ApprovalId, ExecutionId, Timestamp},
};

use super::{
    commits::refused,
    given::{Published, Stores, agent, approval, at, at_once, step_id},
    lists::{all_pages, first},
    run::Run,
};
use procession_application::ports::{
    ApprovalChange, ApprovalFilter, ApprovalStoreError, ApprovalWrite, Asked, ClaimKind, Lease, PageStart, Paging,
};

/// A request that an execution opens is read back, by its id and by its step.
pub async fn an_opened_request_is_read_back(stores: &Stores) {
    let (run, id) = asking(stores, stores.node().await).await;
    let row = stores.approvals.approval(id).await.unwrap().unwrap();
    let request = row.approval.request();
    assert_eq!((request.execution_id, request.step_id.as_str()), (run.id(), "ok"));
    assert_eq!((row.approval.status(), row.approval.revision()), (ApprovalStatus::Pending, 1));
    assert_eq!(row.process_name, run.execution.creation().process.name);
    let by_step = stores.approvals.of_step(run.id(), &step_id("ok")).await.unwrap();
    assert_eq!(by_step, Some(row));
    assert_eq!(stores.approvals.of_step(run.id(), &step_id("other")).await.unwrap(), None);
    assert_eq!(stores.approvals.approval(ApprovalId::new(stores.id())).await.unwrap(), None);
}

/// A vote writes the approval and the signal together, and its execution needs attention at once.
pub async fn a_vote_writes_the_approval_and_its_signal(stores: &Stores) {
    let lease = stores.node().await;
    let (run, id) = asking(stores, lease).await;
    let change = vote(stores, id, "ada", Ballot::Approve).await;
    stores.approvals.change(change.clone()).await.unwrap();
    let stored = stores.approvals.approval(id).await.unwrap().unwrap().approval;
    assert_eq!(stored, change.approval);
    assert_eq!(stored.status(), ApprovalStatus::Approved);
    let loaded = stores.stored(run.id()).await;
    assert_eq!((loaded.inbox.len(), &loaded.inbox[0].signal), (1, &change.signal));
    let claims = stores.claim(lease, at(5)).await;
    assert_eq!((claims.len(), claims[0].execution_id, claims[0].kind), (1, run.id(), ClaimKind::Due));
}

/// Of two votes at once, one gets an answer that it was too late, and leaves no signal.
pub async fn of_votes_at_once_one_is_stale(stores: &Stores) {
    let (run, id) = asking(stores, stores.node().await).await;
    let mut votes = Vec::new();
    for _ in 0..8 {
        for (voter, ballot) in [("ada", Ballot::Approve), ("bea", Ballot::Reject)] {
            let (approvals, change) = (Arc::clone(&stores.approvals), vote(stores, id, voter, ballot).await);
            votes.push(async move { approvals.change(change.clone()).await.map(|()| change) });
        }
    }
    let results = at_once(votes).await;
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(ApprovalStoreError::Stale))));
    let written: Vec<ApprovalChange> = results.into_iter().filter_map(Result::ok).collect();
    assert_eq!(written.len(), 1);
    let stored = stores.approvals.approval(id).await.unwrap().unwrap().approval;
    assert_eq!(stored, written[0].approval);
    let rows = stores.executions.inbox(run.id(), 0).await.unwrap();
    assert_eq!((rows.len(), &rows[0].signal), (1, &written[0].signal));
}

/// A change on an older revision is stale, as is one of a request that nobody knows.
pub async fn a_change_on_an_older_revision_is_stale(stores: &Stores) {
    let (run, id) = asking(stores, stores.node().await).await;
    let (first, second) = (delegation(stores, id, "cleo").await, delegation(stores, id, "dora").await);
    stores.approvals.change(first.clone()).await.unwrap();
    let stale = stores.approvals.change(second).await;
    assert!(matches!(stale, Err(ApprovalStoreError::Stale)));
    let stored = stores.approvals.approval(id).await.unwrap().unwrap().approval;
    assert_eq!((stored.status(), &stored), (ApprovalStatus::Pending, &first.approval));
    assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap().len(), 1);
    let mut request = stored.request().clone();
    request.id = ApprovalId::new(stores.id());
    let unknown = ApprovalChange { approval: Approval::open(request), before: 1, signal: first.signal };
    assert!(matches!(stores.approvals.change(unknown).await, Err(ApprovalStoreError::Stale)));
}

/// A deadline's effect is written while nobody has voted; a vote that comes afterwards is stale.
pub async fn a_settled_request_takes_no_vote(stores: &Stores) {
    let lease = stores.node().await;
    let (mut run, id) = asking(stores, lease).await;
    let vote = vote(stores, id, "ada", Ballot::Approve).await;
    assert!(stores.executions.claim_one(lease, run.id(), at(90_000)).await.unwrap());
    let commit = expire(stores, &mut run, id).await;
    assert!(matches!(commit.approvals[..], [ApprovalWrite::Settle(_)]));
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    let stored = stores.approvals.approval(id).await.unwrap().unwrap().approval;
    assert_eq!(stored.status(), ApprovalStatus::Expired);
    assert!(matches!(stores.approvals.change(vote).await, Err(ApprovalStoreError::Stale)));
    assert_eq!(stores.executions.inbox(run.id(), 0).await.unwrap(), []);
}

/// A deadline's effect is refused when a vote came first, and with it the whole commit.
pub async fn a_deadline_after_a_vote_is_a_conflict(stores: &Stores) {
    let lease = stores.node().await;
    let (run, id) = asking(stores, lease).await;
    assert!(stores.executions.claim_one(lease, run.id(), at(90_000)).await.unwrap());
    let mut late = run.clone();
    let commit = expire(stores, &mut late, id).await;
    let change = delegation(stores, id, "cleo").await;
    stores.approvals.change(change.clone()).await.unwrap();
    refused(stores, &run, commit).await;
    let stored = stores.approvals.approval(id).await.unwrap().unwrap().approval;
    assert_eq!(stored, change.approval);
}

/// Votes and deadlines at once: exactly one is written.
pub async fn of_a_vote_and_a_deadline_at_once_one_wins(stores: &Stores) {
    let lease = stores.node().await;
    let mut pairs = Vec::new();
    for _ in 0..24 {
        let (mut run, id) = asking(stores, lease).await;
        let vote = vote(stores, id, "ada", Ballot::Approve).await;
        assert!(stores.executions.claim_one(lease, run.id(), at(90_000)).await.unwrap());
        let commit = expire(stores, &mut run, id).await;
        let (approvals, executions) = (Arc::clone(&stores.approvals), Arc::clone(&stores.executions));
        pairs.push(async move {
            let voting = tokio::spawn(async move { approvals.change(vote).await });
            let expired = executions.commit(Arc::new(commit)).await;
            (id, voting.await.unwrap().is_ok(), expired.is_ok())
        });
    }
    for (id, voted, expired) in at_once(pairs).await {
        assert!(voted != expired);
        let status = stores.approvals.approval(id).await.unwrap().unwrap().approval.status();
        assert_eq!(status, if voted { ApprovalStatus::Approved } else { ApprovalStatus::Expired });
    }
}

/// An execution that ends cancels its open requests; those that are settled stay as they are.
pub async fn a_cancel_is_nothing_to_a_settled_request(stores: &Stores) {
    let lease = stores.node().await;
    for is_voted in [true, false] {
        let (mut run, id) = asking(stores, lease).await;
        let change = vote(stores, id, "ada", Ballot::Approve).await;
        let before = stores.approvals.approval(id).await.unwrap().unwrap().approval;
        if is_voted {
            stores.approvals.change(change.clone()).await.unwrap();
        }
        assert!(stores.executions.claim_one(lease, run.id(), at(6)).await.unwrap());
        run.seen = i64::MAX;
        let commit = run.cancel(at(6));
        assert!(matches!(commit.approvals[..], [ApprovalWrite::Cancel(cancelled)] if cancelled == id));
        stores.executions.commit(Arc::new(commit)).await.unwrap();
        let stored = stores.approvals.approval(id).await.unwrap().unwrap().approval;
        if is_voted {
            assert_eq!(stored, change.approval);
        } else {
            let mut cancelled = before;
            cancelled.cancel();
            assert_eq!(stored, cancelled);
            assert!(matches!(stores.approvals.change(change).await, Err(ApprovalStoreError::Stale)));
        }
    }
}

/// A request that is opened and cancelled in one transition is written as cancelled.
pub async fn a_request_opened_and_cancelled_at_once_is_cancelled(stores: &Stores) {
    let process = publication(stores).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let mut commit = run.begin();
    let id = opened(&commit.approvals);
    commit.approvals.push(ApprovalWrite::Cancel(id));
    commit.approvals.push(ApprovalWrite::Cancel(ApprovalId::new(stores.id())));
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    let stored = stores.approvals.approval(id).await.unwrap().unwrap().approval;
    assert_eq!(stored.status(), ApprovalStatus::Cancelled);
}

/// The newest request of a step is the one that its step asks for.
pub async fn the_newest_request_of_a_step_is_found(stores: &Stores) {
    let lease = stores.node().await;
    let (mut run, first) = asking(stores, lease).await;
    assert!(stores.executions.claim_one(lease, run.id(), at(5)).await.unwrap());
    let mut commit = run.turn(at(5), &[]);
    let old = stores.approvals.approval(first).await.unwrap().unwrap().approval;
    let mut request = old.request().clone();
    (request.id, request.created_at) = (ApprovalId::new(stores.id()), at(5));
    commit.approvals =
        vec![ApprovalWrite::Cancel(first), ApprovalWrite::Open(Box::new(Approval::open(request.clone())))];
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    let newest = stores.approvals.of_step(run.id(), &step_id("ok")).await.unwrap().unwrap();
    assert_eq!(newest.approval.id(), request.id);
}

/// Requests are listed oldest first, by status, execution, and who is asked.
pub async fn requests_are_listed_by_who_is_asked(stores: &Stores) {
    let lease = stores.node().await;
    let mut ids = Vec::new();
    let mut runs = Vec::new();
    for _ in 0..3 {
        let (run, id) = asking(stores, lease).await;
        runs.push(run);
        ids.push(id);
    }
    stores.approvals.change(vote(stores, ids[0], "ada", Ballot::Approve).await).await.unwrap();
    stores.approvals.change(delegation(stores, ids[1], "role:editor").await).await.unwrap();
    let asked = |names: &[&str]| ApprovalFilter {
        asking: Some(Asked { names: names.iter().map(|name| (*name).to_owned()).collect(), may_decide: true }),
        ..ApprovalFilter::default()
    };
    let pending = ApprovalFilter { status: Some(ApprovalStatus::Pending), ..ApprovalFilter::default() };
    let cases: [(ApprovalFilter, &[usize]); 8] = [
        (ApprovalFilter::default(), &[0, 1, 2]),
        (pending.clone(), &[1, 2]),
        (ApprovalFilter { execution_id: Some(runs[1].id()), ..pending }, &[1]),
        (asked(&["ada"]), &[0, 2]),
        (asked(&["nobody", "bea@example.ORG"]), &[0, 1, 2]),
        (asked(&["role:editor"]), &[1]),
        (asked(&["Ada"]), &[]),
        (asked(&[]), &[]),
    ];
    for (filter, expected) in cases {
        let page = stores.approvals.approvals(&filter, &first(10)).await.unwrap();
        let found: Vec<ApprovalId> = page.rows.iter().map(|row| row.approval.id()).collect();
        assert_eq!(found, expected.iter().map(|place| ids[*place]).collect::<Vec<_>>(), "{filter:?}");
        assert_eq!(page.total, expected.len() as u64);
    }
}

/// A request that names nobody asks everybody.
pub async fn a_request_that_names_nobody_asks_who_may_decide(stores: &Stores) {
    let process = publication(stores).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let mut commit = run.begin();
    if let ApprovalWrite::Open(approval) = &mut commit.approvals[0] {
        let mut request = approval.request().clone();
        request.assignees.clear();
        **approval = Approval::open(request);
    }
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    for names in [vec![], vec!["anyone".to_owned()]] {
        for may_decide in [true, false] {
            let asking = Some(Asked { names: names.clone(), may_decide });
            let filter = ApprovalFilter { asking, ..ApprovalFilter::default() };
            let total = stores.approvals.approvals(&filter, &first(10)).await.unwrap().total;
            assert_eq!(total, u64::from(may_decide));
        }
    }
}

/// A cursor leads through the list while requests are added to it.
pub async fn pages_of_requests_are_stable_while_some_are_added(stores: &Stores) {
    let lease = stores.node().await;
    let mut ids: Vec<ApprovalId> = Vec::new();
    for _ in 0..5 {
        ids.push(asking(stores, lease).await.1);
    }
    let filter = ApprovalFilter::default();
    let head = stores.approvals.approvals(&filter, &first(2)).await.unwrap();
    let added = asking(stores, lease).await.1;
    let rest = all_pages(head.next_cursor, 2, async |cursor| {
        let paging = Paging { limit: 2, start: PageStart::Cursor(cursor) };
        let page = stores.approvals.approvals(&filter, &paging).await.unwrap();
        (page.rows, page.next_cursor)
    });
    let found: Vec<ApprovalId> = rest.await.iter().map(|row| row.approval.id()).collect();
    assert_eq!(found, [&ids[2..], &[added]].concat());
}

/// An execution that waits for a decision, and its request.
pub(super) async fn asking(stores: &Stores, lease: Lease) -> (Run, ApprovalId) {
    let process = publication(stores).await;
    let mut run = stores.admitted(&process, lease).await;
    let commit = run.begin();
    let id = opened(&commit.approvals);
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    (run, id)
}

async fn publication(stores: &Stores) -> Published {
    let name = format!("publication {}", ExecutionId::new(stores.id()));
    stores.published(&name, vec![approval("ok", &[]), agent("publish", &["ok"])]).await
}

fn opened(writes: &[ApprovalWrite]) -> ApprovalId {
    match writes {
        [ApprovalWrite::Open(approval)] => approval.id(),
        other => panic!("{other:?}"),
    }
}

/// The turn in which the request's deadline passes.
async fn expire(stores: &Stores, run: &mut Run, id: ApprovalId) -> procession_application::ports::Commit {
    let stored = stores.approvals.approval(id).await.unwrap().unwrap();
    run.values.give_approval(stored.approval);
    run.turn(at(90_000), &[])
}

async fn vote(stores: &Stores, id: ApprovalId, name: &str, ballot: Ballot) -> ApprovalChange {
    let mut approval = stores.approvals.approval(id).await.unwrap().unwrap().approval;
    let before = approval.revision();
    let verdict = approval.vote(&voter(name), ballot, Some("so be it".into()), soon()).unwrap().unwrap();
    let signal = Signal::ApprovalSettled { approval_id: id, verdict };
    ApprovalChange { approval, before, signal }
}

async fn delegation(stores: &Stores, id: ApprovalId, to: &str) -> ApprovalChange {
    let mut approval = stores.approvals.approval(id).await.unwrap().unwrap().approval;
    let before = approval.revision();
    let to = Voter { may_decide: true, ..voter(to) };
    approval.delegate(&voter("ada"), &to, soon()).unwrap();
    let signal = Signal::ApprovalDelegated { approval_id: id, from: "ada".into(), to: to.name, comment: None };
    ApprovalChange { approval, before, signal }
}

fn soon() -> Timestamp {
    at(4)
}

fn voter(name: &str) -> Voter {
    Voter {
        name: name.to_owned(),
        email: Some(format!("{name}@example.org")),
        roles: Vec::new(),
        is_admin: false,
        may_decide: false,
    }
}
