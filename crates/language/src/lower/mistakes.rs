//! Values of a wrong type, and what was probably meant by them.

use procession_yaml::{Correction, Fix, Kind, Node, Path, Resolved, Scalar, Span, Style, corrected, quoted};

use super::Lowering;
use crate::{
    code::Code,
    keys::{Place, foreign},
    problem::Problem,
};

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
        let found = node.type_name();
        let message = match path {
            Path::Root => format!("expected {expected}, found {found}"),
            Path::Key(_, key) => format!("`{key}` takes {expected}, not {found}"),
            Path::Item(Path::Key(_, key), _) => format!("an item of `{key}` must be {expected}, not {found}"),
            Path::Item(..) => format!("an item of this list must be {expected}, not {found}"),
        };
        let place = node.alias.unwrap_or_else(|| self.first_line(node.span));
        let number = number_in_quotes(node, expected);
        self.problems.push(Problem::new(Code::WrongType, place, message).correct(number).at(path));
    }

    /// Says that no mapping stands where one is wanted; a number is written as the key that it is meant for.
    pub(super) fn no_mapping(&mut self, node: &Node<'_>, path: &Path<'_>, place: &Place) {
        let number = match &node.kind {
            Kind::Scalar(Scalar { text, resolved: Resolved::Integer | Resolved::Float, .. }) => Some(text),
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) | Kind::Broken => None,
        };
        let meant = foreign::key_of_number(place).zip(number).filter(|_| node.alias.is_none());
        let (Some((key, number)), Path::Key(_, outer)) = (meant, path) else {
            return self.wrong_type(node, path, "a mapping");
        };
        let text = format!("{{{key}: {number}}}");
        let message = format!("`{outer}` takes a mapping, not a number");
        let correction = Correction { shown: format!("{outer}: {text}"), fix: Fix { span: node.span, text } };
        self.problems.push(Problem::new(Code::WrongType, node.span, message).correct(Some(correction)).at(path));
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

/// A number in quotes, without them.
fn number_in_quotes(node: &Node<'_>, expected: &str) -> Option<Correction> {
    let Kind::Scalar(Scalar { text, style: Style::SingleQuoted | Style::DoubleQuoted, .. }) = &node.kind else {
        return None;
    };
    let is_number = match Resolved::of_plain(text.trim()) {
        Resolved::Integer => expected.ends_with("number"),
        Resolved::Float => expected == "a number",
        Resolved::Null | Resolved::Bool(_) | Resolved::Text => false,
    };
    let text = text.trim().to_owned();
    is_number.then(|| Correction { shown: text.clone(), fix: Fix { span: node.span, text } })
}
