//! Problems while a text is checked, and how they become diagnostics.

use std::{collections::HashSet, fmt};

use procession_yaml::{Correction, Fix as Change, Kind, Node, Source, Span, rewritten, shown};

use crate::{
    code::{Code, Severity},
    diagnostic::{Diagnostic, Fix},
};

/// No more problems than this are listed.
const MOST_DIAGNOSTICS: usize = 100;

/// So many are kept to choose from: beyond them, problems are only counted.
const MOST_KEPT: usize = 400;

/// A problem whose place is still a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub code: Code,
    pub message: String,
    pub path: String,
    pub span: Span,
    pub suggestion: Option<String>,
    /// The change that does what is suggested; without one, what is suggested takes the place of the span.
    pub fix: Option<Change>,
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Problem>,
    not_kept: usize,
}

impl Problem {
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), path: String::new(), span, suggestion: None, fix: None }
    }

    pub fn at(mut self, path: impl fmt::Display) -> Self {
        self.path = path.to_string();
        self
    }

    pub fn suggest(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }

    /// Suggests what takes another change than that of the whole span.
    pub fn correct(mut self, correction: Option<Correction>) -> Self {
        if let Some(Correction { shown, fix }) = correction {
            (self.suggestion, self.fix) = (Some(shown), Some(fix));
        }
        self
    }
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        if self.has_room_for(problem.code) {
            self.found.push(problem);
        } else {
            self.not_kept += 1;
        }
    }

    /// Whether a problem of this kind would be kept. A flood of warnings leaves room for the errors behind them.
    pub fn has_room_for(&self, code: Code) -> bool {
        let room = match code.severity() {
            Severity::Error => MOST_KEPT,
            Severity::Warning => MOST_KEPT / 2,
        };
        self.found.len() < room
    }

    /// Counts a problem for which there is no room.
    pub const fn count(&mut self) {
        self.not_kept += 1;
    }

    /// Whether what is found now may be listed, so that it is worth looking for its exact place and what was meant.
    pub fn has_room(&self) -> bool {
        self.found.len() < MOST_KEPT
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|problem| problem.code.severity() == Severity::Error)
    }

    /// Forgets the errors that only unknown keys have, read as they are meant, and no longer suggests to write these so.
    pub fn forget_errors_of_meant(&mut self) {
        let is_error = |problem: &Problem| problem.code.severity() == Severity::Error;
        let (errors, mut kept): (Vec<Problem>, Vec<Problem>) = self.found.drain(..).partition(is_error);
        for problem in kept.iter_mut().filter(|problem| problem.code == Code::UnknownKey) {
            if errors.iter().any(|error| error.path.starts_with(&problem.path)) {
                (problem.suggestion, problem.fix) = (None, None);
            }
        }
        self.found = kept;
    }

    /// How many problems of a kind were found.
    pub fn count_of(&self, code: Code) -> usize {
        self.found.iter().filter(|problem| problem.code == code).count()
    }

    /// A problem that was found, to change what it suggests.
    pub fn find(&mut self, code: Code, span: Span) -> Option<&mut Problem> {
        self.found.iter_mut().find(|problem| problem.code == code && problem.span == span)
    }

    /// Takes over that there are errors if the text is read as it is written: at the same places, or else at the unknown
    /// keys that have been read as they are meant.
    pub fn blame_for_errors(&mut self, as_written: Self) {
        let errors = as_written.found.into_iter().filter(|problem| problem.code.severity() == Severity::Error);
        let mut unplaced = Vec::new();
        for error in errors {
            match self.found.iter_mut().find(|found| found.span == error.span) {
                Some(found) => *found = error,
                None => unplaced.push(error),
            }
        }
        if unplaced.is_empty() {
            return;
        }
        let meant = self.found.iter_mut().filter(|found| found.code == Code::UnknownKey && found.suggestion.is_some());
        let mut meant = meant.peekable();
        if meant.peek().is_none() {
            drop(meant);
            for error in unplaced {
                self.push(error);
            }
            return;
        }
        meant.for_each(|found| found.code = Code::MissingKey);
    }

    /// Forgets those that a cut-off document makes doubtful.
    pub fn retain(&mut self, keep: impl Fn(&Problem) -> bool) {
        self.found.retain(keep);
    }

    /// The diagnostics in the order of their places, each once (what an anchor holds is checked at each alias), and how
    /// many problems are not among them. Of too many, errors come before warnings and then the first ones.
    pub fn into_diagnostics(self, source: &Source<'_>, root: Option<&Node<'_>>) -> (Vec<Diagnostic>, usize) {
        let Self { found: mut problems, mut not_kept } = self;
        let mut seen = HashSet::new();
        problems.retain(|problem| seen.insert((problem.code, problem.span, problem.message.clone())));
        if problems.len() > MOST_DIAGNOSTICS {
            problems.sort_by_key(|problem| (problem.code.severity(), problem.span.start));
            not_kept += problems.len() - MOST_DIAGNOSTICS;
            problems.truncate(MOST_DIAGNOSTICS);
        }
        problems.sort_by_key(|problem| (problem.span.start, problem.code.severity(), problem.code));
        if not_kept > 0 {
            let end = source.text().len();
            let (problems_are, these) =
                if not_kept == 1 { ("problem is", "the others") } else { ("problems are", "these") };
            let message = format!("{not_kept} more {problems_are} not listed; solve {these} first");
            problems.push(Problem::new(Code::TooManyProblems, Span::new(end, end), message));
        }
        (problems.into_iter().map(|problem| diagnostic(problem, source, root)).collect(), not_kept)
    }
}

