//! The server that is killed: it starts the process unless that is running, decides what people are asked, and writes
//! down how all ended.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use procession_application::{
    engine::EngineSettings,
    executions::{StartRequest, StartTrigger},
};
use procession_domain::{
    approval::{ApprovalStatus, Ballot},
    execution::{Execution, Life},
    value::{Duration, ExecutionId, Json, ProcessId, ProcessName, StepId},
};
use procession_testing::{CURTAIN, KeptMessages, ScriptedAgents, Stage, statuses};
use serde_json::json;

use crate::{database::ports_in, fast_clock::FastClock, history::check_history, world::World};

/// A process with all six types of steps, in which attempts are repeated, a route is not taken, a child completes and
/// another one fails and is rolled back.
const EVERYTHING: &str = "
name: everything
steps:
  - id: draft
    type: agent_task
    agent: shaky
    message: draft
    timeout: 10h
    retry: {max_attempts: 3, delay: 1s, jitter: false}
  - id: way
    type: gateway
    depends_on: [draft]
    routes: [{condition: \"steps.draft.output.response == 'draft by shaky'\", target: ask}]
    default_route: refuse
  - {id: refuse, type: agent_task, agent: forgetful, message: refuse, timeout: 10h}
  - {id: ask, type: human_approval, title: 'Go on with {{steps.draft.output}}?', assignees: [ada]}
  - {id: nap, type: timer, duration: 2s, depends_on: [ask]}
  - {id: part, type: sub_process, process_name: part, depends_on: [ask], timeout: 10h}
  - {id: doomed, type: sub_process, process_name: undone, depends_on: [nap], timeout: 10h, on_error: skip_step}
  - id: tell
    type: notification
    channels: [slack, webhook]
    message: '{{steps.part.output.text}} is there'
    webhook_url: https://example.org/hook
    recipients: ['#news']
    depends_on: [nap, part]
    timeout: 10h
  - {id: last, type: agent_task, agent: keeper, message: last, depends_on: [tell, doomed], timeout: 10h}
outputs:
  - {name: draft, source: '{{steps.draft.output.response}}'}
  - {name: part, source: '{{steps.part.output.text}}'}
  - {name: by, source: '{{steps.ask.output.decided_by}}'}
  - {name: told, source: '{{steps.tell.output.deliveries[0].channel}} {{steps.tell.output.deliveries[1].channel}}'}
  - {name: doomed, source: '{{steps.doomed.error.code}}'}
  - {name: last, source: '{{steps.last.output.response}}'}
";

const PART: &str = "
name: part
steps:
  - {id: first, type: agent_task, agent: named, message: first, timeout: 10h}
  - {id: second, type: agent_task, agent: forgetful, message: 'after {{steps.first.output}}', depends_on: [first], timeout: 10h}
outputs:
  - {name: text, source: '{{steps.second.output.response}}'}
";

const UNDONE: &str = "
name: undone
steps:
  - id: book
    type: agent_task
    agent: keeper
    message: book
    timeout: 10h
    compensation: {agent: forgetful, message: 'cancel {{steps.book.output}}', timeout: 10h}
  - id: pay
    type: agent_task
    agent: named
    message: pay
    depends_on: [book]
    timeout: 10h
    compensation: {agent: shaky, message: refund, timeout: 10h, retry: {max_attempts: 2, delay: 1s, jitter: false}}
  - {id: ship, type: agent_task, agent: broken, message: ship, depends_on: [pay], timeout: 10h, retry: {max_attempts: 1}}
";

/// Writes down what the server will find: processes and people.
pub async fn prepare(folder: &Path) {
    let stage = open(folder).await;
    for yaml in [PART, UNDONE, EVERYTHING] {
        stage.publish(yaml).await;
    }
    stage.person("ada", "viewer").await;
    stage.engine.drain(Duration::from_secs(600)).await;
}

/// Runs the process to its end. How it ended.
pub async fn run(folder: &Path) -> Json {
    let stage = open(folder).await;
    let id = start(&stage).await;
    let execution = decide_until_ended(&stage, id).await;
    let mut endings = vec![ending(&stage, &execution).await];
    for child in stage.children(id).await.unwrap() {
        endings.push(ending(&stage, &stage.execution(child).await).await);
    }
    endings.sort_by_key(|ending| ending["process"].as_str().map(str::to_owned));
    stage.engine.halt();
    Json::Array(endings)
}

async fn open(folder: &Path) -> Stage {
    let world = Arc::new(World::around(folder));
    let clock = Arc::new(FastClock::starting_at(CURTAIN));
    let mut ports = ports_in(folder, world.clone(), world.clone(), clock.clone()).await;
    if let Some(newest) = ports.stores.executions.newest_event_time().await.unwrap() {
        ports.clock = Arc::new(FastClock::starting_at(newest));
    }
    world.watch(Arc::clone(&ports.stores.executions));
    // Only what the process does is to be written, so that every run has the same commits, or nearly so.
    let quiet = Duration::from_secs(36_000);
    let settings = EngineSettings { poll: quiet, lease: quiet, ..EngineSettings::default() };
    let nobody = Arc::new(ScriptedAgents::new(clock, BTreeMap::new()));
    Stage::on(ports, nobody, Arc::new(KeptMessages::default()), settings).await
}

/// Starts the process, under a key that makes one start of all.
async fn start(stage: &Stage) -> ExecutionId {
    let name = ProcessName::new("everything").unwrap();
    let process: ProcessId = stage.ports.stores.definitions.published(&name, None).await.unwrap().unwrap().id;
    let request = StartRequest {
        input: json!({}),
        trigger: StartTrigger::default(),
        triggered_by: "test".into(),
        idempotency_key: Some("the only one".into()),
        ..StartRequest::default()
    };
    stage.executions.start(&stage.system, process, request).await.unwrap().execution.id()
}

async fn decide_until_ended(stage: &Stage, id: ExecutionId) -> Execution {
    let ada = stage.person("ada", "viewer").await;
    let ask = StepId::new("ask").unwrap();
    let mut feed = stage.ports.stores.feed.subscribe();
    loop {
        let execution = stage.execution(id).await;
        if execution.status().is_ended() {
            return execution;
        }
        if execution.step("ask").unwrap().1.approval_id.is_some() {
            let asked = stage.approvals.of_step(&stage.system, id, &ask).await.unwrap().approval;
            if asked.status() == ApprovalStatus::Pending {
                stage.approvals.vote(&ada, asked.id(), Ballot::Approve, None).await.unwrap();
            }
        }
        feed.recv().await.unwrap();
    }
}

async fn ending(stage: &Stage, execution: &Execution) -> Json {
    let id = execution.id();
    check_history(execution, &stage.events(id).await);
    let outputs = match &execution.state().life {
        Life::Completed { outputs, .. } => stage.value(id, outputs).await.unwrap(),
        _ => None,
    };
    let undone: BTreeMap<&str, String> = execution
        .steps()
        .filter_map(|(step, state)| Some((step.id.as_str(), format!("{:?}", state.compensation.as_ref()?.life))))
        .collect();
    let attempts: BTreeMap<&str, usize> =
        execution.steps().map(|(step, state)| (step.id.as_str(), state.attempts.len())).collect();
    json!({
        "process": execution.definition().name(),
        "statuses": statuses(execution),
        "undone": undone,
        "attempts": attempts,
        "outputs": without_ids(outputs.as_deref(), id),
        "cost": execution.state().cost.amount.to_string(),
    })
}

/// Outputs in which the execution's id, another one in every run, is not shown.
fn without_ids(outputs: Option<&Json>, id: ExecutionId) -> Json {
    let text = outputs.map_or_else(|| "null".to_owned(), Json::to_string);
    serde_json::from_str(&text.replace(&id.to_string(), "ID")).unwrap()
}
