//! `sub_process`: another process runs as a step (spec 3.6).

use std::sync::Arc;

use serde_json::{Map, json};

use super::{
    Execution,
    advance::Progress,
    boundary::{ChildEnd, ChildOutcome, ChildPlan, ChildVersion, Failure, Need, Write},
    state::StepLife,
    turn::Turn,
};
use crate::{
    definition::{MappedValue, StepIndex, StepKind, SubProcess, UndefinedRule},
    event::{
        AttemptEvent, ChildEvent, Creation, Direction, Event, ParentLink, Recorded, StepError, TriggerContext, Usage,
        Wait,
    },
    expressions::Scope,
    value::{ErrorCode, ExecutionId, Json},
};

/// How deep sub-processes may be nested (spec 3.6).
pub const DEEPEST_NESTING: u32 = 8;

/// A child that can be started.
struct PlannedChild {
    child: Box<Execution>,
    created: Box<Recorded>,
    input: Json,
    /// What was undefined in the mapping of its input and let pass.
    warnings: Vec<String>,
}

impl Turn<'_, '_> {
    pub fn start_sub_process(&mut self, step: StepIndex) -> Progress {
        let StepKind::SubProcess(sub_process) = &self.step(step).kind else {
            return Progress::Done;
        };
        let sub_process = sub_process.clone();
        let scope = self.scope_of(step);
        let id = self.id(step);
        let Some(plan) = self.context.values.child(&id) else {
            self.need(Need::Child(id));
            return Progress::NeedsValues;
        };
        let Some(scope) = scope else {
            return Progress::NeedsValues;
        };
        let started = self.plan_child(step, &sub_process, plan, &scope);
        let PlannedChild { child, created, input, warnings } = match started {
            Ok(planned) => planned,
            Err(error) => {
                self.fail_to_start(step, Direction::Do, error);
                return Progress::Done;
            }
        };
        let (child_id, process) = (child.id(), child.creation().process.clone());
        self.start_without_call(step, warnings);
        self.emit(Event::Child(id, child_id, ChildEvent::Started { process: process.clone() }));
        self.transition.writes.push(Write::StartChild { child, created, input });
        if sub_process.wait_for_completion {
            let waiting = AttemptEvent::Waiting(Wait::Child { execution_id: child_id });
            self.emit(self.attempt_event(step, Direction::Do, waiting));
        } else {
            let output = json!({
                "child_execution_id": child_id,
                "child_process_name": process.name,
                "child_process_version": process.version,
            });
            self.complete(step, output, Usage::default());
        }
        Progress::Done
    }

    fn plan_child(
        &mut self,
        step: StepIndex,
        sub_process: &SubProcess,
        plan: ChildPlan,
        scope: &Scope,
    ) -> Result<PlannedChild, StepError> {
        let version = match plan {
            ChildPlan::Found(version) => version,
            ChildPlan::Missing => {
                let wanted = sub_process.version.map(|version| format!(" in version {version}")).unwrap_or_default();
                let message = format!("no published process `{}`{wanted} exists", sub_process.process_name);
                return Err(StepError { code: ErrorCode::ProcessNotFound, message });
            }
        };
        let depth = self.execution.depth() + 1;
        if depth > DEEPEST_NESTING {
            let message = format!("sub-processes are nested at most {DEEPEST_NESTING} deep");
            return Err(StepError { code: ErrorCode::NestingTooDeep, message });
        }
        let mut warnings = Vec::new();
        let input = self.child_input(sub_process, scope, &mut warnings)?;
        let checked = version.definition.check_input(&input, self.context.settings.undefined).map_err(|problems| {
            let problems: Vec<String> =
                problems.iter().map(|problem| format!("`{}` {}", problem.field, problem.message)).collect();
            let message = format!("the input of `{}` does not fit: {}", version.process.name, problems.join("; "));
            StepError { code: ErrorCode::ValidationError, message }
        })?;
        let kept = self.context.values.measure(&checked.input);
        let input_ref =
            kept.map_err(|error| StepError { code: ErrorCode::OutputTooLarge, message: error.to_string() })?;
        let link = ParentLink {
            execution_id: self.execution.id(),
            step_id: self.id(step),
            waits: sub_process.wait_for_completion,
            depth,
            root_id: self.execution.root_id(sub_process.wait_for_completion),
        };
        let creation = self.child_creation(&version, link, input_ref, checked.warnings);
        let id = ExecutionId::new((self.context.new_id)());
        let (child, created) = Execution::create(id, Arc::clone(&version.definition), creation, self.now());
        Ok(PlannedChild { child: Box::new(child), created: Box::new(created), input: checked.input, warnings })
    }

