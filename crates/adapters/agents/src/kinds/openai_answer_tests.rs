use serde_json::json;

use super::*;

fn answer(value: &Value) -> ChatAnswer {
    ChatAnswer::read(value.to_string().as_bytes()).unwrap()
}

fn error(value: &Value) -> Option<(ErrorCode, String)> {
    answer(value).error().map(|error| (error.code, error.words))
}

#[test]
fn the_text_counts_whatever_stands_around_it() {
    for rest in [
        json!({}),
        json!({"usage": null, "model": null, "error": null}),
        json!({"usage": [], "model": 7, "error": ""}),
        json!({"usage": "much", "model": {"name": "m"}, "error": {}, "id": 1, "created": "now"}),
        json!({"error": {"code": 0, "message": "success"}}),
        json!({"error": {"code": null, "message": ""}}),
        json!({"code": 200, "message": "ok"}),
    ] {
        for end in [json!(null), json!("stop"), json!(3), json!({"type": "stop"}), json!([])] {
            let mut body = rest.clone();
            body["choices"] = json!([{"finish_reason": end, "message": {"content": "fine"}, "error": null}]);
            let answer = answer(&body);
            assert_eq!((answer.text().as_deref(), answer.error()), (Some("fine"), None), "{body}");
        }
    }
}

#[test]
fn content_may_be_parts() {
    let text = |content: Value| answer(&json!({"choices": [{"message": {"content": content}}]})).text();
    assert_eq!(text(json!([{"type": "text", "text": "Hel"}, {"type": "image"}, "lo"])).as_deref(), Some("Hello"));
    assert_eq!(text(json!({"type": "text", "text": "Hello"})).as_deref(), Some("Hello"));
    assert_eq!(text(json!([])), None);
    assert_eq!(answer(&json!({"choices": [null, {"text": "old"}]})).text().as_deref(), Some("old"));
}

#[test]
fn an_error_keeps_its_code_and_words_wherever_it_stands() {
    let told = json!({"message": "slow down", "code": 429});
    for body in [
        json!({"error": told}),
        json!({"error": told, "choices": null}),
        json!({"error": told, "choices": []}),
        json!({"error": told, "choices": [{"message": {"content": "half a"}}]}),
        json!({"choices": [{"error": told}]}),
        json!({"choices": [{"error": told, "finish_reason": "error", "message": {"content": ""}}]}),
        json!({"choices": [{"error": told, "message": {"content": "half a"}}]}),
        json!({"error": "slow down", "code": "429"}),
        json!({"error": {"message": "slow down", "status": 429.0}}),
        json!({"error": {"message": "slow down", "type": "rate_limit_error"}}),
        json!({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}),
        json!({"error": {"message": "slow down", "status": "RESOURCE_EXHAUSTED"}}),
        json!({"error": {"error": {"message": "slow down", "code": 429}}}),
        json!({"code": 429, "msg": "slow down"}),
        json!({"error": 429, "message": "slow down"}),
    ] {
        assert_eq!(error(&body), Some((ErrorCode::RateLimited, "slow down".into())), "{body}");
    }
}

#[test]
fn codes_of_errors_mean_what_they_mean_as_a_status() {
    for (code, expected) in [
        (json!(401), ErrorCode::Unauthorized),
        (json!(403), ErrorCode::Unauthorized),
        (json!("invalid_api_key"), ErrorCode::Unauthorized),
        (json!("authentication_error"), ErrorCode::Unauthorized),
        (json!(502), ErrorCode::AgentUnavailable),
        (json!("503"), ErrorCode::AgentUnavailable),
        (json!(529), ErrorCode::AgentUnavailable),
        (json!("overloaded_error"), ErrorCode::AgentUnavailable),
        (json!("Too Many Requests"), ErrorCode::RateLimited),
        (json!(500), ErrorCode::AgentError),
        (json!(400), ErrorCode::AgentError),
        (json!("invalid_request_error"), ErrorCode::AgentError),
        (json!(1302), ErrorCode::AgentError),
        (json!(null), ErrorCode::AgentError),
    ] {
        let body = json!({"error": {"message": "no", "code": code}});
        assert_eq!(error(&body), Some((expected, "no".into())), "{body}");
    }
}

#[test]
fn an_error_without_words_shows_what_there_is() {
    assert_eq!(error(&json!({"error": {"code": 503}})), Some((ErrorCode::AgentUnavailable, r#"{"code":503}"#.into())));
    assert_eq!(error(&json!({"error": true})), Some((ErrorCode::AgentError, "true".into())));
    assert_eq!(error(&json!({"choices": []})), None);
    assert_eq!(error(&json!({"id": "x", "choices": null})), None);
}

#[test]
fn an_error_may_say_when_to_come_back() {
    let asked = |error: Value| answer(&json!({"error": error})).error().unwrap().retry_after;
    assert_eq!(asked(json!({"message": "no", "retry_after": 7})).as_deref(), Some("7"));
    assert_eq!(asked(json!({"message": "no", "metadata": {"headers": {"Retry-After": "7"}}})).as_deref(), Some("7"));
    assert_eq!(asked(json!({"message": "no", "retry_after": null})), None);
}

#[test]
fn an_answer_without_text_says_why() {
    for (choice, expected) in [
        (
            json!({"finish_reason": "length", "message": {"content": null}}),
            "the model answered without text (finish_reason: length, the limit of tokens was reached)",
        ),
        (
            json!({"finish_reason": "content_filter", "message": {"content": ""}}),
            "the model answered without text (finish_reason: content_filter, a filter held text back)",
        ),
        (
            json!({"finish_reason": "stop", "message": {"refusal": "never"}}),
            "the model refused: never (finish_reason: stop)",
        ),
        (json!({"message": null}), "the model answered without text"),
    ] {
        let answer = answer(&json!({"choices": [choice]}));
        assert_eq!((answer.text(), answer.why_no_text().as_str()), (None, expected));
    }
    let empty = answer(&json!({"choices": null})).why_no_text();
    assert_eq!(empty, r#"the endpoint's response has no choices: {"choices":null}"#);
}
