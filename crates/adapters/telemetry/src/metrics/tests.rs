use std::{collections::BTreeMap, time::Duration};

use procession_application::{
    ApplicationSettings,
    ports::{AnsweredRequest, DeliveryKind, DeliveryState, Meter as _, Occupation, Standing},
};
use procession_domain::value::ErrorCode;
use procession_testing::{Answer, Line, ScriptedAgents, Stage};
use prometheus::IntCounterVec;
use prometheus_parse::{Scrape, Value};
use serde_json::json;

use super::{MOST_AGENTS, Metrics};
use crate::Follower;

/// What the page says, read by a parser of its format: series such as `name{label="value"}` and their values. Of a
/// histogram, its count.
fn read(metrics: &Metrics, standing: &Standing) -> BTreeMap<String, f64> {
    let page = metrics.page(standing);
    assert_eq!(page.content_type, "text/plain; version=0.0.4; charset=utf-8");
    let lines = page.text.lines().map(|line| Ok(line.to_owned()));
    let scrape = Scrape::parse(lines).unwrap();
    let value = |value: &Value| match value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => *value,
        Value::Histogram(buckets) => buckets.last().unwrap().count,
        Value::Summary(_) => panic!("there are no summaries"),
    };
    let name = |sample: &prometheus_parse::Sample| {
        let labels: BTreeMap<&String, &String> = sample.labels.iter().collect();
        let labels: Vec<String> = labels.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}{{{}}}", sample.metric, labels.join(","))
    };
    scrape.samples.iter().map(|sample| (name(sample), value(&sample.value))).collect()
}

