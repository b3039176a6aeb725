//! Kind `script`: canned or templated replies with delays, costs and failures, for demonstrations and tests (spec 8.3).

use std::sync::Arc;

use async_trait::async_trait;
use moka::sync::Cache;
use procession_application::ports::{AgentFailure, AgentReply, AgentTask, Clock};
use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode, FinishReason, Money, MoneyError, RetryAfter, TokenUsage},
};
use regex::Regex;

use super::script_template::ReplyTemplate;
use crate::{
    failure::{failed, failed_for, paid},
    file::{Content, Node, Section},
    local::LocalAgent,
    suggest::did_you_mean,
};

/// The codes with which an agent's call can fail (spec 5.1, and access denied of spec 6).
const FAILURES: [ErrorCode; 8] = [
    ErrorCode::AgentNotFound,
    ErrorCode::AgentUnavailable,
    ErrorCode::AgentBusy,
    ErrorCode::AgentError,
    ErrorCode::Timeout,
    ErrorCode::RateLimited,
    ErrorCode::Unauthorized,
    ErrorCode::AccessDenied,
];

/// How many steps' answers that use up no attempt are counted at once.
const COUNTED_STEPS: u64 = 10_000;
/// How long a busy agent asks to be left alone if its script does not say.
const BUSY: Duration = Duration::from_secs(1);

/// What a script writes for a cost that nobody knows.
const UNKNOWN: &str = "unknown";

/// A script: its entries, the first that fits answers.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    when: When,
    reply: Option<ReplyTemplate>,
    delay: Option<Duration>,
    usage: Usage,
    failure: Option<ScriptedFailure>,
}

#[derive(Debug, Clone)]
enum When {
    Always,
    Contains(String),
    Matches(Regex),
}

#[derive(Debug, Clone)]
struct ScriptedFailure {
    code: ErrorCode,
    /// How many calls of each step fail; `None` for all of them.
    times: Option<u64>,
    message: Option<String>,
    retry_after: Option<Duration>,
}

impl Script {
    /// Reads the keys of this kind.
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        let node = section.required_node("replies")?;
        let Content::List(items) = &node.content else {
            let message = format!("`replies` is {}; a list is expected", node.content.kind());
            section.refuse(node.place, message);
            return None;
        };
        if items.is_empty() {
            section.refuse(node.place, "`replies` is empty: the agent could never answer");
        }
        let mut entries = Vec::new();
        for item in items {
            let mut entry_section = Section::of(item, "the reply", section.problems())?;
            let entry = read_entry(&mut entry_section);
            entry_section.finish();
            entries.extend(entry);
        }
        Some(Self { entries })
    }

    /// The first entry that fits the message.
    fn entry(&self, message: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| match &entry.when {
            When::Always => true,
            When::Contains(text) => message.contains(text.as_str()),
            When::Matches(pattern) => pattern.is_match(message),
        })
    }
}

fn read_entry(section: &mut Section<'_>) -> Option<Entry> {
    let when = section.value("when", read_when);
    let reply = section.value("reply", ReplyTemplate::compile);
    let delay = section.duration("delay");
    let cost = section.value("cost", read_cost);
    let token_usage = section.node("tokens").and_then(|node| read_tokens(node, section));
    let finish_reason = section.text("finish_reason").as_deref().and_then(FinishReason::new);
    let failure_node = section.node("fail");
    let failure = failure_node.and_then(|node| read_failure(node, section));
    let always_fails = failure_node.is_some() && failure.as_ref().is_none_or(|failure| failure.times.is_none());
    if section.node("reply").is_none() && !always_fails {
        section.refuse(section.place(), "the reply has no `reply`; only an entry that always fails can do without");
        return None;
    }
    let token_usage = token_usage.map(Box::new);
    let usage = Usage { cost: cost.unwrap_or(Some(Money::ZERO)), token_usage, finish_reason };
    Some(Entry { when: when.unwrap_or(When::Always), reply, delay, usage, failure })
}

fn read_when(text: &str) -> Result<When, String> {
    let pattern = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    match pattern {
        Some(pattern) => Regex::new(pattern).map(When::Matches).map_err(|error| error.to_string()),
        None => Ok(When::Contains(text.to_owned())),
    }
}

/// A cost, or `unknown`.
fn read_cost(text: &str) -> Result<Option<Money>, String> {
    if text == UNKNOWN { Ok(None) } else { text.parse().map(Some).map_err(|error: MoneyError| error.to_string()) }
}

