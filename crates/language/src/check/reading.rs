//! What the texts of a document read.

use std::ops::Range;

use procession_domain::definition::StepIndex;
use procession_expression::Compared;
use procession_yaml::Span;

/// Everything that texts read. Texts are named by their place among the document's texts.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub steps: Vec<StepRead>,
    pub inputs: Vec<InputRead>,
    /// Texts that choose a step at run time.
    pub dynamic: Vec<usize>,
    /// Ids that break the rule for ids, and where they are read.
    pub invalid_ids: Vec<(String, Span)>,
}

/// A path into a step.
#[derive(Debug)]
pub(super) struct StepRead {
    pub text: usize,
    pub step: StepIndex,
    /// What follows the step's id, as far as it is constant.
    pub fields: Vec<String>,
    /// Where the path stands in its text.
    pub range: Range<usize>,
    /// The texts with which it is compared.
    pub compared: Vec<Compared>,
}

/// A field of the input.
#[derive(Debug)]
pub(super) struct InputRead {
    pub text: usize,
    pub field: String,
    /// Whether the text can do without it.
    pub optional: bool,
}

impl StepRead {
    /// Whether it reads what an approval decided.
    pub fn reads_decision(&self) -> bool {
        let fields: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        matches!(fields.as_slice(), ["decision", ..] | ["output", "decision", ..])
    }

    /// Whether it reads what an approval keeps over a re-run (spec 3.5).
    pub fn reads_last_round(&self) -> bool {
        let fields: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        let field = match fields.as_slice() {
            ["output", field, ..] | [field, ..] => *field,
            [] => return false,
        };
        matches!(field, "feedback" | "comment" | "decision")
    }
}
