//! What a store promises about cost alerts.

use std::sync::Arc;

use procession_application::{
    calendar::Calendar,
    ports::{
        AlertAudience, AlertAudiences, AlertFilter, AlertPage, AlertSeverity, AlertStatus, Commit, CostAlert, CostDay,
        DeliveryContent, DeliveryFilter, DeliveryKind, DeliveryRow, DeliveryState, DueRequest, Lease, PageStart,
        Paging, Threshold, ThresholdKind,
    },
};
use procession_domain::{
    definition::{Config, CostAlertRule, Process},
    event::{StepError, Usage},
    execution::{Command, Failure},
    value::{ErrorCode, Money, ProcessId},
};

use super::{
    given::{Published, Stores, agent, at, definition, sub_process},
    run::{Launch, Run},
};

/// The seconds of a day.
const DAY: i64 = 86_400;

/// An alert is raised with the commit that passes its threshold, once, and tells what the cost is since.
pub async fn an_alert_is_raised_once_and_follows_the_cost(stores: &Stores) {
    let lease = stores.node().await;
    let process = two_steps(stores, "report").await;
    set(stores, Some(process.process.id), ThresholdKind::PerExecution, "1").await;
    let mut run = begun(stores, lease, &process, "ada", 0).await;
    commit(stores, run.finish_for(at(10), "a", money("1"))).await;
    assert_eq!(alerts(stores).await.rows, [], "a cost that is the threshold does not pass it");
    commit(stores, run.finish_for(at(20), "b", money("0.5"))).await;
    let [alert] = <[CostAlert; 1]>::try_from(alerts(stores).await.rows).unwrap();
    assert_eq!((alert.process_id, alert.execution_id), (Some(process.process.id), Some(run.id())));
    assert_eq!((alert.process_name.as_ref().unwrap().as_str(), alert.user.as_deref()), ("report", Some("ada")));
    assert_eq!((alert.kind, alert.first_day, alert.created_at), (ThresholdKind::PerExecution, None, at(20)));
    assert_eq!((alert.threshold, alert.actual, alert.severity()), (money("1"), money("1.5"), AlertSeverity::Warning));
    commit(stores, run.finish_for(at(30), "c", money("0.75"))).await;
    let [later] = <[CostAlert; 1]>::try_from(alerts(stores).await.rows).unwrap();
    assert_eq!((later.id, later.created_at), (alert.id, at(20)));
    assert_eq!((later.actual, later.severity()), (money("2.25"), AlertSeverity::Critical));
    assert_eq!(stores.stores.thresholds.alert(alert.id).await.unwrap(), Some(later));
}

/// An execution that fails, and one that goes on, raise alerts like one that completes.
pub async fn costs_of_failed_and_running_executions_raise_alerts(stores: &Stores) {
    let lease = stores.node().await;
    let process = two_steps(stores, "report").await;
    set(stores, Some(process.process.id), ThresholdKind::PerExecution, "0.10").await;
    let mut running = begun(stores, lease, &process, "ada", 0).await;
    commit(stores, running.finish_for(at(10), "a", money("0.2"))).await;
    let mut failing = begun(stores, lease, &process, "ada", 1).await;
    let error = StepError { code: ErrorCode::AgentNotFound, message: "there is none".into() };
    let failure = Failure { error, usage: Usage::of_cost(Some(money("0.3"))), retry_after: None };
    let failed = failing.turn(at(20), &[Command::Failed { call: failing.open_call("a"), failure }]);
    assert!(failed.ends());
    commit(stores, failed).await;
    let of: Vec<_> = alerts(stores).await.rows.iter().map(|alert| alert.execution_id.unwrap()).collect();
    assert_eq!(of, [failing.id(), running.id()], "the newest first");
}

/// Costs count on the day on which they are booked, of all versions of a process; a week begins on Monday.
pub async fn a_week_is_the_sum_of_its_days(stores: &Stores) {
    let lease = stores.node().await;
    let process = two_steps(stores, "report").await;
    let other = two_steps(stores, "digest").await;
    set(stores, Some(process.process.id), ThresholdKind::Daily, "5").await;
    set(stores, Some(process.process.id), ThresholdKind::Weekly, "7").await;
    let monday = first_monday();
    for (days, process, cost, expected) in [
        (0, &process, "4", vec![]),
        (0, &other, "50", vec![]),
        (1, &process, "2.5", vec![]),
        (2, &process, "2", vec![(ThresholdKind::Weekly, 0, "8.5")]),
        (6, &process, "6", vec![(ThresholdKind::Weekly, 0, "14.5"), (ThresholdKind::Daily, 6, "6")]),
        (
            7,
            &process,
            "5.5",
            vec![(ThresholdKind::Weekly, 0, "14.5"), (ThresholdKind::Daily, 6, "6"), (ThresholdKind::Daily, 7, "5.5")],
        ),
    ] {
        spend(stores, lease, process, monday + days * DAY, cost).await;
        let mut raised: Vec<_> = alerts(stores)
            .await
            .rows
            .into_iter()
            .map(|alert| (alert.kind, alert.first_day.unwrap(), alert.actual))
            .collect();
        raised.reverse();
        let mut expected: Vec<_> =
            expected.into_iter().map(|(kind, days, cost)| (kind, day(monday + days * DAY), money(cost))).collect();
        raised.sort_by_key(|(kind, day, _)| (*day, *kind));
        expected.sort_by_key(|(kind, day, _)| (*day, *kind));
        assert_eq!(raised, expected, "day {days}");
    }
}

