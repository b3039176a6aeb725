//! Which steps may run: the edges of spec 3.2.
//!
//! An edge is settled when its source is terminal, and then live or dead. [`Execution::decide`] says what follows for
//! the step at the other end. Nothing here changes anything.

use std::collections::VecDeque;

use super::{
    Execution,
    state::{StepLife, StepState},
};
use crate::{
    definition::{Edge, EdgeKind, GatewayType, StepIndex, StepKind},
    event::SkipReason,
};

/// What the edges into a pending step say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Something is not settled yet.
    Wait,
    /// It runs, if its condition is true.
    Run,
    /// It does not run.
    Skip(SkipReason),
}

/// Whether a gateway leads to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leads {
    Yes,
    No,
    /// A step between the taken route and this one has not ended.
    Unknown,
}

impl Execution {
    /// What the edges into a step say.
    pub(super) fn decide(&self, step: StepIndex) -> Decision {
        let edges = self.definition.graph().incoming(step);
        let unsettled = |edge: &Edge| !self.steps[edge.source].is_terminal();
        if edges.iter().any(|edge| edge.kind == EdgeKind::Order && unsettled(edge)) {
            return Decision::Wait;
        }
        if self.definition.graph().is_handler(step) {
            return self.decide_handler(step, edges);
        }
        if edges.iter().any(unsettled) {
            return Decision::Wait;
        }
        let plain = || edges.iter().filter(|edge| edge.kind == EdgeKind::Plain);
        let no_plain_lives = plain().next().is_some() && !plain().any(|edge| self.is_live(edge));
        let routes: Vec<&Edge> = edges.iter().filter(|edge| is_route(edge)).collect();
        if routes.is_empty() {
            return if no_plain_lives { Decision::Skip(SkipReason::DeadPath) } else { Decision::Run };
        }
        if no_plain_lives && plain().any(|edge| self.has_failed(edge.source)) {
            return Decision::Skip(SkipReason::DeadPath);
        }
        match self.any_leads(&routes) {
            Leads::Yes => Decision::Run,
            Leads::Unknown => Decision::Wait,
            Leads::No if routes.iter().any(|edge| self.has_completed(edge.source)) => {
                Decision::Skip(SkipReason::RouteNotTaken)
            }
            Leads::No => Decision::Skip(SkipReason::DeadPath),
        }
    }

    /// Rule 3: a handler starts at the first error, or when a gateway leads to it, once its dependencies are settled.
    fn decide_handler(&self, step: StepIndex, edges: &[Edge]) -> Decision {
        let unsettled = |edge: &Edge| !self.steps[edge.source].is_terminal();
        let is_dependency = |edge: &Edge| matches!(edge.kind, EdgeKind::Plain | EdgeKind::Route { listed: true });
        if edges.iter().any(|edge| is_dependency(edge) && unsettled(edge)) {
            return Decision::Wait;
        }
        // A handler that was reset also waits for those of its sources that were (spec 3.5).
        let was_reset = |step: StepIndex| self.steps[step].round > 1;
        if was_reset(step) && edges.iter().any(|edge| was_reset(edge.source) && unsettled(edge)) {
            return Decision::Wait;
        }
        if edges.iter().any(|edge| edge.kind == EdgeKind::Error && self.is_live(edge)) {
            return Decision::Run;
        }
        let routes: Vec<&Edge> = edges.iter().filter(|edge| is_route(edge)).collect();
        match self.any_leads(&routes) {
            Leads::Yes => return Decision::Run,
            Leads::Unknown => return Decision::Wait,
            Leads::No => {}
        }
        if edges.iter().any(|edge| edge.kind == EdgeKind::Error && unsettled(edge)) {
            return Decision::Wait;
        }
        if routes.iter().any(|edge| self.bars_the_way(edge.source)) {
            return Decision::Skip(SkipReason::UpstreamFailed);
        }
        Decision::Skip(SkipReason::HandlerNotNeeded)
    }

