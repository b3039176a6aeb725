//! Values of a wrong type, and what was probably meant by them.

use procession_yaml::{Kind, Node, Path, Scalar, Span, Style, corrected, quoted};

use super::Lowering;
use crate::{code::Code, problem::Problem};

impl Lowering<'_> {
    /// Says that a value is of the wrong type; nothing for what has been reported as unreadable.
    pub(super) fn wrong_type(&mut self, node: &Node<'_>, path: &Path<'_>, expected: &str) {
        if node.is_broken() {
            return;
        }
        let meant = if expected.contains("text") || expected.contains("condition") {
            self.text_with_colon(node).or_else(|| self.text_in_brackets(node, expected))
        } else {
            None
        };
        if let Some(problem) = meant {
            // Expressions in it have been reported as unquoted by themselves, but it is the whole that needs quotes.
            let whole = problem.span;
            self.problems.retain(|other| {
                other.code != Code::UnquotedExpression || other.span.start < whole.start || other.span.end > whole.end
            });
            self.problems.push(problem.at(path));
            return;
        }
        let message = format!("expected {expected}, found {}", node.type_name());
        let place = node.alias.unwrap_or_else(|| self.first_line(node.span));
        self.problems.push(Problem::new(Code::WrongType, place, message).at(path));
    }

    /// A mapping that stands where a text is wanted, made by a `: ` in an unquoted text.
    fn text_with_colon(&self, node: &Node<'_>) -> Option<Problem> {
        let entries = node.entries().filter(|entries| entries.len() == 1)?;
        let value = &entries[0].value;
        let Kind::Scalar(Scalar { style: Style::Plain | Style::Repaired, .. }) = &value.kind else {
            return None;
        };
        let span = Span::new(entries[0].key_span.start, value.span.end);
        let text = self.source.slice(span);
        if text.contains('\n') || self.source.slice(node.span).starts_with('{') || text.is_empty() {
            return None;
        }
        let message =
            format!("quote this text, or use `|`: without quotes YAML reads {} as a key", quoted(&entries[0].key));
        let correction = corrected(self.source, span, None);
        Some(Problem::new(Code::UnquotedColon, span, message).correct(correction))
    }

    /// A text that begins with a bracket and so is read as a list or mapping: `{"topic": {{input.topic}}}`.
    fn text_in_brackets(&self, node: &Node<'_>, expected: &str) -> Option<Problem> {
        let text = self.source.slice(node.span);
        if !text.starts_with(['{', '[']) || !text.contains("{{") || text.contains('\n') {
            return None;
        }
        let message = format!("expected {expected}, found {}; quote it if it is meant as a text", node.type_name());
        let correction = corrected(self.source, node.span, None);
        Some(Problem::new(Code::WrongType, node.span, message).correct(correction))
    }
}
