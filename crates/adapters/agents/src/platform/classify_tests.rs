use procession_domain::value::ErrorCode;
use serde_json::json;

use super::*;

fn code(trouble: Trouble) -> Option<ErrorCode> {
    match trouble.into_failure(false) {
        AgentFailure::Busy { .. } => None,
        AgentFailure::Failed { code, .. } => Some(code),
    }
}

fn api(status: u16, body: &str) -> Trouble {
    tool_error(&format!("Tool 'chat_with_agent' execution failed: API error ({status}): {body}"))
}

#[test]
fn texts_of_failed_tools_are_classified_by_status_and_detail() {
    let cases = [
        (429, r#"{"detail": "Agent 'a' is at capacity (3/3 tasks running)"}"#, None),
        (429, r#"{"detail": "Subscription usage limit reached"}"#, Some(ErrorCode::RateLimited)),
        (503, r#"{"detail": "Subscription usage limit reached, resets 5pm"}"#, Some(ErrorCode::RateLimited)),
        (503, r#"{"detail": "Agent is not running"}"#, Some(ErrorCode::AgentUnavailable)),
        (503, r#"{"detail": "Failed to communicate with agent: boom"}"#, Some(ErrorCode::AgentError)),
        (404, r#"{"detail": "Agent not found"}"#, Some(ErrorCode::AgentNotFound)),
        (403, r#"{"detail": "You don't have access"}"#, Some(ErrorCode::AccessDenied)),
        (504, r#"{"detail": "Task execution timed out after 60 seconds"}"#, Some(ErrorCode::Timeout)),
        (500, "Internal Server Error", Some(ErrorCode::AgentError)),
        (502, "<html>", Some(ErrorCode::AgentError)),
        (401, r#"{"detail": "Could not validate credentials"}"#, Some(ErrorCode::Unauthorized)),
        (422, r#"{"detail": [{"msg": "field required"}]}"#, Some(ErrorCode::AgentError)),
    ];
    for (status, body, expected) in cases {
        assert_eq!(code(api(status, body)), expected, "{status} {body}");
    }
}

#[test]
fn what_broke_after_the_call_had_left_has_an_unknown_outcome() {
    for text in ["fetch failed", "This operation was aborted", "socket hang up\nat line 2"] {
        let trouble = tool_error(&format!("Tool 'chat_with_agent' execution failed: {text}"));
        assert_eq!(trouble, Trouble::UnknownOutcome(text.to_owned()));
    }
    for failure in [
        CallFailure::Lost("reset".into()),
        CallFailure::TimedOut("45 s".into()),
        CallFailure::Http { status: 502, rpc_code: None, text: "HTTP 502".into(), retry_after: None },
        CallFailure::SessionLost { text: "HTTP 400: no such session".into(), by_status: false },
        CallFailure::Rpc { code: -32_001, message: "Session not found".into() },
    ] {
        assert!(matches!(lost_call(failure.clone()), Trouble::UnknownOutcome(_)), "{failure:?}");
    }
    assert!(matches!(lost_call(CallFailure::NotSent("refused".into())), Trouble::NotSent(_)));
}

#[test]
fn the_detail_is_shown_and_not_its_json() {
    let Trouble::AgentError(message) = api(500, r#"{"detail": "boom"}"#) else {
        panic!("an agent's error");
    };
    assert_eq!(message, "the platform says: boom (HTTP 500)");
}

#[test]
fn refusals_that_are_no_errors_are_found_in_the_body() {
    let denied = |reason: &str| json!({"error": "Access denied", "reason": reason, "caller": "x", "target": "y"});
    let busy = |details: serde_json::Value| {
        json!({"status": "agent_busy", "agent": "a", "queue_status": "queue_full",
        "retry_after_seconds": 30, "details": details})
    };
    let cases = [
        (denied("Target agent 'y' not found"), Some(Some(ErrorCode::AgentNotFound))),
        (denied("You do not own this agent"), Some(Some(ErrorCode::AccessDenied))),
        (busy(json!({"detail": {"queue_length": 4, "retry_after": 30}})), Some(None)),
        (busy(json!({"detail": "Rate limited by the provider"})), Some(Some(ErrorCode::RateLimited))),
        (busy(json!({"detail": {"auto_switch": true}})), Some(Some(ErrorCode::RateLimited))),
        (busy(json!(null)), Some(None)),
        (json!({"status": "accepted", "execution_id": "1"}), None),
        (json!({"status": "failed", "error": "boom"}), None),
    ];
    for (body, expected) in cases {
        assert_eq!(refusal(&body).map(code), expected, "{body}");
    }
}

#[test]
fn a_busy_agent_says_why() {
    let reason = |body: serde_json::Value| match refusal(&body) {
        Some(Trouble::Busy(reason)) => reason,
        other => panic!("{body}: {other:?}"),
    };
    let busy = json!({"status": "agent_busy", "message": "The agent is busy"});
    assert_eq!(reason(busy), "the platform says: The agent is busy");
    let detail = json!({"queue_length": 3, "error": "Agent queue is full"});
    let full = json!({"status": "agent_busy", "details": {"detail": detail}});
    assert_eq!(reason(full), "the platform says: Agent queue is full");
    assert_eq!(reason(json!({"status": "agent_busy"})), "the platform says: its queue is full");
    let Trouble::Busy(reason) = api(429, r#"{"detail": "Agent 'a' is at capacity (3/3 tasks running)"}"#) else {
        panic!("busy");
    };
    assert_eq!(reason, "the platform says: Agent 'a' is at capacity (3/3 tasks running) (HTTP 429)");
}

#[test]
fn errors_of_executions_tell_the_sweepers_mistakes_from_real_ones() {
    let cases = [
        ("Silent launch failure: no session id after 60 s", Trouble::FalselyFailed(String::new())),
        ("Execution exceeded 120-minute timeout", Trouble::FalselyFailed(String::new())),
        ("Task execution timed out after 300 seconds", Trouble::TimedOut(String::new())),
        ("API error (504): gateway", Trouble::TimedOut(String::new())),
        ("Subscription usage limit reached", Trouble::RateLimited { message: String::new(), pause: None }),
        ("Agent at capacity (3/3)", Trouble::Busy(String::new())),
        ("Traceback: ValueError", Trouble::AgentError(String::new())),
        ("", Trouble::AgentError(String::new())),
    ];
    for (text, expected) in cases {
        let found = failed_execution(text);
        assert_eq!(std::mem::discriminant(&found), std::mem::discriminant(&expected), "{text}: {found:?}");
    }
}

#[test]
fn a_401_is_a_bad_key_until_the_key_has_worked() {
    let trouble = || lost_call(CallFailure::Unauthorized("the server rejected the key (HTTP 401)".into()));
    let code_of = |key_has_worked| match trouble().into_failure(key_has_worked) {
        AgentFailure::Failed { code, .. } => code,
        AgentFailure::Busy { .. } => panic!("not busy"),
    };
    assert_eq!(code_of(false), ErrorCode::Unauthorized);
    assert_eq!(code_of(true), ErrorCode::AgentUnavailable);
}

#[test]
fn a_server_that_does_not_understand_is_permanent() {
    for code_of_rpc in [-32_601, -32_602] {
        let failure = CallFailure::Rpc { code: code_of_rpc, message: "unknown tool".into() };
        assert_eq!(code(lost_call(failure)), Some(ErrorCode::InvalidConfig));
    }
}
