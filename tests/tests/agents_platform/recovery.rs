//! What became of a task that was under way when the server stopped (spec 3.8, 5.1).

use procession_application::ports::{AgentFailure, AgentGateway, Recovered};
use procession_domain::value::{Duration, ErrorCode};
use procession_tests::platform::Fault;

use crate::support::{EagerClock, accepted, analyst, ask, failure, gateway, gateway_with, task};

#[tokio::test]
async fn a_task_that_has_ended_meanwhile_is_finished() {
    let platform = analyst(r#"{"cost": 0.5, "reply": "done"}"#);
    let task = task("draft");
    let call_ref = accepted(&gateway(&platform), &task).await;
    for known in [Some(call_ref.as_str()), None] {
        let Recovered::Finished(Ok(reply)) = gateway(&platform).recover(&task, known).await.unwrap() else {
            panic!("finished");
        };
        assert_eq!((reply.text.as_str(), reply.usage.cost.unwrap().amount().as_str()), ("done", "0.5"));
    }
}

#[tokio::test]
async fn a_task_that_has_failed_meanwhile_is_finished_too() {
    let platform = analyst(r#"{"ends": "failed", "error": "boom"}"#);
    let task = task("draft");
    accepted(&gateway(&platform), &task).await;
    let Recovered::Finished(Err(AgentFailure::Failed { code, .. })) =
        gateway(&platform).recover(&task, None).await.unwrap()
    else {
        panic!("finished");
    };
    assert_eq!(code, ErrorCode::AgentError);
}

#[tokio::test]
async fn a_task_that_still_runs_is_waited_for_under_its_name() {
    let platform = analyst(r#"{"polls": 10}"#);
    let task = task("draft");
    let call_ref = accepted(&gateway(&platform), &task).await;
    for known in [Some(call_ref.as_str()), None] {
        let recovered = gateway(&platform).recover(&task, known).await;
        assert_eq!(recovered, Ok(Recovered::Running(call_ref.clone())));
    }
    let reply = gateway(&platform).wait(&task, &call_ref).await.unwrap();
    assert_eq!(reply.text, "Read the market");
    assert_eq!(platform.calls().begun(&task.key), 1);
}

#[tokio::test]
async fn a_task_that_never_arrived_is_unknown_after_the_grace_time() {
    let platform = analyst(r#"{"submit": "at_capacity", "times": 1}"#);
    let task = task("draft");
    // The refusal left a failed record under the same key.
    assert!(matches!(gateway(&platform).submit(&task).await, Err(AgentFailure::Busy { .. })));
    let clock = EagerClock::new();
    let recovered = gateway_with(&platform, &clock, |_| {}).recover(&task, None).await;
    assert_eq!(recovered, Ok(Recovered::Unknown));
    let waited = clock.slept().iter().fold(Duration::ZERO, |sum, pause| sum.plus(*pause));
    assert!(waited >= Duration::from_secs(10), "{waited}");
    ask(&gateway(&platform), &task).await.unwrap();
    assert_eq!(platform.calls().begun(&task.key), 1);
}

#[tokio::test]
async fn another_attempt_of_the_same_step_is_another_task() {
    let platform = analyst("");
    let mut eleventh = task("draft");
    eleventh.key = eleventh.key.replace("/1", "/11");
    accepted(&gateway(&platform), &eleventh).await;
    assert_eq!(gateway(&platform).recover(&task("draft"), None).await, Ok(Recovered::Unknown));
}

#[tokio::test]
async fn a_platform_that_is_down_makes_no_task_unknown() {
    let mut platform = analyst("");
    let task = task("draft");
    let call_ref = accepted(&gateway(&platform), &task).await;
    platform.go_down();
    let recovered = gateway(&platform).recover(&task, Some(&call_ref)).await;
    assert_eq!(recovered, Ok(Recovered::Running(call_ref)));
    let (code, _) = failure(gateway(&platform).recover(&task, None).await);
    assert_eq!(code, ErrorCode::AgentUnavailable);
}

#[tokio::test]
async fn the_platform_is_asked_again_while_it_does_not_answer() {
    let platform = analyst("");
    let task = task("draft");
    let call_ref = accepted(&gateway(&platform), &task).await;
    platform.add_fault(Fault::FetchFailed.of_calls("list_recent_executions", 2));
    platform.add_fault(Fault::Unauthorized.of_calls("list_recent_executions", 2));
    let recovered = gateway(&platform).recover(&task, None).await.unwrap();
    assert!(matches!(recovered, Recovered::Finished(Ok(_))), "{recovered:?} of {call_ref}");
}
