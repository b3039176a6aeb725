//! The program under clients of its HTTP API, alone or beside another version of it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    Bench,
    client::Client,
    floor::Floor,
    follower::Follower,
    machine::megabytes,
    processes,
    report::{Row, Section},
    server::{self, PASSWORD, Server},
    stage::topic,
    stopwatch::{Times, per_second, rate, ratio, shown},
};

/// How many clients there are, each with a connection of its own and the next request after the answer to the last one.
const CLIENTS: usize = 16;

/// How many transitions the floor writes in a transaction: about as many as the server under this load.
const TOGETHER: usize = 16;

/// How much of the floor's throughput must be reached.
const LEAST: f64 = 35.0;

/// What is asked of the program beside another one.
struct Wanted {
    steps: usize,
    throughput: f64,
    alone: f64,
}

/// What is measured of a program under one process.
struct Measured {
    /// Executions at 16 clients.
    count: usize,
    steps: usize,
    time: Duration,
    answers: Times,
    /// The server's time on the processor under that load.
    processor: Duration,
    /// Its memory when the load ends, in bytes.
    memory: u64,
    /// Its database when it has stopped, in bytes.
    size: u64,
    /// One client: from its start to the message that the execution has completed.
    alone: Times,
    floor: Option<Duration>,
}

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new(
        "Under clients",
        "`procession serve` as a process of its own with echo agents; 16 clients start executions by \
         `POST /api/processes/{id}/execute`, each as soon as its last request is answered, while a WebSocket follows all of \
         it. The time is that until the last execution has completed. Clients and server share the machine. Processor time, \
         memory (the resident set when the load ends) and the database's size are the server's. *One client* starts an \
         execution when the message has come that the last one has completed. The floor writes what the server wrote, 16 \
         transitions in a transaction, and nothing else: no HTTP, no tokens, no JSON, no deciding. With another program \
         beside it (`--against`) both are measured in turns, three times, and the medians are compared.",
    );
    let program = server::program(bench.program.as_deref())?;
    for wanted in [Wanted { steps: 1, throughput: 1.5, alone: 1.0 }, Wanted { steps: 10, throughput: 2.0, alone: 0.7 }]
    {
        let rounds = if bench.against.is_some() && !bench.quick { 3 } else { 1 };
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            if let Some(against) = &bench.against {
                other.push(Measured::of(bench, against, wanted.steps, false).await?);
            }
            own.push(Measured::of(bench, &program, wanted.steps, own.is_empty()).await?);
        }
        let rows = Rows { own, other };
        rows.add_to(&mut section, &wanted);
    }
    Ok(section)
}

impl Measured {
    async fn of(bench: &Bench, program: &Path, steps: usize, with_floor: bool) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(&bench.folder)?;
        let data = folder.path().join("data");
        let server = Server::start(program, &data).await?;
        let (count, alone_count) = if bench.quick { (500, 50) } else { (20_000 / (steps + 1), 500) };
        let mut client = Client::connect(&server.address).await?;
        let token = client.log_in(PASSWORD).await?;
        let mut client = client.with_token(&token);
        let created = client.post("/api/processes", &json!({"yaml_content": processes::chain("load", steps)})).await?;
        let process = created["id"].as_str().context("no id")?.to_owned();
        client.post(&format!("/api/processes/{process}/publish"), &json!({})).await?;

        let mut follower = Follower::connect(&server.address, &token).await?;
        let mut alone = Times::default();
        for _ in 0..alone_count {
            let begun = Instant::now();
            start_one(&mut client, &process).await?;
            follower.until_completed().await?;
            alone.note(begun.elapsed());
        }
        let before = server.processor_time()?;
        let following = tokio::spawn(follower.follow());
        let begun = Instant::now();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client::connect(&server.address).await?.with_token(&token);
            let share = count / CLIENTS + usize::from(number < count % CLIENTS);
            clients.spawn(start_many(client, process.clone(), share));
        }
        let mut answers = Vec::new();
        while let Some(done) = clients.join_next().await {
            answers.extend(done??);
        }
        until_completed(&mut client, count + alone_count).await?;
        let time = begun.elapsed();
        let processor = server.processor_time()?.saturating_sub(before);
        let memory = server.memory()?;
        following.abort();
        drop(client);
        server.stop()?;
        let database = data.join("procession.db");
        let size = std::fs::metadata(&database)?.len();
        let floor = if with_floor {
            // Without those of the single client, as near as its share of them is.
            let all = Floor::read(&database)?.replay(&bench.folder, TOGETHER).await?;
            Some(all.mul_f64(rate(count, time) / rate(count + alone_count, time)))
        } else {
            None
        };
        let answers = answers.into_iter().collect();
        Ok(Self { count: count + alone_count, steps, time, answers, processor, memory, size, alone, floor })
    }
}

