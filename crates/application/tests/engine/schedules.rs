//! Schedules over days and years of the runtime's paused time: every due time starts once, whatever happens in between.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use procession_application::{
    engine::EngineSettings,
    ports::{Clock, ExecutionFilter, PageStart, Paging, Ports, Stores},
    triggers::{ScheduleState, ShownSchedule},
};
use procession_domain::{
    event::Creation,
    execution::ExecutionStatus,
    value::{Duration, Timestamp},
};
use procession_testing::{
    CURTAIN, Fate, Faults, Interposed, KeptMessages, Line, MemoryStore, ScriptedAgents, SequentialIds, Stage,
    VirtualClock, Writing,
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Stores on which engines begin and end. Time begins on 2027-01-15 at 08:00 UTC.
struct House {
    ports: Ports,
    agents: Arc<ScriptedAgents>,
    settings: EngineSettings,
}

impl House {
    fn new() -> Self {
        Self::with(|_| Fate::Written)
    }

    fn with(fates: impl FnMut(Writing<'_>) -> Fate + Send + 'static) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(CURTAIN));
        let store = Arc::new(MemoryStore::with_clock(Arc::clone(&clock)));
        let stores = Stores::of(&store, store.clone());
        let faulty = Arc::new(Interposed::new(stores, Faults::by(fates)));
        let stores = Stores::of(&faulty, faulty.clone());
        let scripts = BTreeMap::from([
            ("bot".to_owned(), vec![Line::reply("done")]),
            ("slow".to_owned(), vec![Line::reply("done").after(Duration::from_secs(5_400))]),
        ]);
        let agents = Arc::new(ScriptedAgents::new(Arc::clone(&clock), scripts));
        let ids = Arc::new(SequentialIds::default());
        let ports = Ports::on(stores, agents.clone(), Arc::new(KeptMessages::default()), clock, ids);
        // Little else of the engine wakes up in the days of a test.
        let rarely = EngineSettings { poll: HOUR, look_for_abandoned: DAY, lease: DAY, ..EngineSettings::default() };
        Self { ports, agents, settings: rarely }
    }

    async fn open(&self) -> Stage {
        let messages = Arc::new(KeptMessages::default());
        Stage::on(self.ports.clone(), Arc::clone(&self.agents), messages, self.settings.clone()).await
    }
}

/// A process with this schedule that takes no time, or as long as it says.
fn process(schedule: &str, takes: Option<&str>) -> String {
    let step = match takes {
        Some(takes) => format!("{{id: nap, type: timer, duration: {takes}}}"),
        None => "{id: work, agent: bot, message: go}".to_owned(),
    };
    format!("name: clockwork\ntriggers:\n  - {{id: tick, {schedule}}}\nsteps: [{step}]\n")
}

/// What schedules have started, the oldest first.
async fn started(stage: &Stage) -> Vec<(Arc<Creation>, ExecutionStatus)> {
    let filter = ExecutionFilter { triggered_by: Some("schedule".to_owned()), ..ExecutionFilter::default() };
    let paging = Paging { limit: 10_000, start: PageStart::Offset(0) };
    let rows = stage.ports.stores.queries.executions(&filter, &paging).await.unwrap().rows;
    let mut started = Vec::new();
    for row in rows {
        let execution = stage.execution(row.id).await;
        started.push((Arc::clone(execution.creation()), execution.status()));
    }
    started.sort_by_key(|(creation, _)| (creation.trigger.due_at, creation.trigger.actual_at));
    started
}

/// The due times that have started something, as days and hours.
async fn due_times(stage: &Stage) -> Vec<String> {
    started(stage).await.iter().map(|(creation, _)| short(creation.trigger.due_at.unwrap())).collect()
}

fn short(time: Timestamp) -> String {
    time.to_string()[8..16].to_owned()
}

async fn shown(stage: &Stage) -> ShownSchedule {
    stage.triggers.schedules(&stage.system, 3).await.unwrap().remove(0)
}

#[tokio::test(start_paused = true)]
async fn over_a_year_every_due_time_starts_once() {
    let stage = House::new().open().await;
    stage.publish(&process("cron: '30 2 * * *', timezone: Europe/Berlin", None)).await;
    let next = stage.triggers.schedules(&stage.system, 400).await.unwrap().remove(0).next_runs;
    stage.pass(Duration::from_secs(365 * 86_400)).await;
    let started = started(&stage).await;
    let due: Vec<Timestamp> = started.iter().map(|(creation, _)| creation.trigger.due_at.unwrap()).collect();
    assert_eq!(due.len(), 365);
    assert_eq!(due, next[..365], "those that were foretold, around both changes of the clocks");
    for (creation, status) in &started {
        let trigger = &creation.trigger;
        assert_eq!((trigger.trigger_type.as_str(), trigger.id.as_deref()), ("schedule", Some("tick")));
        assert_eq!((trigger.fired_at, trigger.actual_at), (trigger.due_at, trigger.due_at), "on time");
        assert_eq!((creation.user.as_deref(), *status), (None, ExecutionStatus::Completed));
    }
}

