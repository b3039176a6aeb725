//! What a store promises about lists: filters add up, totals count them, pages are stable.

use std::{collections::BTreeSet, sync::Arc};

use procession_domain::{
    definition::ProcessStatus,
    execution::{Command, ExecutionStatus, Signal},
    value::{ExecutionId, Money, ProcessId},
};
use serde_json::json;

use super::{
    approvals::asking,
    given::{Published, Stores, agent, approval, at, definition, step_id, sub_process},
    run::{Launch, Run},
};
use indexmap::IndexMap;
use procession_application::ports::{
    Awaited, ExecutionFilter, Lease, LiveExecutions, Page, PageStart, Paging, ProcessFilter, ProcessRow, Sort,
    StoreError,
};

/// Definitions are listed last changed first, with what lists show.
pub async fn definitions_are_listed_last_changed_first(stores: &Stores) {
    let old = stores.draft("report", "1", at(10)).await;
    let mut edited = stores.draft("summary", "2.1", at(5)).await;
    let published = stores.published("digest", vec![agent("a", &[]), agent("b", &["a"])]).await;
    let steps = definition("summary", "2.1", vec![agent("a", &[]), approval("b", &["a"])]);
    let event = edited.edit("new text".into(), steps, None, Some("ada".into()), at(20)).unwrap();
    stores.definitions.update(&edited, 1, &event).await.unwrap();
    let lease = stores.node().await;
    let launch = Launch { at: at(40), admit: Some(lease), ..Launch::default() };
    stores.launched(&published, Launch { at: at(30), ..launch.clone() }).await;
    stores.launched(&published, launch).await;
    let page = stores.definitions.list(&all_processes(), &first(10)).await.unwrap();
    let ids: Vec<ProcessId> = page.rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, [edited.id(), old.id(), published.process.id]);
    assert_eq!((page.total, page.next_cursor), (3, None));
    let expected = ProcessRow {
        id: edited.id(),
        name: edited.definition().name().clone(),
        version: "2.1".parse().unwrap(),
        status: ProcessStatus::Draft,
        description: "What summary is for".into(),
        step_count: 2,
        labels: IndexMap::new(),
        created_by: None,
        created_at: at(5),
        updated_at: at(20),
        published_at: None,
        last_run_at: None,
    };
    assert_eq!(page.rows[0], expected);
    assert_eq!((page.rows[2].last_run_at, page.rows[2].published_at), (Some(at(40)), Some(at(0))));
}

/// Filters of definitions add up; texts are found in any case, in names and descriptions.
pub async fn filters_of_definitions_add_up(stores: &Stores) {
    for (name, version) in [("report", "1"), ("report", "2"), ("Über-Report", "1"), ("100% sure_thing", "1")] {
        stores.draft(name, version, at(1)).await;
    }
    stores.published("digest", vec![agent("a", &[])]).await;
    let filter = |status, name: Option<&str>, text: Option<&str>| ProcessFilter {
        status,
        name: name.map(str::to_owned),
        text: text.map(str::to_owned),
    };
    let cases = [
        (filter(None, None, None), 5),
        (filter(Some(ProcessStatus::Draft), None, None), 4),
        (filter(Some(ProcessStatus::Archived), None, None), 0),
        (filter(None, Some("report"), None), 2),
        (filter(Some(ProcessStatus::Published), Some("report"), None), 0),
        (filter(None, None, Some("REPORT")), 3),
        (filter(None, None, Some("über")), 1),
        (filter(None, None, Some("ÜBER-r")), 1),
        (filter(None, None, Some("what digest is")), 1),
        (filter(None, None, Some("0% s")), 1),
        (filter(None, None, Some("e_t")), 1),
        (filter(None, None, Some("%")), 1),
        (filter(None, None, Some("'; --")), 0),
        (filter(Some(ProcessStatus::Draft), None, Some("digest")), 0),
    ];
    for (filter, expected) in cases {
        let page = stores.definitions.list(&filter, &first(10)).await.unwrap();
        assert_eq!((page.total, page.rows.len()), (expected, usize::try_from(expected).unwrap()), "{filter:?}");
    }
}