fn idle() -> Standing {
    Standing::default()
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_counted_once_by_how_it_ends() {
    const PROCESS: &str = "
name: counted
version: 1
steps:
  - {id: write, type: agent_task, agent: writer, message: go, retry: {max_attempts: 2}}
  - {id: never, type: agent_task, agent: writer, message: go, depends_on: [write], condition: '1 == 2'}
  - {id: rest, type: timer, delay: 90s, depends_on: [write]}
";
    let paid = Answer::Reply { text: "a text".to_owned(), cost: Some("0.25".parse().unwrap()), tokens: None };
    let lines = vec![Line::fail(ErrorCode::AgentError), Line::new(paid)];
    let scripts = BTreeMap::from([("writer".to_owned(), lines)]);
    let stage =
        Stage::in_memory_with(|clock| ScriptedAgents::new(clock, scripts), ApplicationSettings::default()).await;
    let metrics = Metrics::new("1.2.3").unwrap();
    let follower = Follower::new(stage.events.clone(), stage.events.subscribe(), stage.events.newest().await.unwrap());
    let process = stage.publish(PROCESS).await;
    let counted = async {
        let id = stage.start(process, json!({})).await;
        stage.until_ended(id).await;
        // The counter has had its turn once it has heard of the end.
        stage.pass(procession_domain::value::Duration::from_secs(1)).await;
    };
    tokio::select! {
        () = metrics.count(&stage.application, follower) => panic!("the store is not closed"),
        () = counted => {}
    }
    let read = read(&metrics, &idle());
    for (series, value) in [
        ("procession_build_info{version=1.2.3}", 1.0),
        ("procession_executions_total{status=completed}", 1.0),
        ("procession_executions_total{status=failed}", 0.0),
        ("procession_execution_seconds{}", 1.0),
        ("procession_steps_total{status=completed,type=agent_task}", 1.0),
        ("procession_steps_total{status=skipped,type=agent_task}", 1.0),
        ("procession_steps_total{status=completed,type=timer}", 1.0),
        ("procession_step_seconds{type=timer}", 1.0),
        ("procession_agent_calls_total{agent=writer,outcome=completed}", 1.0),
        ("procession_agent_calls_total{agent=writer,outcome=failed}", 1.0),
        ("procession_cost_total{currency=USD}", 0.25),
    ] {
        assert_eq!(read.get(series), Some(&value), "{series} of {read:#?}");
    }
}

#[test]
fn how_things_stand_is_shown_anew_each_time() {
    let metrics = Metrics::new("1").unwrap();
    let busy = Standing {
        agents: BTreeMap::from([("writer".to_owned(), Occupation { in_flight: 3, queued: 2 })]),
        runtime_lag: Duration::from_millis(20),
        ..Standing::default()
    };
    let shown = read(&metrics, &busy);
    assert_eq!(shown.get("procession_agent_in_flight{agent=writer}"), Some(&3.0));
    assert_eq!(shown.get("procession_agent_queue{agent=writer}"), Some(&2.0));
    assert_eq!(shown.get("procession_runtime_lag_seconds{}"), Some(&0.02));
    assert!(!read(&metrics, &idle()).contains_key("procession_agent_in_flight{agent=writer}"));
}

#[test]
fn transactions_requests_and_deliveries_are_counted() {
    let metrics = Metrics::new("1").unwrap();
    metrics.committed(3, Duration::from_millis(2));
    let request =
        AnsweredRequest { method: "GET", route: Some("/api/executions"), status: 200, took: Duration::from_millis(4) };
    metrics.answered(&request);
    metrics.answered(&AnsweredRequest { method: "BREW", route: None, status: 404, ..request });
    metrics.tried(DeliveryKind::Webhook, DeliveryState::Retrying);
    metrics.tried(DeliveryKind::Webhook, DeliveryState::Dead);
    let shown = read(&metrics, &idle());
    assert_eq!(shown.get("procession_deliveries_total{kind=webhook,state=dead}"), Some(&1.0));
    assert_eq!(shown.get("procession_store_commit_seconds{}"), Some(&1.0));
    assert_eq!(shown.get("procession_store_batch_size{}"), Some(&1.0));
    assert_eq!(shown.get("procession_http_request_seconds{method=GET,route=/api/executions,status=200}"), Some(&1.0));
    assert_eq!(shown.get("procession_http_request_seconds{method=other,route=other,status=404}"), Some(&1.0));
}

#[test]
fn agents_beyond_two_hundred_share_their_series() {
    let metrics = Metrics::new("1").unwrap();
    let one = |number: usize| (format!("agent-{number:04}"), Occupation { in_flight: 1, queued: 0 });
    let standing = Standing { agents: (0..MOST_AGENTS + 50).map(one).collect(), ..Standing::default() };
    let shown = read(&metrics, &standing);
    let series = shown.keys().filter(|name| name.starts_with("procession_agent_in_flight")).count();
    assert_eq!(series, MOST_AGENTS + 1);
    assert_eq!(shown.get("procession_agent_in_flight{agent=other}"), Some(&50.0));
}

#[test]
fn names_keep_the_conventions_of_prometheus() {
    const TOLD: [&str; 15] = [
        "procession_executions_total",
        "procession_steps_total",
        "procession_execution_seconds",
        "procession_step_seconds",
        "procession_executions",
        "procession_agent_calls_total",
        "procession_agent_in_flight",
        "procession_agent_queue",
        "procession_cost_total",
        "procession_deliveries_total",
        "procession_http_request_seconds",
        "procession_store_commit_seconds",
        "procession_store_batch_size",
        "procession_runtime_lag_seconds",
        "procession_build_info",
    ];
    let metrics = Metrics::new("1").unwrap();
    metrics.committed(1, Duration::ZERO);
    let one = |families: &IntCounterVec, labels: &[&str]| families.with_label_values(labels).inc();
    let families = &metrics.families;
    one(&families.steps, &["timer", "completed"]);
    one(&families.agent_calls, &["writer", "completed"]);
    one(&families.deliveries, &["webhook", "dead"]);
    families.step_seconds.with_label_values(&["timer"]).observe(1.0);
    families.cost.with_label_values(&["USD"]).inc_by(0.5);
    families.request_seconds.with_label_values(&["GET", "/healthz", "200"]).observe(0.1);
    let agents = BTreeMap::from([("writer".to_owned(), Occupation { in_flight: 1, queued: 1 })]);
    let page = metrics.page(&Standing { agents, ..idle() }).text;
    for name in TOLD {
        assert!(page.contains(&format!("\n# TYPE {name} ")) || page.starts_with(&format!("# HELP {name} ")), "{name}");
    }
    check_histograms(&page);
    let typed = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: Vec<(&str, &str)> = typed.filter_map(|line| line.split_once(' ')).collect();
    assert!(families.len() > 6, "{families:?}");
    for (name, kind) in families {
        assert!(name.starts_with("procession_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(!name.ends_with("_ms") && !name.ends_with("_seconds_total"), "{name}");
        assert!(page.contains(&format!("# HELP {name} ")), "{name} says what it is");
    }
}

/// Buckets grow to `+Inf`, and the last one counts all.
fn check_histograms(page: &str) {
    let scrape = Scrape::parse(page.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let mut histograms = 0;
    for sample in &scrape.samples {
        if let Value::Histogram(buckets) = &sample.value {
            histograms += 1;
            let name = &sample.metric;
            assert!(buckets.is_sorted_by(|one, next| one.less_than < next.less_than), "{name}");
            assert!(buckets.is_sorted_by(|one, next| one.count <= next.count), "{name}");
            assert!(buckets.last().unwrap().less_than.is_infinite(), "{name}");
            assert!(name.ends_with("_seconds") || name == "procession_store_batch_size", "{name} has a unit");
        }
    }
    assert!(histograms >= 5, "{page}");
}
