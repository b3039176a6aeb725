//! Agents that answer by a script, and keep a list of the calls they got.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode, Money, Timestamp, TokenUsage},
};

use procession_application::ports::{
    AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, Clock, Recovered, Submitted,
};

/// One answer of a script.
#[derive(Debug, Clone)]
pub struct Line {
    /// What is answered.
    pub answer: Answer,
    /// How long the work takes.
    pub after: Duration,
    /// Whether the task is accepted under a name first, and waited for then.
    pub accepted: bool,
    /// What the gateway says when it is asked what became of the call after a crash.
    pub recovery: Recovery,
}

/// What an agent answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A text; `{message}` in it stands for what was asked.
    Reply {
        /// The text.
        text: String,
        /// What it cost.
        cost: Option<Money>,
        /// What it read and wrote.
        tokens: Option<TokenUsage>,
    },
    /// A failure.
    Fail {
        /// The code.
        code: ErrorCode,
        /// What happened.
        message: String,
        /// What it cost all the same.
        cost: Option<Money>,
        /// How long the agent asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// Too busy.
    Busy(Duration),
    /// No answer, ever.
    Silence,
}

/// What a gateway knows of an interrupted call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recovery {
    /// Nothing.
    #[default]
    Unknown,
    /// It goes on, and its answer will come.
    Running,
    /// It has ended with its answer.
    Finished,
}

/// A call that an agent got.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// When.
    pub at: Timestamp,
    /// The task.
    pub task: AgentTask,
}

/// A gateway to scripted agents. Each agent answers the first call of a step (and of its compensation) with its first
/// line, the second with its second, and so on; the last line stands for all that follow.
pub struct ScriptedAgents {
    clock: Arc<dyn Clock>,
    scripts: Mutex<BTreeMap<String, Vec<Line>>>,
    concurrency: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    calls: Vec<Called>,
    abandoned: Vec<String>,
    /// How many calls each step of each execution made.
    counts: HashMap<String, usize>,
    /// The line that answers each accepted call.
    accepted: HashMap<String, Line>,
    late_costs: HashMap<String, Usage>,
}

impl Line {
    /// A reply that comes at once and costs nothing.
    pub fn reply(text: impl Into<String>) -> Self {
        Self::new(Answer::Reply { text: text.into(), cost: Some(Money::ZERO), tokens: None })
    }

    /// A failure that comes at once.
    pub fn fail(code: ErrorCode) -> Self {
        let message = "the script says so".to_owned();
        Self::new(Answer::Fail { code, message, cost: None, retry_after: None })
    }

    /// An answer that comes at once.
    pub const fn new(answer: Answer) -> Self {
        Self { answer, after: Duration::ZERO, accepted: false, recovery: Recovery::Unknown }
    }

    /// The same after a while.
    #[must_use]
    pub fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

impl ScriptedAgents {
    /// Agents with these scripts; one without lines echoes what it is asked.
    pub fn new(clock: Arc<dyn Clock>, scripts: BTreeMap<String, Vec<Line>>) -> Self {
        Self { clock, scripts: Mutex::new(scripts), concurrency: 64, seen: Mutex::default() }
    }

    /// The same agents, each taking so many calls at once.
    #[must_use]
    pub fn with_concurrency(self, concurrency: usize) -> Self {
        Self { concurrency, ..self }
    }

    /// Has these agents answer otherwise from now on.
    pub fn rewrite(&self, scripts: BTreeMap<String, Vec<Line>>) {
        self.scripts().extend(scripts);
    }

    /// The calls so far, in order.
    pub fn calls(&self) -> Vec<Called> {
        self.seen().calls.clone()
    }

    /// The keys of the calls that were given up, in order.
    pub fn abandoned(&self) -> Vec<String> {
        self.seen().abandoned.clone()
    }

    /// Has a call that is given up report this cost then.
    pub fn set_late_cost(&self, key: &str, usage: Usage) {
        self.seen().late_costs.insert(key.to_owned(), usage);
    }

