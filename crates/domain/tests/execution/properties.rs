//! Properties of all valid definitions, with random outcomes: the run ends, steps run exactly when an independent model
//! says so, the history adds up to the state, and a crash at any point changes nothing.

use procession_domain::{
    approval::Ballot,
    definition::{
        Compensation, CompensationAction, Condition, Config, Definition, GatewayType, HumanApproval, OnError, OnReject,
        Reads, Rerun, RetryPolicy, Step, StepKind, Template, TimeoutAction, Timer,
    },
    event::{AttemptEvent, Direction, Event, SkipReason, StepEvent},
    execution::{Command, Execution, ExecutionStatus, Life, Refusal, RefusalKind, Snapshot, StepLife},
    value::{Duration, ErrorCode, StepId},
};
use proptest::prelude::*;

use crate::{
    model::{Expected, Model},
    world::{World, content, failed, finished, gateway, id, task},
};

/// What a random definition may contain.
#[derive(Debug, Clone, Copy)]
struct Variety {
    reruns: bool,
    stop_on_failure: bool,
}

/// The random choices for one step, all of which fit any place.
#[derive(Debug, Clone)]
struct Choices {
    kind: u8,
    after: Vec<prop::sample::Index>,
    routes: Vec<(u8, prop::sample::Index)>,
    condition: u8,
    on_error: u8,
    handler: prop::sample::Index,
    reads: Vec<prop::sample::Index>,
    run_if_skipped: bool,
    attempts: u32,
    undoable: bool,
    detail: u8,
}

fn choices() -> impl Strategy<Value = Choices> {
    let index = any::<prop::sample::Index>;
    let edges = (
        prop::collection::vec(index(), 0..3),
        prop::collection::vec((any::<u8>(), index()), 1..4),
        prop::collection::vec(index(), 0..2),
    );
    let numbers = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), 1_u32..4);
    (edges, numbers, (any::<bool>(), any::<bool>(), index())).prop_map(
        |((after, routes, reads), (kind, condition, on_error, detail, attempts), (skip, undo, handler))| Choices {
            kind,
            after,
            routes,
            condition,
            on_error,
            handler,
            reads,
            run_if_skipped: skip && detail.is_multiple_of(3),
            attempts,
            undoable: undo,
            detail,
        },
    )
}

fn name(place: usize) -> String {
    format!("s{place:02}")
}

/// A definition from random choices: edges point forward, so that most choices are valid.
fn build(choices: &[Choices], variety: Variety) -> Option<Definition> {
    let count = choices.len();
    let steps = choices.iter().enumerate().map(|(place, choice)| step(choice, place, count, variety)).collect();
    let config = Config { stop_on_failure: variety.stop_on_failure, ..Config::default() };
    Definition::new(content(steps, config)).ok()
}

fn step(choice: &Choices, place: usize, count: usize, variety: Variety) -> Step {
    let earlier = |index: &prop::sample::Index| (place > 0).then(|| name(index.index(place)));
    let later =
        |index: &prop::sample::Index| (place + 1 < count).then(|| name(place + 1 + index.index(count - place - 1)));
    let own = name(place);
    let after: Vec<String> = choice.after.iter().filter_map(earlier).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    let targets: Vec<(&str, String)> = choice
        .routes
        .iter()
        .filter_map(|(kind, index)| later(index).map(|target| (ROUTES[usize::from(*kind) % ROUTES.len()], target)))
        .collect();
    let routes: Vec<(&str, &str)> = targets.iter().map(|(condition, target)| (*condition, target.as_str())).collect();
    let mut step = match choice.kind % 10 {
        0 | 1 if !routes.is_empty() => gateway(&own, GATEWAYS[usize::from(choice.detail) % 3], &after, &routes),
        2 => Step {
            depends_on: after.iter().map(|step| id(step)).collect(),
            ..approval(choice, &own, after.first().map(|step| (*step).to_owned()), variety)
        },
        3 => {
            let timer = StepKind::Timer(Timer::Duration(Template::unplaced("5s")));
            Step { depends_on: after.iter().map(|step| id(step)).collect(), ..Step::new(id(&own), timer) }
        }
        _ => task(&own, &after),
    };
    step.condition = match choice.condition % 12 {
        0 => Some(Condition::unplaced("false")),
        1 | 2 => Some(Condition::unplaced("true")),
        3 if choice.detail.is_multiple_of(4) => Some(Condition::unplaced("error")),
        _ => None,
    };
    step.on_error = match (choice.on_error % 4, later(&choice.handler)) {
        (0, _) => OnError::SkipStep,
        (1 | 2, Some(handler)) => OnError::GotoStep { target_step: id(&handler) },
        _ => OnError::FailProcess,
    };
    step.run_if_skipped = choice.run_if_skipped;
    step.retry = RetryPolicy { max_attempts: choice.attempts, ..step.retry };
    step.reads.steps = choice.reads.iter().filter_map(earlier).map(|step| id(&step)).collect();
    if choice.undoable
        && let StepKind::AgentTask(undo) = task("undo", &[]).kind
    {
        step.compensation = Some(Compensation {
            action: CompensationAction::AgentTask(undo),
            retry: RetryPolicy::default_with(choice.attempts),
            timeout: Duration::from_secs(60),
            reads: Reads::default(),
        });
    }
    step
}