/// Pages of definitions are cut by offset and by cursor; a cursor stays where it is while definitions are added.
pub async fn pages_of_definitions_are_stable_while_some_are_added(stores: &Stores) {
    let mut ids = Vec::new();
    for number in 1..=7 {
        // Several of one time, which the id then orders.
        ids.push(stores.draft("report", &number.to_string(), at(number / 3)).await.id());
    }
    ids.reverse();
    let listed = |page: &Page<ProcessRow>| page.rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let paging = Paging { limit: 3, start: PageStart::Offset(2) };
    let page = stores.definitions.list(&all_processes(), &paging).await.unwrap();
    assert_eq!((listed(&page), page.total), (ids[2..5].to_vec(), 7));
    let head = stores.definitions.list(&all_processes(), &first(2)).await.unwrap();
    stores.draft("another", "1", at(50)).await;
    let rest = all_pages(head.next_cursor, 2, async |cursor| {
        let paging = Paging { limit: 2, start: PageStart::Cursor(cursor) };
        let page = stores.definitions.list(&all_processes(), &paging).await.unwrap();
        assert_eq!(page.total, 8);
        (page.rows, page.next_cursor)
    });
    assert_eq!(rest.await.iter().map(|row| row.id).collect::<Vec<_>>(), ids[2..]);
}

/// A row of the list shows what there is to know of an execution.
pub async fn an_execution_is_listed_with_what_lists_show(stores: &Stores) {
    let lease = stores.node().await;
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let first_run = stores.queued(&process).await;
    let launch = Launch {
        at: at(5),
        admit: Some(lease),
        user: Some("ada".into()),
        triggered_by: "schedule".into(),
        labels: [("team".to_owned(), "blue".to_owned())].into_iter().collect(),
        retry_of: Some(first_run),
        ..Launch::default()
    };
    let mut run = stores.launched(&process, launch).await;
    stores.executions.commit(Arc::new(run.turn(at(6), &[Command::Start]))).await.unwrap();
    stores.executions.commit(Arc::new(run.finish(at(8), "a"))).await.unwrap();
    let page = stores.queries.executions(&ExecutionFilter::default(), &first(1)).await.unwrap();
    let row = &page.rows[0];
    assert_eq!((row.id, row.process_id, row.retry_of), (run.id(), process.process.id, Some(first_run)));
    assert_eq!((row.process_name.as_str(), row.process_version.to_string().as_str()), ("report", "1"));
    assert_eq!((row.status, row.compensating, row.parent_id), (ExecutionStatus::Completed, false, None));
    assert_eq!((row.triggered_by.as_str(), row.user.as_deref()), ("schedule", Some("ada")));
    assert_eq!((row.created_at, row.started_at, row.completed_at), (at(5), Some(at(6)), Some(at(8))));
    assert_eq!((row.cost, row.labels.clone()), (run.execution.state().cost, json!({"team": "blue"})));
    assert_eq!(row.cost.amount.amount(), "0.25");
    assert_eq!(row.dismissed_at, None);
    assert_eq!(page.total, 2);
}

