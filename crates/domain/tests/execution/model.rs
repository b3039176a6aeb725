//! An independent statement of spec 3.2: given how all steps ended, which of them should have run? Written from the
//! definition's texts alone, as plain as possible; it shares nothing with the aggregate but the types.

use procession_domain::{
    definition::{Definition, GatewayType, OnError, Step, StepKind},
    event::SkipReason,
    execution::{Execution, StepLife},
    value::StepId,
};

#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    Runs,
    Skipped(SkipReason),
}

pub struct Model<'a> {
    execution: &'a Execution,
    definition: &'a Definition,
}

impl<'a> Model<'a> {
    pub fn of(execution: &'a Execution) -> Self {
        Self { execution, definition: execution.definition() }
    }

    /// What should have become of a step.
    pub fn expected(&self, step: &Step) -> Expected {
        if self.comes_after_unhandled_failure(step) {
            return Expected::Skipped(SkipReason::UpstreamFailed);
        }
        let gateways = self.gateways_to(step);
        let sources = self.sources_of(step);
        if !sources.is_empty() {
            return self.expected_handler(step, &sources, &gateways);
        }
        let dependencies = self.dependencies_of(step);
        let none_lives = !dependencies.is_empty() && !dependencies.iter().any(|source| self.lets_run(source, step));
        if gateways.is_empty() {
            return if none_lives { Expected::Skipped(SkipReason::DeadPath) } else { Expected::Runs };
        }
        if none_lives && dependencies.iter().any(|source| self.failed(source)) {
            return Expected::Skipped(SkipReason::DeadPath);
        }
        if gateways.iter().any(|gateway| self.leads(gateway, step)) {
            return Expected::Runs;
        }
        let completed = gateways.iter().any(|gateway| *self.life(gateway) == StepLife::Completed);
        Expected::Skipped(if completed { SkipReason::RouteNotTaken } else { SkipReason::DeadPath })
    }

    fn expected_handler(&self, step: &Step, sources: &[&Step], gateways: &[&Step]) -> Expected {
        let needed = sources.iter().any(|source| self.error_goes_to(source, step));
        if needed || gateways.iter().any(|gateway| self.leads(gateway, step)) {
            return Expected::Runs;
        }
        let never_ran = StepLife::Skipped { reason: SkipReason::UpstreamFailed };
        let gateway_failed =
            gateways.iter().any(|gateway| self.fails_process(gateway) || *self.life(gateway) == never_ran);
        Expected::Skipped(if gateway_failed { SkipReason::UpstreamFailed } else { SkipReason::HandlerNotNeeded })
    }

    /// Downstream of an un-handled failure by plain edges, and by route edges except into handlers.
    fn comes_after_unhandled_failure(&self, step: &Step) -> bool {
        let is_handler = !self.sources_of(step).is_empty();
        let mut above = self.dependencies_of(step);
        if !is_handler {
            above.extend(self.gateways_to(step));
        }
        above.into_iter().any(|source| {
            self.fails_process(source) || *self.life(source) == StepLife::Skipped { reason: SkipReason::UpstreamFailed }
        })
    }

    fn fails_process(&self, step: &Step) -> bool {
        self.failed(step) && !matches!(step.on_error, OnError::GotoStep { .. })
    }

    fn leads(&self, gateway: &Step, step: &Step) -> bool {
        let taken = self.taken(gateway);
        if taken.contains(&step.id.as_str()) {
            return true;
        }
        let StepKind::Gateway(kind) = &gateway.kind else {
            return false;
        };
        kind.gateway_type == GatewayType::Exclusive
            && taken.iter().any(|target| self.live_path(self.step(target), step))
    }

    fn live_path(&self, from: &Step, to: &Step) -> bool {
        self.definition.steps().iter().any(|next| {
            let dependency = self.dependencies_of(next).iter().any(|source| source.id == from.id);
            let live = (dependency && self.lets_run(from, next))
                || self.taken(from).contains(&next.id.as_str())
                || self.error_goes_to(from, next);
            live && (next.id == to.id || self.live_path(next, to))
        })
    }

    fn lets_run(&self, source: &Step, step: &Step) -> bool {
        match self.life(source) {
            StepLife::Completed => true,
            StepLife::Skipped { reason } => {
                step.run_if_skipped || matches!(reason, SkipReason::SkippedAfterError | SkipReason::ApprovalTimeout)
            }
            _ => false,
        }
    }

    fn error_goes_to(&self, source: &Step, handler: &Step) -> bool {
        self.failed(source) && source.on_error == OnError::GotoStep { target_step: handler.id.clone() }
    }

    fn failed(&self, step: &Step) -> bool {
        matches!(self.life(step), StepLife::Failed { .. })
    }

    fn taken(&self, step: &Step) -> Vec<&str> {
        let (_, state) = self.execution.step(&step.id).unwrap();
        state.decision.iter().flat_map(|decision| &decision.taken).map(StepId::as_str).collect()
    }

    fn life(&self, step: &Step) -> &StepLife {
        &self.execution.step(&step.id).unwrap().1.life
    }

    fn step(&self, id: &str) -> &Step {
        self.definition.steps().iter().find(|step| step.id.as_str() == id).unwrap()
    }

    fn gateways_to(&self, step: &Step) -> Vec<&Step> {
        self.definition.steps().iter().filter(|gateway| gateway.route_targets().contains(&&step.id)).collect()
    }

    fn sources_of(&self, step: &Step) -> Vec<&Step> {
        let goes_here = |source: &&Step| source.on_error == OnError::GotoStep { target_step: step.id.clone() };
        self.definition.steps().iter().filter(goes_here).collect()
    }

    fn dependencies_of(&self, step: &Step) -> Vec<&Step> {
        let listed = step.depends_on.iter().map(|id| self.step(id));
        listed.filter(|source| !source.route_targets().contains(&&step.id)).collect()
    }
}
