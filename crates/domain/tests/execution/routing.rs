//! The edges of spec 3.2, case by case.

use GatewayType::{Exclusive, Inclusive, Parallel};

use crate::world::{World, definition, gateway, id, task};
use procession_domain::definition::{Condition, Config, GatewayType, OnError, Step};

/// Runs to the end: calls of steps named in `failing` fail, all others end well.
fn run(steps: Vec<Step>, config: Config, failing: &[&str]) -> World {
    let mut world = World::started(definition(steps, config));
    for _ in 0..1_000 {
        let Some(call) = world.calls.first() else { break };
        let step = call.id.step_id.to_string();
        if failing.contains(&step.as_str()) { world.fail(&step) } else { world.finish(&step) }
    }
    world.check_replay();
    world
}

fn conditional(name: &str, after: &[&str], condition: &str) -> Step {
    Step { condition: Some(Condition::unplaced(condition)), ..task(name, after) }
}

fn handled_by(step: Step, handler: &str) -> Step {
    Step { on_error: OnError::GotoStep { target_step: id(handler) }, ..step }
}

fn skipping(step: Step) -> Step {
    Step { on_error: OnError::SkipStep, ..step }
}

fn go_on() -> Config {
    Config { stop_on_failure: false, ..Config::default() }
}

#[test]
fn independent_steps_start_together_and_a_join_runs_once_after_all() {
    let steps = vec![task("a", &[]), task("b", &[]), task("join", &["a", "b"])];
    let mut world = World::started(definition(steps, Config::default()));
    assert_eq!(world.statuses(), "a=running b=running join=pending");
    world.finish("b");
    assert_eq!(world.statuses(), "a=running b=completed join=pending");
    world.finish("a");
    world.finish("join");
    assert_eq!(world.statuses(), "a=completed b=completed join=completed");
    assert_eq!(world.event_types().last(), Some(&"ProcessCompleted"));
    world.check_replay();
}

#[test]
fn a_step_starts_the_moment_its_own_edges_allow() {
    let steps = vec![task("slow", &[]), task("quick", &[]), task("next", &["quick"])];
    let mut world = World::started(definition(steps, Config::default()));
    world.finish("quick");
    assert_eq!(world.statuses(), "slow=running quick=completed next=running");
}