    fn child_creation(
        &self,
        version: &ChildVersion,
        parent: ParentLink,
        input: crate::event::ValueRef,
        warnings: Vec<String>,
    ) -> Creation {
        let of_parent = &self.execution.creation;
        Creation {
            process: version.process.clone(),
            input,
            trigger: TriggerContext {
                trigger_type: "sub_process".into(),
                fired_at: Some(self.now()),
                ..TriggerContext::default()
            },
            triggered_by: "sub_process".into(),
            user: of_parent.user.clone(),
            earlier_users: of_parent.earlier_users.clone(),
            pins: version.pins.clone(),
            retry_of: None,
            parent: Some(parent),
            labels: version.definition.content().labels.clone(),
            priority: version.definition.config().priority,
            undefined: version.definition.config().undefined.or(self.context.settings.undefined),
            currency: of_parent.currency,
            warnings,
            trace: None,
        }
    }

    /// The child's input: the mapping's values, or the parent's own input.
    fn child_input(
        &self,
        sub_process: &SubProcess,
        scope: &Scope,
        warnings: &mut Vec<String>,
    ) -> Result<Json, StepError> {
        if sub_process.input_mapping.is_empty() {
            return Ok((*scope.input).clone());
        }
        let mut input = Map::new();
        for (name, value) in &sub_process.input_mapping {
            input.insert(name.clone(), self.mapped(value, scope, warnings)?);
        }
        Ok(Json::Object(input))
    }

    fn mapped(&self, value: &MappedValue, scope: &Scope, warnings: &mut Vec<String>) -> Result<Json, StepError> {
        Ok(match value {
            MappedValue::Literal(json) => json.clone(),
            MappedValue::Template(template) => {
                let rule = self.undefined_rule(UndefinedRule::Error);
                let expanded = self.context.expressions.handed_over(template, scope, rule);
                let expanded =
                    expanded.map_err(|error| StepError { code: error.code(), message: error.to_string() })?;
                warnings.extend(expanded.warnings);
                expanded.value
            }
            MappedValue::List(items) => {
                let items: Result<Vec<Json>, StepError> =
                    items.iter().map(|item| self.mapped(item, scope, warnings)).collect();
                Json::Array(items?)
            }
            MappedValue::Map(fields) => {
                let mut map = Map::new();
                for (name, field) in fields {
                    map.insert(name.clone(), self.mapped(field, scope, warnings)?);
                }
                Json::Object(map)
            }
        })
    }

    /// A child has ended: its step goes on.
    pub fn child_ended(&mut self, end: &ChildEnd) -> bool {
        let waits = |state: &super::StepState| matches!(state.life, StepLife::Waiting(Wait::Child { execution_id }) if execution_id == end.execution_id);
        let Some(step) = self.execution.steps.iter().position(waits) else {
            return false;
        };
        let StepKind::SubProcess(sub_process) = &self.step(step).kind else {
            return false;
        };
        let key = sub_process.output_key.clone();
        let step_id = self.id(step);
        let status = match &end.outcome {
            ChildOutcome::Completed(_) => "completed",
            ChildOutcome::Failed(_) => "failed",
            ChildOutcome::Cancelled => "cancelled",
        };
        let completed = ChildEvent::Completed { status: status.to_owned(), cost: end.cost };
        self.emit(Event::Child(step_id, end.execution_id, completed));
        match &end.outcome {
            ChildOutcome::Completed(outputs) => {
                let output = child_output(end, outputs, &key);
                self.complete(step, output, Usage::default());
            }
            ChildOutcome::Failed(error) if error.code == ErrorCode::BudgetExceeded && self.context.ledger.is_some() => {
                self.exceed_budget();
            }
            ChildOutcome::Failed(error) => {
                let at = error.step_id.as_ref().map(|step| format!(" at `{step}`")).unwrap_or_default();
                let message = format!("`{}` failed{at}: {}: {}", end.process.name, error.code, error.message);
                let error = StepError { code: ErrorCode::SubProcessFailed, message };
                self.fail_attempt(step, Direction::Do, Failure::of(error));
            }
            ChildOutcome::Cancelled => {
                let message = format!("`{}` was cancelled", end.process.name);
                let error = StepError { code: ErrorCode::SubProcessCancelled, message };
                self.fail_attempt(step, Direction::Do, Failure::of(error));
            }
        }
        true
    }
}

/// The output of a sub-process (spec 2.4): its outputs at the top and under the key, and facts about the run.
fn child_output(end: &ChildEnd, outputs: &Json, key: &str) -> Json {
    let mut output = Map::new();
    if let Json::Object(fields) = outputs {
        output.extend(fields.clone());
    }
    output.insert(key.to_owned(), outputs.clone());
    output.insert("child_execution_id".into(), json!(end.execution_id));
    output.insert("child_process_name".into(), json!(end.process.name));
    output.insert("child_process_version".into(), json!(end.process.version));
    output.insert("child_duration_seconds".into(), json!(end.duration.as_secs()));
    output.insert("child_cost".into(), json!(end.cost.amount.to_string()));
    Json::Object(output)
}

impl Execution {
    /// The execution at the top of the tree to which a new child belongs: one that nobody waits for is its own.
    fn root_id(&self, waits: bool) -> ExecutionId {
        match &self.creation.parent {
            Some(parent) if waits && parent.waits => parent.root_id,
            _ => self.id(),
        }
    }
}
