//! Keeps the schedules: one loop that sleeps until the next one is to be looked at, and starts what is due.
//!
//! A start and the schedule's new standing are one transaction, on the standing that was read. So a crash between two due
//! times loses none and doubles none, and of several nodes that look at one schedule one starts it.

use std::sync::Arc;

use futures::{StreamExt, stream};
use procession_domain::{
    definition::Overlap,
    event::{Event, ProcessEvent},
    value::{Duration, ScheduleId, Timestamp},
};
use procession_language::schedule::DueTimes;
use tokio::sync::Notify;

use super::{
    firing::{Decision, Firing},
    schedules::principal_of,
};
use crate::{
    executions::{Command, ExecutionFailure, Executions, StartFailure, StartRequest, StartTrigger},
    ports::{
        Clock, EventFeed, KeptSchedule, ScheduleChange, ScheduleStanding, ScheduleStore, StartError, StoreError,
        StoredEvent,
    },
};

/// How many schedules are looked at in one go, and how many of them at once.
const BATCH: u32 = 256;
const AT_ONCE: usize = 32;

/// How often a schedule is looked at in a row: every late due time is one look, and others have their turn too.
const LOOKS: usize = 256;

/// How long it is waited before a start is tried again that was refused for now: as long as it is late, within these.
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What `triggered_by` says of an execution that a schedule started.
pub(super) const BY_SCHEDULE: &str = "schedule";

/// Starts what is due.
#[derive(Clone)]
pub(crate) struct Keeper {
    pub schedules: Arc<dyn ScheduleStore>,
    pub executions: Executions,
    pub feed: Arc<dyn EventFeed>,
    pub clock: Arc<dyn Clock>,
    /// Tells of changes of schedules.
    pub changed: Arc<Notify>,
    /// How long it sleeps at most: what other nodes change is noticed after that.
    pub poll: Duration,
}