fn read_tokens(node: &Node, section: &mut Section<'_>) -> Option<TokenUsage> {
    let mut tokens = Section::of(node, "`tokens`", section.problems())?;
    let input_tokens = tokens.count("input", 0);
    let cached_input_tokens = tokens.count("cached_input", 0);
    let cache_write_tokens = tokens.count("cache_write", 0);
    let output_tokens = tokens.count("output", 0);
    let model = tokens.text("model");
    tokens.finish();
    let parts = [input_tokens, cached_input_tokens, cache_write_tokens, output_tokens];
    let sum = parts.into_iter().flatten().fold(0, u64::saturating_add);
    let total_tokens = input_tokens.and(output_tokens).map(|_| sum);
    Some(TokenUsage { input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, total_tokens, model })
}

fn read_failure(node: &Node, section: &mut Section<'_>) -> Option<ScriptedFailure> {
    let mut failure = Section::of(node, "`fail`", section.problems())?;
    let code = failure.required("code", |text| {
        FAILURES.into_iter().find(|code| code.as_str() == text).ok_or_else(|| {
            let names = FAILURES.map(ErrorCode::as_str);
            let hint = did_you_mean(text, names);
            format!("`{text}` is not a failure that an agent can have; it may be: {}{hint}", names.join(", "))
        })
    });
    let times = failure.count("times", 1);
    let message = failure.text("message");
    let retry_after = failure.duration("retry_after");
    failure.finish();
    Some(ScriptedFailure { code: code?, times, message, retry_after })
}

/// An agent that follows a script.
pub(crate) struct ScriptAgent {
    name: String,
    script: Script,
    clock: Arc<dyn Clock>,
    /// Busy answers and rate limits given, by execution and step: they use up no attempt, so it can't count them.
    put_off: Cache<String, u64>,
}

impl ScriptAgent {
    /// An agent of this name.
    pub(crate) fn new(name: &str, script: Script, clock: Arc<dyn Clock>) -> Self {
        Self { name: name.to_owned(), script, clock, put_off: Cache::new(COUNTED_STEPS) }
    }

    /// The failure due for this call.
    fn due_failure(&self, failure: &ScriptedFailure, task: &AgentTask) -> Option<AgentFailure> {
        let message = failure
            .message
            .clone()
            .unwrap_or_else(|| format!("the script of `{}` fails with {}", self.name, failure.code));
        if failure.times.is_some_and(|times| self.calls_so_far(failure.code, task) >= times) {
            return None;
        }
        if failure.code == ErrorCode::AgentBusy {
            let retry_after = failure.retry_after.unwrap_or(BUSY);
            return Some(AgentFailure::Busy { retry_after, reason: message });
        }
        let pause = failure.retry_after.map(RetryAfter::from);
        let failed = failed_for(failure.code, message, pause.as_ref());
        // Who is told when to come back was not served, as at a real rate limit: that neither costs nor uses up the attempt.
        let was_put_off = failure.code == ErrorCode::RateLimited && pause.is_some();
        Some(if was_put_off { failed } else { paid(failed, Usage::of_cost(Some(Money::ZERO))) })
    }

    /// How many calls of this step came before. Attempts are never numbered twice, so they count over restarts too; a
    /// busy answer and a rate limit come again in the same attempt.
    fn calls_so_far(&self, code: ErrorCode, task: &AgentTask) -> u64 {
        let attempts = u64::from(task.attempt.saturating_sub(1));
        if !matches!(code, ErrorCode::AgentBusy | ErrorCode::RateLimited) {
            return attempts;
        }
        let step = format!("{}/{}", task.execution_id, task.step_id.as_str());
        let put_off = self.put_off.get(&step).unwrap_or(0);
        self.put_off.insert(step, put_off + 1);
        put_off.max(attempts)
    }
}

#[async_trait]
impl LocalAgent for ScriptAgent {
    async fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        let Some(entry) = self.script.entry(&task.message) else {
            let message =
                format!("no reply of the script of `{}` fits the message; add an entry without `when`", self.name);
            return Err(failed(ErrorCode::AgentError, message));
        };
        if let Some(delay) = entry.delay {
            self.clock.sleep_until(self.clock.now().saturating_add(delay)).await;
        }
        if let Some(failure) = entry.failure.as_ref().and_then(|failure| self.due_failure(failure, task)) {
            return Err(failure);
        }
        let text = match &entry.reply {
            Some(template) => template.fill_in(task).map_err(|error| {
                failed(ErrorCode::AgentError, format!("the script of `{}` can't reply: {error}", self.name))
            })?,
            None => String::new(),
        };
        Ok(AgentReply { text, usage: entry.usage.clone() })
    }
}
