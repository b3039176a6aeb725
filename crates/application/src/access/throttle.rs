//! Counting failed logins (spec 4b 2.2): five from one address within ten minutes, then that address waits; and twenty at
//! one account, from wherever, then the account waits for addresses that it has not been used from.
//!
//! An attempt counts as failed from its beginning, so that guesses at once are as many as guesses one by one. A good login
//! takes back what its own account has failed from its own address, and nothing else: who has one account could clear the
//! counter for guessing at others.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use procession_domain::value::{Duration, Timestamp};

/// Failures by one address in the window.
const MOST_OF_ADDRESS: usize = 5;

/// Failures at one account in the window.
const MOST_AT_ACCOUNT: usize = 20;

const WINDOW: Duration = Duration::from_secs(600);

/// How long an address is known to an account that was logged in to from there.
const KNOWN: Duration = Duration::from_secs(30 * 86_400);

/// No more addresses or accounts than this are remembered; those that were quiet longest go first.
const MOST_REMEMBERED: usize = 10_000;

/// The longest name that is told from others.
const LONGEST_NAME: usize = 128;

/// Who tries to log in, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    address: String,
    account: String,
}

#[derive(Clone, Default)]
pub(super) struct Throttle(Arc<Mutex<Counts>>);

/// An attempt that counts as failed unless it is said to have succeeded.
pub(super) struct Attempt {
    throttle: Throttle,
    caller: Caller,
}

#[derive(Default)]
struct Counts {
    /// By address: when, and at which account.
    of_address: HashMap<String, Vec<(Timestamp, String)>>,
    at_account: HashMap<String, Vec<(Timestamp, String)>>,
    /// Where accounts were last used from, and when.
    known: HashMap<Caller, Timestamp>,
}

impl Caller {
    pub fn new(address: &str, account: &str) -> Self {
        let account = account.to_lowercase().chars().take(LONGEST_NAME).collect();
        Self { address: network(address), account }
    }
}

/// The address by which someone counts: who has one address of version 6 has at least 2^64 of them.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(IpAddr::V4(_)) | Err(_) => address.to_owned(),
    }
}

impl Throttle {
    /// How long a caller has to wait, if they have to.
    pub fn wait(&self, caller: &Caller, now: Timestamp) -> Option<Duration> {
        self.lock().wait(caller, now)
    }

