//! What is sent, how its end is waited for, and what refusals mean.

use procession_agents::{AgentsFile, Router, Surroundings};
use procession_application::ports::{AgentFailure, AgentGateway, AgentStatus};
use procession_domain::value::{Duration, ErrorCode};
use procession_tests::platform::{Fault, Outcome};

use crate::support::{EagerClock, analyst, ask, failure, gateway, gateway_with, platform, task};

#[tokio::test]
async fn a_task_is_sent_once_and_polled_to_its_reply() {
    let platform = analyst(
        r#"{"polls": 7, "reply": "Read: {message} as {key}", "cost": 0.0123, "tokens": {"input": 100, "output": 20, "cached": 3}}"#,
    );
    let clock = EagerClock::new();
    let gateway = gateway_with(&platform, &clock, |_| {});
    let task = task("draft");
    let reply = ask(&gateway, &task).await.unwrap();
    assert_eq!(reply.text, format!("Read: Read the market as {}", task.key));
    assert_eq!(reply.usage.cost.unwrap().amount(), "0.0123");
    let tokens = reply.usage.token_usage.unwrap();
    assert_eq!((tokens.input_tokens, tokens.output_tokens, tokens.total_tokens), (Some(100), Some(20), Some(123)));
    assert_eq!(tokens.model.as_deref(), Some("sonnet"));

    assert_eq!(platform.calls().begun(&task.key), 1);
    // Seven looks while it runs, though `completed_at` is filled; one that shows the end; one for the tokens.
    assert_eq!(platform.calls().count("get_execution_result"), 9);
    assert_eq!(clock.slept(), [Duration::from_millis(250); 8]);
}

#[tokio::test]
async fn the_step_names_its_execution_step_and_time_to_the_platform() {
    let platform = analyst("");
    let task = task("draft");
    ask(&gateway(&platform), &task).await.unwrap();
    let calls = platform.calls().all();
    let sent = calls.iter().find(|call| call.tool == "chat_with_agent").unwrap();
    let reference = sent.reference.as_ref().unwrap();
    assert_eq!((&reference.key, reference.step.as_str()), (&task.key, "draft"));
    assert_eq!(reference.execution, task.execution_id.to_string());
    assert_eq!((sent.outcome, sent.agent.as_deref()), (Outcome::Began, Some("analyst")));
}

