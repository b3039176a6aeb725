//! Texts in typographic quotes, as they come from word processors and chats. For YAML these are characters of the text.

use std::borrow::Cow;

use procession_yaml::{Correction, Fix, Kind, Node, Scalar, Source, Span, Style, quoted};

use super::is_typographic_quote;
use crate::{
    code::Code,
    problem::{Problem, Problems},
};

/// The document as it is meant, without the typographic quotes around whole texts, each of which is reported; `None` if
/// there are none.
pub(crate) fn without_typographic<'t>(
    root: &Node<'t>,
    source: &Source<'_>,
    problems: &mut Problems,
) -> Option<Node<'t>> {
    if source.text().is_ascii() || !source.text().contains(is_typographic_quote) {
        return None;
    }
    let mut meant = root.clone();
    let count = problems.count_of(Code::TypographicQuotes);
    strip(&mut meant, String::new(), problems);
    (problems.count_of(Code::TypographicQuotes) > count).then_some(meant)
}

fn strip(node: &mut Node<'_>, path: String, problems: &mut Problems) {
    match &mut node.kind {
        Kind::Scalar(scalar) => {
            if let Some(inner) = inner(scalar) {
                let (before, length) = (scalar.text.find(inner).unwrap_or(0), inner.len());
                let inner = inner.to_owned();
                problems.push(problem(node.span, &inner).at(path));
                let start = node.span.start + before;
                scalar.text = Cow::Owned(inner);
                node.span = Span::new(start, start + length);
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                strip(item, format!("{path}[{index}]"), problems);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                let dot = if path.is_empty() { "" } else { "." };
                strip(&mut entry.value, format!("{path}{dot}{}", entry.key), problems);
            }
        }
        Kind::Broken => {}
    }
}

/// What stands within the quotes, if they enclose the whole text.
fn inner<'s>(scalar: &'s Scalar<'_>) -> Option<&'s str> {
    if scalar.style != Style::Plain {
        return None;
    }
    let inner = scalar.text.strip_prefix(is_typographic_quote)?.strip_suffix(is_typographic_quote)?;
    (!inner.trim().is_empty() && !inner.contains(is_typographic_quote) && !inner.contains('\n')).then_some(inner)
}

fn problem(span: Span, inner: &str) -> Problem {
    let message = "typographic quotes are characters of the text; YAML takes `\"` and `'` for quotes";
    let text = quoted(inner);
    let correction = Correction { shown: text.clone(), fix: Fix { span, text } };
    Problem::new(Code::TypographicQuotes, span, message).correct(Some(correction))
}