    /// Begins an attempt, unless the caller has to wait.
    pub fn begin(&self, caller: Caller, now: Timestamp) -> Result<Attempt, Duration> {
        let mut counts = self.lock();
        if let Some(wait) = counts.wait(&caller, now) {
            return Err(wait);
        }
        let Caller { address, account } = caller.clone();
        note(&mut counts.of_address, address.clone(), (now, account.clone()));
        note(&mut counts.at_account, account, (now, address));
        drop(counts);
        Ok(Attempt { throttle: self.clone(), caller })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// The log-in was good.
    pub fn succeeded(self, now: Timestamp) {
        let mut counts = self.throttle.lock();
        let Caller { address, account } = &self.caller;
        forgive(&mut counts.of_address, address, account);
        forgive(&mut counts.at_account, account, address);
        make_room(&mut counts.known, |at| *at);
        counts.known.insert(self.caller, now);
    }
}

impl Counts {
    fn wait(&mut self, caller: &Caller, now: Timestamp) -> Option<Duration> {
        let own = wait_for(&mut self.of_address, &caller.address, MOST_OF_ADDRESS, now);
        let is_known = self.known.get(caller).is_some_and(|last| now.since(*last) < KNOWN);
        let at_account = wait_for(&mut self.at_account, &caller.account, MOST_AT_ACCOUNT, now);
        own.max(at_account.filter(|_| !is_known))
    }
}

type Failures = HashMap<String, Vec<(Timestamp, String)>>;

/// Until the failure that is too many has left the window.
fn wait_for(failures: &mut Failures, name: &str, most: usize, now: Timestamp) -> Option<Duration> {
    let recent = failures.get_mut(name)?;
    recent.retain(|(at, _)| now.since(*at) < WINDOW);
    let (oldest, _) = recent.len().checked_sub(most).and_then(|first| recent.get(first))?;
    Some(oldest.saturating_add(WINDOW).since(now))
}

fn note(failures: &mut Failures, name: String, failure: (Timestamp, String)) {
    if !failures.contains_key(&name) {
        make_room(failures, |recent| recent.last().map_or(failure.0, |(at, _)| *at));
    }
    failures.entry(name).or_default().push(failure);
}

fn forgive(failures: &mut Failures, name: &str, other: &str) {
    if let Some(recent) = failures.get_mut(name) {
        recent.retain(|(_, of)| of != other);
        if recent.is_empty() {
            failures.remove(name);
        }
    }
}

/// Forgets what was quiet longest, so that there is room for one more.
fn make_room<K: Hash + Eq + Clone, V>(of: &mut HashMap<K, V>, last: impl Fn(&V) -> Timestamp) {
    if of.len() >= MOST_REMEMBERED
        && let Some(quietest) = of.iter().min_by_key(|(_, value)| last(value)).map(|(key, _)| key.clone())
    {
        of.remove(&quietest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_micros(secs * 1_000_000)
    }

    fn fail(throttle: &Throttle, address: &str, account: &str, secs: i64) {
        assert!(throttle.begin(Caller::new(address, account), at(secs)).is_ok(), "{address} {account} {secs}");
    }

    fn wait(throttle: &Throttle, address: &str, account: &str, secs: i64) -> Option<u64> {
        throttle.wait(&Caller::new(address, account), at(secs)).map(Duration::as_secs)
    }

    #[test]
    fn the_sixth_attempt_waits_until_the_first_is_ten_minutes_old() {
        let throttle = Throttle::default();
        for secs in 0..5 {
            assert_eq!(wait(&throttle, "1.2.3.4", "ann", secs), None);
            fail(&throttle, "1.2.3.4", "ann", secs);
        }
        assert_eq!(wait(&throttle, "1.2.3.4", "ben", 10), Some(590));
        assert!(throttle.begin(Caller::new("1.2.3.4", "ben"), at(10)).is_err());
        assert_eq!(wait(&throttle, "5.6.7.8", "ann", 10), None);
        assert_eq!(wait(&throttle, "1.2.3.4", "ann", 600), None);
    }

    #[test]
    fn attempts_under_way_count() {
        let throttle = Throttle::default();
        let under_way: Vec<_> = (0..8).map(|_| throttle.begin(Caller::new("1.2.3.4", "ann"), at(0)).ok()).collect();
        assert_eq!(under_way.iter().flatten().count(), 5);
    }

    #[test]
    fn a_good_log_in_takes_back_only_what_its_own_account_failed() {
        let throttle = Throttle::default();
        for round in 0..5 {
            fail(&throttle, "1.2.3.4", "victim", round);
            if round < 4 {
                throttle.begin(Caller::new("1.2.3.4", "Mallory"), at(round)).ok().unwrap().succeeded(at(round));
            }
        }
        assert_eq!(wait(&throttle, "1.2.3.4", "victim", 5), Some(595));
        let throttle = Throttle::default();
        (0..4).for_each(|secs| fail(&throttle, "1.2.3.4", "ann", secs));
        throttle.begin(Caller::new("1.2.3.4", "ANN"), at(4)).ok().unwrap().succeeded(at(4));
        (5..10).for_each(|secs| fail(&throttle, "1.2.3.4", "ann", secs));
    }

    #[test]
    fn an_account_waits_for_strangers_and_not_for_who_was_there_before() {
        let throttle = Throttle::default();
        throttle.begin(Caller::new("10.0.0.1", "ann"), at(0)).ok().unwrap().succeeded(at(0));
        for guess in 0..20 {
            fail(&throttle, &format!("192.0.2.{guess}"), "ann", 1);
        }
        assert_eq!(wait(&throttle, "192.0.2.99", "ANN", 2), Some(599));
        assert_eq!(wait(&throttle, "192.0.2.99", "ben", 2), None);
        assert_eq!(wait(&throttle, "10.0.0.1", "ann", 2), None);
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let throttle = Throttle::default();
        for guess in 0..5 {
            fail(&throttle, &format!("2001:db8::{guess}"), &format!("user{guess}"), 0);
        }
        assert!(wait(&throttle, "2001:db8::ffff:1:2:3", "ann", 1).is_some());
        assert_eq!(wait(&throttle, "2001:db8:0:1::1", "ann", 1), None);
    }

    #[test]
    fn no_more_is_remembered_than_is_room_for() {
        let throttle = Throttle::default();
        for guess in 0..MOST_REMEMBERED + 10 {
            fail(&throttle, &format!("address {guess}"), &format!("account {guess}"), 0);
        }
        let counts = throttle.lock();
        assert_eq!((counts.of_address.len(), counts.at_account.len()), (MOST_REMEMBERED, MOST_REMEMBERED));
    }
}
