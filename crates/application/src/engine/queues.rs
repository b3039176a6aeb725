//! The queues of agents and their circuit breakers (spec 5.3).
//!
//! Each agent takes so many calls at once. Steps beyond that wait here: by priority, and round-robin over executions
//! within a priority, so that one large execution can't starve the others. They wait in memory only: after a restart
//! their executions ask again.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use procession_domain::{
    definition::Priority,
    execution::{Hold, Slot},
    value::{ErrorCode, StepId, Timestamp},
};
use tokio::sync::mpsc::UnboundedSender;

use super::{runner::Message, settings::BreakerSettings};

/// All queues.
#[derive(Clone)]
pub(super) struct AgentQueues {
    queues: Arc<Mutex<HashMap<String, Queue>>>,
    settings: BreakerSettings,
}

/// A call's place at its agent; dropping it frees the place and hands it to who is next.
pub(super) struct SlotGuard {
    agent: String,
    queues: AgentQueues,
}

/// How an agent's queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AgentLoad {
    /// Calls in flight.
    pub in_flight: usize,
    /// Steps that wait for a place.
    pub queued: usize,
    /// What its breaker lets through.
    pub breaker: BreakerState,
    /// Until when its rate limit holds all calls.
    pub limited_until: Option<Timestamp>,
}

/// What the breaker of an agent lets through (spec 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BreakerState {
    /// Everything.
    #[default]
    Closed,
    /// Nothing.
    Open {
        /// Until when.
        until: Timestamp,
    },
    /// A few calls, to see.
    Probing,
}

/// Who asks for a place.
pub(super) struct Asker<'a> {
    pub step: &'a StepId,
    pub priority: Priority,
    /// The run's mailbox, where the answer goes when the step has to wait.
    pub mailbox: &'a UnboundedSender<Message>,
}

#[derive(Default)]
struct Queue {
    capacity: usize,
    used: usize,
    waiting: BTreeMap<Priority, VecDeque<Lane>>,
    breaker: Breaker,
    /// Until when its rate limit leaves nobody through.
    limited_until: Option<Timestamp>,
}

/// The steps of one execution's run that wait within a priority; the first lane's turn is next.
struct Lane {
    mailbox: UnboundedSender<Message>,
    steps: VecDeque<StepId>,
}

#[derive(Clone, Copy)]
enum Breaker {
    Closed {
        failures: u32,
    },
    Open {
        until: Timestamp,
    },
    /// The time is over: a few calls are let through to see.
    Probing,
}

/// A step whose turn it is; with a place, or to ask again.
struct Turn {
    mailbox: UnboundedSender<Message>,
    step_id: StepId,
    guard: Option<SlotGuard>,
}

impl AgentQueues {
    pub fn new(settings: BreakerSettings) -> Self {
        Self { queues: Arc::default(), settings }
    }

    /// Asks for a place at an agent that takes `capacity` calls at once. Asking again while waiting changes nothing.
    pub fn take(&self, agent: &str, capacity: usize, asker: &Asker<'_>, now: Timestamp) -> (Slot, Option<SlotGuard>) {
        let mut queues = self.lock();
        let queue = queues.entry(agent.to_owned()).or_default();
        queue.capacity = capacity;
        if let Some((until, why)) = queue.hold(now) {
            return (Slot::Held { until, why }, None);
        }
        if queue.used >= self.places(queue) || queue.has_waiting(asker.priority) {
            queue.wait(asker);
            return (Slot::Queued, None);
        }
        queue.used += 1;
        (Slot::Granted, Some(self.guard(agent)))
    }

    /// A place, whatever the limit: for a call that is in flight already and taken up again after a restart.
    pub fn occupy(&self, agent: &str, capacity: usize) -> SlotGuard {
        let mut queues = self.lock();
        let queue = queues.entry(agent.to_owned()).or_default();
        queue.capacity = capacity;
        queue.used += 1;
        self.guard(agent)
    }

    /// Takes a step out of every queue; all that a run waits for if none is named. Only what waits for this mailbox: when a
    /// run leaves memory, the next one of its execution may be waiting already.
    pub fn leave(&self, mailbox: &UnboundedSender<Message>, step: Option<&StepId>) {
        for queue in self.lock().values_mut() {
            for lanes in queue.waiting.values_mut() {
                for lane in lanes.iter_mut().filter(|lane| lane.mailbox.same_channel(mailbox)) {
                    lane.steps.retain(|waiting| step.is_some_and(|step| step != waiting));
                }
                lanes.retain(|lane| !lane.steps.is_empty());
            }
        }
    }

