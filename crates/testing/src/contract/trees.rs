//! What a store promises about what a commit does to others: children, signals, the ledger of the tree.

use std::sync::Arc;

use procession_domain::{
    definition::{Budget, BudgetAction, Definition},
    execution::{Command, ExecutionStatus, Signal},
    value::{Currency, Duration, ExecutionId, Money},
};

use super::{
    commits::refused,
    given::{Published, Stores, agent, at, definition, sub_process, timer},
    run::{Launch, Run},
};
use procession_application::ports::{BudgetChange, ClaimKind, ClaimRequest, Commit, CommitError, NewSignal, WorkScope};

/// A child is created with its parent's transition: it is there with its first event, and needs attention at once.
pub async fn children_are_created_with_their_parents_transition(stores: &Stores) {
    let (parent, child) = family(stores, true).await;
    let lease = stores.node().await;
    let (run, commit) = begun(stores, &parent, &child, lease, None).await;
    let created = commit.children[0].clone();
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    let id = created.execution.id();
    assert_eq!(stores.queries.children(run.id()).await.unwrap(), [id]);
    let loaded = Run::loaded(stores, &child, id, lease).await;
    assert_eq!(loaded.execution, created.execution);
    let events = stores.feed.after(0, Some(id), 10).await.unwrap();
    assert_eq!((events.len(), events[0].event().clone()), (1, created.created.as_ref().event.clone()));
    assert!(stores.executions.value(id, created.values[0].value.hash).await.unwrap().is_some());
    assert_eq!(stores.executions.next_attention(&WorkScope::All).await.unwrap(), Some(at(1)));
    let claims = stores.claim(lease, at(1)).await;
    assert_eq!((claims.len(), claims[0].execution_id, claims[0].kind), (1, id, ClaimKind::Due));
}

/// A commit that is refused creates no children, charges nothing and tells nobody.
pub async fn a_refused_commit_touches_nobody_else(stores: &Stores) {
    let (parent, child) = family(stores, true).await;
    let lease = stores.node().await;
    let budget = Some(dollars("10", BudgetAction::Stop));
    let other = stores.queued(&child).await;
    let (run, mut commit) = begun(stores, &parent, &child, lease, budget).await;
    commit.lease.epoch += 1;
    commit.budget.spent = "3".parse().unwrap();
    commit.budget.raise = Some("99".parse().unwrap());
    commit.signals.push(NewSignal { to: other, signal: Signal::BudgetRaised });
    refused(stores, &run, commit).await;
    assert_eq!(stores.queries.children(run.id()).await.unwrap(), []);
    assert_eq!(stores.executions.inbox(other, 0).await.unwrap(), []);
    let ledger = stores.stored(run.id()).await.ledger.unwrap();
    assert_eq!((ledger.spent.to_string(), ledger.limit.to_string()), ("$0.00".into(), "$10.00".into()));
}

/// A commit with a child whose process was deleted meanwhile is a conflict: loaded anew, the step finds none.
pub async fn a_child_of_a_deleted_process_is_a_conflict(stores: &Stores) {
    let (parent, child) = family(stores, true).await;
    let (run, commit) = begun(stores, &parent, &child, stores.node().await, None).await;
    let mut process = stores.definitions.load(child.process.id).await.unwrap().unwrap();
    let event = process.archive(None, at(1)).unwrap();
    stores.definitions.update(&process, 2, &event).await.unwrap();
    assert!(stores.definitions.delete(child.process.id).await.unwrap());
    refused(stores, &run, commit).await;
}

/// Children are never held back by limits, and don't count for them.
pub async fn children_are_not_held_back(stores: &Stores) {
    let (parent, child) = family(stores, true).await;
    let lease = stores.node().await;
    let (_, commit) = begun(stores, &parent, &child, lease, None).await;
    let id = commit.children[0].execution.id();
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    stores.queued(&parent).await;
    let request = |most_running| ClaimRequest { lease, now: at(5), most: 10, most_running, scope: WorkScope::All };
    let claims = stores.executions.claim(request(0)).await.unwrap();
    assert_eq!(claims.iter().map(|claim| claim.execution_id).collect::<Vec<_>>(), [id]);
    // The parent waits and the child is no root, so that there is room for one.
    let claims = stores.executions.claim(request(1)).await.unwrap();
    assert_eq!((claims.len(), claims[0].kind), (1, ClaimKind::Admitted));
}

