//! The bodies of the platform's answers (spec 6, 1.7, 1.8 and 3): JSON inside a text part.

use procession_application::ports::{AgentReply, AgentStatus};
use procession_domain::{
    event::Usage,
    value::{Money, TokenUsage},
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::usage::token_usage;

/// Where an execution is. Only `status` decides: `completed_at` is filled while it still runs (spec 6, 1.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Running,
    Success,
    Failed,
    Cancelled,
    Skipped,
}

/// An answer of `get_execution_result`. Only its status and its response are needed; what else is not written as
/// expected is unknown.
#[derive(Debug, Deserialize)]
pub(super) struct ExecutionResult {
    #[serde(default, deserialize_with = "text_or_nothing")]
    status: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub(super) response: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub(super) error: Option<String>,
    #[serde(default)]
    cost: Value,
    #[serde(default, deserialize_with = "text_or_nothing")]
    model_used: Option<String>,
    #[serde(default)]
    execution_log: Value,
}

/// One row of `list_recent_executions`.
#[derive(Debug, Deserialize)]
pub(super) struct ExecutionRow {
    pub(super) id: String,
    #[serde(default, deserialize_with = "text_or_nothing")]
    status: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecentExecutions {
    #[serde(default)]
    pub(super) executions: Vec<ExecutionRow>,
}

/// One agent of `list_agents`.
#[derive(Debug, Deserialize)]
pub(super) struct AgentRow {
    pub(super) name: String,
    #[serde(default, deserialize_with = "text_or_nothing")]
    status: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    description: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    template: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "text_or_nothing")]
    kind: Option<String>,
}

/// A text; anything else is nothing.
fn text_or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

impl ExecutionResult {
    pub(super) fn progress(&self) -> Progress {
        progress(self.status.as_deref())
    }

    /// Cost and tokens, as far as this answer tells them. A cost of zero is told as `null`, like an unknown one; the
    /// transcript, where it is included, tells them apart.
    pub(super) fn usage(&self) -> Usage {
        let summary = last_summary(&self.execution_log);
        let from_summary = || summary.and_then(|summary| money(summary.get("total_cost_usd")?));
        Usage {
            token_usage: summary.and_then(|summary| tokens(summary.get("usage")?, self.model_used.clone())),
            ..Usage::of_cost(money(&self.cost).or_else(from_summary))
        }
    }
}

impl ExecutionRow {
    pub(super) fn progress(&self) -> Progress {
        progress(self.status.as_deref())
    }

    /// Whether the message ends in this correlation line.
    pub(super) fn ends_in(&self, line: &str) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        message.trim_end().lines().next_back().is_some_and(|last| last.trim() == line)
    }
}

impl AgentRow {
    pub(super) fn status(&self) -> AgentStatus {
        match self.status.as_deref() {
            Some("running") => AgentStatus::Running,
            Some(_) | None => AgentStatus::Stopped,
        }
    }

    /// Why it takes no work, if it does not.
    pub(super) fn reason(&self) -> Option<String> {
        match (self.status(), self.status.as_deref()) {
            (AgentStatus::Running, _) => None,
            (AgentStatus::Stopped, Some(status)) => {
                Some(format!("the platform says that it is `{status}`; start it there"))
            }
            (AgentStatus::Stopped, None) => Some("the platform does not say that it runs".to_owned()),
        }
    }

    /// What the list tells of an agent's purpose: its description where there is one, else its type or template.
    pub(super) fn description(&self) -> Option<String> {
        let fields = [&self.description, &self.kind, &self.template];
        fields.into_iter().flatten().find(|text| !text.trim().is_empty()).cloned()
    }
}

/// The reply in the answer of a call that was not taken asynchronously after all (spec 6, 3).
pub(super) fn synchronous_reply(body: &Value) -> Option<AgentReply> {
    let text = body.get("response")?.as_str()?.to_owned();
    let metadata = body.get("metadata").unwrap_or(&Value::Null);
    let usage =
        Usage { token_usage: tokens(metadata, None), ..Usage::of_cost(metadata.get("cost_usd").and_then(money)) };
    Some(AgentReply { text, usage })
}

fn progress(status: Option<&str>) -> Progress {
    match status {
        Some("success") => Progress::Success,
        Some("failed") => Progress::Failed,
        Some("cancelled") => Progress::Cancelled,
        Some("skipped") => Progress::Skipped,
        // `running`, `pending`, and whatever a later version adds on the way.
        Some(_) | None => Progress::Running,
    }
}

