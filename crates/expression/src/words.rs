//! Words that may be written in other ways: the decisions of approvals, and the status of steps (spec 2.3).

use crate::ast::{Expression, Kind, Path, Segment};

/// A value whose words have other spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// `steps.ID.status`, whose case does not matter.
    Status,
    /// `steps.ID.decision` or `steps.ID.output.decision`, with the step's id if it is constant.
    Decision {
        /// The step.
        step: Option<String>,
    },
}

/// The decisions as an approval's output has them (spec 2.4).
pub const DECISIONS: [&str; 5] = ["approved", "rejected", "changes_requested", "expired", "skipped"];

/// Which words an expression's value may be.
pub fn word_of(expression: &Expression) -> Option<Word> {
    let Kind::Path(Path { root, segments }) = &expression.kind else {
        return None;
    };
    let [step, rest @ ..] = segments.as_slice() else {
        return None;
    };
    let names: Option<Vec<&str>> = rest.iter().map(Segment::name).collect();
    match names?.as_slice() {
        _ if root != "steps" => None,
        ["status"] => Some(Word::Status),
        ["decision"] | ["output", "decision"] => Some(Word::Decision { step: step.name().map(str::to_owned) }),
        _ => None,
    }
}

/// The decision that a text means; `None` if it means none.
pub fn decision_meant(text: &str) -> Option<&'static str> {
    let lower = text.trim().to_ascii_lowercase();
    match lower.as_str() {
        "approve" => Some("approved"),
        "reject" => Some("rejected"),
        "revision_requested" | "request_changes" | "request_revision" => Some("changes_requested"),
        "expire" => Some("expired"),
        "skip" => Some("skipped"),
        _ => DECISIONS.into_iter().find(|decision| *decision == lower),
    }
}

impl Segment {
    /// The name, if it is a constant one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Index(_) | Self::Computed(_) => None,
        }
    }
}
