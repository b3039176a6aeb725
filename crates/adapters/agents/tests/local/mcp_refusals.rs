//! Refusals of agents of kind `mcp`: told at once whatever id and status they carry, and never for ever.

use std::{path::Path, time::Duration as StdDuration};

use procession_agents::Router;
use procession_application::ports::{AgentFailure, AgentReply};
use procession_domain::value::{Duration, ErrorCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    support::{ManualClock, ask, failure, router, task},
    tool_server::{Refusal, ToolServer, WORDS},
};

/// "At once", on a machine that is busy with other tests.
const AT_ONCE: StdDuration = StdDuration::from_secs(20);

async fn remote(server: &ToolServer) -> Router {
    let text =
        format!("agents: {{remote: {{kind: mcp, url: '{}', tool: ask, argument: prompt}}}}", server.start().await);
    router(&ManualClock::new(), Path::new("."), &text, &[])
}

async fn call(router: &Router) -> Result<AgentReply, AgentFailure> {
    let task = task("remote", "hello");
    timeout(AT_ONCE, ask(router, &task)).await.expect("an answer at once")
}

/// The ids under which a refusal may come.
fn ids() -> [Option<Value>; 5] {
    [Some(Value::Null), None, Some(json!("server-error")), Some(json!(999)), Some(json!(0))]
}

#[tokio::test]
async fn a_refusal_is_told_at_once_whatever_its_status_and_id() {
    let server = ToolServer::default();
    let router = remote(&server).await;
    for status in [200, 400, 405, 406, 409, 410, 413, 418, 422, 500, 502, 503] {
        for refusal in ids().into_iter().flat_map(|id| [Refusal::json(status, id.clone()), Refusal::event(status, id)])
        {
            let body = refusal.body.clone();
            server.refuse_calls(refusal);
            let (code, message) = failure(call(&router).await);
            assert!(message.contains(WORDS), "{status} {body}: {message}");
            let expected = if status > 500 { ErrorCode::AgentUnavailable } else { ErrorCode::AgentError };
            assert_eq!(code, expected, "{status} {body}: {message}");
            assert!(status == 200 || message.contains(&status.to_string()), "{status} {body}: {message}");
        }
    }
}

#[tokio::test]
async fn texts_and_empty_bodies_are_told_too() {
    let server = ToolServer::default();
    let router = remote(&server).await;
    for (refusal, code, words) in [
        (Refusal::text(400, "no luck today"), ErrorCode::AgentError, "no luck today"),
        (Refusal::text(400, ""), ErrorCode::AgentError, "HTTP 400"),
        (Refusal::text(503, "<html>down</html>"), ErrorCode::AgentUnavailable, "down"),
        (Refusal::text(500, ""), ErrorCode::AgentUnavailable, "HTTP 500"),
        (Refusal::text(401, "who are you?"), ErrorCode::Unauthorized, "who are you?"),
        (Refusal::text(403, ""), ErrorCode::Unauthorized, "HTTP 403"),
        (Refusal::text(200, "a page"), ErrorCode::AgentUnavailable, "a page"),
    ] {
        let status = refusal.status;
        server.refuse_calls(refusal);
        let (found, message) = failure(call(&router).await);
        assert_eq!(found, code, "{status}: {message}");
        assert!(message.contains(words), "{status}: {message}");
    }
}

