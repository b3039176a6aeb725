//! What a store promises about figures: they are those of a slow count.

use std::{collections::BTreeMap, sync::Arc};

use procession_application::ports::{
    CopyOutcome, Counted, EndedStep, EventPage, ExecutionCopy, ExecutionFilter, ExecutionRow, Grouping, KeptPart,
    Lease, PageStart, Paging, RecentRuns, Removal, RunSums, Sort,
};
use procession_domain::{
    event::{AttemptEvent, Direction, Event, StepError, Usage},
    execution::{Command, ExecutionStatus, Failure},
    value::{Cost, Currency, Duration, ErrorCode, ExecutionId, Money, Timestamp},
};

use super::{
    given::{Published, Stores, agent, at},
    run::{Launch, Run},
};

/// The microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// How an execution goes, after the first of its two steps.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Completes,
    Fails,
    IsCancelled,
    GoesOn,
    /// It does not even begin.
    Waits,
}

/// Sums of executions and steps are those of a count of rows and events, one by one.
pub async fn figures_are_those_of_a_slow_count(stores: &Stores) {
    let lease = stores.node().await;
    let processes = [
        stores.published("report", vec![agent("a", &[]), agent("b", &["a"])]).await,
        stores.published("digest", vec![agent("a", &[]), agent("b", &["a"])]).await,
    ];
    let fates = [Fate::Completes, Fate::Fails, Fate::Completes, Fate::IsCancelled, Fate::GoesOn, Fate::Waits];
    for number in 0..48_i64 {
        let fate = fates[usize::try_from(number * 7 % 6).unwrap()];
        let process = &processes[usize::try_from(number % 2).unwrap()];
        let user = ["ada", "bea", "cleo"][usize::try_from(number % 3).unwrap()];
        live(stores, process, lease, user, number, fate).await;
    }
    let days = Counted { from: at(4 * 45_000), until: at(40 * 45_000), ..everything() };
    for counted in [
        everything(),
        days.clone(),
        Counted { user: Some("ada".into()), ..days.clone() },
        Counted { process_id: Some(processes[0].process.id), ..days.clone() },
        Counted { process_name: Some("digest".into()), user: Some("bea".into()), ..days },
    ] {
        compare_executions(stores, &counted).await;
        compare_steps(stores, &counted).await;
    }
}

/// Nothing is counted twice, and nothing that was not asked for.
pub async fn figures_are_of_who_and_what_was_asked_for(stores: &Stores) {
    let lease = stores.node().await;
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &["a"])]).await;
    live(stores, &process, lease, "ada", 1, Fate::Completes).await;
    live(stores, &process, lease, "bea", 2, Fate::Fails).await;
    let analytics = &stores.stores.analytics;
    for (counted, expected) in [
        (everything(), 2),
        (Counted { user: Some("ada".into()), ..everything() }, 1),
        (Counted { user: Some(String::new()), ..everything() }, 0),
        (Counted { process_name: Some("other".into()), ..everything() }, 0),
        (Counted { from: at(45_000), ..everything() }, 2),
        (Counted { from: at(45_900), ..everything() }, 1),
        (Counted { until: at(45_000), ..everything() }, 0),
    ] {
        for by_process in [false, true] {
            let grouping = Grouping { days: &[], by_process };
            let groups = analytics.run_figures(&counted, grouping, Currency::USD).await.unwrap();
            let executions: u64 = groups.iter().map(|group| group.sums.executions()).sum();
            assert_eq!(executions, expected, "{counted:?}");
        }
    }
    let all = analytics.agent_figures(at(0), None).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].agent.as_str(), all[0].ended, all[0].failed), ("analyst", 4, 1));
    assert_eq!((all[0].calls, all[0].failed_calls), (4, 1));
    let of_ada = analytics.agent_figures(at(0), Some("ada")).await.unwrap();
    assert_eq!((of_ada[0].ended, of_ada[0].failed, of_ada[0].cost.complete), (2, 0, true));
    assert_eq!(analytics.agent_figures(at(1_000_000), None).await.unwrap(), []);
}

