//! The variables that a step's texts see (spec 2.1): only those steps that they are known to read.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Execution,
    boundary::{Need, ValueKey},
    state::StepState,
    turn::Turn,
};
use crate::{
    definition::{EdgeKind, Reads, StepIndex},
    event::ValueRef,
    expressions::{ErrorView, ExecutionView, ProcessView, Scope, StepView, TriggerView},
    value::{Json, StepId},
};

/// Which output of a step its own compensation reads: the one of its latest completed round.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Viewpoint {
    Step(StepIndex),
    Compensation(StepIndex),
    Outputs,
}

impl Turn<'_, '_> {
    /// The variables for texts that read `reads`. `None` if values are missing, which are then asked for.
    pub fn scope(&mut self, from: Viewpoint, reads: &Reads) -> Option<Scope> {
        let mut steps: Vec<StepIndex> =
            reads.steps.iter().filter_map(|id| self.execution.definition.position(id)).collect();
        if reads.dynamic {
            steps.extend(self.execution.readable_from(from));
        }
        let mut complete = true;
        let mut views: BTreeMap<StepId, StepView> = BTreeMap::new();
        for step in steps {
            match self.view(from, step) {
                Some(view) => drop(views.insert(self.id(step), view)),
                None => complete = false,
            }
        }
        let creation = Arc::clone(&self.execution.creation);
        let input = self.value(&ValueKey::Input, &creation.input);
        let payload = creation.trigger.payload.as_ref().map(|payload| self.value(&ValueKey::TriggerPayload, payload));
        if !complete || payload == Some(None) {
            return None;
        }
        let state = &self.execution.state;
        Some(Scope {
            input: input?,
            steps: views,
            trigger: TriggerView {
                trigger_type: creation.trigger.trigger_type.clone(),
                id: creation.trigger.id.clone(),
                payload: payload.flatten(),
                fired_at: creation.trigger.fired_at,
                schedule_id: creation.trigger.schedule_id,
                due_at: creation.trigger.due_at,
                actual_at: creation.trigger.actual_at,
            },
            execution: ExecutionView {
                id: state.id,
                started_at: state.started_at,
                retry_of: creation.retry_of,
                parent_id: creation.parent.as_ref().map(|parent| parent.execution_id),
            },
            process: ProcessView {
                id: creation.process.id,
                name: creation.process.name.clone(),
                version: creation.process.version,
            },
            errors: match from {
                Viewpoint::Step(step) => self.execution.errors_for(step),
                Viewpoint::Compensation(_) | Viewpoint::Outputs => Vec::new(),
            },
            now: self.now(),
        })
    }

    /// The variables that a step's own texts see; `None` if values are missing, which are then asked for.
    pub fn scope_of(&mut self, step: StepIndex) -> Option<Scope> {
        let definition = Arc::clone(&self.execution.definition);
        self.scope(Viewpoint::Step(step), &definition.step(step).reads)
    }

    /// A value of this execution, or `None` and a need.
    pub fn value(&mut self, key: &ValueKey, value: &ValueRef) -> Option<Arc<Json>> {
        let found = self.context.values.get(value);
        if found.is_none() {
            self.need(Need::Value { key: key.clone(), value: *value });
        }
        found
    }

    fn view(&mut self, from: Viewpoint, step: StepIndex) -> Option<StepView> {
        let state = self.state(step);
        let undoes_this = from == Viewpoint::Compensation(step);
        let output =
            if undoes_this { state.completion.as_ref().and_then(|completion| completion.output) } else { state.output };
        let output = match output {
            None => None,
            Some(output) => Some(self.value(&ValueKey::StepOutput(self.id(step)), &output)?),
        };
        Some(self.execution.step_view(step, output))
    }
}

impl Execution {
    fn step_view(&self, step: StepIndex, output: Option<Arc<Json>>) -> StepView {
        let state = &self.steps[step];
        let cost = state.cost(self.creation.currency);
        StepView {
            step_type: self.definition.step(step).step_type(),
            status: state.status().as_str(),
            output,
            error: self.error_view(step),
            started_at: state.started_at,
            completed_at: state.completed_at,
            cost: (cost.complete && !state.attempts.is_empty()).then_some(cost.amount),
            attempt: state.attempts.last().map_or(0, |attempt| attempt.number),
        }
    }

    fn error_view(&self, step: StepIndex) -> Option<ErrorView> {
        let StepState { error, .. } = &self.steps[step];
        error.as_ref().map(|error| ErrorView {
            code: error.code,
            message: error.message.clone(),
            step_id: self.definition.step(step).id.clone(),
        })
    }

    fn errors_for(&self, step: StepIndex) -> Vec<ErrorView> {
        self.failures_for(step).into_iter().filter_map(|failed| self.error_view(failed)).collect()
    }

    /// The steps that a text may choose at run time: those upstream by any flow edge; all of them for the outputs.
    fn readable_from(&self, from: Viewpoint) -> Vec<StepIndex> {
        match from {
            Viewpoint::Outputs => (0..self.steps.len()).collect(),
            Viewpoint::Step(step) | Viewpoint::Compensation(step) => {
                let upstream = self.definition.graph().upstream(step, |edge| edge.kind != EdgeKind::Order);
                (0..self.steps.len())
                    .filter(|other| upstream[*other] || (from == Viewpoint::Compensation(step) && *other == step))
                    .collect()
            }
        }
    }
}
