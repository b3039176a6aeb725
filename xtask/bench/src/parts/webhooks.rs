//! Many calls of a webhook, each message coming twice.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    Bench,
    client::Client,
    report::{Row, Section},
    server::{self, PASSWORD, Server},
    stopwatch::{Times, rate, shown},
};

/// How many clients call.
const CLIENTS: usize = 32;

/// How many calls there are in a second.
const WANTED: f64 = 1_000.0;

const PROCESS: &str = "
name: called
triggers:
  - {id: in, type: webhook, dedupe_header: X-Event-Id}
steps:
  - {id: only, type: agent_task, agent: echo, message: 'Take {{input.number}}'}
";

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let seconds = if bench.quick { 1 } else { 10 };
    let mut section = Section::new(
        "Webhooks that are called",
        "`procession serve` with a process of one step and a webhook with `dedupe_header`; 32 clients call it 1,000 times a second \
         for ten seconds (with `--quick` for one), each message twice, in turns.",
    );
    let program = server::program(bench.program.as_deref())?;
    let folder = tempfile::tempdir_in(&bench.folder)?;
    let server = Server::start(&program, &folder.path().join("data")).await?;
    let mut client = Client::connect(&server.address).await?;
    let token = client.log_in(PASSWORD).await?;
    let mut client = client.with_token(&token);
    let created = client.post("/api/processes", &json!({"yaml_content": PROCESS})).await?;
    let id = created["id"].as_str().context("no id")?.to_owned();
    client.post(&format!("/api/processes/{id}/publish"), &json!({})).await?;

    let messages = 500 * seconds;
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..CLIENTS {
        callers.spawn(call(Client::connect(&server.address).await?, number, 2 * messages, begun));
    }
    let mut times = Vec::new();
    while let Some(done) = callers.join_next().await {
        times.extend(done??);
    }
    let time = begun.elapsed();
    let times: Times = times.into_iter().collect();
    let started = until_ended(&mut client, messages).await?;
    drop(client);
    server.stop()?;
    let reached = rate(times.len(), time);
    section.add(
        Row::new("calls", format!("{reached:.0}/s"))
            .beside(format!("answer, 99 %: {}; median: {}", shown(times.quantile(0.99)), shown(times.median())))
            .target("≥ 990/s", reached >= 0.99 * WANTED),
    );
    section.add(
        Row::new("executions of them", started.to_string())
            .beside(format!("messages: {messages}"))
            .target("one for each message", started == messages as u64),
    );
    Ok(section)
}

/// Makes every so manieth call, each when it is its time.
async fn call(mut client: Client, number: usize, calls: usize, begun: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for call in (number..calls).step_by(CLIENTS) {
        let at = begun + Duration::from_millis(u64::try_from(call)?);
        tokio::time::sleep_until(at.into()).await;
        // Two clients send the same message one after the other.
        let message = call / 2;
        let asked = Instant::now();
        let event = format!("event-{message}");
        let body = json!({"number": message});
        let answer = client.post_with("/api/triggers/webhook/called/in", ("X-Event-Id", &event), &body).await?;
        times.push(asked.elapsed());
        ensure!(answer.status == 202, "call {call}: {} {}", answer.status, answer.body);
    }
    Ok(times)
}

/// Waits until so many executions have completed; how many there are then.
async fn until_ended(client: &mut Client, count: usize) -> anyhow::Result<u64> {
    let begun = Instant::now();
    loop {
        let list = client.get("/api/executions?status=completed&limit=1").await?;
        let completed = list.body["total"].as_u64().context("no total")?;
        if completed >= u64::try_from(count)? {
            return client.get("/api/executions?limit=1").await?.body["total"].as_u64().context("no total");
        }
        ensure!(begun.elapsed() < Duration::from_mins(5), "{completed} of {count} executions have completed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
