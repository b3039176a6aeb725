//! The program from its start: until it is ready, and how much memory it takes.

use std::time::Duration;

use crate::{
    Bench,
    machine::megabytes,
    report::{Row, Section},
    server::{self, Server},
    stopwatch::{Times, shown},
};

/// How long the start may take.
const MOST_TIME: Duration = Duration::from_millis(300);

/// How much memory the idle server may take.
const MOST_MEMORY: u64 = 40_000_000;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::new(
        "Starting",
        "`procession serve` as a process of its own, from its start until `/readyz` says 200; the first time with an empty \
         data folder (which makes the database and checks in the password of `admin`), then on that folder. Memory is \
         the resident set.",
    );
    let program = server::program(bench.program.as_deref())?;
    let folder = tempfile::tempdir_in(&bench.folder)?;
    let data = folder.path().join("data");
    let first = Server::start(&program, &data).await?;
    section.add(Row::new("first start until ready", shown(first.started_in)));
    first.stop()?;
    let mut times = Times::default();
    let mut memory = 0;
    let starts = if bench.quick { 2 } else { 10 };
    for _ in 0..starts {
        let server = Server::start(&program, &data).await?;
        times.note(server.started_in);
        tokio::time::sleep(Duration::from_secs(1)).await;
        memory = memory.max(server.memory()?);
        server.stop()?;
    }
    section.add(
        Row::new("later start until ready, median", shown(times.median()))
            .beside(format!("the longest: {}", shown(times.quantile(1.0))))
            .target("under 300 ms", times.median() < MOST_TIME),
    );
    section.add(Row::new("memory, idle", megabytes(memory)).target("under 40 MB", memory < MOST_MEMORY));
    Ok(section)
}