/// A name, the steps, the settings, the steps that fail, and the end.
type Case = (&'static str, Vec<Step>, Config, &'static [&'static str], &'static str);

fn check(cases: Vec<Case>) {
    for (name, steps, config, failing, expected) in cases {
        let world = run(steps, config, failing);
        assert_eq!(world.statuses(), expected, "{name}");
        assert!(world.execution.status().is_ended(), "{name}: {:?}", world.execution.status());
    }
}

#[test]
fn conditions_end_branches_and_joins_run_with_what_lives() {
    check(vec![
        (
            "a condition that is false ends its branch",
            vec![conditional("a", &[], "false"), task("b", &["a"]), task("c", &["b"])],
            Config::default(),
            &[],
            "a=skipped(condition_false) b=skipped(dead_path) c=skipped(dead_path)",
        ),
        (
            "a join after branches runs with those that lived",
            vec![conditional("a", &[], "false"), task("b", &[]), task("join", &["a", "b"])],
            Config::default(),
            &[],
            "a=skipped(condition_false) b=completed join=completed",
        ),
        (
            "run_if_skipped makes a skipped source live",
            vec![conditional("a", &[], "false"), Step { run_if_skipped: true, ..task("b", &["a"]) }],
            Config::default(),
            &[],
            "a=skipped(condition_false) b=completed",
        ),
        (
            "skip_step lets what follows go on",
            vec![skipping(task("a", &[])), task("b", &["a"])],
            Config::default(),
            &["a"],
            "a=skipped(skipped_after_error) b=completed",
        ),
    ]);
}

#[test]
fn gateways_lead_to_what_they_chose() {
    check(vec![
        (
            "an exclusive gateway takes the first true route",
            vec![
                gateway("g", Exclusive, &[], &[("false", "a"), ("true", "b"), ("true", "c")]),
                task("a", &[]),
                task("b", &[]),
                task("c", &[]),
                task("join", &["a", "b", "c"]),
            ],
            Config::default(),
            &[],
            "g=completed a=skipped(route_not_taken) b=completed c=skipped(route_not_taken) join=completed",
        ),
        (
            "without a true route the default is taken",
            vec![gateway("g", Exclusive, &[], &[("false", "a"), ("default", "b")]), task("a", &[]), task("b", &[])],
            Config::default(),
            &[],
            "g=completed a=skipped(route_not_taken) b=completed",
        ),
        (
            "no route and no default fails the gateway",
            vec![gateway("g", Exclusive, &[], &[("false", "a")]), task("a", &[])],
            Config::default(),
            &[],
            "g=failed a=skipped(upstream_failed)",
        ),
        (
            "an inclusive gateway takes every true route",
            vec![
                gateway("g", Inclusive, &[], &[("true", "a"), ("false", "b"), ("true", "c")]),
                task("a", &[]),
                task("b", &[]),
                task("c", &[]),
            ],
            Config::default(),
            &[],
            "g=completed a=completed b=skipped(route_not_taken) c=completed",
        ),
        (
            "a parallel gateway without a true route and without default is no failure",
            vec![gateway("g", Parallel, &[], &[("false", "a")]), task("a", &[]), task("b", &["g"])],
            Config::default(),
            &[],
            "g=completed a=skipped(route_not_taken) b=completed",
        ),
        (
            "a gateway skipped by its condition takes its default",
            vec![
                Step {
                    condition: Some(Condition::unplaced("false")),
                    ..gateway("g", Exclusive, &[], &[("true", "a"), ("default", "b")])
                },
                task("a", &[]),
                task("b", &[]),
            ],
            Config::default(),
            &[],
            "g=skipped(condition_false) a=skipped(dead_path) b=completed",
        ),
    ]);
}

#[test]
fn targets_behind_others_follow_the_route() {
    check(vec![
        (
            "with routes to review and publish, and publish after review, choosing review reaches publish",
            vec![
                gateway("g", Exclusive, &[], &[("true", "review"), ("true", "publish")]),
                task("review", &[]),
                task("publish", &["review"]),
            ],
            Config::default(),
            &[],
            "g=completed review=completed publish=completed",
        ),
        (
            "and choosing publish reaches it too",
            vec![
                gateway("g", Exclusive, &[], &[("false", "review"), ("true", "publish")]),
                task("review", &[]),
                task("publish", &["review"]),
            ],
            Config::default(),
            &[],
            "g=completed review=skipped(route_not_taken) publish=completed",
        ),
        (
            "a dependency beside the gateway never lets an un-chosen target run",
            vec![
                task("side", &[]),
                gateway("g", Exclusive, &[], &[("false", "a"), ("default", "b")]),
                task("a", &["side", "g"]),
                task("b", &["g"]),
            ],
            Config::default(),
            &[],
            "side=completed g=completed a=skipped(route_not_taken) b=completed",
        ),
        (
            "a chosen target whose only dependency failed is a dead path",
            vec![
                handled_by(task("side", &[]), "fix"),
                task("fix", &[]),
                gateway("g", Exclusive, &[], &[("true", "a"), ("default", "b")]),
                task("a", &["side", "g"]),
                task("b", &[]),
            ],
            Config::default(),
            &["side"],
            "side=failed fix=completed g=completed a=skipped(dead_path) b=skipped(route_not_taken)",
        ),
        (
            "a gateway on a dead path takes nothing",
            vec![
                conditional("a", &[], "false"),
                gateway("g", Exclusive, &["a"], &[("true", "b"), ("default", "c")]),
                task("b", &[]),
                task("c", &[]),
            ],
            Config::default(),
            &[],
            "a=skipped(condition_false) g=skipped(dead_path) b=skipped(dead_path) c=skipped(dead_path)",
        ),
    ]);
}

#[test]
fn handlers_run_for_errors() {
    check(vec![
        (
            "a handler runs for an error and the rest goes on",
            vec![handled_by(task("a", &[]), "fix"), task("b", &["a"]), task("fix", &[]), task("c", &["fix"])],
            Config::default(),
            &["a"],
            "a=failed b=skipped(dead_path) fix=completed c=completed",
        ),
        (
            "a handler that nothing needs is skipped",
            vec![handled_by(task("a", &[]), "fix"), task("fix", &[])],
            Config::default(),
            &[],
            "a=completed fix=skipped(handler_not_needed)",
        ),
        (
            "a shared handler runs once for two errors",
            vec![handled_by(task("a", &[]), "fix"), handled_by(task("b", &[]), "fix"), task("fix", &[])],
            Config::default(),
            &["a", "b"],
            "a=failed b=failed fix=completed",
        ),
        (
            "a handler whose condition is false leaves the failure un-handled",
            vec![handled_by(task("a", &[]), "fix"), task("b", &["a"]), conditional("fix", &[], "false")],
            go_on(),
            &["a"],
            "a=failed b=skipped(dead_path) fix=skipped(condition_false)",
        ),
        (
            "a gateway can lead to a handler",
            vec![
                handled_by(task("a", &[]), "fix"),
                gateway("g", Exclusive, &["a"], &[("true", "fix"), ("default", "b")]),
                task("fix", &[]),
                task("b", &[]),
            ],
            Config::default(),
            &[],
            "a=completed g=completed fix=completed b=skipped(route_not_taken)",
        ),
        (
            "a handler that rejoins lets the join run",
            vec![handled_by(task("a", &[]), "fix"), task("fix", &[]), task("join", &["a", "fix"])],
            Config::default(),
            &["a"],
            "a=failed fix=completed join=completed",
        ),
    ]);
}

#[test]
fn failures_reach_what_comes_after_them() {
    check(vec![
        (
            "without stop_on_failure what does not come after the failure goes on first",
            vec![task("a", &[]), task("b", &["a"]), task("c", &[]), task("d", &["c"]), task("join", &["b", "d"])],
            go_on(),
            &["a"],
            "a=failed b=skipped(upstream_failed) c=completed d=completed join=skipped(upstream_failed)",
        ),
        (
            "a condition that can't be evaluated fails the step",
            vec![conditional("a", &[], "error"), task("b", &["a"])],
            Config::default(),
            &[],
            "a=failed b=skipped(upstream_failed)",
        ),
    ]);
}

#[test]
fn a_failure_stops_what_runs_and_what_has_not_begun() {
    let steps = vec![task("a", &[]), task("b", &[]), task("c", &["b"])];
    let mut world = World::started(definition(steps, Config::default()));
    world.fail("a");
    assert_eq!(world.statuses(), "a=failed b=cancelled c=skipped(upstream_failed)");
    assert_eq!(world.event_types().last(), Some(&"ProcessFailed"));
    assert!(world.calls.is_empty(), "the call of `b` was given up");
    world.check_replay();
}

#[test]
fn a_handler_starts_at_the_first_error_without_waiting_for_its_other_sources() {
    let steps = vec![handled_by(task("a", &[]), "fix"), handled_by(task("b", &[]), "fix"), task("fix", &[])];
    let mut world = World::started(definition(steps, Config::default()));
    world.fail("a");
    assert_eq!(world.statuses(), "a=failed b=running fix=running");
    world.finish("fix");
    world.fail("b");
    assert_eq!(world.statuses(), "a=failed b=failed fix=completed");
    assert_eq!(world.event_types().last(), Some(&"ProcessCompleted"));
    world.check_replay();
}

#[test]
fn a_reader_waits_for_the_step_it_reads_and_for_nothing_else_of_it() {
    let mut reader = task("reader", &[]);
    reader.reads.steps.insert(id("other"));
    let steps = vec![skipping(task("other", &[])), reader];
    let mut world = World::started(definition(steps, Config::default()));
    assert_eq!(world.statuses(), "other=running reader=pending");
    world.fail("other");
    world.finish("reader");
    assert_eq!(world.statuses(), "other=skipped(skipped_after_error) reader=completed");
}
