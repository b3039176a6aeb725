//! Races for what is limited: the rest of a budget, and the one place of a process (spec 3.9).

use std::{collections::BTreeMap, sync::Arc};

use procession_domain::{
    event::{ChildEvent, Event},
    execution::ExecutionStatus,
    value::{ErrorCode, ExecutionId},
};

use crate::{
    arena::{Arena, BATCH, RACES, all},
    tally::{Tally, after},
    witness::until,
};

const SPENDER: &str = "
name: spender
steps:
  - {id: wait, type: agent_task, agent: held, message: wait, timeout: 30d}
  - {id: spend, type: agent_task, agent: dear, message: spend, max_cost: 0.60, depends_on: [wait]}
";

const TREE: &str = "
name: tree
config: {max_cost: 0.60}
steps:
  - {id: one, type: sub_process, process_name: spender}
  - {id: two, type: sub_process, process_name: spender}
";

/// Each of two children may spend what is left, and both may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_children_that_spend_the_rest_of_a_budget_one_does() {
    let arena = Arena::open().await;
    arena.stage.publish(SPENDER).await;
    let process = arena.stage.publish(TREE).await;
    let mut tally = Tally::between("the first child", "the second child", 11);
    for _ in 0..RACES / BATCH {
        let parents = arena.start_batch(process).await;
        let mut pairs = Vec::new();
        for parent in &parents {
            until(|| children_of(&arena, *parent).len() == 2).await;
            pairs.push(children_of(&arena, *parent));
        }
        let mut replies = Vec::new();
        for children in &pairs {
            for (step, lag) in [("one", tally.first_lag()), ("two", tally.second_lag())] {
                let (agents, child) = (Arc::clone(&arena.agents), children[step]);
                replies.push(tokio::spawn(after(lag, async move { agents.release(child, "wait") })));
            }
        }
        all(replies).await;
        arena.until_ended(&parents).await;
        let all_children: Vec<ExecutionId> = pairs.iter().flat_map(|pair| pair.values().copied()).collect();
        arena.until_ended(&all_children).await;
        for (parent, children) in parents.into_iter().zip(pairs) {
            let (parent, events) = arena.ending(parent).await;
            assert_eq!(parent.status(), ExecutionStatus::Failed, "{events:?}");
            assert_eq!(parent.failure().unwrap().code, ErrorCode::BudgetExceeded, "{events:?}");
            assert_eq!(parent.state().cost.amount.to_string(), "$0.60", "{events:?}");
            let spends = |child| arena.agents.calls_of(child).contains(&"spend/1".to_owned());
            let spent = ["one", "two"].map(|step| spends(children[step]));
            assert_eq!(spent.iter().filter(|spent| **spent).count(), 1, "{events:?}");
            tally.note(spent[0]);
        }
        tally.steer();
    }
    tally.check(RACES);
    arena.close().await;
}

/// The children that an execution has so far, by their steps.
fn children_of(arena: &Arena, parent: ExecutionId) -> BTreeMap<String, ExecutionId> {
    let events = arena.witness.of_execution(parent);
    let child = |event: &Event| match event {
        Event::Child(step, child, ChildEvent::Started { .. }) => Some((step.to_string(), *child)),
        _ => None,
    };
    events.iter().filter_map(|event| child(event.event())).collect()
}

const SINGLE: &str = "
name: single
config: {max_concurrent_instances: 1}
steps:
  - {id: work, type: agent_task, agent: quick, message: work}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_starts_at_once_one_runs_where_one_may() {
    let arena = Arena::open().await;
    let process = arena.stage.publish(SINGLE).await;
    for _ in 0..RACES / BATCH {
        let executions = arena.start_batch(process).await;
        arena.until_ended(&executions).await;
        let mut times: Vec<[u64; 2]> = Vec::new();
        for id in executions {
            let events = arena.stage.events(id).await;
            let begun = events.iter().find(|event| event.event().event_type() == "ProcessStarted").unwrap();
            let ended = events.iter().find(|event| event.event().ends_execution()).unwrap();
            times.push([begun.id, ended.id]);
        }
        // Events are numbered in the order of their commits.
        times.sort_unstable();
        assert!(times.windows(2).all(|pair| pair[0][1] < pair[1][0]), "two ran at once: {times:?}");
    }
    arena.close().await;
}
