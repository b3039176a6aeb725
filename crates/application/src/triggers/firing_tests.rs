//! What is done about due times that came, came late, or came while an execution was under way.

use indexmap::IndexMap;
use procession_domain::{
    definition::Schedule,
    value::{ProcessId, ProcessName, ScheduleId, TriggerId},
};

use super::*;

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

/// A schedule that is due at every full hour, and was dealt with until the 21st at 08:00.
fn hourly(misfire: Misfire, overlap: Overlap) -> KeptSchedule {
    let schedule = Schedule {
        cron: "hourly".into(),
        cron_expression: "0 * * * *".into(),
        timezone: "UTC".into(),
        input: IndexMap::new(),
        misfire,
        misfire_grace: Duration::from_secs(3_600),
        overlap,
        shift_missing: true,
        fire_repeated_twice: false,
        jitter: Duration::ZERO,
    };
    KeptSchedule {
        id: ScheduleId::new(uuid::Uuid::from_u128(1)),
        process_id: ProcessId::new(uuid::Uuid::from_u128(2)),
        process_name: ProcessName::new("report").unwrap(),
        trigger_id: TriggerId::new("hourly").unwrap(),
        description: None,
        enabled: true,
        schedule,
        revision: 1,
        standing: ScheduleStanding {
            attention_at: Some(at("21T09:00")),
            ..ScheduleStanding::beginning(at("21T08:00"))
        },
    }
}

/// What happens from `now` on, at once: the due times that start something, what else is decided, and the standing at rest.
fn played(mut kept: KeptSchedule, now: &str, is_under_way: bool) -> (Vec<String>, ScheduleStanding) {
    let now = at(now);
    let due = DueTimes::of(&kept.schedule).unwrap();
    let mut happened = Vec::new();
    loop {
        let decision = Firing { kept: &kept, due: &due, now, is_under_way }.decide();
        kept.standing = match decision {
            Decision::Rest(standing) => return (happened, standing),
            Decision::Settle(standing) => {
                let last = standing.last.clone().unwrap();
                happened.push(format!("{} {}", last.outcome.as_str(), hour(last.due_at)));
                standing
            }
            Decision::Start { due_at, cancels, standing } => {
                happened.push(format!("{}start {}", if cancels { "cancel, " } else { "" }, hour(due_at)));
                standing
            }
        };
        assert!(happened.len() < 1_000, "it does not come to rest");
    }
}

fn hour(time: Timestamp) -> String {
    time.to_string()[8..16].to_owned()
}

#[test]
fn what_is_due_starts_and_the_next_due_time_is_waited_for() {
    let kept = hourly(Misfire::FireOnce, Overlap::Allow);
    let (happened, standing) = played(kept.clone(), "21T08:59", false);
    assert_eq!((happened.len(), standing.attention_at), (0, Some(at("21T09:00"))));
    let (happened, standing) = played(kept, "21T09:00", false);
    assert_eq!(happened, ["start 21T09:00"]);
    assert_eq!(standing.handled_until, at("21T09:00"));
    assert_eq!(standing.attention_at, Some(at("21T10:00")));
    assert_eq!((standing.last_run_at, standing.missed), (Some(at("21T09:00")), 0));
}

#[test]
fn a_server_that_was_down_for_a_day_follows_the_policy() {
    let down = |misfire| played(hourly(misfire, Overlap::Allow), "22T08:30", false);
    let (happened, standing) = down(Misfire::FireOnce);
    assert_eq!(happened, ["start 22T08:00"], "all late ones together start one, with the latest due time");
    assert_eq!(standing.attention_at, Some(at("22T09:00")));
    let (happened, standing) = down(Misfire::FireAll);
    assert_eq!(happened.len(), 24);
    assert_eq!((happened[0].as_str(), happened[23].as_str()), ("start 21T09:00", "start 22T08:00"));
    assert_eq!(standing.missed, 0);
    let (happened, standing) = down(Misfire::Skip);
    assert_eq!(happened, ["start 22T08:00"], "half an hour late is within the grace");
    assert_eq!(standing.missed, 0, "since the last run none was missed");
    let mut strict = hourly(Misfire::Skip, Overlap::Allow);
    strict.schedule.misfire_grace = Duration::from_secs(60);
    let (happened, standing) = played(strict, "22T08:30", false);
    assert_eq!(happened, ["missed 22T08:00"]);
    assert_eq!((standing.missed, standing.attention_at), (24, Some(at("22T09:00"))));
    assert_eq!(standing.last.unwrap().reason.unwrap(), "more than 1m late");
}

