//! The platform's look-alike as a process of its own, for tests that kill the server under test.

use std::{io::Write as _, net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use clap::Parser;
use procession_tests::platform::{CallLog, FakePlatform, Plan};

/// How a plan is written; `--help` ends with it.
const PLAN_FORMAT: &str = include_str!("procession-fake-platform.help.txt");

/// A look-alike of the Trinity platform's MCP server, scripted by a plan.
///
/// It prints `listening on URL` on its first line and runs until it is ended.
#[derive(Parser)]
#[command(after_long_help = PLAN_FORMAT)]
struct Options {
    /// The address; port 0 picks a free one.
    #[arg(long, env = "FAKE_PLATFORM_LISTEN", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The plan, a YAML or JSON file. Without one, every agent exists and repeats its message.
    #[arg(long, env = "FAKE_PLATFORM_PLAN")]
    plan: Option<PathBuf>,
    /// A file to which every call is appended, one JSON object a line.
    #[arg(long, env = "FAKE_PLATFORM_CALLS")]
    calls: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let plan = match &options.plan {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
            Plan::parse(&text).with_context(|| format!("{} is no plan", path.display()))?
        }
        None => Plan { any_agent: Some(procession_tests::platform::AgentPlan::default()), ..Plan::default() },
    };
    let log = match &options.calls {
        Some(path) => CallLog::with_file(path)?,
        None => CallLog::default(),
    };
    let platform = FakePlatform::start_at(options.listen, plan, log)?;
    // Whoever started this waits for the line, so it must not stay in a buffer.
    let mut output = std::io::stdout();
    writeln!(output, "listening on {}", platform.url())?;
    output.flush()?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
