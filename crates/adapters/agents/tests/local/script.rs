//! Agents of kind `echo` and `script`, and how the router finds them.

use std::path::Path;

use crate::support::{ManualClock, ask, attempt, failure, router, task};
use procession_agents::{AgentsFileError, Router};
use procession_application::ports::{AgentFailure, AgentGateway, AgentStatus, Recovered};
use procession_domain::value::{Duration, ErrorCode, Money};

const SCRIPT: &str = r#"
agents:
  echo-bot: {kind: echo, description: Says what it hears}
  analyst:
    kind: script
    concurrency: 2
    replies:
      - when: market
        reply: "Read ({{ attempt }}): {{ message }}"
        cost: "0.012"
        tokens: {input: 120, output: 300, model: tiny}
        fail: {code: AGENT_UNAVAILABLE, times: 2}
      - when: /^urgent\b/
        reply: at once
      - when: slow
        delay: 2s
        reply: done
      - when: broken
        fail: {code: AGENT_ERROR, message: it is broken}
      - when: full
        fail: {code: AGENT_BUSY, times: 2, retry_after: 5s}
        reply: there is room
      - when: crowded
        fail: {code: AGENT_BUSY, message: three are waiting}
      - when: limited
        fail: {code: RATE_LIMITED, times: 2, retry_after: 1m}
        reply: at last
      - when: cut
        reply: '{"sco'
        finish_reason: length
        cost: unknown
        tokens: {output: 5}
      - when: cached
        reply: quick
        tokens: {input: 10, cached_input: 90, cache_write: 5, output: 1}
"#;

fn scripted() -> Router {
    router(&ManualClock::new(), Path::new("."), SCRIPT, &[])
}

#[tokio::test]
async fn an_echo_answers_its_message_for_nothing() {
    let reply = ask(&scripted(), &task("echo-bot", "héllo")).await.unwrap();
    assert_eq!(reply.text, "héllo");
    assert_eq!(reply.usage.cost, Some(Money::ZERO));
    assert_eq!(reply.usage.token_usage, None);
}

#[tokio::test]
async fn the_first_two_calls_of_each_step_fail_and_then_the_reply_comes() {
    // A new router is a restarted server: the count holds all the same.
    for number in 1..=2 {
        let (code, _) = failure(ask(&scripted(), &attempt("analyst", "the market", number)).await);
        assert_eq!(code, ErrorCode::AgentUnavailable);
    }
    let reply = ask(&scripted(), &attempt("analyst", "the market", 3)).await.unwrap();
    assert_eq!(reply.text, "Read (3): the market");
    assert_eq!(reply.usage.cost.unwrap().amount(), "0.012");
    let tokens = reply.usage.token_usage.unwrap();
    assert_eq!((tokens.input_tokens, tokens.output_tokens, tokens.total_tokens), (Some(120), Some(300), Some(420)));
    assert_eq!(tokens.model.as_deref(), Some("tiny"));
}

#[tokio::test]
async fn the_first_entry_that_fits_answers() {
    let router = scripted();
    assert_eq!(ask(&router, &task("analyst", "urgent: call")).await.unwrap().text, "at once");
    let (code, message) = failure(ask(&router, &task("analyst", "not urgent")).await);
    assert_eq!(code, ErrorCode::AgentError);
    assert!(message.contains("no reply of the script of `analyst` fits"), "{message}");
}

#[tokio::test]
async fn a_failure_without_times_is_for_ever() {
    for number in [1, 50] {
        let outcome = ask(&scripted(), &attempt("analyst", "broken", number)).await;
        let Err(AgentFailure::Failed { code, message, usage, .. }) = outcome else {
            panic!("a failure");
        };
        assert_eq!((code, message.as_str()), (ErrorCode::AgentError, "it is broken"));
        assert_eq!(usage.cost, Some(Money::ZERO));
    }
}

#[tokio::test]
async fn a_busy_answer_uses_up_no_attempt() {
    let router = scripted();
    for _ in 0..2 {
        let reason = "the script of `analyst` fails with AGENT_BUSY".to_owned();
        let busy = AgentFailure::Busy { retry_after: Duration::from_secs(5), reason };
        assert_eq!(ask(&router, &task("analyst", "full")).await, Err(busy));
    }
    assert_eq!(ask(&router, &task("analyst", "full")).await.unwrap().text, "there is room");
}

#[tokio::test]
async fn a_busy_answer_has_a_reason_and_a_pause() {
    let busy = AgentFailure::Busy { retry_after: Duration::from_secs(1), reason: "three are waiting".to_owned() };
    assert_eq!(ask(&scripted(), &task("analyst", "crowded")).await, Err(busy));
}

#[tokio::test]
async fn rate_limits_end_whether_they_use_up_attempts_or_not() {
    for attempts in [[1, 1, 1], [1, 2, 3]] {
        let router = scripted();
        for number in &attempts[..2] {
            let outcome = ask(&router, &attempt("analyst", "limited", *number)).await;
            let Err(AgentFailure::Failed { code, retry_after, .. }) = outcome else {
                panic!("{attempts:?}: {outcome:?}");
            };
            assert_eq!((code, retry_after), (ErrorCode::RateLimited, Some(Duration::from_secs(60))));
        }
        assert_eq!(ask(&router, &attempt("analyst", "limited", attempts[2])).await.unwrap().text, "at last");
    }
}

