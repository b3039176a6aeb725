//! Texts of which a comment takes a part away: ` #` begins one in a text without quotes.

use procession_yaml::{Correction, Kind, Node, Path, Resolved, Source, Span, Style, corrected};

use super::{Lowering, TextKind};
use crate::{code::Code, problem::Problem};

/// What is added to a message about a value that is missing because a comment took it away.
pub(super) const HINT: &str = "; a `#` begins a comment: quote a text that begins with it";

/// Keys whose values are single words or addresses, so that a comment behind them is one.
const SINGLE_WORDS: [&str; 8] = ["agent", "url", "webhook_url", "role", "executor", "duration", "until", "delay"];

/// The problem of a text that goes on behind a `#`.
pub(super) fn problem(source: &Source<'_>, comment: Span) -> Problem {
    let message = format!(
        "` #` begins a comment, so `{}` is lost; quote the whole text, or write a space behind the `#` of a comment",
        super::values::shortened(source.slice(comment))
    );
    Problem::new(Code::CommentInText, comment, message)
}

/// Whether a comment looks like a part of the text before it: `#42`, `#general`, `#{{number}}`.
fn looks_like_text(comment: &str) -> bool {
    comment.strip_prefix('#').is_some_and(|rest| rest.starts_with(char::is_alphanumeric) || rest.starts_with("{{"))
}

impl Lowering<'_> {
    /// The comment that begins behind a place, with nothing but the colon of a key before it, and the line as it would
    /// be if it was a text.
    pub(super) fn swallowed(&self, behind: usize) -> Option<(Span, Option<Correction>)> {
        let comment = self.comment_behind(behind)?;
        Some((comment, corrected(self.source, comment, None)))
    }

    /// Warns of a text that goes on behind a `#`.
    pub(crate) fn check_comment(&mut self, node: &Node<'_>, path: &str, kind: TextKind) {
        let Kind::Scalar(scalar) = &node.kind else { return };
        if scalar.style != Style::Plain || is_single_word(path) {
            return;
        }
        // A condition is complete where its text ends, unless that is within quotes.
        let is_open = || ['"', '\''].into_iter().any(|quote| scalar.text.matches(quote).count() % 2 == 1);
        if kind == TextKind::Condition && !is_open() {
            return;
        }
        let Some(comment) = self.comment_behind(node.span.end) else { return };
        let whole = Span::new(node.span.start, comment.end);
        let correction = corrected(self.source, whole, Some(self.key_column(node.span.start)));
        self.problems.push(problem(self.source, comment).correct(correction).at(path));
    }

    /// The same for each text within a value that is taken as it is: a default, labels, the input of a trigger.
    pub(super) fn check_comments_within(&mut self, node: &Node<'_>, path: &Path<'_>) {
        // What comes from an anchor stands elsewhere.
        if node.alias.is_some() {
            return;
        }
        match &node.kind {
            Kind::Scalar(scalar) => {
                let is_cut = scalar.resolved == Resolved::Text && self.comment_behind(node.span.end).is_some();
                if is_cut {
                    self.check_comment(node, &path.to_text(), TextKind::Template);
                }
            }
            Kind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check_comments_within(item, &Path::Item(path, index));
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    self.check_comments_within(&entry.value, &Path::Key(path, &entry.key));
                }
            }
            Kind::Broken => {}
        }
    }

    /// The column of the key, or of the dash, on the line of a value.
    fn key_column(&self, at: usize) -> usize {
        let line = self.source.line_text(self.source.line(at));
        let mut column = line.len() - line.trim_start().len();
        while let Some(rest) = line[column..].strip_prefix("- ") {
            if !rest.contains(": ") {
                break;
            }
            column += 2 + rest.len() - rest.trim_start().len();
        }
        column
    }

    fn comment_behind(&self, at: usize) -> Option<Span> {
        let rest = self.source.rest_of_line(at);
        let before = rest.len() - rest.trim_start_matches([':', ' ', '\t']).len();
        let comment = rest[before..].trim_end();
        let start = at + before;
        (before > 0 && looks_like_text(comment)).then(|| Span::new(start, start + comment.len()))
    }
}

fn is_single_word(path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or(path);
    SINGLE_WORDS.contains(&key.split('[').next().unwrap_or(key))
}