impl Keeper {
    /// Starts what is due, again and again.
    pub async fn keep(self) {
        let mut feed = self.feed.subscribe();
        loop {
            let until = self.work_off().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the schedules can't be looked at; trying again");
                self.clock.now().saturating_add(SHORTEST_PAUSE)
            });
            loop {
                tokio::select! {
                    () = self.changed.notified() => break,
                    () = self.clock.sleep_until(until) => break,
                    told = feed.recv() => match told {
                        Ok(events) => self.hear(&events).await,
                        Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                        Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
                    },
                }
            }
        }
    }

    /// Does what is due now. When to look again.
    async fn work_off(&self) -> Result<Timestamp, StoreError> {
        loop {
            let due = self.schedules.due_schedules(self.clock.now(), BATCH).await?;
            if due.is_empty() {
                break;
            }
            let mut looked_at = stream::iter(due).map(|kept| self.look_at(kept)).buffer_unordered(AT_ONCE);
            while let Some(outcome) = looked_at.next().await {
                outcome?;
            }
        }
        let latest = self.clock.now().saturating_add(self.poll);
        Ok(self.schedules.next_schedule_attention().await?.map_or(latest, |next| next.min(latest)))
    }

    /// Looks at schedules of which an execution has ended: a due time may wait for that.
    async fn hear(&self, events: &[StoredEvent]) {
        for schedule in events.iter().filter_map(ended_run_of) {
            let kept = match self.schedules.schedule(schedule).await {
                Ok(kept) => kept.filter(|kept| kept.standing.queued.is_some()),
                Err(error) => {
                    tracing::warn!(%error, "a schedule can't be looked at; trying again in a moment");
                    None
                }
            };
            if let Some(kept) = kept
                && let Err(error) = self.look_at(kept).await
            {
                tracing::warn!(%error, "a schedule can't be looked at; trying again in a moment");
            }
        }
    }

    /// Does what is due of one schedule.
    async fn look_at(&self, kept: KeptSchedule) -> Result<(), StoreError> {
        let (id, mut kept) = (kept.id, Some(kept));
        let mut looks = 0;
        while let Some(now) = kept.take() {
            looks += 1;
            if !self.act(&now).await? || looks == LOOKS {
                return Ok(());
            }
            kept = self.schedules.schedule(id).await?;
        }
        Ok(())
    }

    /// Does the next thing about a schedule. `false` if there is nothing more to do for now.
    async fn act(&self, kept: &KeptSchedule) -> Result<bool, StoreError> {
        let due = match DueTimes::of(&kept.schedule) {
            Ok(due) => due,
            Err(error) => {
                let (process, trigger) = (&kept.process_name, &kept.trigger_id);
                tracing::error!(%process, %trigger, %error, "a schedule can't be read any more; it starts nothing");
                let standing = ScheduleStanding { attention_at: None, ..kept.standing.clone() };
                self.stand(kept, standing).await?;
                return Ok(false);
            }
        };
        let asks_what_runs = kept.schedule.overlap != Overlap::Allow || kept.standing.queued.is_some();
        let under_way = if asks_what_runs { self.schedules.runs_under_way(kept.id).await? } else { Vec::new() };
        let firing = Firing { kept, due: &due, now: self.clock.now(), is_under_way: !under_way.is_empty() };
        match firing.decide() {
            Decision::Rest(standing) => {
                // Someone else's change comes with its own time of attention.
                self.stand(kept, standing).await?;
                Ok(false)
            }
            Decision::Settle(standing) => {
                self.stand(kept, standing).await?;
                Ok(true)
            }
            Decision::Start { due_at, cancels, standing } => {
                if cancels {
                    for run in under_way {
                        self.cancel(kept, run).await?;
                    }
                }
                self.start(&firing, due_at, standing).await
            }
        }
    }

    async fn stand(&self, kept: &KeptSchedule, standing: ScheduleStanding) -> Result<bool, StoreError> {
        if standing == kept.standing {
            return Ok(true);
        }
        self.schedules.change_schedule(&ScheduleChange { id: kept.id, revision: kept.revision, standing }).await
    }

    /// Starts the execution of a due time. `false` if that has to wait.
    async fn start(
        &self,
        firing: &Firing<'_>,
        due_at: Timestamp,
        standing: ScheduleStanding,
    ) -> Result<bool, StoreError> {
        let kept = firing.kept;
        let change = ScheduleChange { id: kept.id, revision: kept.revision, standing };
        let request = StartRequest {
            idempotency_key: Some(format!("{}\n{due_at}", kept.id)),
            schedule: Some(change.clone()),
            ..request_of(kept, due_at)
        };
        let started = self.executions.start(&principal_of(kept), kept.process_id, request).await;
        match started {
            Ok(outcome) if outcome.repeated => {
                // It was started, and the schedule did not come to know.
                let change = change.with_execution(outcome.execution.id());
                self.schedules.change_schedule(&change).await?;
                Ok(true)
            }
            Ok(_) | Err(StartFailure::Start(StartError::Outrun)) => Ok(true),
            Err(StartFailure::Start(StartError::Store(error))) => Err(error),
            Err(error @ (StartFailure::TooManyStarts(_) | StartFailure::Start(StartError::QueueFull { .. }))) => {
                self.wait(firing, due_at, &error).await?;
                Ok(false)
            }
            Err(
                error @ (StartFailure::Forbidden(_)
                | StartFailure::NotFound
                | StartFailure::NotStartable(_)
                | StartFailure::InvalidInput(_)
                | StartFailure::TooLarge(_)
                | StartFailure::Start(StartError::KeyReused | StartError::ProcessGone)),
            ) => {
                let (process, trigger) = (&kept.process_name, &kept.trigger_id);
                tracing::warn!(%process, %trigger, %due_at, %error, "the start of a schedule was refused");
                self.stand(kept, firing.refused(due_at, error.to_string())).await?;
                Ok(true)
            }
        }
    }

    /// Leaves a due time for later.
    async fn wait(&self, firing: &Firing<'_>, due_at: Timestamp, error: &StartFailure) -> Result<(), StoreError> {
        let kept = firing.kept;
        let pause = firing.now.since(due_at).max(SHORTEST_PAUSE).min(LONGEST_PAUSE);
        let (process, trigger) = (&kept.process_name, &kept.trigger_id);
        tracing::warn!(%process, %trigger, %due_at, %error, %pause, "the start of a schedule has to wait");
        let attention_at = Some(firing.now.saturating_add(pause));
        self.stand(kept, ScheduleStanding { attention_at, ..kept.standing.clone() }).await?;
        Ok(())
    }

    /// Tells an execution to end that a due time takes the place of.
    async fn cancel(&self, kept: &KeptSchedule, run: procession_domain::value::ExecutionId) -> Result<(), StoreError> {
        let reason = Some("its schedule is due again (overlap: cancel_running)".to_owned());
        let cancel = Command::Cancel { reason, compensate: false };
        match self.executions.tell(&principal_of(kept), run, cancel).await {
            Err(ExecutionFailure::Store(error)) => Err(error),
            // It has ended meanwhile, or is about to.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// The start of a due time, without what makes it happen once.
pub(super) fn request_of(kept: &KeptSchedule, due_at: Timestamp) -> StartRequest {
    StartRequest {
        input: kept.schedule.input.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        trigger: StartTrigger {
            trigger_type: BY_SCHEDULE.to_owned(),
            id: Some(kept.trigger_id.to_string()),
            payload: None,
            due: Some((kept.id, due_at)),
        },
        triggered_by: BY_SCHEDULE.to_owned(),
        ..StartRequest::default()
    }
}

/// The schedule that started an execution, if the event is its end.
fn ended_run_of(event: &StoredEvent) -> Option<ScheduleId> {
    let Event::Process(told) = event.event() else { return None };
    match told {
        ProcessEvent::Completed { .. } | ProcessEvent::Failed { .. } | ProcessEvent::Cancelled(_) => {
            event.creation.trigger.schedule_id
        }
        _ => None,
    }
}
