//! What people and operators do while a case is played.

use std::{cell::Cell, fmt::Debug};

use procession_application::{
    access::Principal,
    executions::Command,
    ports::{ApprovalFilter, PageStart, Paging},
};
use procession_domain::{
    approval::{Approval, ApprovalStatus, Ballot},
    execution::Life,
    value::{Duration, ExecutionId, ProcessId},
};
use procession_testing::Stage;

use super::{
    case::{Action, Deed, Order, Sight, Vote},
    play::Theatre,
};

/// The server's limit of calls in flight, which no case that looks at queues reaches without a limit of its own.
const MOST_CALLS: usize = 50;

/// Carries out an order. The stage on which it goes on.
pub async fn carry_out(
    theatre: &Theatre,
    stage: Stage,
    id: ExecutionId,
    published: &mut Vec<ProcessId>,
    order: &Order,
) -> Stage {
    let command = match order.action {
        Action::Cancel => Command::Cancel { reason: Some("enough".into()), compensate: false },
        Action::CancelAndCompensate => Command::Cancel { reason: Some("enough".into()), compensate: true },
        Action::Pause => Command::Pause,
        Action::Resume => Command::Resume,
        Action::Crash => {
            stage.engine.halt();
            // The lease of a node that is gone runs out; the test need not wait for it.
            stage.ports.stores.executions.leave(stage.engine.lease()).await.unwrap();
            stage.pass(order.down).await;
            return theatre.open().await;
        }
        Action::Restart => {
            stage.engine.drain(Duration::from_secs(10)).await;
            stage.pass(order.down).await;
            return theatre.open().await;
        }
        Action::Publish => {
            published.push(stage.publish(order.process.as_deref().expect("a text")).await);
            return stage;
        }
        Action::Archive => {
            archive(&stage, published, order.process.as_deref().expect("a name")).await;
            return stage;
        }
        Action::Look => {
            let id = whom(&stage, id, order.child.as_deref()).await;
            look(&stage, id, order).await;
            return stage;
        }
    };
    let id = whom(&stage, id, order.child.as_deref()).await;
    let answer = stage
        .executions
        .command(&Principal::at_terminal("olga"), id, command)
        .await
        .map(|_| ())
        .map_err(|error| error.to_string());
    check_refusal(&answer, order.refused.as_deref(), order);
    stage
}

async fn archive(stage: &Stage, published: &[ProcessId], name: &str) {
    for process in published.iter().rev() {
        if stage.definitions.get(&stage.system, *process).await.unwrap().definition().name().as_str() == name {
            stage.definitions.archive(&stage.system, *process).await.unwrap();
            return;
        }
    }
    panic!("no process `{name}` was published");
}

/// The execution itself, or the newest child of one of its steps as soon as there is one.
async fn whom(stage: &Stage, id: ExecutionId, child: Option<&str>) -> ExecutionId {
    let Some(step) = child else { return id };
    let parent =
        stage.until(id, |execution| execution.step(step).is_some_and(|(_, state)| !state.children.is_empty())).await;
    *parent.step(step).unwrap().1.children.last().unwrap()
}

async fn look(stage: &Stage, id: ExecutionId, order: &Order) {
    let execution = stage.execution(id).await;
    let sight = order.see.clone().expect("`look` says what to `see`");
    let waiting_for = execution.waiting_for(MOST_CALLS).into_iter().map(|wait| {
        let kind = serde_json::to_value(wait.kind).unwrap().as_str().unwrap().to_owned();
        wait.step_id.map_or_else(|| kind.clone(), |step| format!("{kind} {step}"))
    });
    let seen = Sight {
        status: sight.status.is_some().then(|| execution.status().as_str().to_owned()),
        compensating: sight.compensating.map(|_| matches!(execution.state().life, Life::Compensating(_))),
        steps: sight
            .steps
            .keys()
            .map(|step| (step.clone(), execution.step(step).unwrap().1.status().as_str().to_owned()))
            .collect(),
        waiting_for: sight.waiting_for.is_some().then(|| waiting_for.collect()),
    };
    assert_eq!(seen, sight, "seen (left) and expected at {:?}", order.at);
}

