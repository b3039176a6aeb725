//! The edges between steps (spec 3.2), derived from a definition's texts once, when it is checked or loaded.

use std::collections::{HashMap, HashSet, VecDeque};

use petgraph::{algo::tarjan_scc, graph::DiGraph};

use super::{HumanApproval, Step, StepKind};
use crate::value::StepId;

/// A step's place in the definition, counted from 0.
pub type StepIndex = usize;

/// Why one step waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeKind {
    /// `depends_on`.
    Plain,
    /// From a gateway to one of its targets.
    Route {
        /// Whether the target also lists the gateway in `depends_on`.
        listed: bool,
    },
    /// From a step to its error handler.
    Error,
    /// From a step to one that reads it without coming after it.
    Order,
}

/// One edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Where it starts.
    pub source: StepIndex,
    /// Where it ends.
    pub target: StepIndex,
    /// Its kind.
    pub kind: EdgeKind,
}

/// Why steps make no graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Two steps have one id.
    #[error("the step id `{0}` is used twice")]
    DuplicateStep(StepId),
    /// A step names one that does not exist.
    #[error("`{step}` names the step `{target}`, which does not exist")]
    UnknownStep {
        /// The naming step.
        step: StepId,
        /// The missing one.
        target: StepId,
    },
    /// An approval wants to run a step again that is not upstream of it.
    #[error("`{approval}` can't run `{step}` again, which is not upstream of it")]
    RerunNotUpstream {
        /// The approval.
        approval: StepId,
        /// The step.
        step: StepId,
    },
    /// Steps wait for each other.
    #[error("{} wait for each other in a circle", names(.0))]
    Cycle(Vec<StepId>),
}

/// The edges of a definition, by their ends, and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    incoming: Vec<Vec<Edge>>,
    outgoing: Vec<Vec<Edge>>,
    levels: Vec<u32>,
}

