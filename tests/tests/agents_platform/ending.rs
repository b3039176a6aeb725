//! How executions end, and what they cost (spec 6, 3, 5, 7 and 8).

use procession_application::ports::{AgentFailure, AgentGateway};
use procession_domain::value::{Duration, ErrorCode, Money};
use procession_tests::platform::Fault;

use crate::support::{EagerClock, accepted, analyst, ask, failure, gateway, gateway_with, task};

#[tokio::test]
async fn failures_keep_their_meaning() {
    let cases = [
        (r#"{"ends": "failed", "error": "Traceback: boom"}"#, ErrorCode::AgentError),
        (r#"{"ends": "failed", "error": "Task execution timed out after 300 seconds"}"#, ErrorCode::Timeout),
        (r#"{"ends": "failed", "error": "Subscription usage limit reached"}"#, ErrorCode::RateLimited),
        (r#"{"ends": "cancelled"}"#, ErrorCode::Cancelled),
        (r#"{"ends": "skipped"}"#, ErrorCode::AgentError),
        (r#"{"reply": ""}"#, ErrorCode::AgentError),
    ];
    for (rule, expected) in cases {
        let platform = analyst(rule);
        let (code, message) = failure(ask(&gateway(&platform), &task("draft")).await);
        assert_eq!(code, expected, "{rule}: {message}");
    }
}

#[tokio::test]
async fn what_the_sweeper_calls_failed_is_still_waited_for() {
    let platform = analyst(r#"{"polls": 1, "false_failures": 5, "cost": 0.2}"#);
    let reply = ask(&gateway(&platform), &task("draft")).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.usage.cost.unwrap().amount().as_str()), ("Read the market", "0.2"));
}

#[tokio::test]
async fn an_execution_is_given_up_half_a_minute_after_its_time() {
    let platform = analyst(r#"{"ends": "never"}"#);
    let clock = EagerClock::new();
    let gateway = gateway_with(&platform, &clock, |_| {});
    let (code, message) = failure(ask(&gateway, &task("draft")).await);
    assert_eq!((code, message.as_str()), (ErrorCode::Timeout, "the agent `analyst` has not answered within 5m"));
    let waited = clock.slept().iter().fold(Duration::ZERO, |sum, pause| sum.plus(*pause));
    assert!((Duration::from_secs(330)..Duration::from_secs(345)).contains(&waited), "{waited}");
}

#[tokio::test]
async fn a_cost_of_zero_is_told_from_an_unknown_one_by_the_transcript() {
    let cost = async |rule: &str| ask(&gateway(&analyst(rule)), &task("draft")).await.unwrap().usage.cost;
    assert_eq!(cost(r#"{"cost": 0.0}"#).await, Some(Money::ZERO));
    assert_eq!(cost("{}").await, None);
    assert_eq!(cost(r#"{"cost": 0.0, "log": "lost"}"#).await, None);
}

#[tokio::test]
async fn a_transcript_that_can_not_be_had_does_not_fail_the_step() {
    for log in [r#""fails""#, r#""lost""#] {
        let platform = analyst(&format!("{{\"cost\": 0.5, \"tokens\": {{\"input\": 1}}, \"log\": {log}}}"));
        let reply = ask(&gateway(&platform), &task("draft")).await.unwrap();
        assert_eq!(reply.usage.cost.unwrap().amount(), "0.5", "{log}");
        assert_eq!(reply.usage.token_usage, None, "{log}");
    }
}

#[tokio::test]
async fn large_transcripts_are_read_and_larger_ones_cost_only_the_tokens() {
    let with_log_of =
        |bytes: u64| analyst(&format!(r#"{{"cost": 0.5, "tokens": {{"input": 9}}, "log": {{"filled": {bytes}}}}}"#));
    // More than the library's own limit of 16 MiB.
    let platform = with_log_of(17_000_000);
    let reply = ask(&gateway(&platform), &task("draft")).await.unwrap();
    assert_eq!(reply.usage.token_usage.unwrap().input_tokens, Some(9));

    let platform = with_log_of(200_000);
    let gateway = gateway_with(&platform, &EagerClock::new(), |settings| settings.largest_answer = 100_000);
    for step in ["first", "second"] {
        let reply = ask(&gateway, &task(step)).await.unwrap();
        assert_eq!(reply.usage.cost.unwrap().amount(), "0.5", "{step}");
        assert_eq!(reply.usage.token_usage, None, "{step}");
    }
}

#[tokio::test]
async fn trouble_with_looking_does_not_end_an_execution() {
    let platform = analyst(r#"{"polls": 1}"#);
    let faults = [
        Fault::FetchFailed,
        Fault::Api(500, "boom".into()),
        Fault::Api(429, "slow down".into()),
        Fault::Unauthorized,
        Fault::Disconnect,
        Fault::Http503,
        Fault::SessionLost,
        Fault::Api(404, "Execution not found".into()),
    ];
    for fault in faults {
        platform.add_fault(fault.of_calls("get_execution_result", 2));
    }
    let task = task("draft");
    assert_eq!(ask(&gateway(&platform), &task).await.unwrap().text, "Read the market");
    assert_eq!(platform.calls().begun(&task.key), 1);
}

#[tokio::test]
async fn an_execution_that_the_platform_has_forgotten_is_an_agents_error() {
    let platform = analyst("");
    let (code, message) = failure(gateway(&platform).wait(&task("draft"), "no-such-id").await);
    assert_eq!(code, ErrorCode::AgentError);
    assert!(message.contains("no-such-id"), "{message}");
    assert_eq!(platform.calls().count("get_execution_result"), 3);
}

#[tokio::test]
async fn an_abandoned_task_is_followed_for_its_cost() {
    let platform = analyst(r#"{"polls": 4, "cost": 0.25, "tokens": {"input": 5}}"#);
    let gateway = gateway(&platform);
    let task = task("draft");
    let call_ref = accepted(&gateway, &task).await;
    let late = gateway.abandon("analyst", &task.key, Some(&call_ref)).await.unwrap();
    assert_eq!(late.cost.unwrap().amount(), "0.25");
    assert_eq!(late.token_usage.unwrap().input_tokens, Some(5));
}

#[tokio::test]
async fn a_task_that_was_abandoned_before_its_name_was_known_is_found_by_its_key() {
    let platform = analyst(r#"{"cost": 0.25}"#);
    let task = task("draft");
    accepted(&gateway(&platform), &task).await;
    // Another process: it knows nothing but the key.
    let late = gateway(&platform).abandon("analyst", &task.key, None).await.unwrap();
    assert_eq!(late.cost.unwrap().amount(), "0.25");
}

#[tokio::test]
async fn following_an_abandoned_task_has_an_end() {
    let platform = analyst(r#"{"when": "market", "ends": "never"}"#);
    let gateway = gateway(&platform);
    let task = task("draft");
    let call_ref = accepted(&gateway, &task).await;
    assert_eq!(gateway.abandon("analyst", &task.key, Some(&call_ref)).await, None);
    assert_eq!(gateway.abandon("analyst", "unknown/step/1", None).await, None);
    assert_eq!(gateway.abandon("analyst", &task.key, Some("no-such-id")).await, None);
}

#[tokio::test]
async fn a_failed_execution_has_no_known_cost() {
    let platform = analyst(r#"{"ends": "failed", "error": "boom", "cost": 0.5}"#);
    let Err(AgentFailure::Failed { usage, .. }) = ask(&gateway(&platform), &task("draft")).await else {
        panic!("a failure");
    };
    assert_eq!(usage.cost, None);
}