    /// The line that answers the next call of a step.
    fn next_line(&self, task: &AgentTask) -> Option<Line> {
        let scripts = self.scripts();
        let script = scripts.get(&task.agent)?;
        let mut seen = self.seen();
        seen.calls.push(Called { at: self.clock.now(), task: task.clone() });
        // The key without the attempt: the same for all calls of a step, another one for its compensation.
        let step = task.key.rsplit_once('/').map_or(task.key.as_str(), |(step, _)| step);
        let count = seen.counts.entry(step.to_owned()).or_default();
        let line = script.get(*count).or(script.last()).cloned();
        *count += 1;
        Some(line.unwrap_or_else(|| Line::reply("{message}")))
    }

    async fn play(&self, line: &Line, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        if line.after > Duration::ZERO {
            self.clock.sleep_until(self.clock.now().saturating_add(line.after)).await;
        }
        match line.answer.clone() {
            Answer::Reply { text, cost, tokens } => Ok(AgentReply {
                text: text.replace("{message}", &task.message),
                usage: Usage { token_usage: tokens.map(Box::new), ..Usage::of_cost(cost) },
            }),
            Answer::Fail { code, message, cost, retry_after } => {
                Err(AgentFailure::Failed { code, message, retry_after, usage: Usage::of_cost(cost) })
            }
            Answer::Busy(retry_after) => {
                Err(AgentFailure::Busy { retry_after, reason: "the script says so".to_owned() })
            }
            Answer::Silence => std::future::pending().await,
        }
    }

    fn scripts(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Line>>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AgentGateway for ScriptedAgents {
    async fn submit(&self, task: &AgentTask) -> Result<Submitted, AgentFailure> {
        let Some(line) = self.next_line(task) else {
            let message = format!("there is no agent `{}`", task.agent);
            let code = ErrorCode::AgentNotFound;
            return Err(AgentFailure::Failed { code, message, retry_after: None, usage: Usage::default() });
        };
        if line.accepted {
            self.seen().accepted.insert(task.key.clone(), line);
            return Ok(Submitted::Accepted(format!("ref:{}", task.key)));
        }
        self.play(&line, task).await.map(Submitted::Done)
    }

    async fn wait(&self, task: &AgentTask, _: &str) -> Result<AgentReply, AgentFailure> {
        let line = self.seen().accepted.get(&task.key).cloned();
        match line {
            Some(line) => self.play(&line, task).await,
            None => std::future::pending().await,
        }
    }

    async fn recover(&self, task: &AgentTask, call_ref: Option<&str>) -> Result<Recovered, AgentFailure> {
        let line = self.scripts().get(&task.agent).and_then(|script| script.first()).cloned();
        let line = line.unwrap_or_else(|| Line::reply("{message}"));
        Ok(match line.recovery {
            Recovery::Unknown => Recovered::Unknown,
            Recovery::Finished => Recovered::Finished(self.play(&line, task).await),
            Recovery::Running => {
                self.seen().accepted.insert(task.key.clone(), line);
                Recovered::Running(call_ref.unwrap_or(&task.key).to_owned())
            }
        })
    }

    async fn abandon(&self, _: &str, key: &str, _: Option<&str>) -> Option<Usage> {
        let mut seen = self.seen();
        seen.abandoned.push(key.to_owned());
        seen.late_costs.get(key).cloned()
    }

    async fn list(&self) -> Result<Vec<AgentListing>, AgentFailure> {
        let listing = |name: &String| AgentListing {
            name: name.clone(),
            description: None,
            kind: "script".into(),
            status: AgentStatus::Running,
            reason: None,
            concurrency: self.concurrency,
        };
        Ok(self.scripts().keys().map(listing).collect())
    }

    async fn health(&self, agent: &str) -> Result<AgentStatus, AgentFailure> {
        Ok(if self.scripts().contains_key(agent) { AgentStatus::Running } else { AgentStatus::Stopped })
    }

    fn concurrency(&self, _: &str) -> usize {
        self.concurrency
    }
}
