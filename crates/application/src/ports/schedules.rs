//! The store of schedules: which there are, how they stand, and the promise that a due time starts once (spec 1.8, 4c).

use async_trait::async_trait;
use procession_domain::{
    definition::{Process, Schedule, TriggerKind},
    value::{ExecutionId, ProcessId, ProcessName, ScheduleId, Timestamp, TriggerId},
};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// A schedule of a process, as the version declares it that has the process's triggers.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptSchedule {
    /// Its id, over all versions that have had it.
    pub id: ScheduleId,
    /// The version that has it now.
    pub process_id: ProcessId,
    /// The process.
    pub process_name: ProcessName,
    /// The trigger that it is.
    pub trigger_id: TriggerId,
    /// What it is for.
    pub description: Option<String>,
    /// Whether the definition has it switched on.
    pub enabled: bool,
    /// When it is due, and what is done then.
    pub schedule: Schedule,
    /// Counts its changes; a change is written only on the one it was made on.
    pub revision: u64,
    /// How it stands.
    pub standing: ScheduleStanding,
}

/// How a schedule stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleStanding {
    /// Since when a person has it paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Timestamp>,
    /// Every due time until then has been dealt with.
    pub handled_until: Timestamp,
    /// The due time that waits for the end of the execution before (`overlap: queue`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Timestamp>,
    /// How many due times have passed without a start since the last one.
    #[serde(default)]
    pub missed: u64,
    /// What became of the last due time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastFiring>,
    /// When it last started an execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run_at: Option<Timestamp>,
    /// When it is to be looked at next; `None` while nothing can come of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_at: Option<Timestamp>,
}

/// What became of a due time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFiring {
    /// The due time.
    pub due_at: Timestamp,
    /// When that was decided.
    pub at: Timestamp,
    /// What was decided.
    pub outcome: FiringOutcome,
    /// The execution that it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// Why it started none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is decided about a due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FiringOutcome {
    /// It started an execution.
    Started,
    /// It started none, since one of the schedule was under way.
    Skipped,
    /// It started none: it was too late, or the start was refused.
    Missed,
    /// It waits for the end of the execution before.
    Queued,
}

/// A schedule's new standing, written only if nobody else has changed it meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleChange {
    /// The schedule.
    pub id: ScheduleId,
    /// The revision that the change was made on.
    pub revision: u64,
    /// How it stands then.
    pub standing: ScheduleStanding,
}

/// Stores schedules.
///
/// Promises:
/// * they follow the definitions ([`DefinitionStore`](super::DefinitionStore)), in the transaction of each change: the
///   active version of a process has the schedules that it declares ([`KeptSchedule::registered`]), and an archived one
///   has none;
/// * a change is written on the revision that it was made on or not at all, and so is the change that goes with a start
///   ([`Start::schedule`](super::Start::schedule)): that start is refused as
///   [`Outrun`](super::StartError::Outrun), and nothing of it is written;
/// * a schedule knows the executions under way that its starts have created.
#[async_trait]
pub trait ScheduleStore: Send + Sync {
    /// All schedules: the last changed process first, each one's in the order of its definition.
    async fn schedules(&self) -> Result<Vec<KeptSchedule>, StoreError>;

    /// A schedule.
    async fn schedule(&self, id: ScheduleId) -> Result<Option<KeptSchedule>, StoreError>;

    /// The schedules that are to be looked at, the longest waiting first: `most` of them.
    async fn due_schedules(&self, now: Timestamp, most: u32) -> Result<Vec<KeptSchedule>, StoreError>;

    /// When the next schedule is to be looked at.
    async fn next_schedule_attention(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Writes a schedule's new standing. `false` if it was changed meanwhile, or is gone.
    async fn change_schedule(&self, change: &ScheduleChange) -> Result<bool, StoreError>;

    /// The executions that a schedule has started and that have not ended.
    async fn runs_under_way(&self, id: ScheduleId) -> Result<Vec<ExecutionId>, StoreError>;
}

impl FiringOutcome {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
            Self::Queued => "queued",
        }
    }
}

impl KeptSchedule {
    /// The schedules of a process from the change on that gave this version its triggers. `before` are those that it had:
    /// a schedule of the same trigger goes on, paused as it was, and no due time is forgotten or comes twice.
    pub fn registered(before: &[Self], process: &Process, mut new_id: impl FnMut() -> ScheduleId) -> Vec<Self> {
        let mut registered = Vec::new();
        for trigger in &process.definition().content().triggers {
            let TriggerKind::Schedule(schedule) = &trigger.kind else { continue };
            let known = before.iter().find(|known| known.trigger_id == trigger.id);
            let new = Self {
                id: known.map_or_else(&mut new_id, |known| known.id),
                process_id: process.id(),
                process_name: process.definition().name().clone(),
                trigger_id: trigger.id.clone(),
                description: trigger.description.clone(),
                enabled: trigger.enabled,
                schedule: schedule.clone(),
                revision: known.map_or(1, |known| known.revision + 1),
                standing: ScheduleStanding::beginning(process.updated_at()),
            };
            registered.push(match known {
                Some(known) => new.going_on_from(known),
                None => new.looked_at_if_it_runs(process.updated_at()),
            });
        }
        registered
    }

    /// The same, as what `known` was under another version.
    fn going_on_from(self, known: &Self) -> Self {
        let now = self.standing.handled_until;
        let goes_on = known.enabled && self.has_due_times_of(known);
        // Other times count from now on: those of the new line before the change were never due.
        let handled_until = if goes_on { known.standing.handled_until } else { now.max(known.standing.handled_until) };
        let standing = ScheduleStanding { handled_until, ..known.standing.clone() };
        Self { standing, ..self }.looked_at_if_it_runs(now)
    }

    fn looked_at_if_it_runs(mut self, now: Timestamp) -> Self {
        self.standing.attention_at = self.runs().then_some(now);
        self
    }

    /// Whether due times of it start anything: it is switched on, and nobody has paused it.
    pub const fn runs(&self) -> bool {
        self.enabled && self.standing.paused_at.is_none()
    }

    fn has_due_times_of(&self, other: &Self) -> bool {
        let times = |kept: &Self| {
            let Schedule { cron_expression, timezone, shift_missing, fire_repeated_twice, .. } = kept.schedule.clone();
            (cron_expression, timezone, shift_missing, fire_repeated_twice)
        };
        times(self) == times(other)
    }
}

impl ScheduleStanding {
    /// Of a schedule that begins at this time: what was due before is not its business.
    pub const fn beginning(now: Timestamp) -> Self {
        Self {
            paused_at: None,
            handled_until: now,
            queued: None,
            missed: 0,
            last: None,
            last_run_at: None,
            attention_at: None,
        }
    }
}

impl ScheduleChange {
    /// The same, where this execution is what the due time has started.
    #[must_use]
    pub fn with_execution(mut self, execution: ExecutionId) -> Self {
        if let Some(last) = &mut self.standing.last {
            last.execution_id = Some(execution);
        }
        self
    }
}
