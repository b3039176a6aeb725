//! The engine follows what is stored: whatever answer was lost and whatever has ended by a defect, it goes on.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use procession_application::{
    engine::EngineSettings,
    executions::{Command, StartRequest},
    ports::{Clock, ExecutionFilter, IdGenerator, PageStart, Paging, Ports, Stores},
};
use procession_domain::{
    execution::{Execution, ExecutionStatus},
    value::{Duration, ErrorCode, ExecutionId, ProcessId},
};
use procession_testing::{
    CURTAIN, Fate, Faults, Interposed, KeptMessages, Line, MemoryStore, ScriptedAgents, SequentialIds, Stage,
    VirtualClock, Writing, statuses,
};
use serde_json::json;
use uuid::Uuid;

const PROCESS: &str = "
name: errand
steps:
  - {id: fetch, agent: bot, message: fetch, compensation: {agent: bot, message: bring back}}
  - {id: look, agent: slow, message: look}
  - {id: rest, type: timer, duration: 5s, depends_on: [fetch]}
  - {id: tell, agent: bot, message: tell, depends_on: [look, rest]}
";

/// A stage whose starts and commits have the fates that a test gives them.
struct House {
    ports: Ports,
    agents: Arc<ScriptedAgents>,
    settings: EngineSettings,
}

