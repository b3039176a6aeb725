//! The edges between steps (spec 3.2), derived from a definition's texts once, when it is checked or loaded.

mod ancestors;
mod cycles;

use std::collections::{HashMap, HashSet, VecDeque};

pub use ancestors::Ancestors;
pub use cycles::all_cycles;

use self::cycles::first_cycle;
use super::{HumanApproval, Rerun, Step, StepKind};
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
    #[error("{} depend on each other in a cycle", names(.0))]
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
        let order_edges = flow.order_edges(steps, &positions)?;
        let mut graph = flow;
        if !order_edges.is_empty() {
            edges.extend(order_edges);
            graph = Self::from_edges(steps.len(), &edges);
            graph.refuse_cycles(steps)?;
        }
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
        if steps.iter().all(|step| step.reads.steps.is_empty()) {
            return Ok(Vec::new());
        }
        let above = Ancestors::of(self);
        let mut flow = None;
        let mut edges = Vec::new();
        for (reader, step) in steps.iter().enumerate() {
            for read in &step.reads.steps {
                let source = position(positions, &step.id, read)?;
                if source == reader || above.contains(reader, source) {
                    continue;
                }
                // A step that an approval can have run again reads the last round's feedback, and does not wait for it
                // (spec 3.5).
                let is_rerun = rerun_of(&steps[source]).is_some_and(|rerun| {
                    let first = positions.get(rerun.rerun.as_str());
                    let flow = flow.get_or_insert_with(|| Ancestors::by_flow(self));
                    first.is_some_and(|first| flow.lies_between(*first, reader, source))
                });
                if !is_rerun {
                    edges.push(Edge { source, target: reader, kind: EdgeKind::Order });
                }
            }
        }
        Ok(edges)
    }

    fn check_reruns(&self, steps: &[Step], positions: &HashMap<&str, StepIndex>) -> Result<(), GraphError> {
        let mut flow = None;
        for (approval, step) in steps.iter().enumerate() {
            let Some(rerun) = rerun_of(step) else { continue };
            let first = position(positions, &step.id, &rerun.rerun)?;
            let flow = flow.get_or_insert_with(|| Ancestors::by_flow(self));
            if !flow.contains(approval, first) {
                return Err(GraphError::RerunNotUpstream { approval: step.id.clone(), step: rerun.rerun.clone() });
            }
        }
        Ok(())
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
        if self.topological().len() == steps.len() {
            return Ok(());
        }
        let cycle = first_cycle(self);
        Err(GraphError::Cycle(cycle.into_iter().map(|step| steps[step].id.clone()).collect()))
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

/// The edges that authors write: dependencies, routes and handlers.
fn flow_edges(steps: &[Step], positions: &HashMap<&str, StepIndex>) -> Result<Vec<Edge>, GraphError> {
    let mut edges = Vec::new();
    let mut routes: HashSet<(StepIndex, StepIndex)> = HashSet::new();
    for (source, step) in steps.iter().enumerate() {
        for target in step.route_targets() {
            routes.insert((source, position(positions, &step.id, target)?));
        }
    }
    // For each step the last one that was found to depend on it: what a list names twice is one edge.
    let mut last_dependent = vec![usize::MAX; steps.len()];
    for (target, step) in steps.iter().enumerate() {
        for dependency in &step.depends_on {
            let source = position(positions, &step.id, dependency)?;
            if std::mem::replace(&mut last_dependent[source], target) == target {
                continue;
            }
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

const fn rerun_of(step: &Step) -> Option<&Rerun> {
    match &step.kind {
        StepKind::HumanApproval(HumanApproval { on_changes_requested, .. }) => on_changes_requested.as_ref(),
        StepKind::AgentTask(_)
        | StepKind::Gateway(_)
        | StepKind::Timer(_)
        | StepKind::Notification(_)
        | StepKind::SubProcess(_) => None,
    }
}

fn position(positions: &HashMap<&str, StepIndex>, step: &StepId, target: &StepId) -> Result<StepIndex, GraphError> {
    let unknown = || GraphError::UnknownStep { step: step.clone(), target: target.clone() };
    positions.get(target.as_str()).copied().ok_or_else(unknown)
}

fn names(steps: &[StepId]) -> String {
    let mut names: Vec<String> = steps.iter().map(|step| format!("`{step}`")).collect();
    if let Some(first) = names.first().cloned() {
        names.push(first);
    }
    names.join(" → ")
}
