//! What is known of each step, event by event: the rows that people see.

use procession_domain::{
    event::{ApprovalEvent, AttemptEvent, ChildEvent, Direction, Event, Recorded, StepEvent, Usage, Wait},
    execution::Execution,
    value::{Money, Timestamp},
};

use super::telling;

/// A step, of the execution or of one of its sub-processes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// The step with those that lead to it: `report/books`.
    pub place: String,
    pub mark: Mark,
    pub agent: Option<String>,
    /// The newest attempt; 0 before the first.
    pub attempt: u32,
    pub began_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// When something happens without news from outside.
    pub until: Option<Timestamp>,
    /// What its calls cost, as far as known.
    pub cost: Option<Money>,
    /// What there is to say: the first of its output, its error, for what it waits.
    pub text: String,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Pending,
    Running,
    Waiting,
    Asking,
    Done,
    Failed,
    Skipped,
    Cancelled,
    Undoing,
    Undone,
}

/// All rows, in the order in which they are shown.
#[derive(Debug)]
pub(super) struct Rows(Vec<Row>);

/// What an event changed.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    /// Nothing that people want to see.
    Nothing,
    /// The row of this number.
    Row(usize),
    /// The execution as a whole, in words.
    Note(String),
}

impl Row {
    /// A step that has not begun.
    pub fn new(place: String) -> Self {
        Self {
            place,
            mark: Mark::Pending,
            agent: None,
            attempt: 0,
            began_at: None,
            ended_at: None,
            until: None,
            cost: None,
            text: String::new(),
        }
    }

    /// How many sub-processes it is in.
    pub fn depth(&self) -> usize {
        self.place.matches('/').count()
    }

    fn stands(&mut self, mark: Mark, text: impl Into<String>) {
        self.mark = mark;
        self.until = None;
        self.text = text.into();
    }

    fn ends(&mut self, mark: Mark, text: impl Into<String>, at: Timestamp) {
        self.stands(mark, text);
        self.ended_at = Some(at);
    }

    fn waits(&mut self, text: impl Into<String>, until: Option<Timestamp>) {
        self.stands(Mark::Waiting, text);
        self.until = until;
    }

    fn pays(&mut self, usage: &Usage) {
        let Some(cost) = usage.cost.filter(|cost| !cost.is_zero()) else { return };
        // The sum in the report counts amounts in other currencies; here they are left out.
        self.cost = self.cost.map_or(Some(cost), |sum| sum.checked_add(cost).ok());
    }
}

impl Rows {
    /// A row for each step of the execution.
    pub fn of(execution: &Execution) -> Self {
        Self(execution.definition().steps().iter().map(|step| Row::new(step.id.to_string())).collect())
    }

    pub fn all(&self) -> &[Row] {
        &self.0
    }

    pub fn row(&self, number: usize) -> &Row {
        &self.0[number]
    }

    /// Takes an event in, of the execution at this path.
    pub fn take(&mut self, path: &str, recorded: &Recorded) -> Change {
        let event = &recorded.event;
        let Some(step) = event.step_id() else {
            return match telling::note(event) {
                Some(note) if path.is_empty() => Change::Note(note),
                Some(note) => Change::Note(format!("{}: {note}", path.trim_end_matches('/'))),
                None => Change::Nothing,
            };
        };
        let number = self.number(&format!("{path}{step}"), path);
        if change(&mut self.0[number], event, recorded.at) { Change::Row(number) } else { Change::Nothing }
    }

    /// The row of a place. A new one comes behind the step that runs the sub-process, and that step's other rows.
    fn number(&mut self, place: &str, path: &str) -> usize {
        if let Some(number) = self.0.iter().position(|row| row.place == place) {
            return number;
        }
        let is_before = |row: &Row| row.place.starts_with(path) || row.place == path.trim_end_matches('/');
        let behind = self.0.iter().rposition(is_before).map_or(self.0.len(), |last| last + 1);
        self.0.insert(behind, Row::new(place.to_owned()));
        behind
    }
}

/// Changes a step's row. `false` if there is nothing to show.
fn change(row: &mut Row, event: &Event, at: Timestamp) -> bool {
    match event {
        Event::Process(_) | Event::Child(_, _, ChildEvent::Completed { .. }) => false,
        Event::Step(_, event) => change_by_step(row, event, at),
        Event::Attempt(_, Direction::Do, event) => change_by_attempt(row, event, at),
        Event::Attempt(_, Direction::Undo, event) => change_by_undoing(row, event, at),
        Event::Approval(_, _, event) => change_by_people(row, event, at),
        Event::Child(_, _, ChildEvent::Started { process }) => {
            row.waits(format!("runs {} {}", process.name, process.version), None);
            true
        }
    }
}