/// What was measured of the program, and of the one beside it.
struct Rows {
    own: Vec<Measured>,
    other: Vec<Measured>,
}

impl Rows {
    fn add_to(&self, section: &mut Section, wanted: &Wanted) {
        let steps = wanted.steps;
        let throughput = |one: &Measured| rate(one.loaded(), one.time);
        let row = self.row(format!("executions of {steps}"), throughput, |rate| format!("{rate:.0}/s executions"));
        section.add(self.compared(row, throughput, ("≥", wanted.throughput)));
        if let Some((one, floor)) = self.own.iter().find_map(|one| Some((one, one.floor?))) {
            let part = 100.0 * ratio(floor, one.time);
            section.add(
                Row::new(format!("part of the floor, of {steps}"), format!("{part:.0} %"))
                    .beside(format!("floor: {} executions", per_second(one.loaded(), floor)))
                    .target(format!("≥ {LEAST} %"), part >= LEAST),
            );
        }
        let answer = |one: &Measured| one.answers.median().as_secs_f64();
        let seconds = |time: f64| shown(Duration::from_secs_f64(time));
        section.add(self.row(format!("answer to a start, of {steps}, median"), answer, seconds));
        let slow = |one: &Measured| one.answers.quantile(0.99).as_secs_f64();
        section.add(self.row(format!("answer to a start, of {steps}, 99 %"), slow, seconds));
        let alone = |one: &Measured| one.alone.median().as_secs_f64();
        let row = self.row(format!("one client, an execution of {steps}, median"), alone, seconds);
        section.add(self.compared(row, alone, ("≤", wanted.alone)));
        let processor = |one: &Measured| one.processor.as_secs_f64() / count(one.loaded() * one.steps);
        let row = self.row(format!("processor time a step, of {steps}"), processor, seconds);
        section.add(self.compared(row, processor, ("≤", if steps == 1 { 1.0 } else { 0.5 })));
        let size = |one: &Measured| bytes(one.size) / count(one.count * one.steps);
        let row = self.row(format!("database, bytes a step, of {steps}"), size, |size| format!("{size:.0}"));
        section.add(self.compared(row, size, ("≤", if steps == 1 { 1.0 } else { 0.6 })));
        let memory = self.own.iter().map(|one| one.memory).max().unwrap_or_default();
        let other = self.other.iter().map(|one| one.memory).max().map_or_else(String::new, megabytes);
        section.add(
            Row::new(format!("memory under the load of {steps}"), megabytes(memory))
                .beside(other)
                .target("≤ 64 MB", memory <= 64_000_000),
        );
    }

    fn row(&self, what: String, figure: impl Fn(&Measured) -> f64, shown: impl Fn(f64) -> String) -> Row {
        let row = Row::new(what, shown(median(&self.own, &figure)));
        if self.other.is_empty() {
            return row;
        }
        row.beside(format!("the other program: {}", shown(median(&self.other, &figure))))
    }

    /// With how many times the other program's figure it should be, and is.
    fn compared(&self, row: Row, figure: impl Fn(&Measured) -> f64, (relation, wanted): (&str, f64)) -> Row {
        if self.other.is_empty() {
            return row;
        }
        let is = median(&self.own, &figure) / median(&self.other, &figure).max(f64::EPSILON);
        let met = if relation == "≥" { is >= wanted } else { is <= wanted };
        row.target(format!("{relation} {wanted} × the other's, is {is:.2}"), met)
    }
}

impl Measured {
    /// The executions under load.
    fn loaded(&self) -> usize {
        self.count - self.alone.len()
    }
}

fn median(measured: &[Measured], figure: impl Fn(&Measured) -> f64) -> f64 {
    let mut figures: Vec<f64> = measured.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn bytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// Starts executions, one after the other.
async fn start_many(mut client: Client, process: String, count: usize) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        start_one(&mut client, &process).await?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

async fn start_one(client: &mut Client, process: &str) -> anyhow::Result<()> {
    client.post(&format!("/api/processes/{process}/execute"), &json!({"input": topic()})).await?;
    Ok(())
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