/// The latest executions of a version that ended tell how it has gone; those that go on do not count.
pub async fn the_latest_ends_tell_how_a_version_has_gone(stores: &Stores) {
    let lease = stores.node().await;
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &["a"])]).await;
    let idle = stores.published("idle", vec![agent("a", &[])]).await;
    let fates = [Fate::Fails, Fate::Completes, Fate::Completes, Fate::IsCancelled, Fate::GoesOn];
    for (number, fate) in (1..).zip(fates) {
        live(stores, &process, lease, if number == 3 { "bea" } else { "ada" }, number, fate).await;
    }
    let recent = async |user, most| {
        let versions = [process.process.id, idle.process.id];
        stores.stores.analytics.recent_runs(&versions, user, most).await.unwrap()
    };
    let [three] = <[RecentRuns; 1]>::try_from(recent(None, 3).await).unwrap();
    assert_eq!((three.process_id, three.ended, three.completed, three.failed), (process.process.id, 3, 2, 0));
    assert_eq!((three.cost, three.is_complete), ((20 + 20 + 30 + 30 + 40) * 1_000_000 + 15, true));
    let [all] = <[RecentRuns; 1]>::try_from(recent(None, 30).await).unwrap();
    assert_eq!((all.ended, all.completed, all.failed, all.is_complete), (4, 2, 1, false));
    let [own] = <[RecentRuns; 1]>::try_from(recent(Some("bea"), 30).await).unwrap();
    assert_eq!((own.ended, own.completed), (1, 1));
    assert_eq!(recent(Some(""), 30).await, []);
}

/// A step that ended is counted from the commit on that ended it, with what it cost and how long it took.
pub async fn an_ended_step_is_counted_with_the_commit_that_ended_it(stores: &Stores) {
    let lease = stores.node().await;
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &["a"])]).await;
    let launch = Launch { at: at(0), admit: Some(lease), user: Some("ada".into()), ..Launch::default() };
    let mut run = stores.launched(&process, launch).await;
    let activities = async || stores.stores.analytics.agent_activities(at(0), None, 10).await.unwrap();
    commit(stores, run.begin()).await;
    assert_eq!(activities().await, []);
    commit(stores, run.finish_for(at(31), "a", "1.5".parse().unwrap())).await;
    let work = activities().await;
    assert_eq!(work.len(), 1);
    let step = &work[0].step;
    assert_eq!((work[0].execution_id, work[0].process_name.as_str()), (run.id(), "report"));
    assert_eq!((step.step_id.as_str(), step.agent.as_deref(), step.completed), ("a", Some("analyst"), true));
    assert_eq!((step.started_at, step.ended_at, step.attempts, step.failed_attempts), (at(1), at(31), 1, 0));
    let cost = step.cost.unwrap();
    assert_eq!((cost.amount.amount().as_str(), cost.complete), ("1.5", true));
    commit(stores, fail(&mut run, at(40), "b")).await;
    let work = activities().await;
    let told: Vec<(&str, bool)> = work.iter().map(|work| (work.step.step_id.as_str(), work.step.completed)).collect();
    assert_eq!(told, [("b", false), ("a", true)], "the newest first");
    assert_eq!((work[0].step.failed_attempts, work[0].step.cost.unwrap().complete), (1, false));
    assert_eq!(stores.stores.analytics.agent_activities(at(0), None, 1).await.unwrap().len(), 1);
    assert_eq!(stores.stores.analytics.agent_activities(at(32), None, 10).await.unwrap().len(), 1);
    assert_eq!(stores.stores.analytics.agent_activities(at(0), Some("bea"), 10).await.unwrap(), []);
}

/// Lets an execution live, from `number` times forty thousand seconds on.
async fn live(stores: &Stores, process: &Published, lease: Lease, user: &str, number: i64, fate: Fate) {
    let begin = number * 45_000;
    let admit = if matches!(fate, Fate::Waits) { None } else { Some(lease) };
    let launch = Launch { at: at(begin), admit, user: Some(user.to_owned()), ..Launch::default() };
    let mut run = stores.launched(process, launch).await;
    if matches!(fate, Fate::Waits) {
        return;
    }
    commit(stores, run.turn(at(begin + number), &[Command::Start])).await;
    let cost = Money::from_nanos(number * 10_000_000 + 3, Currency::USD);
    commit(stores, run.finish_for(at(begin + number + 10), "a", cost)).await;
    let end = at(begin + 3 * number + 20);
    match fate {
        Fate::Completes => commit(stores, run.finish_for(end, "b", cost)).await,
        Fate::Fails => commit(stores, fail(&mut run, end, "b")).await,
        Fate::IsCancelled => commit(stores, run.cancel(end)).await,
        Fate::GoesOn | Fate::Waits => {}
    }
}

fn fail(run: &mut Run, now: Timestamp, step: &str) -> procession_application::ports::Commit {
    let error = StepError { code: ErrorCode::AgentNotFound, message: "there is none".into() };
    let failure = Failure { error, usage: Usage::default(), retry_after: None };
    run.turn(now, &[Command::Failed { call: run.open_call(step), failure }])
}