#[test]
fn of_very_many_late_due_times_a_hundred_start() {
    let mut kept = hourly(Misfire::FireAll, Overlap::Allow);
    kept.schedule.cron_expression = "* * * * *".into();
    let (happened, standing) = played(kept, "22T08:00", false);
    assert_eq!(happened.len(), 100);
    assert_eq!((happened[0].as_str(), happened[99].as_str()), ("start 22T06:21", "start 22T08:00"));
    assert_eq!(standing.handled_until, at("22T08:00"));
}

#[test]
fn an_execution_under_way_is_dealt_with_as_the_schedule_says() {
    let while_it_runs = |overlap| played(hourly(Misfire::FireOnce, overlap), "21T09:00", true);
    assert_eq!(while_it_runs(Overlap::Allow).0, ["start 21T09:00"]);
    assert_eq!(while_it_runs(Overlap::CancelRunning).0, ["cancel, start 21T09:00"]);
    let (happened, standing) = while_it_runs(Overlap::Skip);
    assert_eq!((happened, standing.attention_at), (vec!["skipped 21T09:00".to_owned()], Some(at("21T10:00"))));
    let (happened, standing) = while_it_runs(Overlap::Queue);
    assert_eq!((happened, standing.queued), (vec!["queued 21T09:00".to_owned()], Some(at("21T09:00"))));
    assert_eq!(standing.attention_at, Some(at("21T09:00").saturating_add(LOOK_AGAIN)));
}

#[test]
fn one_due_time_waits_in_the_queue_and_it_is_the_latest() {
    let mut kept = hourly(Misfire::FireOnce, Overlap::Queue);
    kept.standing.queued = Some(at("21T08:00"));
    let (happened, standing) = played(kept.clone(), "21T09:00", true);
    assert_eq!((happened, standing.queued), (vec!["queued 21T09:00".to_owned()], Some(at("21T09:00"))));
    let (happened, standing) = played(kept, "21T08:30", false);
    assert_eq!((happened, standing.queued), (vec!["start 21T08:00".to_owned()], None));
    assert_eq!(standing.handled_until, at("21T08:00"));
    assert_eq!(standing.attention_at, Some(at("21T09:00")));
}

#[test]
fn jitter_moves_the_start_and_neither_the_due_time_nor_the_next_one() {
    let mut kept = hourly(Misfire::FireOnce, Overlap::Allow);
    kept.schedule.jitter = Duration::from_secs(7_200);
    let due = DueTimes::of(&kept.schedule).unwrap();
    let firing = |now: &str| Firing { kept: &kept, due: &due, now: at(now), is_under_way: false };
    let acts_at = firing("21T08:30").acts_at(at("21T09:00"));
    assert!(acts_at > at("21T09:00") && acts_at < at("21T10:00"), "{acts_at}: before the next due time");
    assert_eq!(acts_at, firing("21T08:31").acts_at(at("21T09:00")), "it does not change");
    let others: std::collections::BTreeSet<u64> = due
        .following(at("21T08:00"), 50)
        .into_iter()
        .map(|due_at| firing("21T08:30").acts_at(due_at).since(due_at).as_millis())
        .collect();
    assert!(others.len() > 45, "each due time has its own: {others:?}");
    let Decision::Rest(standing) = firing("21T09:00").decide() else { panic!("it is too early") };
    assert_eq!(standing.attention_at, Some(acts_at));
    let later = Firing { kept: &kept, due: &due, now: acts_at, is_under_way: false };
    let Decision::Start { due_at, standing, .. } = later.decide() else { panic!("it is time") };
    assert_eq!((due_at, standing.handled_until), (at("21T09:00"), at("21T09:00")));
}

#[test]
fn what_is_paused_or_switched_off_rests() {
    let mut kept = hourly(Misfire::FireAll, Overlap::Queue);
    kept.standing.paused_at = Some(at("21T08:10"));
    kept.standing.queued = Some(at("21T08:00"));
    let (happened, standing) = played(kept.clone(), "22T09:00", false);
    assert_eq!((happened.len(), standing.attention_at, standing.queued), (0, None, None));
    kept.standing.paused_at = None;
    kept.enabled = false;
    let (happened, standing) = played(kept, "22T09:00", false);
    assert_eq!((happened.len(), standing.attention_at), (0, None));
}

#[test]
fn a_refused_start_is_told_and_counts_as_missed() {
    let kept = hourly(Misfire::FireOnce, Overlap::Allow);
    let due = DueTimes::of(&kept.schedule).unwrap();
    let firing = Firing { kept: &kept, due: &due, now: at("21T11:00"), is_under_way: false };
    let standing = firing.refused(at("21T11:00"), "the input does not fit".to_owned());
    assert_eq!((standing.missed, standing.handled_until), (3, at("21T11:00")));
    assert_eq!(standing.attention_at, Some(at("21T12:00")));
    let last = standing.last.unwrap();
    assert_eq!((last.outcome, last.reason.as_deref()), (FiringOutcome::Missed, Some("the input does not fit")));
}