/// What a sub-process costs counts for its own process, for the one that runs it, and for the server once.
pub async fn the_server_counts_each_call_once(stores: &Stores) {
    let lease = stores.node().await;
    let child = stores.published("child", vec![agent("a", &[])]).await;
    let parent = stores.published("parent", vec![sub_process("sub", &child, true)]).await;
    for process in [&child, &parent] {
        set(stores, Some(process.process.id), ThresholdKind::Daily, "1").await;
    }
    set(stores, None, ThresholdKind::Daily, "1").await;
    let mut run = stores.admitted(&parent, lease).await;
    run.give_child("sub", &child);
    let begin = run.begin();
    let child_id = begin.children[0].execution.id();
    commit(stores, begin).await;
    assert!(stores.executions.claim_one(lease, child_id, at(2)).await.unwrap());
    let mut own = Run::loaded(stores, &child, child_id, lease).await;
    commit(stores, own.turn(at(3), &[Command::Start])).await;
    commit(stores, own.finish_for(at(4), "a", money("1.5"))).await;
    run.seen = stores.executions.inbox(run.id(), 0).await.unwrap()[0].number;
    stores.executions.claim_one(lease, run.id(), at(5)).await.unwrap();
    commit(stores, run.child_completed(at(5), &own)).await;
    let mut raised: Vec<_> = alerts(stores)
        .await
        .rows
        .into_iter()
        .map(|alert| (alert.process_name.map(|name| name.to_string()), alert.actual))
        .collect();
    raised.sort_by(|one, other| one.0.cmp(&other.0));
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(raised, [(None, money("1.5")), (name("child"), money("1.5")), (name("parent"), money("1.5"))]);
}

/// An alert that was put aside stays as it is for its period, and is not put aside twice.
pub async fn an_alert_that_was_put_aside_is_not_raised_again(stores: &Stores) {
    let lease = stores.node().await;
    let process = two_steps(stores, "report").await;
    set(stores, Some(process.process.id), ThresholdKind::Daily, "1").await;
    spend(stores, lease, &process, 0, "2").await;
    let alert = alerts(stores).await.rows.remove(0);
    let thresholds = &stores.stores.thresholds;
    assert!(thresholds.dismiss_alert(alert.id, Some("ada@example.org"), at(50)).await.unwrap());
    assert!(!thresholds.dismiss_alert(alert.id, None, at(51)).await.unwrap());
    assert!(!thresholds.dismiss_alert(stores.id(), None, at(51)).await.unwrap());
    spend(stores, lease, &process, 100, "9").await;
    let [kept] = <[CostAlert; 1]>::try_from(alerts(stores).await.rows).unwrap();
    assert_eq!((kept.status(), kept.actual), (AlertStatus::Dismissed, money("2")));
    assert_eq!((kept.dismissed_at, kept.dismissed_by.as_deref()), (Some(at(50)), Some("ada@example.org")));
    spend(stores, lease, &process, 2 * DAY, "3").await;
    assert_eq!(alerts(stores).await.active, 1, "another day has its own");
}

/// Who sets a threshold that today's cost has passed hears of it at once; a disabled one raises nothing.
pub async fn a_threshold_that_is_passed_already_raises_its_alert(stores: &Stores) {
    let lease = stores.node().await;
    let process = two_steps(stores, "report").await;
    spend(stores, lease, &process, 0, "3").await;
    let id = Some(process.process.id);
    let disabled = Threshold { enabled: false, ..threshold(stores, id, ThresholdKind::Daily, "1") };
    stores.stores.thresholds.set_threshold(&disabled, day(0), None).await.unwrap();
    assert_eq!(alerts(stores).await.rows, []);
    set(stores, id, ThresholdKind::Daily, "1").await;
    set(stores, None, ThresholdKind::Weekly, "2").await;
    set(stores, None, ThresholdKind::Daily, "4").await;
    let raised: Vec<_> = alerts(stores).await.rows.iter().map(|alert| (alert.kind, alert.process_id)).collect();
    assert_eq!(raised.len(), 2);
    assert!(raised.contains(&(ThresholdKind::Daily, id)) && raised.contains(&(ThresholdKind::Weekly, None)));
}

