//! The program under clients of its HTTP API.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    Bench,
    client::Client,
    floor::Floor,
    machine::megabytes,
    processes,
    report::{Row, Section},
    server::{self, PASSWORD, Server},
    stage::topic,
    stopwatch::{Times, per_second, rate, shown},
};

/// How many clients there are, each with a connection of its own and the next request after the answer to the last one.
const CLIENTS: usize = 16;

/// How much of the floor's throughput must be reached.
const LEAST: f64 = 40.0;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new(
        "Under clients",
        "`procession serve` as a process of its own with echo agents; 16 clients start executions by \
         `POST /api/processes/{id}/execute`, each as soon as its last request is answered. The time is that until the last \
         execution has completed. Clients and server share the machine. The floor writes what the server wrote, 50 \
         transitions in a transaction, and nothing else: no HTTP, no tokens, no JSON, no deciding.",
    );
    let program = server::program(bench.program.as_deref())?;
    for steps in [1, 3] {
        let folder = tempfile::tempdir_in(&bench.folder)?;
        let data = folder.path().join("data");
        let server = Server::start(&program, &data).await?;
        let count = if bench.quick { 500 } else { 10_000 };
        let load = Load::run(&server, steps, count).await?;
        let memory = server.memory()?;
        server.stop()?;
        let floor = Floor::read(&data.join("procession.db")).await?.replay(&bench.folder, 50).await?;
        let part = 100.0 * rate(count, load.time) / rate(count, floor);
        let done =
            format!("{} executions, {} steps", per_second(count, load.time), per_second(count * steps, load.time));
        section.add(
            Row::new(format!("executions of {steps}"), done)
                .beside(format!("floor: {} executions", per_second(count, floor)))
                .target(format!("≥ {LEAST} % of the floor, is {part:.0} %"), part >= LEAST),
        );
        section.add(
            Row::new(format!("answer to a start, of {steps}, median"), shown(load.answers.median()))
                .beside(format!("99 %: {}", shown(load.answers.quantile(0.99)))),
        );
        section.add(Row::new(format!("memory after {count} executions of {steps}"), megabytes(memory)));
    }
    Ok(section)
}

/// What clients saw.
struct Load {
    time: Duration,
    answers: Times,
}

impl Load {
    async fn run(server: &Server, steps: usize, count: usize) -> anyhow::Result<Self> {
        let mut client = Client::connect(&server.address).await?;
        let token = client.log_in(PASSWORD).await?;
        let mut client = client.with_token(&token);
        let created = client.post("/api/processes", &json!({"yaml_content": processes::chain("load", steps)})).await?;
        let process = created["id"].as_str().context("no id")?.to_owned();
        client.post(&format!("/api/processes/{process}/publish"), &json!({})).await?;
        let mut clients = JoinSet::new();
        let begun = Instant::now();
        for number in 0..CLIENTS {
            let client = Client::connect(&server.address).await?.with_token(&token);
            let share = count / CLIENTS + usize::from(number < count % CLIENTS);
            clients.spawn(start(client, process.clone(), share));
        }
        let mut answers = Vec::new();
        while let Some(done) = clients.join_next().await {
            answers.extend(done??);
        }
        until_completed(&mut client, count).await?;
        Ok(Self { time: begun.elapsed(), answers: answers.into_iter().collect() })
    }
}

/// Starts executions, one after the other.
async fn start(mut client: Client, process: String, count: usize) -> anyhow::Result<Vec<Duration>> {
    let body = json!({"input": topic()});
    let path = format!("/api/processes/{process}/execute");
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        client.post(&path, &body).await?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

async fn until_completed(client: &mut Client, count: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let list = client.get("/api/executions?status=completed&limit=1").await?;
        let completed = list.body["total"].as_u64().with_context(|| format!("{} {}", list.status, list.body))?;
        if completed >= u64::try_from(count)? {
            return none_failed(client).await;
        }
        ensure!(begun.elapsed() < Duration::from_mins(5), "{completed} of {count} executions have completed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn none_failed(client: &mut Client) -> anyhow::Result<()> {
    let failed = client.get("/api/executions?status=failed&limit=1").await?;
    ensure!(failed.body["total"] == 0, "executions failed: {}", failed.body);
    Ok(())
}
