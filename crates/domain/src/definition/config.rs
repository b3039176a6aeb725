//! Settings of a whole process: limits, triggers, outputs, webhooks (spec 1.1, 1.8, 1.9).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{Priority, Template};
use crate::value::{Duration, Json, Money, TriggerId};

/// The `config` mapping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// How many executions of the process run at once; absent = the server's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_instances: Option<u32>,
    /// How many calls of one execution are in flight at once; absent = the server's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_steps: Option<u32>,
    /// The place of its executions and steps in queues.
    pub priority: Priority,
    /// What an execution, with its children, may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// The longest an execution may take, pauses included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// Whether the first unhandled failure stops everything else.
    pub stop_on_failure: bool,
    /// What an undefined reference does; absent = by the place where it stands (spec 2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undefined: Option<UndefinedRule>,
    /// From which costs on an alert is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_alert: Option<CostAlertRule>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_concurrent_instances: None,
            max_concurrent_steps: None,
            priority: Priority::Normal,
            budget: None,
            timeout: None,
            stop_on_failure: true,
            undefined: None,
            cost_alert: None,
        }
    }
}

/// A limit of cost and what reaching it does (spec 3.9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The most that may be spent.
    pub max_cost: Money,
    /// What happens when it is.
    pub action: BudgetAction,
}

/// From which costs on an alert is raised, and who is told (spec 4c).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "WrittenCostAlert")]
pub struct CostAlertRule {
    /// The cost of one execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_execution: Option<Money>,
    /// The cost of all executions in a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<Money>,
    /// The cost of all executions in a week.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<Money>,
    /// The channel of notifications through which people are told; absent = as the server says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// What models hold: those checked by earlier versions have an amount in its place, which is that of an execution.
#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenCostAlert {
    Amount(Money),
    Rule {
        #[serde(default)]
        per_execution: Option<Money>,
        #[serde(default)]
        daily: Option<Money>,
        #[serde(default)]
        weekly: Option<Money>,
        #[serde(default)]
        channel: Option<String>,
    },
}

impl From<WrittenCostAlert> for CostAlertRule {
    fn from(written: WrittenCostAlert) -> Self {
        match written {
            WrittenCostAlert::Amount(amount) => Self { per_execution: Some(amount), ..Self::default() },
            WrittenCostAlert::Rule { per_execution, daily, weekly, channel } => {
                Self { per_execution, daily, weekly, channel }
            }
        }
    }
}

/// What a spent budget does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetAction {
    /// The execution fails.
    Stop,
    /// A person decides whether to go on.
    Ask,
    /// An event tells of it.
    Warn,
}

/// What an undefined reference in a template does (spec 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndefinedRule {
    /// The step fails.
    Error,
    /// It prints as nothing.
    Empty,
    /// The placeholder stays in the text.
    Keep,
}

/// One output of the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Its name, unique in the process.
    pub name: String,
    /// The template that gives it.
    pub source: Template,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What starts the process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its id, unique in the process.
    pub id: TriggerId,
    /// Whether it fires.
    pub enabled: bool,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it fires.
    pub kind: TriggerKind,
}

/// The type of a trigger with the keys of that type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TriggerKind {
    /// A person or a program starts it.
    Manual,
    /// A request to the trigger's address starts it.
    Webhook {
        /// The secret the caller shows or signs with: a literal, or `${ENV:NAME}`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
        /// The header whose value makes repeated calls one start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dedupe_header: Option<String>,
    },
    /// The clock starts it.
    Schedule(Schedule),
}

/// A schedule (spec 1.8).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The cron line as the author wrote it, maybe a preset's name.
    pub cron: String,
    /// The five fields it stands for.
    pub cron_expression: String,
    /// The IANA time zone.
    pub timezone: String,
    /// The input of each execution.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub input: IndexMap<String, Json>,
    /// What is done about times that passed while no server ran.
    pub misfire: Misfire,
    /// How late a missed time may still fire.
    pub misfire_grace: Duration,
    /// What is done when the last execution still runs.
    pub overlap: Overlap,
    /// What is done where clocks are put forward: whether a time that does not exist fires right after the gap.
    pub shift_missing: bool,
    /// What is done where clocks are put back: whether a time that exists twice fires twice.
    pub fire_repeated_twice: bool,
    /// Each firing is delayed by up to this.
    pub jitter: Duration,
}

/// What is done about times that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfire {
    /// Fire once for all of them.
    FireOnce,
    /// Forget them.
    Skip,
    /// Fire for each.
    FireAll,
}

/// What is done when a schedule fires while its last execution runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Start another.
    Allow,
    /// Start none.
    Skip,
    /// Start when it has ended.
    Queue,
    /// Cancel it and start.
    CancelRunning,
}

/// An outgoing webhook of the process (spec 5.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingWebhook {
    /// Where events are sent.
    pub url: String,
    /// Which event types; empty = the usual four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The signing secret: a literal, or `${ENV:NAME}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// How the process is offered to agents as a tool (spec 7).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Expose {
    /// Whether it is offered over MCP.
    pub mcp_enabled: bool,
    /// The tool's name, if not derived from the process's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// The tool's description, if not the process's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_in_the_place_of_a_rule_is_that_of_an_execution() {
        let before = r#"{"nanos":5000000000,"currency":"USD"}"#;
        let rule: CostAlertRule = serde_json::from_str(before).unwrap();
        assert_eq!(rule.per_execution, Some("5".parse().unwrap()));
        let whole = CostAlertRule { daily: Some("7".parse().unwrap()), channel: Some("slack".into()), ..rule };
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<CostAlertRule>(&text).unwrap(), whole);
    }
}
