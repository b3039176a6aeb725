//! Steps that are read should come before their reader (spec 1.11, 3.2).

use std::collections::{HashMap, HashSet};

use procession_domain::definition::{Ancestors, Edge, EdgeKind, Graph, Step, StepIndex, StepKind};

use super::Written;
use crate::{
    code::Code,
    diagnostic::Problem,
    lower::{Lowering, Owner},
};

/// Whether an edge was written by the author, rather than made by what a text reads.
pub(super) fn is_written(edge: &Edge) -> bool {
    edge.kind != EdgeKind::Order
}

/// Warns of each step that another one reads without coming after it: the reader will wait for it.
pub(super) fn check_upstream(
    cx: &mut Lowering<'_>,
    steps: &[Step],
    graph: &Graph,
    above: &Ancestors,
    written: &Written<'_, '_>,
) {
    let reruns = rerun_ranges(steps, graph);
    // Readers of steps that are not plainly above them, which are few.
    let mut upstream: HashMap<StepIndex, Vec<bool>> = HashMap::new();
    let mut reported = HashSet::new();
    for read in &written.facts.steps {
        let Owner::Step(reader) = written.texts[read.text].owner else { continue };
        let is_known_above = reader == read.step || above.contains(reader, read.step);
        if is_known_above || reruns.get(&read.step).is_some_and(|range| range[reader]) {
            continue;
        }
        let reached = upstream.entry(reader).or_insert_with(|| graph.upstream(reader, is_written));
        if reached[read.step] || !reported.insert((reader, read.step)) {
            continue;
        }
        let (reader, source) = (&steps[reader].id, &steps[read.step].id);
        let message = format!(
            "`{source}` does not come before `{reader}`, which reads it and will therefore wait for it; write `depends_on: [{source}]` if it should run only after it"
        );
        let text = &written.texts[read.text];
        let problem = Problem::new(Code::NotUpstream, text.place(cx.source, &read.range), message);
        cx.problems.push(problem.at(&text.path));
    }
}

/// The steps that each approval can have run again, itself among them: they may read what was said in the last round.
fn rerun_ranges(steps: &[Step], graph: &Graph) -> HashMap<StepIndex, Vec<bool>> {
    let positions: HashMap<&str, StepIndex> =
        steps.iter().enumerate().map(|(index, step)| (step.id.as_str(), index)).collect();
    let mut ranges = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        if let StepKind::HumanApproval(approval) = &step.kind
            && let Some(rerun) = &approval.on_changes_requested
            && let Some(first) = positions.get(rerun.rerun.as_str())
        {
            ranges.insert(index, graph.between(*first, index));
        }
    }
    ranges
}