#[tokio::test(start_paused = true)]
async fn two_engines_on_one_store_never_start_a_due_time_twice() {
    let house = House::new();
    let (one, other) = (house.open().await, house.open().await);
    one.publish(&process("cron: '*/10 * * * *'", None)).await;
    other.pass(HOUR).await;
    one.pass(Duration::from_secs(3_660)).await;
    let due = due_times(&one).await;
    assert_eq!(due.len(), 12);
    assert_eq!((due[0].as_str(), due[11].as_str()), ("15T08:10", "15T10:00"));
    one.halt();
    other.pass(HOUR).await;
    assert_eq!(due_times(&other).await.len(), 18, "the other one goes on alone");
}

#[tokio::test(start_paused = true)]
async fn what_came_due_while_no_server_ran_is_made_up_for_as_the_schedule_says() {
    for (misfire, expected) in [
        ("misfire: fire_once", vec!["15T09:00", "16T09:00", "16T10:00"]),
        ("misfire: skip, misfire_grace: 1m", vec!["15T09:00", "16T10:00"]),
        ("misfire: skip", vec!["15T09:00", "16T09:00", "16T10:00"]),
    ] {
        let house = House::new();
        let stage = house.open().await;
        stage.publish(&process(&format!("cron: hourly, {misfire}"), None)).await;
        stage.pass(Duration::from_secs(5_400)).await;
        stage.halt();
        stage.pass(DAY).await;
        let stage = house.open().await;
        stage.pass(HOUR).await;
        assert_eq!(due_times(&stage).await, expected, "{misfire}");
    }
    let house = House::new();
    let stage = house.open().await;
    stage.publish(&process("cron: hourly, misfire: fire_all", None)).await;
    stage.halt();
    stage.pass(DAY).await;
    let stage = house.open().await;
    stage.pass(Duration::from_secs(60)).await;
    let due = due_times(&stage).await;
    assert_eq!((due.len(), due[0].as_str(), due[23].as_str()), (24, "15T09:00", "16T08:00"));
}

#[tokio::test(start_paused = true)]
async fn between_two_due_times_a_schedule_is_published_anew_paused_and_archived() {
    let stage = House::new().open().await;
    let first = stage.publish(&process("cron: hourly, input: {n: 1}", None)).await;
    stage.pass(Duration::from_secs(5_400)).await;
    let id = shown(&stage).await.id;
    // The next version takes it over, with what it says.
    let second = process("cron: hourly, input: {n: 2}", None).replace("name: clockwork", "name: clockwork\nversion: 2");
    let second = stage.publish(&second).await;
    assert_eq!(shown(&stage).await.id, id);
    stage.pass(HOUR).await;
    let versions: Vec<_> = started(&stage).await.iter().map(|(creation, _)| creation.process.id).collect();
    assert_eq!(versions, [first, second]);
    // What comes due while it is paused is not made up for.
    assert_eq!(stage.triggers.pause(&stage.system, &id, 3).await.unwrap().state, ScheduleState::Paused);
    assert_eq!(shown(&stage).await.next_runs, []);
    stage.pass(DAY).await;
    let resumed = stage.triggers.resume(&stage.system, &id, 1).await.unwrap();
    assert_eq!((resumed.state, short(resumed.next_runs[0])), (ScheduleState::Active, "16T11:00".to_owned()));
    stage.pass(HOUR).await;
    assert_eq!(due_times(&stage).await, ["15T09:00", "15T10:00", "16T11:00"]);
    stage.definitions.archive(&stage.system, second).await.unwrap();
    stage.pass(DAY).await;
    assert_eq!(due_times(&stage).await.len(), 3);
    // An older version gets it when a person says so, and begins anew.
    stage.definitions.activate(&stage.system, first).await.unwrap();
    stage.pass(HOUR).await;
    assert_eq!(due_times(&stage).await.len(), 4);
    assert_eq!(started(&stage).await[3].0.process.id, first);
}

