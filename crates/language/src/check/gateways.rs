//! Gateways and what they lead to: steps that run whatever the route, and steps that nothing reaches (spec 1.3, 3.2).

use std::collections::HashSet;

use procession_domain::{
    definition::{Edge, EdgeKind, GatewayType, Graph, OnError, Step, StepIndex, StepKind, TimeoutAction},
    value::StepId,
};

use super::Written;
use crate::{
    code::Code,
    lower::{Lowering, MentionKind, Owner, TextKind},
    problem::Problem,
};

/// A step that depends on an exclusive gateway without being its target runs whatever the route. That is meant where its
/// condition looks at the route.
pub(super) fn check_bystanders(cx: &mut Lowering<'_>, steps: &[Step], graph: &Graph, written: &Written<'_, '_>) {
    let mut looks_at: HashSet<(StepIndex, StepIndex)> = HashSet::new();
    for read in &written.facts.steps {
        let text = &written.texts[read.text];
        if let (TextKind::Condition, Owner::Step(reader)) = (text.kind, text.owner) {
            looks_at.insert((reader, read.step));
        }
    }
    for (index, step) in steps.iter().enumerate() {
        let gateways: HashSet<&StepId> = graph
            .incoming(index)
            .iter()
            .filter(|edge| edge.kind == EdgeKind::Plain && is_exclusive(&steps[edge.source]))
            .filter(|edge| !looks_at.contains(&(index, edge.source)))
            .map(|edge| &steps[edge.source].id)
            .collect();
        for (kind, mention) in &written.steps[index].mentions {
            let Some(gateway) = mention.id.as_ref().filter(|id| gateways.contains(id)) else { continue };
            if *kind != MentionKind::DependsOn {
                continue;
            }
            let message = format!(
                "`{}` runs whatever route `{gateway}` takes, since no route leads to it; add a route to it, or a condition on `steps.{gateway}.output.route`",
                step.id
            );
            let problem = Problem::new(Code::RunsWhateverRoute, mention.span, message);
            cx.problems.push(problem.at(&mention.path));
        }
    }
}

fn is_exclusive(step: &Step) -> bool {
    matches!(&step.kind, StepKind::Gateway(gateway) if gateway.gateway_type == GatewayType::Exclusive)
}

/// Reports steps that can't run in any execution, because nothing that leads to them can.
pub(super) fn check_reached(cx: &mut Lowering<'_>, steps: &[Step], graph: &Graph, written: &Written<'_, '_>) {
    let mut may_run = vec![false; steps.len()];
    for index in in_order(graph, steps.len()) {
        let reached = is_reached(steps, graph, index, &may_run);
        // A step that is switched off by `condition: false` is off on purpose.
        may_run[index] = reached && !is_switched_off(&steps[index]);
        if !reached {
            let lowered = &written.steps[index];
            let message = format!("nothing ever leads to `{}`, so it never runs", steps[index].id);
            let problem = Problem::new(Code::UnreachedStep, lowered.id_span, message);
            cx.problems.push(problem.at(&lowered.path));
        }
    }
}

/// The steps so that each comes after those before it.
pub(super) fn in_order(graph: &Graph, steps: usize) -> Vec<StepIndex> {
    let mut waiting: Vec<usize> = (0..steps).map(|step| graph.incoming(step).len()).collect();
    let mut order: Vec<StepIndex> = (0..steps).filter(|step| waiting[*step] == 0).collect();
    let mut done = 0;
    while let Some(step) = order.get(done).copied() {
        done += 1;
        for edge in graph.outgoing(step) {
            waiting[edge.target] -= 1;
            if waiting[edge.target] == 0 {
                order.push(edge.target);
            }
        }
    }
    order
}

fn is_switched_off(step: &Step) -> bool {
    step.condition.as_ref().is_some_and(|condition| condition.text.trim().eq_ignore_ascii_case("false"))
}

/// Whether an edge to the step can be live in some execution, or it needs none.
fn is_reached(steps: &[Step], graph: &Graph, index: StepIndex, may_run: &[bool]) -> bool {
    let edges = graph.incoming(index);
    let of = |wanted: &dyn Fn(&Edge) -> bool| -> Vec<&Edge> { edges.iter().filter(|edge| wanted(edge)).collect() };
    let plain = of(&|edge| edge.kind == EdgeKind::Plain);
    let routes = of(&|edge| matches!(edge.kind, EdgeKind::Route { .. }));
    let errors = of(&|edge| edge.kind == EdgeKind::Error);
    let routed = routes.iter().any(|edge| gateway_may_take(&steps[edge.source], &steps[index], may_run[edge.source]));
    if !errors.is_empty() {
        return routed || errors.iter().any(|edge| may_run[edge.source]);
    }
    if !routes.is_empty() {
        // A target that also comes after another one is reached through it (spec 3.2, rule 2).
        return routed || plain.iter().any(|edge| may_run[edge.source]);
    }
    let is_live =
        |edge: &&Edge| may_run[edge.source] || steps[index].run_if_skipped || ends_skipped_alive(&steps[edge.source]);
    plain.is_empty() || plain.iter().any(is_live)
}

/// Whether a step that is skipped may still count as live for what follows.
fn ends_skipped_alive(step: &Step) -> bool {
    let skips_on_deadline = match &step.kind {
        StepKind::HumanApproval(approval) => approval.timeout_action == TimeoutAction::Skip,
        StepKind::AgentTask(_)
        | StepKind::Gateway(_)
        | StepKind::Timer(_)
        | StepKind::Notification(_)
        | StepKind::SubProcess(_) => false,
    };
    // Both need the step to start, which one without any condition of its own does if it is reached.
    (step.on_error == OnError::SkipStep || skips_on_deadline) && step.condition.is_none()
}

/// Whether a gateway can take a route to `target`. One that is switched off still takes its default route.
fn gateway_may_take(gateway: &Step, target: &Step, may_run: bool) -> bool {
    let StepKind::Gateway(kind) = &gateway.kind else { return false };
    let is_default = kind.default_route.as_ref() == Some(&target.id);
    if !may_run {
        return is_default && is_switched_off(gateway);
    }
    let literal = |text: &str| match text.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let mut hidden = false;
    for route in &kind.routes {
        let outcome = route.condition.as_ref().map_or(Some(true), |condition| literal(&condition.text));
        if outcome != Some(false) && !hidden && route.target == target.id {
            return true;
        }
        hidden |= outcome == Some(true) && kind.gateway_type == GatewayType::Exclusive;
    }
    let always_routed = kind
        .routes
        .iter()
        .any(|route| route.condition.as_ref().map_or(Some(true), |condition| literal(&condition.text)) == Some(true));
    is_default && !always_routed
}
