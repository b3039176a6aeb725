//! The program itself, built for release and run as a process of its own.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use crate::{
    client::Client,
    machine::{memory_of, processor_time_of},
};

/// The password of `admin`.
pub const PASSWORD: &str = "correct-horse-battery-staple-1";

const AGENTS: &str = "agents:\n  echo:\n    kind: echo\n";

/// How long the program may take to start before the measurement is given up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server. It is killed when dropped.
pub struct Server {
    process: Child,
    /// Where it listens, `127.0.0.1:41234`.
    pub address: String,
    /// How long it took from its start until it said that it is ready.
    pub started_in: Duration,
}

/// Where the program is, built if none is given.
pub fn program(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", "procession-server", "--bin", "procession"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    ensure!(built.success(), "procession can't be built");
    // This program lies in the same folder.
    let own = std::env::current_exe()?;
    Ok(own.with_file_name("procession"))
}

impl Server {
    /// Starts the program on a data folder, with an agent that echoes, and waits until `/readyz` says so.
    pub async fn start(program: &Path, data: &Path) -> anyhow::Result<Self> {
        Self::start_with(program, data, &[]).await
    }

    /// The same with these variables.
    pub async fn start_with(program: &Path, data: &Path, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data)?;
        std::fs::write(data.join("agents.yaml"), AGENTS)?;
        let begun = Instant::now();
        let mut process = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("PROCESSION_AUTH__ADMIN_PASSWORD", PASSWORD)
            .env("PROCESSION_LOG__FILTER", "warn")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = process.stdout.take().context("no standard output")?;
        let mut server = Self { process, address: String::new(), started_in: Duration::ZERO };
        let mut lines = BufReader::new(output).lines();
        server.address = loop {
            let line = lines.next().context("the server ended before it listened")??;
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split_whitespace().next().unwrap_or_default().to_owned();
            }
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let mut client = Client::connect(&server.address).await?;
        while client.get("/readyz").await?.status != 200 {
            if begun.elapsed() > PATIENCE {
                bail!("the server does not get ready");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.started_in = begun.elapsed();
        Ok(server)
    }

    /// The memory that it has in use, in bytes.
    pub fn memory(&self) -> anyhow::Result<u64> {
        memory_of(self.process.id())
    }

    /// How long its threads have been on a processor.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        processor_time_of(self.process.id())
    }

    /// `kill -9`: it gets no chance to do anything.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Has it stop in order.
    pub fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status()?;
        let status = self.process.wait()?;
        ensure!(status.success(), "the server ended badly: {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
