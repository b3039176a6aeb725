//! What executions add up to, and what is told of it.

use procession_domain::value::{Cost, Currency, Duration, Money};

use super::Durations;

/// What executions add up to. Sums of several groups are those of their union.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSums {
    /// How many ended well.
    pub completed: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were cancelled.
    pub cancelled: u64,
    /// How many have not ended.
    pub running: u64,
    /// How long completed ones took together, in microseconds.
    pub took: u64,
    /// How much of that agents, messages and sub-processes were at work, in microseconds; the rest is waiting.
    pub working: u64,
    /// How long the quickest of them took.
    pub took_least: Option<Duration>,
    /// How long the slowest of them took.
    pub took_most: Option<Duration>,
    /// How long each of them took.
    pub durations: Durations,
    /// What all have cost so far, in 10⁻⁹ units: sub-processes included where executions of one process are counted, or
    /// executions are told apart by process; else each call once.
    pub cost: i64,
    /// What those have cost that have ended, in the same way.
    pub ended_cost: i64,
    /// What the cheapest of those cost, sub-processes included.
    pub cost_least: Option<i64>,
    /// What the most expensive of those cost, sub-processes included.
    pub cost_most: Option<i64>,
    /// How many have cost something that is not known.
    pub incomplete: u64,
    /// Tokens read, those from and for caches included.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// The currency of the costs.
    pub currency: Currency,
}

impl RunSums {
    /// Those of nothing.
    pub fn none(currency: Currency) -> Self {
        Self {
            completed: 0,
            failed: 0,
            cancelled: 0,
            running: 0,
            took: 0,
            working: 0,
            took_least: None,
            took_most: None,
            durations: Durations::default(),
            cost: 0,
            ended_cost: 0,
            cost_least: None,
            cost_most: None,
            incomplete: 0,
            input_tokens: 0,
            output_tokens: 0,
            currency,
        }
    }

    /// Adds those of other executions.
    pub fn add(&mut self, other: &Self) {
        self.completed += other.completed;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.running += other.running;
        self.took = self.took.saturating_add(other.took);
        self.working = self.working.saturating_add(other.working);
        self.took_least = [self.took_least, other.took_least].into_iter().flatten().min();
        self.took_most = self.took_most.max(other.took_most);
        self.durations.merge(&other.durations);
        self.cost = self.cost.saturating_add(other.cost);
        self.ended_cost = self.ended_cost.saturating_add(other.ended_cost);
        self.cost_least = [self.cost_least, other.cost_least].into_iter().flatten().min();
        self.cost_most = self.cost_most.max(other.cost_most);
        self.incomplete += other.incomplete;
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }

    /// How many there are.
    pub const fn executions(&self) -> u64 {
        self.ended() + self.running
    }

    /// How many have ended.
    pub const fn ended(&self) -> u64 {
        self.completed + self.failed + self.cancelled
    }

    /// How many of a hundred that ended well or failed have ended well, to one decimal; 0 if there are none.
    #[expect(clippy::cast_precision_loss, reason = "a share to one decimal")]
    pub fn success_rate(&self) -> f64 {
        let decided = self.completed + self.failed;
        if decided == 0 { 0.0 } else { (self.completed as f64 / decided as f64 * 1_000.0).round() / 10.0 }
    }

    /// What all have cost so far.
    pub const fn total_cost(&self) -> Cost {
        self.cost_of(self.cost)
    }

    /// What one that has ended cost on average; `None` if none has.
    pub fn average_cost(&self) -> Option<Cost> {
        let ended = i64::try_from(self.ended()).ok().filter(|ended| *ended > 0)?;
        Some(self.cost_of(rounded_share(self.ended_cost, ended)))
    }

    /// An amount of these costs.
    pub const fn cost_of(&self, nanos: i64) -> Cost {
        Cost { amount: Money::from_nanos(nanos, self.currency), complete: self.incomplete == 0 }
    }

    /// How long a completed one took on average; `None` if none has completed.
    pub fn average(&self) -> Option<Duration> {
        self.per_completed(self.took)
    }

    /// How long agents, messages and sub-processes were at work in a completed one on average.
    pub fn average_working(&self) -> Option<Duration> {
        self.per_completed(self.working)
    }

    /// How long a completed one waited on average: for people, times, and places in queues.
    pub fn average_waiting(&self) -> Option<Duration> {
        self.per_completed(self.took.saturating_sub(self.working))
    }

    /// How long so large a part of the completed ones took at most, to 1.6 %; `None` if none has completed.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let told = self.durations.quantile(part)?;
        let (least, most) = (self.took_least.unwrap_or(told), self.took_most.unwrap_or(told));
        Some(told.max(least).min(most))
    }

    fn per_completed(&self, micros: u64) -> Option<Duration> {
        (self.completed > 0).then(|| Duration::from_millis((micros / self.completed + 500) / 1_000))
    }
}

/// A share of an amount, rounded to the nearest.
fn rounded_share(amount: i64, parts: i64) -> i64 {
    amount.saturating_add(parts / 2).div_euclid(parts)
}
