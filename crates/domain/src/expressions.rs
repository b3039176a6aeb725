//! What the domain asks of the expression evaluator (spec 2): a small trait, and the variables a text can see.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{
    definition::{Condition, StepType, Template, UndefinedRule},
    value::{ErrorCode, ExecutionId, Json, Money, ProcessId, ProcessName, ScheduleId, StepId, Timestamp, Version},
};

/// Evaluates the texts of one definition. It has no side effects, and every call ends within a bounded amount of work.
pub trait Expressions: Send + Sync {
    /// Expands a template to text.
    fn text(
        &self,
        template: &Template,
        scope: &Scope,
        undefined: UndefinedRule,
    ) -> Result<Expanded<String>, ExpressionError>;

    /// Expands a template to JSON: a text that is exactly one placeholder keeps its type (spec 2.2).
    fn value(
        &self,
        template: &Template,
        scope: &Scope,
        undefined: UndefinedRule,
    ) -> Result<Expanded<Json>, ExpressionError>;

    /// The same for a value that is handed to another process: an agent's whole output becomes its parsed JSON, or else
    /// its text (spec 2.4).
    fn handed_over(
        &self,
        template: &Template,
        scope: &Scope,
        undefined: UndefinedRule,
    ) -> Result<Expanded<Json>, ExpressionError>;

    /// Decides a condition (spec 2.3).
    fn condition(&self, condition: &Condition, scope: &Scope) -> Result<Evaluation, ExpressionError>;

    /// The time that a text means: a date and time, with an offset or in `timezone`, or the next `HH:MM` there after
    /// `now` (spec 1.3, timer). The error says what is wrong with the text.
    fn time_of(&self, text: &str, timezone: Option<&str>, now: Timestamp) -> Result<Timestamp, String>;
}

/// An expanded template.
#[derive(Debug, Clone, PartialEq)]
pub struct Expanded<T> {
    /// The result.
    pub value: T,
    /// What was undefined and let pass, as sentences.
    pub warnings: Vec<String>,
}

/// A decided condition, kept so that people can see why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The condition as the author wrote it.
    pub expression: String,
    /// The paths it read and what they held; long values are cut.
    pub values: IndexMap<String, Json>,
    /// The decision.
    pub result: bool,
    /// Notes for people: paths that were undefined, comparisons of values that don't compare.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Why a text can't be evaluated. Messages never hold the values of variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It reads something that does not exist.
    #[error("{message}")]
    Undefined {
        /// Which expression, on which line, and what is available there.
        message: String,
    },
    /// Anything else: types that don't go together, an unknown filter, a limit.
    #[error("{message}")]
    Failed {
        /// What went wrong, and on which line.
        message: String,
    },
}

impl ExpressionError {
    /// The code with which a step fails whose template can't be expanded.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Undefined { .. } => ErrorCode::UndefinedReference,
            Self::Failed { .. } => ErrorCode::InvalidConfig,
        }
    }
}

/// The variables that a text can see (spec 2.1). Steps are only those that the text is known to read.
#[derive(Debug, Clone)]
pub struct Scope {
    /// `input`
    pub input: Arc<Json>,
    /// `steps`
    pub steps: BTreeMap<StepId, StepView>,
    /// `trigger`
    pub trigger: TriggerView,
    /// `execution`
    pub execution: ExecutionView,
    /// `process`
    pub process: ProcessView,
    /// `errors`, the first of which is `error`; empty outside of error handlers.
    pub errors: Vec<ErrorView>,
    /// `now()`
    pub now: Timestamp,
}

/// `steps.ID`
#[derive(Debug, Clone)]
pub struct StepView {
    /// Its type, which decides how its output prints.
    pub step_type: StepType,
    /// Its status in lower case.
    pub status: &'static str,
    /// Its output, if it has one.
    pub output: Option<Arc<Json>>,
    /// Why it failed, if it did.
    pub error: Option<ErrorView>,
    /// When its first attempt of this round started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// What its attempts cost together.
    pub cost: Option<Money>,
    /// The number of its newest attempt, 0 before the first.
    pub attempt: u32,
}

/// An error as handlers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorView {
    /// The code.
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
    /// The step that failed.
    pub step_id: StepId,
}

/// `trigger`
#[derive(Debug, Clone, Default)]
pub struct TriggerView {
    /// `manual`, `webhook`, `schedule`, `sub_process` or `retry`.
    pub trigger_type: String,
    /// The trigger's id, if it has one.
    pub id: Option<String>,
    /// What a webhook was called with.
    pub payload: Option<Arc<Json>>,
    /// When it fired.
    pub fired_at: Option<Timestamp>,
    /// The schedule, if one started it.
    pub schedule_id: Option<ScheduleId>,
    /// When that was due.
    pub due_at: Option<Timestamp>,
    /// When the start was in fact made.
    pub actual_at: Option<Timestamp>,
}

/// `execution`
#[derive(Debug, Clone)]
pub struct ExecutionView {
    /// Its id.
    pub id: ExecutionId,
    /// When it started to run.
    pub started_at: Option<Timestamp>,
    /// The execution it repeats.
    pub retry_of: Option<ExecutionId>,
    /// The execution whose step it is.
    pub parent_id: Option<ExecutionId>,
}

/// `process`
#[derive(Debug, Clone)]
pub struct ProcessView {
    /// The id of the version.
    pub id: ProcessId,
    /// Its name.
    pub name: ProcessName,
    /// Its version.
    pub version: Version,
}
