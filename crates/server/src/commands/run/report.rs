//! How a run ended: for people, or as the one JSON object on standard output.

use std::sync::Arc;

use procession_application::{executions::VisibleExecution, ports::StoreError};
use procession_domain::{
    definition::Step,
    event::{PauseReason, ValueRef},
    execution::{Execution, Life, StepLife, StepState, StepStatus},
    value::{Cost, Currency, Json, StepId},
};
use procession_language::Diagnostic;
use serde_json::{Map, json};

use super::telling;
use crate::{
    commands::{config::Format, validate::diagnostic_json},
    exit::Exit,
    terminal::{self, style, text::clean_lines},
    wiring::Application,
};

/// How a run ended.
pub(super) enum Report {
    /// The execution, ended or left.
    Execution(Box<Ended>),
    /// The file has errors, which have been shown.
    Invalid(Vec<Diagnostic>),
    /// The start was refused, which has been said: the code and the message.
    Refused(&'static str, String),
}

/// An execution with its values.
pub(super) struct Ended {
    execution: Execution,
    outputs: Option<Arc<Json>>,
    /// In definition order.
    step_outputs: Vec<Option<Arc<Json>>>,
}

/// The exit code of an end (spec 8.1).
pub(super) const fn exit_of(life: &Life) -> Exit {
    match life {
        Life::Completed { .. } => Exit::Done,
        Life::Cancelled(_) => Exit::Cancelled,
        Life::Failed(_) | Life::Pending | Life::Running | Life::Paused(_) | Life::Compensating(_) => Exit::Failed,
    }
}

impl Report {
    /// Of a file with errors.
    pub fn invalid(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Invalid(diagnostics)
    }

    /// Of a start that was refused.
    pub fn refused(code: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Refused(code, why.to_string())
    }

    /// Of an execution as it stands.
    pub async fn of(application: &Application, execution: VisibleExecution) -> Result<Self, StoreError> {
        let read = async |value: &ValueRef| application.executions.value(&execution, value).await;
        let outputs = match &execution.state().life {
            Life::Completed { outputs, .. } => read(outputs).await?,
            _ => None,
        };
        let mut step_outputs = Vec::new();
        for (_, state) in execution.steps() {
            step_outputs.push(match &state.output {
                Some(output) => read(output).await?,
                None => None,
            });
        }
        Ok(Self::Execution(Box::new(Ended { execution: execution.into_inner(), outputs, step_outputs })))
    }

