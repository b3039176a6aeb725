use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use procession_application::{
    ApplicationSettings,
    executions::StartRequest,
    ports::{Origin, StoredEvent},
    traces::{SpanName, TraceSampling, span_id, trace_id},
};
use procession_domain::{
    approval::Ballot,
    event::Direction,
    execution::CallId,
    value::{ErrorCode, ExecutionId, StepId, TokenUsage, TraceContext},
};
use procession_testing::{Answer, Line, ScriptedAgents, Stage};
use serde_json::json;

use super::spans::SpanMaker;

const CHILD: &str = "
name: nap
version: 1
steps:
  - {id: nap, type: timer, delay: 5m}
";

const PARENT: &str = "
name: traced
version: 1
steps:
  - {id: write, type: agent_task, agent: writer, model: m-1, message: go, retry: {max_attempts: 2, initial_delay: 1s}}
  - {id: ask, type: human_approval, title: Publish?, depends_on: [write]}
  - {id: nap, type: sub_process, process_name: nap, depends_on: [ask]}
  - {id: rest, type: timer, delay: 90s, depends_on: [nap]}
  - {id: fail, type: agent_task, agent: writer, message: go, depends_on: [rest]}
";

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A stage on which `traced` was played to its end, and the executions of it and of its sub-process.
async fn played() -> (Stage, ExecutionId, ExecutionId) {
    let tokens = TokenUsage {
        cached_input_tokens: Some(40),
        cache_write_tokens: Some(2),
        model: Some("m-1-2026".to_owned()),
        ..TokenUsage::new(100, 7)
    };
    let paid = Answer::Reply { text: "a text".to_owned(), cost: Some("0.25".parse().unwrap()), tokens: Some(tokens) };
    let lines = vec![Line::fail(ErrorCode::Timeout), Line::new(paid)];
    let scripts = BTreeMap::from([("writer".to_owned(), lines)]);
    let stage =
        Stage::in_memory_with(|clock| ScriptedAgents::new(clock, scripts), ApplicationSettings::default()).await;
    stage.publish(CHILD).await;
    let process = stage.publish(PARENT).await;
    let origin = Origin { trace: Some(CALLER.parse().unwrap()), ..Origin::default() };
    let caller = stage.person("ada", "admin").await.coming_from(origin);
    let request = StartRequest { input: json!({}), triggered_by: "api".to_owned(), ..StartRequest::default() };
    let id = stage.executions.start(&caller, process, request).await.unwrap().execution.id();
    stage.vote(id, "ask", &caller, Ballot::Approve, None).await;
    stage.until_ended(id).await;
    let child = stage.children(id).await.unwrap()[0];
    (stage, id, child)
}

/// Every event, in the order of their commits.
async fn all_events(stage: &Stage) -> Vec<StoredEvent> {
    stage.application.events.after(&stage.system, 0, None, 10_000).await.unwrap().events
}

/// The spans that a maker makes of events.
async fn made(stage: &Stage, maker: &mut SpanMaker, events: &[StoredEvent]) -> Vec<Span> {
    let mut spans = Vec::new();
    for event in events {
        let definition = stage.executions.definition(&stage.system, event.process_id()).await.unwrap();
        spans.extend(maker.take(event, definition.as_deref()));
    }
    spans
}

fn everything() -> SpanMaker {
    SpanMaker::new(TraceSampling::of_share(1.0))
}

fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let shown = |attribute: &KeyValue| match attribute.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(flag) => flag.to_string(),
        Value::IntValue(count) => count.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    span.attributes.iter().map(|attribute| (attribute.key.as_str(), shown(attribute))).collect()
}

