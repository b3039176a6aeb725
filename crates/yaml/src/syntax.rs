//! Syntax errors in words for people, with the repair that lets reading go on behind them.

mod block;
mod control;
mod flow;
mod indentation;
mod misspelt;
mod words;

use granit_parser::ErrorKind;

use super::{
    build::SyntaxFailure,
    frames::Awaits,
    patch::Replacement,
    region::{self, with_line},
    trial::Trials,
};
use crate::{
    problem::{Correction, Fault, Fix, Problem},
    source::{Source, Span},
};

/// A syntax error, explained.
pub(super) struct Finding {
    pub problem: Problem,
    pub repair: Option<(Span, Replacement)>,
}

/// A syntax error, and what is known around it.
pub(super) struct Scene<'s> {
    pub source: &'s Source<'s>,
    pub failure: &'s SyntaxFailure,
    pub is_known_key: &'s dyn Fn(&str) -> bool,
    pub trials: &'s Trials<'s>,
}

impl Scene<'_> {
    /// The correction, if the text can be read with it.
    fn tried(&self, fix: Fix) -> Option<Correction> {
        with_line(self.source, fix).filter(|correction| self.trials.helps(&correction.fix))
    }

    /// The value in quotes, if the text can be read with it.
    fn corrected(&self, span: Span) -> Option<Correction> {
        region::corrected(self.source, span, self.failure.context.parent_column)
            .filter(|correction| self.trials.helps(&correction.fix))
    }

    fn character_at(&self, at: usize) -> Span {
        let rest = self.source.text().get(at..).unwrap_or("");
        let length = rest.chars().next().filter(|c| !c.is_whitespace()).map_or(0, char::len_utf8);
        Span::new(at, at + length)
    }
}

/// The problem of a value that begins with `{{` or `{%` without quotes.
pub(super) fn unquoted_expression(source: &Source<'_>, span: Span, parent_column: Option<usize>) -> Problem {
    let message = "quote this expression: YAML reads `{{ … }}` without quotes as a mapping";
    Problem::new(Fault::UnquotedExpression, span, message).suggest(region::corrected(source, span, parent_column))
}

/// Says what is wrong at a syntax error, and which part of the text to leave out so as to read on.
pub(super) fn explain(scene: &Scene<'_>) -> Finding {
    let context = &scene.failure.context;
    let finding = match scene.failure.error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            let message = "lists and mappings are nested more than 64 deep here";
            only(Problem::new(Fault::NestedTooDeep, scene.character_at(scene.failure.at), message))
        }
        kind if indentation::is_about_tabs(kind) && indentation::line_with_tab(scene).is_some() => {
            indentation::tab(scene.source, indentation::line_with_tab(scene).unwrap_or_default())
        }
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => control::explain(scene, *character),
        kind => match context.open_flow {
            Some(open) => flow::explain(scene, open),
            None if *kind == ErrorKind::MappingValueNotAllowed && context.last_plain.is_some() => {
                block::unquoted_colon(scene)
            }
            None => block::explain(scene),
        },
    };
    // A line at the margin belongs to nothing that was read before it.
    let is_at_margin = context.awaits != Awaits::Value && scene.source.column_index(finding.problem.span.start) == 0;
    let path = if is_at_margin { "" } else { &context.path };
    Finding { problem: finding.problem.at(path), repair: finding.repair }
}

fn only(problem: Problem) -> Finding {
    Finding { problem, repair: None }
}