/// Publishing sets what `cost_alert` says, and takes the rest over from the version that was active.
pub async fn a_published_version_gets_its_thresholds(stores: &Stores) {
    let rule = |daily: Option<&str>, per_execution: Option<&str>| CostAlertRule {
        daily: daily.map(money),
        per_execution: per_execution.map(money),
        ..CostAlertRule::default()
    };
    let first = published(stores, "1", Some(rule(Some("5"), None))).await;
    set(stores, Some(first), ThresholdKind::Weekly, "20").await;
    let second = published(stores, "2", Some(rule(Some("6"), Some("1")))).await;
    let third = published(stores, "3", None).await;
    for (process, expected) in [
        (first, vec![(ThresholdKind::Daily, "5"), (ThresholdKind::Weekly, "20")]),
        (second, vec![(ThresholdKind::PerExecution, "1"), (ThresholdKind::Daily, "6"), (ThresholdKind::Weekly, "20")]),
        (third, vec![(ThresholdKind::PerExecution, "1"), (ThresholdKind::Daily, "6"), (ThresholdKind::Weekly, "20")]),
    ] {
        let set = stores.stores.thresholds.thresholds(Some(process)).await.unwrap();
        let set: Vec<_> = set.iter().map(|threshold| (threshold.kind, threshold.amount)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(kind, amount)| (kind, money(amount))).collect();
        assert_eq!(set, expected);
    }
}

/// Filters add up; who sees only their own executions sees alerts about these alone, also in the counts.
pub async fn alerts_are_listed_by_who_and_what_was_asked_for(stores: &Stores) {
    let lease = stores.node().await;
    let process = two_steps(stores, "report").await;
    let id = Some(process.process.id);
    set(stores, id, ThresholdKind::PerExecution, "1").await;
    set(stores, None, ThresholdKind::Daily, "1").await;
    for (second, user) in [(0, "ada"), (10, "bea"), (20, "ada")] {
        let mut run = begun(stores, lease, &process, user, second).await;
        commit(stores, run.finish_for(at(second + 5), "a", money("2"))).await;
    }
    let all = alerts(stores).await;
    assert_eq!((all.rows.len(), all.total, all.active), (4, 4, 4));
    let newest = all.rows[0].id;
    assert!(stores.stores.thresholds.dismiss_alert(newest, None, at(60)).await.unwrap());
    let everything = AlertFilter::default();
    for (filter, expected) in [
        (everything.clone(), (4, 3)),
        (AlertFilter { status: Some(AlertStatus::Active), ..everything.clone() }, (3, 3)),
        (AlertFilter { status: Some(AlertStatus::Dismissed), ..everything.clone() }, (1, 3)),
        (AlertFilter { process: Some(None), ..everything.clone() }, (1, 3)),
        (AlertFilter { process: Some(id), ..everything.clone() }, (3, 3)),
        (AlertFilter { user: Some("ada".into()), ..everything.clone() }, (2, 1)),
        (AlertFilter { user: Some("ada".into()), process: Some(None), ..everything.clone() }, (0, 1)),
        (AlertFilter { user: Some(String::new()), ..everything.clone() }, (0, 0)),
    ] {
        let page = stores.stores.thresholds.alerts(&filter, 0, 100).await.unwrap();
        assert_eq!((page.total, page.active), expected, "{filter:?}");
        assert_eq!(page.rows.len() as u64, page.total);
    }
    let second = stores.stores.thresholds.alerts(&everything, 1, 2).await.unwrap();
    assert_eq!((second.rows.len(), second.total), (2, 4));
    assert!(second.rows.iter().all(|alert| alert.id != newest));
}

