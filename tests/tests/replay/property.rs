//! The property: kills change nothing, and the events add up to the state.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use procession_application::{
    engine::EngineSettings,
    ports::{self, ApprovalFilter, Clock, PageStart, Paging, Ports},
};
use procession_domain::{
    approval::ApprovalStatus,
    execution::{Execution, Life},
    value::{Duration, ExecutionId, Json, ProcessId},
};
use procession_testing::{
    CURTAIN, Interposed, KeptMessages, ScriptedAgents, SequentialIds, Stage, StoppedTime, VirtualClock,
    contract::Stores, statuses,
};
use serde_json::json;

use crate::{
    dice::dice,
    fate::Fate,
    history::check_history,
    interrupting::{Interrupting, Kill},
    random_process::{LEAF, random_process},
    stores,
};

/// How many random processes are run.
const CASES: u64 = 200;

/// No run lasts longer on its own clock.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// A server that can be killed and started again.
struct Theatre {
    ports: Ports,
    store: Arc<Interposed<Interrupting>>,
    fate: Arc<Fate>,
    /// They live as long as the server.
    _kept: Stores,
}

/// How a tree of executions ended: for each step of each, whatever order of events led there.
#[derive(Debug, PartialEq)]
struct Ending(Vec<Json>);

#[tokio::test]
async fn a_killed_server_comes_to_the_same_end_and_its_events_add_up_to_its_state() {
    let theatre = Theatre::new().await;
    let mut dice = dice("random processes", 31);
    let mut stage = theatre.open().await;
    stage.publish(LEAF).await;
    let (mut kills, mut kinds) = (0, BTreeSet::new());
    for case in 0..CASES {
        let seed = dice.u64(..);
        theatre.fate.follow(seed);
        let (yaml, process) = publish_random(&stage, case, &mut dice).await;
        let context = format!("case {case}, seed {seed}: {yaml}");
        theatre.store.between().kill_at(None);
        let undisturbed = stage.start(process, json!({})).await;
        assert_eq!(theatre.run_to_end(&mut stage, undisturbed, Vec::new(), &context).await, 0);
        let commits = theatre.store.between().kill_at(None);
        let undisturbed = ending(&stage, undisturbed).await;
        let mut plan: Vec<Kill> = Vec::new();
        // An attempt may be interrupted twice; the third time would be its failure (spec 3.8).
        for _ in 0..2 {
            plan.push(Kill { commit: dice.u64(1..=commits), is_written: dice.bool() });
        }
        let first = plan.remove(0);
        theatre.store.between().kill_at(Some(first));
        let disturbed = stage.start(process, json!({})).await;
        kills += theatre.run_to_end(&mut stage, disturbed, plan, &context).await;
        let disturbed = ending(&stage, disturbed).await;
        assert_eq!(disturbed, undisturbed, "{context}");
        kinds.extend(disturbed.0.iter().map(|ending| ending["status"].to_string()));
    }
    stage.engine.halt();
    // The kills were no formality, and runs ended well and badly.
    assert!(kills >= CASES, "{kills}");
    assert_eq!(kinds.len(), 2, "{kinds:?}");
}

/// A random process that is valid.
async fn publish_random(stage: &Stage, case: u64, dice: &mut fastrand::Rng) -> (String, ProcessId) {
    for attempt in 0..100 {
        let yaml = random_process(&format!("random-{case}-{attempt}"), dice);
        if let Ok(created) = stage.definitions.create(&stage.system, yaml.clone()).await {
            let id = created.process.id();
            stage.definitions.publish(&stage.system, id).await.unwrap();
            return (yaml, id);
        }
    }
    panic!("none of a hundred random processes is valid");
}