#[tokio::test]
async fn definite_refusals_keep_their_meaning_and_are_not_sent_again() {
    let cases = [
        (r#""denied""#, ErrorCode::AccessDenied),
        (r#""no_such_agent""#, ErrorCode::AgentNotFound),
        (r#""provider_busy""#, ErrorCode::RateLimited),
        (r#"{"api": [503, "Subscription usage limit reached"]}"#, ErrorCode::RateLimited),
        (r#"{"api": [503, "Agent is not running"]}"#, ErrorCode::AgentUnavailable),
        (r#"{"api": [500, "boom"]}"#, ErrorCode::AgentError),
        (r#"{"api": [504, "timed out"]}"#, ErrorCode::Timeout),
        (r#"{"rpc": -32602}"#, ErrorCode::InvalidConfig),
        (r#"{"rpc": -32601}"#, ErrorCode::InvalidConfig),
    ];
    for (submit, expected) in cases {
        let platform = analyst(&format!("{{\"submit\": {submit}}}"));
        let (code, message) = failure(ask(&gateway(&platform), &task("draft")).await);
        assert_eq!(code, expected, "{submit}: {message}");
        assert_eq!(platform.calls().count("chat_with_agent"), 1, "{submit}");
    }
}

#[tokio::test]
async fn a_rate_limit_asks_for_a_long_pause() {
    let platform = analyst(r#"{"submit": "provider_busy"}"#);
    let Err(AgentFailure::Failed { retry_after, .. }) = ask(&gateway(&platform), &task("draft")).await else {
        panic!("a failure");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(300)));
}

#[tokio::test]
async fn a_full_agent_is_busy_and_the_same_attempt_runs_later() {
    for submit in ["agent_busy", "at_capacity"] {
        let platform = analyst(&format!("{{\"submit\": \"{submit}\", \"times\": 2}}"));
        let gateway = gateway(&platform);
        let task = task("draft");
        for _ in 0..2 {
            let Err(AgentFailure::Busy { retry_after, reason }) = gateway.submit(&task).await else {
                panic!("{submit}: not busy");
            };
            let bounds = Duration::from_secs(24)..=Duration::from_secs(36);
            assert!(bounds.contains(&retry_after), "{submit}: {retry_after}");
            assert!(reason.starts_with("the platform says: "), "{submit}: {reason}");
        }
        assert_eq!(ask(&gateway, &task).await.unwrap().text, "Read the market", "{submit}");
        assert_eq!(platform.calls().begun(&task.key), 1, "{submit}");
    }
}

#[tokio::test]
async fn a_task_that_finds_the_agent_full_only_once_it_was_accepted_runs_later() {
    let platform = analyst(r#"{"ends": "failed", "error": "Agent is at capacity", "times": 1}"#);
    let gateway = gateway(&platform);
    let task = task("draft");
    assert!(matches!(ask(&gateway, &task).await, Err(AgentFailure::Busy { .. })));
    assert_eq!(ask(&gateway, &task).await.unwrap().text, "Read the market");
}

#[tokio::test]
async fn an_agent_runs_no_more_than_its_capacity() {
    let platform =
        platform(r#"{"agents": {"analyst": {"capacity": 1, "rules": [{"when": "market", "ends": "never"}]}}}"#);
    let gateway = gateway(&platform);
    gateway.submit(&task("first")).await.unwrap();
    let refused = gateway.submit(&task("second")).await;
    assert!(matches!(refused, Err(AgentFailure::Busy { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_stopped_agent_is_unavailable() {
    let platform = platform(r#"{"agents": {"analyst": {"status": "exited"}}}"#);
    let gateway = gateway(&platform);
    let (code, message) = failure(ask(&gateway, &task("draft")).await);
    assert_eq!(code, ErrorCode::AgentUnavailable);
    assert!(message.contains("Agent is not running"), "{message}");
    assert_eq!(gateway.health("analyst").await, Ok(AgentStatus::Stopped));
}

#[tokio::test]
async fn the_list_shows_which_agents_run() {
    let platform = platform(r#"{"agents": {"analyst": {}, "writer": {"status": "stopped"}}}"#);
    let gateway = gateway(&platform);
    let agents = gateway.list().await.unwrap();
    let shown: Vec<_> = agents.iter().map(|a| (a.name.as_str(), a.kind.as_str(), a.status, a.concurrency)).collect();
    assert_eq!(shown, [("analyst", "mcp", AgentStatus::Running, 3), ("writer", "mcp", AgentStatus::Stopped, 3),]);
    let reasons: Vec<_> = agents.iter().map(|agent| agent.reason.as_deref()).collect();
    assert_eq!(reasons, [None, Some("the platform says that it is `stopped`; start it there")]);
    assert_eq!(failure(gateway.health("nobody").await).0, ErrorCode::AgentNotFound);
}

/// A router with the local agents `echo-bot` and `writer`, and a platform.
fn router(platform: &procession_tests::platform::FakePlatform) -> Router {
    let surroundings = Surroundings {
        clock: EagerClock::new(),
        environment: std::sync::Arc::new(|_| None),
        allow_commands: false,
        price_list: false,
    };
    let router = Router::new(surroundings, Some(std::sync::Arc::new(gateway(platform))));
    let file = AgentsFile::parse("agents: {echo-bot: {kind: echo}, writer: {kind: echo}}").unwrap();
    router.put_in_force(file, std::path::Path::new("."));
    router
}

#[tokio::test]
async fn the_router_asks_local_agents_first_and_then_the_platform() {
    let platform = platform(r#"{"agents": {"analyst": {"rules": [{"reply": "from afar"}]}, "writer": {}}}"#);
    let router = router(&platform);
    let mut for_writer = task("write");
    for_writer.agent = "writer".into();
    assert_eq!(ask(&router, &for_writer).await.unwrap().text, "Read the market");
    assert_eq!(platform.calls().count("chat_with_agent"), 0);
    assert_eq!(ask(&router, &task("draft")).await.unwrap().text, "from afar");
    assert_eq!((router.concurrency("writer"), router.concurrency("analyst")), (64, 3));

    let names: Vec<(String, String)> = router.list().await.unwrap().into_iter().map(|a| (a.name, a.kind)).collect();
    let expected = [("echo-bot", "echo"), ("writer", "echo"), ("analyst", "mcp")];
    assert_eq!(names, expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())));

    let mut for_nobody = task("other");
    for_nobody.agent = "analist".into();
    let (code, message) = failure(ask(&router, &for_nobody).await);
    assert_eq!(code, ErrorCode::AgentNotFound, "{message}");
    assert_eq!(message, "there is no agent `analist`; did you mean `analyst`?");
}

#[tokio::test]
async fn a_platform_that_is_down_does_not_hide_the_local_agents() {
    let mut platform = platform("{}");
    platform.go_down();
    let router = router(&platform);
    let names: Vec<String> = router.list().await.unwrap().into_iter().map(|agent| agent.name).collect();
    assert_eq!(names, ["echo-bot", "writer"]);
    assert_eq!(failure(gateway(&platform).list().await).0, ErrorCode::AgentUnavailable);
}

#[tokio::test]
async fn many_tasks_go_through_one_session_at_once() {
    // With this version of the protocol a request is in flight until its answer is there, and no answer is given before
    // all requests are there: the library's own limit of 16 would never get them together.
    let platform = platform(r#"{"protocol": "2025-06-18", "agents": {"analyst": {"capacity": 100}}}"#);
    platform.add_fault(Fault::Gather(64).of_calls("chat_with_agent", 64));
    let gateway = gateway(&platform);
    let tasks: Vec<_> = (0..64).map(|number| task(&format!("step-{number}"))).collect();
    let replies = futures::future::join_all(tasks.iter().map(|task| ask(&gateway, task))).await;
    assert!(replies.iter().all(Result::is_ok));
    assert!(tasks.iter().all(|task| platform.calls().begun(&task.key) == 1));
    assert_eq!(platform.calls().count("chat_with_agent"), 64);
}
