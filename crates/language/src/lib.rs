//! The language front end (spec 1): from YAML text to a checked definition, or every diagnostic at once.
//!
//! [`check`] is the whole of it. A text goes through three rooms:
//! * [`procession_yaml`]: text to a tree in which every key and value has its place. What can't be read is reported, and
//!   repaired so that the rest is read all the same.
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
mod document;
mod fill;
mod json_schema;
mod keys;
mod lower;
pub mod output_schema;
mod problem;
pub mod schedule;
mod set_version;
mod step_types;
mod surroundings;

use procession_domain::definition::Definition;
use procession_yaml::{Node, Source};

pub use code::{Code, Severity};
pub use diagnostic::{Diagnostic, Fix};
pub use fill::{FillError, Filling, fill, mentioned_parameters};
pub use json_schema::json_schema;
pub use lower::event_named;
pub use set_version::{SetVersionError, set_version};
pub use step_types::step_types;
pub use surroundings::{AgentState, Lookup, Nothing, Surroundings};

use crate::{lower::Lowering, problem::Problems};

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checked {
    /// The definition, if there is no error.
    pub definition: Option<Definition>,
    /// What is wrong or odd, in the order of the text: the first 100 errors, then as many warnings as there is room for.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more problems there are. A last diagnostic says so, too.
    pub not_listed: usize,
}

impl Checked {
    fn new(definition: Option<Definition>, problems: Problems, source: &Source<'_>, root: Option<&Node<'_>>) -> Self {
        let (diagnostics, not_listed) = problems.into_diagnostics(source, root);
        Self { definition, diagnostics, not_listed }
    }

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
    check_while(yaml, surroundings, &|| true).unwrap_or_default()
}

/// The same for someone who may stop waiting: `is_wanted` is asked every few hundred microseconds. `None` if it said no,
/// since then part of the text has not been looked at.
pub fn check_while(yaml: &str, surroundings: &dyn Surroundings, is_wanted: &dyn Fn() -> bool) -> Option<Checked> {
    let source = Source::new(yaml);
    let mut problems = Problems::default();
    let document = document::read(&source, is_wanted, &mut problems);
    let Some(root) = &document.root else {
        return is_wanted().then(|| Checked::new(None, problems, &source, None));
    };
    let meant = lower::quotes::without_typographic(root, &source, &mut problems);
    let is_readable = !problems.has_errors();
    let mut cx = Lowering::new(&source, surroundings, is_wanted, problems);
    cx.has_read_what_is_meant = meant.is_some();
    let mut definition = definition_of(&mut cx, meant.as_ref().unwrap_or(root), document.is_cut_off);
    if cx.has_read_what_is_meant && is_readable {
        // What is misspelt was read as it is meant, so that nothing follows from it; but what counts is what is written.
        let mut literal = Lowering::new(&source, surroundings, is_wanted, Problems::default());
        literal.reads_what_is_meant = false;
        let as_written = definition_of(&mut literal, root, document.is_cut_off);
        match (&definition, &as_written) {
            (None, Some(_)) => cx.problems.forget_errors_of_meant(),
            (Some(_), None) => cx.problems.blame_for_errors(literal.problems),
            (Some(_), Some(_)) | (None, None) => {}
        }
        definition = as_written;
    }
    is_wanted().then(|| Checked::new(definition, cx.problems, &source, Some(root)))
}

fn definition_of<'d>(cx: &mut Lowering<'d>, root: &'d Node<'d>, is_cut_off: bool) -> Option<Definition> {
    let lowered = lower::lower(cx, root)?;
    check::check(cx, lowered, is_cut_off)
}
