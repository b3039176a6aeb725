//! The race of a child's end against the time-out of the step that waits for it (spec 3.6).

use std::sync::Arc;

use procession_domain::{
    event::{ChildEvent, Event},
    execution::ExecutionStatus,
    value::{Duration, ErrorCode, ExecutionId},
};

use crate::{
    arena::{Arena, BATCH, RACES, all, place},
    tally::{Tally, after},
};

const CHILD: &str = "
name: child
steps:
  - {id: work, type: agent_task, agent: held, message: done, timeout: 30d}
outputs:
  - {name: text, source: '{{steps.work.output.response}}'}
";

const PARENT: &str = "
name: parent
steps:
  - {id: sub, type: sub_process, process_name: child, timeout: 1h}
outputs:
  - {name: text, source: '{{steps.sub.output.text}}'}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_ends_in_time_counts_and_one_that_does_not_is_cancelled() {
    let arena = Arena::open().await;
    arena.stage.publish(CHILD).await;
    let process = arena.stage.publish(PARENT).await;
    let mut tally = Tally::between("the child's end", "the parent's time-out", 7);
    for _ in 0..RACES / BATCH {
        let parents = arena.start_batch(process).await;
        let children = children_of(&arena, &parents).await;
        arena.until_runs(&children, "work").await;
        let (clock, lag) = (Arc::clone(&arena.clock), tally.second_lag());
        let hour = tokio::spawn(after(lag, async move { clock.advance(Duration::from_secs(3_600)) }));
        let mut replies = Vec::new();
        for child in children.clone() {
            let (agents, lag) = (Arc::clone(&arena.agents), tally.first_lag());
            replies.push(tokio::spawn(after(lag, async move { agents.release(child, "work") })));
        }
        all(replies).await;
        hour.await.unwrap();
        arena.until_ended(&parents).await;
        arena.until_ended(&children).await;
        for (parent, child) in parents.into_iter().zip(children) {
            let (parent, events) = arena.ending(parent).await;
            let (child, _) = arena.ending(child).await;
            let error = parent.step("sub").unwrap().1.error.as_ref().map(|error| error.code);
            let ends = (parent.status(), error, child.status());
            let in_time = place(&events, |event| event.event_type() == "ChildCompleted").is_some();
            let expected = if in_time {
                (ExecutionStatus::Completed, None, ExecutionStatus::Completed)
            } else {
                (ExecutionStatus::Failed, Some(ErrorCode::Timeout), ExecutionStatus::Cancelled)
            };
            assert_eq!(ends, expected, "{events:?}");
            tally.note(in_time);
        }
        tally.steer();
    }
    tally.check(RACES);
    arena.close().await;
}

/// The child of each of these, in their order.
async fn children_of(arena: &Arena, parents: &[ExecutionId]) -> Vec<ExecutionId> {
    let started = |event: &Event| event.event_type() == "ChildStarted";
    arena.witness.until_each(parents, "a child", started).await;
    let child = |parent: &ExecutionId| {
        let events = arena.witness.of_execution(*parent);
        let child = events.iter().find_map(|event| match event.event() {
            Event::Child(_, child, ChildEvent::Started { .. }) => Some(*child),
            _ => None,
        });
        child.unwrap()
    };
    parents.iter().map(child).collect()
}