/// Sub-processes belong to the scope of their parent, whether that waits for them or not.
pub async fn children_are_in_the_scope_of_their_parent(stores: &Stores) {
    let child = stores.published("child", vec![agent("work", &[])]).await;
    let lease = stores.node().await;
    for (name, waits) in [("waits", true), ("goes-on", false)] {
        let parent = stores.published(name, vec![sub_process("run", &child, waits)]).await;
        let (run, commit) = begun(stores, &parent, &child, lease, None).await;
        let id = commit.children[0].execution.id();
        stores.executions.commit(Arc::new(commit)).await.unwrap();
        let claim = |of| {
            let scope = WorkScope::Below(vec![of]);
            let request = ClaimRequest { lease, now: at(5), most: 10, most_running: 10, scope };
            async { stores.executions.claim(request).await.unwrap() }
        };
        assert_eq!(claim(ExecutionId::new(stores.id())).await, []);
        let claimed: Vec<_> = claim(run.id()).await.into_iter().map(|claim| claim.execution_id).collect();
        assert!(claimed.contains(&id), "{waits}: {claimed:?}");
    }
}

/// The child's end is a signal to its parent, written with the child's last transition.
pub async fn a_childs_end_is_a_signal_to_its_parent(stores: &Stores) {
    let (parent, child) = family(stores, true).await;
    let lease = stores.node().await;
    let (run, commit) = begun(stores, &parent, &child, lease, None).await;
    let id = commit.children[0].execution.id();
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    assert_eq!(stores.claim(lease, at(1)).await.len(), 1);
    let mut work = Run::loaded(stores, &child, id, lease).await;
    stores.executions.commit(Arc::new(work.begin())).await.unwrap();
    stores.executions.commit(Arc::new(work.finish(at(3), "work"))).await.unwrap();
    assert_eq!(stores.stored(id).await.standing.status, ExecutionStatus::Completed);
    let rows = stores.executions.inbox(run.id(), 0).await.unwrap();
    assert_eq!((rows.len(), &rows[0].signal), (1, &Signal::ChildEnded { execution_id: id }));
    let claims = stores.claim(lease, at(3)).await;
    assert_eq!((claims.len(), claims[0].execution_id, claims[0].kind), (1, run.id(), ClaimKind::Due));
}

/// A commit's signals reach executions wherever they are, and are nothing to those that have ended or don't exist.
pub async fn signals_of_a_commit_reach_who_has_not_ended(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut sender = stores.admitted(&process, lease).await;
    let mut ended = stores.admitted(&process, lease).await;
    stores.executions.commit(Arc::new(ended.cancel(at(1)))).await.unwrap();
    let owned = stores.admitted(&process, lease).await;
    let queued = stores.queued(&process).await;
    let unknown = ExecutionId::new(stores.id());
    let mut commit = sender.begin();
    for to in [ended.id(), owned.id(), queued, unknown] {
        commit.signals.push(NewSignal { to, signal: Signal::BudgetRaised });
    }
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    assert_eq!(stores.executions.inbox(ended.id(), 0).await.unwrap(), []);
    for heard in [owned.id(), queued] {
        assert_eq!(stores.executions.inbox(heard, 0).await.unwrap().len(), 1);
    }
    assert_eq!(stores.executions.owned_and_due(lease, at(1)).await.unwrap(), [owned.id()]);
    let claims = stores.claim(lease, at(1)).await;
    assert_eq!((claims.len(), claims[0].execution_id, claims[0].kind), (1, queued, ClaimKind::Due));
}

