//! Steps that depend on each other in a cycle.

use std::collections::{HashMap, VecDeque};

use petgraph::{algo::tarjan_scc, graph::DiGraph};

use super::{Graph, StepIndex, flow_edges};
use crate::{
    definition::{OnError, Step, StepKind},
    value::StepId,
};

/// How many edges are looked at for further circles, when each knot of steps has one already: a circle through every
/// step of a large knot takes a search each.
const MOST_EDGES_SEARCHED: usize = 1_000_000;

/// Every cycle in what authors wrote and in what their texts read, for the validator to report; names that are unknown
/// or used twice are passed over.
pub fn all_cycles(steps: &[Step]) -> Vec<Vec<StepIndex>> {
    let mut positions: HashMap<&str, StepIndex> = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        positions.entry(step.id.as_str()).or_insert(index);
    }
    let known = |id: &StepId| positions.contains_key(id.as_str());
    let mut pruned = steps.to_vec();
    for step in &mut pruned {
        step.depends_on.retain(known);
        step.reads.steps.retain(known);
        if step.handler().is_some_and(|handler| !known(handler)) {
            step.on_error = OnError::FailProcess;
        }
        if let StepKind::Gateway(gateway) = &mut step.kind {
            gateway.routes.retain(|route| known(&route.target));
            gateway.default_route = gateway.default_route.take().filter(known);
        }
    }
    let Ok(mut edges) = flow_edges(&pruned, &positions) else {
        return Vec::new();
    };
    let flow = Graph::from_edges(pruned.len(), &edges);
    let in_flow = cycles(&flow);
    if !in_flow.is_empty() {
        return in_flow;
    }
    edges.extend(flow.order_edges(&pruned, &positions).unwrap_or_default());
    cycles(&Graph::from_edges(pruned.len(), &edges))
}

/// A cycle of a graph that has one.
pub(super) fn first_cycle(graph: &Graph) -> Vec<StepIndex> {
    let knots = knots(graph);
    knots.first().map(|knot| Search::new(graph, &knots).shortest_cycle(knot[0])).unwrap_or_default()
}

/// Cycles over edges of every kind, each once, as the steps in the order in which they follow each other. Where cycles
/// share steps, the shortest one through each step that no cycle found earlier contains, as far as the work allows.
fn cycles(graph: &Graph) -> Vec<Vec<StepIndex>> {
    let knots = knots(graph);
    let mut search = Search::new(graph, &knots);
    let mut found: Vec<Vec<StepIndex>> = Vec::new();
    let mut is_on_cycle = vec![false; graph.outgoing.len()];
    let mut note = |cycle: Vec<StepIndex>, is_on_cycle: &mut Vec<bool>| {
        for step in &cycle {
            is_on_cycle[*step] = true;
        }
        found.push(cycle);
    };
    for knot in &knots {
        note(search.shortest_cycle(knot[0]), &mut is_on_cycle);
    }
    search.edges_left = MOST_EDGES_SEARCHED;
    for start in knots.iter().flatten() {
        if !is_on_cycle[*start] && search.edges_left > 0 {
            note(search.shortest_cycle(*start), &mut is_on_cycle);
        }
    }
    found.sort();
    found
}

/// The groups of steps of which each can be reached from each, as far as there are cycles in them.
fn knots(graph: &Graph) -> Vec<Vec<StepIndex>> {
    let mut all = DiGraph::<(), ()>::with_capacity(graph.outgoing.len(), 0);
    let nodes: Vec<_> = graph.outgoing.iter().map(|_| all.add_node(())).collect();
    for edge in graph.outgoing.iter().flatten() {
        all.add_edge(nodes[edge.source], nodes[edge.target], ());
    }
    let mut knots = Vec::new();
    for component in tarjan_scc(&all) {
        let mut members: Vec<StepIndex> = component.iter().map(|node| node.index()).collect();
        members.sort_unstable();
        let is_alone = members.len() == 1;
        if !is_alone || graph.outgoing(members[0]).iter().any(|edge| edge.target == members[0]) {
            knots.push(members);
        }
    }
    knots.sort_unstable();
    knots
}

