//! What is wrong with a text, as it is shown to people and programs (spec 1.11).

use std::{collections::HashSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    code::{Code, Severity},
    source::{Source, Span},
};

/// One problem with its place. Lines and columns count from 1, columns in characters; the end is the place just behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// Whether it makes the definition unusable.
    pub severity: Severity,
    /// What is wrong and what to do, as a sentence.
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
}

/// No more problems than this are listed.
const MOST_DIAGNOSTICS: usize = 1_000;

/// A problem whose place is still a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub code: Code,
    pub message: String,
    pub path: String,
    pub span: Span,
    pub suggestion: Option<String>,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Problem>,
    not_kept: usize,
}

impl Diagnostic {
    /// Whether it makes the definition unusable.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} [{}]: {}", self.line, self.column, self.severity, self.code, self.message)
    }
}

impl Problem {
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), path: String::new(), span, suggestion: None }
    }

    pub fn at(mut self, path: impl fmt::Display) -> Self {
        self.path = path.to_string();
        self
    }

    pub fn suggest(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        // Twice as many as are shown, so that a flood of warnings leaves room for the errors behind them.
        let room = match problem.code.severity() {
            Severity::Error => 2 * MOST_DIAGNOSTICS,
            Severity::Warning => MOST_DIAGNOSTICS,
        };
        if self.found.len() < room {
            self.found.push(problem);
        } else {
            self.not_kept += 1;
        }
    }

    /// Whether what is found now will probably be listed, so that it is worth looking for its exact place.
    pub fn has_room(&self) -> bool {
        self.found.len() < MOST_DIAGNOSTICS
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|problem| problem.code.severity() == Severity::Error)
    }

    /// Whether every error found so far is of this kind.
    pub fn are_only(&self, code: Code) -> bool {
        let is_other_error = |problem: &Problem| problem.code != code && problem.code.severity() == Severity::Error;
        !self.found.iter().any(is_other_error)
    }

    /// Forgets those that a cut-off document makes doubtful.
    pub fn retain(&mut self, keep: impl Fn(&Problem) -> bool) {
        self.found.retain(keep);
    }

    /// The diagnostics in the order of their places, each once: what an anchor holds is checked at each alias.
    pub fn into_diagnostics(self, source: &Source<'_>) -> Vec<Diagnostic> {
        let Self { found: mut problems, mut not_kept } = self;
        let mut seen = HashSet::new();
        problems.retain(|problem| seen.insert((problem.code, problem.span, problem.message.clone())));
        if problems.len() > MOST_DIAGNOSTICS {
            problems.sort_by_key(|problem| problem.code.severity());
            not_kept += problems.len() - MOST_DIAGNOSTICS;
            problems.truncate(MOST_DIAGNOSTICS);
        }
        problems.sort_by_key(|problem| (problem.span.start, problem.code.severity(), problem.code));
        if not_kept > 0 {
            let end = source.text().len();
            let message = format!("{not_kept} more problems are not listed; solve these first");
            problems.push(Problem::new(Code::TooManyProblems, Span::new(end, end), message));
        }
        problems.into_iter().map(|problem| diagnostic(problem, source)).collect()
    }
}

fn diagnostic(problem: Problem, source: &Source<'_>) -> Diagnostic {
    let Problem { code, message, path, span, suggestion } = problem;
    // Line breaks, and white space behind a value, belong to no problem that people see.
    let text = source.slice(span);
    let visible = match text.trim_end().len() {
        0 => text.find(['\n', '\r']).unwrap_or(text.len()),
        length => length,
    };
    let start = source.position(span.start);
    let end = source.position(span.start + visible);
    Diagnostic {
        code,
        severity: code.severity(),
        message,
        path,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        suggestion,
    }
}
