//! What a model read and wrote.

use serde::{Deserialize, Serialize};

/// Tokens of one or more calls, as the agent reported them (spec 1.10).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Both, or more where the agent counts others too.
    pub total_tokens: u64,
    /// The model, when known; the last one named when calls are added up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl TokenUsage {
    /// Input and output tokens; the total is their sum.
    pub const fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self { input_tokens, output_tokens, total_tokens: input_tokens.saturating_add(output_tokens), model: None }
    }

    /// Adds another call's tokens.
    pub fn add(&mut self, other: &Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.total_tokens = self.total_tokens.saturating_add(other.total_tokens);
        if other.model.is_some() {
            self.model.clone_from(&other.model);
        }
    }
}
