//! What goes over the wire to an OpenAI-compatible endpoint: `POST {base_url}/chat/completions`, not streamed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize)]
pub(super) struct ChatRequest<'a> {
    pub(super) model: &'a str,
    pub(super) messages: Vec<ChatMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct ChatMessage<'a> {
    pub(super) role: &'static str,
    pub(super) content: &'a str,
}

#[derive(Deserialize)]
pub(super) struct ChatResponse {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    pub(super) usage: Option<ChatUsage>,
    #[serde(default)]
    pub(super) model: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    message: Answer,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    content: Value,
    #[serde(default)]
    refusal: Option<String>,
}

/// Tokens as the endpoint counts them.
#[derive(Deserialize)]
pub(super) struct ChatUsage {
    #[serde(rename = "prompt_tokens")]
    pub(super) prompt: u64,
    #[serde(default, rename = "completion_tokens")]
    pub(super) completion: u64,
    #[serde(default, rename = "total_tokens")]
    pub(super) total: Option<u64>,
}

impl ChatResponse {
    /// The text of the first choice; the error is a sentence.
    pub(super) fn text(&self) -> Result<String, String> {
        let Some(choice) = self.choices.first() else {
            return Err("the endpoint answered without any choice".to_owned());
        };
        let text = match &choice.message.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
                texts.collect::<Vec<_>>().concat()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
        };
        match (&choice.message.refusal, text.is_empty()) {
            (_, false) => Ok(text),
            (Some(refusal), true) => Err(format!("the model refused: {refusal}")),
            (None, true) => Err("the model answered without text".to_owned()),
        }
    }
}

/// The message of an error's body: `{"error": {"message": …}}`, `{"error": …}`, `{"detail": …}`, or its beginning.
pub(super) fn error_message(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let found = ["/error/message", "/error", "/message", "/detail"]
        .into_iter()
        .find_map(|path| value.pointer(path).and_then(Value::as_str));
    match found {
        Some(message) => crate::failure::shortened(message, 500),
        None => crate::failure::shortened(String::from_utf8_lossy(body).trim(), 200),
    }
}
