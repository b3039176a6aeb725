//! Schedules: seeing them, pausing and resuming them, starting what they start.

use procession_domain::{
    definition::{Process, Schedule, TriggerKind},
    value::{ProcessId, ProcessName, ScheduleId, Timestamp, TriggerId},
};
use procession_language::schedule::DueTimes;

use super::{TriggerFailure, Triggers, firing::Firing, keeper::request_of};
use crate::{
    access::{Permission, Principal, UseCase, Via},
    audit,
    executions::{StartFailure, StartOutcome, StartRequest, VisibleExecution},
    ports::{KeptSchedule, LastFiring, ScheduleChange, ScheduleStanding, StartError},
};

/// How often a change is tried anew when others change the schedule at the same time.
const TRIES: usize = 10;

/// A schedule as people see it.
#[derive(Debug, Clone)]
pub struct ShownSchedule {
    /// Its id; of a version that does not have its process's triggers, the version's and the trigger's.
    pub id: String,
    /// The version that declares it.
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
    /// Whether it starts anything.
    pub state: ScheduleState,
    /// The next due times, the soonest first; none of one that starts nothing.
    pub next_runs: Vec<Timestamp>,
    /// What became of the last due time; without the execution for who may not see all of them.
    pub last: Option<LastFiring>,
    /// When it last started an execution.
    pub last_run_at: Option<Timestamp>,
    /// How many due times have passed without a start since then.
    pub missed: u64,
}

/// Whether a schedule starts anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleState {
    /// It does.
    Active,
    /// A person has paused it.
    Paused,
    /// Its definition has it switched off, or another version has the triggers of the process.
    Disabled,
}

impl ScheduleState {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
}