fn change_by_step(row: &mut Row, event: &StepEvent, at: Timestamp) -> bool {
    match event {
        StepEvent::Skipped(skipped) => {
            row.pays(&skipped.usage);
            let why = telling::skipped(skipped);
            let text = match &skipped.error {
                Some(error) => format!("{why} ({})", telling::failed(error)),
                None => why,
            };
            row.ends(Mark::Skipped, text, at);
        }
        StepEvent::Cancelled => row.ends(Mark::Cancelled, "cancelled", at),
        StepEvent::Reset { round, requested_by, .. } => {
            row.stands(Mark::Pending, format!("runs again (round {round}): changes requested by {requested_by}"));
            row.began_at = None;
            row.ended_at = None;
        }
        StepEvent::Reused { .. } => row.ends(Mark::Done, "taken over from the execution that this one repeats", at),
        StepEvent::GatewayEvaluated(decision) => {
            row.text = telling::goes_to(decision);
            return false;
        }
        // The request's own event follows.
        StepEvent::WaitingApproval { .. } => return false,
    }
    true
}

fn change_by_attempt(row: &mut Row, event: &AttemptEvent, at: Timestamp) -> bool {
    match event {
        AttemptEvent::Started(start) => {
            let is_again = start.again || start.attempt == row.attempt;
            row.stands(Mark::Running, start.warnings.first().cloned().unwrap_or_default());
            row.agent.clone_from(&start.agent);
            row.attempt = start.attempt;
            row.ended_at = None;
            row.began_at = row.began_at.filter(|_| row.attempt > 1 || is_again).or(Some(at));
        }
        AttemptEvent::Resumed { .. } => row.stands(Mark::Running, String::new()),
        AttemptEvent::Completed { output, usage, .. } => {
            row.pays(usage);
            // What a gateway or a person decided says more than the output that repeats it.
            let says_it = row.text.starts_with('→') || row.mark == Mark::Asking;
            let preview = output.as_ref().and_then(|output| output.preview.as_deref());
            let text = if says_it { row.text.clone() } else { preview.map(telling::brought).unwrap_or_default() };
            row.ends(Mark::Done, text, at);
        }
        AttemptEvent::Failed { error, handled_by, usage, .. } => {
            row.pays(usage);
            let handled = handled_by.as_ref().map(|step| format!(" (handled by {step})")).unwrap_or_default();
            row.ends(Mark::Failed, format!("{}{handled}", telling::failed(error)), at);
        }
        AttemptEvent::Retrying { attempt, max_attempts, next_retry_at, error, usage } => {
            row.pays(usage);
            row.waits(format!("attempt {attempt} of {max_attempts}: {}", telling::failed(error)), Some(*next_retry_at));
        }
        AttemptEvent::Waiting(wait) => {
            row.began_at = row.began_at.or(Some(at));
            // The retry has said why already, and the sub-process which it is.
            let is_told = matches!(wait, Wait::BackOff { .. } | Wait::Child { .. }) && row.mark == Mark::Waiting;
            row.waits(if is_told { row.text.clone() } else { telling::waits(wait) }, wait.until());
            return !is_told;
        }
        AttemptEvent::Interrupted { .. } => row.waits("the program stopped while it ran", None),
        AttemptEvent::CostRecorded { usage, .. } => {
            row.pays(usage);
            return false;
        }
        AttemptEvent::Submitted { .. } => return false,
    }
    true
}

/// Changes a row by its step's being undone.
fn change_by_undoing(row: &mut Row, event: &AttemptEvent, at: Timestamp) -> bool {
    match event {
        AttemptEvent::Started(start) => {
            row.stands(Mark::Undoing, "is being undone");
            row.agent.clone_from(&start.agent);
            row.began_at = Some(at);
            row.ended_at = None;
        }
        AttemptEvent::Resumed { .. } => row.stands(Mark::Undoing, "is being undone"),
        AttemptEvent::Retrying { attempt, max_attempts, next_retry_at, error, usage } => {
            row.pays(usage);
            let text = format!("undoing it failed, attempt {attempt} of {max_attempts}: {}", telling::failed(error));
            row.stands(Mark::Undoing, text);
            row.until = Some(*next_retry_at);
        }
        AttemptEvent::Waiting(Wait::BackOff { .. }) | AttemptEvent::Submitted { .. } => return false,
        AttemptEvent::Waiting(wait) => {
            row.stands(Mark::Undoing, telling::waits(wait));
            row.until = wait.until();
        }
        AttemptEvent::Completed { usage, .. } => {
            row.pays(usage);
            row.ends(Mark::Undone, "undone", at);
        }
        AttemptEvent::Failed { error, usage, .. } => {
            row.pays(usage);
            row.ends(Mark::Failed, format!("could not be undone: {}", telling::failed(error)), at);
        }
        AttemptEvent::Interrupted { .. } => row.stands(Mark::Undoing, "the program stopped while it was being undone"),
        AttemptEvent::CostRecorded { usage, .. } => {
            row.pays(usage);
            return false;
        }
    }
    true
}

