//! Traces of the real program: what a collector gets over OTLP, with the server killed on the way.

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Told},
    trace::v1::Span,
};
use procession_tests::{
    client::{Client, http},
    server::{Server, ServerOptions},
};
use prost::Message as _;
use serde_json::{Value, json};

const AGENTS: &str = "
agents:
  thinker:
    kind: command
    command: [/bin/sh, -c, 'sleep 0.2; printf %s \"$TRACEPARENT\"']
";

const PROCESS: &str = "
name: traced
version: 1
steps:
  - {id: think, type: agent_task, agent: thinker, message: go}
  - {id: rest, type: timer, delay: 300ms, depends_on: [think]}
  - {id: again, type: agent_task, agent: thinker, message: go, depends_on: [rest]}
outputs:
  - {name: told, source: '{{steps.think.output}}'}
  - {name: told_again, source: '{{steps.again.output}}'}
";

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A collector on this machine.
#[derive(Clone)]
struct Collector {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    problems: Vec<String>,
    asked: usize,
    /// Of so many requests one is taken; the others are answered with 503. 0 = none is taken.
    takes_every: usize,
}

impl Collector {
    async fn start(takes_every: usize) -> anyhow::Result<Self> {
        let kept = Arc::new(Mutex::new(Kept { takes_every, ..Kept::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = Router::new().fallback(collect).with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, kept })
    }

    fn spans(&self) -> Vec<Span> {
        self.kept.lock().unwrap().spans.clone()
    }

    /// Waits until so many requests have come.
    async fn until_asked(&self, count: usize) -> anyhow::Result<()> {
        for _ in 0..600 {
            if self.kept.lock().unwrap().asked >= count {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("nothing is exported")
    }

    /// The spans, as soon as the roots of so many traces are among them.
    async fn with_roots(&self, count: usize) -> anyhow::Result<Vec<Span>> {
        for _ in 0..600 {
            let spans = self.spans();
            let roots: BTreeSet<&[u8]> =
                spans.iter().filter(|span| span.parent_span_id.is_empty()).map(|span| &*span.trace_id).collect();
            if roots.len() >= count {
                return Ok(spans);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("not all executions are told of: {:?}", self.spans())
    }
}

async fn collect(State(kept): State<Arc<Mutex<Kept>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut kept = kept.lock().unwrap();
    kept.asked += 1;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for (what, told, expected) in [
        ("path", uri.path(), "/v1/traces"),
        ("content-type", header("content-type"), "application/x-protobuf"),
        ("authorization", header("authorization"), "Bearer s3cret-of-the-collector"),
    ] {
        if told != expected {
            kept.problems.push(format!("{what} is {told}"));
        }
    }
    if kept.takes_every == 0 || !kept.asked.is_multiple_of(kept.takes_every) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match ExportTraceServiceRequest::decode(body) {
        Ok(request) => {
            let spans = request.resource_spans.into_iter().flat_map(|of_resource| of_resource.scope_spans);
            kept.spans.extend(spans.flat_map(|of_scope| of_scope.spans));
            StatusCode::OK
        }
        Err(error) => {
            kept.problems.push(error.to_string());
            StatusCode::BAD_REQUEST
        }
    }
}

fn options(data: &Path, collector: &Collector) -> ServerOptions {
    ServerOptions::on(data)
        .with("agents.allow_commands", "true")
        .with("telemetry.otlp.endpoint", &format!("http://{}/", collector.address))
        .with("telemetry.otlp.headers", "authorization=Bearer s3cret-of-the-collector")
}

fn data_folder() -> anyhow::Result<tempfile::TempDir> {
    let data = tempfile::tempdir()?;
    fs::write(data.path().join("agents.yaml"), AGENTS)?;
    Ok(data)
}

/// Starts the process as part of a trace of the caller's.
async fn start(server: &Server, client: &Client, process: &str) -> anyhow::Result<String> {
    let url = format!("{}/api/processes/{process}/execute", server.url());
    let request = http()?.post(url).bearer_auth(client.token()).header("traceparent", CALLER);
    let started: Value = request.json(&json!({})).send().await?.error_for_status()?.json().await?;
    Ok(started["id"].as_str().unwrap_or_default().to_owned())
}

/// What executions put out at their end.
async fn outputs_of(client: &Client, executions: &[String]) -> anyhow::Result<Vec<Value>> {
    let mut outputs = Vec::new();
    for id in executions {
        let ended = client.ended(id).await?;
        anyhow::ensure!(ended["status"] == "completed", "{ended}");
        outputs.push(ended["output_data"].clone());
    }
    Ok(outputs)
}

fn texts(span: &Span) -> BTreeMap<&str, &str> {
    let mut texts = BTreeMap::new();
    for KeyValue { key, value, .. } in &span.attributes {
        if let Some(Told::StringValue(text)) = value.as_ref().and_then(|value| value.value.as_ref()) {
            texts.insert(key.as_str(), text.as_str());
        }
    }
    texts
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[tokio::test]
async fn an_execution_is_one_trace_over_kill_9() -> anyhow::Result<()> {
    const COUNT: usize = 6;
    let collector = Collector::start(2).await?;
    let data = data_folder()?;
    let options = options(data.path(), &collector);
    let mut server = options.start()?;
    let client = Client::log_in(server.url()).await?;
    let process = client.publish(PROCESS).await?;
    let mut executions = Vec::new();
    for _ in 0..COUNT {
        executions.push(start(&server, &client, &process).await?);
    }
    // While agents work, while timers run, while spans wait for the collector.
    for pause in [150, 700, 2_500] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        server.kill()?;
        server = options.start()?;
    }
    let client = Client::log_in(server.url()).await?;
    let outputs = outputs_of(&client, &executions).await?;
    let spans = collector.with_roots(COUNT).await?;
    assert_eq!(collector.kept.lock().unwrap().problems, Vec::<String>::new());

    for (execution, output) in executions.iter().zip(&outputs) {
        let trace = execution.replace('-', "");
        // A span may come twice after a crash, and is the same then.
        let of_trace: BTreeMap<&[u8], &Span> =
            spans.iter().filter(|span| hex(&span.trace_id) == trace).map(|span| (&*span.span_id, span)).collect();
        let mut names: Vec<&str> = of_trace.values().map(|span| span.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["invoke_agent thinker", "invoke_agent thinker", "invoke_workflow traced", "wait rest"],
            "{of_trace:#?}"
        );
        let root = of_trace.values().find(|span| span.parent_span_id.is_empty()).unwrap();
        assert_eq!(texts(root)["procession.execution.id"], execution);
        assert_eq!(hex(&root.links[0].trace_id), CALLER[3..35]);
        assert_eq!(hex(&root.links[0].span_id), CALLER[36..52]);
        for span in of_trace.values().filter(|span| !span.parent_span_id.is_empty()) {
            assert_eq!(span.parent_span_id, root.span_id, "{}", span.name);
        }
        // What the agent was told is the span of its call, also where that was made again after a crash.
        let calls: BTreeMap<&str, String> = of_trace
            .values()
            .filter(|span| span.name.starts_with("invoke_agent"))
            .map(|span| (texts(span)["procession.step.id"], format!("00-{trace}-{}-01", hex(&span.span_id))))
            .collect();
        assert_eq!(output["told"]["response"], json!(calls["think"]));
        assert_eq!(output["told_again"]["response"], json!(calls["again"]));
    }
    for span in &spans {
        let same = spans.iter().find(|other| other.span_id == span.span_id).unwrap();
        assert_eq!(same, span, "a span that comes again is the same");
    }
    let log = server.log();
    assert!(!log.contains("s3cret-of-the-collector"), "{log}");
    Ok(())
}

// The collector answers while the test waits for the server's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_an_orderly_stop_reach_a_collector_that_was_away() -> anyhow::Result<()> {
    let collector = Collector::start(0).await?;
    let data = data_folder()?;
    let options = options(data.path(), &collector);
    let server = options.start()?;
    let client = Client::log_in(server.url()).await?;
    let process = client.publish("{name: nap, steps: [{id: nap, type: timer, duration: 10ms}]}").await?;
    let first = client.execute(&process, &json!({})).await?;
    client.ended(&first).await?;
    collector.until_asked(1).await?;
    // It is back, and the server stops before it tries again by itself.
    collector.kept.lock().unwrap().takes_every = 1;
    server.stop()?;
    let told = |execution: &str| {
        let trace = execution.replace('-', "");
        collector.spans().iter().filter(|span| hex(&span.trace_id) == trace).count()
    };
    assert_eq!(told(&first), 2, "{:?}", collector.spans());

    let asked = {
        let mut kept = collector.kept.lock().unwrap();
        kept.takes_every = 0;
        kept.asked
    };
    let server = options.start()?;
    let client = Client::log_in(server.url()).await?;
    let second = client.execute(&process, &json!({})).await?;
    client.ended(&second).await?;
    collector.until_asked(asked + 1).await?;
    server.stop()?;
    assert_eq!(told(&second), 0);
    collector.kept.lock().unwrap().takes_every = 1;
    let server = options.start()?;
    collector.with_roots(2).await?;
    assert_eq!(told(&second), 2, "what no try has brought is made again");
    assert!(server.stop()?.success());
    Ok(())
}