/// Several executions signal one at once: all signals arrive, each once.
pub async fn signals_of_many_commits_at_once_all_arrive(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let hears = stores.admitted(&process, lease).await;
    let mut commits = Vec::new();
    for _ in 0..32 {
        let mut run = stores.admitted(&process, lease).await;
        let mut commit = run.begin();
        let signal = Signal::ChildEnded { execution_id: run.id() };
        commit.signals.push(NewSignal { to: hears.id(), signal });
        let executions = Arc::clone(&stores.executions);
        commits.push(async move { executions.commit(Arc::new(commit)).await.map(|_| run.id()) });
    }
    let mut senders: Vec<ExecutionId> = super::given::at_once(commits).await.into_iter().map(Result::unwrap).collect();
    let rows = stores.executions.inbox(hears.id(), 0).await.unwrap();
    assert!(rows.is_sorted_by_key(|row| row.number));
    let mut heard: Vec<ExecutionId> = rows
        .into_iter()
        .map(|row| match row.signal {
            Signal::ChildEnded { execution_id } => execution_id,
            other => panic!("{other:?}"),
        })
        .collect();
    senders.sort_unstable();
    heard.sort_unstable();
    assert_eq!(heard, senders);
}

/// Of two commits that end their executions and signal each other, given at once, one is written: the other execution
/// hears the signal before it ends.
pub async fn of_two_ends_that_signal_each_other_one_is_written(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut runs = [stores.admitted(&process, lease).await, stores.admitted(&process, lease).await];
    for run in &mut runs {
        stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    }
    let [mut one, mut other] = runs;
    let ends = |run: &mut Run, to: ExecutionId| {
        let mut commit = run.finish(at(2), "a");
        assert!(commit.ends());
        commit.signals.push(NewSignal { to, signal: Signal::BudgetRaised });
        commit
    };
    let commits = (ends(&mut one, other.id()), ends(&mut other, one.id()));
    let (first, second) =
        tokio::join!(stores.executions.commit(Arc::new(commits.0)), stores.executions.commit(Arc::new(commits.1)));
    assert!(first.is_ok() != second.is_ok(), "{first:?} and {second:?}");
    let refused = if first.is_ok() { other } else { one };
    assert_eq!(stores.executions.inbox(refused.id(), 0).await.unwrap().len(), 1);
    assert!(!stores.stored(refused.id()).await.standing.status.is_ended());
}

/// What a tree's executions spend is added to one ledger, which every commit brings back.
pub async fn a_tree_spends_from_one_ledger(stores: &Stores) {
    let (parent, child) = family(stores, true).await;
    let lease = stores.node().await;
    let budget = Some(dollars("10", BudgetAction::Ask));
    let (run, mut commit) = begun(stores, &parent, &child, lease, budget).await;
    let id = commit.children[0].execution.id();
    commit.budget.spent = "1.5".parse().unwrap();
    let ledger = stores.executions.commit(Arc::new(commit)).await.unwrap().ledger.unwrap();
    assert_eq!((ledger.spent.to_string(), ledger.action), ("$1.50".into(), BudgetAction::Ask));
    assert_eq!(stores.claim(lease, at(1)).await.len(), 1);
    let mut work = Run::loaded(stores, &child, id, lease).await;
    assert_eq!(work.ledger, Some(ledger));
    let mut commit = work.begin();
    commit.budget.spent = "2.25".parse().unwrap();
    commit.budget.raise = Some("20".parse().unwrap());
    let ledger = stores.executions.commit(Arc::new(commit)).await.unwrap().ledger.unwrap();
    assert_eq!((ledger.spent.to_string(), ledger.limit.to_string()), ("$3.75".into(), "$20.00".into()));
    assert_eq!(stores.stored(run.id()).await.ledger, Some(ledger));
}

/// What executions of one tree spend at once adds up.
pub async fn what_is_spent_at_once_adds_up(stores: &Stores) {
    let steps = (0..24).map(|number| timer(&format!("t{number}"), &[])).collect();
    let process = stores.published("report", steps).await;
    let lease = stores.node().await;
    let launch = Launch { admit: Some(lease), budget: Some(dollars("100", BudgetAction::Stop)), ..Launch::default() };
    let mut run = stores.launched(&process, launch).await;
    let mut commit = run.begin();
    commit.release = false;
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    let mut commits = Vec::new();
    for number in 0..24 {
        let mut commit = run.turn(at(700 + number), &[]);
        commit.release = false;
        commit.budget.spent = Money::from_nanos(1_000_000_001, procession_domain::value::Currency::USD);
        commits.push(stores.executions.commit(Arc::new(commit)));
    }
    let answers = futures::future::join_all(commits).await;
    let spent: Vec<i64> = answers.into_iter().map(|answer| answer.unwrap().ledger.unwrap().spent.nanos()).collect();
    let expected: Vec<i64> = (1..=24).map(|count| count * 1_000_000_001).collect();
    assert_eq!(spent, expected);
}

