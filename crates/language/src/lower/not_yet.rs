//! What can be written, is checked and kept, but is done by no server yet. Whoever makes the server do one of these takes
//! its entry away here, and what is said of it in the pages of the language.

use std::fmt;

use procession_yaml::{Path, Span};

use super::Lowering;
use crate::{code::Code, problem::Problem};

/// A part of the language that has no effect yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotYet {
    Expose,
    CostAlert,
}

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expose => "offering processes to agents is not available yet: this one is not offered",
            Self::CostAlert => "alerts are not available yet: `cost_alert` raises none; `budget` can stop an execution",
        })
    }
}

impl Lowering<'_> {
    /// Says that something has no effect yet.
    pub(super) fn not_yet(&mut self, what: NotYet, span: Span, path: &Path<'_>) {
        self.problems.push(Problem::new(Code::NotYetAvailable, span, what.to_string()).at(path));
    }
}
