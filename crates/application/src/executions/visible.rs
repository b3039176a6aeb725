//! An execution that a principal may see.

use std::ops::Deref;

use procession_domain::execution::Execution;

/// An execution that was shown to a principal who may see it. Only the use cases make one, so that whoever holds it may
/// also ask for what belongs to it: values, events, costs.
#[derive(Debug, Clone)]
pub struct VisibleExecution(Execution);

impl VisibleExecution {
    pub(super) const fn new(execution: Execution) -> Self {
        Self(execution)
    }

    /// The execution itself.
    pub fn into_inner(self) -> Execution {
        self.0
    }
}

impl Deref for VisibleExecution {
    type Target = Execution;

    fn deref(&self) -> &Execution {
        &self.0
    }
}