impl Graph {
    /// The graph of these steps; refused if a name is unknown or used twice, or if edges of any kind form a cycle.
    pub fn build(steps: &[Step]) -> Result<Self, GraphError> {
        let mut positions: HashMap<&str, StepIndex> = HashMap::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            if positions.insert(step.id.as_str(), index).is_some() {
                return Err(GraphError::DuplicateStep(step.id.clone()));
            }
        }
        let mut edges = flow_edges(steps, &positions)?;
        let flow = Self::from_edges(steps.len(), &edges);
        flow.refuse_cycles(steps)?;
        flow.check_reruns(steps, &positions)?;
        edges.extend(flow.order_edges(steps, &positions)?);
        let mut graph = Self::from_edges(steps.len(), &edges);
        graph.refuse_cycles(steps)?;
        graph.levels = graph.longest_paths();
        Ok(graph)
    }

    /// The edges that end at a step, in the order in which its `depends_on`, gateways, sources and reads stand.
    pub fn incoming(&self, step: StepIndex) -> &[Edge] {
        self.incoming.get(step).map_or(&[], Vec::as_slice)
    }

    /// The edges that start at a step.
    pub fn outgoing(&self, step: StepIndex) -> &[Edge] {
        self.outgoing.get(step).map_or(&[], Vec::as_slice)
    }

    /// Whether errors lead to this step (spec 3.2, rule 3).
    pub fn is_handler(&self, step: StepIndex) -> bool {
        self.incoming(step).iter().any(|edge| edge.kind == EdgeKind::Error)
    }

    /// The number of edges on the longest path from an entry step, order-only edges not counted.
    pub fn level(&self, step: StepIndex) -> u32 {
        self.levels.get(step).copied().unwrap_or(0)
    }

    /// All steps that can be reached from `start` over edges that `follow` admits, without `start` itself.
    pub fn downstream(&self, start: StepIndex, follow: impl Fn(&Edge) -> bool) -> Vec<bool> {
        self.reach(start, |step| self.outgoing(step), |edge| edge.target, follow)
    }

    /// All steps from which `start` can be reached over edges that `follow` admits, without `start` itself.
    pub fn upstream(&self, start: StepIndex, follow: impl Fn(&Edge) -> bool) -> Vec<bool> {
        self.reach(start, |step| self.incoming(step), |edge| edge.source, follow)
    }

    fn reach<'a>(
        &'a self,
        start: StepIndex,
        edges: impl Fn(StepIndex) -> &'a [Edge],
        next: impl Fn(&Edge) -> StepIndex,
        follow: impl Fn(&Edge) -> bool,
    ) -> Vec<bool> {
        let mut reached = vec![false; self.outgoing.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(step) = queue.pop_front() {
            for edge in edges(step).iter().filter(|edge| follow(edge)) {
                let step = next(edge);
                if !reached[step] {
                    reached[step] = true;
                    queue.push_back(step);
                }
            }
        }
        reached
    }

    fn from_edges(steps: usize, edges: &[Edge]) -> Self {
        let mut graph =
            Self { incoming: vec![Vec::new(); steps], outgoing: vec![Vec::new(); steps], levels: vec![0; steps] };
        for edge in edges {
            graph.incoming[edge.target].push(*edge);
            graph.outgoing[edge.source].push(*edge);
        }
        graph
    }

    /// Edges from steps that are read by one that does not come after them.
    fn order_edges(&self, steps: &[Step], positions: &HashMap<&str, StepIndex>) -> Result<Vec<Edge>, GraphError> {
        let above = Ancestors::of(self);
        let mut edges = Vec::new();
        for (reader, step) in steps.iter().enumerate() {
            for read in &step.reads.steps {
                let source = position(positions, &step.id, read)?;
                if source != reader && !above.contains(reader, source) && !self.reruns(steps, source, reader) {
                    edges.push(Edge { source, target: reader, kind: EdgeKind::Order });
                }
            }
        }
        Ok(edges)
    }

    fn check_reruns(&self, steps: &[Step], positions: &HashMap<&str, StepIndex>) -> Result<(), GraphError> {
        for (approval, step) in steps.iter().enumerate() {
            let StepKind::HumanApproval(HumanApproval { on_changes_requested: Some(rerun), .. }) = &step.kind else {
                continue;
            };
            let first = position(positions, &step.id, &rerun.rerun)?;
            if !self.upstream(approval, |edge| edge.kind != EdgeKind::Order)[first] {
                return Err(GraphError::RerunNotUpstream { approval: step.id.clone(), step: rerun.rerun.clone() });
            }
        }
        Ok(())
    }

    /// Whether `approval` can ask for `step` to run again: then the step reads the last round's feedback, and does not
    /// wait for it (spec 3.5).
    fn reruns(&self, steps: &[Step], approval: StepIndex, step: StepIndex) -> bool {
        let StepKind::HumanApproval(HumanApproval { on_changes_requested: Some(rerun), .. }) = &steps[approval].kind
        else {
            return false;
        };
        let Some(first) = steps.iter().position(|step| step.id == rerun.rerun) else {
            return false;
        };
        self.between(first, approval)[step]
    }

    /// The steps on paths from `first` to `last`, both included, order-only edges not counted; all `false` when no path
    /// leads there.
    pub fn between(&self, first: StepIndex, last: StepIndex) -> Vec<bool> {
        let flow = |edge: &Edge| edge.kind != EdgeKind::Order;
        let (mut after, mut before) = (self.downstream(first, flow), self.upstream(last, flow));
        (after[first], before[last]) = (true, true);
        after.iter().zip(&before).map(|(after, before)| *after && *before).collect()
    }

    fn refuse_cycles(&self, steps: &[Step]) -> Result<(), GraphError> {
        match cycles(self).into_iter().next() {
            None => Ok(()),
            Some(cycle) => Err(GraphError::Cycle(cycle.into_iter().map(|step| steps[step].id.clone()).collect())),
        }
    }

    fn longest_paths(&self) -> Vec<u32> {
        let mut levels = vec![0; self.incoming.len()];
        for step in self.topological() {
            for edge in self.outgoing(step).iter().filter(|edge| edge.kind != EdgeKind::Order) {
                levels[edge.target] = levels[edge.target].max(levels[step] + 1);
            }
        }
        levels
    }

    /// The steps in an order in which every edge points forward; steps on cycles are left out.
    fn topological(&self) -> Vec<StepIndex> {
        let mut waiting: Vec<usize> = self.incoming.iter().map(Vec::len).collect();
        let mut order: Vec<StepIndex> = (0..waiting.len()).filter(|step| waiting[*step] == 0).collect();
        let mut done = 0;
        while let Some(step) = order.get(done).copied() {
            done += 1;
            for edge in self.outgoing(step) {
                waiting[edge.target] -= 1;
                if waiting[edge.target] == 0 {
                    order.push(edge.target);
                }
            }
        }
        order
    }
}

/// Which steps lie above which by plain and route edges, into handlers by plain ones only: what a text may read without
/// adding an edge (spec 3.2).
pub struct Ancestors {
    rows: Vec<Vec<u64>>,
}

impl Ancestors {
    /// The relation for a graph without cycles; steps on cycles have no ancestors.
    pub fn of(graph: &Graph) -> Self {
        let steps = graph.incoming.len();
        let mut rows = vec![vec![0_u64; steps.div_ceil(64)]; steps];
        for step in graph.topological() {
            let handler = graph.is_handler(step);
            let mut row = std::mem::take(&mut rows[step]);
            for edge in graph.incoming(step) {
                let counts = match edge.kind {
                    EdgeKind::Plain => true,
                    EdgeKind::Route { .. } => !handler,
                    EdgeKind::Error | EdgeKind::Order => false,
                };
                if counts {
                    for (word, above) in row.iter_mut().zip(&rows[edge.source]) {
                        *word |= above;
                    }
                    row[edge.source / 64] |= 1 << (edge.source % 64);
                }
            }
            rows[step] = row;
        }
        Self { rows }
    }

