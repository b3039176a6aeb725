//! Steps that are named: each must exist, and no id may be there twice.

use std::collections::{BTreeSet, HashMap, HashSet};

use procession_domain::definition::{OnError, StepIndex, StepKind};

use crate::{
    code::Code,
    lower::{LoweredStep, Lowering, Mention, MentionKind},
    problem::Problem,
};

/// The steps of the document by id.
pub(super) struct KnownSteps {
    positions: HashMap<String, StepIndex>,
    /// Ids as written that break the rule for ids: reported there, and not again wherever they are named.
    invalid: BTreeSet<String>,
    /// Whether there are steps whose ids can't be known, so that any of them may be meant.
    has_nameless: bool,
    /// In the author's order, for suggestions.
    texts: Vec<String>,
}

impl KnownSteps {
    pub fn index(&self, id: &str) -> Option<StepIndex> {
        self.positions.get(id).copied()
    }

    /// Whether an id certainly is that of no step.
    pub fn is_unknown(&self, id: &str) -> bool {
        !self.has_nameless && !self.positions.contains_key(id) && !self.invalid.contains(id)
    }

    /// Every id as written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }
}

/// Finds the steps' ids; of equal ones the first counts.
pub(super) fn known_steps(steps: &[LoweredStep]) -> KnownSteps {
    let mut known = KnownSteps {
        positions: HashMap::with_capacity(steps.len()),
        invalid: BTreeSet::new(),
        has_nameless: false,
        texts: Vec::with_capacity(steps.len()),
    };
    for (index, lowered) in steps.iter().enumerate() {
        if let Some(text) = &lowered.invalid_id {
            known.has_nameless |= text.is_empty();
            known.invalid.insert(text.clone());
        } else {
            let id = lowered.step.id.as_str().to_owned();
            known.texts.push(id.clone());
            known.positions.entry(id).or_insert(index);
        }
    }
    known
}

/// What is not known of the order of steps, because steps are named that don't exist.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Steps that come after others that are not known.
    pub upstream: HashSet<StepIndex>,
    /// Whether it is not known where some route or error leads.
    pub has_unknown_targets: bool,
}

/// Reports ids that are there twice and mentions of steps that don't exist, and takes these out of the steps, so that
/// what is left makes a graph. What can't be told of that graph comes back.
pub(super) fn check_mentions(cx: &mut Lowering<'_>, steps: &mut [LoweredStep], known: &KnownSteps) -> Gaps {
    let mut gaps = Gaps::default();
    report_duplicates(cx, steps, known);
    for index in 0..steps.len() {
        let mut has_unknown = false;
        for (kind, mention) in &steps[index].mentions {
            if known.index(&mention.text).is_none() {
                has_unknown = true;
                match kind {
                    MentionKind::DependsOn => drop(gaps.upstream.insert(index)),
                    MentionKind::Route | MentionKind::DefaultRoute | MentionKind::Handler => {
                        gaps.has_unknown_targets = true;
                    }
                    MentionKind::Rerun => {}
                }
                if known.is_unknown(&mention.text) {
                    let problem = unknown_step(cx, steps, index, *kind, mention, known);
                    cx.problems.push(problem);
                }
            }
        }
        if has_unknown {
            forget_unknown(&mut steps[index], known);
        }
    }
    gaps
}

fn report_duplicates(cx: &mut Lowering<'_>, steps: &mut [LoweredStep], known: &KnownSteps) {
    for index in 0..steps.len() {
        let lowered = &steps[index];
        let first = known.index(lowered.step.id.as_str());
        let Some(first) = first.filter(|first| *first != index && lowered.invalid_id.is_none()) else { continue };
        let line = cx.source.line(steps[first].id_span.start);
        let message = format!("the id `{}` is used twice; the first step with it is on line {line}", lowered.step.id);
        let problem = Problem::new(Code::DuplicateStep, lowered.id_span, message);
        cx.problems.push(problem.at(format!("{}.id", lowered.path)));
        // The graph wants ids that differ.
        if let Ok(id) = procession_domain::value::StepId::new(format!("step-{index}-with-the-id-of-another")) {
            steps[index].step.id = id;
        }
    }
}

fn unknown_step(
    cx: &Lowering<'_>,
    steps: &[LoweredStep],
    index: StepIndex,
    kind: MentionKind,
    mention: &Mention,
    known: &KnownSteps,
) -> Problem {
    let own = steps[index].step.id.as_str();
    let mut meant = cx.closest(&mention.text, known.texts().filter(|id| *id != own)).map(str::to_owned);
    let mut message = format!("no step is called `{}`", mention.text);
    if meant.is_none() && matches!(kind, MentionKind::Route | MentionKind::DefaultRoute) && cx.problems.has_room() {
        let waiting = waiting_for(steps, index);
        if !waiting.is_empty() {
            let listed: Vec<String> = waiting.iter().map(|id| format!("`{id}`")).collect();
            message =
                format!("{message}; steps that depend on this gateway and are no target of it: {}", listed.join(", "));
            meant = waiting.first().map(|id| (*id).to_owned());
        }
    }
    Problem::new(Code::UnknownStep, mention.span, message).at(&mention.path).suggest(meant)
}

/// Steps that depend on a gateway and are no target of it: one of them is probably meant by an unknown target.
fn waiting_for(steps: &[LoweredStep], gateway: StepIndex) -> Vec<&str> {
    let id = &steps[gateway].step.id;
    let is_target = |candidate: &str| steps[gateway].mentions.iter().any(|(_, mention)| mention.text == candidate);
    steps
        .iter()
        .filter(|lowered| lowered.step.depends_on.contains(id) && !is_target(lowered.step.id.as_str()))
        .map(|lowered| lowered.step.id.as_str())
        .collect()
}

fn forget_unknown(lowered: &mut LoweredStep, known: &KnownSteps) {
    let is_known = |id: &str| known.index(id).is_some();
    let step = &mut lowered.step;
    step.depends_on.retain(|id| is_known(id));
    if step.handler().is_some_and(|handler| !is_known(handler)) {
        step.on_error = OnError::FailProcess;
    }
    match &mut step.kind {
        StepKind::Gateway(gateway) => {
            gateway.routes.retain(|route| is_known(&route.target));
            gateway.default_route = gateway.default_route.take().filter(|target| is_known(target));
        }
        StepKind::HumanApproval(approval) => {
            approval.on_changes_requested = approval.on_changes_requested.take().filter(|rerun| is_known(&rerun.rerun));
        }
        StepKind::AgentTask(_) | StepKind::Timer(_) | StepKind::Notification(_) | StepKind::SubProcess(_) => {}
    }
}
