//! The messages of MCP as servers really write them: a refusal belongs to the request whose answer it stands in, though
//! its id may be null, absent, or another one.

use rmcp::model::{ErrorCode, ErrorData, RequestId, ServerJsonRpcMessage};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::{
    error_body::{SHOWN_OF_ERROR, words},
    failure::shortened,
    lenient_json::first_value,
};

/// The code of an error that brings none: the first of those that servers may define.
const SOME_ERROR: i32 = -32_000;

/// What tells an error from other messages.
#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    result: Option<IgnoredAny>,
    #[serde(default)]
    method: Option<IgnoredAny>,
}

impl Outline {
    /// The error that a message is.
    fn into_error(self) -> Option<ErrorData> {
        let error = self.error.filter(|_| self.result.is_none() && self.method.is_none())?;
        let code = error.get("code").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok());
        let message = words(&error).map_or_else(|| error.to_string(), str::to_owned);
        let data = error.get("data").filter(|data| !data.is_null()).cloned();
        Some(ErrorData::new(ErrorCode(code.unwrap_or(SOME_ERROR)), shortened(&message, SHOWN_OF_ERROR), data))
    }
}

/// The JSON-RPC error that a body is, with its code.
pub(crate) fn error_of_body(body: &[u8]) -> Option<ErrorData> {
    let value = first_value(body)?;
    value.pointer("/error/code")?.as_i64()?;
    serde_json::from_value::<Outline>(value).ok()?.into_error()
}

/// An error as the answer to a request: the one that a body holds, or these words.
pub(crate) fn refusal_message(body: &[u8], else_words: &str, request: &RequestId) -> ServerJsonRpcMessage {
    let error = error_of_body(body).unwrap_or_else(|| ErrorData::invalid_request(else_words.to_owned(), None));
    ServerJsonRpcMessage::error(error, Some(request.clone()))
}

/// The message that a body is, as the answer to the request to which it was sent.
pub(crate) fn answer_to(body: &[u8], request: &RequestId) -> Option<ServerJsonRpcMessage> {
    let value = first_value(body).filter(Value::is_object)?;
    if let Some(error) = Outline::deserialize(&value).ok().and_then(Outline::into_error) {
        return Some(ServerJsonRpcMessage::error(error, Some(request.clone())));
    }
    match serde_json::from_value(value).ok()? {
        ServerJsonRpcMessage::Response(mut response) => {
            response.id = request.clone();
            Some(ServerJsonRpcMessage::Response(response))
        }
        other => Some(other),
    }
}

/// The text of an event that is an error, as the answer to the request whose stream it came in; `None` for other events.
pub(crate) fn error_in(data: &str, request: &RequestId) -> Option<String> {
    // Answers may be large, and most are none; a list is no message.
    if !data.trim_start().starts_with('{') || !data.contains("\"error\"") {
        return None;
    }
    let error = serde_json::from_str::<Outline>(data).ok()?.into_error()?;
    serde_json::to_string(&ServerJsonRpcMessage::error(error, Some(request.clone()))).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REQUEST: RequestId = RequestId::Number(7);

    #[test]
    fn an_error_answers_its_request_whatever_id_it_carries() {
        for error in [
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32_000, "message": "no"}}),
            json!({"jsonrpc": "2.0", "error": {"code": -32_000, "message": "no"}}),
            json!({"jsonrpc": "2.0", "id": "server-error", "error": {"code": -32_000, "message": "no"}}),
            json!({"jsonrpc": "2.0", "id": 99, "error": {"code": -32_000, "message": "no"}}),
            json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32_000, "message": "no"}}),
            json!({"id": {"odd": 1}, "error": {"code": "E_NO", "message": "no"}}),
            json!({"error": "no"}),
        ] {
            let text = error.to_string();
            let expected = json!({"jsonrpc": "2.0", "id": 7, "error": {"code": -32_000, "message": "no"}});
            let answer = answer_to(text.as_bytes(), &REQUEST).unwrap();
            assert_eq!(serde_json::to_value(&answer).unwrap(), expected, "{text}");
            let event: Value = serde_json::from_str(&error_in(&text, &REQUEST).unwrap()).unwrap();
            assert_eq!(event, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_error_is_left_as_it_is() {
        for message in [
            json!({"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": "\"error\""}]}}),
            json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"error": "x", "level": "error"}}),
            json!({"jsonrpc": "2.0", "id": 7, "result": {}, "error": null}),
        ] {
            assert_eq!(error_in(&message.to_string(), &REQUEST), None, "{message}");
        }
        assert!(answer_to(b"<html>", &REQUEST).is_none());
        assert!(answer_to(br#"{"hello": 1}"#, &REQUEST).is_none());
    }

    #[test]
    fn an_answer_that_stands_alone_is_that_of_the_request() {
        let body = br#"{"jsonrpc": "2.0", "id": 99, "result": {}}"#;
        let Some(ServerJsonRpcMessage::Response(response)) = answer_to(body, &REQUEST) else {
            panic!("a response");
        };
        assert_eq!(response.id, REQUEST);
    }

    #[test]
    fn a_body_is_a_json_rpc_error_only_with_a_code() {
        let code = |body: &str| error_of_body(body.as_bytes()).map(|error| error.code.0);
        assert_eq!(
            code(r#"{"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "no"}}"#),
            Some(-32_600)
        );
        assert_eq!(code(r#"{"error": {"message": "no"}}"#), None);
        assert_eq!(code(r#"{"error": "no"}"#), None);
        assert_eq!(code("Bad Gateway"), None);
    }
}
