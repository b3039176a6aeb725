//! Answers that never come: a task is looked up before it is sent again, so that an agent never does it twice (spec 6, 4).

use std::time::Duration as StdDuration;

use procession_application::ports::{AgentFailure, AgentGateway};
use procession_domain::value::{Duration, ErrorCode};
use procession_tests::platform::{Fault, Outcome};

use crate::support::{EagerClock, KEY, accepted, analyst, ask, failure, gateway, gateway_with, platform, task};

/// The ways in which the answer to a submission gets lost.
const LOST: [&str; 5] = [r#""fetch_failed""#, r#""aborted""#, r#""disconnect""#, r#""http503""#, r#"{"rpc": -32001}"#];

#[tokio::test]
async fn a_task_that_began_although_its_answer_was_lost_is_adopted() {
    for submit in LOST {
        let platform = analyst(&format!("{{\"submit\": {submit}, \"runs\": true, \"polls\": 2}}"));
        let task = task("draft");
        let reply = ask(&gateway(&platform), &task).await.unwrap();
        assert_eq!(reply.text, "Read the market", "{submit}");
        assert_eq!(platform.calls().begun(&task.key), 1, "{submit}");
        assert_eq!(platform.calls().count("chat_with_agent"), 1, "{submit}");
    }
}

#[tokio::test]
async fn a_task_that_never_began_is_sent_again_after_the_grace_time() {
    for submit in LOST {
        let platform = analyst(&format!("{{\"submit\": {submit}, \"times\": 1}}"));
        let clock = EagerClock::new();
        let gateway = gateway_with(&platform, &clock, |_| {});
        let task = task("draft");
        accepted(&gateway, &task).await;
        assert_eq!(platform.calls().begun(&task.key), 1, "{submit}");
        assert_eq!(platform.calls().count("chat_with_agent"), 2, "{submit}");
        let waited = clock.slept().iter().fold(Duration::ZERO, |sum, pause| sum.plus(*pause));
        assert!(waited >= Duration::from_secs(10), "{submit}: {waited}");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_not_waited_for_for_ever() {
    let platform = analyst(r#"{"submit": "hang", "runs": true}"#);
    let gateway = gateway_with(&platform, &EagerClock::new(), |settings| {
        settings.request_timeout = Duration::from_millis(300);
    });
    let task = task("draft");
    assert_eq!(ask(&gateway, &task).await.unwrap().text, "Read the market");
    assert_eq!(platform.calls().begun(&task.key), 1);
}

#[tokio::test]
async fn a_submission_that_is_dropped_midway_is_found_by_the_next_one() {
    let platform = analyst(r#"{"submit": "hang", "runs": true, "times": 1}"#);
    let gateway = gateway(&platform);
    let task = task("draft");
    let has_begun = async {
        while platform.calls().begun(&task.key) == 0 {
            tokio::time::sleep(StdDuration::from_millis(5)).await;
        }
    };
    tokio::select! {
        submitted = gateway.submit(&task) => panic!("the platform answers nothing, but: {submitted:?}"),
        () = has_begun => {}
    }
    ask(&gateway, &task).await.unwrap();
    assert_eq!(platform.calls().begun(&task.key), 1);
}

#[tokio::test]
async fn a_key_that_was_accepted_is_not_sent_again() {
    let platform = analyst("");
    let gateway = gateway(&platform);
    let task = task("draft");
    let first = accepted(&gateway, &task).await;
    assert_eq!(accepted(&gateway, &task).await, first);
    assert_eq!(platform.calls().count("chat_with_agent"), 1);
}

#[tokio::test]
async fn a_record_of_a_refusal_for_want_of_room_is_not_taken_for_the_task() {
    // Refused (with a failed record), then lost before it began, then accepted.
    let platform = analyst(r#"{"submit": "at_capacity", "times": 1}, {"submit": "fetch_failed", "times": 1}"#);
    let gateway = gateway(&platform);
    let task = task("draft");
    assert!(matches!(gateway.submit(&task).await, Err(AgentFailure::Busy { .. })));
    assert_eq!(ask(&gateway, &task).await.unwrap().text, "Read the market");
    assert_eq!(platform.calls().begun(&task.key), 1);
}

#[tokio::test]
async fn the_platform_is_asked_until_it_tells_whether_the_task_began() {
    let platform = analyst(r#"{"submit": "fetch_failed", "runs": true}"#);
    platform.add_fault(Fault::FetchFailed.of_calls("list_recent_executions", 3));
    platform.add_fault(Fault::Api(500, "boom".into()).of_calls("list_recent_executions", 2));
    let task = task("draft");
    ask(&gateway(&platform), &task).await.unwrap();
    assert_eq!(platform.calls().begun(&task.key), 1);
}

#[tokio::test]
async fn a_task_whose_fate_stays_unknown_is_never_sent_again() {
    let platform = analyst(r#"{"submit": "fetch_failed", "runs": true}"#);
    platform.add_fault(Fault::FetchFailed.of_calls("list_recent_executions", 1_000));
    let task = task("draft");
    let (code, message) = failure(ask(&gateway(&platform), &task).await);
    assert_eq!(code, ErrorCode::AgentUnavailable);
    assert!(message.contains("not known"), "{message}");
    assert_eq!(platform.calls().count("chat_with_agent"), 1);
}

#[tokio::test]
async fn sending_again_has_an_end() {
    let platform = analyst(r#"{"submit": "fetch_failed"}"#);
    let (code, _) = failure(ask(&gateway(&platform), &task("draft")).await);
    assert_eq!(code, ErrorCode::AgentUnavailable);
    assert_eq!(platform.calls().count("chat_with_agent"), 3);
}

#[tokio::test]
async fn a_refused_key_is_tried_again_since_the_backend_may_be_down() {
    for runs in [true, false] {
        let platform = analyst(&format!("{{\"submit\": \"unauthorized\", \"times\": 1, \"runs\": {runs}}}"));
        platform.add_fault(Fault::Unauthorized.of_calls("list_recent_executions", 3));
        let task = task("draft");
        ask(&gateway(&platform), &task).await.unwrap();
        assert_eq!(platform.calls().begun(&task.key), 1, "runs: {runs}");
    }
}

#[tokio::test]
async fn a_key_that_never_worked_is_unauthorized_and_one_that_did_means_a_backend_that_is_down() {
    let platform = platform(&format!("{{\"key\": \"{KEY}x\", \"agents\": {{\"analyst\": {{}}}}}}"));
    let (code, message) = failure(ask(&gateway(&platform), &task("draft")).await);
    assert_eq!(code, ErrorCode::Unauthorized);
    assert!(message.contains("agents.mcp.api_key") && !message.contains(KEY), "{message}");
    assert_eq!(platform.calls().count("chat_with_agent"), 0);

    let platform = analyst("");
    let gateway = gateway(&platform);
    gateway.list().await.unwrap();
    for tool in ["chat_with_agent", "list_recent_executions"] {
        platform.add_fault(Fault::Unauthorized.of_calls(tool, 1_000));
    }
    let (code, message) = failure(ask(&gateway, &task("draft")).await);
    assert_eq!(code, ErrorCode::AgentUnavailable);
    assert!(message.contains("backend"), "{message}");
}

#[tokio::test]
async fn a_task_that_never_left_fails_at_once() {
    let mut platform = analyst("");
    platform.go_down();
    let (code, message) = failure(ask(&gateway(&platform), &task("draft")).await);
    assert_eq!(code, ErrorCode::AgentUnavailable);
    assert!(message.contains("can't be reached"), "{message}");
    assert!(platform.calls().all().iter().all(|call| call.outcome != Outcome::Began));
}
