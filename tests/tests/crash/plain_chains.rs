//! Agent tasks alone: a start, two branches, a join.

use std::{collections::BTreeMap, fmt::Write as _};

use procession_tests::server::Log;
use serde_json::json;

use crate::{history, rounds::World};

/// Agents of so many names, since an agent of the platform takes three tasks at a time.
const VARIANTS: usize = 6;

fn process(variant: usize) -> String {
    let mut yaml = format!("name: chain-{variant}\nversion: 1\nsteps:\n");
    let steps = [
        ("gather", "[]", "number {{input.number}}"),
        ("left", "[gather]", "left of {{steps.gather.output.response}}"),
        ("right", "[gather]", "right of {{steps.gather.output.response}}"),
        ("report", "[left, right]", "{{steps.left.output.response}} and {{steps.right.output.response}}"),
    ];
    for (id, upstream, message) in steps {
        let _ = writeln!(
            yaml,
            "  - {{id: {id}, type: agent_task, agent: {id}-{variant}, depends_on: {upstream}, message: \"{message}\"}}"
        );
    }
    yaml + "outputs:\n  - {name: report, source: \"{{steps.report.output.response}}\"}\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_tasks_survive_kill_9() {
    let world = World::new("any_agent: {capacity: 100, rules: [{delay: 40}]}", |options| options).await;
    play(world).await;
}

/// Agents that take one task at a time, clients that hang up, and a log that nobody reads.
#[tokio::test(flavor = "multi_thread")]
async fn agent_tasks_survive_kill_9_where_all_else_goes_wrong_too() {
    let plan = "any_agent: {capacity: 1, rules: [{delay: 40}]}";
    let world = World::new(plan, |options| options.logging_to(Log::Unread)).await;
    play(world.with_hang_ups(5)).await;
}

async fn play(mut world: World) {
    let mut processes = Vec::new();
    for variant in 0..VARIANTS {
        processes.push(world.client().publish(&process(variant)).await.unwrap());
    }
    world.random().shuffle(&mut processes);
    let nobody = |_| async {};
    let steps = BTreeMap::from([("gather", 1), ("left", 1), ("right", 1), ("report", 1)]);
    world
        .play(&processes, nobody, |detail, events, calls| {
            assert_eq!(detail["status"], "completed", "{detail:#}");
            let number = &detail["input_data"]["number"];
            let expected = format!("left of number {number} and right of number {number}");
            assert_eq!(detail["output_data"], json!({"report": expected}));
            history::is_sound(events);
            history::asked_once_each(detail["id"].as_str().unwrap(), events, calls, &steps);
        })
        .await;
}
