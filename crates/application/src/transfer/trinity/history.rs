//! An execution of the other engine, told as the events that this one would have written.
//!
//! That engine keeps the end of each step, not the way to it. What is not known is not made up: a cost that it did not keep
//! is unknown, and attempts that it only counted have its count and no more.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use procession_domain::{
    approval::Approval,
    definition::{Definition, Process, Step},
    event::{
        AttemptEvent, Cancellation, Creation, Direction, Event, ExecutionError, ParentLink, ProcessEvent, ProcessRef,
        Recorded, Shown, SkipReason, Skipped, StepEvent, TriggerContext, Usage, ValueRef,
    },
    execution::{Execution, ExecutionStatus},
    value::{Cost, Currency, ErrorCode, ExecutionId, Json, Money, StepId, Timestamp},
};
use serde_json::json;

use super::{
    row::{TrinityRow, json as json_of, money, shown, text, time, time_of},
    steps::{StepEnd, StoredStep},
};
use crate::values::Measured;

/// Who cancels an execution that was under way.
pub(super) const IMPORT: &str = "import";

/// An execution with the rows that belong to it.
#[derive(Debug, Clone, Default)]
pub struct TrinityExecution {
    /// Its own row.
    pub row: TrinityRow,
    /// Those of its steps.
    pub steps: Vec<TrinityRow>,
    /// Those of what people were asked, where that engine kept them.
    pub approvals: Vec<TrinityRow>,
}

/// What an execution becomes.
#[derive(Debug)]
pub(super) struct Told {
    pub creation: Creation,
    pub events: Vec<Recorded>,
    pub values: HashMap<ValueRef, Arc<str>>,
    pub approvals: Vec<Approval>,
    /// The executions that its steps have started, and by which step.
    pub children: Vec<(ExecutionId, StepId)>,
    /// What does not come with it, and why.
    pub left_out: Vec<(String, String)>,
    /// Whether it was under way.
    pub was_live: bool,
    pub ended_at: Timestamp,
}

/// What is known of an execution beside its rows.
pub(super) struct Surroundings<'a> {
    /// Its id here.
    pub id: ExecutionId,
    pub process: &'a Process,
    pub parent: Option<ParentLink>,
    pub currency: Currency,
    /// A version by its name and its number.
    pub process_called: &'a dyn Fn(&str, &str) -> Option<ProcessRef>,
}

/// The values of an execution, each kept once.
#[derive(Debug, Default)]
pub(super) struct KeptValues(HashMap<ValueRef, Arc<str>>);

impl KeptValues {
    pub fn keep(&mut self, json: &Json) -> ValueRef {
        let measured = Measured::of(json);
        self.0.insert(measured.value, measured.text);
        measured.value
    }

    pub fn show(&mut self, json: &Json) -> Shown {
        Shown { value: self.keep(json), preview: None }
    }
}

/// Events with their times, in the order in which they are to be told where times are equal.
#[derive(Debug, Default)]
pub(super) struct Timeline(Vec<(Timestamp, Event)>);

impl Timeline {
    pub fn push(&mut self, at: Timestamp, event: Event) {
        self.0.push((at, event));
    }

    pub fn latest(&self) -> Option<Timestamp> {
        self.0.iter().map(|(at, _)| *at).max()
    }

    /// Whether a sub-process of a step is told.
    pub fn tells_child_of(&self, step: &StepId) -> bool {
        self.0.iter().any(|(_, event)| matches!(event, Event::Child(of, _, _) if of == step))
    }

    /// Numbered, by their times.
    fn into_history(mut self) -> Vec<Recorded> {
        self.0.sort_by_key(|(at, _)| *at);
        (1..).zip(self.0).map(|(sequence, (at, event))| Recorded { sequence, at, event }).collect()
    }
}