/// Filters of executions add up.
pub async fn filters_of_executions_add_up(stores: &Stores) {
    let given = Crowd::given(stores).await;
    let running = ExecutionFilter { statuses: vec![ExecutionStatus::Running], ..ExecutionFilter::default() };
    let any = ExecutionFilter::default;
    let of = |name: &str| ExecutionFilter { process_name: Some(name.into()), ..any() };
    let label = |label: &str| ExecutionFilter { label: Some(label.into()), ..any() };
    let text = |text: &str| ExecutionFilter { text: Some(text.into()), ..any() };
    let id_prefix = given.ids[3].to_string();
    // The ids of tests all have the same end.
    let short_id = &id_prefix[28..];
    let both = vec![ExecutionStatus::Running, ExecutionStatus::Completed];
    let cases: [(ExecutionFilter, &[usize]); 21] = [
        (any(), &[0, 1, 2, 3, 4]),
        (running.clone(), &[1, 2]),
        (ExecutionFilter { statuses: both, ..any() }, &[1, 2, 4]),
        (of("report"), &[0, 1, 4]),
        (of("repor"), &[]),
        (ExecutionFilter { process_id: Some(given.report.process.id), ..running.clone() }, &[1]),
        (ExecutionFilter { started_after: Some(at(20)), ..any() }, &[2, 4]),
        (ExecutionFilter { started_before: Some(at(20)), ..any() }, &[1]),
        (ExecutionFilter { started_after: Some(at(20)), started_before: Some(at(30)), ..any() }, &[2]),
        (ExecutionFilter { triggered_by: Some("schedule".into()), ..any() }, &[2]),
        (ExecutionFilter { user: Some("bea".into()), ..any() }, &[4]),
        (label("team"), &[1, 2]),
        (label("team=blue"), &[1]),
        (label("team=b"), &[]),
        (label("odd \"key\"=a=b"), &[4]),
        (text("REP"), &[0, 1, 4]),
        (text(&id_prefix), &[3]),
        (text(short_id), &[0, 1, 2, 3, 4]),
        (text(&short_id[1..]), &[]),
        (text("%"), &[]),
        (ExecutionFilter { parent_id: Some(given.ids[2]), ..any() }, &[3]),
    ];
    for (filter, expected) in cases {
        let filter = ExecutionFilter { sort: Sort::Oldest, ..filter };
        let page = stores.queries.executions(&filter, &first(10)).await.unwrap();
        let found: Vec<ExecutionId> = page.rows.iter().map(|row| row.id).collect();
        assert_eq!(found, expected.iter().map(|place| given.ids[*place]).collect::<Vec<_>>(), "{filter:?}");
        assert_eq!(page.total, expected.len() as u64);
    }
}

/// Executions are found by what they wait for: a decision, a sub-process, an operator, to be admitted.
pub async fn executions_are_found_by_what_they_wait_for(stores: &Stores) {
    let given = Crowd::given(stores).await;
    let (mut asks, _) = asking(stores, stores.node().await).await;
    let [waits, runs, calls, child, _] = given.ids[..] else { panic!("five") };
    let found = async |awaited| {
        let filter = ExecutionFilter { waiting_for: Some(awaited), ..ExecutionFilter::default() };
        let page = stores.queries.executions(&filter, &first(10)).await.unwrap();
        assert_eq!(page.total, page.rows.len() as u64);
        page.rows.iter().map(|row| row.id).collect::<BTreeSet<_>>()
    };
    assert_eq!(found(Awaited::Limit).await, BTreeSet::from([waits, child]));
    assert_eq!(found(Awaited::Child).await, BTreeSet::from([calls]));
    assert_eq!(found(Awaited::Person).await, BTreeSet::from([asks.id()]));
    assert_eq!(found(Awaited::Operator).await, BTreeSet::new());
    assert!(stores.executions.claim_one(asks.lease, asks.id(), at(40)).await.unwrap());
    let pause = Command::Signal(Signal::Pause { by: "ada".into() });
    stores.executions.commit(Arc::new(asks.turn(at(40), std::slice::from_ref(&pause)))).await.unwrap();
    assert_eq!(found(Awaited::Operator).await, BTreeSet::from([asks.id()]));
    assert!(!found(Awaited::Person).await.contains(&runs));
}

/// Executions are listed newest or oldest first, in pages by offset.
pub async fn executions_are_listed_in_both_orders(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut ids = Vec::new();
    for second in [1, 2, 2, 2, 3] {
        ids.push(stores.launched(&process, Launch { at: at(second), ..Launch::default() }).await.id());
    }
    for sort in [Sort::Newest, Sort::Oldest] {
        let filter = ExecutionFilter { sort, ..ExecutionFilter::default() };
        let mut found = Vec::new();
        for offset in [0, 2, 4, 6] {
            let paging = Paging { limit: 2, start: PageStart::Offset(offset) };
            let page = stores.queries.executions(&filter, &paging).await.unwrap();
            assert_eq!((page.total, page.next_cursor.is_some()), (5, offset < 4));
            found.extend(page.rows.iter().map(|row| row.id));
        }
        if sort == Sort::Newest {
            found.reverse();
        }
        assert_eq!(found, ids);
    }
}