    /// Whether `above` lies above `step`.
    pub fn contains(&self, step: StepIndex, above: StepIndex) -> bool {
        self.rows[step][above / 64] & (1 << (above % 64)) != 0
    }
}

/// The edges that authors write: dependencies, routes and handlers.
fn flow_edges(steps: &[Step], positions: &HashMap<&str, StepIndex>) -> Result<Vec<Edge>, GraphError> {
    let mut edges = Vec::new();
    let mut routes: HashSet<(StepIndex, StepIndex)> = HashSet::new();
    for (source, step) in steps.iter().enumerate() {
        for target in step.route_targets() {
            routes.insert((source, position(positions, &step.id, target)?));
        }
    }
    for (target, step) in steps.iter().enumerate() {
        let mut seen = Vec::new();
        for dependency in &step.depends_on {
            let source = position(positions, &step.id, dependency)?;
            if seen.contains(&source) {
                continue;
            }
            seen.push(source);
            if !routes.contains(&(source, target)) {
                edges.push(Edge { source, target, kind: EdgeKind::Plain });
            }
        }
    }
    for (source, step) in steps.iter().enumerate() {
        for target in step.route_targets() {
            let target = position(positions, &step.id, target)?;
            let listed = steps[target].depends_on.contains(&step.id);
            edges.push(Edge { source, target, kind: EdgeKind::Route { listed } });
        }
        if let Some(handler) = step.handler() {
            edges.push(Edge { source, target: position(positions, &step.id, handler)?, kind: EdgeKind::Error });
        }
    }
    Ok(edges)
}

fn position(positions: &HashMap<&str, StepIndex>, step: &StepId, target: &StepId) -> Result<StepIndex, GraphError> {
    let unknown = || GraphError::UnknownStep { step: step.clone(), target: target.clone() };
    positions.get(target.as_str()).copied().ok_or_else(unknown)
}

/// Cycles over edges of every kind, each once, as the steps in the order in which they follow each other. Where cycles
/// share steps, enough are named that breaking all of them leaves none.
fn cycles(graph: &Graph) -> Vec<Vec<StepIndex>> {
    let mut all = DiGraph::<(), ()>::with_capacity(graph.outgoing.len(), 0);
    let nodes: Vec<_> = graph.outgoing.iter().map(|_| all.add_node(())).collect();
    for edge in graph.outgoing.iter().flatten() {
        all.add_edge(nodes[edge.source], nodes[edge.target], ());
    }
    let mut found = Vec::new();
    for component in tarjan_scc(&all) {
        let mut members: Vec<StepIndex> = component.iter().map(|node| node.index()).collect();
        members.sort_unstable();
        let alone = members.len() == 1;
        if !alone || graph.outgoing(members[0]).iter().any(|edge| edge.target == members[0]) {
            found.extend(cycles_among(graph, &members));
        }
    }
    found.sort();
    found
}

/// The shortest cycle through each step that no cycle found earlier already contains.
fn cycles_among(graph: &Graph, members: &[StepIndex]) -> Vec<Vec<StepIndex>> {
    let mut found: Vec<Vec<StepIndex>> = Vec::new();
    for start in members {
        if found.iter().any(|cycle| cycle.contains(start)) {
            continue;
        }
        let mut came_from: HashMap<StepIndex, StepIndex> = HashMap::new();
        let mut queue = VecDeque::from([*start]);
        'search: while let Some(step) = queue.pop_front() {
            for edge in graph.outgoing(step) {
                if members.binary_search(&edge.target).is_err() || came_from.contains_key(&edge.target) {
                    continue;
                }
                came_from.insert(edge.target, step);
                if edge.target == *start {
                    break 'search;
                }
                queue.push_back(edge.target);
            }
        }
        let mut cycle = vec![*start];
        let mut step = came_from.get(start).copied();
        while let Some(before) = step.filter(|before| before != start) {
            cycle.push(before);
            step = came_from.get(&before).copied();
        }
        cycle[1..].reverse();
        found.push(cycle);
    }
    found
}

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
            step.on_error = super::OnError::FailProcess;
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

fn names(steps: &[StepId]) -> String {
    let mut names: Vec<String> = steps.iter().map(|step| format!("`{step}`")).collect();
    if let Some(first) = names.first().cloned() {
        names.push(first);
    }
    names.join(" → ")
}
