//! What the platform was asked: in memory, and line by line in a file that outlives a crash of whoever asked.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Counted from 1.
    pub number: u64,
    /// When it came, in microseconds since 1970.
    pub at: i128,
    /// The tool.
    pub tool: String,
    /// The agent, if the call names one.
    pub agent: Option<String>,
    /// The task that it is about, as far as known: for `chat_with_agent` from the message's correlation line.
    #[serde(flatten)]
    pub reference: Option<Reference>,
    /// The platform's id of the execution.
    pub execution_id: Option<String>,
    /// What became of the call.
    pub outcome: Outcome,
}

/// A correlation line, `[ref: <execution>/<step>/<attempt>]`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// All that stands in it.
    pub key: String,
    /// The execution.
    pub execution: String,
    /// The step.
    pub step: String,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A task began: the agent works, and costs money.
    Began,
    /// The task was not begun.
    Refused,
    /// The call only asked for something, and got it.
    Answered,
    /// The call went wrong by plan.
    Faulty,
}

/// All calls.
#[derive(Debug, Default)]
pub struct CallLog {
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    all: Vec<Call>,
    file: Option<File>,
}

impl Reference {
    /// The correlation line at the end of a message.
    pub fn of_message(message: &str) -> Option<Self> {
        let line = message.trim_end().lines().next_back()?.trim();
        let key = line.strip_prefix("[ref: ")?.strip_suffix(']')?;
        let mut parts = key.split('/');
        Some(Self { key: key.to_owned(), execution: parts.next()?.to_owned(), step: parts.next()?.to_owned() })
    }
}

impl CallLog {
    /// A log that also goes to a file, appended to, one JSON object a line.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn with_file(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let calls = Calls { all: Vec::new(), file: Some(file) };
        Ok(Self { calls: Mutex::new(calls) })
    }

    /// Reads the file of a log.
    ///
    /// # Errors
    /// When it can't be read, or is no such file. A last line that is not whole yet is left out.
    pub fn read_file(path: &Path) -> anyhow::Result<Vec<Call>> {
        let text = std::fs::read_to_string(path)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// All calls so far.
    pub fn all(&self) -> Vec<Call> {
        self.calls().all.clone()
    }

    /// How often a tool was called.
    pub fn count(&self, tool: &str) -> usize {
        self.calls().all.iter().filter(|call| call.tool == tool).count()
    }

    /// How many tasks began under a key: more than one is work done twice.
    pub fn begun(&self, key: &str) -> usize {
        let is_one = |call: &&Call| {
            call.outcome == Outcome::Began && call.reference.as_ref().is_some_and(|reference| reference.key == key)
        };
        self.calls().all.iter().filter(is_one).count()
    }

    pub(super) fn add(
        &self,
        tool: &str,
        agent: Option<&str>,
        reference: Option<Reference>,
        execution_id: Option<&str>,
        outcome: Outcome,
    ) {
        let mut calls = self.calls();
        let call = Call {
            number: calls.all.len() as u64 + 1,
            at: time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000,
            tool: tool.to_owned(),
            agent: agent.map(str::to_owned),
            reference,
            execution_id: execution_id.map(str::to_owned),
            outcome,
        };
        if let (Some(file), Ok(mut line)) = (&mut calls.file, serde_json::to_string(&call)) {
            line.push('\n');
            // One write of a whole line, so that a reader never sees half of two.
            if let Err(error) = file.write_all(line.as_bytes()).and_then(|()| file.flush()) {
                // The log in memory stays right; a test that reads the file will miss the line and say so.
                calls.file = None;
                drop(error);
            }
        }
        calls.all.push(call);
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correlation_line_is_taken_apart() {
        let reference = Reference::of_message("do it\n\n[ref: e1/draft/compensation/2]").unwrap();
        assert_eq!((reference.execution.as_str(), reference.step.as_str()), ("e1", "draft"));
        assert_eq!(reference.key, "e1/draft/compensation/2");
        assert_eq!(Reference::of_message("[ref: e1/draft/1]\nno more"), None);
    }

    #[test]
    fn what_is_logged_can_be_read_by_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calls.jsonl");
        let log = CallLog::with_file(&path).unwrap();
        let reference = Reference::of_message("[ref: e/s/1]");
        log.add("chat_with_agent", Some("a"), reference, Some("x1"), Outcome::Began);
        log.add("list_agents", None, None, None, Outcome::Answered);
        assert_eq!(CallLog::read_file(&path).unwrap(), log.all());
        assert_eq!((log.begun("e/s/1"), log.begun("e/s/2"), log.count("list_agents")), (1, 0, 1));
    }
}