/// Tells an execution. The error says why it can't be told.
pub(super) fn tell(stored: &TrinityExecution, around: &Surroundings<'_>) -> Result<Told, String> {
    let row = &stored.row;
    let status = status(row)?;
    let (started_at, mut warnings) = begun(row)?;
    let mut values = KeptValues::default();
    let creation = creation(row, around, &mut values, &mut warnings)?;
    let mut left_out = Vec::new();
    let steps = read_steps(stored, around, started_at, &mut left_out)?;

    let mut timeline = Timeline::default();
    let mut approvals = Vec::new();
    let mut children = Vec::new();
    for (step, read) in &steps {
        let asked = asked_by(stored, &step.id);
        read.tell(step, around, asked, &mut timeline, &mut values, &mut approvals);
        children.extend(read.child().map(|child| (child, step.id.clone())));
    }
    let ended_at = ended(row, status, &timeline, started_at, &mut warnings);
    let of_steps = sum(&steps, around.currency);
    if let Some(total) = money(row, "total_cost") {
        book_rest(total, of_steps, around.currency, steps.first(), ended_at, &mut timeline, &mut warnings);
    }
    let failed = steps.iter().filter(|(_, read)| matches!(read.end, StepEnd::Failed(_)));
    let failed = failed.min_by_key(|(_, read)| read.ended_at).map(|(step, read)| (step.id.clone(), read));
    end_unended(around.process.definition(), &steps, status, ended_at, &mut timeline);
    let output = json_of(row, "output_data").unwrap_or_else(|why| {
        warnings.push(why);
        Json::Null
    });

    let mut all = Timeline::default();
    let creation = Creation { warnings, ..creation };
    let created_at = time(row, "created_at").ok().flatten().unwrap_or(started_at).min(started_at);
    all.push(created_at, Event::Process(ProcessEvent::Created(Box::new(creation.clone()))));
    all.push(started_at, Event::Process(ProcessEvent::Started { deadline: None }));
    all.0.extend(timeline.0.into_iter().map(|(at, event)| (at.max(started_at), event)));
    let mut events = all.into_history();
    let definition = Arc::clone(around.process.definition());
    let so_far = Execution::replay(around.id, definition, Arc::new(creation.clone()), &events);
    let so_far = so_far.map_err(|error| format!("its history can't be told: {error}"))?;
    let total_cost = so_far.state().cost;
    let end = End { status, total_cost, started_at, ended_at };
    let event = Event::Process(end.event(row, &output, failed, &mut values));
    events.push(Recorded { sequence: so_far.state().sequence + 1, at: ended_at, event });
    let was_live = !status.is_ended();
    Ok(Told { creation, events, values: values.0, approvals, children, left_out, was_live, ended_at })
}

fn status(row: &TrinityRow) -> Result<ExecutionStatus, String> {
    let Some(status) = text(row, "status") else { return Err("it has no status".to_owned()) };
    let known = ExecutionStatus::ALL.into_iter().find(|known| known.as_str() == status);
    known.ok_or_else(|| format!("its status is `{}`, which is none", shown(&status)))
}

/// When it began, and what is odd about that: if the time can't be read, when it was created.
fn begun(row: &TrinityRow) -> Result<(Timestamp, Vec<String>), String> {
    let mut warnings = Vec::new();
    for column in ["started_at", "created_at", "completed_at", "updated_at"] {
        match time(row, column) {
            Ok(Some(time)) => return Ok((time, warnings)),
            Ok(None) => {}
            Err(why) => warnings.push(why),
        }
    }
    Err(if warnings.is_empty() { "it has no time".to_owned() } else { warnings.join("; ") })
}

fn creation(
    row: &TrinityRow,
    around: &Surroundings<'_>,
    values: &mut KeptValues,
    warnings: &mut Vec<String>,
) -> Result<Creation, String> {
    let definition = around.process.definition();
    let input = match json_of(row, "input_data")? {
        Json::Null => json!({}),
        input => input,
    };
    let triggered_by = text(row, "triggered_by").unwrap_or_else(|| "manual".to_owned());
    let trigger_type = match triggered_by.as_str() {
        kind @ ("webhook" | "schedule" | "sub_process" | "retry") => kind,
        _ => "manual",
    };
    let retry_of = match text(row, "retry_of").map(|id| id.parse()) {
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => {
            warnings.push("the execution that it repeats has no id that can be read".to_owned());
            None
        }
        None => None,
    };
    Ok(Creation {
        process: ProcessRef { id: around.process.id(), name: definition.name().clone(), version: definition.version() },
        input: values.keep(&input),
        trigger: TriggerContext { trigger_type: trigger_type.to_owned(), ..TriggerContext::default() },
        triggered_by,
        user: None,
        earlier_users: Vec::new(),
        pins: BTreeMap::new(),
        retry_of,
        parent: around.parent.clone(),
        labels: indexmap::IndexMap::new(),
        priority: definition.config().priority,
        undefined: None,
        currency: around.currency,
        warnings: Vec::new(),
        trace: None,
    })
}

