//! The format of a file under `tests/processes` and `tests/templates`.

use std::{collections::BTreeMap, fs, path::PathBuf};

use indexmap::IndexMap;
use procession_domain::value::{Duration, ErrorCode, Money, TokenUsage};
use procession_testing::{Answer, Line, Recovery};
use serde::Deserialize;
use serde_json::Value as Json;

/// One file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// What it shows, as a sentence; the rules it covers stand in it (`spec 3.2`).
    pub about: String,
    /// The process that runs.
    #[serde(default)]
    pub process: String,
    /// The template from which it is made instead.
    #[serde(default)]
    pub template: Option<String>,
    /// What the template is given.
    #[serde(default)]
    pub parameters: serde_json::Map<String, Json>,
    /// Processes that are published before it.
    #[serde(default)]
    pub others: Vec<String>,
    /// Executions that are started before it, one after the other.
    #[serde(default)]
    pub before: Vec<Earlier>,
    /// The input of the start.
    #[serde(default = "nothing")]
    pub input: Json,
    /// The user who starts it; no user if absent.
    pub starter: Option<String>,
    /// Settings of the engine.
    #[serde(default)]
    pub settings: Settings,
    /// How each agent answers the first, second, … call of a step; the last answer stands for all that follow.
    #[serde(default)]
    pub agents: BTreeMap<String, Vec<Reply>>,
    /// Calls that are given up, by their key without the execution's id, with the cost that they report then.
    #[serde(default)]
    pub late_costs: BTreeMap<String, String>,
    /// Channels that fail, with the code of each try in order.
    #[serde(default)]
    pub failing_channels: BTreeMap<String, Vec<ErrorCode>>,
    /// What people do, in order.
    #[serde(default)]
    pub people: Vec<Deed>,
    /// What operators do, in order.
    #[serde(default)]
    pub operators: Vec<Order>,
    /// The beginning of the message with which its start is refused; nothing else is looked at then.
    #[serde(default)]
    pub refused: Option<String>,
    /// How it must end.
    #[serde(default)]
    pub expect: Expected,
    /// What is done after the end, and how that must end.
    #[serde(default)]
    pub retry: Option<Retry>,
}

/// Settings of the engine, where they differ from the defaults.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub max_concurrent_steps: Option<u32>,
    pub max_concurrent_executions: Option<u32>,
    pub max_concurrent_instances: Option<u32>,
    pub queue_length: Option<u32>,
    pub agent_concurrency: Option<usize>,
    pub agent_wait: Option<Duration>,
    pub breaker_failures: Option<u32>,
    pub breaker_open: Option<Duration>,
    pub breaker_probes: Option<u32>,
    pub inline_output: Option<u64>,
    pub output: Option<u64>,
    pub undefined: Option<procession_domain::definition::UndefinedRule>,
}

/// An execution that is started before the one that is looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// Its process; the case's own if absent.
    pub process: Option<String>,
    #[serde(default = "nothing")]
    pub input: Json,
}

/// An agent's answer: `reply`, `fail`, `busy` or `silent`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    #[serde(rename = "reply")]
    pub text: Option<String>,
    pub fail: Option<ErrorCode>,
    pub busy: Option<Duration>,
    #[serde(default)]
    pub silent: bool,
    /// How long it takes.
    pub after: Option<Duration>,
    pub cost: Option<String>,
    pub tokens: Option<[u64; 2]>,
    /// With `fail`: how long to be left alone.
    pub retry_after: Option<Duration>,
    /// Whether the gateway names the call first.
    #[serde(default)]
    pub accepted: bool,
    /// What the gateway knows of the call after a crash: `unknown`, `running`, `finished`.
    #[serde(default)]
    pub recovery: Option<String>,
}

/// What a person does with the open approval of a step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deed {
    /// The step; `_budget` for a spent budget.
    pub step: String,
    /// The step whose sub-process asks, if it is not the execution itself.
    pub child: Option<String>,
    /// Who; a user of this name is created, with the role `admin` unless `role` says otherwise.
    #[serde(default = "ada")]
    pub by: String,
    pub role: Option<String>,
    /// How long after it was asked.
    pub after: Option<Duration>,
    pub vote: Option<Vote>,
    pub delegate: Option<String>,
    pub comment: Option<String>,
    /// The beginning of the message with which it is refused.
    pub refused: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    Approve,
    Reject,
    RequestChanges,
}

/// What an operator does, some time after the start.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// How long after the start.
    pub at: Duration,
    pub action: Action,
    /// The step whose sub-process is meant, if it is not the execution itself.
    pub child: Option<String>,
    /// With `publish`: the text; with `archive`: the version's name, of which the newest one is meant.
    pub process: Option<String>,
    /// With `crash` and `restart`: how long the server is away.
    #[serde(default)]
    pub down: Duration,
    /// With `look`: what is seen then.
    pub see: Option<Sight>,
    /// The beginning of the message with which it is refused.
    pub refused: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Cancel,
    CancelAndCompensate,
    Pause,
    Resume,
    /// The server stops without warning and is started again.
    Crash,
    /// The server stops in order and is started again.
    Restart,
    /// A process is published.
    Publish,
    /// The version of a process that was published last is archived.
    Archive,
    /// Nothing is done; what is seen is compared.
    Look,
}