const ROUTES: [&str; 4] = ["true", "false", "", "default"];
const GATEWAYS: [GatewayType; 3] = [GatewayType::Exclusive, GatewayType::Inclusive, GatewayType::Parallel];

fn approval(choice: &Choices, own: &str, rerun: Option<String>, variety: Variety) -> Step {
    let actions = [TimeoutAction::Reject, TimeoutAction::Approve, TimeoutAction::Skip, TimeoutAction::Escalate];
    let approval = HumanApproval {
        title: Template::unplaced("may it?"),
        description: None,
        assignees: Vec::new(),
        timeout_action: actions[usize::from(choice.detail) % 4],
        on_reject: if choice.detail.is_multiple_of(2) { OnReject::Fail } else { OnReject::Continue },
        escalate_to: Vec::new(),
        required_approvals: 1,
        artifacts: Vec::new(),
        on_changes_requested: rerun.filter(|_| variety.reruns).map(|step| Rerun { rerun: id(&step), max: 2 }),
        allow_comments: true,
        require_reason_on_reject: false,
        self_approval: true,
    };
    Step::new(id(own), StepKind::HumanApproval(approval))
}

/// How a call ends, decided by what it is and not by when it is made, so that every order gives the same outcomes.
fn outcome(seed: u64, key: &str) -> u8 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (seed, key).hash(&mut hasher);
    u8::try_from(hasher.finish() % 100).unwrap()
}

/// What decides the outcomes of a run.
#[derive(Debug, Clone, Copy)]
struct Fate {
    seed: u64,
    /// Whether some calls never answer, so that they time out.
    loses_calls: bool,
}

/// Does the next thing that can happen. `false` when nothing can.
fn go_on(world: &mut World, fate: Fate) -> bool {
    let seed = fate.seed;
    world.calls.sort_by(|a, b| a.id.cmp(&b.id));
    if let Some(call) = world.calls.first().cloned() {
        world.calls.remove(0);
        let key = format!("{}", call.id);
        let command = match outcome(seed, &key) {
            0..60 => finished(call),
            60..75 => failed(call, ErrorCode::AgentNotFound),
            75..90 => failed(call, ErrorCode::AgentError),
            kind @ 90..95 => {
                let kind = if kind < 93 { RefusalKind::Busy } else { RefusalKind::RateLimit };
                let refusal = Refusal { kind, retry_after: Duration::from_secs(30), reason: None };
                Command::Refused { call: call.id, refusal }
            }
            _ if fate.loses_calls => {
                world.lost.insert(call.id);
                return world.pass_time();
            }
            _ => finished(call),
        };
        world.give(&[command]);
        return true;
    }
    if let Some(open) = world.open_approvals().first().copied() {
        let step = world.shelf_step(open);
        match outcome(seed, &step) {
            0..45 => world.vote(open, Ballot::Approve),
            45..65 => world.vote(open, Ballot::Reject),
            65..80 => world.vote(open, Ballot::RequestChanges),
            _ => return world.pass_time(),
        }
        return true;
    }
    world.free_place() || world.pass_time()
}