/// Money of another currency can't be added up, and does no harm.
pub async fn money_of_another_currency_is_not_added(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let launch = Launch {
        admit: Some(stores.node().await),
        budget: Some(dollars("10", BudgetAction::Warn)),
        ..Launch::default()
    };
    let mut run = stores.launched(&process, launch).await;
    let mut commit = run.begin();
    commit.budget.spent = "4".parse().unwrap();
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    let mut commit = run.finish(at(2), "a");
    commit.budget.spent = "5 EUR".parse().unwrap();
    let ledger = stores.executions.commit(Arc::new(commit)).await.unwrap().ledger.unwrap();
    assert_eq!(ledger.spent.to_string(), "$4.00");
}

/// A child that nobody waits for is the root of its own tree: with a ledger of its own if it has a budget.
pub async fn a_child_that_nobody_waits_for_has_its_own_ledger(stores: &Stores) {
    let (parent, child) = family(stores, false).await;
    let lease = stores.node().await;
    let budget = Some(dollars("10", BudgetAction::Stop));
    let (run, mut commit) = begun(stores, &parent, &child, lease, budget).await;
    commit.children[0].budget = Some(dollars("3", BudgetAction::Warn));
    let id = commit.children[0].execution.id();
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    assert_eq!(stores.claim(lease, at(1)).await.len(), 1);
    let mut work = Run::loaded(stores, &child, id, lease).await;
    let mut commit = work.begin();
    commit.budget.spent = "2".parse().unwrap();
    let own = stores.executions.commit(Arc::new(commit)).await.unwrap().ledger.unwrap();
    assert_eq!((own.spent.to_string(), own.limit.to_string()), ("$2.00".into(), "$3.00".into()));
    let parents = stores.stored(run.id()).await.ledger.unwrap();
    assert_eq!((parents.spent.to_string(), parents.limit.to_string()), ("$0.00".into(), "$10.00".into()));
}

/// Without a budget there is no ledger, whatever is spent.
pub async fn without_a_budget_there_is_no_ledger(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let mut commit = run.begin();
    commit.budget.spent = "4".parse().unwrap();
    assert_eq!(stores.executions.commit(Arc::new(commit)).await.unwrap().ledger, None);
    assert_eq!(stores.stored(run.id()).await.ledger, None);
}

fn dollars(limit: &str, action: BudgetAction) -> Budget {
    Budget { max_cost: limit.parse().unwrap(), action }
}

/// A process and one that it runs as its only step.
async fn family(stores: &Stores, waits: bool) -> (Published, Published) {
    let child = stores.published("child", vec![agent("work", &[])]).await;
    let steps = vec![procession_domain::definition::Step {
        timeout: Some(Duration::from_secs(60)),
        ..sub_process("run", &child, waits)
    }];
    let parent: Arc<Definition> = definition("parent", "1", steps);
    (stores.published_from(parent).await, child)
}

/// A parent that was admitted, as it is stored, and the commit that begins it and starts its child.
async fn begun(
    stores: &Stores,
    parent: &Published,
    child: &Published,
    lease: procession_application::ports::Lease,
    budget: Option<Budget>,
) -> (Run, Commit) {
    let launch = Launch { admit: Some(lease), budget, ..Launch::default() };
    let mut run = stores.launched(parent, launch).await;
    run.give_child("run", child);
    let commit = run.clone().turn(at(1), &[Command::Start]);
    assert_eq!(commit.children.len(), 1);
    (run, commit)
}

