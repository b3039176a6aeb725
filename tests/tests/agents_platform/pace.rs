//! When the platform's work is looked at, and how long a refused key is borne with (spec 6, 5).

use procession_application::ports::AgentGateway;
use procession_domain::value::{Duration, ErrorCode};
use procession_tests::platform::Fault;

use crate::support::{EagerClock, accepted, analyst, ask, failure, gateway_with, task};

/// When each look was, as time since the first sleep began, from the sleeps between them.
fn looks(slept: &[Duration]) -> Vec<Duration> {
    let mut sum = Duration::ZERO;
    let mut moments = Vec::new();
    for pause in slept {
        sum = sum.plus(*pause);
        moments.push(sum);
    }
    moments
}

fn difference(later: Duration, earlier: Duration) -> Duration {
    Duration::from_millis(later.as_millis() - earlier.as_millis())
}

#[tokio::test]
async fn the_end_of_work_is_told_within_a_tenth_of_its_time_and_five_seconds() {
    let platform = analyst(r#"{"polls": 70}"#);
    let clock = EagerClock::new();
    ask(&gateway_with(&platform, &clock, |_| {}), &task("draft")).await.unwrap();
    let (first, most) = (Duration::from_millis(250), Duration::from_secs(5));
    let looks = looks(&clock.slept());
    assert_eq!(looks[0], first);
    for pair in looks.windows(2) {
        let pause = difference(pair[1], pair[0]);
        assert!(pause <= pair[0].scale(0.1).max(first) && pause <= most, "{} to {}", pair[0], pair[1]);
    }
    let told = looks.iter().find(|look| **look >= Duration::from_secs(9)).unwrap();
    assert!(*told <= Duration::from_millis(9_900), "9 s of work are told after {told}");
    assert_eq!(difference(looks[70], looks[69]), most);
}

#[tokio::test]
async fn the_pace_can_be_set() {
    let platform = analyst(r#"{"polls": 30}"#);
    let clock = EagerClock::new();
    let gateway = gateway_with(&platform, &clock, |settings| {
        settings.poll_first = Duration::from_secs(1);
        settings.poll_most = Duration::from_secs(2);
    });
    ask(&gateway, &task("draft")).await.unwrap();
    let slept = clock.slept();
    assert_eq!((slept[0], slept[30]), (Duration::from_secs(1), Duration::from_secs(2)));
    assert!(slept.iter().all(|pause| (Duration::from_secs(1)..=Duration::from_secs(2)).contains(pause)), "{slept:?}");
}

#[tokio::test]
async fn a_refused_key_is_borne_with_while_the_server_restarts() {
    let platform = analyst("");
    let clock = EagerClock::new();
    let gateway = gateway_with(&platform, &clock, |_| {});
    let task = task("draft");
    let call_ref = accepted(&gateway, &task).await;
    platform.add_fault(Fault::Unauthorized.of_calls("get_execution_result", 40));
    assert_eq!(gateway.wait(&task, &call_ref).await.unwrap().text, "Read the market");
    let waited = *looks(&clock.slept()).last().unwrap();
    assert!(waited > Duration::from_secs(40) && waited < Duration::from_secs(60), "{waited}");
}

#[tokio::test]
async fn a_key_that_is_refused_for_a_minute_is_refused() {
    for (tool, is_accepted) in [("get_execution_result", true), ("list_recent_executions", false)] {
        let platform = analyst("");
        let clock = EagerClock::new();
        let gateway = gateway_with(&platform, &clock, |_| {});
        let task = task("draft");
        if !is_accepted {
            platform.add_fault(Fault::Unauthorized.of_next("chat_with_agent"));
        }
        platform.add_fault(Fault::Unauthorized.of_calls(tool, 1_000));
        let (code, message) = failure(ask(&gateway, &task).await);
        let waited = *looks(&clock.slept()).last().unwrap();
        assert!((Duration::from_secs(60)..Duration::from_secs(70)).contains(&waited), "{tool}: {waited}");
        let expected = if is_accepted { ErrorCode::AgentUnavailable } else { ErrorCode::Unauthorized };
        assert_eq!(code, expected, "{tool}: {message}");
    }
}
