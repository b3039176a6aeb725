//! What is to be done about a schedule now: a function of how it stands, what time it is, and whether one of its executions
//! is under way (spec 1.8, 4c).

use procession_domain::{
    definition::{Misfire, Overlap},
    value::{Duration, Timestamp},
};
use procession_language::schedule::DueTimes;

use crate::ports::{FiringOutcome, KeptSchedule, LastFiring, ScheduleStanding};

/// How many late due times start one execution each, at most.
const MOST_LATE: usize = 100;

/// How many due times that have passed are counted at a time.
const MOST_COUNTED: u64 = 100_000;

/// How long a due time in the queue waits for another look; the end of the execution before is heard of earlier.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What is to be done about a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing before the time of attention in this standing.
    Rest(ScheduleStanding),
    /// A due time is dealt with; there may be another.
    Settle(ScheduleStanding),
    /// An execution starts; the schedule stands like this then.
    Start {
        /// The time for which it was due.
        due_at: Timestamp,
        /// Whether what is under way is cancelled first.
        cancels: bool,
        /// How the schedule stands when it has started.
        standing: ScheduleStanding,
    },
}

/// A schedule at some time.
pub(super) struct Firing<'a> {
    pub kept: &'a KeptSchedule,
    pub due: &'a DueTimes,
    pub now: Timestamp,
    /// Whether an execution that it started is under way.
    pub is_under_way: bool,
}

impl Firing<'_> {
    /// What is to be done.
    pub fn decide(&self) -> Decision {
        let before = &self.kept.standing;
        if !self.kept.runs() {
            return Decision::Rest(self.attended(ScheduleStanding { queued: None, ..before.clone() }));
        }
        let until = self.last_that_came();
        let Some(until) = until else {
            return match before.queued {
                Some(due_at) if !self.is_under_way => self.start(due_at, before.handled_until),
                Some(_) | None => Decision::Rest(self.attended(before.clone())),
            };
        };
        match self.kept.schedule.misfire {
            Misfire::FireOnce => self.fire(until),
            Misfire::FireAll => match self.due.latest(before.handled_until, until, MOST_LATE).first() {
                Some(oldest) => self.fire(*oldest),
                None => self.fire(until),
            },
            Misfire::Skip => self.fire_within_grace(until),
        }
    }

    /// A due time that starts nothing, since its start was refused for good.
    pub fn refused(&self, due_at: Timestamp, reason: String) -> ScheduleStanding {
        let before = &self.kept.standing;
        let missed = before.missed + self.passed(due_at).max(1);
        let last = self.became(due_at, FiringOutcome::Missed, Some(reason));
        self.attended(ScheduleStanding {
            handled_until: before.handled_until.max(due_at),
            queued: None,
            missed,
            last: Some(last),
            ..before.clone()
        })
    }

    /// A start that a person asks for, whatever is due.
    pub fn by_hand(&self) -> ScheduleStanding {
        self.started(self.now, self.kept.standing.handled_until, self.kept.standing.queued)
    }

    /// When a due time is acted on: at it, or later by chance, but before the next one.
    fn acts_at(&self, due_at: Timestamp) -> Timestamp {
        let jitter = self.kept.schedule.jitter;
        if jitter == Duration::ZERO {
            return due_at;
        }
        let gap = self.due.next_after(due_at).map_or(Duration::MAX, |next| next.since(due_at));
        let most = jitter.as_millis().min(gap.as_millis().saturating_sub(1));
        let seed = (self.kept.process_name.as_str(), self.kept.trigger_id.as_str(), due_at.as_micros());
        let hash = blake3::hash(format!("{seed:?}").as_bytes());
        let chance = hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        due_at.saturating_add(Duration::from_millis(chance % most.saturating_add(1)))
    }

    /// The last due time on which it is time to act.
    fn last_that_came(&self) -> Option<Timestamp> {
        let first = self.due.next_after(self.kept.standing.handled_until)?;
        if self.acts_at(first) > self.now {
            return None;
        }
        let last_two = self.due.latest(self.kept.standing.handled_until, self.now, 2);
        last_two.into_iter().rev().find(|due_at| self.acts_at(*due_at) <= self.now)
    }

    fn fire_within_grace(&self, until: Timestamp) -> Decision {
        let before = &self.kept.standing;
        let grace = self.kept.schedule.misfire_grace;
        let late = self.due.latest(before.handled_until, until, MOST_LATE);
        let in_time = late.into_iter().find(|due_at| self.now.since(self.acts_at(*due_at)) <= grace);
        match in_time {
            Some(due_at) => self.fire(due_at),
            None => Decision::Settle(self.refused(until, format!("more than {grace} late"))),
        }
    }

    /// Acts on a due time; what is due before it is passed over.
    fn fire(&self, due_at: Timestamp) -> Decision {
        match self.kept.schedule.overlap {
            Overlap::Skip if self.is_under_way => {
                let reason = "an execution that the schedule started is under way".to_owned();
                Decision::Settle(self.passed_over(due_at, FiringOutcome::Skipped, Some(reason), None))
            }
            Overlap::Queue if self.is_under_way => {
                Decision::Settle(self.passed_over(due_at, FiringOutcome::Queued, None, Some(due_at)))
            }
            Overlap::Allow | Overlap::Skip | Overlap::Queue | Overlap::CancelRunning => self.start(due_at, due_at),
        }
    }

    fn start(&self, due_at: Timestamp, handled_until: Timestamp) -> Decision {
        let cancels = self.kept.schedule.overlap == Overlap::CancelRunning && self.is_under_way;
        Decision::Start { due_at, cancels, standing: self.started(due_at, handled_until, None) }
    }

    fn started(&self, due_at: Timestamp, handled_until: Timestamp, queued: Option<Timestamp>) -> ScheduleStanding {
        self.attended(ScheduleStanding {
            paused_at: self.kept.standing.paused_at,
            handled_until,
            queued,
            missed: 0,
            last: Some(self.became(due_at, FiringOutcome::Started, None)),
            last_run_at: Some(self.now),
            attention_at: None,
        })
    }

    fn passed_over(
        &self,
        due_at: Timestamp,
        outcome: FiringOutcome,
        reason: Option<String>,
        queued: Option<Timestamp>,
    ) -> ScheduleStanding {
        self.attended(ScheduleStanding {
            handled_until: due_at,
            queued,
            last: Some(self.became(due_at, outcome, reason)),
            ..self.kept.standing.clone()
        })
    }

    fn became(&self, due_at: Timestamp, outcome: FiringOutcome, reason: Option<String>) -> LastFiring {
        LastFiring { due_at, at: self.now, outcome, execution_id: None, reason }
    }

    /// How many due times are dealt with when this one is.
    fn passed(&self, due_at: Timestamp) -> u64 {
        self.due.count(self.kept.standing.handled_until, due_at, MOST_COUNTED)
    }

    /// The standing with the time at which it is to be looked at next.
    fn attended(&self, standing: ScheduleStanding) -> ScheduleStanding {
        if !self.kept.enabled || standing.paused_at.is_some() {
            return ScheduleStanding { attention_at: None, ..standing };
        }
        let next = self.due.next_after(standing.handled_until).map(|due_at| self.acts_at(due_at));
        let again = standing.queued.map(|_| self.now.saturating_add(LOOK_AGAIN));
        ScheduleStanding { attention_at: next.into_iter().chain(again).min(), ..standing }
    }
}

#[cfg(test)]
#[path = "firing_tests.rs"]
mod tests;
