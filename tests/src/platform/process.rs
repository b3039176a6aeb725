//! The look-alike as a process of its own, which goes on while the server under test is killed.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, bail};

use super::calls::{Call, CallLog};

/// The running process. It is killed when dropped.
#[derive(Debug)]
pub struct PlatformProcess {
    process: Child,
    url: String,
    calls: PathBuf,
}

impl PlatformProcess {
    /// Starts the binary `procession-fake-platform` with a plan; its files go to `folder`.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(binary: &Path, folder: &Path, plan: &str) -> anyhow::Result<Self> {
        let (plan_file, calls) = (folder.join("plan.yaml"), folder.join("calls.jsonl"));
        std::fs::write(&plan_file, plan)?;
        let mut process = Command::new(binary)
            .arg("--plan")
            .arg(&plan_file)
            .arg("--calls")
            .arg(&calls)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let Some(url) = line.trim().strip_prefix("listening on ") else { bail!("the platform did not start: {line}") };
        Ok(Self { url: url.to_owned(), process, calls })
    }

    /// The address of its MCP endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every call it was sent so far.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn calls(&self) -> anyhow::Result<Vec<Call>> {
        CallLog::read_file(&self.calls)
    }
}

impl Drop for PlatformProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