/// Changes a row by what people are asked and say.
fn change_by_people(row: &mut Row, event: &ApprovalEvent, at: Timestamp) -> bool {
    match event {
        ApprovalEvent::Requested { title, assignees, deadline } => {
            let whom = if assignees.is_empty() { String::new() } else { format!(" {}", assignees.join(", ")) };
            row.stands(Mark::Asking, format!("asks{whom}: {title}"));
            row.until = *deadline;
            row.began_at = row.began_at.or(Some(at));
            row.ended_at = None;
        }
        ApprovalEvent::Voted { by, .. } => row.text = format!("{by} has voted; more votes are needed"),
        ApprovalEvent::Decided(verdict) => {
            row.text = telling::settled(verdict);
            row.until = None;
            // A step's own end follows; a question about the budget has none.
            return row.place.rsplit('/').next().is_some_and(|step| step.starts_with('_'));
        }
        ApprovalEvent::Delegated { from, to, .. } => row.text = format!("{from} passed it on to {to}"),
        ApprovalEvent::Escalated { assignees, deadline } => {
            row.text = format!("nobody decided in time; asks {}", assignees.join(", "));
            row.until = Some(*deadline);
        }
        // The step's own event follows.
        ApprovalEvent::Expired => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use procession_domain::{
        event::{AttemptStart, ProcessEvent, Shown, StepError, ValueRef},
        value::{ContentHash, Duration, ErrorCode, StepId},
    };

    use super::*;

    fn rows(places: &[&str]) -> Rows {
        Rows(places.iter().map(|place| Row::new((*place).to_owned())).collect())
    }

    fn seen(second: i64, event: Event) -> Recorded {
        Recorded { sequence: 1, at: Timestamp::from_micros(second * 1_000_000), event }
    }

    fn attempt(id: &str, event: AttemptEvent) -> Event {
        Event::Attempt(StepId::new(id).unwrap(), Direction::Do, event)
    }

    fn started(id: &str, number: u32) -> Event {
        let start = AttemptStart {
            attempt: number,
            agent: Some("bot".to_owned()),
            input: None,
            deadline: None,
            reserved: None,
            condition: None,
            warnings: Vec::new(),
            again: false,
        };
        attempt(id, AttemptEvent::Started(Box::new(start)))
    }

    fn cost(amount: &str) -> Usage {
        Usage::of_cost(amount.parse().ok())
    }

    fn completed(id: &str, usage: Usage) -> Event {
        let value = ValueRef { hash: ContentHash::new([0; 32]), size: 0 };
        let preview = Some(Arc::new(serde_json::json!({"response": "Done."})));
        let output = Some(Shown { value, preview });
        attempt(id, AttemptEvent::Completed { output, usage, duration: Duration::from_secs(1) })
    }

    #[test]
    fn a_step_that_is_tried_again_adds_up() {
        let mut rows = rows(&["a"]);
        let until = Timestamp::from_micros(5_000_000);
        let error = StepError { code: ErrorCode::Timeout, message: "too slow".to_owned() };
        let retrying =
            AttemptEvent::Retrying { attempt: 1, max_attempts: 3, next_retry_at: until, error, usage: cost("0.01") };
        let waits = AttemptEvent::Waiting(Wait::BackOff { until });
        assert_eq!(rows.take("", &seen(1, started("a", 1))), Change::Row(0));
        assert_eq!(rows.take("", &seen(2, attempt("a", retrying))), Change::Row(0));
        assert_eq!(rows.take("", &seen(2, attempt("a", waits))), Change::Nothing);
        assert_eq!((rows.row(0).mark, rows.row(0).text.as_str()), (Mark::Waiting, "attempt 1 of 3: TIMEOUT: too slow"));
        rows.take("", &seen(5, started("a", 2)));
        rows.take("", &seen(7, completed("a", cost("0.02"))));
        let row = rows.row(0);
        assert_eq!((row.mark, row.attempt, row.text.as_str(), row.until), (Mark::Done, 2, "Done.", None));
        assert_eq!(row.cost, "0.03".parse().ok());
        let lasted = row.ended_at.unwrap().since(row.began_at.unwrap());
        assert_eq!(lasted.as_secs(), 6);
    }

    #[test]
    fn steps_of_a_sub_process_come_behind_the_step_that_runs_it() {
        let mut rows = rows(&["a", "b"]);
        for (path, id) in [("a/", "x"), ("b/", "x"), ("a/", "y"), ("a/x/", "z")] {
            rows.take(path, &seen(1, started(id, 1)));
        }
        let places: Vec<&str> = rows.all().iter().map(|row| row.place.as_str()).collect();
        assert_eq!(places, ["a", "a/x", "a/x/z", "a/y", "b", "b/x"]);
    }

    #[test]
    fn what_concerns_the_whole_execution_is_a_note() {
        let mut rows = rows(&["a"]);
        let resumed = Event::Process(ProcessEvent::Resumed { by: Some("ann".to_owned()) });
        assert_eq!(rows.take("", &seen(1, resumed.clone())), Change::Note("resumed by ann".to_owned()));
        assert_eq!(rows.take("a/", &seen(1, resumed)), Change::Note("a: resumed by ann".to_owned()));
        let begun = Event::Process(ProcessEvent::Started { deadline: None });
        assert_eq!(rows.take("", &seen(1, begun)), Change::Nothing);
    }
}
