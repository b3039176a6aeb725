//! Without an input schema: the fields that a start must bring, because steps certain to run read them (spec 1.1).

use indexmap::IndexMap;
use procession_domain::definition::{Graph, RequiredInput, Step, StepKind, UndefinedRule};

use super::{gateways::in_order, reading::Facts, upstream::is_written};
use crate::lower::{Lowered, Owner, TextKind, TextUse};

/// The fields, in the order in which they are first read, with their readers.
pub(super) fn required_input(
    steps: &[Step],
    graph: &Graph,
    lowered: &Lowered,
    facts: &Facts,
    texts: &[TextUse<'_>],
) -> Vec<RequiredInput> {
    let is_lenient = matches!(lowered.config.undefined, Some(UndefinedRule::Empty | UndefinedRule::Keep));
    if lowered.input.is_some() || is_lenient {
        return Vec::new();
    }
    let certain = certain_steps(steps, graph);
    let mut required: IndexMap<&str, RequiredInput> = IndexMap::new();
    for read in facts.inputs.iter().filter(|read| !read.optional) {
        let text = &texts[read.text];
        let (TextKind::Template, Owner::Step(reader)) = (text.kind, text.owner) else { continue };
        if !certain[reader] {
            continue;
        }
        let reader = &steps[reader].id;
        let new = || RequiredInput { field: read.field.clone(), readers: Vec::new() };
        let readers = &mut required.entry(&read.field).or_insert_with(new).readers;
        // The texts of one step stand together.
        if readers.last() != Some(reader) {
            readers.push(reader.clone());
        }
    }
    required.into_values().collect()
}

/// The steps that run in every execution that does not fail: without a condition, no targets and no handlers, with no
/// gateway before them, and behind no steps or at least one that is certain itself.
fn certain_steps(steps: &[Step], graph: &Graph) -> Vec<bool> {
    let mut certain = vec![false; steps.len()];
    let mut has_gateway_above = vec![false; steps.len()];
    for index in in_order(graph, steps.len()) {
        let written = || graph.incoming(index).iter().filter(|edge| is_written(edge));
        let is_gateway = |step: usize| matches!(steps[step].kind, StepKind::Gateway(_));
        let below_gateway = written().any(|edge| is_gateway(edge.source) || has_gateway_above[edge.source]);
        let is_handler = graph.is_handler(index);
        let follows = written().next().is_none() || written().any(|edge| certain[edge.source]);
        has_gateway_above[index] = below_gateway;
        certain[index] = steps[index].condition.is_none() && !below_gateway && !is_handler && follows;
    }
    certain
}
