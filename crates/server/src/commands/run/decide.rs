//! Approvals of a run: decided by `--decide`, or by whoever sits at the terminal.

use std::collections::{HashMap, HashSet, VecDeque};

use procession_application::{access::Principal, approvals::ApprovalFailure, executions::ExecutionFailure};
use procession_domain::{
    approval::{Approval, ApprovalError, ApprovalStatus, Ballot},
    event::{ApprovalEvent, Event, StepEvent},
    execution::{CompensationLife, Execution, Life, StepLife, WaitingKind},
    value::{ApprovalId, Duration, Timestamp},
};

use super::{
    question::{self, Prospects},
    view::View,
    watch::{Seen, Watch},
};
use crate::{exit::Failure, terminal, wiring::Application};

/// A deadline that is nearer than this is waited for when nobody can decide.
const WORTH_WAITING: Duration = Duration::from_secs(60);

/// A decision with what is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub ballot: Ballot,
    pub comment: Option<String>,
}

/// Whether the execution can go on here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It can, or something else is still under way.
    GoesOn,
    /// It only waits for decisions that nobody here can give.
    Stuck,
}

/// Gives the decisions.
pub(super) struct Decider {
    given: HashMap<String, VecDeque<Answer>>,
    person: String,
    can_ask: bool,
    open: Vec<Open>,
    /// Settled here; the execution has not said so yet.
    settled: HashSet<ApprovalId>,
    /// Steps for which a decision was given and used.
    used: HashSet<String>,
    /// A question stands in the last line of the terminal.
    is_asking: bool,
}

/// A request that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    id: ApprovalId,
    /// The step with those that lead to it: `report/approval`.
    place: String,
    /// Nobody here has an answer.
    is_left: bool,
}

/// Reads `STEP=approve`, `STEP=reject:reason`.
pub(super) fn read_decision(text: &str) -> Result<(String, Answer), Failure> {
    let wrong = || {
        Failure::usage(format_args!("--decide takes STEP=approve, STEP=reject or STEP=changes, not `{text}`"))
            .hint("a comment comes after a colon: --decide approval=reject:\"Too long\"")
    };
    let (step, decision) = text.split_once('=').ok_or_else(wrong)?;
    let (word, comment) = match decision.split_once(':') {
        Some((word, comment)) => (word, Some(comment.trim().to_owned()).filter(|comment| !comment.is_empty())),
        None => (decision, None),
    };
    let ballot = match word.trim() {
        "approve" | "approved" => Ballot::Approve,
        "reject" | "rejected" => Ballot::Reject,
        "changes" | "request-changes" => Ballot::RequestChanges,
        _ => return Err(wrong()),
    };
    if step.trim().is_empty() {
        return Err(wrong());
    }
    if ballot == Ballot::RequestChanges && comment.is_none() {
        return Err(Failure::usage(format_args!("--decide {step}=changes needs a comment: {step}=changes:WHAT")));
    }
    Ok((step.trim().to_owned(), Answer { ballot, comment }))
}

impl Decider {
    /// Gives these decisions, and asks for others if that is possible.
    pub fn new(given: HashMap<String, VecDeque<Answer>>, person: &str) -> Self {
        Self {
            given,
            person: person.to_owned(),
            can_ask: terminal::can_ask(),
            open: Vec::new(),
            settled: HashSet::new(),
            used: HashSet::new(),
            is_asking: false,
        }
    }

    /// Notes what is asked, and what is not any more.
    pub fn note(&mut self, seen: &[Seen]) {
        for Seen { path, stored } in seen {
            match stored.event() {
                Event::Approval(step, id, ApprovalEvent::Requested { .. }) => {
                    self.open.push(Open { id: *id, place: format!("{path}{step}"), is_left: false });
                }
                Event::Approval(_, id, ApprovalEvent::Decided(_)) => {
                    self.open.retain(|open| open.id != *id);
                    self.settled.remove(id);
                }
                Event::Step(step, StepEvent::Cancelled) => {
                    let place = format!("{path}{step}");
                    self.open.retain(|open| open.place != place);
                }
                event if event.ends_execution() => self.open.retain(|open| !is_step_of(path, &open.place)),
                _ => {}
            }
        }
    }

