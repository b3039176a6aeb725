//! Diagnostics as a compiler prints them: the message, the line it is about, and what to write instead.

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DecorStyle};
use procession_language::{Diagnostic, Severity};

/// How many lines a drawing shows at most.
const MOST_LINES: usize = 4;

/// How wide a drawing is where nobody says so, in columns.
const USUAL_WIDTH: usize = 120;

/// What the check of one text has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    /// What the text is called where it is drawn.
    pub name: String,
    /// The text.
    pub text: String,
    /// What was found, in the order of the text.
    pub found: Vec<Diagnostic>,
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.found.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n\n" };
            let drawn = render(&Renderer::plain().term_width(USUAL_WIDTH), &self.name, &self.text, diagnostic);
            write!(f, "{separator}{drawn}")?;
        }
        Ok(())
    }
}

/// Draws one diagnostic of a file with colours, for a terminal of this width in columns.
pub fn draw(file: &str, text: &str, diagnostic: &Diagnostic, width: usize) -> String {
    render(&Renderer::styled().term_width(width), file, text, diagnostic)
}

fn render(renderer: &Renderer, file: &str, text: &str, diagnostic: &Diagnostic) -> String {
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
    renderer.clone().decor_style(DecorStyle::Ascii).render(&[drawing])
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
        let found = check(text, &Nothing).diagnostics;
        Diagnostics { name: "flow.yaml".to_owned(), text: text.to_owned(), found }.to_string()
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
