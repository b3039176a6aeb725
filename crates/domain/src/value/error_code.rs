//! The codes by which failures are told apart: one table, walked by the retry policy, the docs and the tests.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a code can occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeScope {
    /// A step's attempt, or the step as a whole.
    Step,
    /// The execution as a whole; no step's `on_error` applies.
    Execution,
}

/// The text is no known code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known error code")]
pub struct UnknownCode(String);

macro_rules! codes {
    ($($name:ident, $text:literal, $scope:ident, $retried:literal, $meaning:literal;)*) => {
        /// Why a step or an execution failed (spec 1.4).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum ErrorCode {
            $(#[doc = $meaning] $name,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as authors write it and the API shows it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }

            /// Where it can occur.
            pub const fn scope(self) -> CodeScope {
                match self { $(Self::$name => CodeScope::$scope),* }
            }

            /// Whether a retry policy without `retry_on` retries it.
            pub const fn is_retried_by_default(self) -> bool {
                match self { $(Self::$name => $retried),* }
            }
        }
    };
}

codes! {
    AgentUnavailable, "AGENT_UNAVAILABLE", Step, true, "The agent is not running or can't be reached.";
    AgentBusy, "AGENT_BUSY", Step, true, "The agent stayed busy for as long as the step may wait for it.";
    AgentError, "AGENT_ERROR", Step, true, "The agent answered with an error.";
    RateLimited, "RATE_LIMITED", Step, true, "The agent or its model's provider limits calls.";
    OutputSchemaMismatch, "OUTPUT_SCHEMA_MISMATCH", Step, true, "The reply does not fit the step's output_schema.";
    Interrupted, "INTERRUPTED", Step, true, "The attempt was under way in three crashes of the server.";
    SubProcessFailed, "SUB_PROCESS_FAILED", Step, true, "The child execution failed.";
    SlackError, "SLACK_ERROR", Step, true, "Slack did not take the message.";
    EmailError, "EMAIL_ERROR", Step, true, "The mail server did not take the message.";
    WebhookError, "WEBHOOK_ERROR", Step, true, "The receiving server did not take the message.";
    Timeout, "TIMEOUT", Step, false, "The attempt took longer than the step's timeout.";
    AgentNotFound, "AGENT_NOT_FOUND", Step, false, "No agent has this name.";
    AccessDenied, "ACCESS_DENIED", Step, false, "The agent may not be used by this server.";
    Unauthorized, "UNAUTHORIZED", Step, false, "The server's credentials were refused.";
    ApprovalRejected, "APPROVAL_REJECTED", Step, false, "The approval was rejected.";
    ApprovalExpired, "APPROVAL_EXPIRED", Step, false, "Nobody decided the approval before its deadline.";
    ChangesRequested, "CHANGES_REQUESTED", Step, false, "Changes were requested and can't be made by a re-run.";
    ValidationError, "VALIDATION_ERROR", Step, false, "The input does not fit what the process asks for.";
    InvalidConfig, "INVALID_CONFIG", Step, false, "A setting is missing or wrong once its template is filled in.";
    UndefinedReference, "UNDEFINED_REFERENCE", Step, false, "A template reads something that does not exist.";
    ConditionError, "CONDITION_ERROR", Step, false, "A condition can't be evaluated.";
    NoMatchingRoute, "NO_MATCHING_ROUTE", Step, false, "No route of the gateway is true and there is no default route.";
    OutputTooLarge, "OUTPUT_TOO_LARGE", Step, false, "The output is larger than the server keeps.";
    ProcessNotFound, "PROCESS_NOT_FOUND", Step, false, "The process to run as a sub-process does not exist.";
    NestingTooDeep, "NESTING_TOO_DEEP", Step, false, "Sub-processes are nested more than 8 deep.";
    SubProcessCancelled, "SUB_PROCESS_CANCELLED", Step, false, "The child execution was cancelled.";
    BudgetExceeded, "BUDGET_EXCEEDED", Step, false, "The budget of the execution or the step's max_cost is spent.";
    Cancelled, "CANCELLED", Step, false, "The work was cancelled from outside.";
    ExecutionTimeout, "EXECUTION_TIMEOUT", Execution, false, "The execution took longer than its timeout.";
    Internal, "INTERNAL", Execution, false, "Running the execution failed again and again; this is a defect of the engine.";
    Deadlock, "DEADLOCK", Execution, false, "Nothing can go on and nothing is waited for; this is a defect of the engine.";
}

impl ErrorCode {
    /// Whether a step that writes its own `retry` without `retry_on` retries it (spec 1.4).
    pub const fn is_retried_by_own_policy(self) -> bool {
        self.is_retried_by_default() || matches!(self, Self::Timeout)
    }

    /// Whether it says that the agent could not do work at all, which its circuit breaker counts (spec 5.3).
    pub const fn is_unavailability(self) -> bool {
        matches!(self, Self::AgentUnavailable)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ErrorCode {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let found = Self::ALL.iter().find(|code| code.as_str().eq_ignore_ascii_case(text.trim()));
        found.copied().ok_or_else(|| UnknownCode(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for ErrorCode {
    type Error = UnknownCode;

    fn try_from(text: String) -> Result<Self, UnknownCode> {
        text.parse()
    }
}

impl From<ErrorCode> for String {
    fn from(code: ErrorCode) -> Self {
        code.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_that_are_never_retried_unasked_are_those_of_the_specification() {
        let listed = "APPROVAL_REJECTED APPROVAL_EXPIRED CHANGES_REQUESTED VALIDATION_ERROR INVALID_CONFIG TIMEOUT \
            UNDEFINED_REFERENCE CONDITION_ERROR NO_MATCHING_ROUTE BUDGET_EXCEEDED AGENT_NOT_FOUND ACCESS_DENIED UNAUTHORIZED \
            OUTPUT_TOO_LARGE PROCESS_NOT_FOUND NESTING_TOO_DEEP SUB_PROCESS_CANCELLED CANCELLED";
        let mut listed: Vec<ErrorCode> = listed.split_whitespace().map(|code| code.parse().unwrap()).collect();
        let mut found: Vec<ErrorCode> = ErrorCode::ALL
            .iter()
            .copied()
            .filter(|code| code.scope() == CodeScope::Step && !code.is_retried_by_default())
            .collect();
        listed.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, listed);
    }

    #[test]
    fn codes_are_read_in_any_case() {
        assert_eq!("agent_busy".parse(), Ok(ErrorCode::AgentBusy));
        assert!("AGENT_TIMEOUT".parse::<ErrorCode>().is_err());
    }
}
