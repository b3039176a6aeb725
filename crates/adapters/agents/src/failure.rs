//! Short ways to say why a task failed.

use procession_application::ports::AgentFailure;
use procession_domain::{
    event::Usage,
    value::{ErrorCode, RetryAfter},
};

/// The longest message of a failure, in characters: an agent's error text may be a whole page.
const LONGEST_MESSAGE: usize = 2_000;

/// A failure with a code and a message, of unknown cost.
pub(crate) fn failed(code: ErrorCode, message: impl AsRef<str>) -> AgentFailure {
    failed_for(code, message, None)
}

/// The same with the time for which the agent asks to be left alone. A time that nobody can mean is told.
pub(crate) fn failed_for(code: ErrorCode, message: impl AsRef<str>, pause: Option<&RetryAfter>) -> AgentFailure {
    let mut message = shortened(message.as_ref(), LONGEST_MESSAGE);
    if let Some(asked) = pause.and_then(RetryAfter::absurd) {
        message = format!("{message}; it asks callers to wait longer than a year (Retry-After: {asked})");
    }
    AgentFailure::Failed { code, message, retry_after: pause.map(RetryAfter::delay), usage: Usage::default() }
}

/// A failure that is paid for all the same.
pub(crate) fn paid(failure: AgentFailure, paid: Usage) -> AgentFailure {
    match failure {
        AgentFailure::Failed { code, message, retry_after, usage: _ } => {
            AgentFailure::Failed { code, message, retry_after, usage: paid }
        }
        busy @ AgentFailure::Busy { .. } => busy,
    }
}

/// The first `longest` characters of a text; an ellipsis says that there was more.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
