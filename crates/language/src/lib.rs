//! The language front end (spec 1): from YAML text to a checked definition, or every diagnostic at once.
//!
//! [`check`] is the whole of it. A text goes through three rooms:
//! * `yaml`: text to a tree in which every key and value has its place. What can't be read is reported, and repaired so
//!   that the rest is read all the same.
//! * `lower`: tree to the domain's types, key by key, along the tables in `keys`; these tables also make the
//!   [`json_schema`].
//! * `check`: what needs the whole: do the steps exist, in which order do they run, what do the texts read, what does
//!   the server know.
//!
//! Invariants: no input makes it panic or overflow; a definition comes back exactly if there is no error; a problem is
//! kept and reading goes on. No message holds a secret.

mod check;
mod code;
mod diagnostic;
mod fill;
mod json_schema;
mod keys;
mod lower;
pub mod output_schema;
mod path;
pub mod schedule;
mod set_version;
mod source;
mod step_types;
mod surroundings;
mod yaml;

use procession_domain::definition::Definition;

pub use code::{Code, Severity};
pub use diagnostic::Diagnostic;
pub use fill::{FillError, Filling, fill, mentioned_parameters};
pub use json_schema::json_schema;
pub use set_version::{SetVersionError, set_version};
pub use step_types::step_types;
pub use surroundings::{AgentState, Lookup, Nothing, Surroundings};

use crate::{diagnostic::Problems, lower::Lowering, source::Source};

/// What became of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The definition, if there is no error.
    pub definition: Option<Definition>,
    /// Everything that is wrong or odd, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Checked {
    /// Those diagnostics that make the definition unusable.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error())
    }

    /// The other ones.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| !diagnostic.is_error())
    }
}

/// Makes a definition from YAML text, and reports all that can be known before running (spec 1.11).
pub fn check(yaml: &str, surroundings: &dyn Surroundings) -> Checked {
    let source = Source::new(yaml);
    let mut problems = Problems::default();
    let document = yaml::read(&source, &mut problems);
    let Some(document) = document else {
        return Checked { definition: None, diagnostics: problems.into_diagnostics(&source) };
    };
    let mut cx = Lowering { source: &source, surroundings, problems, texts: Vec::new() };
    let lowered = lower::lower(&mut cx, &document.root);
    let definition = lowered.and_then(|lowered| check::check(&mut cx, lowered, document.cut_off));
    Checked { definition, diagnostics: cx.problems.into_diagnostics(&source) }
}