impl Theatre {
    async fn new() -> Self {
        let kept = stores::on_sqlite().await;
        let held = Arc::new(Interposed::new(kept.stores.clone(), StoppedTime));
        // From here on time jumps whenever everyone waits.
        tokio::time::pause();
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(CURTAIN));
        let fate = Arc::new(Fate::of(Arc::clone(&clock)));
        let behind = ports::Stores::of(&held, held.clone());
        let store = Arc::new(Interposed::new(behind, Interrupting::default()));
        let held = ports::Stores { executions: store.clone(), ..ports::Stores::of(&held, held.clone()) };
        let ids = Arc::new(SequentialIds::default());
        let ports = Ports::on(held, fate.clone(), fate.clone(), clock, ids);
        Self { ports, store, fate, _kept: kept }
    }

    /// Starts a server.
    async fn open(&self) -> Stage {
        // Nobody else is there to be noticed, and no agent is left alone for failing as it must.
        let quiet = Duration::from_secs(3_600);
        let mut settings = EngineSettings { poll: quiet, lease: quiet, ..EngineSettings::default() };
        settings.breaker.failures = u32::MAX;
        // So that many values are in files beside the database.
        settings.inline_output = 60;
        let nobody = Arc::new(ScriptedAgents::new(Arc::clone(&self.ports.clock), BTreeMap::new()));
        Stage::on(self.ports.clone(), nobody, Arc::new(KeptMessages::default()), settings).await
    }

    /// Lets an execution run to its end, people voting and the server being killed on the way. How often it was killed.
    async fn run_to_end(&self, stage: &mut Stage, id: ExecutionId, mut plan: Vec<Kill>, context: &str) -> u64 {
        let mut feed = stage.ports.stores.feed.subscribe();
        let mut kills = 0;
        let latest = stage.ports.clock.now().saturating_add(LONGEST);
        loop {
            let execution = stage.execution(id).await;
            if execution.status().is_ended() && self.store.between().call_off() {
                return kills;
            }
            self.vote(stage, id).await;
            tokio::select! {
                biased;
                () = self.store.between().reached.notified() => {
                    kills += 1;
                    stage.engine.halt();
                    self.store.between().kill_at(plan.pop());
                    *stage = self.open().await;
                }
                told = feed.recv() => drop(told.unwrap()),
                () = stage.ports.clock.sleep_until(latest) => panic!("{}: no end of {context}", statuses(&execution)),
            }
        }
    }

    /// People decide what they are asked, as fate wills.
    async fn vote(&self, stage: &Stage, id: ExecutionId) {
        let filter = ApprovalFilter { execution_id: Some(id), ..ApprovalFilter::default() };
        let paging = Paging { limit: 100, start: PageStart::Offset(0) };
        let asked = stage.ports.stores.approvals.approvals(&filter, &paging).await.unwrap().rows;
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for row in asked {
            let request = row.approval.request();
            let time = times.entry(request.step_id.to_string()).or_default();
            *time += 1;
            if row.approval.status() != ApprovalStatus::Pending {
                continue;
            }
            if let Some(ballot) = self.fate.ballot(request.step_id.as_str(), *time) {
                let ada = stage.person("ada", "admin").await;
                let voted = stage.approvals.vote(&ada, row.approval.id(), ballot, Some("so".into())).await;
                voted.unwrap();
            }
        }
    }
}

async fn ending(stage: &Stage, id: ExecutionId) -> Ending {
    let mut endings = vec![end_of(stage, &stage.execution(id).await).await];
    let mut children = Vec::new();
    for child in stage.children(id).await.unwrap() {
        let child = stage.until_ended(child).await;
        let parent = child.creation().parent.as_ref().unwrap().step_id.to_string();
        children.push((parent, end_of(stage, &child).await));
    }
    children.sort_by(|one, other| one.0.cmp(&other.0));
    endings.extend(children.into_iter().map(|(_, ending)| ending));
    Ending(endings)
}

async fn end_of(stage: &Stage, execution: &Execution) -> Json {
    check_history(execution, &stage.events(execution.id()).await);
    let (outputs, error) = match &execution.state().life {
        Life::Completed { outputs, .. } => {
            let outputs = stage.value(execution.id(), outputs).await.unwrap();
            ((*outputs.unwrap()).clone(), None)
        }
        Life::Failed(error) => (Json::Null, Some(error.code)),
        _ => (Json::Null, None),
    };
    let steps: BTreeMap<&str, Json> = execution
        .steps()
        .map(|(step, state)| {
            let error = state.error.as_ref().map(|error| error.code);
            let undone =
                state.compensation.as_ref().map(|undone| (format!("{:?}", undone.life), undone.attempts.len()));
            (step.id.as_str(), json!({"attempts": state.attempts.len(), "error": error, "undone": undone}))
        })
        .collect();
    json!({
        "status": execution.status().as_str(),
        // Of several steps that failed, another one may have been the first.
        "failed": error.is_some(),
        "statuses": statuses(execution),
        "steps": steps,
        "outputs": outputs,
        "cost": execution.state().cost.amount.to_string(),
    })
}