fn run_to_end(mut world: World, fate: Fate) -> World {
    for _ in 0..2_000 {
        if world.execution.status().is_ended() {
            return world;
        }
        assert!(go_on(&mut world, fate), "stuck: {} {:?}", world.statuses(), world.execution.state().life);
    }
    panic!("no end: {}", world.statuses());
}

fn go_on_for(world: &mut World, fate: Fate, most: usize) {
    for _ in 0..most {
        if world.execution.status().is_ended() || !go_on(world, fate) {
            break;
        }
    }
}

fn check_against_model(execution: &Execution) {
    let model = Model::of(execution);
    let stopped = execution.definition().config().stop_on_failure && execution.status() != ExecutionStatus::Completed;
    for (step, state) in execution.steps() {
        let expected = model.expected(step);
        match &state.life {
            StepLife::Skipped { reason: SkipReason::ConditionFalse } => {
                assert_eq!(expected, Expected::Runs, "`{}` was asked for its condition", step.id);
            }
            StepLife::Skipped { reason: SkipReason::SkippedAfterError | SkipReason::ApprovalTimeout }
            | StepLife::Completed
            | StepLife::Failed { .. } => assert_eq!(expected, Expected::Runs, "`{}` ran", step.id),
            StepLife::Skipped { reason: SkipReason::UpstreamFailed } if stopped => {}
            StepLife::Skipped { reason } => assert_eq!(expected, Expected::Skipped(*reason), "`{}`", step.id),
            StepLife::Cancelled => assert!(stopped, "`{}` was cancelled", step.id),
            life => panic!("`{}` has not ended: {life:?}", step.id),
        }
    }
}

fn check_end(world: &World) {
    if let Life::Failed(error) = &world.execution.state().life {
        assert_ne!(error.code, ErrorCode::Deadlock, "{}", error.message);
    }
    assert!(world.execution.steps().all(|(_, state)| state.is_terminal()), "{}", world.statuses());
    assert!(world.calls.is_empty() && world.open_approvals().is_empty());
    world.check_replay();
}

fn definitions(variety: Variety) -> impl Strategy<Value = Brief> {
    prop::collection::vec(choices(), 1..12)
        .prop_filter_map("the choices make no valid definition", move |choices| build(&choices, variety).map(Brief))
}

/// A definition that a failing case prints in a few lines.
#[derive(Clone)]
struct Brief(Definition);

impl std::fmt::Debug for Brief {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for step in self.0.steps() {
            let kind = match &step.kind {
                StepKind::Gateway(gateway) => {
                    let routes: Vec<String> = gateway
                        .routes
                        .iter()
                        .map(|route| {
                            format!("{:?}>{}", route.condition.as_ref().map(|c| c.text.as_str()), route.target)
                        })
                        .collect();
                    format!("{:?} {} default {:?}", gateway.gateway_type, routes.join(" "), gateway.default_route)
                }
                StepKind::HumanApproval(approval) => format!(
                    "approval {:?} {:?} {:?}",
                    approval.timeout_action, approval.on_reject, approval.on_changes_requested
                ),
                kind => kind.step_type().to_string(),
            };
            let after: Vec<&str> = step.depends_on.iter().map(StepId::as_str).collect();
            let reads: Vec<&str> = step.reads.steps.iter().map(StepId::as_str).collect();
            writeln!(
                f,
                "\n  {} after {after:?} reads {reads:?} if {:?} {:?} skip-ok {} undo {} attempts {}: {kind}",
                step.id,
                step.condition.as_ref().map(|condition| condition.text.as_str()),
                step.on_error,
                step.run_if_skipped,
                step.compensation.is_some(),
                step.retry.max_attempts,
            )?;
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_run_ends_as_the_model_says(
        definition in definitions(Variety { reruns: false, stop_on_failure: false }),
        seed in any::<u64>(),
    ) {
        let world = run_to_end(World::started(definition.0), Fate { seed, loses_calls: true });
        check_end(&world);
        check_against_model(&world.execution);
    }