/// A cursor leads through the executions that were there, in either order, while others are started.
pub async fn pages_of_executions_are_stable_while_some_are_added(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut ids = Vec::new();
    for second in [1, 2, 2, 2, 3, 4, 4] {
        ids.push(stores.launched(&process, Launch { at: at(second), ..Launch::default() }).await.id());
    }
    let filter = ExecutionFilter { process_name: Some("report".into()), ..ExecutionFilter::default() };
    let head = stores.queries.executions(&filter, &first(2)).await.unwrap();
    let mut found: Vec<ExecutionId> = head.rows.iter().map(|row| row.id).collect();
    let rest = all_pages(head.next_cursor, 2, async |cursor| {
        stores.launched(&process, Launch { at: at(9), ..Launch::default() }).await;
        let paging = Paging { limit: 2, start: PageStart::Cursor(cursor) };
        let page = stores.queries.executions(&filter, &paging).await.unwrap();
        (page.rows, page.next_cursor)
    });
    found.extend(rest.await.iter().map(|row| row.id));
    found.reverse();
    assert_eq!(found, ids);
}

/// What is no cursor is refused as such.
pub async fn what_is_no_cursor_is_refused(stores: &Stores) {
    for text in ["", "2", "1.2", "a.0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "'; DROP TABLE users"] {
        let paging = Paging { limit: 2, start: PageStart::Cursor(text.to_owned()) };
        let refused = stores.queries.executions(&ExecutionFilter::default(), &paging).await;
        assert!(matches!(refused, Err(StoreError::UnknownCursor(shown)) if shown == text), "{text}");
        let refused = stores.definitions.list(&all_processes(), &paging).await;
        assert!(matches!(refused, Err(StoreError::UnknownCursor(_))));
        let refused =
            stores.approvals.approvals(&procession_application::ports::ApprovalFilter::default(), &paging).await;
        assert!(matches!(refused, Err(StoreError::UnknownCursor(_))));
    }
}

/// Executions are counted by status.
pub async fn executions_are_counted_by_status(stores: &Stores) {
    Crowd::given(stores).await;
    let counts = stores.queries.execution_counts().await.unwrap();
    let count = |wanted: ExecutionStatus| -> u64 {
        counts.iter().filter(|(status, _)| *status == wanted).map(|(_, count)| count).sum()
    };
    let by_status = ExecutionStatus::ALL.map(count);
    assert_eq!(by_status, [2, 2, 0, 1, 0, 0]);
}

/// Executions that have not ended are counted by what they do, and those in work apart from those that wait.
pub async fn live_executions_are_counted_by_what_they_do(stores: &Stores) {
    let before = stores.queries.live_executions().await.unwrap();
    assert_eq!(before, LiveExecutions::default());
    Crowd::given(stores).await;
    let live = stores.queries.live_executions().await.unwrap();
    assert_eq!((live.pending, live.running + live.waiting, live.paused), (2, 2, 0));
}