/// A search for cycles, one after the other.
struct Search<'g> {
    graph: &'g Graph,
    /// For each step the knot it belongs to: no cycle leaves its knot.
    knot_of: Vec<Option<usize>>,
    /// For each step the search that reached it last, and from where.
    reached: Vec<(usize, StepIndex)>,
    searches: usize,
    edges_left: usize,
}

impl<'g> Search<'g> {
    fn new(graph: &'g Graph, knots: &[Vec<StepIndex>]) -> Self {
        let mut knot_of = vec![None; graph.outgoing.len()];
        for (knot, members) in knots.iter().enumerate() {
            for step in members {
                knot_of[*step] = Some(knot);
            }
        }
        let reached = vec![(0, 0); graph.outgoing.len()];
        Self { graph, knot_of, reached, searches: 0, edges_left: usize::MAX }
    }

    /// The shortest cycle through a step that is on one.
    fn shortest_cycle(&mut self, start: StepIndex) -> Vec<StepIndex> {
        self.searches += 1;
        let search = self.searches;
        let mut queue = VecDeque::from([start]);
        'search: while let Some(step) = queue.pop_front() {
            for edge in self.graph.outgoing(step) {
                self.edges_left = self.edges_left.saturating_sub(1);
                if self.reached[edge.target].0 == search || self.knot_of[edge.target] != self.knot_of[start] {
                    continue;
                }
                self.reached[edge.target] = (search, step);
                if edge.target == start {
                    break 'search;
                }
                queue.push_back(edge.target);
            }
        }
        let mut cycle = vec![start];
        let mut step = self.reached[start].1;
        while step != start {
            cycle.push(step);
            step = self.reached[step].1;
        }
        cycle[1..].reverse();
        cycle
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Edge, *};
    use crate::definition::EdgeKind;

    fn graph(steps: usize, edges: impl IntoIterator<Item = (StepIndex, StepIndex)>) -> Graph {
        let edges: Vec<Edge> =
            edges.into_iter().map(|(source, target)| Edge { source, target, kind: EdgeKind::Plain }).collect();
        Graph::from_edges(steps, &edges)
    }

    #[test]
    fn each_knot_has_a_circle_and_every_step_of_it_is_on_one() {
        let two_rings = graph(7, [(0, 1), (1, 0), (1, 2), (2, 3), (3, 4), (4, 2), (4, 5), (5, 4), (6, 6)]);
        assert_eq!(cycles(&two_rings), [vec![0, 1], vec![2, 3, 4], vec![5, 4], vec![6]]);
    }

    #[test]
    fn the_search_for_circles_ends_with_its_work() {
        // Each step leads to all others that come after it, and the last one back to the first two: every circle is
        // short, but each search looks at nearly every edge.
        let steps = 2_000;
        let forward = (0..steps).flat_map(|step| (step + 1..steps).step_by(29).map(move |next| (step, next)));
        let dense = graph(steps, forward.chain([(steps - 1, 0), (steps - 1, 1), (steps - 1, 2)]));
        let knots = knots(&dense);
        let mut search = Search::new(&dense, &knots);
        let edges: usize = dense.outgoing.iter().map(Vec::len).sum();
        for start in 0..3 {
            search.edges_left = usize::MAX;
            search.shortest_cycle(start);
            assert!(usize::MAX - search.edges_left <= edges, "no edge is looked at twice in one search");
        }
        let found = cycles(&dense);
        assert!(!found.is_empty() && found.len() < steps, "{}", found.len());
        for cycle in &found {
            let next = cycle.iter().cycle().skip(1);
            for (step, next) in cycle.iter().zip(next) {
                assert!(dense.outgoing(*step).iter().any(|edge| edge.target == *next), "{cycle:?}");
            }
        }
    }
}