    #[test]
    fn a_run_that_stops_at_a_failure_ends_as_the_model_says(
        definition in definitions(Variety { reruns: false, stop_on_failure: true }),
        seed in any::<u64>(),
    ) {
        let world = run_to_end(World::started(definition.0), Fate { seed, loses_calls: true });
        check_end(&world);
        check_against_model(&world.execution);
    }

    #[test]
    fn runs_with_requested_changes_end_and_replay(
        definition in definitions(Variety { reruns: true, stop_on_failure: false }),
        seed in any::<u64>(),
    ) {
        let world = run_to_end(World::started(definition.0), Fate { seed, loses_calls: true });
        check_end(&world);
    }

    #[test]
    fn runs_that_have_to_wait_for_places_end_as_the_model_says(
        definition in definitions(Variety { reruns: false, stop_on_failure: false }),
        seed in any::<u64>(),
        chance in any::<u64>(),
    ) {
        let world = run_to_end(World::crowded(definition.0, chance), Fate { seed, loses_calls: true });
        check_end(&world);
        check_against_model(&world.execution);
    }

    #[test]
    fn stopped_runs_that_have_to_wait_for_places_end_as_the_model_says(
        definition in definitions(Variety { reruns: false, stop_on_failure: true }),
        seed in any::<u64>(),
        chance in any::<u64>(),
    ) {
        let world = run_to_end(World::crowded(definition.0, chance), Fate { seed, loses_calls: true });
        check_end(&world);
        check_against_model(&world.execution);
    }

    #[test]
    fn runs_with_requested_changes_that_have_to_wait_for_places_end_and_replay(
        definition in definitions(Variety { reruns: true, stop_on_failure: true }),
        seed in any::<u64>(),
        chance in any::<u64>(),
        crash_after in 0_usize..40,
    ) {
        let mut world = World::crowded(definition.0, chance);
        let fate = Fate { seed, loses_calls: true };
        go_on_for(&mut world, fate, crash_after);
        world.crash(None);
        let world = run_to_end(world, fate);
        check_end(&world);
    }

    #[test]
    fn a_crash_at_any_point_changes_nothing(
        definition in definitions(Variety { reruns: true, stop_on_failure: true }),
        seed in any::<u64>(),
        snapshot_after in 0_usize..40,
        crash_after in 0_usize..40,
    ) {
        // A call that is sent again has its time anew; so that order can't depend on that, none is lost.
        let fate = Fate { seed, loses_calls: false };
        let undisturbed = run_to_end(World::started(definition.0.clone()), fate);
        let mut world = World::started(definition.0);
        go_on_for(&mut world, fate, snapshot_after);
        let snapshot: Option<Snapshot> = (snapshot_after % 3 > 0).then(|| world.execution.snapshot());
        go_on_for(&mut world, fate, crash_after);
        world.crash(snapshot.as_ref());
        let world = run_to_end(world, fate);
        check_end(&world);
        prop_assert_eq!(world.statuses(), undisturbed.statuses());
        prop_assert_eq!(world.execution.status(), undisturbed.execution.status());
    }

    #[test]
    fn no_step_completes_twice_in_a_round_and_attempts_never_repeat(
        definition in definitions(Variety { reruns: true, stop_on_failure: false }),
        seed in any::<u64>(),
    ) {
        let world = run_to_end(World::started(definition.0), Fate { seed, loses_calls: true });
        let mut started = std::collections::BTreeSet::new();
        let mut ended = std::collections::BTreeSet::new();
        for recorded in &world.history {
            match &recorded.event {
                Event::Attempt(step_id, direction, AttemptEvent::Started(start)) if !start.again => {
                    prop_assert!(started.insert((step_id.clone(), *direction, start.attempt)), "{recorded:?}");
                }
                Event::Attempt(step_id, Direction::Do, AttemptEvent::Completed { .. } | AttemptEvent::Failed { .. })
                | Event::Step(step_id, StepEvent::Skipped(_)) => {
                    prop_assert!(ended.insert(step_id.clone()), "{step_id} ended twice");
                }
                Event::Step(step_id, StepEvent::Reset { .. }) => {
                    ended.remove(step_id);
                }
                _ => {}
            }
        }
    }
}
