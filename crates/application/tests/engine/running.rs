//! Running processes to their end.

use std::{collections::BTreeMap, sync::Arc};

use procession_application::{engine::EngineSettings, ports::Clock};
use procession_domain::value::{Duration, ErrorCode};
use procession_testing::{Line, ScriptedAgents, Stage, statuses};
use serde_json::json;

fn agents(scripts: Vec<(&str, Vec<Line>)>) -> impl FnOnce(Arc<dyn Clock>) -> ScriptedAgents {
    let scripts: BTreeMap<String, Vec<Line>> =
        scripts.into_iter().map(|(name, lines)| (name.to_owned(), lines)).collect();
    move |clock| ScriptedAgents::new(clock, scripts)
}

const THREE_STEPS: &str = "
name: three-steps
steps:
  - id: research
    type: agent_task
    agent: researcher
    message: 'Find out about {{input.topic}}'
  - id: write
    type: agent_task
    agent: writer
    depends_on: [research]
    message: 'Write: {{steps.research.output}}'
  - id: polish
    type: agent_task
    agent: writer
    depends_on: write
    message: 'Polish: {{steps.write.output}}'
outputs:
  - {name: article, source: '{{steps.polish.output.response}}'}
";

#[tokio::test(start_paused = true)]
async fn three_steps_hand_their_outputs_on() {
    let scripts = vec![
        ("researcher", vec![Line::reply("the tide turns").after(Duration::from_secs(3))]),
        ("writer", vec![Line::reply("<{message}>")]),
    ];
    let stage = Stage::in_memory(agents(scripts), EngineSettings::default()).await;
    let process = stage.publish(THREE_STEPS).await;
    let id = stage.start(process, json!({"topic": "tides"})).await;
    let execution = stage.until_ended(id).await;
    assert_eq!(statuses(&execution), "completed: research=completed write=completed polish=completed");
    assert_eq!(
        stage.event_names(id).await,
        [
            "ExecutionCreated",
            "ProcessStarted",
            "StepStarted research",
            "StepCompleted research",
            "StepStarted write",
            "StepCompleted write",
            "StepStarted polish",
            "StepCompleted polish",
            "ProcessCompleted",
        ]
    );
    let messages: Vec<String> = stage.agents.calls().into_iter().map(|call| call.task.message).collect();
    assert_eq!(messages, ["Find out about tides", "Write: the tide turns", "Polish: <Write: the tide turns>"]);
    assert_eq!(stage.engine.executions_in_memory(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_repeated_after_its_delay() {
    let scripts = vec![
        (
            "researcher",
            vec![Line::fail(ErrorCode::AgentUnavailable), Line::fail(ErrorCode::AgentError), Line::reply("x")],
        ),
        ("writer", vec![Line::reply("y")]),
    ];
    let stage = Stage::in_memory(agents(scripts), EngineSettings::default()).await;
    let process = stage.publish(THREE_STEPS).await;
    let id = stage.start(process, json!({"topic": "tides"})).await;
    let execution = stage.until_ended(id).await;
    assert_eq!(statuses(&execution), "completed: research=completed write=completed polish=completed");
    let (_, research) = execution.step("research").unwrap();
    assert_eq!(research.retry_count(), 2);
    let calls = stage.agents.calls();
    let waits: Vec<u64> = calls.windows(2).take(2).map(|pair| pair[1].at.since(pair[0].at).as_secs()).collect();
    assert!((4..=6).contains(&waits[0]) && (9..=11).contains(&waits[1]), "{waits:?}");
}
