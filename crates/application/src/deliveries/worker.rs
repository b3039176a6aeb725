//! The worker: takes what is due, sends it, and notes what came of it.
//!
//! It is level-triggered: what is due stands in the store, and it looks there when it is woken, when the next time has come,
//! and now and then. What it has taken is only in its memory, so that what it was at when it was killed is due again.
//!
//! Deliveries of one process to one receiver form a lane, in which they are sent one after the other; so a receiver that
//! takes them gets them in order. A receiver has a few lanes at work at once and a bounded number of deliveries waiting in
//! memory: one that hangs holds up its own only.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures::FutureExt as _;
use procession_domain::value::{Duration, ProcessName, Timestamp};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    DeliverySettings,
    mails::Mails,
    planning::Outbox,
    sending::{Outcome, Sender},
};
use crate::{
    ports::{AttemptEnd, DeliveryAttempt, DeliveryState, DueDelivery, DueRequest, Ports, StoreError},
    variables::Variables,
};

/// How many sends are under way at once.
const AT_ONCE: usize = 256;

/// How many of them go to one receiver.
const AT_ONCE_TO_ONE: usize = 4;

/// How many deliveries are read at once.
const READ_AT_ONCE: u32 = 256;

/// How many deliveries are in memory.
const MOST_HELD: usize = 4_096;

/// How many of them are for one receiver.
const MOST_HELD_FOR_ONE: usize = 64;

/// How long it looks at nothing, should nobody wake it.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// For so long a receiver may be busy without it counting as a failure.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// How long it rests when the store fails.
const REST: Duration = Duration::from_secs(1);

/// Sends what is due until it is told to stop.
pub(crate) struct Worker {
    ports: Ports,
    settings: Arc<DeliverySettings>,
    sender: Arc<Sender>,
    wake: Arc<Notify>,
    stop: CancellationToken,
}

/// A receiver and a process: what is sent one after the other.
type Lane = (String, Option<ProcessName>);

/// What the worker has in memory.
#[derive(Default)]
struct Desk {
    /// What waits, by lane.
    waiting: HashMap<Lane, VecDeque<DueDelivery>>,
    /// Lanes with something waiting and nothing under way, in the order in which they came.
    ready: VecDeque<Lane>,
    /// Lanes with something under way.
    at_work: HashSet<Lane>,
    /// How many sends are under way to each receiver.
    sends: HashMap<String, usize>,
    /// What was taken and not noted yet, with its receiver.
    held: HashMap<Uuid, String>,
    /// How many are held for each receiver.
    held_for: HashMap<String, usize>,
    /// Receivers for which the store may have more than was taken.
    left_behind: HashSet<String>,
    /// Whether the store may have more that is due.
    has_more: bool,
    /// When something becomes due next.
    next: Option<Timestamp>,
}

/// What a task of the worker has done.
enum Done {
    /// It has sent a delivery.
    Sent(Box<DueDelivery>, DeliveryAttempt, Outcome),
    /// It has noted what came of one.
    Noted(Uuid),
}

impl Worker {
    /// A worker on these ports, woken by this outbox.
    pub fn new(
        ports: Ports,
        settings: Arc<DeliverySettings>,
        mails: Mails,
        variables: Variables,
        outbox: &Outbox,
        stop: CancellationToken,
    ) -> Self {
        let sender = Arc::new(Sender::new(ports.clone(), Arc::clone(&settings), mails, variables));
        Self { ports, settings, sender, wake: outbox.wake(), stop }
    }

    /// Works until it is told to stop. What is due then is sent first.
    pub async fn work(self) {
        let mut desk = Desk { has_more: true, ..Desk::default() };
        let mut tasks = JoinSet::new();
        loop {
            if let Err(error) = self.take(&mut desk).await {
                tracing::warn!(%error, "deliveries can't be read; trying again in a moment");
                desk.next = Some(self.ports.clock.now().saturating_add(REST));
            }
            while let Some(due) = desk.next_to_send() {
                self.begin(due, &mut tasks);
            }
            let longest = self.ports.clock.now().saturating_add(LONGEST_SLEEP);
            let until = desk.next.map_or(longest, |next| next.min(longest));
            tokio::select! {
                () = self.stop.cancelled() => break,
                Some(done) = tasks.join_next() => self.after(done, &mut desk, &mut tasks),
                () = self.wake.notified() => desk.has_more = true,
                () = self.ports.clock.sleep_until(until) => desk.has_more = true,
            }
        }
        desk.has_more = true;
        loop {
            // What can't be read now is due at the next start.
            if self.take(&mut desk).await.is_err() {
                desk.has_more = false;
            }
            while let Some(due) = desk.next_to_send() {
                self.begin(due, &mut tasks);
            }
            let Some(done) = tasks.join_next().await else { break };
            self.after(done, &mut desk, &mut tasks);
        }
    }

