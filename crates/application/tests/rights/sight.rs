//! A viewer knows of their own executions and only those: in lists, counts, events, subscriptions and approvals alike.

use procession_application::{
    access::Principal,
    approvals::{ApprovalFailure, ApprovalQuery},
    executions::{ExecutionFailure, RetryFrom},
    ports::{ExecutionFilter, PageStart, Paging},
};
use procession_domain::{
    approval::Ballot,
    value::{Duration, ExecutionId},
};
use procession_testing::Stage;
use serde_json::json;

use crate::attempts::{ASKS, NAPS, stage};

const ALL: Paging = Paging { limit: 100, start: PageStart::Offset(0) };

/// A stage with a viewer, `vic`, and an execution of that and one of `ann`.
async fn scene(yaml: &str) -> (Stage, Principal, ExecutionId, ExecutionId) {
    let stage = stage().await;
    let process = stage.publish(yaml).await;
    let vic = stage.person("vic", "viewer").await;
    let own = stage.start_by(&Principal::at_terminal("vic"), process, json!({})).await;
    let other = stage.start_by(&Principal::at_terminal("ann"), process, json!({})).await;
    (stage, vic, own, other)
}

#[tokio::test(start_paused = true)]
async fn lists_count_and_show_only_what_is_ones_own() {
    let (stage, vic, own, other) = scene(NAPS).await;
    let list = async |filter: ExecutionFilter| {
        let page = stage.executions.list(&vic, &filter, &ALL).await.unwrap();
        assert_eq!(page.rows.len() as u64, page.total);
        page.rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(ExecutionFilter::default()).await, [own]);
    // Neither does asking for another user's help.
    assert_eq!(list(ExecutionFilter { user: Some("ann".into()), ..ExecutionFilter::default() }).await, []);
    assert_eq!(list(ExecutionFilter { user: Some("vic".into()), ..ExecutionFilter::default() }).await, [own]);
    assert_eq!(list(ExecutionFilter { text: Some(other.to_string()), ..ExecutionFilter::default() }).await, []);
}

#[tokio::test(start_paused = true)]
async fn events_are_told_of_ones_own_executions_only() {
    let (stage, vic, own, other) = scene(NAPS).await;
    let excerpt = stage.events_after(&vic, 0).await;
    assert!(!excerpt.is_empty() && excerpt.iter().all(|id| *id == own), "{excerpt:?}");
    assert!(stage.application.events.after(&vic, 0, Some(other), 100).await.unwrap().events.is_empty());

    let mut subscription = stage.application.events.subscribe();
    let process = stage.execution(own).await.creation().process.id;
    let mut started = Vec::new();
    for user in ["ann", "vic", "ann"] {
        started.push(stage.start_by(&Principal::at_terminal(user), process, json!({})).await);
        stage.pass(Duration::from_secs(1)).await;
    }
    let newest = stage.application.events.newest().await.unwrap();
    let mut told = Vec::new();
    loop {
        let batch = subscription.next().await.unwrap();
        let visible = stage.application.events.visible(&vic, &batch, |_| true);
        told.extend(visible.iter().map(|event| event.execution_id));
        if batch.last() == Some(newest) {
            break;
        }
    }
    assert!(told.len() >= 3 && told.iter().all(|id| *id == started[1]), "{told:?}");
}

trait Excerpts {
    async fn events_after(&self, by: &Principal, id: u64) -> Vec<ExecutionId>;
}

impl Excerpts for Stage {
    async fn events_after(&self, by: &Principal, id: u64) -> Vec<ExecutionId> {
        let excerpt = self.application.events.after(by, id, None, 100).await.unwrap();
        excerpt.events.iter().map(|event| event.execution_id).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_one_may_not_know_of_is_not_there_like_one_that_does_not_exist() {
    let (stage, vic, own, other) = scene(NAPS).await;
    let unknown = ExecutionId::new(stage.ports.ids.new_id());
    assert_eq!(stage.executions.get(&vic, own).await.unwrap().id(), own);
    for id in [other, unknown] {
        let refused = stage.executions.get(&vic, id).await.unwrap_err();
        assert_eq!(refused.to_string(), "Execution not found");
        assert!(matches!(refused, ExecutionFailure::NotFound));
        // What the role lacks altogether is said without a look at the execution.
        let refused = stage.executions.retry(&vic, id, RetryFrom::Start).await.unwrap_err();
        assert_eq!(refused.to_string(), "Role process_viewer does not have execution:retry permission");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_sees_and_decides_an_approval_and_not_its_execution() {
    let (stage, vic, _, other) = scene(ASKS).await;
    let approval = stage.open_approval(other, "review").await;
    let hidden = stage.approvals.vote(&vic, approval.id(), Ballot::Approve, None).await.unwrap_err();
    assert!(matches!(hidden, ApprovalFailure::NotFound), "{hidden}");
    let refused = stage.approvals.delegate(&stage.system, approval.id(), "vic", None).await.unwrap_err();
    assert_eq!(refused.to_string(), "vic may not decide approvals");
    stage.access.set_role(&stage.system, "vic", "approver").await.unwrap();
    let passed = stage.approvals.delegate(&stage.system, approval.id(), "vic", None).await.unwrap();
    assert_eq!(passed.approval.request().assignees, ["vic"]);
    // A viewer again, and still asked: the approval knows whom it asks.
    stage.access.set_role(&stage.system, "vic", "viewer").await.unwrap();
    stage.approvals.get(&vic, approval.id()).await.unwrap();
    assert_eq!(stage.approvals.list(&vic, ApprovalQuery::default(), &ALL).await.unwrap().total, 1);
    assert!(matches!(stage.executions.get(&vic, other).await, Err(ExecutionFailure::NotFound)));
    // A key speaks for its user only if its scopes say so.
    let key = vic.clone().limited_to(&["process:read".to_owned()]);
    let refused = stage.approvals.vote(&key, approval.id(), Ballot::Approve, None).await.unwrap_err();
    assert_eq!(refused.to_string(), "the API key is limited to scopes without approval:decide");
    stage.approvals.vote(&vic, approval.id(), Ballot::Approve, None).await.unwrap();
    stage.until_ended(other).await;
}