#[tokio::test]
async fn a_reply_may_be_cut_and_what_it_cost_unknown() {
    let reply = ask(&scripted(), &task("analyst", "cut")).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.usage.cost), ("{\"sco", None));
    assert_eq!(reply.usage.finish_reason.unwrap().as_str(), "length");
    let tokens = reply.usage.token_usage.unwrap();
    assert_eq!((tokens.input_tokens, tokens.output_tokens, tokens.total_tokens), (None, Some(5), None));
}

#[tokio::test]
async fn tokens_of_the_cache_are_counted_apart() {
    let tokens = ask(&scripted(), &task("analyst", "cached")).await.unwrap().usage.token_usage.unwrap();
    assert_eq!((tokens.input_tokens, tokens.output_tokens, tokens.total_tokens), (Some(10), Some(1), Some(106)));
    assert_eq!((tokens.cached_input_tokens, tokens.cache_write_tokens), (Some(90), Some(5)));
}

#[tokio::test]
async fn a_delay_is_waited_for_on_the_clock() {
    let clock = ManualClock::new();
    let router = router(&clock, Path::new("."), SCRIPT, &[]);
    let slow = task("analyst", "slow");
    let call = ask(&router, &slow);
    tokio::pin!(call);
    clock.advance(Duration::from_secs(1));
    assert!(futures::poll!(&mut call).is_pending());
    clock.advance(Duration::from_secs(2));
    assert_eq!(call.await.unwrap().text, "done");
}

#[tokio::test]
async fn the_steps_time_ends_a_call() {
    let clock = ManualClock::new();
    let router = router(&clock, Path::new("."), SCRIPT, &[]);
    let mut slow = task("analyst", "slow");
    slow.timeout = Some(Duration::from_secs(1));
    let call = ask(&router, &slow);
    tokio::pin!(call);
    assert!(futures::poll!(&mut call).is_pending());
    clock.advance(Duration::from_secs(1));
    let (code, message) = failure(call.await);
    assert_eq!((code, message.as_str()), (ErrorCode::Timeout, "the agent `analyst` has not answered within 1s"));
}

#[tokio::test]
async fn an_abandoned_call_ends() {
    let router = scripted();
    let slow = task("analyst", "slow");
    let give_up = async {
        tokio::task::yield_now().await;
        router.abandon("analyst", &slow.key, None).await
    };
    let (outcome, late) = tokio::join!(ask(&router, &slow), give_up);
    assert_eq!(failure(outcome).0, ErrorCode::Cancelled);
    assert_eq!(late, None);
}

#[tokio::test]
async fn an_unknown_agent_is_refused_with_a_suggestion() {
    let router = scripted();
    let (code, message) = failure(ask(&router, &task("analist", "x")).await);
    assert_eq!(code, ErrorCode::AgentNotFound);
    assert_eq!(message, "there is no agent `analist`; did you mean `analyst`?");
    let (_, message) = failure(ask(&router, &task("somebody-else", "x")).await);
    assert_eq!(message, "there is no agent `somebody-else`; there are: echo-bot, analyst");
}

#[tokio::test]
async fn the_list_tells_kind_purpose_and_concurrency() {
    let router = scripted();
    let agents = router.list().await.unwrap();
    let shown: Vec<_> = agents.iter().map(|a| (a.name.as_str(), a.kind.as_str(), a.concurrency, a.status)).collect();
    assert_eq!(
        shown,
        [("echo-bot", "echo", 64, AgentStatus::Running), ("analyst", "script", 2, AgentStatus::Running),]
    );
    assert_eq!(agents[0].description.as_deref(), Some("Says what it hears"));
    assert_eq!(router.concurrency("analyst"), 2);
    assert_eq!(router.health("echo-bot").await, Ok(AgentStatus::Running));
}

#[tokio::test]
async fn what_a_local_agent_was_doing_is_sent_again() {
    let router = scripted();
    let recovered = router.recover(&task("analyst", "the market"), None).await;
    assert_eq!(recovered, Ok(Recovered::Unknown));
}

#[tokio::test]
async fn a_bad_file_leaves_the_agents_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agents.yaml");
    let router = scripted();
    assert!(matches!(router.reload(&path).await, Err(AgentsFileError::Missing(_))));

    std::fs::write(&path, "agents:\n  new: {kind: ehco}\n").unwrap();
    let error = router.reload(&path).await.unwrap_err();
    assert!(error.to_string().starts_with("line 2, column 15: "), "{error}");
    assert!(ask(&router, &task("echo-bot", "still here")).await.is_ok());

    std::fs::write(&path, "agents:\n  new: {kind: echo}\n").unwrap();
    assert_eq!(router.reload(&path).await, Ok(1));
    assert!(ask(&router, &task("new", "hello")).await.is_ok());
    assert_eq!(failure(ask(&router, &task("echo-bot", "gone")).await).0, ErrorCode::AgentNotFound);
}

#[tokio::test]
async fn a_call_under_way_ends_with_the_agent_with_which_it_began() {
    let clock = ManualClock::new();
    let router = router(&clock, Path::new("."), SCRIPT, &[]);
    let slow = task("analyst", "slow");
    let call = ask(&router, &slow);
    tokio::pin!(call);
    assert!(futures::poll!(&mut call).is_pending());
    router.put_in_force(procession_agents::AgentsFile::default(), Path::new("."));
    clock.advance(Duration::from_secs(2));
    assert_eq!(call.await.unwrap().text, "done");
}
