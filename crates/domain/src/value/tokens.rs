//! What a model read and wrote.

use serde::{Deserialize, Serialize};

/// Tokens of one or more calls, as far as the agent told them (spec 1.10). What it did not tell is `None`, never 0.
///
/// No token is counted in two of the fields: `input_tokens` are those read at the full price, and those that came from
/// the model's cache or were put into it stand beside them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Tokens read, without those of the two cache fields.
    #[serde(default)]
    pub input_tokens: Option<u64>,
    /// Tokens read from the model's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_tokens: Option<u64>,
    /// Tokens read and put into the model's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// Tokens written.
    #[serde(default)]
    pub output_tokens: Option<u64>,
    /// All of them, or more where the agent counts others too.
    #[serde(default)]
    pub total_tokens: Option<u64>,
    /// The model, when known; the last one named when calls are added up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl TokenUsage {
    /// Input and output tokens; the total is their sum.
    pub const fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            input_tokens: Some(input_tokens),
            cached_input_tokens: None,
            cache_write_tokens: None,
            output_tokens: Some(output_tokens),
            total_tokens: Some(input_tokens.saturating_add(output_tokens)),
            model: None,
        }
    }

    /// Whether any number of tokens is known.
    pub const fn is_known(&self) -> bool {
        self.input_tokens.is_some()
            || self.cached_input_tokens.is_some()
            || self.cache_write_tokens.is_some()
            || self.output_tokens.is_some()
            || self.total_tokens.is_some()
    }

    /// Adds another call's tokens. A sum is that of the known numbers, and unknown only if none of them is known.
    pub fn add(&mut self, other: &Self) {
        self.input_tokens = sum(self.input_tokens, other.input_tokens);
        self.cached_input_tokens = sum(self.cached_input_tokens, other.cached_input_tokens);
        self.cache_write_tokens = sum(self.cache_write_tokens, other.cache_write_tokens);
        self.output_tokens = sum(self.output_tokens, other.output_tokens);
        self.total_tokens = sum(self.total_tokens, other.total_tokens);
        if other.model.is_some() {
            self.model.clone_from(&other.model);
        }
    }
}

/// The sum of what is known.
const fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (Some(known), None) | (None, Some(known)) => Some(known),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_call_told_stays_unknown_in_the_sum() {
        let mut tokens = TokenUsage::default();
        tokens.add(&TokenUsage { input_tokens: Some(3), ..TokenUsage::default() });
        assert_eq!((tokens.input_tokens, tokens.output_tokens, tokens.total_tokens), (Some(3), None, None));
        tokens.add(&TokenUsage { cached_input_tokens: Some(5), ..TokenUsage::new(4, 1) });
        assert_eq!((tokens.input_tokens, tokens.output_tokens, tokens.total_tokens), (Some(7), Some(1), Some(5)));
        assert_eq!((tokens.cached_input_tokens, tokens.cache_write_tokens), (Some(5), None));
    }

    #[test]
    fn tokens_that_were_stored_before_caches_were_counted_are_read() {
        let stored = r#"{"input_tokens": 12, "output_tokens": 3, "total_tokens": 15, "model": "m"}"#;
        let tokens: TokenUsage = serde_json::from_str(stored).unwrap();
        assert_eq!(tokens, TokenUsage { model: Some("m".into()), ..TokenUsage::new(12, 3) });
    }

    #[test]
    fn unknown_tokens_are_null() {
        let tokens = TokenUsage { total_tokens: Some(9), ..TokenUsage::default() };
        let json = serde_json::to_value(&tokens).unwrap();
        assert_eq!(json, serde_json::json!({"input_tokens": null, "output_tokens": null, "total_tokens": 9}));
        assert_eq!(serde_json::from_value::<TokenUsage>(json).unwrap(), tokens);
    }
}
