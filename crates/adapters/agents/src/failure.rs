//! Short ways to say why a task failed.

use procession_application::ports::AgentFailure;
use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode},
};

/// The longest message of a failure, in characters: an agent's error text may be a whole page.
const LONGEST_MESSAGE: usize = 2_000;

/// A failure with a code and a message, of unknown cost.
pub(crate) fn failed(code: ErrorCode, message: impl AsRef<str>) -> AgentFailure {
    AgentFailure::Failed {
        code,
        message: shortened(message.as_ref(), LONGEST_MESSAGE),
        retry_after: None,
        usage: Usage::default(),
    }
}

/// The same with the time for which the agent asks to be left alone.
pub(crate) fn failed_for(code: ErrorCode, message: impl AsRef<str>, retry_after: Option<Duration>) -> AgentFailure {
    AgentFailure::Failed {
        code,
        message: shortened(message.as_ref(), LONGEST_MESSAGE),
        retry_after,
        usage: Usage::default(),
    }
}

/// The first `longest` characters of a text; an ellipsis says that there was more.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