/// What is seen of an execution on its way. What is left out is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    pub status: Option<String>,
    pub compensating: Option<bool>,
    /// The status of these steps among others.
    #[serde(default)]
    pub steps: IndexMap<String, String>,
    /// All that it waits for: `timer nap`, or `limit` for the execution itself.
    pub waiting_for: Option<Vec<String>>,
}

/// How it must end. What is left out is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    #[serde(default)]
    pub status: String,
    /// The code with which it failed.
    pub error: Option<ErrorCode>,
    /// A part of the message with which it failed.
    pub error_says: Option<String>,
    /// Every step: `completed`, `failed TIMEOUT`, `skipped dead_path`, `cancelled`, with ` compensated` or
    /// ` not_compensated` behind it where it was undone.
    #[serde(default)]
    pub steps: IndexMap<String, String>,
    /// The outputs of the process, whole.
    pub outputs: Option<Json>,
    /// Outputs of steps: these fields among others.
    #[serde(default)]
    pub step_outputs: IndexMap<String, Json>,
    pub output_warnings: Option<usize>,
    pub warnings: Option<Vec<String>>,
    pub cost: Option<String>,
    pub cost_complete: Option<bool>,
    /// How long it takes, to the second.
    pub takes: Option<Duration>,
    /// The messages that agents got, in order: `agent: message`.
    pub messages: Option<Vec<String>>,
    /// The notifications that were sent, in order: `channel: message`.
    pub notifications: Option<Vec<String>>,
    /// The keys of calls that were given up, without the execution's id.
    pub abandoned: Option<Vec<String>>,
    /// The keys of the calls that agents got, in order, without the execution's id.
    pub keys: Option<Vec<String>>,
    /// Its approvals in the order in which they were asked, with their status: `review approved`.
    pub approvals: Option<Vec<String>>,
    /// Every event in order, with its step.
    pub events: Option<Vec<String>>,
    /// Types of events that must occur, for cases whose whole history says too much.
    #[serde(default)]
    pub has_events: Vec<String>,
    /// Events with these fields among others in their payload.
    #[serde(default)]
    pub payloads: Vec<Payload>,
    /// How the children ended, by their process's name; the second child of a name is `NAME 2`.
    #[serde(default)]
    pub children: IndexMap<String, String>,
    /// The same in full, for some of them.
    #[serde(default)]
    pub inside: IndexMap<String, Expected>,
}

/// An event of which more is said than its type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// The event: `StepFailed write`.
    pub of: String,
    /// Fields of its payload, or (in objects) of fields in it.
    pub has: Json,
}

/// A retry after the end.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// `start` or `failed`.
    pub from: String,
    /// The user who retries it; no user if absent.
    pub by: Option<String>,
    /// Agents that answer otherwise from now on.
    #[serde(default)]
    pub agents: BTreeMap<String, Vec<Reply>>,
    /// What people do in the new execution.
    #[serde(default)]
    pub people: Vec<Deed>,
    pub expect: Option<Expected>,
    /// The beginning of the message with which it is refused.
    pub refused: Option<String>,
}

fn nothing() -> Json {
    Json::Object(serde_json::Map::new())
}

fn ada() -> String {
    "ada".into()
}

impl Reply {
    pub fn line(&self) -> Line {
        let cost = self.cost.as_ref().map(|cost| cost.parse::<Money>().unwrap());
        let answer = if self.silent {
            Answer::Silence
        } else if let Some(busy) = self.busy {
            Answer::Busy(busy)
        } else if let Some(code) = self.fail {
            let message = format!("{code} by the script");
            Answer::Fail { code, message, cost, retry_after: self.retry_after }
        } else {
            let tokens = self.tokens.map(|[input, output]| TokenUsage::new(input, output));
            Answer::Reply { text: self.text.clone().unwrap_or_else(|| "{message}".into()), cost, tokens }
        };
        let recovery = match self.recovery.as_deref() {
            None | Some("unknown") => Recovery::Unknown,
            Some("running") => Recovery::Running,
            Some("finished") => Recovery::Finished,
            Some(other) => panic!("`recovery: {other}`"),
        };
        Line { answer, after: self.after.unwrap_or_default(), accepted: self.accepted, recovery }
    }
}

/// What agents answer, as the stage wants it.
pub fn scripts(agents: &BTreeMap<String, Vec<Reply>>) -> BTreeMap<String, Vec<Line>> {
    agents.iter().map(|(name, replies)| (name.clone(), replies.iter().map(Reply::line).collect())).collect()
}

/// All files, by name.
pub fn all() -> Vec<Case> {
    let folders = ["processes", "templates"].map(|name| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name));
    let files = |folder: &PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = folders.iter().flat_map(files).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    paths.sort();
    paths.iter().map(read).collect()
}

fn read(path: &PathBuf) -> Case {
    let text = fs::read_to_string(path).unwrap();
    let case: Case = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Case { name: path.file_stem().unwrap().to_string_lossy().into_owned(), ..case }
}