    /// Counts how a call ended, for the agent's breaker.
    pub fn report(&self, agent: &str, failure: Option<ErrorCode>, now: Timestamp) {
        self.change(agent, |queue| {
            let open = Breaker::Open { until: now.saturating_add(self.settings.open) };
            let unavailable = failure.is_some_and(ErrorCode::is_unavailability);
            queue.breaker = match queue.breaker {
                Breaker::Open { until } => Breaker::Open { until },
                _ if !unavailable => Breaker::Closed { failures: 0 },
                Breaker::Closed { failures } if failures + 1 < self.settings.failures => {
                    Breaker::Closed { failures: failures + 1 }
                }
                Breaker::Closed { .. } | Breaker::Probing => open,
            };
        });
    }

    /// Has nobody ask an agent before a time; who waits already asks again, and is told until when.
    pub fn hold(&self, agent: &str, until: Timestamp, why: Hold) {
        self.change(agent, |queue| match why {
            Hold::Breaker => queue.breaker = Breaker::Open { until },
            Hold::RateLimit => queue.limited_until = queue.limited_until.max(Some(until)),
        });
    }

    /// How the queues stand, by agent; one that is not there is idle.
    pub fn loads(&self, now: Timestamp) -> BTreeMap<String, AgentLoad> {
        let queues = self.lock();
        queues.iter().map(|(agent, queue)| (agent.clone(), queue.load(now))).collect()
    }

    /// Gives out no more places: what waits is left to the next start.
    pub fn close(&self) {
        for queue in self.lock().values_mut() {
            queue.waiting.clear();
        }
    }

    /// Changes a queue and lets go on who can.
    fn change(&self, agent: &str, change: impl FnOnce(&mut Queue)) {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(agent) else { return };
        change(queue);
        let turns = self.next_turns(agent, queue);
        if queue.is_idle() {
            queues.remove(agent);
        }
        // A run that is gone drops its guard, which locks again.
        drop(queues);
        for turn in turns {
            let _ = turn.mailbox.send(Message::SlotFree { step_id: turn.step_id, guard: turn.guard });
        }
    }

    fn next_turns(&self, agent: &str, queue: &mut Queue) -> Vec<Turn> {
        let mut turns = Vec::new();
        let is_open = matches!(queue.breaker, Breaker::Open { .. }) || queue.limited_until.is_some();
        while is_open || queue.used < self.places(queue) {
            let Some((mailbox, step_id)) = queue.next() else { break };
            // While the agent is left alone everybody asks again, and is told until when.
            let guard = (!is_open).then(|| self.guard(agent));
            queue.used += usize::from(!is_open);
            turns.push(Turn { mailbox, step_id, guard });
        }
        turns
    }

    fn places(&self, queue: &Queue) -> usize {
        match queue.breaker {
            Breaker::Probing => queue.capacity.min(self.settings.probes as usize),
            Breaker::Closed { .. } | Breaker::Open { .. } => queue.capacity,
        }
    }