fn call(execution_id: ExecutionId, step: &str, attempt: u32) -> CallId {
    CallId { execution_id, step_id: StepId::new(step).unwrap(), attempt, direction: Direction::Do }
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_one_trace_of_its_calls_and_waits() {
    let (stage, id, child) = played().await;
    let spans = made(&stage, &mut everything(), &all_events(&stage).await).await;
    let of = |execution: ExecutionId| {
        let mut names: Vec<&str> =
            spans.iter().filter(|span| span.trace_id == trace_id(execution)).map(|span| span.name.as_str()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        of(id),
        [
            "invoke_agent writer",
            "invoke_agent writer",
            "invoke_agent writer",
            "invoke_workflow traced",
            "wait ask",
            "wait nap",
            "wait rest",
        ]
    );
    assert_eq!(of(child), ["invoke_workflow nap", "wait nap"]);

    let root_id = span_id(id, SpanName::Root).to_vec();
    for span in spans.iter().filter(|span| span.trace_id == trace_id(id)) {
        let is_root = span.span_id == root_id;
        assert_eq!(span.parent_span_id, if is_root { Vec::new() } else { root_id.clone() }, "{}", span.name);
        assert!(span.start_time_unix_nano > 0 && span.start_time_unix_nano <= span.end_time_unix_nano);
        assert_eq!(span.flags, 1);
    }
    let lasted = |name: &str| {
        let span = spans.iter().find(|span| span.name == name && span.trace_id == trace_id(id)).unwrap();
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1_000_000_000
    };
    assert_eq!((lasted("wait nap"), lasted("wait rest")), (300, 90));
}

#[tokio::test(start_paused = true)]
async fn calls_tell_model_tokens_cost_and_error() {
    let (stage, id, _) = played().await;
    let spans = made(&stage, &mut everything(), &all_events(&stage).await).await;
    let find = |step: &str, attempt: u32| {
        let wanted = span_id(id, SpanName::Attempt(&call(id, step, attempt)));
        spans.iter().find(|span| span.span_id == wanted).unwrap()
    };
    let first = attributes(find("write", 1));
    for (name, value) in [
        ("gen_ai.operation.name", "invoke_agent"),
        ("gen_ai.agent.name", "writer"),
        ("gen_ai.request.model", "m-1"),
        ("procession.step.id", "write"),
        ("procession.attempt", "1"),
        ("error.type", "TIMEOUT"),
    ] {
        assert_eq!(first.get(name).map(String::as_str), Some(value), "{name} of {first:?}");
    }
    assert_eq!(find("write", 1).status.as_ref().unwrap().code, i32::from(StatusCode::Error));
    assert_eq!(find("write", 1).kind, i32::from(SpanKind::Client));

    let second = attributes(find("write", 2));
    for (name, value) in [
        ("gen_ai.request.model", "m-1"),
        ("gen_ai.response.model", "m-1-2026"),
        // What came from the cache and went into it counts as read.
        ("gen_ai.usage.input_tokens", "142"),
        ("gen_ai.usage.cache_read.input_tokens", "40"),
        ("gen_ai.usage.cache_creation.input_tokens", "2"),
        ("gen_ai.usage.output_tokens", "7"),
        ("procession.cost.amount", "0.25"),
        ("procession.cost.currency", "USD"),
    ] {
        assert_eq!(second.get(name).map(String::as_str), Some(value), "{name} of {second:?}");
    }
    assert!(!second.contains_key("error.type"));
    assert_eq!(find("write", 2).status, None);
}

#[tokio::test(start_paused = true)]
async fn the_root_is_linked_with_its_caller_and_with_other_executions() {
    let (stage, id, child) = played().await;
    let spans = made(&stage, &mut everything(), &all_events(&stage).await).await;
    let root =
        |execution: ExecutionId| spans.iter().find(|span| span.span_id == span_id(execution, SpanName::Root)).unwrap();
    let told = attributes(root(id));
    let (id_text, caller) = (id.to_string(), CALLER.parse::<TraceContext>().unwrap());
    for (name, value) in [
        ("procession.execution.id", id_text.as_str()),
        ("procession.process.name", "traced"),
        ("procession.process.version", "1"),
        ("gen_ai.operation.name", "invoke_workflow"),
        ("procession.execution.status", "failed"),
        ("error.type", "TIMEOUT"),
    ] {
        assert_eq!(told.get(name).map(String::as_str), Some(value), "{name} of {told:?}");
    }
    let links = |span: &Span| span.links.iter().map(|link| link.trace_id.clone()).collect::<Vec<_>>();
    assert_eq!(links(root(id)), [caller.trace_id.to_vec()]);
    assert_eq!(links(root(child)), [trace_id(id).to_vec()]);
    let wait = spans.iter().find(|span| span.name == "wait nap" && span.trace_id == trace_id(id)).unwrap();
    assert_eq!(links(wait), [trace_id(child).to_vec()]);
    assert_eq!(wait.links[0].span_id, span_id(child, SpanName::Root));
    let asked = spans.iter().find(|span| span.name == "wait ask").unwrap();
    let asked = attributes(asked);
    assert_eq!(asked.get("procession.wait.for").map(String::as_str), Some("people"));
    assert_eq!(asked.get("procession.approval.decision").map(String::as_str), Some("approved"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_at_any_event_makes_the_same_spans() {
    let (stage, _, _) = played().await;
    let events = all_events(&stage).await;
    let whole = made(&stage, &mut everything(), &events).await;
    assert!(whole.len() > 8);
    for cut in 0..events.len() {
        let (before, after) = events.split_at(cut);
        let mut spans = made(&stage, &mut everything(), before).await;
        let mut restarted = everything();
        for event in after {
            if restarted.needs_history(event) {
                let history: Vec<StoredEvent> = events
                    .iter()
                    .filter(|earlier| earlier.execution_id == event.execution_id && earlier.id < event.id)
                    .cloned()
                    .collect();
                made(&stage, &mut restarted, &history).await;
            }
            spans.extend(made(&stage, &mut restarted, std::slice::from_ref(event)).await);
        }
        assert_eq!(spans, whole, "a restart behind event {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_sampled_makes_no_spans_and_is_not_remembered() {
    let (stage, _, _) = played().await;
    let events = all_events(&stage).await;
    let mut nobody = SpanMaker::new(TraceSampling::of_share(0.0));
    assert!(events.iter().all(|event| !nobody.needs_history(event)));
    assert_eq!(made(&stage, &mut nobody, &events).await, Vec::new());
}
