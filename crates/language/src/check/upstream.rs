//! Steps that are read should come before their reader (spec 1.11, 3.2).

use std::collections::{HashMap, HashSet};

use procession_domain::definition::{Ancestors, Edge, EdgeKind, Graph, Step, StepIndex, StepKind};

use super::Written;
use crate::{
    code::Code,
    lower::{Lowering, Owner},
    problem::Problem,
};

/// Whether an edge was written by the author, rather than made by what a text reads.
pub(super) fn is_written(edge: &Edge) -> bool {
    edge.kind != EdgeKind::Order
}

/// Warns of each step that another one reads without coming after it: the reader will wait for it. Nothing is said of
/// readers that come after steps which are not known.
pub(super) fn check_upstream<'d>(
    cx: &mut Lowering<'d>,
    steps: &[Step],
    graph: &Graph,
    written: &Written<'_, 'd>,
    gaps: &HashSet<StepIndex>,
) {
    let above = Ancestors::of(graph);
    let reruns = first_rerun_steps(steps);
    let mut flow = None;
    let mut reported = HashSet::new();
    for read in &written.facts.steps {
        let Owner::Step(reader) = written.texts[read.text].owner else { continue };
        let has_gap = gaps.contains(&reader) || gaps.iter().any(|gap| above.contains(reader, *gap));
        if reader == read.step || has_gap || above.contains(reader, read.step) {
            continue;
        }
        let flow = flow.get_or_insert_with(|| Ancestors::by_flow(graph));
        // The steps that an approval can have run again may read what was said in the last round.
        let is_rerun = reruns.get(&read.step).is_some_and(|first| flow.lies_between(*first, reader, read.step));
        if is_rerun || flow.contains(reader, read.step) || !reported.insert((reader, read.step)) {
            continue;
        }
        let (reader, source) = (&steps[reader].id, &steps[read.step].id);
        let message = format!(
            "`{source}` does not come before `{reader}`, which reads it and will therefore wait for it; write `depends_on: [{source}]` if it should run only after it"
        );
        let text = &written.texts[read.text];
        let problem = Problem::new(Code::NotUpstream, cx.place(text, &read.range), message);
        cx.problems.push(problem.at(&text.path));
    }
}

/// For each approval that can have steps run again, the first of these.
fn first_rerun_steps(steps: &[Step]) -> HashMap<StepIndex, StepIndex> {
    let positions: HashMap<&str, StepIndex> =
        steps.iter().enumerate().map(|(index, step)| (step.id.as_str(), index)).collect();
    let mut first_steps = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        if let StepKind::HumanApproval(approval) = &step.kind
            && let Some(rerun) = &approval.on_changes_requested
            && let Some(first) = positions.get(rerun.rerun.as_str())
        {
            first_steps.insert(index, *first);
        }
    }
    first_steps
}
