//! Why a model stopped writing.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest reason that is kept, in characters; those in use are single words.
const LONGEST: usize = 64;

/// Ends that leave a reply whole, in the words of several providers, in lower case.
const WHOLE: [&str; 10] = [
    "stop",
    "end_turn",
    "stop_sequence",
    "eos",
    "eos_token",
    "complete",
    "completed",
    "tool_calls",
    "tool_use",
    "function_call",
];

/// Why a model stopped writing, in the words of its provider: `stop`, `length`, `content_filter`, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FinishReason(String);

impl FinishReason {
    /// What a provider says; `None` if that is nothing. Control characters are left out, and what is too long is cut.
    pub fn new(text: &str) -> Option<Self> {
        let word: String = text.trim().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        (!word.is_empty()).then_some(Self(word))
    }

    /// The provider's word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the model had simply said all it wanted to: `stop`, in any case. Only other reasons are shown.
    pub fn is_stop(&self) -> bool {
        self.0.eq_ignore_ascii_case("stop")
    }

    /// Whether the reply is not all that the model would have written. An unknown reason counts as such.
    pub fn is_cut(&self) -> bool {
        !WHOLE.iter().any(|whole| self.0.eq_ignore_ascii_case(whole))
    }

    /// What is known about the reason, as the end of a sentence.
    fn explanation(&self) -> Option<&'static str> {
        match self.0.to_ascii_lowercase().as_str() {
            "length" | "max_tokens" | "max_output_tokens" | "model_length" => Some("the limit of tokens was reached"),
            "content_filter" | "content-filter" | "safety" | "recitation" | "prohibited_content" | "blocklist"
            | "refusal" => Some("a filter held text back"),
            "tool_calls" | "tool_use" | "function_call" => Some("the model asks for a tool"),
            "error" => Some("the provider had an error"),
            _ => None,
        }
    }

    /// The warning about a reply that was cut; `None` for one that is whole.
    pub fn warning(&self) -> Option<String> {
        self.is_cut().then(|| format!("the reply was cut off ({self})"))
    }
}

/// `finish_reason: length, the limit of tokens was reached`.
impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "finish_reason: {}", self.0)?;
        match self.explanation() {
            Some(explanation) => write!(f, ", {explanation}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> FinishReason {
        FinishReason::new(text).unwrap()
    }

    #[test]
    fn a_reply_is_cut_unless_its_end_is_one_of_the_usual_ones() {
        for whole in ["stop", "STOP", "end_turn", "stop_sequence", "eos", "tool_calls"] {
            assert!(!reason(whole).is_cut() && reason(whole).warning().is_none(), "{whole}");
        }
        for cut in ["length", "max_tokens", "MAX_TOKENS", "content_filter", "SAFETY", "error", "out_of_luck"] {
            assert!(reason(cut).is_cut(), "{cut}");
        }
        assert!(reason("Stop").is_stop() && !reason("end_turn").is_stop());
    }

    #[test]
    fn the_warning_names_and_explains_the_reason() {
        let warning = |text| reason(text).warning().unwrap();
        assert_eq!(warning("length"), "the reply was cut off (finish_reason: length, the limit of tokens was reached)");
        assert_eq!(
            warning("content_filter"),
            "the reply was cut off (finish_reason: content_filter, a filter held text back)"
        );
        assert_eq!(warning("odd"), "the reply was cut off (finish_reason: odd)");
    }

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(FinishReason::new(" \n"), None);
        assert_eq!(reason("\u{1b}[31mred\n").as_str(), "[31mred");
        assert_eq!(reason(&"x".repeat(1_000)).as_str().len(), 64);
    }
}