    /// Decides what can be decided, and says whether the execution can go on.
    pub async fn decide(
        &mut self,
        application: &Application,
        watch: &Watch,
        view: &mut View,
    ) -> Result<Outlook, Failure> {
        while let Some(number) = self.open.iter().position(|open| !open.is_left && !self.settled.contains(&open.id)) {
            let Open { id, place, .. } = self.open[number].clone();
            let is_settled = match (self.answer_for(&place), self.can_ask) {
                (Some(answer), _) if !self.can_follow(application, id, &place, &answer, view).await? => false,
                (Some(answer), _) => self.vote(application, id, &place, &answer, view).await?,
                (None, true) => self.ask(application, id, &place, view).await?,
                (None, false) => false,
            };
            if is_settled {
                self.settled.insert(id);
            } else {
                self.open[number].is_left = true;
            }
        }
        let is_left = self.open.iter().any(|open| open.is_left);
        if !is_left || !self.settled.is_empty() || something_goes_on(application, &self.person, watch).await? {
            return Ok(Outlook::GoesOn);
        }
        Ok(Outlook::Stuck)
    }

    /// What nobody here could decide, as a sentence.
    pub fn what_is_open(&self) -> String {
        let places: Vec<String> = self.open.iter().map(|open| format!("`{}`", open.place)).collect();
        format!("it waits for a decision that nobody here can give: {}", places.join(", "))
    }

    /// A step that waits for a decision.
    pub fn open_step(&self) -> Option<&str> {
        self.open.first().map(|open| open.place.as_str())
    }

    /// Leaves the line of a question that Ctrl-C has cut short.
    pub fn leave_question(&self) {
        if self.is_asking {
            terminal::tell("");
        }
    }

    /// Decisions that were given for steps that never asked.
    pub fn unused(&self) -> Vec<&str> {
        let mut unused: Vec<&str> =
            self.given.keys().filter(|step| !self.used.contains(*step)).map(String::as_str).collect();
        unused.sort_unstable();
        unused
    }

    /// The decision given for a place: by its whole path, or by its step. The last one counts again and again, unless it
    /// asks for changes, which would never end.
    fn answer_for(&mut self, place: &str) -> Option<Answer> {
        let step = place.rsplit('/').next().unwrap_or(place);
        let key = [place, step].into_iter().find(|key| self.given.contains_key(*key))?;
        self.used.insert(key.to_owned());
        let answers = self.given.get_mut(key)?;
        match answers.front()? {
            last if answers.len() == 1 && last.ballot != Ballot::RequestChanges => Some(last.clone()),
            _ => answers.pop_front(),
        }
    }

    /// Whether a decision leads on: changes without a further round would only fail the process, and nobody meant that.
    async fn can_follow(
        &self,
        application: &Application,
        id: ApprovalId,
        place: &str,
        answer: &Answer,
        view: &mut View,
    ) -> Result<bool, Failure> {
        if answer.ballot != Ballot::RequestChanges {
            return Ok(true);
        }
        let (_, consequences) = self.question(application, id).await?;
        if consequences.take_changes() {
            return Ok(true);
        }
        view.note(&format!("{place} has no further round for changes; only =approve or =reject:REASON decides it"))?;
        Ok(false)
    }

    /// What is asked, and what the decisions lead to.
    async fn question(&self, application: &Application, id: ApprovalId) -> Result<(Approval, Prospects), Failure> {
        let person = Principal::at_terminal(&self.person);
        let approval = application.approvals.get(&person, id).await.map_err(Failure::failed)?.approval;
        let asking = approval.request().execution_id;
        let execution = application.executions.get(&person, asking).await.map_err(Failure::failed)?;
        let prospects = Prospects::of(&approval, &execution);
        Ok((approval, prospects))
    }

    /// Votes until the request is settled. `false` if it can't be settled so.
    async fn vote(
        &self,
        application: &Application,
        id: ApprovalId,
        place: &str,
        answer: &Answer,
        view: &mut View,
    ) -> Result<bool, Failure> {
        // Here one person stands in for all who must approve.
        for number in 1..=100_u32 {
            let name = if number == 1 { self.person.clone() } else { format!("{} ({number})", self.person) };
            let principal = Principal::at_terminal(&name);
            let voted = application.approvals.vote(&principal, id, answer.ballot, answer.comment.clone()).await;
            match voted {
                Ok(row) if row.approval.status() == ApprovalStatus::Pending => {}
                Ok(_) | Err(ApprovalFailure::Refused(ApprovalError::Settled(_) | ApprovalError::TooLate)) => {
                    return Ok(true);
                }
                Err(ApprovalFailure::Refused(ApprovalError::VotedBefore(_) | ApprovalError::OwnPart(_))) => {}
                Err(ApprovalFailure::Refused(ApprovalError::CommentRequired)) => {
                    view.note(&format!(
                        "{place} needs a reason; give it after a colon: --decide {place}=reject:REASON"
                    ))?;
                    return Ok(false);
                }
                Err(error) => return Err(Failure::failed(format_args!("{place}: {error}"))),
            }
        }
        Ok(false)
    }

