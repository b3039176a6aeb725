//! An approval as it is put to whoever sits at the terminal: what is asked, what each decision leads to, and the answer.

use procession_domain::{
    approval::{Approval, Ballot},
    definition::{Definition, EdgeKind, HumanApproval, OnError, OnReject, Step, StepKind},
    execution::Execution,
    value::{Json, StepId},
};

use super::decide::Answer;
use crate::{
    commands::{approvals::undecided_by, remote::instant},
    exit::Failure,
    terminal::{
        self, prompt, style,
        text::{clean, fit, width, wrap},
    },
};

/// What the decisions about a request lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Consequences {
    approve: String,
    reject: String,
    /// Nothing if changes lead to no further round, so that they are not offered.
    changes: Option<String>,
    /// What the deadline does and when, if there is one.
    deadline: Option<String>,
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
            changes: changes(asked, state.reruns),
            deadline: request.deadline.map(|deadline| {
                let time = instant(&Json::String(deadline.to_string()));
                undecided_by(&time, request.timeout_action)
            }),
        }
    }

    /// Of the question whether more may be spent.
    fn of_budget() -> Self {
        Self {
            approve: "the budget is raised, and the process goes on".to_owned(),
            reject: "the process fails".to_owned(),
            changes: None,
            deadline: None,
        }
    }

    /// Whether a round follows if changes are asked for.
    pub const fn take_changes(&self) -> bool {
        self.changes.is_some()
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("approve", self.approve.clone()), ("reject", self.reject.clone())];
        lines.extend(self.changes.clone().map(|changes| ("changes", changes)));
        lines.extend(self.deadline.clone().map(|deadline| ("deadline", deadline)));
        lines
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

/// Shows a request on standard error, as wide as the terminal.
pub(super) fn present(place: &str, approval: &Approval, consequences: &Consequences) {
    let request = approval.request();
    let columns = terminal::width().saturating_sub(1);
    let title = clean(&request.title);
    terminal::tell("");
    if width(&title) + 1 + width(place) <= columns {
        terminal::tell(format_args!(
            "{} {}",
            style::paint(style::STRONG, title),
            style::paint(style::DIM, clean(place))
        ));
    } else {
        for line in wrap(&title, columns) {
            terminal::tell(style::paint(style::STRONG, line));
        }
        terminal::tell(style::paint(style::DIM, fit(place, columns)));
    }
    for line in wrap(request.description.trim(), columns.saturating_sub(2)) {
        terminal::tell(format_args!("  {line}").to_string().trim_end());
    }
    let mut notes: Vec<String> = Vec::new();
    notes.extend(request.artifacts.iter().map(|artifact| format!("see {artifact}")));
    if !request.assignees.is_empty() {
        notes.push(format!("asked: {}", request.assignees.join(", ")));
    }
    if request.required_approvals > 1 {
        notes.push(format!("{} people must approve; here you stand in for all of them", request.required_approvals));
    }
    notes.extend(consequences.lines().into_iter().map(|(decision, leads_to)| format!("{decision}: {leads_to}")));
    for line in notes.iter().flat_map(|note| wrap(note, columns.saturating_sub(2))) {
        terminal::tell(style::paint(style::DIM, format_args!("  {line}")));
    }
}

/// Asks until there is an answer; nothing when the input has ended.
pub(super) async fn ask(approval: &Approval, consequences: &Consequences) -> Result<Option<Answer>, Failure> {
    let request = approval.request();
    let (needs_reason_on_reject, takes_comments) = (request.require_reason_on_reject, request.allow_comments);
    let takes_changes = consequences.take_changes();
    let asked = tokio::task::spawn_blocking(move || -> std::io::Result<Option<Answer>> {
        let choice = if takes_changes { "[a]pprove, [r]eject, [c]hanges? " } else { "[a]pprove, [r]eject? " };
        loop {
            let Some(word) = prompt::ask(choice)? else { return Ok(None) };
            let Some(ballot) = ballot(&word, takes_changes) else { continue };
            let needs_comment = match ballot {
                Ballot::Approve => false,
                Ballot::Reject => needs_reason_on_reject,
                Ballot::RequestChanges => true,
            };
            if !needs_comment && !takes_comments {
                return Ok(Some(Answer { ballot, comment: None }));
            }
            let question = if needs_comment { "Reason: " } else { "Comment (may be empty): " };
            loop {
                let Some(comment) = prompt::ask(question)? else { return Ok(None) };
                let comment = Some(comment.trim().to_owned()).filter(|comment| !comment.is_empty());
                if comment.is_some() || !needs_comment {
                    return Ok(Some(Answer { ballot, comment }));
                }
            }
        }
    });
    let answer = asked.await.map_err(Failure::failed)?;
    Ok(answer?)
}

fn ballot(word: &str, takes_changes: bool) -> Option<Ballot> {
    match word.trim().to_lowercase().as_str() {
        "a" | "approve" | "y" | "yes" => Some(Ballot::Approve),
        "r" | "reject" | "n" | "no" => Some(Ballot::Reject),
        "c" | "changes" if takes_changes => Some(Ballot::RequestChanges),
        _ => None,
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

    #[test]
    fn changes_are_an_answer_only_where_they_are_offered() {
        assert_eq!(ballot(" C ", true), Some(Ballot::RequestChanges));
        assert_eq!(ballot("c", false), None);
        assert_eq!((ballot("yes", false), ballot("r", false)), (Some(Ballot::Approve), Some(Ballot::Reject)));
    }
}
