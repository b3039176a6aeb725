//! Which steps lie above which, as rows of bits: one look answers what a search would have to find out each time.

use super::{Edge, EdgeKind, Graph, StepIndex};

/// Which steps lie above which.
#[derive(Debug)]
pub struct Ancestors {
    /// One row for each step, with a bit for each step above it.
    bits: Vec<u64>,
    words_in_a_row: usize,
}

impl Ancestors {
    /// The steps above by plain and route edges, into handlers by plain ones only: what a text may read without adding an
    /// edge (spec 3.2). Steps on cycles have no ancestors.
    pub fn of(graph: &Graph) -> Self {
        Self::over(graph, |graph, edge| match edge.kind {
            EdgeKind::Plain => true,
            EdgeKind::Route { .. } => !graph.is_handler(edge.target),
            EdgeKind::Error | EdgeKind::Order => false,
        })
    }

    /// The steps above by every edge that the author wrote, be it a dependency, a route, or one to an error handler.
    pub fn by_flow(graph: &Graph) -> Self {
        Self::over(graph, |_, edge| edge.kind != EdgeKind::Order)
    }

    fn over(graph: &Graph, counts: impl Fn(&Graph, &Edge) -> bool) -> Self {
        let steps = graph.incoming.len();
        let words = steps.div_ceil(64);
        let mut bits = vec![0_u64; steps * words];
        let mut row = vec![0_u64; words];
        for step in graph.topological() {
            row.fill(0);
            for edge in graph.incoming(step).iter().filter(|edge| counts(graph, edge)) {
                let above = &bits[edge.source * words..(edge.source + 1) * words];
                for (word, above) in row.iter_mut().zip(above) {
                    *word |= above;
                }
                row[edge.source / 64] |= 1 << (edge.source % 64);
            }
            bits[step * words..(step + 1) * words].copy_from_slice(&row);
        }
        Self { bits, words_in_a_row: words }
    }

    /// Whether `above` lies above `step`.
    pub fn contains(&self, step: StepIndex, above: StepIndex) -> bool {
        self.bits[step * self.words_in_a_row + above / 64] & (1 << (above % 64)) != 0
    }

    /// Whether `step` lies on a path from `first` to `last`, both included.
    pub fn lies_between(&self, first: StepIndex, step: StepIndex, last: StepIndex) -> bool {
        let is_or_comes_after = |step: StepIndex, above: StepIndex| step == above || self.contains(step, above);
        is_or_comes_after(last, first) && is_or_comes_after(step, first) && is_or_comes_after(last, step)
    }
}
