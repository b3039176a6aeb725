//! Many schedules that are due in the same minute.

use std::{
    fmt::Write as _,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, ensure};
use rusqlite::Connection;
use serde_json::json;

use crate::{
    Bench,
    client::Client,
    report::{Row, Section},
    server::{self, PASSWORD, Server},
    stopwatch::{Times, per_second, shown},
};

/// How many schedules a process has.
const OF_ONE: usize = 100;

/// Within which time after they are due all must have been started.
const MINUTE: Duration = Duration::from_mins(1);

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let count = if bench.quick { 500 } else { 10_000 };
    let mut section = Section::new(
        "Schedules",
        "`procession serve` with 10,000 schedules (with `--quick` 500) of processes with one step, a hundred each, which are all \
         due in the same minute. The lateness of an execution is the time from that minute until it was created, and until its \
         first step was let begin.",
    );
    let program = server::program(bench.program.as_deref())?;
    let folder = tempfile::tempdir_in(&bench.folder)?;
    let data = folder.path().join("data");
    let server = Server::start(&program, &data).await?;
    let mut client = Client::connect(&server.address).await?;
    let token = client.log_in(PASSWORD).await?;
    let mut client = client.with_token(&token);
    let due = publish(&mut client, count, bench.quick).await?;
    let time = until_ended(&mut client, count, due).await?;
    drop(client);
    server.stop()?;
    let [created, begun] = lateness(&data.join("procession.db"), due)?;
    ensure!(created.len() == count, "{} of {count} schedules have started one execution", created.len());
    let latest = created.quantile(1.0);
    section.add(
        Row::new("lateness of a start, 99 %", shown(created.quantile(0.99)))
            .beside(format!("median: {}", shown(created.median()))),
    );
    section.add(
        Row::new("lateness of the last start", shown(latest))
            .beside(per_second(count, latest))
            .target("all within the minute", latest < MINUTE),
    );
    section.add(
        Row::new("lateness of the beginning, 99 %", shown(begun.quantile(0.99)))
            .beside(format!("all had ended after {}", shown(time))),
    );
    Ok(section)
}

/// Publishes processes with so many schedules together; when they are due, since 1970.
async fn publish(client: &mut Client, count: usize, quick: bool) -> anyhow::Result<Duration> {
    // Publishing a process of a hundred schedules takes far less than a second.
    let needed = if quick { Duration::from_secs(10) } else { Duration::from_mins(2) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let minute = (now + needed).as_secs().div_ceil(60);
    let (hour, of_hour) = (minute / 60 % 24, minute % 60);
    for number in 0..count / OF_ONE {
        let mut yaml = format!("name: scheduled-{number}\ntriggers:\n");
        for trigger in 0..OF_ONE {
            let _ = writeln!(yaml, "  - {{id: t{trigger}, type: schedule, cron: '{of_hour} {hour} * * *'}}");
        }
        yaml.push_str("steps:\n  - {id: only, type: agent_task, agent: echo, message: go}\n");
        let created = client.post("/api/processes", &json!({"yaml_content": yaml})).await?;
        let id = created["id"].as_str().context("no id")?;
        client.post(&format!("/api/processes/{id}/publish"), &json!({})).await?;
    }
    let due = Duration::from_secs(minute * 60);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    ensure!(now < due, "publishing the schedules took until they were due");
    tokio::time::sleep(due.saturating_sub(now)).await;
    Ok(due)
}

/// Waits until so many executions have completed; how long after they were due that was.
async fn until_ended(client: &mut Client, count: usize, due: Duration) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    loop {
        let list = client.get("/api/executions?status=completed&limit=1").await?;
        let completed = list.body["total"].as_u64().context("no total")?;
        if completed >= u64::try_from(count)? {
            return Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.saturating_sub(due));
        }
        ensure!(begun.elapsed() < Duration::from_mins(5), "{completed} of {count} executions have completed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How long after they were due executions were created, and begun.
fn lateness(database: &std::path::Path, due: Duration) -> anyhow::Result<[Times; 2]> {
    let connection = Connection::open(database)?;
    let due = i64::try_from(due.as_micros())?;
    let mut read = connection.prepare("SELECT created_at, started_at FROM process_executions")?;
    let rows: Result<Vec<(i64, i64)>, _> = read.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect();
    let rows = rows?;
    let late = |at: i64| Duration::from_micros(u64::try_from(at - due).unwrap_or_default());
    Ok([rows.iter().map(|(created, _)| late(*created)).collect(), rows.iter().map(|(_, begun)| late(*begun)).collect()])
}