/// A JSON number as exact money: by its digits, not by its binary value.
fn money(value: &Value) -> Option<Money> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The last entry of type `result` of a transcript.
fn last_summary(log: &Value) -> Option<&Value> {
    let is_summary = |entry: &&Value| entry.get("type").and_then(Value::as_str) == Some("result");
    log.as_array()?.iter().rev().find(is_summary)
}

/// The tokens that a run counted. A runtime that reports nothing gives zeros, which mean "unknown" (spec 6, 2.3).
fn tokens(usage: &Value, model: Option<String>) -> Option<Box<TokenUsage>> {
    let found = token_usage(usage, model)?;
    let counts = [found.input_tokens, found.cached_input_tokens, found.cache_write_tokens, found.output_tokens];
    counts.into_iter().chain([found.total_tokens]).flatten().any(|count| count > 0).then(|| Box::new(found))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn result(value: Value) -> ExecutionResult {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_the_status_tells_whether_an_execution_has_ended() {
        let running =
            json!({"status": "running", "completed_at": "2026-11-21T10:00:00Z", "duration_ms": 12, "cost": null});
        assert_eq!(result(running).progress(), Progress::Running);
        for (status, expected) in [
            ("pending", Progress::Running),
            ("queued", Progress::Running),
            ("success", Progress::Success),
            ("failed", Progress::Failed),
            ("cancelled", Progress::Cancelled),
            ("skipped", Progress::Skipped),
        ] {
            assert_eq!(result(json!({"status": status})).progress(), expected, "{status}");
        }
    }

    #[test]
    fn costs_keep_their_digits_and_null_is_unknown() {
        let cost = |value: Value| result(json!({"cost": value})).usage().cost.map(Money::amount);
        assert_eq!(cost(json!(0.1)).as_deref(), Some("0.1"));
        assert_eq!(cost(json!(0.012_345_678)).as_deref(), Some("0.012345678"));
        assert_eq!(cost(json!(1e-7)).as_deref(), Some("0.0000001"));
        assert_eq!(cost(json!(null)), None);
        assert_eq!(cost(json!(-1)), None);
    }

    #[test]
    fn tokens_and_a_cost_of_zero_come_from_the_last_summary_of_the_log() {
        let usage = result(json!({"cost": null, "model_used": "sonnet", "execution_log": [
            {"type": "result", "usage": {"input_tokens": 1}},
            {"type": "assistant"},
            {"type": "result", "total_cost_usd": 0.0, "usage": {"input_tokens": 10, "output_tokens": 5,
                "cache_creation_input_tokens": 3, "cache_read_input_tokens": 2}},
        ]}))
        .usage();
        let tokens = usage.token_usage.unwrap();
        assert_eq!((tokens.input_tokens, tokens.output_tokens, tokens.total_tokens), (Some(10), Some(5), Some(20)));
        assert_eq!((tokens.cached_input_tokens, tokens.cache_write_tokens), (Some(2), Some(3)));
        assert_eq!(tokens.model.as_deref(), Some("sonnet"));
        assert_eq!(usage.cost, Some(Money::ZERO));
    }

    #[test]
    fn tokens_that_are_not_told_are_unknown() {
        let tokens =
            |usage: Value| result(json!({"execution_log": [{"type": "result", "usage": usage}]})).usage().token_usage;
        let partly = tokens(json!({"output_tokens": 5})).unwrap();
        assert_eq!((partly.input_tokens, partly.output_tokens, partly.total_tokens), (None, Some(5), None));
        for unknown in [json!(null), json!({}), json!({"input_tokens": 0, "output_tokens": 0})] {
            assert_eq!(tokens(unknown), None);
        }
        assert_eq!(result(json!({"execution_log": null})).usage().token_usage, None);
    }

    #[test]
    fn a_reply_counts_however_the_rest_is_written() {
        let odd = result(json!({"status": "success", "response": "fine", "error": {}, "cost": "?", "model_used": 7,
            "execution_log": {"type": "result"}}));
        assert_eq!((odd.progress(), odd.response.as_deref()), (Progress::Success, Some("fine")));
        assert_eq!((odd.usage().cost, odd.usage().token_usage), (None, None));
    }

    #[test]
    fn a_message_that_only_quotes_a_correlation_line_is_not_that_task() {
        let row = |message: &str| ExecutionRow { id: "1".into(), status: None, message: Some(message.into()) };
        assert!(row("do it\n\n[ref: e/s/1]\n").ends_in("[ref: e/s/1]"));
        assert!(!row("do it\n\n[ref: e/s/1]\nagain\n\n[ref: e/s/2]").ends_in("[ref: e/s/1]"));
        assert!(!row("do it [ref: e/s/1]").ends_in("[ref: e/s/1]"));
        assert!(!row("x\n[ref: e/s/11]").ends_in("[ref: e/s/1]"));
    }
}