/// Of executions of one tree that spend at the same moment, one that would go beyond the limit is refused and decides anew.
pub async fn a_call_is_refused_that_the_budget_allows_no_more(stores: &Stores) {
    let (parent, child) = family(stores, true).await;
    let lease = stores.node().await;
    let (_, mut commit) = begun(stores, &parent, &child, lease, Some(dollars("10", BudgetAction::Stop))).await;
    let id = commit.children[0].execution.id();
    commit.budget = BudgetChange { spent: usd("9"), ..BudgetChange::NONE };
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    assert_eq!(stores.claim(lease, at(1)).await.len(), 1);
    let mut work = Run::loaded(stores, &child, id, lease).await;
    let mut commit = work.begin();
    // It believed that only 8 were spent, and had itself set aside 1 when it allowed its last call.
    commit.budget = BudgetChange { reserved: usd("2"), allowed_after: Some(usd("1")), ..BudgetChange::NONE };
    let refused = stores.executions.commit(Arc::new(commit.clone())).await;
    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    assert_eq!(stores.executions.ledger(id).await.unwrap().unwrap().reserved, usd("0"));
    commit.budget.allowed_after = Some(usd("0.999999999"));
    let ledger = stores.executions.commit(Arc::new(commit)).await.unwrap().ledger.unwrap();
    assert_eq!((ledger.spent, ledger.reserved), (usd("9"), usd("2")));
    assert_eq!(stores.executions.ledger(id).await.unwrap(), Some(ledger));
}

/// Whoever waits for what is set aside for others is told through the root when some of it is given back; once.
pub async fn the_root_is_told_when_what_was_set_aside_is_given_back(stores: &Stores) {
    let (parent, child) = family(stores, true).await;
    let lease = stores.node().await;
    let (mut run, _) = begun(stores, &parent, &child, lease, Some(dollars("10", BudgetAction::Stop))).await;
    let mut commit = run.turn(at(1), &[Command::Start]);
    let id = commit.children[0].execution.id();
    commit.budget = BudgetChange { reserved: usd("10"), ..BudgetChange::NONE };
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    assert_eq!(stores.claim(lease, at(1)).await.len(), 1);
    let mut work = Run::loaded(stores, &child, id, lease).await;
    let mut commit = work.begin();
    commit.budget.waits = true;
    assert_eq!(stores.executions.commit(Arc::new(commit)).await.unwrap().told_root, None);
    assert!(stores.executions.claim_one(lease, run.id(), at(1)).await.unwrap());
    let give_back = BudgetChange { reserved: Money::from_nanos(-4_000_000_000, Currency::USD), ..BudgetChange::NONE };
    for (round, told) in [(2, Some(run.id())), (3, None)] {
        let mut commit = run.turn(at(round), &[]);
        (commit.budget, commit.release) = (give_back, false);
        let committed = stores.executions.commit(Arc::new(commit)).await.unwrap();
        assert_eq!(committed.told_root, told);
    }
    let rows = stores.executions.inbox(run.id(), 0).await.unwrap();
    assert_eq!((rows.len(), &rows[0].signal), (1, &Signal::BudgetRaised));
    assert_eq!(stores.executions.ledger(id).await.unwrap().unwrap().reserved, usd("2"));
}

/// Nobody waits for what was given back, or spent, before the wait was written: nobody would tell it.
pub async fn waiting_for_what_is_no_longer_set_aside_is_refused(stores: &Stores) {
    let (parent, child) = family(stores, true).await;
    let lease = stores.node().await;
    let (mut run, _) = begun(stores, &parent, &child, lease, Some(dollars("10", BudgetAction::Stop))).await;
    let mut commit = run.turn(at(1), &[Command::Start]);
    let id = commit.children[0].execution.id();
    (commit.budget, commit.release) = (BudgetChange { reserved: usd("9"), ..BudgetChange::NONE }, false);
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    assert_eq!(stores.claim(lease, at(1)).await.len(), 1);
    let mut work = Run::loaded(stores, &child, id, lease).await;
    let mut waiting = work.begin();
    waiting.budget.waits = true;
    let waiting = Arc::new(waiting);
    let refused = stores.executions.commit(Arc::clone(&waiting)).await;
    assert!(matches!(refused, Err(CommitError::Conflict)), "there is something left: {refused:?}");
    let mut commit = run.turn(at(2), &[]);
    commit.budget = BudgetChange { spent: usd("1"), ..BudgetChange::NONE };
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    stores.executions.commit(waiting).await.unwrap();
}

fn usd(amount: &str) -> Money {
    amount.parse().unwrap()
}