    /// Whether a settled edge is live; an unsettled one is not.
    pub(super) fn is_live(&self, edge: &Edge) -> bool {
        let source = &self.steps[edge.source];
        match edge.kind {
            EdgeKind::Plain => match &source.life {
                StepLife::Completed => true,
                StepLife::Skipped { reason } => {
                    matches!(reason, SkipReason::SkippedAfterError | SkipReason::ApprovalTimeout)
                        || self.definition.step(edge.target).run_if_skipped
                }
                StepLife::Pending
                | StepLife::Running
                | StepLife::Waiting(_)
                | StepLife::WaitingApproval { .. }
                | StepLife::Failed { .. }
                | StepLife::Cancelled => false,
            },
            EdgeKind::Route { .. } => source.is_terminal() && self.took(source, edge.target),
            EdgeKind::Error => self.has_failed(edge.source),
            EdgeKind::Order => false,
        }
    }

    /// The failed steps whose error goes to a handler, also if it does not want them; the first failure first.
    pub(super) fn failures_for(&self, handler: StepIndex) -> Vec<StepIndex> {
        let edges = self.definition.graph().incoming(handler).iter();
        let mut failed: Vec<StepIndex> =
            edges.filter(|edge| edge.kind == EdgeKind::Error && self.is_live(edge)).map(|edge| edge.source).collect();
        failed.sort_by_key(|step| match self.steps[*step].life {
            StepLife::Failed { order } => order,
            _ => u64::MAX,
        });
        failed
    }

    /// Whether a handler has been skipped by its own condition: failures that point to it are un-handled.
    pub(super) fn is_unwilling_handler(&self, handler: StepIndex) -> bool {
        self.steps[handler].life == StepLife::Skipped { reason: SkipReason::ConditionFalse }
    }

    fn any_leads(&self, routes: &[&Edge]) -> Leads {
        let mut answer = Leads::No;
        for edge in routes {
            match self.leads(edge) {
                Leads::Yes => return Leads::Yes,
                Leads::Unknown => answer = Leads::Unknown,
                Leads::No => {}
            }
        }
        answer
    }

    /// Whether a gateway leads to a step, as far as is known.
    pub(super) fn leads_to(&self, edge: &Edge) -> bool {
        self.leads(edge) == Leads::Yes
    }

    /// Rule 2: a gateway leads to a target if it took that route, or (an exclusive one) took another from which live
    /// edges lead here.
    fn leads(&self, edge: &Edge) -> Leads {
        let gateway = &self.steps[edge.source];
        if !gateway.is_terminal() {
            return Leads::Unknown;
        }
        if self.took(gateway, edge.target) {
            return Leads::Yes;
        }
        let exclusive = matches!(
            &self.definition.step(edge.source).kind,
            StepKind::Gateway(gateway) if gateway.gateway_type == GatewayType::Exclusive
        );
        let taken = gateway.decision.as_ref().and_then(|decision| decision.taken.first());
        let Some(taken) = taken.filter(|_| exclusive).and_then(|taken| self.definition.position(taken)) else {
            return Leads::No;
        };
        if self.live_path_leads(taken, edge.target) {
            return Leads::Yes;
        }
        let between = self.definition.graph().between(taken, edge.target);
        let is_open = |step: StepIndex| step != edge.target && between[step] && !self.steps[step].is_terminal();
        let leads_here = self.definition.graph().upstream(edge.target, |edge| edge.kind != EdgeKind::Order)[taken];
        if leads_here && (0..self.steps.len()).any(is_open) { Leads::Unknown } else { Leads::No }
    }

    fn live_path_leads(&self, from: StepIndex, to: StepIndex) -> bool {
        let mut seen = vec![false; self.steps.len()];
        let mut queue = VecDeque::from([from]);
        while let Some(step) = queue.pop_front() {
            for edge in self.definition.graph().outgoing(step).iter().filter(|edge| self.is_live(edge)) {
                if edge.target == to {
                    return true;
                }
                if !std::mem::replace(&mut seen[edge.target], true) {
                    queue.push_back(edge.target);
                }
            }
        }
        false
    }

    fn took(&self, gateway: &StepState, target: StepIndex) -> bool {
        let target = &self.definition.step(target).id;
        gateway.decision.as_ref().is_some_and(|decision| decision.taken.contains(target))
    }

    fn has_completed(&self, step: StepIndex) -> bool {
        self.steps[step].life == StepLife::Completed
    }

    pub(super) fn has_failed(&self, step: StepIndex) -> bool {
        matches!(self.steps[step].life, StepLife::Failed { .. })
    }
}

const fn is_route(edge: &Edge) -> bool {
    matches!(edge.kind, EdgeKind::Route { .. })
}