#[tokio::test]
async fn a_session_that_is_refused_in_any_way_is_replaced_before_the_next_call() {
    for refusal in [
        Refusal::json(400, Some(Value::Null)),
        Refusal::json(400, None),
        Refusal::json(400, Some(json!("server-error"))),
        Refusal::text(400, "Bad Request"),
        Refusal::text(400, ""),
        Refusal::text(401, "the key has changed"),
        Refusal::text(403, ""),
        Refusal::json(404, Some(Value::Null)),
        Refusal::text(404, "Not Found"),
        Refusal::text(410, ""),
        Refusal::json(422, None),
        Refusal::text(500, "session not found"),
        Refusal::json(200, Some(Value::Null)),
        Refusal::event(200, Some(Value::Null)),
        Refusal::event(200, None),
        Refusal {
            body: r#"{"jsonrpc": "2.0", "id": $ID, "result": {"isError": true, "content": [{"type": "text", "text": "unknown session"}]}}"#.into(),
            ..Refusal::json(200, None)
        },
        Refusal { body: r#"{"error": "unknown session"}"#.into(), ..Refusal::json(200, None) },
        Refusal {
            body: r#"{"jsonrpc": "2.0", "id": null, "error": {"code": -32602, "message": "Server not initialized"}}"#
                .into(),
            ..Refusal::json(200, None)
        },
    ] {
        let shown = format!("{} {}", refusal.status, refusal.body);
        let server = ToolServer::default();
        let router = remote(&server).await;
        assert_eq!(call(&router).await.unwrap().text, "hello", "{shown}");
        let is_not_found = refusal.status == 404;
        server.forget_sessions(refusal);
        // A session that is not found (404) is made anew for this call; any other refusal is told.
        assert_eq!(call(&router).await.is_ok(), is_not_found, "{shown}");
        assert_eq!(call(&router).await.map(|reply| reply.text), Ok("hello".into()), "{shown}");
        assert_eq!(server.opened(), 2, "{shown}");
    }
}

#[tokio::test]
async fn a_refused_call_does_not_end_those_beside_it() {
    let server = ToolServer::default();
    let router = remote(&server).await;
    call(&router).await.unwrap();
    let long = task("remote", "wait");
    let beside = async {
        server.until_one_waits().await;
        server.refuse_calls(Refusal::json(400, None));
        let (_, message) = failure(call(&router).await);
        assert!(message.contains(WORDS), "{message}");
        server.release();
    };
    let (reply, ()) = tokio::join!(ask(&router, &long), beside);
    assert_eq!(reply.unwrap().text, "wait");
}

#[tokio::test]
async fn a_refusal_in_a_stream_that_was_resumed_is_told_at_once() {
    let server = ToolServer::default();
    let router = remote(&server).await;
    let broken = "id: first\ndata:\n\n".to_owned();
    let stream = Refusal { status: 200, content_type: "text/event-stream", body: broken, retry_after: None };
    for id in ids() {
        server.refuse_calls(stream.clone());
        server.resume_streams_with(Refusal::event(200, id).body);
        let (_, message) = failure(call(&router).await);
        assert!(message.contains(WORDS), "{message}");
    }
}

#[tokio::test]
async fn a_rate_limit_keeps_its_time_and_words() {
    let server = ToolServer::default();
    let router = remote(&server).await;
    for (asked, expected) in [
        ("7", Duration::from_secs(7)),
        ("Sat, 21 Nov 2026 10:01:30 GMT", Duration::from_secs(90)),
        ("Saturday, 21-Nov-26 10:01:30 GMT", Duration::from_secs(90)),
    ] {
        server.refuse_calls(Refusal { retry_after: Some(asked), ..Refusal::json(429, Some(Value::Null)) });
        let Err(AgentFailure::Failed { code, message, retry_after, .. }) = call(&router).await else {
            panic!("a failure");
        };
        assert_eq!((code, retry_after), (ErrorCode::RateLimited, Some(expected)), "{asked}: {message}");
        assert!(message.contains(WORDS), "{message}");
    }
}

#[tokio::test]
async fn a_time_that_nobody_can_mean_is_told() {
    let server = ToolServer::default();
    let router = remote(&server).await;
    server.refuse_calls(Refusal { retry_after: Some("Fri, 31 Dec 9999 23:59:59 GMT"), ..Refusal::text(429, "") });
    let Err(AgentFailure::Failed { message, retry_after, .. }) = call(&router).await else {
        panic!("a failure");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(365 * 24 * 60 * 60)));
    assert!(message.ends_with("longer than a year (Retry-After: Fri, 31 Dec 9999 23:59:59 GMT)"), "{message}");
}

#[tokio::test]
async fn half_a_surrogate_pair_does_not_cost_the_reply() {
    let server = ToolServer::default();
    let router = remote(&server).await;
    let message = r#"{"jsonrpc": "2.0", "id": $ID, "result": {"content": [{"type": "text", "text": "ok \ud83d"}]}}"#;
    for (content_type, body) in
        [("application/json", message.to_owned()), ("text/event-stream", format!("data: {message}\n\n"))]
    {
        server.refuse_calls(Refusal { status: 200, content_type, body, retry_after: None });
        assert_eq!(call(&router).await.unwrap().text, "ok \u{fffd}", "{content_type}");
    }
}
