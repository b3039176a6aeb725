//! What each decision about a request leads to, in words for whoever decides.

use procession_domain::{
    approval::{Approval, ApprovalStatus},
    definition::{Definition, EdgeKind, HumanApproval, OnError, OnReject, Step, StepKind},
    execution::Execution,
    value::StepId,
};

use super::{ApprovalFailure, Approvals};
use crate::{
    access::{Principal, UseCase},
    ports::ApprovalRow,
};

/// What the decisions about a request lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consequences {
    /// What follows if it is approved.
    pub approve: String,
    /// What follows if it is rejected.
    pub reject: String,
    /// What follows if changes are requested; `None` if no round follows, so that the step would fail.
    pub request_changes: Option<String>,
}

impl Approvals {
    /// What the decisions about this request, which the principal may see, lead to; `None` if it is settled.
    ///
    /// # Errors
    ///
    /// The principal may not read approvals, or the store failed.
    pub async fn consequences(
        &self,
        by: &Principal,
        row: &ApprovalRow,
    ) -> Result<Option<Consequences>, ApprovalFailure> {
        by.check(UseCase::ReadApproval)?;
        if row.approval.status() != ApprovalStatus::Pending {
            return Ok(None);
        }
        let execution = self.engine.execution(row.approval.request().execution_id).await?;
        Ok(execution.map(|execution| Consequences::of(&row.approval, &execution)))
    }
}

impl Consequences {
    /// Of a request of this execution.
    pub fn of(approval: &Approval, execution: &Execution) -> Self {
        let request = approval.request();
        let found = execution.step(request.step_id.as_str());
        let Some((step, state, asked)) = found.and_then(|(step, state)| match &step.kind {
            StepKind::HumanApproval(asked) => Some((step, state, asked)),
            StepKind::AgentTask(_)
            | StepKind::Gateway(_)
            | StepKind::Timer(_)
            | StepKind::Notification(_)
            | StepKind::SubProcess(_) => None,
        }) else {
            return Self::of_budget();
        };
        let follows = what_follows(execution.definition(), &step.id);
        Self {
            reject: match asked.on_reject {
                OnReject::Continue => format!("also {follows}, with that decision"),
                OnReject::Fail => what_failure_does(step),
            },
            approve: follows,
            request_changes: changes(asked, state.reruns),
        }
    }

    /// Of the question whether more may be spent.
    fn of_budget() -> Self {
        Self {
            approve: "the budget is raised, and the process goes on".to_owned(),
            reject: "the process fails".to_owned(),
            request_changes: None,
        }
    }
}

/// What happens once the step is completed.
fn what_follows(definition: &Definition, step: &StepId) -> String {
    let position = definition.position(step.as_str());
    let edges = position.map(|position| definition.graph().outgoing(position)).unwrap_or_default();
    let next = edges.iter().filter(|edge| matches!(edge.kind, EdgeKind::Plain | EdgeKind::Route { .. }));
    let next: Vec<String> = next.map(|edge| format!("`{}`", definition.step(edge.target).id)).collect();
    match next.len() {
        0 => "nothing more depends on it".to_owned(),
        1 => format!("{} comes next", next.join("")),
        _ => format!("{} come next", next.join(", ")),
    }
}

fn what_failure_does(step: &Step) -> String {
    match &step.on_error {
        OnError::FailProcess => "the process fails".to_owned(),
        OnError::SkipStep => "it is passed over, and the process goes on".to_owned(),
        OnError::GotoStep { target_step } => format!("`{target_step}` handles it"),
    }
}

fn changes(asked: &HumanApproval, used: u32) -> Option<String> {
    let rerun = asked.on_changes_requested.as_ref()?;
    match rerun.max.saturating_sub(used) {
        0 => None,
        1 => Some(format!("runs again from `{}`, for the last time", rerun.rerun)),
        left => Some(format!("runs again from `{}`, up to {left} times", rerun.rerun)),
    }
}

#[cfg(test)]
mod tests {
    use procession_language::{Nothing, check};

    use super::*;

    #[test]
    fn what_a_decision_leads_to_is_read_from_the_definition() {
        let text = "\
name: p
steps:
  - {id: draft, type: agent_task, agent: a, message: x}
  - {id: review, type: human_approval, depends_on: draft, title: Good?, on_changes_requested: {rerun: draft, max: 2}}
  - {id: send, type: agent_task, agent: a, message: x, depends_on: review}
  - {id: sign, type: human_approval, depends_on: review, title: Sign?, on_error: {action: goto_step, target_step: fix}}
  - {id: fix, type: agent_task, agent: a, message: x}
";
        let checked = check(text, &Nothing);
        let definition = checked.definition.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        let step = |id: &str| definition.step(definition.position(id).unwrap());
        let asked = |id: &str| match &step(id).kind {
            StepKind::HumanApproval(asked) => asked.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(what_follows(&definition, &step("review").id), "`send`, `sign` come next");
        assert_eq!(what_follows(&definition, &step("sign").id), "nothing more depends on it");
        assert_eq!(what_failure_does(step("review")), "the process fails");
        assert_eq!(what_failure_does(step("sign")), "`fix` handles it");
        let left = [0, 1, 2].map(|used| changes(&asked("review"), used));
        assert_eq!(left[0].as_deref(), Some("runs again from `draft`, up to 2 times"));
        assert_eq!(left[1].as_deref(), Some("runs again from `draft`, for the last time"));
        assert_eq!((left[2].as_deref(), changes(&asked("sign"), 0)), (None, None));
    }
}
