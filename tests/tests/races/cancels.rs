//! Races of a cancel: against the end, against the next attempt (spec 3.7).

use std::sync::Arc;

use procession_application::{
    access::Principal,
    executions::{Command, CommandOutcome, ExecutionFailure},
};
use procession_domain::{
    event::{AttemptEvent, Event, ProcessEvent},
    execution::{CommandError, ExecutionStatus},
    value::{Duration, ExecutionId},
};
use tokio::task::JoinHandle;

use crate::{
    arena::{Arena, BATCH, RACES, all, place},
    tally::{Tally, after},
};

/// A cancel some turns later.
fn cancel(arena: &Arena, lag: u64, id: ExecutionId) -> JoinHandle<Result<CommandOutcome, ExecutionFailure>> {
    let executions = arena.stage.executions.clone();
    let (olga, command) =
        (Principal::at_terminal("olga"), Command::Cancel { reason: Some("enough".into()), compensate: false });
    tokio::spawn(after(lag, async move { executions.command(&olga, id, command).await }))
}

fn check_cancelled(events: &[Event]) {
    let end = events.last();
    assert!(
        matches!(end, Some(Event::Process(ProcessEvent::Cancelled(by))) if by.cancelled_by == "olga" && by.reason.as_deref() == Some("enough")),
        "{end:?}"
    );
}

const ONE_STEP: &str = "
name: one-step
steps:
  - {id: work, type: agent_task, agent: held, message: done}
outputs:
  - {name: text, source: '{{steps.work.output.response}}'}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_that_was_taken_cancels_and_one_that_was_refused_found_the_end() {
    let arena = Arena::open().await;
    let process = arena.stage.publish(ONE_STEP).await;
    let mut tally = Tally::between("the cancel", "the last reply", 5);
    for _ in 0..RACES / BATCH {
        let executions = arena.start_batch(process).await;
        arena.until_runs(&executions, "work").await;
        let (mut cancels, mut replies) = (Vec::new(), Vec::new());
        for id in executions.clone() {
            cancels.push(cancel(&arena, tally.first_lag(), id));
            let (agents, lag) = (Arc::clone(&arena.agents), tally.second_lag());
            replies.push(tokio::spawn(after(lag, async move { agents.release(id, "work") })));
        }
        let cancels = all(cancels).await;
        all(replies).await;
        arena.until_ended(&executions).await;
        for (id, answer) in executions.into_iter().zip(cancels) {
            let (execution, events) = arena.ending(id).await;
            let is_cancelled = match answer {
                Ok(CommandOutcome { execution: then, pending }) => {
                    assert_eq!((then.status(), pending), (ExecutionStatus::Cancelled, None));
                    check_cancelled(&events);
                    true
                }
                Err(ExecutionFailure::Refused(CommandError::Ended { status, .. })) => {
                    assert_eq!(status, ExecutionStatus::Completed);
                    assert!(matches!(events.last(), Some(Event::Process(ProcessEvent::Completed { .. }))));
                    false
                }
                Err(error) => panic!("{error}"),
            };
            let expected = if is_cancelled { ExecutionStatus::Cancelled } else { ExecutionStatus::Completed };
            assert_eq!(execution.status(), expected);
            assert_eq!(arena.agents.calls_of(id).len(), 1);
            tally.note(is_cancelled);
        }
        tally.steer();
    }
    tally.check(RACES);
    arena.close().await;
}

const WITH_RETRY: &str = "
name: with-retry
steps:
  - {id: work, type: agent_task, agent: shaky, message: done, timeout: 1h, retry: {max_attempts: 2, delay: 60s, jitter: false}}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_during_back_off_lets_no_attempt_begin_after_it() {
    let arena = Arena::open().await;
    let process = arena.stage.publish(WITH_RETRY).await;
    let mut tally = Tally::between("the cancel", "the second attempt", 6);
    for _ in 0..RACES / BATCH {
        let executions = arena.start_batch(process).await;
        let backs_off = |event: &Event| event.event_type() == "StepRetrying";
        arena.witness.until_each(&executions, "a back-off", backs_off).await;
        let (clock, lag) = (Arc::clone(&arena.clock), tally.second_lag());
        let minute = tokio::spawn(after(lag, async move { clock.advance(Duration::from_secs(60)) }));
        let mut cancels = Vec::new();
        for id in executions.clone() {
            cancels.push(cancel(&arena, tally.first_lag(), id));
        }
        for outcome in all(cancels).await {
            let CommandOutcome { execution, pending } = outcome.unwrap();
            assert_eq!((execution.status(), pending), (ExecutionStatus::Cancelled, None));
        }
        minute.await.unwrap();
        arena.until_ended(&executions).await;
        for id in executions {
            let (_, events) = arena.ending(id).await;
            check_cancelled(&events);
            let second = place(
                &events,
                |event| matches!(event, Event::Attempt(_, _, AttemptEvent::Started(start)) if start.attempt == 2),
            );
            let (calls, abandoned) = (arena.agents.calls_of(id), arena.agents.abandoned_of(id));
            if second.is_none() {
                assert_eq!((calls, abandoned), (vec!["work/1".to_owned()], Vec::new()));
            } else {
                // The attempt is given up, whether or not its call had been made.
                assert!(calls == ["work/1", "work/2"] || calls == ["work/1"], "{calls:?}");
                assert!(abandoned == ["work/2"], "{abandoned:?}");
            }
            tally.note(second.is_none());
        }
        tally.steer();
    }
    tally.check(RACES);
    arena.close().await;
}