async fn commit(stores: &Stores, commit: procession_application::ports::Commit) {
    stores.executions.commit(Arc::new(commit)).await.unwrap();
}

fn everything() -> Counted {
    Counted { from: at(0), until: at(10_000_000), user: None, process_id: None, process_name: None }
}

/// The executions that are counted, by the list.
async fn rows(stores: &Stores, counted: &Counted) -> Vec<ExecutionRow> {
    let filter = ExecutionFilter {
        process_id: counted.process_id,
        process_name: counted.process_name.clone(),
        started_after: Some(counted.from),
        started_before: Some(counted.until),
        user: counted.user.clone(),
        sort: Sort::Oldest,
        ..ExecutionFilter::default()
    };
    let paging = Paging { limit: 1_000, start: PageStart::Offset(0) };
    stores.queries.executions(&filter, &paging).await.unwrap().rows
}

/// What has ended elsewhere is counted when it comes, once: also if it comes again after it was removed for its age.
pub async fn an_execution_of_another_store_is_counted_once(stores: &Stores) {
    let lease = stores.node().await;
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &["a"])]).await;
    live(stores, &process, lease, "ada", 1, Fate::Completes).await;
    let launch = Launch { at: at(0), user: Some("ada".into()), ..Launch::default() };
    let (mut run, _) = launch.prepare(stores, &process);
    run.begin();
    for (second, step) in [(9, "a"), (12, "b")] {
        run.finish(at(second), step);
    }
    assert!(run.execution.status().is_ended());
    let copy = ExecutionCopy {
        execution: run.execution.clone(),
        ended_steps: EndedStep::of(&run.execution, &run.history),
        events: run.history.clone(),
        state: None,
        values: Vec::new(),
        approvals: Vec::new(),
        dismissed_at: None,
    };
    let count = async || {
        let grouping = Grouping { days: &[], by_process: true };
        let groups = stores.stores.analytics.run_figures(&everything(), grouping, Currency::USD).await.unwrap();
        let steps = stores.stores.analytics.step_figures(&everything(), Currency::USD).await.unwrap();
        (groups[0].sums.executions(), steps.iter().map(|step| step.ended).sum::<u64>())
    };
    assert_eq!(count().await, (1, 2));
    assert_eq!(stores.stores.transfer.put_copy(copy.clone()).await.unwrap(), CopyOutcome::Written);
    assert_eq!(count().await, (2, 4));
    for counted in [everything(), Counted { user: Some("ada".into()), ..everything() }] {
        compare_executions(stores, &counted).await;
        compare_steps(stores, &counted).await;
    }
    assert_eq!(stores.stores.transfer.put_copy(copy.clone()).await.unwrap(), CopyOutcome::Known);
    let removal = Removal { id: run.id(), state: None };
    let removed = stores.stores.retention.purge(KeptPart::Whole, vec![removal]).await.unwrap();
    assert_eq!(removed.settled, 1);
    assert_eq!(stores.stores.transfer.put_copy(copy).await.unwrap(), CopyOutcome::Written);
    assert_eq!(count().await, (2, 4));
}

async fn compare_executions(stores: &Stores, counted: &Counted) {
    // Days of a zone whose clocks are half an hour off, the first of them cut off by the time that is counted.
    let first = counted.from.as_micros().div_euclid(DAY) * DAY - DAY / 48;
    let days: Vec<Timestamp> = (0..30).map(|day| Timestamp::from_micros(first + day * DAY)).collect();
    let rows = rows(stores, counted).await;
    let day_of = |row: &ExecutionRow| *days.iter().rev().find(|day| **day <= row.started_at.unwrap()).unwrap();
    for (days_matter, by_process) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut slow: BTreeMap<_, Vec<&ExecutionRow>> = BTreeMap::new();
        for row in &rows {
            let group = (days_matter.then(|| day_of(row)), by_process.then_some(row.process_id));
            slow.entry(group).or_default().push(row);
        }
        let grouping = Grouping { days: if days_matter { &days } else { &[] }, by_process };
        let groups = stores.stores.analytics.run_figures(counted, grouping, Currency::USD).await.unwrap();
        assert_eq!(groups.len(), slow.len(), "{counted:?}");
        for (figures, ((day, process), rows)) in groups.iter().zip(&slow) {
            assert_eq!((figures.day, figures.process.as_ref().map(|process| process.id)), (*day, *process));
            if let Some(process) = &figures.process {
                assert_eq!((&process.name, process.version), (&rows[0].process_name, rows[0].process_version));
            }
            compare_sums(&figures.sums, rows);
        }
    }
}

