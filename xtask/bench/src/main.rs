//! `cargo xtask bench`: measures Procession, and says whether it keeps its promises about speed.
//!
//! Each part measures one thing on the real engine, the real store or the real program, and beside it, where that makes
//! sense, the least that the same work could cost: the same rows written by a bare loop (`floor`). A run of all parts
//! writes `docs/performance.md`; with `--against`, the program under clients is measured in turns with another one.

mod client;
mod floor;
mod follower;
mod machine;
mod made;
mod parts;
mod processes;
mod report;
mod server;
mod soak;
mod stage;
mod stopwatch;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Parser;

use crate::{machine::Machine, parts::Part, report::Report};

/// The program's own allocator, so that what is measured in this process costs what it costs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures throughput and latency.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Measure only this part; can be given several times. The report is printed, and not written.
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// Measure less, to see that everything works; the numbers are rougher. The report is printed, and not written.
    #[arg(long)]
    quick: bool,
    /// Where the databases are written; the disk decides much [default: the system's folder for temporary files].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Measure this program as the server, instead of building it for release.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Measure nothing, but trouble the server in every way at once, and say what it has borne.
    #[arg(long)]
    soak: bool,
    /// For how many minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 10, requires = "soak")]
    minutes: u64,
    /// Measure this program, such as one of an earlier version, in turns with the server under clients.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

/// How much is measured, and where.
#[derive(Debug, Clone)]
struct Bench {
    quick: bool,
    folder: PathBuf,
    program: Option<PathBuf>,
    against: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.soak {
        let folder = arguments.folder.unwrap_or_else(std::env::temp_dir);
        let program = server::program(arguments.program.as_deref())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let length = std::time::Duration::from_mins(arguments.minutes);
        return say(&runtime.block_on(soak::soak(&program, &folder, length))?);
    }
    let bench = Bench {
        quick: arguments.quick,
        folder: arguments.folder.unwrap_or_else(std::env::temp_dir),
        program: arguments.program,
        against: arguments.against,
    };
    let all = arguments.only.is_empty();
    let machine = Machine::look_at(&bench.folder);
    let mut report = Report::new(machine);
    for part in Part::ALL {
        if !all && !arguments.only.contains(part) {
            continue;
        }
        // Each part has a runtime of its own, so that nothing of one is left in the next.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let section = runtime.block_on(part.measure(&bench)).with_context(|| format!("part {}", part.name()))?;
        runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        say(&section.to_markdown())?;
        report.add(section);
    }
    if all && !bench.quick {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance.md");
        std::fs::write(&path, report.to_markdown()).with_context(|| format!("{} can't be written", path.display()))?;
        say("docs/performance.md is written.")?;
    }
    say(&report.summary())
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}
