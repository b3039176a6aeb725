//! How a case ended, and the words in which it is told.

use std::sync::Arc;

use indexmap::IndexMap;
use procession_domain::{
    event::{AttemptEvent, Direction, Event, Recorded},
    execution::{CompensationLife, Execution, Life, StepLife, StepState},
    value::{ExecutionId, Json},
};
use procession_testing::Stage;
use serde_json::json;

use super::acts::approvals;

/// How a case ended.
pub struct Ending {
    pub execution: Execution,
    pub outputs: Json,
    pub step_outputs: IndexMap<String, Json>,
    pub events: Vec<Recorded>,
    pub messages: Vec<String>,
    pub notifications: Vec<String>,
    pub abandoned: Vec<String>,
    pub keys: Vec<String>,
    pub approvals: Vec<String>,
    pub children: IndexMap<String, Ending>,
    pub retried: Option<Result<Box<Ending>, String>>,
}

/// All that is left of an execution and its children.
pub async fn ending(stage: &Stage, id: ExecutionId) -> Ending {
    let execution = stage.execution(id).await;
    let stored = stage.events(id).await;
    let events: Vec<Recorded> = stored.iter().map(|event| (*event.recorded).clone()).collect();
    // What is stored is what its events add up to (spec 3.11).
    let creation = Arc::clone(execution.creation());
    let replayed = Execution::replay(id, Arc::clone(execution.definition()), creation, &events).unwrap();
    assert_eq!(replayed, execution, "replaying the events gives another state");
    let mut step_outputs = IndexMap::new();
    for (step, state) in execution.steps() {
        if let Some(output) = &state.output {
            let value = stage.value(id, output).await.unwrap();
            step_outputs.insert(step.id.to_string(), (*value.unwrap()).clone());
        }
    }
    let outputs = match &execution.state().life {
        Life::Completed { outputs, .. } => (*stage.value(id, outputs).await.unwrap().unwrap()).clone(),
        _ => Json::Null,
    };
    let calls: Vec<_> = stage.agents.calls().into_iter().filter(|call| call.task.execution_id == id).collect();
    let sent = stage.messages.sent();
    let ours = id.to_string();
    Ending {
        outputs,
        step_outputs,
        events,
        messages: calls.iter().map(|call| format!("{}: {}", call.task.agent, call.task.message)).collect(),
        notifications: sent
            .iter()
            .filter(|message| message.execution_id == id)
            .map(|message| format!("{}: {}", message.channel, message.message))
            .collect(),
        abandoned: stage.agents.abandoned().iter().filter(|key| key.starts_with(&ours)).map(|key| short(key)).collect(),
        keys: calls.iter().map(|call| short(&call.task.key)).collect(),
        approvals: approvals(stage, id)
            .await
            .iter()
            .map(|approval| format!("{} {}", approval.request().step_id, approval.status().as_str()))
            .collect(),
        children: children(stage, id).await,
        retried: None,
        execution,
    }
}

async fn children(stage: &Stage, id: ExecutionId) -> IndexMap<String, Ending> {
    let mut children = IndexMap::new();
    for child in stage.children(id).await.unwrap() {
        let child = Box::pin(ending(stage, child)).await;
        let name = child.execution.definition().name().to_string();
        let before = children.keys().filter(|known: &&String| known.split(' ').next() == Some(&name)).count();
        let name = if before == 0 { name } else { format!("{name} {}", before + 1) };
        children.insert(name, child);
    }
    children
}

/// A key without the execution's id.
fn short(key: &str) -> String {
    key.split_once('/').map_or(key, |(_, rest)| rest).to_owned()
}

/// A step's end in the words of a case: `skipped dead_path`.
pub fn end_of(state: &StepState) -> String {
    let end = match &state.life {
        StepLife::Skipped { reason } => {
            format!("skipped {}", serde_json::to_value(reason).unwrap().as_str().unwrap())
        }
        StepLife::Failed { .. } => {
            format!("failed {}", state.error.as_ref().map_or("", |error| error.code.as_str()))
        }
        _ => state.status().as_str().to_owned(),
    };
    match state.compensation.as_ref().map(|compensation| &compensation.life) {
        None => end,
        Some(CompensationLife::Completed) => format!("{end} compensated"),
        Some(_) => format!("{end} not_compensated"),
    }
}

/// What an event tells beside its type and step, with the names of its fields.
pub fn payload_of(event: &Event) -> Json {
    let whole = match event {
        Event::Process(event) => json!(event),
        Event::Step(_, event) => json!(event),
        Event::Attempt(_, _, event) => json!(event),
        Event::Approval(_, _, event) => json!(event),
        Event::Child(_, _, event) => json!(event),
    };
    // The variant's name, and what it holds.
    let mut payload = whole.as_object().and_then(|whole| whole.values().next()).cloned().unwrap_or(json!({}));
    if let Event::Attempt(_, Direction::Undo, AttemptEvent::Interrupted { .. }) = event {
        payload["compensation"] = true.into();
    }
    payload
}

/// An event in the words of a case: `StepStarted write`.
pub fn name_of(event: &Event) -> String {
    match event.step_id() {
        Some(step) => format!("{} {step}", event.event_type()),
        None => event.event_type().to_owned(),
    }
}
