//! Figures of a month with very many executions.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::{
    Bench,
    client::Client,
    made::{Made, run_some},
    report::{Row, Section},
    server::{self, PASSWORD, Server},
    stopwatch::{Times, shown},
};

/// How long any request for figures may take.
const LONGEST: Duration = Duration::from_millis(150);

const PROCESSES: usize = 10;
const MONTH: Duration = Duration::from_hours(30 * 24);

/// What is asked for; `{id}` is a version.
const ASKED: [(&str, &str); 9] = [
    ("trends of 30 days", "/api/processes/analytics/trends?days=30"),
    ("trends in another zone", "/api/processes/analytics/trends?days=30&timezone=Europe/Berlin"),
    ("trends of a year", "/api/processes/analytics/trends?days=365"),
    ("trends of a process", "/api/processes/analytics/trends?days=30&process_name=load-3"),
    ("all processes", "/api/processes/analytics/all?days=30"),
    ("one version", "/api/processes/{id}/analytics?days=30"),
    ("slowest and dearest steps", "/api/executions/analytics/steps?days=30&limit=50"),
    ("table of versions by day", "/api/analytics/export.csv?days=30"),
    ("dashboard", "/api/dashboard"),
];

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let (count, rounds) = if bench.quick { (20_000, 10) } else { (1_000_000, 100) };
    let mut section = Section::new(
        "Figures",
        "`procession serve` on a database with 1,000,000 executions (with `--quick` 20,000) of ten processes of five steps in a \
         month, made directly in the database from some that were run, with their figures as commits add them up. One client \
         asks for each answer 100 times, one after the other.",
    );
    let program = server::program(bench.program.as_deref())?;
    let folder = tempfile::tempdir_in(&bench.folder)?;
    let data = folder.path().join("data");
    let kept = [("PROCESSION_RETENTION__EXECUTIONS", "0")];
    let ids = run_some(&program, &data, PROCESSES, 5, &kept).await?;
    let now = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_micros())?;
    let made = Made { count, newest: now, over: MONTH, whole: false };
    let database = data.join("procession.db");
    made.write(&database)?;
    made.write_figures(&database)?;

    let server = Server::start_with(&program, &data, &kept).await?;
    let mut client = Client::connect(&server.address).await?;
    let token = client.log_in(PASSWORD).await?;
    let mut client = client.with_token(&token);
    for (what, path) in ASKED {
        let path = path.replace("{id}", ids.first().context("no process")?);
        let mut times = Times::default();
        for _ in 0..rounds {
            let begun = Instant::now();
            let answer = client.get(&path).await?;
            times.note(begun.elapsed());
            ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
        }
        let slow = times.quantile(0.99);
        section.add(
            Row::new(format!("{what}, 99 %"), shown(slow))
                .beside(format!("median: {}", shown(times.median())))
                .target("under 150 ms", slow < LONGEST),
        );
    }
    drop(client);
    server.stop()?;
    Ok(section)
}
