//! What the platform is to do: which agents it has, how they answer, and what goes wrong.

use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;

/// The whole plan.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// The key that clients must send; without it keys are not checked.
    pub key: Option<String>,
    /// The newest version of the protocol that is spoken; 2025-11-25 unless it says otherwise. Older ones have no
    /// priming event, so that a broken stream can't be resumed, and send nothing before the tool is done.
    pub protocol: Option<String>,
    /// The agents by name.
    pub agents: IndexMap<String, AgentPlan>,
    /// How an agent of any other name behaves; without it there is none.
    pub any_agent: Option<AgentPlan>,
    /// Calls that go wrong.
    pub faults: Vec<PlannedFault>,
    /// Tools that are not offered.
    pub missing_tools: Vec<String>,
}

/// One agent.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentPlan {
    /// Its container's state.
    pub status: String,
    /// How many tasks it runs at once; more are refused "at capacity".
    pub capacity: usize,
    /// How it answers: the first rule that fits. Without one it repeats the message.
    pub rules: Vec<Rule>,
}

/// How an agent answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// The message contains this text; absent fits always.
    pub when: Option<String>,
    /// For so many tasks; absent for all.
    pub times: Option<u64>,
    /// The answer to the submission, instead of "accepted".
    pub submit: Option<Fault>,
    /// Whether the task runs although `submit` tells otherwise.
    pub runs: bool,
    /// The answer; `{message}` and `{key}` are filled in.
    pub reply: Option<String>,
    /// How long the task takes, in milliseconds of real time.
    pub delay: u64,
    /// For how many looks it is still running.
    pub polls: u64,
    /// After those: for how many looks the sweeper shows it as failed.
    pub false_failures: u64,
    /// How it ends.
    pub ends: Ending,
    /// The error of one that fails.
    pub error: Option<String>,
    /// What it costs, in US dollars. Zero is told as `null`.
    pub cost: Option<f64>,
    /// What its transcript says about tokens.
    pub tokens: Option<Tokens>,
    /// What becomes of its transcript.
    pub log: LogPlan,
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With its reply.
    #[default]
    Success,
    /// With its error.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// It was never begun.
    Skipped,
    /// It never does.
    Never,
}

/// Tokens of a task.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// Read.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from, and put into, the cache.
    pub cached: u64,
}

/// What becomes of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogPlan {
    /// It is there.
    #[default]
    Kept,
    /// It can't be read: `execution_log` is `null`, with a `log_error`.
    Lost,
    /// Asking for it fails.
    Fails,
    /// It is there, with so many bytes of filling.
    Filled(usize),
}

/// Something that goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// HTTP 401: bad key, or backend down.
    Unauthorized,
    /// HTTP 503 by something in front of the server.
    Http503,
    /// The session is unknown: HTTP 404 until a new one is opened.
    SessionLost,
    /// The connection breaks without an answer.
    Disconnect,
    /// The answer's stream breaks after its first event; it can be resumed.
    CutStream,
    /// No answer ever comes.
    Hang,
    /// The answer comes after so many milliseconds.
    Delay(u64),
    /// The answer comes when so many calls wait for theirs at once.
    Gather(usize),
    /// `fetch failed`.
    FetchFailed,
    /// `This operation was aborted`.
    Aborted,
    /// `API error (status): {"detail": …}`.
    Api(u16, String),
    /// `agent_busy`, since the agent's queue is full: no `isError`.
    AgentBusy,
    /// `agent_busy`, since the model's provider limits calls: no `isError`.
    ProviderBusy,
    /// `at capacity`, with a failed record of the task.
    AtCapacity,
    /// `Access denied`: no `isError`.
    Denied,
    /// `Access denied` for an agent that does not exist: no `isError`.
    NoSuchAgent,
    /// A JSON-RPC error.
    Rpc(i32),
}

/// A fault of one tool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// The tool.
    pub tool: String,
    /// How many of its calls go well before.
    #[serde(default)]
    pub after: u64,
    /// How many calls go wrong.
    #[serde(default = "once")]
    pub times: u64,
    /// How.
    pub fault: Fault,
}

const fn once() -> u64 {
    1
}

impl Plan {
    /// Reads a plan: JSON if it begins with a brace, else YAML (where a fault with details is a tag: `!api [500, boom]`).
    ///
    /// # Errors
    /// When it is malformed.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        if text.trim_start().starts_with('{') {
            return Ok(serde_json::from_str(text)?);
        }
        Ok(serde_yaml::from_str(text)?)
    }
}

impl Default for AgentPlan {
    fn default() -> Self {
        Self { status: "running".into(), capacity: 3, rules: Vec::new() }
    }
}

impl Rule {
    /// How long the task takes.
    pub(super) const fn duration(&self) -> Duration {
        Duration::from_millis(self.delay)
    }
}

impl Fault {
    /// The next call of a tool goes wrong in this way.
    pub fn of_next(self, tool: &str) -> PlannedFault {
        self.of_calls(tool, 1)
    }

    /// So many calls of a tool go wrong in this way.
    pub fn of_calls(self, tool: &str, times: u64) -> PlannedFault {
        PlannedFault { tool: tool.to_owned(), after: 0, times, fault: self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_from_yaml() {
        let plan = Plan::parse(
            "
key: trinity_mcp_x
protocol: '2025-06-18'
agents:
  analyst:
    capacity: 1
    rules:
      - {when: market, times: 2, submit: !api [500, boom]}
      - {submit: fetch_failed, runs: true, polls: 3, cost: 0.5, tokens: {input: 1}, log: !filled 10}
faults:
  - {tool: get_execution_result, after: 2, times: 3, fault: unauthorized}
",
        )
        .unwrap();
        assert_eq!(plan.agents["analyst"].rules[0].submit, Some(Fault::Api(500, "boom".into())));
        assert_eq!(plan.agents["analyst"].rules[1].log, LogPlan::Filled(10));
        assert_eq!((plan.faults[0].after, plan.faults[0].times), (2, 3));
        assert!(Plan::parse("agnets: {}").is_err());
        let json = r#"{"agents": {"a": {"rules": [{"submit": {"api": [503, "x"]}}]}}}"#;
        assert_eq!(Plan::parse(json).unwrap().agents["a"].rules[0].submit, Some(Fault::Api(503, "x".into())));
    }

    #[test]
    fn the_plan_of_the_help_is_one() {
        let help = include_str!("../bin/procession-fake-platform.help.txt");
        let example = help.split("\n\n").nth(1).unwrap();
        let plan = Plan::parse(example.trim_start_matches('\n')).unwrap();
        let rule = &plan.agents["analyst"].rules[0];
        assert_eq!((rule.times, rule.polls, rule.cost), (Some(2), 3, Some(0.012)));
        assert_eq!(rule.submit, Some(Fault::AgentBusy));
        assert_eq!(
            plan.faults,
            [Fault::Unauthorized.of_calls("get_execution_result", 3)].map(|fault| PlannedFault { after: 2, ..fault })
        );
    }
}