fn diagnostic(problem: Problem, source: &Source<'_>, root: Option<&Node<'_>>) -> Diagnostic {
    let Problem { code, message, path, span, suggestion, fix } = problem;
    let step_id = root.and_then(|root| step_id(root, &path)).map(|id| shown(id.trim()));
    let mut message = shown(&message);
    if let Some(id) = step_id.as_ref().filter(|id| !message.contains(&format!("`{id}`"))) {
        message = format!("step `{id}`: {message}");
    }
    let span = Span::new(span.start, span.start + visible_length(source.slice(span)));
    let fix = fix.or_else(|| {
        let text = rewritten(source.slice(span), suggestion.as_deref()?);
        Some(Change { span, text })
    });
    let (start, end) = (source.position(span.start), source.position(span.end));
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
        step_id,
        fix: fix.map(|Change { span, text }| {
            let (start, end) = (source.position(span.start), source.position(span.end));
            Fix { line: start.line, column: start.column, end_line: end.line, end_column: end.column, text }
        }),
    }
}

/// Without line breaks, and white space behind a value, which belong to no problem that people see.
fn visible_length(text: &str) -> usize {
    match text.trim_end().len() {
        0 => text.find(['\n', '\r']).unwrap_or(text.len()),
        length => length,
    }
}

/// The id, as written, of the step that a path leads into.
fn step_id<'n>(root: &'n Node<'_>, path: &str) -> Option<&'n str> {
    let rest = path.strip_prefix("steps")?;
    let steps = &root.get("steps")?.value;
    let step = match &steps.kind {
        Kind::List(items) => {
            let index = rest.strip_prefix('[')?.split(']').next()?.parse::<usize>().ok()?;
            items.get(index)?
        }
        // They should be a list, but they are checked like one.
        Kind::Map(entries) => {
            let key = rest.strip_prefix('.')?.split(['.', '[']).next()?;
            let entry = entries.iter().find(|entry| entry.key == key)?;
            if entry.value.get("id").is_none() {
                return Some(&entry.key);
            }
            &entry.value
        }
        Kind::Scalar(_) | Kind::Broken => return None,
    };
    step.get("id")?.value.scalar_text().filter(|id| !id.trim().is_empty())
}