#[tokio::test(start_paused = true)]
async fn a_version_with_other_times_starts_nothing_that_was_due_before_it() {
    let stage = House::new().open().await;
    stage.publish(&process("cron: '0 9 * * *'", None)).await;
    stage.pass(Duration::from_secs(5 * 3_600)).await;
    let later = process("cron: '0 12 * * *'", None).replace("name: clockwork", "name: clockwork\nversion: 2");
    stage.publish(&later).await;
    stage.pass(Duration::from_secs(60)).await;
    assert_eq!(due_times(&stage).await, ["15T09:00"], "noon has passed an hour ago");
    stage.pass(DAY).await;
    assert_eq!(due_times(&stage).await, ["15T09:00", "16T12:00"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_due_while_the_last_one_runs_waits_is_skipped_or_takes_its_place() {
    let play = async |overlap: &str| {
        let stage = House::new().open().await;
        stage.publish(&process(&format!("cron: hourly, overlap: {overlap}"), Some("150m"))).await;
        // Due at 9, 10, 11 and 12; each takes two hours and a half.
        stage.pass(Duration::from_secs(4 * 3_600 + 60)).await;
        let last = shown(&stage).await.last.unwrap();
        let started = started(&stage).await.into_iter().map(|(creation, status)| {
            let trigger = &creation.trigger;
            format!("{} at {}: {}", short(trigger.due_at.unwrap()), short(trigger.actual_at.unwrap()), status.as_str())
        });
        (started.collect::<Vec<_>>(), format!("{} {}", short(last.due_at), last.outcome.as_str()))
    };
    let (started, last) = play("skip").await;
    assert_eq!(started, ["15T09:00 at 15T09:00: completed", "15T12:00 at 15T12:00: running"]);
    assert_eq!(last, "15T12:00 started");
    let (started, last) = play("queue").await;
    assert_eq!(started, ["15T09:00 at 15T09:00: completed", "15T11:00 at 15T11:30: running"]);
    assert_eq!(last, "15T12:00 queued");
    let (started, _) = play("cancel_running").await;
    let expected = [
        "15T09:00 at 15T09:00: cancelled",
        "15T10:00 at 15T10:00: cancelled",
        "15T11:00 at 15T11:00: cancelled",
        "15T12:00 at 15T12:00: running",
    ];
    assert_eq!(started, expected);
    let (started, _) = play("allow").await;
    assert_eq!(started.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_the_limits_refuse_is_made_when_there_is_room() {
    let mut house = House::new();
    house.settings = EngineSettings { max_concurrent_executions: 1, queue_length: 0, ..house.settings };
    let stage = house.open().await;
    let slow = process("cron: '0 9,10 * * *'", None).replace("agent: bot", "agent: slow, timeout: 2h");
    stage.publish(&slow).await;
    stage.pass(Duration::from_secs(4 * 3_600)).await;
    let started = started(&stage).await;
    let times: Vec<_> = started.iter().map(|(creation, _)| creation.trigger.clone()).collect();
    assert_eq!(times.len(), 2);
    assert_eq!(short(times[1].due_at.unwrap()), "15T10:00");
    let late = times[1].actual_at.unwrap().since(times[1].due_at.unwrap());
    assert!(late >= Duration::from_secs(1_800) && late <= Duration::from_secs(2_400), "{late}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_refused_for_good_is_told() {
    let stage = House::new().open().await;
    let yaml =
        process("cron: hourly", None).replace("steps:", "input: {topic: {type: string, required: true}}\nsteps:");
    stage.publish(&yaml).await;
    stage.pass(Duration::from_secs(5_400)).await;
    let shown = shown(&stage).await;
    let last = shown.last.unwrap();
    assert_eq!((last.outcome.as_str(), short(last.due_at), shown.missed), ("missed", "15T09:00".to_owned(), 1));
    assert!(last.reason.unwrap().contains("`topic`"));
    assert_eq!(shown.next_runs.len(), 3, "it goes on");
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_the_answer_to_a_start_its_due_time_starts_once() {
    for fate in [Fate::Lost, Fate::Failed] {
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&starts);
        let mut house = House::with(move |writing| match writing {
            Writing::Start(_) if counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) => fate,
            Writing::Start(_) | Writing::Commit(_) => Fate::Written,
        });
        house.settings.look_for_abandoned = Duration::from_secs(10);
        let stage = house.open().await;
        stage.publish(&process("cron: hourly", None)).await;
        stage.pass(Duration::from_secs(6 * 3_600 + 60)).await;
        let due = due_times(&stage).await;
        assert_eq!(due, ["15T09:00", "15T10:00", "15T11:00", "15T12:00", "15T13:00", "15T14:00"], "{fate:?}");
        assert!(starts.load(Ordering::Relaxed) >= 6);
        assert!(started(&stage).await.iter().all(|(_, status)| *status == ExecutionStatus::Completed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_person_runs_a_schedule_now_and_its_due_times_stay() {
    let stage = House::new().open().await;
    stage.publish(&process("cron: hourly, input: {n: 7}", None)).await;
    let before = shown(&stage).await;
    let dora = stage.person("dora", "designer").await;
    let execution = stage.triggers.run(&dora, &before.id).await.unwrap();
    let execution = stage.until_ended(execution.id()).await;
    let creation = execution.creation();
    assert_eq!((creation.triggered_by.as_str(), creation.user.as_deref()), ("schedule", Some("dora")));
    let after = shown(&stage).await;
    assert_eq!(after.next_runs, before.next_runs);
    assert_eq!(after.last.unwrap().execution_id, Some(execution.id()));
    let otto = stage.person("otto", "operator").await;
    assert!(stage.triggers.run(&otto, &before.id).await.is_err());
    assert!(stage.triggers.pause(&otto, &before.id, 0).await.is_err());
}