/// People act in order, each when the step asks. `done` counts what has been done, so that they can be called again.
pub async fn people_act(stage: &Stage, id: ExecutionId, deeds: &[Deed], done: &Cell<usize>) {
    while let Some(deed) = deeds.get(done.get()) {
        act(stage, id, deed).await;
        done.set(done.get() + 1);
    }
}

async fn act(stage: &Stage, id: ExecutionId, deed: &Deed) {
    let person = stage.person(&deed.by, deed.role.as_deref().unwrap_or("admin")).await;
    if let Some(to) = &deed.delegate {
        stage.person(to, "approver").await;
    }
    let id = whom(stage, id, deed.child.as_deref()).await;
    let approval = match (deed.step.as_str(), &deed.refused) {
        ("_budget", _) => budget_question(stage, id).await,
        (step, Some(_)) => newest_approval(stage, id, step).await,
        (step, None) => stage.open_approval(id, step).await,
    };
    let asked = approval.request().created_at;
    stage.ports.clock.sleep_until(asked.saturating_add(deed.after.unwrap_or_default())).await;
    let ballot = deed.vote.map(|vote| match vote {
        Vote::Approve => Ballot::Approve,
        Vote::Reject => Ballot::Reject,
        Vote::RequestChanges => Ballot::RequestChanges,
    });
    let comment = deed.comment.clone();
    let answer = match (ballot, &deed.delegate) {
        (Some(ballot), _) => stage.approvals.vote(&person, approval.id(), ballot, comment).await,
        (None, Some(to)) => stage.approvals.delegate(&person, approval.id(), to, comment).await,
        (None, None) => panic!("a deed is a vote or a delegation"),
    };
    check_refusal(&answer.map(|_| ()).map_err(|error| error.to_string()), deed.refused.as_deref(), deed);
}

fn check_refusal(answer: &Result<(), String>, refused: Option<&str>, what: &impl Debug) {
    match (answer, refused) {
        (Ok(()), None) => {}
        (Err(error), Some(expected)) => assert!(error.starts_with(expected), "refused with `{error}`: {what:?}"),
        (Ok(()), Some(expected)) => panic!("it should be refused with `{expected}`: {what:?}"),
        (Err(error), None) => panic!("it was refused: {error}: {what:?}"),
    }
}

/// All approvals of an execution in the order in which they were asked.
pub async fn approvals(stage: &Stage, id: ExecutionId) -> Vec<Approval> {
    let filter = ApprovalFilter { execution_id: Some(id), ..ApprovalFilter::default() };
    let paging = Paging { limit: 100, start: PageStart::Offset(0) };
    let rows = stage.ports.stores.approvals.approvals(&filter, &paging).await.unwrap().rows;
    let mut approvals: Vec<Approval> = rows.into_iter().map(|row| row.approval).collect();
    approvals.sort_by_key(|approval| approval.request().created_at);
    approvals
}

async fn newest_approval(stage: &Stage, id: ExecutionId, step: &str) -> Approval {
    stage.until(id, |execution| execution.step(step).is_some_and(|(_, state)| state.approval_id.is_some())).await;
    let asked = approvals(stage, id).await;
    asked.into_iter().rfind(|approval| approval.request().step_id.as_str() == step).unwrap()
}

async fn budget_question(stage: &Stage, id: ExecutionId) -> Approval {
    stage.until(id, |execution| execution.state().budget.question.is_some()).await;
    let asked = approvals(stage, id).await;
    let budget = |approval: &Approval| approval.request().step_id.as_str() == "_budget";
    asked.into_iter().find(|approval| budget(approval) && approval.status() == ApprovalStatus::Pending).unwrap()
}
