//! What is wrong with a text, as it is shown to people and programs (spec 1.11).

use std::fmt;

use procession_yaml::{Position, Source};
use serde::{Deserialize, Serialize};

use crate::code::{Code, Severity};

/// One problem with its place. Lines and columns count from 1, columns in characters; the end is the place just behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// Whether it makes the definition unusable.
    pub severity: Severity,
    /// What is wrong and what to do. It names the step that it is about.
    pub message: String,
    /// Where it is in the document, such as `steps[2].depends_on[1]`; empty for the document as a whole.
    pub path: String,
    /// The line on which it starts.
    pub line: u32,
    /// The column at which it starts.
    pub column: u32,
    /// The line on which it ends.
    pub end_line: u32,
    /// The column behind its last character.
    pub end_column: u32,
    /// What to write instead: a name, a value, or the corrected line.
    pub suggestion: Option<String>,
    /// The id of the step that it is about.
    #[serde(default)]
    pub step_id: Option<String>,
    /// The change of the text that does what is suggested.
    #[serde(default)]
    pub fix: Option<Fix>,
}

/// A change of a text that makes a problem go away. Lines and columns count as those of a [`Diagnostic`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// The line on which the part to replace starts.
    pub line: u32,
    /// The column at which it starts.
    pub column: u32,
    /// The line on which it ends.
    pub end_line: u32,
    /// The column behind its last character.
    pub end_column: u32,
    /// What takes its place.
    pub text: String,
}

impl Diagnostic {
    /// Whether it makes the definition unusable.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// What is suggested, in words that go on from the message.
    pub fn help(&self) -> Option<String> {
        let suggestion = self.suggestion.as_deref()?.trim_end();
        Some(if suggestion.contains('\n') {
            format!("write this instead:\n{suggestion}")
        } else if self.code.is_about_a_name() && !suggestion.contains(char::is_whitespace) {
            format!("did you mean `{suggestion}`?")
        } else {
            format!("write `{suggestion}`")
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} [{}]: {}", self.line, self.column, self.severity, self.code, self.message)?;
        // A longer correction is no part of a line.
        match self.help().filter(|help| !help.contains('\n')) {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl Fix {
    /// The text with the change made; `None` if it has no such place.
    pub fn apply(&self, text: &str) -> Option<String> {
        let source = Source::new(text);
        let place = |line, column| source.given_place(Position { line, column });
        let (start, end) = (place(self.line, self.column)?, place(self.end_line, self.end_column)?);
        Some(format!("{}{}{}", text.get(..start)?, self.text, text.get(end..)?))
    }
}
