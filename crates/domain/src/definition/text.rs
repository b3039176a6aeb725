//! The texts of a definition that are evaluated at run time, with the place where they stand.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::value::StepId;

/// A text with `{{ … }}` placeholders (spec 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Template {
    /// The text as the author wrote it.
    pub text: String,
    /// The line of the definition on which it starts, from 1; 0 when it stands in no file.
    #[serde(default)]
    pub line: u32,
}

/// A condition of a step or a route (spec 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Condition {
    /// The expression as the author wrote it, braces included.
    pub text: String,
    /// The line of the definition on which it starts, from 1; 0 when it stands in no file.
    #[serde(default)]
    pub line: u32,
}

impl Template {
    /// A text that stands in no file: a default, or one made by a test.
    pub fn unplaced(text: impl Into<String>) -> Self {
        Self { text: text.into(), line: 0 }
    }
}

impl Condition {
    /// A condition that stands in no file.
    pub fn unplaced(text: impl Into<String>) -> Self {
        Self { text: text.into(), line: 0 }
    }
}

/// Which steps some texts read: known before running, so that only those outputs are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reads {
    /// Steps named in the texts.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub steps: BTreeSet<StepId>,
    /// Whether a step is also chosen at run time (`steps[name]`), so that every upstream step may be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dynamic: bool,
}

impl Reads {
    /// Adds what other texts read.
    pub fn extend(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.dynamic |= other.dynamic;
    }
}
