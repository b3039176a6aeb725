//! Removing old executions while others work.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    Bench,
    client::Client,
    made::{Made, run_some},
    report::{Row, Section},
    server::{self, PASSWORD, Server},
    stage::topic,
    stopwatch::{Times, per_second, ratio, shown},
};

const CLIENTS: usize = 16;

/// How much longer the slowest requests may take meanwhile.
const MOST_GROWTH: f64 = 1.5;

/// Nobody writes for longer at a time.
const LONGEST_HOLD: &str = "0.05";

/// For ever, until it is changed: what is old must not go before it is time.
const KEPT: [(&str, &str); 4] = [
    ("PROCESSION_RETENTION__EXECUTIONS", "0"),
    ("PROCESSION_RETENTION__EVENTS", "0"),
    ("PROCESSION_RETENTION__OUTPUTS", "0"),
    ("PROCESSION_METRICS__PUBLIC", "true"),
];

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let (count, alone) = if bench.quick { (5_000, Duration::from_secs(2)) } else { (100_000, Duration::from_secs(15)) };
    let mut section = Section::new(
        "Removing what is old",
        "`procession serve` on a database with 100,000 executions (with `--quick` 5,000) that are over 90 days old, made \
         directly in the database from some that were run, with their events, values and steps. 16 clients start executions of \
         one step, each as soon as its last request is answered: for a while alone, then while the old ones are removed. \
         Transactions are counted by the server's own histogram.",
    );
    let program = server::program(bench.program.as_deref())?;
    let folder = tempfile::tempdir_in(&bench.folder)?;
    let data = folder.path().join("data");
    let ids = run_some(&program, &data, 1, 3, &KEPT).await?;
    let process = ids.into_iter().next().context("no process")?;
    let now = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_micros())?;
    let old = i64::try_from(Duration::from_hours(100 * 24).as_micros())?;
    let made = Made { count, newest: now - old, over: Duration::from_hours(30 * 24), whole: true };
    made.write(&data.join("procession.db"))?;

    let measured = Measured::of(&program, &data, &process, alone).await?;
    ensure!(measured.removed >= count as u64, "{} of {count} were removed", measured.removed);
    let growth = ratio(measured.meanwhile.quantile(0.99), measured.alone.quantile(0.99));
    section.add(
        Row::new("answer to a start meanwhile, 99 %", shown(measured.meanwhile.quantile(0.99)))
            .beside(format!("alone: {}", shown(measured.alone.quantile(0.99))))
            .target(format!("< 1.5 × that alone, is {growth:.2}"), growth < MOST_GROWTH),
    );
    section.add(
        Row::new("answer to a start meanwhile, median", shown(measured.meanwhile.median()))
            .beside(format!("alone: {}", shown(measured.alone.median()))),
    );
    section.add(
        Row::new("removed", per_second(usize::try_from(measured.removed)?, measured.time))
            .beside(format!("in {}", shown(measured.time))),
    );
    section.add(
        Row::new("transactions over 50 ms meanwhile", measured.long_holds.to_string())
            .beside(format!("alone: {}", measured.long_holds_alone))
            .target("none", measured.long_holds == 0),
    );
    Ok(section)
}

struct Measured {
    alone: Times,
    meanwhile: Times,
    removed: u64,
    time: Duration,
    long_holds_alone: u64,
    long_holds: u64,
}

impl Measured {
    async fn of(program: &Path, data: &Path, process: &str, alone: Duration) -> anyhow::Result<Self> {
        let server = Server::start_with(program, data, &KEPT).await?;
        let mut client = Client::connect(&server.address).await?;
        let token = client.log_in(PASSWORD).await?;
        let mut client = client.with_token(&token);

        let before = long_commits(&mut client).await?;
        let working = Working::start(&server.address, &token, process).await?;
        tokio::time::sleep(alone).await;
        let alone = working.stop().await?;
        let between = long_commits(&mut client).await?;

        let working = Working::start(&server.address, &token, process).await?;
        let begun = Instant::now();
        client.put("/api/settings/retention", &json!({"executions": "90d"})).await?;
        let mut removed = 0;
        loop {
            let run = client.post("/api/retention/run", &json!({})).await?;
            removed += run["executions"].as_u64().context("no count")?;
            if run["complete"] == true {
                break;
            }
        }
        let time = begun.elapsed();
        let meanwhile = working.stop().await?;
        let after = long_commits(&mut client).await?;
        drop(client);
        server.stop()?;
        Ok(Self { alone, meanwhile, removed, time, long_holds_alone: between - before, long_holds: after - between })
    }
}

/// Clients at work.
struct Working {
    is_over: Arc<AtomicBool>,
    clients: JoinSet<anyhow::Result<Vec<Duration>>>,
}

impl Working {
    async fn start(address: &str, token: &str, process: &str) -> anyhow::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let client = Client::connect(address).await?.with_token(token);
            clients.spawn(work(client, format!("/api/processes/{process}/execute"), Arc::clone(&is_over)));
        }
        Ok(Self { is_over, clients })
    }

    async fn stop(mut self) -> anyhow::Result<Times> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut times = Vec::new();
        while let Some(done) = self.clients.join_next().await {
            times.extend(done??);
        }
        Ok(times.into_iter().collect())
    }
}

async fn work(mut client: Client, path: String, is_over: Arc<AtomicBool>) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        client.post(&path, &json!({"input": topic()})).await?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

/// How many transactions have taken longer than they may.
async fn long_commits(client: &mut Client) -> anyhow::Result<u64> {
    const NAME: &str = "procession_store_commit_seconds";
    let page = client.get_text("/metrics").await?;
    let value = |line: String| {
        let found = page.lines().find_map(|shown| shown.strip_prefix(&line));
        found.and_then(|value| value.trim().parse::<u64>().ok()).with_context(|| format!("no {line}"))
    };
    let short = value(format!("{NAME}_bucket{{le=\"{LONGEST_HOLD}\"}}"))?;
    Ok(value(format!("{NAME}_count"))? - short)
}