fn compare_sums(sums: &RunSums, rows: &[&ExecutionRow]) {
    assert_eq!(sums.executions(), rows.len() as u64);
    assert_eq!(sums.completed, count(rows, ExecutionStatus::Completed));
    assert_eq!(sums.failed, count(rows, ExecutionStatus::Failed));
    assert_eq!(sums.cancelled, count(rows, ExecutionStatus::Cancelled));
    assert_eq!(sums.running, count(rows, ExecutionStatus::Running));
    assert_eq!(sums.cost, nanos(rows).iter().sum::<i64>());
    assert_eq!(sums.incomplete, rows.iter().filter(|row| !row.cost.complete).count() as u64);
    let ended: Vec<&ExecutionRow> = rows.iter().copied().filter(|row| row.status.is_ended()).collect();
    let costs = nanos(&ended);
    assert_eq!((sums.ended_cost, sums.cost_least), (costs.iter().sum::<i64>(), costs.iter().min().copied()));
    assert_eq!(sums.cost_most, costs.iter().max().copied());
    let mut took: Vec<u64> = Vec::new();
    for row in rows.iter().filter(|row| row.status == ExecutionStatus::Completed) {
        took.push(row.completed_at.unwrap().since(row.started_at.unwrap()).as_millis());
    }
    took.sort_unstable();
    let bounds = (sums.took_least.map(Duration::as_millis), sums.took_most.map(Duration::as_millis));
    assert_eq!(bounds, (took.first().copied(), took.last().copied()));
    assert_eq!((sums.took, sums.durations.count()), (took.iter().sum::<u64>() * 1_000, took.len() as u64));
    // Agents were at work from the beginning to the end of each.
    assert_eq!(sums.working, sums.took);
    if let Some(middle) = took.get(took.len().saturating_sub(1) / 2) {
        let told = sums.durations.quantile(0.5).unwrap().as_millis();
        assert!(told.abs_diff(*middle) <= middle / 60 + 1, "{told} for {middle}");
    }
}

async fn compare_steps(stores: &Stores, counted: &Counted) {
    let mut slow: BTreeMap<(String, String), (u64, u64, u64, i64)> = BTreeMap::new();
    for row in rows(stores, counted).await {
        for (step, completed, took, cost) in ends_of(stores, row.id).await {
            let sums = slow.entry((row.process_name.to_string(), step)).or_default();
            sums.0 += 1;
            sums.1 += u64::from(!completed);
            sums.2 += took;
            sums.3 += cost.map_or(0, Money::nanos);
        }
    }
    let figures = stores.stores.analytics.step_figures(counted, Currency::USD).await.unwrap();
    assert_eq!(figures.len(), slow.len(), "{counted:?}");
    for (figures, ((process, step), (ended, failed, took, nanos))) in figures.iter().zip(&slow) {
        assert_eq!((figures.process_name.as_str(), figures.step_id.as_str()), (process.as_str(), step.as_str()));
        assert_eq!((figures.ended, figures.failed, figures.cost.amount.nanos()), (*ended, *failed, *nanos));
        assert!(figures.average.as_millis().abs_diff(took / ended) <= 1, "{figures:?}");
        assert_eq!(figures.working, figures.average, "agents are at work all the time");
    }
}

/// The steps of an execution that ended: whether well, the milliseconds that it took, and what it cost.
async fn ends_of(stores: &Stores, id: ExecutionId) -> Vec<(String, bool, u64, Option<Money>)> {
    let page = EventPage { offset: 0, limit: 1_000 };
    let mut begun: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut ends = Vec::new();
    for stored in stores.queries.events(id, page).await.unwrap() {
        let Event::Attempt(step, Direction::Do, event) = &stored.recorded.event else { continue };
        let took = |begun: &BTreeMap<String, Timestamp>| stored.recorded.at.since(begun[step.as_str()]).as_millis();
        match event {
            AttemptEvent::Started(_) => drop(begun.insert(step.to_string(), stored.recorded.at)),
            AttemptEvent::Completed { usage, .. } => ends.push((step.to_string(), true, took(&begun), usage.cost)),
            AttemptEvent::Failed { usage, .. } => ends.push((step.to_string(), false, took(&begun), usage.cost)),
            _ => {}
        }
    }
    ends
}

fn count(rows: &[&ExecutionRow], status: ExecutionStatus) -> u64 {
    rows.iter().filter(|row| row.status == status).count() as u64
}

fn nanos(rows: &[&ExecutionRow]) -> Vec<i64> {
    rows.iter().map(|row: &&ExecutionRow| -> Cost { row.cost }).map(|cost| cost.amount.nanos()).collect()
}
