//! An approval as it is put to whoever sits at the terminal: what is asked, what each decision leads to, and the answer.

use procession_application::approvals::Consequences;
use procession_domain::{
    approval::{Approval, Ballot},
    execution::Execution,
    value::Json,
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

/// What the decisions about a request lead to, and what its deadline does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prospects {
    decisions: Consequences,
    /// What the deadline does and when, if there is one.
    deadline: Option<String>,
}

impl Prospects {
    /// Of a request of this execution.
    pub fn of(approval: &Approval, execution: &Execution) -> Self {
        let request = approval.request();
        let deadline = request.deadline.map(|deadline| {
            let time = instant(&Json::String(deadline.to_string()));
            undecided_by(&time, request.timeout_action)
        });
        Self { decisions: Consequences::of(approval, execution), deadline }
    }

    /// Whether a round follows if changes are asked for.
    pub const fn take_changes(&self) -> bool {
        self.decisions.request_changes.is_some()
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let Consequences { approve, reject, request_changes } = self.decisions.clone();
        let mut lines = vec![("approve", approve), ("reject", reject)];
        lines.extend(request_changes.map(|changes| ("changes", changes)));
        lines.extend(self.deadline.clone().map(|deadline| ("deadline", deadline)));
        lines
    }
}

/// Shows a request on standard error, as wide as the terminal.
pub(super) fn present(place: &str, approval: &Approval, prospects: &Prospects) {
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
    notes.extend(prospects.lines().into_iter().map(|(decision, leads_to)| format!("{decision}: {leads_to}")));
    for line in notes.iter().flat_map(|note| wrap(note, columns.saturating_sub(2))) {
        terminal::tell(style::paint(style::DIM, format_args!("  {line}")));
    }
}

/// Asks until there is an answer; nothing when the input has ended.
pub(super) async fn ask(approval: &Approval, prospects: &Prospects) -> Result<Option<Answer>, Failure> {
    let request = approval.request();
    let (needs_reason_on_reject, takes_comments) = (request.require_reason_on_reject, request.allow_comments);
    let takes_changes = prospects.take_changes();
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
    use super::*;

    #[test]
    fn changes_are_an_answer_only_where_they_are_offered() {
        assert_eq!(ballot(" C ", true), Some(Ballot::RequestChanges));
        assert_eq!(ballot("c", false), None);
        assert_eq!((ballot("yes", false), ballot("r", false)), (Some(Ballot::Approve), Some(Ballot::Reject)));
    }
}
