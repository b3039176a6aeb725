//! Diagnostics as a compiler prints them: the message, the line it is about, and what to write instead.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DecorStyle};
use procession_language::{Diagnostic, Severity};

/// How many lines a drawing shows at most.
const MOST_LINES: usize = 4;

/// Draws one diagnostic of a file.
pub fn draw(file: &str, text: &str, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let excerpt = Excerpt::of(text, diagnostic);
    let snippet = Snippet::source(excerpt.text)
        .path(file)
        .line_start(excerpt.first_line)
        .annotation(AnnotationKind::Primary.span(excerpt.start..excerpt.end));
    let title = level.primary_title(&*diagnostic.message).id(diagnostic.code.as_str());
    let mut drawing = title.element(snippet);
    if let Some(help) = diagnostic.help() {
        drawing = drawing.element(Level::HELP.message(help));
    }
    Renderer::styled().decor_style(DecorStyle::Ascii).term_width(crate::terminal::width()).render(&[drawing])
}

/// The lines that a diagnostic is about, and its place in them in bytes.
struct Excerpt {
    text: String,
    first_line: usize,
    start: usize,
    end: usize,
}

impl Excerpt {
    fn of(text: &str, diagnostic: &Diagnostic) -> Self {
        // A byte order mark takes no column; a lone `\r` ends a line in YAML, but not in the drawing.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let first = (diagnostic.line as usize).max(1);
        let last = (diagnostic.end_line as usize).clamp(first, first + MOST_LINES - 1);
        let lines: Vec<&str> = text.lines().skip(first - 1).take(last - first + 1).collect();
        let start = offset(&lines, 0, diagnostic.column);
        let is_cut = (diagnostic.end_line as usize) > last;
        let end = match lines.len().checked_sub(1) {
            Some(last) if is_cut => offset(&lines, last, u32::MAX),
            Some(last) if first + last == diagnostic.end_line as usize => offset(&lines, last, diagnostic.end_column),
            Some(_) | None => start,
        };
        Self { text: lines.join("\n"), first_line: first, start, end: end.max(start) }
    }
}

/// The byte of a column, in characters from 1, of a line; its end if it is shorter.
fn offset(lines: &[&str], line: usize, column: u32) -> usize {
    let before: usize = lines.iter().take(line).map(|line| line.len() + 1).sum();
    let within = lines.get(line).map_or(0, |text| {
        let index = (column as usize).saturating_sub(1);
        text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte)
    });
    before + within
}

#[cfg(test)]
mod tests {
    use procession_language::{Nothing, check};

    use super::*;

    /// Every diagnostic of a text, drawn without colours.
    fn drawn(text: &str) -> String {
        let checked = check(text, &Nothing);
        let drawings = checked.diagnostics.iter().map(|diagnostic| draw("flow.yaml", text, diagnostic));
        anstream::adapter::strip_str(&drawings.collect::<Vec<_>>().join("\n\n")).to_string()
    }

    #[test]
    fn problems_are_drawn_with_their_lines() {
        let text = "\u{feff}name: démo\r\nsteps:\r\n  - id: draft\r\n    type: agent_task\r\n    agent: writer\r\n    mesage: Hé {{input.topic}}\r\n    message: Write\r\n  - id: review\r\n    type: human_approval\r\n    depends_on: [draf]\r\n";
        insta::assert_snapshot!(drawn(text));
    }

    #[test]
    fn texts_that_end_early_are_drawn_too() {
        for text in ["", "a", "name: [", "steps:\r- id: a", "\u{feff}"] {
            assert!(drawn(text).contains("flow.yaml:1"), "{text:?}");
        }
    }
}