impl Triggers {
    /// The schedules of the active version of each process, the last changed first.
    pub async fn schedules(&self, by: &Principal, next: usize) -> Result<Vec<ShownSchedule>, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        let kept = self.0.schedules.schedules().await?;
        Ok(kept.into_iter().map(|kept| self.shown(by, kept, next)).collect())
    }

    /// A schedule.
    pub async fn schedule(&self, by: &Principal, id: &str, next: usize) -> Result<ShownSchedule, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        if let Some((process, trigger)) = id.split_once('.') {
            let unknown = || TriggerFailure::NoSchedule(id.to_owned());
            let process = process.parse::<ProcessId>().map_err(|_| unknown())?;
            let declared = self.schedules_of(by, process, next).await.map_err(|failure| match failure {
                TriggerFailure::NoProcess => unknown(),
                other => other,
            })?;
            return declared.into_iter().find(|shown| shown.trigger_id.as_str() == trigger).ok_or_else(unknown);
        }
        Ok(self.shown(by, self.kept(id).await?, next))
    }

    /// The schedules of a version, whatever its status.
    pub async fn schedules_of(
        &self,
        by: &Principal,
        process: ProcessId,
        next: usize,
    ) -> Result<Vec<ShownSchedule>, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        let process = self.0.definitions.load(process).await?.ok_or(TriggerFailure::NoProcess)?;
        if process.is_active() {
            let kept = self.0.schedules.schedules().await?;
            let own = kept.into_iter().filter(|kept| kept.process_id == process.id());
            return Ok(own.map(|kept| self.shown(by, kept, next)).collect());
        }
        Ok(declared(&process))
    }

    /// Has a schedule start nothing until it is resumed. What comes due meanwhile is not made up for.
    pub async fn pause(&self, by: &Principal, id: &str, next: usize) -> Result<ShownSchedule, TriggerFailure> {
        let pause = |kept: &KeptSchedule, now: Timestamp| ScheduleStanding {
            paused_at: kept.standing.paused_at.or(Some(now)),
            queued: None,
            attention_at: None,
            ..kept.standing.clone()
        };
        self.change(by, UseCase::PauseSchedule, id, next, pause).await
    }

    /// Lets a paused schedule go on with the next due time.
    pub async fn resume(&self, by: &Principal, id: &str, next: usize) -> Result<ShownSchedule, TriggerFailure> {
        let resume = |kept: &KeptSchedule, now: Timestamp| {
            let handled_until = match kept.standing.paused_at {
                Some(_) => now.max(kept.standing.handled_until),
                None => kept.standing.handled_until,
            };
            let attention_at = kept.enabled.then_some(now);
            ScheduleStanding { paused_at: None, handled_until, attention_at, ..kept.standing.clone() }
        };
        self.change(by, UseCase::ResumeSchedule, id, next, resume).await
    }

    /// Starts what a schedule starts, now, whatever is due and whatever runs.
    pub async fn run(&self, by: &Principal, id: &str) -> Result<VisibleExecution, TriggerFailure> {
        let (this, id, user) = (self.clone(), id.to_owned(), by.user().map(str::to_owned));
        let run = async move {
            for _ in 0..TRIES {
                let kept = this.kept(&id).await?;
                audit::about_named(&kept.id, &kept.process_name);
                match this.start_by_hand(&kept, user.clone()).await {
                    Err(StartFailure::Start(StartError::Outrun)) => {}
                    Err(failure) => return Err(failure.into()),
                    Ok(outcome) => return Ok(outcome.execution),
                }
            }
            Err(TriggerFailure::Contended)
        };
        let started = self.0.door.change(by, UseCase::RunSchedule, run).await;
        self.0.changed.notify_one();
        started
    }

    async fn start_by_hand(&self, kept: &KeptSchedule, user: Option<String>) -> Result<StartOutcome, StartFailure> {
        let now = self.0.clock.now();
        // A line that can't be read any more does not keep a person from starting the process.
        let standing = match DueTimes::of(&kept.schedule) {
            Ok(due) => Firing { kept, due: &due, now, is_under_way: false }.by_hand(),
            Err(_) => kept.standing.clone(),
        };
        let change = ScheduleChange { id: kept.id, revision: kept.revision, standing };
        let request = StartRequest { schedule: Some(change), ..request_of(kept, now) };
        self.0.executions.start_within_limit(kept.process_id, request, user).await
    }

    async fn change(
        &self,
        by: &Principal,
        use_case: UseCase,
        id: &str,
        next: usize,
        change: impl Fn(&KeptSchedule, Timestamp) -> ScheduleStanding + Send + Sync + 'static,
    ) -> Result<ShownSchedule, TriggerFailure> {
        let (this, id, principal) = (self.clone(), id.to_owned(), by.clone());
        let write = async move {
            for _ in 0..TRIES {
                let kept = this.kept(&id).await?;
                audit::about_named(&kept.id, &kept.process_name);
                let standing = change(&kept, this.0.clock.now());
                let written = ScheduleChange { id: kept.id, revision: kept.revision, standing: standing.clone() };
                if this.0.schedules.change_schedule(&written).await? {
                    return Ok(this.shown(&principal, KeptSchedule { standing, ..kept }, next));
                }
            }
            Err(TriggerFailure::Contended)
        };
        let changed = self.0.door.change(by, use_case, write).await;
        self.0.changed.notify_one();
        changed
    }

    async fn kept(&self, id: &str) -> Result<KeptSchedule, TriggerFailure> {
        let unknown = || TriggerFailure::NoSchedule(id.to_owned());
        let id: ScheduleId = id.parse().map_err(|_| unknown())?;
        self.0.schedules.schedule(id).await?.ok_or_else(unknown)
    }

    fn shown(&self, by: &Principal, kept: KeptSchedule, next: usize) -> ShownSchedule {
        let state = if !kept.enabled {
            ScheduleState::Disabled
        } else if kept.standing.paused_at.is_some() {
            ScheduleState::Paused
        } else {
            ScheduleState::Active
        };
        let after = self.0.clock.now().max(kept.standing.handled_until);
        let due = DueTimes::of(&kept.schedule).ok().filter(|_| state == ScheduleState::Active);
        let mut last = kept.standing.last;
        if !by.may(Permission::ExecutionView)
            && let Some(last) = &mut last
        {
            last.execution_id = None;
        }
        ShownSchedule {
            id: kept.id.to_string(),
            process_id: kept.process_id,
            process_name: kept.process_name,
            trigger_id: kept.trigger_id,
            description: kept.description,
            enabled: kept.enabled,
            schedule: kept.schedule,
            state,
            next_runs: due.map(|due| due.following(after, next)).unwrap_or_default(),
            last,
            last_run_at: kept.standing.last_run_at,
            missed: kept.standing.missed,
        }
    }
}

/// The schedules of a version that does not have its process's triggers: they start nothing.
fn declared(process: &Process) -> Vec<ShownSchedule> {
    let content = process.definition().content();
    let schedules = content.triggers.iter().filter_map(|trigger| match &trigger.kind {
        TriggerKind::Schedule(schedule) => Some(ShownSchedule {
            id: format!("{}.{}", process.id(), trigger.id),
            process_id: process.id(),
            process_name: content.name.clone(),
            trigger_id: trigger.id.clone(),
            description: trigger.description.clone(),
            enabled: trigger.enabled,
            schedule: schedule.clone(),
            state: ScheduleState::Disabled,
            next_runs: Vec::new(),
            last: None,
            last_run_at: None,
            missed: 0,
        }),
        TriggerKind::Manual | TriggerKind::Webhook { .. } => None,
    });
    schedules.collect()
}

/// Who starts what a schedule starts.
pub(super) fn principal_of(kept: &KeptSchedule) -> Principal {
    Principal::of_trigger(Via::Schedule, &kept.process_name, kept.trigger_id.as_str())
}
