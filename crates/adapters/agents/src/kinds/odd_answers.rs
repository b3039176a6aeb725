//! Properties: whatever an agent's server answers, reading it ends, and what was paid for is counted or unknown.

use procession_domain::value::TokenUsage;
use proptest::{prelude::*, sample::Index, test_runner::RngSeed};
use rmcp::model::{RequestId, ServerJsonRpcMessage};

use super::openai_answer::ChatAnswer;
use crate::{
    lenient_json::first_value,
    mcp_events::event_data,
    mcp_message::{answer_to, error_in, error_of_body, refusal_message},
};

const COMPLETION: &str = r#"{"id": "c1", "model": "small", "choices": [{"index": 0, "finish_reason": "stop",
 "message": {"role": "assistant", "content": "Hello"}}], "usage": {"prompt_tokens": 10, "completion_tokens": 2,
 "prompt_tokens_details": {"cached_tokens": 4}, "total_tokens": 12}, "error": null}"#;

const TOOL_RESULT: &str = r#"{"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": "done"}],
 "structuredContent": {"cost": 0.25}, "isError": false}}"#;

const REFUSAL: &str =
    "data: {\"jsonrpc\": \"2.0\", \"id\": null, \"error\": {\"code\": -32600, \"message\": \"no\"}}\n\n";

/// What is written into an answer.
const SPLINTERS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    "0.5",
    "NaN",
    "\\",
    "\\ud800",
    "\u{0}",
    "é",
    "\u{1F600}",
    "\n",
    "\n\n",
    "data:",
    "\"error\":",
    "\"code\":",
    "\"usage\":",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":",
];

/// A sound answer, a heap of splinters or any bytes, with some places overwritten.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let splinter = || prop::sample::select(SPLINTERS);
    let begun = prop_oneof![
        4 => prop::sample::select(vec![COMPLETION, TOOL_RESULT, REFUSAL]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(splinter(), 0..60).prop_map(|parts| parts.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ];
    let changes = prop::collection::vec((any::<Index>(), 0_usize..24, splinter()), 0..6);
    (begun, changes).prop_map(|(mut bytes, changes)| {
        for (place, taken, put) in changes {
            let from = place.index(bytes.len() + 1);
            let to = (from + taken).min(bytes.len());
            bytes.splice(from..to, put.bytes());
        }
        bytes
    })
}

fn holds_together(usage: &TokenUsage) -> bool {
    match (usage.input_tokens, usage.output_tokens, usage.total_tokens) {
        (Some(input), Some(output), Some(total)) => total >= input.saturating_add(output),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, rng_seed: RngSeed::Fixed(17), failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_answer_of_a_model_is_read_to_its_end(body in answers()) {
        let Some(answer) = ChatAnswer::read(&body) else { return Ok(()) };
        prop_assert!(answer.text().is_none_or(|text| !text.is_empty()));
        prop_assert!(!answer.why_no_text().is_empty());
        prop_assert!(answer.error().is_none_or(|error| !error.words.is_empty()));
        prop_assert!(answer.token_usage("small").is_none_or(|usage| holds_together(&usage)));
        let _ = answer.finish_reason();
    }

    #[test]
    fn any_answer_of_a_tool_server_is_the_requests_or_none(body in answers()) {
        let request = RequestId::Number(7);
        match answer_to(&body, &request) {
            Some(ServerJsonRpcMessage::Response(response)) => prop_assert_eq!(&response.id, &request),
            Some(ServerJsonRpcMessage::Error(error)) => prop_assert_eq!(error.id.as_ref(), Some(&request)),
            _ => {}
        }
        let refusal = refusal_message(&body, "refused", &request);
        prop_assert!(matches!(refusal, ServerJsonRpcMessage::Error(_)));
        let events = event_data(&body);
        let told = error_in(&String::from_utf8_lossy(&events), &request);
        prop_assert!(told.is_none_or(|text| first_value(text.as_bytes()).is_some()));
        let _ = error_of_body(&body);
    }
}

#[test]
fn deep_nesting_is_no_answer_and_ends_nothing() {
    for depth in [100, 1_000, 100_000] {
        for end in [String::new(), "]".repeat(depth)] {
            let body = "[".repeat(depth) + &end;
            assert!(ChatAnswer::read(body.as_bytes()).is_none());
            assert!(answer_to(body.as_bytes(), &RequestId::Number(7)).is_none());
        }
    }
}