/// The steps that the definition has, each once, in its order.
fn read_steps<'a>(
    stored: &TrinityExecution,
    around: &Surroundings<'a>,
    started_at: Timestamp,
    left_out: &mut Vec<(String, String)>,
) -> Result<Vec<(&'a Step, StoredStep)>, String> {
    let definition = around.process.definition();
    let mut seen = HashSet::new();
    let mut steps = Vec::new();
    let in_row = steps_in_row(&stored.row)?;
    for row in stored.steps.iter().chain(&in_row) {
        let Some(id) = text(row, "step_id") else {
            left_out.push(("a step".to_owned(), "it has no id".to_owned()));
            continue;
        };
        let called = format!("step `{}`", shown(&id));
        let mut without = |why: String| left_out.push((called.clone(), why));
        let Some(position) = definition.position(&id) else {
            without("its process has no step of this id".to_owned());
            continue;
        };
        if !seen.insert(position) {
            without("there is another one of this id".to_owned());
            continue;
        }
        match StoredStep::of(row, started_at) {
            Ok(read) => steps.push((position, read)),
            Err(why) => without(why),
        }
    }
    steps.sort_by_key(|(position, _)| *position);
    Ok(steps.into_iter().map(|(position, read)| (definition.step(position), read)).collect())
}

/// Steps that stand in their execution's row, as an object by their ids.
fn steps_in_row(row: &TrinityRow) -> Result<Vec<TrinityRow>, String> {
    let Json::Object(steps) = json_of(row, "step_executions")? else { return Ok(Vec::new()) };
    let with_id = |(id, step): (String, Json)| {
        let mut row = match step {
            Json::Object(row) => row,
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => TrinityRow::new(),
        };
        // There, values stand as what they are.
        for (column, key) in [("input_data", "input"), ("output_data", "output"), ("error_data", "error")] {
            if let Some(value) = row.remove(key) {
                row.insert(column.to_owned(), json!(value.to_string()));
            }
        }
        row.insert("step_id".to_owned(), json!(id));
        row
    };
    Ok(steps.into_iter().map(with_id).collect())
}

/// The newest request of a step.
fn asked_by<'a>(stored: &'a TrinityExecution, step: &StepId) -> Option<&'a TrinityRow> {
    stored.approvals.iter().rfind(|row| text(row, "step_id").as_deref() == Some(step.as_str()))
}

/// When it ended: never before one of its steps.
fn ended(
    row: &TrinityRow,
    status: ExecutionStatus,
    timeline: &Timeline,
    started_at: Timestamp,
    warnings: &mut Vec<String>,
) -> Timestamp {
    let last = timeline.latest().unwrap_or(started_at).max(started_at);
    let column = if status.is_ended() { "completed_at" } else { "updated_at" };
    let told = time(row, column).unwrap_or_else(|why| {
        warnings.push(why);
        None
    });
    match told {
        Some(time) if time < started_at => {
            warnings.push(format!("`{column}` is before its beginning"));
            last
        }
        Some(time) => time.max(last),
        None => last,
    }
}

/// What the steps have cost together, as far as that engine kept it.
fn sum(steps: &[(&Step, StoredStep)], currency: Currency) -> Cost {
    let mut cost = Cost::none(currency);
    for (_, read) in steps {
        if let Some(of_step) = read.cost_in(currency) {
            cost.add(Some(of_step));
        }
    }
    cost
}