    /// Writes the result to standard output.
    pub fn print(&self, format: Format) -> std::io::Result<()> {
        match (format, self) {
            (Format::Json, Self::Execution(ended)) => terminal::say_json(&ended.as_json()),
            (Format::Json, Self::Invalid(diagnostics)) => {
                let diagnostics: Vec<Json> = diagnostics.iter().map(diagnostic_json).collect();
                let message = "the file has errors";
                let error = json!({"code": "INVALID_DEFINITION", "message": message, "step_id": null});
                terminal::say_json(&not_run("invalid", &error, &Json::Array(diagnostics)))
            }
            (Format::Json, Self::Refused(code, message)) => {
                let error = json!({"code": code, "message": message, "step_id": null});
                terminal::say_json(&not_run("refused", &error, &json!([])))
            }
            (Format::Text, Self::Execution(ended)) => ended.print(),
            (Format::Text, Self::Invalid(_) | Self::Refused(..)) => Ok(()),
        }
    }
}

/// What did not become an execution, with the members that an execution's result has.
fn not_run(status: &str, error: &Json, diagnostics: &Json) -> Json {
    json!({
        "execution_id": null,
        "status": status,
        "outputs": null,
        "cost": cost_json(Cost::none(Currency::default())),
        "error": error,
        "steps": [],
        "diagnostics": diagnostics,
    })
}

impl Ended {
    fn print(&self) -> std::io::Result<()> {
        let state = self.execution.state();
        let (look, said) = match &state.life {
            Life::Completed { .. } => (style::GOOD, "completed".to_owned()),
            Life::Failed(error) => (style::BAD, format!("failed: {}: {}", error.code, error.message)),
            Life::Cancelled(cancellation) => {
                let reason = cancellation.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                (style::WAITING, format!("cancelled by {}{reason}", cancellation.cancelled_by))
            }
            Life::Pending | Life::Running | Life::Compensating(_) => (style::WAITING, "not finished".to_owned()),
            Life::Paused(PauseReason::People) => (style::WAITING, "waiting for people".to_owned()),
            Life::Paused(PauseReason::Operator { by }) => (style::WAITING, format!("paused by {by}")),
        };
        let mut facts = Vec::new();
        if let (Some(began), Some(ended)) = (state.started_at, state.completed_at) {
            facts.push(telling::lasted(ended.since(began)));
        }
        facts.extend(cost_text(state.cost));
        let facts = if facts.is_empty() { String::new() } else { format!("  {}", facts.join("  ")) };
        let said = clean_lines(&said);
        terminal::say_sentence(format_args!("{}{}", style::paint(look, said), style::paint(style::DIM, facts)))?;
        for warning in self.warnings() {
            terminal::warn(warning);
        }
        match self.outputs.as_deref() {
            Some(Json::Object(outputs)) => terminal::say_outputs(outputs),
            Some(_) | None => Ok(()),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let of_outputs: &[String] = match &self.execution.state().life {
            Life::Completed { warnings, .. } => warnings,
            _ => &[],
        };
        [self.execution.warnings().as_slice(), of_outputs].concat()
    }

    fn as_json(&self) -> Json {
        let execution = &self.execution;
        let state = execution.state();
        let error = match &state.life {
            Life::Failed(error) => json!(error),
            Life::Cancelled(cancellation) => json!({
                "code": "CANCELLED",
                "message": cancellation.reason.clone().unwrap_or_else(|| "cancelled".to_owned()),
                "step_id": null,
            }),
            Life::Pending | Life::Running | Life::Paused(_) | Life::Compensating(_) | Life::Completed { .. } => {
                json!(execution.failure())
            }
        };
        let currency = execution.creation().currency;
        let steps = execution.steps().zip(&self.step_outputs).enumerate().map(|(position, ((step, state), output))| {
            let handler = execution.handler_of(position);
            step_json(step, state, output.as_deref(), handler, currency)
        });
        let duration = state.started_at.zip(state.completed_at).map(|(began, ended)| ended.since(began).as_millis());
        json!({
            "execution_id": execution.id(),
            "process": execution.creation().process.name,
            "version": execution.creation().process.version,
            "status": execution.status().as_str(),
            "outputs": self.outputs,
            "cost": cost_json(state.cost),
            "error": error,
            "warnings": self.warnings(),
            "created_at": state.created_at,
            "started_at": state.started_at,
            "completed_at": state.completed_at,
            "duration_ms": duration,
            "steps": steps.collect::<Vec<_>>(),
        })
    }
}

/// A step; what does not apply to it is left out.
fn step_json(
    step: &Step,
    state: &StepState,
    output: Option<&Json>,
    handler: Option<&StepId>,
    currency: Currency,
) -> Json {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Json| {
        if !value.is_null() {
            fields.insert(name.to_owned(), value);
        }
    };
    put("id", json!(step.id));
    put("type", json!(step.step_type().as_str()));
    put("status", json!(state.status().as_str()));
    put("attempts", json!(state.attempts.len()));
    put("agent", json!(state.attempts.last().and_then(|attempt| attempt.agent.as_ref())));
    put("started_at", json!(state.started_at));
    put("completed_at", json!(state.completed_at));
    put("output", output.cloned().unwrap_or_default());
    put("error", json!(state.error));
    if let StepLife::Skipped { reason } = &state.life {
        put("skip_reason", json!(reason));
    }
    put("handled_by", json!(handler));
    if let Some(decision) = &state.decision {
        put("taken", json!(decision.taken));
    }
    if state.status() == StepStatus::WaitingApproval {
        put("approval_id", json!(state.approval_id));
    }
    if !state.children.is_empty() {
        put("child_execution_ids", json!(state.children));
    }
    if state.attempts.iter().any(|attempt| attempt.agent.is_some()) {
        put("cost", cost_json(state.cost(currency)));
    }
    Json::Object(fields)
}

/// The exact amount, as the API writes it.
fn cost_json(cost: Cost) -> Json {
    json!({"amount": cost.amount.amount(), "currency": cost.amount.currency().as_str(), "complete": cost.complete})
}

/// The cost for people; nothing when nothing is known to have cost anything.
fn cost_text(cost: Cost) -> Option<String> {
    let amount = telling::money(cost.amount);
    match (cost.amount.is_zero(), cost.complete) {
        (true, _) => None,
        (false, true) => Some(amount),
        (false, false) => Some(format!("{amount} or more")),
    }
}
