//! Steps, inputs and outputs that are written in another form than the one they take, and the one that is meant.

use procession_yaml::{Correction, Entry, Fix, Kind, Node, Span};

use super::Lowering;

/// Longer parts of a text are not repeated as a correction.
const LONGEST_CORRECTION: usize = 32 * 1024;

impl Lowering<'_> {
    /// A mapping of ids to steps as the list of steps that it should be.
    pub(super) fn steps_as_list(&self, node: &Node<'_>) -> Option<Correction> {
        let entries = node.entries()?;
        let start = entries.first()?.key_span.start;
        if node.span.end.saturating_sub(start) > LONGEST_CORRECTION || node.alias.is_some() {
            return None;
        }
        if self.source.slice(node.span).starts_with('{') {
            let items: Option<Vec<String>> = entries.iter().map(|entry| self.step_in_braces(entry)).collect();
            let text = format!("[{}]", items?.join(", "));
            return Some(Correction { shown: text.clone(), fix: Fix { span: node.span, text } });
        }
        let column = self.source.column_index(start);
        let mut text = String::new();
        let ends = entries.iter().skip(1).map(|entry| entry.key_span.start).chain([node.span.end]);
        for (entry, end) in entries.iter().zip(ends) {
            text.push_str(&self.step_as_item(entry, end, column)?);
        }
        let text = text.trim_end().to_owned();
        let span = Span::new(start, start + self.source.slice(Span::new(start, node.span.end)).trim_end().len());
        let shown = format!("{}{text}", " ".repeat(column));
        Some(Correction { shown, fix: Fix { span, text } })
    }

    /// An entry that goes on to `end`: `a: {type: timer}` as `- {id: a, type: timer}`.
    fn step_as_item(&self, entry: &Entry<'_>, end: usize, column: usize) -> Option<String> {
        let behind_key = entry.key_span.end + 1;
        if let Some(step) = self.step_in_braces(entry) {
            let rest = self.source.text().get(entry.value.span.end..end)?;
            return Some(format!("- {step}{rest}"));
        }
        let Kind::Map(inner) = &entry.value.kind else {
            let is_empty = entry.value.is_null() && entry.value.span.is_empty();
            return is_empty
                .then(|| Some(format!("- id: {}{}", entry.key, self.source.text().get(behind_key..end)?)))?;
        };
        let first = inner.first()?.key_span.start;
        let between = self.source.text().get(behind_key..first)?;
        if entry.value.alias.is_some() || !between.contains('\n') {
            return None;
        }
        let indentation = |column: usize| format!("\n{}", " ".repeat(column));
        let deeper = indentation(self.source.column_index(first));
        let has_id = inner.iter().any(|entry| entry.key == "id");
        let lines = self.source.text().get(first..end)?.replace(&deeper, &indentation(column + 2));
        Some(if has_id {
            format!("- {lines}")
        } else {
            format!("- id: {}{}{lines}", entry.key, indentation(column + 2))
        })
    }

    /// `a: {type: timer}` as `{id: a, type: timer}`.
    fn step_in_braces(&self, entry: &Entry<'_>) -> Option<String> {
        let inner = entry.value.entries().filter(|_| entry.value.alias.is_none())?;
        let written = self.source.slice(entry.value.span);
        let rest = written.strip_prefix('{')?.trim_start();
        Some(if inner.iter().any(|entry| entry.key == "id") {
            written.to_owned()
        } else if inner.is_empty() {
            format!("{{id: {}}}", entry.key)
        } else {
            format!("{{id: {}, {rest}", entry.key)
        })
    }
}

/// A value in braces that names it: `topic` as `{name: topic}`, `x: "…"` as `{name: x, source: "…"}`.
pub(super) fn in_braces(span: Span, entries: &[(&str, &str)]) -> Correction {
    let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key}: {value}")).collect();
    let text = format!("{{{}}}", entries.join(", "));
    Correction { shown: text.clone(), fix: Fix { span, text } }
}
