//! Approvals: what a rejection does, and what is run again when changes are requested (spec 3.5).

use std::collections::{HashMap, HashSet};

use procession_domain::{
    definition::{Ancestors, EdgeKind, Graph, OnReject, Reads, Step, StepIndex, StepKind},
    value::StepId,
};

use super::Written;
use crate::{
    code::Code,
    lower::{Lowering, MentionKind, Owner, TextKind},
    problem::Problem,
};

/// Reports and takes away re-runs of steps that don't come before the approval.
pub(super) fn check_reruns(cx: &mut Lowering<'_>, steps: &mut [Step], written: &Written<'_, '_>) {
    let Ok(graph) = Graph::build(&without_texts(steps)) else { return };
    let flow = Ancestors::by_flow(&graph);
    let positions: HashMap<StepId, StepIndex> =
        steps.iter().enumerate().map(|(index, step)| (step.id.clone(), index)).collect();
    for (index, lowered) in written.steps.iter().enumerate() {
        for (kind, mention) in &lowered.mentions {
            if *kind != MentionKind::Rerun {
                continue;
            }
            let Some(first) = mention.id.as_ref().and_then(|id| positions.get(id)).copied() else { continue };
            if flow.contains(index, first) {
                continue;
            }
            let (first, approval) = (&steps[first].id, &steps[index].id);
            let message = format!("`{first}` does not come before `{approval}`, so it can't be run again by it");
            let problem = Problem::new(Code::RerunNotUpstream, mention.span, message);
            cx.problems.push(problem.at(&mention.path));
            forget_rerun(&mut steps[index]);
        }
    }
}

/// The steps with nothing but the edges that their author wrote.
fn without_texts(steps: &[Step]) -> Vec<Step> {
    let mut bare = steps.to_vec();
    for step in &mut bare {
        step.reads = Reads::default();
        forget_rerun(step);
    }
    bare
}

fn forget_rerun(step: &mut Step) {
    if let StepKind::HumanApproval(approval) = &mut step.kind {
        approval.on_changes_requested = None;
    }
}

/// Derives what a rejection does where the author does not say, and reports the choice where it is not the plain one.
pub(super) fn choose_on_reject(cx: &mut Lowering<'_>, steps: &mut [Step], graph: &Graph, written: &Written<'_, '_>) {
    let askers = steps_that_ask(written);
    for index in 0..steps.len() {
        let lowered = &written.steps[index];
        // A handler, or another explicit reaction to failure, is there to be used.
        if lowered.on_reject.is_some() || lowered.has_on_error || !is_approval(&steps[index]) {
            continue;
        }
        let dependents: Vec<StepIndex> =
            graph.outgoing(index).iter().filter(|edge| edge.kind == EdgeKind::Plain).map(|edge| edge.target).collect();
        let (asking, silent): (Vec<StepIndex>, Vec<StepIndex>) =
            dependents.iter().partition(|dependent| askers.contains(&(index, **dependent)));
        if asking.is_empty() {
            continue;
        }
        let choice = if silent.is_empty() { OnReject::Continue } else { OnReject::Fail };
        let message = match choice {
            OnReject::Continue => format!(
                "a rejection completes this step, since {} for its decision; write `on_reject: continue` to say so, or `on_reject: fail`",
                ask(&names(steps, &asking))
            ),
            OnReject::Fail => format!(
                "a rejection fails this step: {} for its decision, but {} not; write `on_reject: fail` to say so, or `on_reject: continue`",
                ask(&names(steps, &asking)),
                does(&names(steps, &silent))
            ),
        };
        if let StepKind::HumanApproval(approval) = &mut steps[index].kind {
            approval.on_reject = choice;
        }
        let suggestion = match choice {
            OnReject::Continue => "on_reject: continue",
            OnReject::Fail => "on_reject: fail",
        };
        let problem = Problem::new(Code::OnRejectChosen, lowered.id_span, message);
        cx.problems.push(problem.at(&lowered.path).correct(cx.insertion(lowered.room, suggestion)));
    }
}

fn is_approval(step: &Step) -> bool {
    matches!(step.kind, StepKind::HumanApproval(_))
}

/// Pairs of an approval and a step whose condition, or one of whose routes, reads its decision.
fn steps_that_ask(written: &Written<'_, '_>) -> HashSet<(StepIndex, StepIndex)> {
    let mut askers = HashSet::new();
    for read in &written.facts.steps {
        let text = &written.texts[read.text];
        if let (TextKind::Condition, Owner::Step(asker)) = (text.kind, text.owner)
            && read.reads_decision()
        {
            askers.insert((read.step, asker));
        }
    }
    askers
}

/// The steps' names; of many only the first.
fn names(steps: &[Step], indices: &[StepIndex]) -> Vec<String> {
    const MOST_NAMED: usize = 5;
    let mut names: Vec<String> =
        indices.iter().take(MOST_NAMED).map(|index| format!("`{}`", steps[*index].id)).collect();
    if indices.len() > MOST_NAMED {
        names.push(format!("{} more", indices.len() - MOST_NAMED));
    }
    names
}

fn ask(names: &[String]) -> String {
    let verb = if names.len() == 1 { "asks" } else { "ask" };
    format!("{} {verb}", names.join(", "))
}

fn does(names: &[String]) -> String {
    let verb = if names.len() == 1 { "does" } else { "do" };
    format!("{} {verb}", names.join(", "))
}