    /// Takes what is due from the store, as far as there is room.
    async fn take(&self, desk: &mut Desk) -> Result<(), StoreError> {
        if !desk.has_more {
            return Ok(());
        }
        let now = self.ports.clock.now();
        while desk.has_more && desk.held.len() < MOST_HELD {
            let request = DueRequest {
                now,
                limit: READ_AT_ONCE,
                except: desk.held.keys().copied().collect(),
                except_receivers: desk.full_receivers(),
            };
            let due = self.ports.stores.deliveries.due(&request).await?;
            let is_last = due.len() < READ_AT_ONCE as usize;
            let mut has_taken_all = true;
            for delivery in due {
                has_taken_all &= desk.accept(delivery);
            }
            // Those of a full receiver are left in the store until it has room.
            desk.has_more = !(is_last && has_taken_all);
        }
        desk.next = self.ports.stores.deliveries.next_due(now).await?;
        Ok(())
    }

    /// Sends a delivery, beside everything else.
    fn begin(&self, due: DueDelivery, tasks: &mut JoinSet<Done>) {
        let (sender, clock) = (Arc::clone(&self.sender), Arc::clone(&self.ports.clock));
        tasks.spawn(async move {
            let at = clock.now();
            let outcome = AssertUnwindSafe(sender.send(&due)).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| defect());
            let took = clock.now().since(at);
            let (status, error) = match &outcome {
                Outcome::Taken(status) => (*status, None),
                Outcome::Refused { status, error, .. } | Outcome::Hopeless { status, error } => {
                    (*status, Some(error.clone()))
                }
                Outcome::Busy { error, .. } => (None, Some(error.clone())),
                Outcome::NotNeeded => (None, Some("nobody needs it any more".to_owned())),
            };
            Done::Sent(Box::new(due), DeliveryAttempt { at, took, status, error }, outcome)
        });
    }

    /// Goes on after a task.
    fn after(&self, done: Result<Done, tokio::task::JoinError>, desk: &mut Desk, tasks: &mut JoinSet<Done>) {
        match done {
            Ok(Done::Sent(due, attempt, outcome)) => {
                desk.sent(&due);
                self.note(&due, attempt, outcome, tasks);
            }
            Ok(Done::Noted(id)) => desk.noted(id),
            // Nobody aborts them, and a defect in sending is an outcome.
            Err(error) => tracing::error!(%error, "what came of a delivery was not noted because of a defect"),
        }
    }

    /// Notes what came of a try, however long the store takes.
    fn note(&self, due: &DueDelivery, attempt: DeliveryAttempt, outcome: Outcome, tasks: &mut JoinSet<Done>) {
        let (id, end) = (due.id, self.end(due, attempt, &outcome));
        tell(due, &end);
        if let Some(meter) = &self.settings.meter {
            meter.tried(due.content.kind(), end.state);
        }
        let (deliveries, clock) = (Arc::clone(&self.ports.stores.deliveries), Arc::clone(&self.ports.clock));
        let (wake, stop) = (Arc::clone(&self.wake), self.stop.clone());
        tasks.spawn(async move {
            loop {
                let noted = match outcome {
                    Outcome::NotNeeded => match deliveries.withdraw(id).await {
                        Ok(true) => Ok(()),
                        Ok(false) => deliveries.record(&end).await,
                        Err(error) => Err(error),
                    },
                    Outcome::Taken(_) | Outcome::Refused { .. } | Outcome::Busy { .. } | Outcome::Hopeless { .. } => {
                        deliveries.record(&end).await
                    }
                };
                match noted {
                    Ok(()) => break,
                    // The next start sends it again, under the same id.
                    Err(_) if stop.is_cancelled() => break,
                    Err(error) => {
                        tracing::warn!(delivery = %id, %error, "what came of a delivery can't be noted yet");
                        clock.sleep_until(clock.now().saturating_add(REST)).await;
                    }
                }
            }
            if end.next_attempt_at.is_some() {
                wake.notify_one();
            }
            Done::Noted(id)
        });
    }

    fn end(&self, due: &DueDelivery, attempt: DeliveryAttempt, outcome: &Outcome) -> AttemptEnd {
        let now = self.ports.clock.now();
        let is_patient = matches!(outcome, Outcome::Busy { .. }) && now.since(due.created_at) < PATIENCE;
        let (state, next_attempt_at) = match outcome {
            Outcome::Taken(_) => (DeliveryState::Delivered, None),
            Outcome::Hopeless { .. } | Outcome::NotNeeded => (DeliveryState::Undeliverable, None),
            Outcome::Busy { retry_after, .. } if is_patient => {
                (DeliveryState::Retrying, Some(now.saturating_add(*retry_after)))
            }
            Outcome::Busy { retry_after, .. } => self.again(due, Some(*retry_after), now),
            Outcome::Refused { retry_after, .. } => self.again(due, *retry_after, now),
        };
        AttemptEnd { id: due.id, attempt, state, counts: !is_patient, next_attempt_at }
    }

    /// Where a delivery is that has failed.
    fn again(&self, due: &DueDelivery, asked: Option<Duration>, now: Timestamp) -> (DeliveryState, Option<Timestamp>) {
        let chance = self.ports.ids.new_id().as_u64_pair().1;
        match self.settings.retry.pause_after(due.tries + 1, chance, asked) {
            Some(pause) => (DeliveryState::Retrying, Some(now.saturating_add(pause))),
            None => (DeliveryState::Dead, None),
        }
    }
}