/// That engine cuts the cost of each step to whole cents, and then the sum. What the sum has more is booked beside the
/// attempts, so that it is not lost.
fn book_rest(
    total: Money,
    of_steps: Cost,
    currency: Currency,
    first: Option<&(&Step, StoredStep)>,
    at: Timestamp,
    timeline: &mut Timeline,
    warnings: &mut Vec<String>,
) {
    let rest = total.nanos().saturating_sub(of_steps.amount.nanos());
    match first {
        Some((step, _)) if total.currency() == currency && rest > 0 => {
            let usage = Usage::of_cost(Some(Money::from_nanos(rest, currency)));
            // No attempt has the number 0: it is that of the execution.
            let booked = AttemptEvent::CostRecorded { attempt: 0, usage };
            timeline.push(at, Event::Attempt(step.id.clone(), Direction::Do, booked));
        }
        Some(_) | None if total.currency() != currency || rest != 0 => {
            warnings.push(format!("Trinity counted a total cost of {total}"));
        }
        Some(_) | None => {}
    }
}

/// Steps without an end get one that fits the execution's.
fn end_unended(
    definition: &Definition,
    steps: &[(&Step, StoredStep)],
    status: ExecutionStatus,
    at: Timestamp,
    timeline: &mut Timeline,
) {
    for step in definition.steps() {
        let read = steps.iter().find(|(known, _)| known.id == step.id).map(|(_, read)| read);
        if read.is_some_and(StoredStep::has_ended) {
            continue;
        }
        let has_begun = read.is_some_and(|read| read.end == StepEnd::UnderWay);
        let skipped = |reason| StepEvent::Skipped(Box::new(Skipped::because(reason)));
        let event = match status {
            ExecutionStatus::Completed if !has_begun => skipped(SkipReason::DeadPath),
            ExecutionStatus::Failed if !has_begun => skipped(SkipReason::UpstreamFailed),
            ExecutionStatus::Completed
            | ExecutionStatus::Failed
            | ExecutionStatus::Cancelled
            | ExecutionStatus::Pending
            | ExecutionStatus::Running
            | ExecutionStatus::Paused => StepEvent::Cancelled,
        };
        timeline.push(at, Event::Step(step.id.clone(), event));
    }
}

/// How an execution ended.
struct End {
    status: ExecutionStatus,
    total_cost: Cost,
    started_at: Timestamp,
    ended_at: Timestamp,
}

impl End {
    fn event(
        self,
        row: &TrinityRow,
        output: &Json,
        failed: Option<(StepId, &StoredStep)>,
        values: &mut KeptValues,
    ) -> ProcessEvent {
        let said = |key: &str| output[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let Self { status, total_cost, started_at, ended_at } = self;
        match status {
            ExecutionStatus::Completed => ProcessEvent::Completed {
                output: values.show(if output.is_object() { output } else { &Json::Null }),
                output_warnings: Vec::new(),
                total_cost,
                duration: ended_at.since(started_at),
            },
            ExecutionStatus::Failed => ProcessEvent::Failed { error: failure(said("error"), failed), total_cost },
            ExecutionStatus::Cancelled => {
                let reason = said("cancelled_reason");
                let by = reason.as_deref().and_then(|reason| reason.strip_prefix("Cancelled by "));
                let cancelled_by = by.unwrap_or("Trinity").to_owned();
                ProcessEvent::Cancelled(Cancellation { cancelled_by, reason })
            }
            ExecutionStatus::Pending | ExecutionStatus::Running | ExecutionStatus::Paused => {
                let since = text(row, "updated_at").and_then(|text| time_of(&text));
                let since = since.map(|time| format!(", last changed at {time}")).unwrap_or_default();
                let reason = format!("it was {} in Trinity when it was imported{since}", status.as_str());
                ProcessEvent::Cancelled(Cancellation { cancelled_by: IMPORT.to_owned(), reason: Some(reason) })
            }
        }
    }
}

fn failure(said: Option<String>, failed: Option<(StepId, &StoredStep)>) -> ExecutionError {
    let of_step = failed.as_ref().and_then(|(_, read)| match &read.end {
        StepEnd::Failed(error) => Some(error.clone()),
        StepEnd::Pending | StepEnd::UnderWay | StepEnd::Completed | StepEnd::Skipped(_) => None,
    });
    let message = said.or_else(|| of_step.as_ref().map(|error| error.message.clone()));
    ExecutionError {
        code: of_step.map_or(ErrorCode::AgentError, |error| error.code),
        message: message.unwrap_or_else(|| "Trinity did not keep why it failed".to_owned()),
        step_id: failed.map(|(step, _)| step),
    }
}