/// With an alert the delivery is written that tells its audience: once, and not of one that was put aside before.
pub async fn an_alert_is_raised_with_what_tells_of_it(stores: &Stores) {
    let lease = stores.node().await;
    let process = two_steps(stores, "report").await;
    let id = Some(process.process.id);
    set(stores, id, ThresholdKind::PerExecution, "1").await;
    set(stores, None, ThresholdKind::Daily, "1").await;
    let audience = |channel: &str| AlertAudience { channel: channel.into(), recipients: vec!["ann".into()] };
    let audiences = AlertAudiences { process: Some(audience("email")), server: None };
    let mut run = begun(stores, lease, &process, "ada", 0).await;
    let told = |commit: Commit| Commit { alerted: audiences.clone(), ..commit };
    commit(stores, told(run.finish_for(at(5), "a", money("2")))).await;
    commit(stores, told(run.finish_for(at(6), "b", money("2")))).await;
    let [row] = <[DeliveryRow; 1]>::try_from(deliveries(stores).await).unwrap();
    assert_eq!((row.kind, row.event.as_str(), row.target.as_str()), (DeliveryKind::Mail, "cost_alert", "email"));
    assert_eq!((row.execution_id, row.state, row.created_at), (Some(run.id()), DeliveryState::Waiting, at(5)));
    let request = DueRequest { now: at(5), limit: 10, except: Vec::new(), except_receivers: Vec::new() };
    let due = stores.stores.deliveries.due(&request).await.unwrap().remove(0);
    let DeliveryContent::Message { channel, recipients, text, .. } = due.content else { panic!("{:?}", due.content) };
    assert_eq!((channel.as_str(), recipients), ("email", vec!["ann".to_owned()]));
    assert!(text.starts_with("Cost alert: Execution ") && text.ends_with("has cost 2 USD, more than 1 USD."), "{text}");

    let daily = threshold(stores, id, ThresholdKind::Daily, "1");
    stores.stores.thresholds.set_threshold(&daily, day(0), Some(&audience("slack"))).await.unwrap();
    let [slack, _] = <[DeliveryRow; 2]>::try_from(by_kind(deliveries(stores).await)).unwrap();
    assert_eq!((slack.kind, slack.execution_id), (DeliveryKind::Slack, None));
    assert_eq!(slack.process_name.unwrap().as_str(), "report");
    assert!(stores.stores.thresholds.dismiss_alert(slack.id, None, at(9)).await.unwrap());
    assert_eq!(deliveries(stores).await.len(), 1, "nobody needs to be told of it any more");
}

/// Slack first.
fn by_kind(mut rows: Vec<DeliveryRow>) -> Vec<DeliveryRow> {
    rows.sort_by_key(|row| row.kind != DeliveryKind::Slack);
    rows
}

async fn deliveries(stores: &Stores) -> Vec<DeliveryRow> {
    let paging = Paging { limit: 10, start: PageStart::Offset(0) };
    stores.stores.deliveries.deliveries(&DeliveryFilter::default(), &paging).await.unwrap().rows
}

async fn two_steps(stores: &Stores, name: &str) -> Published {
    stores.published(name, vec![agent("a", &[]), agent("b", &["a"]), agent("c", &["b"])]).await
}

/// An execution that has begun, and waits for its first step.
async fn begun(stores: &Stores, lease: Lease, process: &Published, user: &str, second: i64) -> Run {
    let launch = Launch { at: at(second), admit: Some(lease), user: Some(user.to_owned()), ..Launch::default() };
    let mut run = stores.launched(process, launch).await;
    commit(stores, run.turn(at(second), &[Command::Start])).await;
    run
}

/// An execution of which one step costs so much.
async fn spend(stores: &Stores, lease: Lease, process: &Published, second: i64, cost: &str) {
    let mut run = begun(stores, lease, process, "ada", second).await;
    commit(stores, run.finish_for(at(second + 1), "a", money(cost))).await;
}

async fn published(stores: &Stores, version: &str, cost_alert: Option<CostAlertRule>) -> ProcessId {
    let mut content = definition("report", version, vec![agent("a", &[])]).content().clone();
    content.config = Config { cost_alert, ..Config::default() };
    let definition = Arc::new(procession_domain::definition::Definition::new(content).unwrap());
    let id = ProcessId::new(stores.id());
    let (mut process, created) = Process::draft(id, String::new(), definition, None, at(0));
    stores.definitions.create(&process, &created).await.unwrap();
    let event = process.publish(None, at(1)).unwrap();
    stores.definitions.update(&process, 1, &event).await.unwrap();
    id
}

async fn set(stores: &Stores, process: Option<ProcessId>, kind: ThresholdKind, amount: &str) {
    let threshold = threshold(stores, process, kind, amount);
    stores.stores.thresholds.set_threshold(&threshold, day(0), None).await.unwrap();
}

fn threshold(stores: &Stores, process_id: Option<ProcessId>, kind: ThresholdKind, amount: &str) -> Threshold {
    let id = stores.id();
    Threshold { id, process_id, kind, amount: money(amount), enabled: true, created_at: at(0), updated_at: at(0) }
}

async fn alerts(stores: &Stores) -> AlertPage {
    stores.stores.thresholds.alerts(&AlertFilter::default(), 0, 100).await.unwrap()
}

async fn commit(stores: &Stores, commit: Commit) {
    stores.executions.commit(Arc::new(commit)).await.unwrap();
}

fn day(second: i64) -> CostDay {
    Calendar::default().day(at(second))
}

/// The second at which the first Monday after the beginning of a test is an hour old.
fn first_monday() -> i64 {
    let hour = |days: i64| days * DAY;
    let is_monday = |second: &i64| day(*second).week() == day(*second) && *second > 0;
    (0..14).map(hour).find(is_monday).unwrap()
}

fn money(amount: &str) -> Money {
    amount.parse().unwrap()
}