fn defect() -> Outcome {
    let error = "sending it ended because of a defect of the server; its log has the details".to_owned();
    Outcome::Refused { status: None, error, retry_after: None }
}

/// Says in the log what operators want to know.
fn tell(due: &DueDelivery, end: &AttemptEnd) {
    let (id, target, error) = (&due.id, &due.target, end.attempt.error.as_deref().unwrap_or_default());
    match end.state {
        DeliveryState::Delivered | DeliveryState::Waiting => tracing::debug!(delivery = %id, target, "delivered"),
        DeliveryState::Retrying => {
            tracing::info!(delivery = %id, target, error, "a delivery failed; it is tried again");
        }
        DeliveryState::Dead => {
            tracing::warn!(delivery = %id, target, error, "a delivery failed for the last time; it can be sent again by hand");
        }
        DeliveryState::Undeliverable => tracing::warn!(delivery = %id, target, error, "a delivery can't be sent"),
    }
}

impl Desk {
    /// Takes a delivery, unless its receiver has enough.
    fn accept(&mut self, due: DueDelivery) -> bool {
        let held_for = self.held_for.entry(due.receiver.clone()).or_default();
        if *held_for >= MOST_HELD_FOR_ONE {
            self.left_behind.insert(due.receiver);
            return false;
        }
        *held_for += 1;
        self.held.insert(due.id, due.receiver.clone());
        let lane = (due.receiver.clone(), due.process_name.clone());
        let waiting = self.waiting.entry(lane.clone()).or_default();
        if waiting.is_empty() && !self.at_work.contains(&lane) {
            self.ready.push_back(lane);
        }
        waiting.push_back(due);
        true
    }

    /// The receivers that get no more for now.
    fn full_receivers(&mut self) -> Vec<String> {
        let full = self.held_for.iter().filter(|(_, held)| **held >= MOST_HELD_FOR_ONE);
        let full: Vec<String> = full.map(|(receiver, _)| receiver.clone()).collect();
        self.left_behind.extend(full.iter().cloned());
        full
    }

    /// The next delivery to send, if there is room; its lane is at work then.
    fn next_to_send(&mut self) -> Option<DueDelivery> {
        if self.at_work.len() >= AT_ONCE {
            return None;
        }
        let has_room = |(receiver, _): &Lane| self.sends.get(receiver).is_none_or(|sends| *sends < AT_ONCE_TO_ONE);
        let place = self.ready.iter().position(has_room)?;
        let lane = self.ready.remove(place)?;
        let due = self.waiting.get_mut(&lane)?.pop_front()?;
        *self.sends.entry(lane.0.clone()).or_default() += 1;
        self.at_work.insert(lane);
        Some(due)
    }

    /// A delivery was sent: its lane goes on.
    fn sent(&mut self, due: &DueDelivery) {
        let lane = (due.receiver.clone(), due.process_name.clone());
        take_one(&mut self.sends, &lane.0);
        self.at_work.remove(&lane);
        if self.waiting.get(&lane).is_some_and(|waiting| !waiting.is_empty()) {
            self.ready.push_back(lane);
        } else {
            self.waiting.remove(&lane);
        }
    }

    /// What came of a delivery stands in the store.
    fn noted(&mut self, id: Uuid) {
        let Some(receiver) = self.held.remove(&id) else { return };
        take_one(&mut self.held_for, &receiver);
        // A receiver that had enough may have more in the store; it is looked for once half of what it had is gone.
        let is_half_empty = self.held_for.get(&receiver).is_none_or(|held| *held <= MOST_HELD_FOR_ONE / 2);
        if is_half_empty && self.left_behind.remove(&receiver) {
            self.has_more = true;
        }
    }
}

/// Counts one less, and forgets who has none.
fn take_one(counts: &mut HashMap<String, usize>, key: &str) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
