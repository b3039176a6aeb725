//! Running a part of the process again because changes were requested (spec 3.5).

use super::{
    Execution,
    state::{StepLife, StepStatus},
    turn::Turn,
};
use crate::{
    definition::{EdgeKind, Rerun, StepIndex},
    event::{Event, SkipReason, StepEvent},
    value::Json,
};

impl Turn<'_, '_> {
    /// Resets what an approval wants to have done again. `false` if that can't be: too many rounds, or the first step had
    /// no part in this run.
    pub fn run_again(&mut self, approval: StepIndex, rerun: &Rerun, feedback: &Json) -> bool {
        let Some(first) = self.execution.definition.position(&rerun.rerun) else {
            return false;
        };
        if self.state(approval).reruns >= rerun.max || self.execution.had_no_part(first) {
            return false;
        }
        let Ok(feedback) = self.keep_output(approval, feedback.clone()) else {
            return false;
        };
        let requested_by = self.id(approval);
        for step in self.execution.steps_to_reset(first, approval) {
            if step != approval {
                self.end_work(step, false);
            }
            let round = self.state(step).round + 1;
            let output = (step == approval).then_some(feedback.value);
            let reset = StepEvent::Reset { round, requested_by: requested_by.clone(), output, kept_feedback: None };
            self.emit(Event::Step(self.id(step), reset));
        }
        self.execution.rebuild_index();
        self.skip_behind_failures();
        true
    }
}

impl Execution {
    fn had_no_part(&self, step: StepIndex) -> bool {
        let StepLife::Skipped { reason } = &self.steps[step].life else {
            return false;
        };
        matches!(
            reason,
            SkipReason::RouteNotTaken
                | SkipReason::DeadPath
                | SkipReason::HandlerNotNeeded
                | SkipReason::UpstreamFailed
        )
    }

    /// The steps that begin a new round, in definition order.
    pub(super) fn steps_to_reset(&self, first: StepIndex, approval: StepIndex) -> Vec<StepIndex> {
        let graph = self.definition.graph();
        let mut range = graph.between(first, approval);
        self.add_handlers(&mut range);
        let downstream = graph.downstream(first, |edge| edge.kind != EdgeKind::Order);
        for (step, state) in self.steps.iter().enumerate() {
            let passed_over = match &state.life {
                StepLife::Skipped { reason } => matches!(
                    reason,
                    SkipReason::RouteNotTaken
                        | SkipReason::DeadPath
                        | SkipReason::ConditionFalse
                        | SkipReason::HandlerNotNeeded
                        | SkipReason::UpstreamFailed
                ),
                StepLife::WaitingApproval { .. } => true,
                _ => false,
            };
            range[step] |= downstream[step] && passed_over;
        }
        let untouched = |step: &StepIndex| {
            let state = &self.steps[*step];
            state.status() == StepStatus::Pending && !state.has_begun()
        };
        (0..self.steps.len()).filter(|step| range[*step] && !untouched(step)).collect()
    }

    /// Adds the handlers of steps in the range, and theirs in turn, unless a failure or a gateway outside of it also leads
    /// to them.
    fn add_handlers(&self, range: &mut [bool]) {
        let graph = self.definition.graph();
        loop {
            let leads_from_outside = |handler: StepIndex, range: &[bool]| {
                let mut edges = graph.incoming(handler).iter();
                edges.any(|edge| {
                    let leads = match edge.kind {
                        EdgeKind::Error => self.is_live(edge),
                        EdgeKind::Route { .. } => self.leads_to(edge),
                        EdgeKind::Plain | EdgeKind::Order => false,
                    };
                    leads && !range[edge.source]
                })
            };
            let new: Vec<StepIndex> = (0..self.steps.len())
                .filter(|step| range[*step])
                .flat_map(|step| graph.outgoing(step))
                .filter(|edge| edge.kind == EdgeKind::Error && !range[edge.target])
                .map(|edge| edge.target)
                .filter(|handler| !leads_from_outside(*handler, range))
                .collect();
            if new.is_empty() {
                return;
            }
            for handler in new {
                range[handler] = true;
            }
        }
    }
}