    /// Asks who sits at the terminal. `false` if there is no answer.
    async fn ask(
        &mut self,
        application: &Application,
        id: ApprovalId,
        place: &str,
        view: &mut View,
    ) -> Result<bool, Failure> {
        let (approval, consequences) = self.question(application, id).await?;
        if approval.status() != ApprovalStatus::Pending {
            return Ok(true);
        }
        view.stand_aside()?;
        question::present(place, &approval, &consequences);
        self.is_asking = true;
        let answer = question::ask(&approval, &consequences).await;
        self.is_asking = false;
        let Some(answer) = answer? else {
            self.can_ask = false;
            return Ok(false);
        };
        let is_settled = self.vote(application, id, place, &answer, view).await;
        view.draw()?;
        is_settled
    }
}

/// Whether a place is a step of the execution under this path itself, or below it.
fn is_step_of(path: &str, place: &str) -> bool {
    place.starts_with(path)
}

/// Whether anything of the tree goes on without a decision, or a deadline is near.
async fn something_goes_on(application: &Application, person: &str, watch: &Watch) -> Result<bool, Failure> {
    let (now, person) = (application.now(), Principal::at_terminal(person));
    for id in watch.alive() {
        match application.executions.get(&person, id).await {
            Ok(execution) if goes_on(&execution, now) => return Ok(true),
            Ok(_) | Err(ExecutionFailure::NotFound) => {}
            Err(error) => return Err(Failure::failed(error)),
        }
    }
    Ok(false)
}

fn goes_on(execution: &Execution, now: Timestamp) -> bool {
    match execution.state().life {
        // It waits to begin, or its end has not been told yet.
        Life::Pending | Life::Completed { .. } | Life::Failed(_) | Life::Cancelled(_) => return true,
        Life::Running | Life::Paused(_) | Life::Compensating(_) => {}
    }
    let is_undoing = |life: &CompensationLife| matches!(life, CompensationLife::Running | CompensationLife::Waiting(_));
    let is_active = execution.steps().any(|(_, state)| {
        state.life == StepLife::Running || state.compensation.as_ref().is_some_and(|state| is_undoing(&state.life))
    });
    let is_near = |until: Option<Timestamp>| until.is_some_and(|until| until.since(now) <= WORTH_WAITING);
    is_active
        || execution.waiting_for(usize::MAX).iter().any(|wait| match wait.kind {
            WaitingKind::Limit
            | WaitingKind::AgentQueue
            | WaitingKind::Agent
            | WaitingKind::RateLimit
            | WaitingKind::Breaker
            | WaitingKind::Timer
            | WaitingKind::BackOff => true,
            WaitingKind::Person => is_near(wait.until),
            WaitingKind::Child | WaitingKind::Operator => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_read_with_their_comments() {
        let answer = |ballot, comment: Option<&str>| Answer { ballot, comment: comment.map(str::to_owned) };
        let cases = [
            ("approval=approve", "approval", answer(Ballot::Approve, None)),
            (" approval = approve ", "approval", answer(Ballot::Approve, None)),
            ("a/b=reject: no: never ", "a/b", answer(Ballot::Reject, Some("no: never"))),
            ("a=reject:", "a", answer(Ballot::Reject, None)),
            ("a=changes:shorter", "a", answer(Ballot::RequestChanges, Some("shorter"))),
        ];
        for (text, step, expected) in cases {
            assert_eq!(read_decision(text).unwrap(), (step.to_owned(), expected), "{text}");
        }
        for bad in ["", "approve", "=approve", "a=maybe", "a=changes", "a=changes: "] {
            assert!(read_decision(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_last_decision_counts_again_unless_it_asks_for_changes() {
        let answers = |texts: &[&str]| {
            let mut given: HashMap<String, VecDeque<Answer>> = HashMap::new();
            for text in texts {
                let (step, answer) = read_decision(text).unwrap();
                given.entry(step).or_default().push_back(answer);
            }
            Decider::new(given, "ada")
        };
        let ballots = |decider: &mut Decider, place: &str| {
            [(); 3].map(|()| decider.answer_for(place).map(|answer| answer.ballot))
        };
        let (approve, changes) = (Some(Ballot::Approve), Some(Ballot::RequestChanges));
        let mut decider = answers(&["a=changes:x", "a=approve"]);
        assert_eq!(ballots(&mut decider, "a"), [changes, approve, approve]);
        let mut decider = answers(&["a=changes:x"]);
        assert_eq!(ballots(&mut decider, "b/a"), [changes, None, None]);
        assert_eq!(decider.unused(), [] as [&str; 0]);
        let mut decider = answers(&["b/a=approve", "a=reject", "c=approve"]);
        assert_eq!(ballots(&mut decider, "b/a")[0], approve);
        assert_eq!(ballots(&mut decider, "d/a")[0], Some(Ballot::Reject));
        assert_eq!(decider.unused(), ["c"]);
    }
}