    fn guard(&self, agent: &str) -> SlotGuard {
        SlotGuard { agent: agent.to_owned(), queues: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Until when nobody may ask, and why. A time that is over ends what held the agent.
    fn hold(&mut self, now: Timestamp) -> Option<(Timestamp, Hold)> {
        if let Breaker::Open { until } = self.breaker {
            if until > now {
                return Some((until, Hold::Breaker));
            }
            self.breaker = Breaker::Probing;
        }
        self.limited_until = self.limited_until.filter(|until| *until > now);
        self.limited_until.map(|until| (until, Hold::RateLimit))
    }

    fn load(&self, now: Timestamp) -> AgentLoad {
        let breaker = match self.breaker {
            Breaker::Closed { .. } => BreakerState::Closed,
            Breaker::Open { until } if until > now => BreakerState::Open { until },
            // Whoever asks next is a probe.
            Breaker::Open { .. } | Breaker::Probing => BreakerState::Probing,
        };
        AgentLoad {
            in_flight: self.used,
            queued: self.waiting.values().flatten().map(|lane| lane.steps.len()).sum(),
            breaker,
            limited_until: self.limited_until.filter(|until| *until > now),
        }
    }

    fn has_waiting(&self, priority: Priority) -> bool {
        self.waiting.range(..=priority).any(|(_, lanes)| !lanes.is_empty())
    }

    fn wait(&mut self, asker: &Asker<'_>) {
        let lanes = self.waiting.entry(asker.priority).or_default();
        match lanes.iter_mut().find(|lane| lane.mailbox.same_channel(asker.mailbox)) {
            Some(lane) if lane.steps.contains(asker.step) => {}
            Some(lane) => lane.steps.push_back(asker.step.clone()),
            None => {
                lanes.push_back(Lane { mailbox: asker.mailbox.clone(), steps: VecDeque::from([asker.step.clone()]) });
            }
        }
    }

    /// The step whose turn it is; its execution goes to the back.
    fn next(&mut self) -> Option<(UnboundedSender<Message>, StepId)> {
        let lanes = self.waiting.values_mut().find(|lanes| !lanes.is_empty())?;
        let mut lane = lanes.pop_front()?;
        let step = lane.steps.pop_front();
        let mailbox = lane.mailbox.clone();
        if !lane.steps.is_empty() {
            lanes.push_back(lane);
        }
        step.map(|step| (mailbox, step))
    }

    fn is_idle(&self) -> bool {
        let waiting = self.waiting.values().any(|lanes| !lanes.is_empty());
        let is_at_rest = matches!(self.breaker, Breaker::Closed { failures: 0 }) && self.limited_until.is_none();
        self.used == 0 && !waiting && is_at_rest
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        self.queues.change(&self.agent, |queue| queue.used = queue.used.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use procession_domain::value::Duration;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    struct Run {
        mailbox: UnboundedSender<Message>,
        inbox: UnboundedReceiver<Message>,
    }

    impl Run {
        fn new() -> Self {
            let (mailbox, inbox) = unbounded_channel();
            Self { mailbox, inbox }
        }

        fn take(&self, queues: &AgentQueues, step: &str, priority: Priority, now: i64) -> (Slot, Option<SlotGuard>) {
            let step = StepId::new(step).unwrap();
            let asker = Asker { step: &step, priority, mailbox: &self.mailbox };
            queues.take("writer", 1, &asker, Timestamp::from_micros(now))
        }

        /// The steps whose turn came, with their places given back at once.
        fn turns(&mut self) -> Vec<String> {
            let mut steps = Vec::new();
            while let Ok(message) = self.inbox.try_recv() {
                if let Message::SlotFree { step_id, .. } = message {
                    steps.push(step_id.to_string());
                }
            }
            steps
        }

        fn next_turn(&mut self) -> Option<(String, Option<SlotGuard>)> {
            match self.inbox.try_recv() {
                Ok(Message::SlotFree { step_id, guard }) => Some((step_id.to_string(), guard)),
                _ => None,
            }
        }
    }

    fn queues() -> AgentQueues {
        AgentQueues::new(BreakerSettings { failures: 2, open: Duration::from_secs(10), probes: 1 })
    }

    #[test]
    fn executions_take_turns_within_a_priority_and_high_goes_first() {
        let queues = queues();
        let (mut large, mut small) = (Run::new(), Run::new());
        let (_, first) = large.take(&queues, "a", Priority::Normal, 0);
        for step in ["b", "c", "d"] {
            assert_eq!(large.take(&queues, step, Priority::Normal, 0).0, Slot::Queued);
        }
        assert_eq!(small.take(&queues, "x", Priority::Normal, 0).0, Slot::Queued);
        assert_eq!(small.take(&queues, "y", Priority::High, 0).0, Slot::Queued);
        drop(first);
        let mut order = Vec::new();
        loop {
            let turn = large.next_turn().or_else(|| small.next_turn());
            let Some((step, guard)) = turn else { break };
            order.push(step);
            drop(guard);
        }
        assert_eq!(order, ["y", "b", "x", "c", "d"]);
        assert!(queues.lock().is_empty(), "an idle queue is forgotten");
    }

    #[test]
    fn a_place_given_to_a_run_that_is_gone_goes_to_the_next() {
        let queues = queues();
        let (gone, mut waiting) = (Run::new(), Run::new());
        let (_, held) = gone.take(&queues, "a", Priority::Normal, 0);
        gone.take(&queues, "b", Priority::Normal, 0);
        waiting.take(&queues, "c", Priority::Normal, 0);
        drop(gone);
        drop(held);
        assert_eq!(waiting.turns(), ["c"]);
    }

    #[test]
    fn the_load_of_an_agent_is_told_as_it_stands() {
        let queues = queues();
        let (busy, waiting) = (Run::new(), Run::new());
        let (_, _held) = busy.take(&queues, "a", Priority::Normal, 0);
        waiting.take(&queues, "b", Priority::High, 0);
        let load = |now| queues.loads(Timestamp::from_micros(now))["writer"];
        let working = AgentLoad { in_flight: 1, queued: 1, ..AgentLoad::default() };
        assert_eq!(load(0), working);
        let until = Timestamp::from_micros(10);
        queues.hold("writer", until, Hold::RateLimit);
        assert_eq!(load(0), AgentLoad { queued: 0, limited_until: Some(until), ..working });
        queues.hold("writer", until, Hold::Breaker);
        assert_eq!(load(9).breaker, BreakerState::Open { until });
        assert_eq!((load(10).breaker, load(10).limited_until), (BreakerState::Probing, None));
    }

    #[test]
    fn asking_twice_is_asking_once_and_leaving_ends_the_wait() {
        let queues = queues();
        let (busy, mut waiting) = (Run::new(), Run::new());
        let (_, held) = busy.take(&queues, "a", Priority::Normal, 0);
        for step in ["b", "b", "c"] {
            waiting.take(&queues, step, Priority::Normal, 0);
        }
        queues.leave(&waiting.mailbox, Some(&StepId::new("c").unwrap()));
        drop(held);
        assert_eq!(waiting.turns(), ["b"]);
    }

    #[test]
    fn a_run_that_leaves_takes_nothing_from_the_next_run_of_its_execution() {
        let queues = queues();
        let (busy, leaving, mut next) = (Run::new(), Run::new(), Run::new());
        let (_, held) = busy.take(&queues, "a", Priority::Normal, 0);
        leaving.take(&queues, "b", Priority::Normal, 0);
        next.take(&queues, "b", Priority::Normal, 0);
        queues.leave(&leaving.mailbox, None);
        drop(held);
        assert_eq!(next.turns(), ["b"]);
    }

    #[test]
    fn a_breaker_opens_after_failures_in_a_row_and_is_probed_when_its_time_is_over() {
        let queues = queues();
        let run = Run::new();
        let fail = |code| queues.report("writer", Some(code), Timestamp::from_micros(0));
        let (_, held) = run.take(&queues, "a", Priority::Normal, 0);
        fail(ErrorCode::AgentUnavailable);
        fail(ErrorCode::AgentError);
        fail(ErrorCode::AgentUnavailable);
        assert!(matches!(run.take(&queues, "b", Priority::Normal, 0).0, Slot::Queued), "not in a row");
        fail(ErrorCode::AgentUnavailable);
        drop(held);
        let until = Timestamp::from_micros(10_000_000);
        let held = Slot::Held { until, why: Hold::Breaker };
        assert_eq!(run.take(&queues, "b", Priority::Normal, 9_999_999).0, held);
        let (slot, probe) = run.take(&queues, "b", Priority::Normal, 10_000_000);
        assert_eq!(slot, Slot::Granted);
        queues.report("writer", None, until);
        drop(probe);
        assert_eq!(run.take(&queues, "c", Priority::Normal, 10_000_000).0, Slot::Granted);
    }

    #[test]
    fn a_rate_limit_holds_everybody_until_it_is_over_and_opens_no_breaker() {
        let queues = queues();
        let (busy, mut waiting) = (Run::new(), Run::new());
        let (_, _held) = busy.take(&queues, "a", Priority::Normal, 0);
        waiting.take(&queues, "b", Priority::Normal, 0);
        let until = Timestamp::from_micros(1_000_000);
        for _ in 0..5 {
            queues.report("writer", Some(ErrorCode::RateLimited), Timestamp::from_micros(0));
            queues.hold("writer", until, Hold::RateLimit);
        }
        let (step, guard) = waiting.next_turn().unwrap();
        assert!(step == "b" && guard.is_none(), "it asks again");
        let held = Slot::Held { until, why: Hold::RateLimit };
        assert_eq!(waiting.take(&queues, "b", Priority::Normal, 999_999).0, held);
        assert_eq!(waiting.take(&queues, "b", Priority::Normal, 1_000_000).0, Slot::Queued, "the place is still taken");
    }

    #[test]
    fn who_waits_when_the_breaker_opens_asks_again() {
        let queues = queues();
        let (busy, mut waiting) = (Run::new(), Run::new());
        let (_, _held) = busy.take(&queues, "a", Priority::Normal, 0);
        waiting.take(&queues, "b", Priority::Normal, 0);
        for _ in 0..2 {
            queues.report("writer", Some(ErrorCode::AgentUnavailable), Timestamp::from_micros(0));
        }
        let (step, guard) = waiting.next_turn().unwrap();
        assert!(step == "b" && guard.is_none());
    }
}
