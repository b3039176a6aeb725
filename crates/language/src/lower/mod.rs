//! From the tree to the domain's types: every key read by its table, every problem kept, and reading goes on.
//!
//! What needs the whole (do the steps exist, in which order do they run, what do the texts read) is left to
//! [`check`](crate::check); here it is only noted.

mod agent_task;
mod comments;
mod compensation;
mod corrections;
mod document;
mod durations;
mod expose;
mod fields;
mod gateway;
mod human_approval;
mod input;
mod listed;
mod mistakes;
mod not_yet;
mod notification;
mod outputs;
mod people;
mod policies;
pub(crate) mod quotes;
mod roles;
mod settings;
mod step;
mod sub_process;
mod timer;
mod triggers;
mod values;
mod webhooks;

use std::ops::Range;

use procession_domain::{
    definition::{Config, Expose, InputSchema, OnReject, OutgoingWebhook, Output, Step, Trigger},
    value::{ProcessName, StepId, Version},
};

use corrections::EntryPlace;
pub(crate) use document::lower;
use fields::{Field, Fields};
use procession_domain::suggest::Guesses;
use procession_yaml::{Kind, Node, Source, Span, TextPlaces};

use crate::{problem::Problems, surroundings::Surroundings};
pub use webhooks::event_named;

/// What lowering works on.
pub(crate) struct Lowering<'d> {
    pub source: &'d Source<'d>,
    pub surroundings: &'d dyn Surroundings,
    /// Whether someone still waits for the outcome.
    pub is_wanted: &'d dyn Fn() -> bool,
    pub problems: Problems,
    /// Whether what is probably meant by misspelt keys is read in their place, so that they are the only problem told of.
    pub reads_what_is_meant: bool,
    /// Whether that was done.
    pub has_read_what_is_meant: bool,
    /// The texts that are evaluated at run time.
    pub texts: Vec<TextUse<'d>>,
    /// All guesses of one check together are bounded, however many names are misspelt.
    guesses: Guesses,
    /// Where the last place in a text was found, and in which one: places are mostly asked for in rising order.
    last_places: Option<(&'d Node<'d>, TextPlaces<'d>)>,
}

/// How many words are compared for suggestions in one check.
const MOST_COMPARISONS: usize = 200_000;

/// A text of the document that is evaluated at run time.
pub(crate) struct TextUse<'d> {
    pub node: &'d Node<'d>,
    pub kind: TextKind,
    pub owner: Owner,
    pub path: String,
}

/// How a text is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextKind {
    Template,
    /// The condition of a step or of a gateway's route.
    Condition,
}

/// What a text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The step at this place.
    Step(usize),
    /// The compensation of the step at this place.
    Compensation(usize),
    /// The outputs of the process.
    Outputs,
}

/// A place where a step is named.
#[derive(Debug, Clone)]
pub(crate) struct Mention {
    /// What is written there.
    pub text: String,
    /// The same as an id, if it can be one.
    pub id: Option<StepId>,
    pub span: Span,
    pub path: String,
}

/// Why a step is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MentionKind {
    DependsOn,
    Route,
    DefaultRoute,
    Handler,
    Rerun,
}

/// A step with what later checks need to know of how it is written.
pub(crate) struct LoweredStep {
    /// The step. Where something is missing or wrong, and so reported, a harmless value stands for it.
    pub step: Step,
    /// The id as written, if it is no valid one.
    pub invalid_id: Option<String>,
    pub id_span: Span,
    pub path: String,
    pub mentions: Vec<(MentionKind, Mention)>,
    /// Of an approval: what its author says a rejection does.
    pub on_reject: Option<OnReject>,
    /// Whether its author says what a failure does.
    pub has_on_error: bool,
    /// Where another key can be put.
    pub room: Option<EntryPlace>,
    /// Where a sub-process is named.
    pub process_span: Span,
}

/// A document, lowered.
pub(crate) struct Lowered {
    pub name: Option<ProcessName>,
    pub version: Version,
    pub description: String,
    pub input: Option<InputSchema>,
    pub triggers: Vec<LoweredTrigger>,
    pub steps: Vec<LoweredStep>,
    pub outputs: Vec<Output>,
    pub config: Config,
    pub webhooks: Vec<OutgoingWebhook>,
    pub labels: indexmap::IndexMap<String, String>,
    pub expose: Option<Expose>,
    /// Where `expose.mcp` stands.
    pub expose_span: Span,
}

/// A trigger with the place of its input.
pub(crate) struct LoweredTrigger {
    pub trigger: Trigger,
    pub span: Span,
    pub path: String,
}

impl<'d> Lowering<'d> {
    /// Nothing read so far.
    pub fn new(
        source: &'d Source<'d>,
        surroundings: &'d dyn Surroundings,
        is_wanted: &'d dyn Fn() -> bool,
        problems: Problems,
    ) -> Self {
        let guesses = Guesses::at_most(MOST_COMPARISONS);
        Self {
            source,
            surroundings,
            is_wanted,
            problems,
            reads_what_is_meant: true,
            has_read_what_is_meant: false,
            texts: Vec::new(),
            guesses,
            last_places: None,
        }
    }

    /// Whether nobody waits for the outcome any more, so that the rest need not be looked at.
    pub fn is_given_up(&self) -> bool {
        !(self.is_wanted)()
    }

    /// What is left of the guesses, if there is room for another problem.
    pub fn guesses(&self) -> Option<&Guesses> {
        self.problems.has_room().then_some(&self.guesses)
    }

    /// The name that was probably meant, while there is room for more problems and work for more guesses.
    pub fn closest<'c>(&self, name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
        // What can't be seen in a name is no part of what is meant.
        let visible = procession_yaml::visible(name);
        let plain = visible.as_deref().unwrap_or(name).trim_matches(is_typographic_quote).trim();
        let guesses = self.guesses()?;
        if plain.len() == name.len() {
            return guesses.closest(name, candidates);
        }
        let candidates: Vec<&str> = candidates.into_iter().collect();
        let same = candidates.iter().copied().find(|candidate| *candidate == plain);
        same.or_else(|| guesses.closest(plain, candidates))
    }

    /// The place in the document of a range of bytes of a text.
    pub fn place(&mut self, text: &TextUse<'d>, range: &Range<usize>) -> Span {
        let Kind::Scalar(scalar) = &text.node.kind else { return text.node.span };
        if !self.problems.has_room() {
            return text.node.span;
        }
        match &mut self.last_places {
            Some((node, places)) if std::ptr::eq(*node, text.node) => places.place(range),
            _ => {
                let mut places = TextPlaces::new(self.source, scalar, text.node.span);
                let place = places.place(range);
                self.last_places = Some((text.node, places));
                place
            }
        }
    }

    /// The part of a span that is on its first line.
    fn first_line(&self, span: Span) -> Span {
        let text = self.source.slice(span);
        let length = text.find(['\n', '\r']).unwrap_or(text.len());
        Span::new(span.start, span.start + text[..length].trim_end().len())
    }

    /// Where a missing value should be.
    fn empty_place(&self, span: Span) -> Span {
        // The parser places an empty value where the next thing begins.
        let before = self.source.text().get(..span.start).unwrap_or("").trim_end();
        let line = self.source.line(before.len().saturating_sub(1));
        let start = self.source.line_start(line);
        let text = before.get(start..).unwrap_or("");
        Span::new(start + text.len() - text.trim_start().len(), before.len())
    }
}

pub(crate) const fn is_typographic_quote(c: char) -> bool {
    matches!(c, '“' | '”' | '„' | '‟' | '‘' | '’' | '‚' | '‛' | '«' | '»')
}