/// What a step cost is told for completed runs alone, newest first, and no more than asked for.
pub async fn costs_of_completed_runs_of_a_step_come_newest_first(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &["a"])]).await;
    let other = stores.published("digest", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    for (number, cost) in [(0, "0.1"), (1, "0.3"), (2, "0.2")] {
        let launch = Launch { at: at(number), admit: Some(lease), ..Launch::default() };
        let mut run = stores.launched(&process, launch).await;
        for commit in [run.begin(), run.finish_for(at(10), "a", cost.parse().unwrap())] {
            stores.executions.commit(Arc::new(commit)).await.unwrap();
        }
    }
    stores.launched(&other, Launch::default()).await;
    let costs = async |process: &Published, step: &str, limit| {
        let found = stores.executions.step_costs(&process.process.name, &step_id(step), limit).await.unwrap();
        found.into_iter().map(Money::amount).collect::<Vec<_>>()
    };
    assert_eq!(costs(&process, "a", 20).await, ["0.2", "0.3", "0.1"]);
    assert_eq!(costs(&process, "a", 2).await, ["0.2", "0.3"]);
    assert_eq!(costs(&process, "b", 20).await, Vec::<String>::new());
    assert_eq!(costs(&other, "a", 20).await, Vec::<String>::new());
}

/// A failed execution is put aside and brought back.
pub async fn an_execution_is_put_aside_and_brought_back(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let id = stores.queued(&process).await;
    for at in [Some(at(4)), None] {
        assert!(stores.queries.dismiss(id, at).await.unwrap());
        let page = stores.queries.executions(&ExecutionFilter::default(), &first(1)).await.unwrap();
        assert_eq!(page.rows[0].dismissed_at, at);
        assert_eq!(stores.queries.dismissed_at(id).await.unwrap(), at);
    }
    assert!(!stores.queries.dismiss(ExecutionId::new(stores.id()), None).await.unwrap());
}

/// Five executions by age: 0 waits, 1 and 2 run, 3 is a child of 2 and waits, 4 has completed.
struct Crowd {
    report: Published,
    ids: Vec<ExecutionId>,
}

impl Crowd {
    async fn given(stores: &Stores) -> Self {
        let lease = stores.node().await;
        let report = stores.published("report", vec![agent("a", &[])]).await;
        let parent = stores.published_from(definition("parent", "1", vec![sub_process("run", &report, true)])).await;
        let labels = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into_iter().collect();
        let waits = stores.launched(&report, Launch { at: at(1), ..Launch::default() }).await.id();
        let runs = Launch { at: at(10), labels: labels("team", "blue"), ..Launch::default() };
        let runs = begun(stores, &report, lease, runs).await;
        let calls =
            Launch { at: at(20), labels: labels("team", "red"), triggered_by: "schedule".into(), ..Launch::default() };
        let mut calls = stores.launched(&parent, Launch { admit: Some(lease), ..calls }).await;
        calls.give_child("run", &stores.published("child", vec![agent("work", &[])]).await);
        let commit = calls.turn(at(20), &[Command::Start]);
        let child = commit.children[0].execution.id();
        stores.executions.commit(Arc::new(commit)).await.unwrap();
        let launch =
            Launch { at: at(30), user: Some("bea".into()), labels: labels("odd \"key\"", "a=b"), ..Launch::default() };
        let mut ended = begun(stores, &report, lease, launch).await;
        stores.executions.commit(Arc::new(ended.finish(at(31), "a"))).await.unwrap();
        let ids = vec![waits, runs.id(), calls.id(), child, ended.id()];
        Self { report, ids }
    }
}

async fn begun(stores: &Stores, process: &Published, lease: Lease, launch: Launch) -> Run {
    let now = launch.at;
    let mut run = stores.launched(process, Launch { admit: Some(lease), ..launch }).await;
    let commit = run.turn(now, &[Command::Start]);
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    run
}

/// No filter.
pub(super) fn all_processes() -> ProcessFilter {
    ProcessFilter::default()
}

/// The first page of this size.
pub(super) const fn first(limit: u32) -> Paging {
    Paging { limit, start: PageStart::Offset(0) }
}

/// All rows from a cursor on, page by page. Every page but the last is full.
pub(super) async fn all_pages<T>(
    mut cursor: Option<String>,
    limit: usize,
    page: impl AsyncFn(String) -> (Vec<T>, Option<String>),
) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(from) = cursor {
        let (rows, next) = page(from).await;
        assert!(rows.len() == limit || next.is_none());
        all.extend(rows);
        cursor = next;
    }
    all
}