impl House {
    fn with(fates: impl FnMut(Writing<'_>) -> Fate + Send + 'static) -> Self {
        Self::with_ids(fates, Arc::new(SequentialIds::default()))
    }

    fn with_ids(fates: impl FnMut(Writing<'_>) -> Fate + Send + 'static, ids: Arc<dyn IdGenerator>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(CURTAIN));
        let store = Arc::new(MemoryStore::with_clock(Arc::clone(&clock)));
        let stores = Stores::of(&store, store.clone());
        let faulty = Arc::new(Interposed::new(stores, Faults::by(fates)));
        let stores = Stores::of(&faulty, faulty.clone());
        let scripts = BTreeMap::from([
            ("bot".to_owned(), vec![Line::reply("done")]),
            ("slow".to_owned(), vec![Line::reply("seen").after(Duration::from_secs(20))]),
        ]);
        let agents = Arc::new(ScriptedAgents::new(Arc::clone(&clock), scripts).with_concurrency(1));
        let ports = Ports::on(stores, agents.clone(), Arc::new(KeptMessages::default()), clock, ids);
        Self { ports, agents, settings: EngineSettings::default() }
    }

    async fn open(&self) -> Stage {
        let messages = Arc::new(KeptMessages::default());
        Stage::on(self.ports.clone(), Arc::clone(&self.agents), messages, self.settings.clone()).await
    }
}

/// Its keys, without the execution's id.
fn calls(stage: &Stage) -> Vec<String> {
    let mut calls: Vec<String> =
        stage.agents.calls().iter().map(|call| call.task.key.split_once('/').unwrap().1.to_owned()).collect();
    calls.sort_unstable();
    calls
}

fn seconds_of(execution: &Execution) -> u64 {
    let state = execution.state();
    state.completed_at.unwrap().since(state.created_at).as_secs()
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_any_commit_may_be_lost() {
    for fate in [Fate::Lost, Fate::Failed] {
        let mut unlucky = 1;
        loop {
            let mut commits = 0;
            let was_met = Arc::new(AtomicBool::new(false));
            let met = Arc::clone(&was_met);
            let house = House::with(move |writing| {
                commits += u64::from(matches!(writing, Writing::Commit(_)));
                let is_it = matches!(writing, Writing::Commit(_)) && commits == unlucky;
                met.fetch_or(is_it, Ordering::Relaxed);
                if is_it { fate } else { Fate::Written }
            });
            let stage = house.open().await;
            let process = stage.publish(PROCESS).await;
            let id = stage.start(process, json!({})).await;
            let execution = stage.until_ended(id).await;
            let context = format!("{fate:?} at commit {unlucky}");
            assert_eq!(
                statuses(&execution),
                "completed: fetch=completed look=completed rest=completed tell=completed",
                "{context}"
            );
            assert_eq!(calls(&stage), ["fetch/1", "look/1", "tell/1"], "{context}");
            assert!(seconds_of(&execution) <= 22, "{context}: {} s", seconds_of(&execution));
            // The node's lease is renewed meanwhile: the store is known to take writes again.
            stage.pass(house.settings.lease).await;
            assert_eq!(stage.engine.health().store_problem, None, "{context}");
            stage.engine.halt();
            if !was_met.load(Ordering::Relaxed) {
                assert!(unlucky > 5, "{unlucky}");
                break;
            }
            unlucky += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_whose_start_was_not_answered_is_run_all_the_same() {
    let mut is_first = true;
    let house = House::with(move |writing| match writing {
        Writing::Start(_) if std::mem::take(&mut is_first) => Fate::Lost,
        Writing::Start(_) | Writing::Commit(_) => Fate::Written,
    });
    let stage = house.open().await;
    let process = stage.publish(PROCESS).await;
    let request = StartRequest {
        input: json!({}),
        triggered_by: "test".into(),
        idempotency_key: Some("once".into()),
        ..StartRequest::default()
    };
    stage.executions.start(&stage.system, process, request.clone()).await.unwrap_err();
    stage.pass(Duration::from_secs(60)).await;
    let again = stage.executions.start(&stage.system, process, request).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.execution.status(), ExecutionStatus::Completed);
    assert_eq!(stage.engine.executions_in_memory(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_can_never_be_written_is_left_as_it_is_and_harms_nobody_else() {
    let mut refused = None;
    let mut tries = 0;
    let house = House::with(move |writing| match writing {
        Writing::Start(start) => {
            refused.get_or_insert(start.execution.id());
            Fate::Written
        }
        Writing::Commit(commit) if Some(commit.execution_id) == refused => {
            tries += 1;
            assert!(tries < 10, "it is tried again and again");
            Fate::Corrupt
        }
        Writing::Commit(_) => Fate::Written,
    });
    let stage = house.open().await;
    let process = stage.publish(PROCESS).await;
    let bad = stage.start(process, json!({})).await;
    let good = stage.start(process, json!({})).await;
    let good = stage.until_ended(good).await;
    assert_eq!(good.status(), ExecutionStatus::Completed);
    stage.pass(Duration::from_secs(600)).await;
    assert_eq!(stage.execution(bad).await.status(), ExecutionStatus::Pending);
    assert_eq!(stage.engine.executions_in_memory(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_cancelled_before_it_begins_calls_nobody() {
    let house = House {
        settings: EngineSettings { max_concurrent_executions: 1, ..EngineSettings::default() },
        ..House::with(|_| Fate::Written)
    };
    let stage = house.open().await;
    let process = stage.publish(PROCESS).await;
    let first = stage.start(process, json!({})).await;
    let second = stage.start(process, json!({})).await;
    // Both are asked in one moment: the cancel is in the inbox when the execution is admitted, at the latest.
    let cancel = Command::Cancel { reason: None, compensate: false };
    let outcome = stage.executions.command(&stage.system, second, cancel).await.unwrap();
    assert_eq!(outcome.execution.status(), ExecutionStatus::Cancelled);
    stage.until_ended(first).await;
    let of_second = |call: &&procession_testing::Called| call.task.execution_id == second;
    assert_eq!(stage.agents.calls().iter().filter(of_second).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_starts_at_once_no_more_run_than_there_is_room_for() {
    let house = House {
        settings: EngineSettings { max_concurrent_executions: 2, ..EngineSettings::default() },
        ..House::with(|_| Fate::Written)
    };
    let stage = Arc::new(house.open().await);
    let process = stage.publish(PROCESS).await;
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let stage = Arc::clone(&stage);
        starts.spawn(async move { stage.start(process, json!({})).await });
    }
    let ids: Vec<ExecutionId> = starts.join_all().await;
    let mut most = 0;
    loop {
        let listed = stage
            .executions
            .list(&stage.system, &ExecutionFilter::default(), &Paging { limit: 100, start: PageStart::Offset(0) })
            .await
            .unwrap();
        let running = listed.rows.iter().filter(|row| row.status == ExecutionStatus::Running).count();
        most = most.max(running);
        if listed.rows.iter().all(|row| row.status == ExecutionStatus::Completed) {
            break;
        }
        stage.pass(Duration::from_secs(1)).await;
    }
    assert_eq!((most, ids.len()), (2, 12));
}

/// Ids that panic when a test says so: every turn of an execution asks for one.
struct FragileIds {
    ids: SequentialIds,
    panics: AtomicU64,
}

impl IdGenerator for FragileIds {
    fn new_id(&self) -> Uuid {
        let takes = |left: u64| left.checked_sub(1);
        let panics = self.panics.fetch_update(Ordering::Relaxed, Ordering::Relaxed, takes);
        assert!(panics.is_err(), "a defect that the test has made");
        self.ids.new_id()
    }
}

/// The end of an execution in whose run so many turns end by a defect.
async fn end_after(panics: u64) -> (Execution, Vec<String>, u64) {
    let ids = Arc::new(FragileIds { ids: SequentialIds::default(), panics: AtomicU64::new(0) });
    let house = House::with_ids(|_| Fate::Written, ids.clone());
    let stage = house.open().await;
    let process: ProcessId = stage.publish(PROCESS).await;
    let id = stage.start(process, json!({})).await;
    stage.pass(Duration::from_secs(2)).await;
    ids.panics.store(panics, Ordering::Relaxed);
    let execution = stage.until_ended(id).await;
    (execution, calls(&stage), stage.engine.health().panics)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_by_a_defect_is_taken_up_again_three_times_and_then_fails() {
    for panics in [1, 3] {
        let (execution, calls, counted) = end_after(panics).await;
        assert_eq!(execution.status(), ExecutionStatus::Completed, "{panics}");
        assert_eq!(counted, panics);
        // The call that was in flight is asked for again under its key.
        assert!(calls.starts_with(&["fetch/1".to_owned(), "look/1".to_owned()]), "{calls:?}");
    }
    let (execution, _, counted) = end_after(4).await;
    assert_eq!(execution.status(), ExecutionStatus::Failed);
    assert_eq!(execution.failure().unwrap().code, ErrorCode::Internal);
    assert_eq!(counted, 4);
}
