//! What happens when an attempt fails: retries (spec 1.4) and error boundaries (spec 1.5).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::value::{Duration, ErrorCode, StepId};

/// How the delay grows from attempt to attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// `initial × multiplier^(n−1)`.
    Exponential,
    /// `initial × n`.
    Linear,
    /// Always `initial`.
    Fixed,
}

/// Which failures are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetriedCodes {
    /// Those marked so in the table of codes: the step writes no `retry`.
    Default,
    /// The same and `TIMEOUT`: the step writes its own `retry` without `retry_on`.
    OwnPolicy,
    /// Just these: the step writes `retry_on`.
    Only(BTreeSet<ErrorCode>),
}

/// A step's retry policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Tries in all, from 1 to 100.
    pub max_attempts: u32,
    /// The delay before the second attempt.
    pub initial_delay: Duration,
    /// How the delay grows.
    pub backoff: Backoff,
    /// The factor of exponential growth, at least 1.
    pub backoff_multiplier: f64,
    /// No delay is longer; `None` where the author doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_delay: Option<Duration>,
    /// Whether each delay is varied by up to a tenth either way.
    pub jitter: bool,
    /// Which failures are retried.
    pub retried: RetriedCodes,
    /// Failures that are never retried, whatever `retried` says.
    pub no_retry_on: BTreeSet<ErrorCode>,
}

impl RetryPolicy {
    /// The most attempts that a policy may ask for.
    pub const MOST_ATTEMPTS: u32 = 100;

    /// The longest delay of the policy's own making where it does not say.
    const LONGEST_DELAY: Duration = Duration::from_secs(300);

    /// The longest pause that another side may ask for where the policy does not say.
    const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);

    /// The policy of a step that writes none, with so many attempts.
    pub fn default_with(max_attempts: u32) -> Self {
        Self {
            max_attempts,
            initial_delay: Duration::from_secs(5),
            backoff: Backoff::Exponential,
            backoff_multiplier: 2.0,
            max_delay: None,
            jitter: true,
            retried: RetriedCodes::Default,
            no_retry_on: BTreeSet::new(),
        }
    }

    /// Whether a failure with this code is tried again, attempts permitting.
    pub fn retries(&self, code: ErrorCode) -> bool {
        let listed = match &self.retried {
            RetriedCodes::Default => code.is_retried_by_default(),
            RetriedCodes::OwnPolicy => code.is_retried_by_own_policy(),
            RetriedCodes::Only(codes) => codes.contains(&code),
        };
        listed && !self.no_retry_on.contains(&code)
    }

    /// The delay after so many failed attempts (from 1), varied by `seed` where the policy asks for jitter.
    pub fn delay_after(&self, failed_attempts: u32, seed: u64) -> Duration {
        let failed = failed_attempts.max(1);
        let growth = match self.backoff {
            Backoff::Fixed => 1.0,
            Backoff::Linear => f64::from(failed),
            Backoff::Exponential => self.backoff_multiplier.powi(i32::try_from(failed - 1).unwrap_or(i32::MAX)),
        };
        let most = self.longest_delay();
        let delay = self.initial_delay.scale(growth).min(most);
        if self.jitter { delay.scale(jitter_factor(seed)).min(most) } else { delay }
    }

    /// The longest delay of the policy's own making.
    pub fn longest_delay(&self) -> Duration {
        self.max_delay.unwrap_or(Self::LONGEST_DELAY)
    }

    /// The longest time for which a retry waits because the other side asks for it.
    pub fn longest_pause(&self) -> Duration {
        self.max_delay.unwrap_or(Self::LONGEST_PAUSE)
    }
}

/// A factor between 0.9 and 1.1, spread evenly over the seeds.
#[expect(clippy::cast_precision_loss, reason = "the upper 53 bits are exact in a float")]
fn jitter_factor(seed: u64) -> f64 {
    // One round of SplitMix64, since seeds may be small consecutive numbers.
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    0.9 + 0.2 * ((mixed >> 11) as f64 / (1_u64 << 53) as f64)
}

/// What a step's final failure does (spec 1.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum OnError {
    /// The execution fails.
    FailProcess,
    /// The step counts as skipped, and what follows goes on.
    SkipStep,
    /// An error handler runs.
    GotoStep {
        /// The handler.
        target_step: StepId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(backoff: Backoff, jitter: bool) -> RetryPolicy {
        RetryPolicy { backoff, jitter, ..RetryPolicy::default_with(3) }
    }

    #[test]
    fn delays_grow_by_kind_and_are_capped() {
        let cases = [
            (Backoff::Exponential, [5, 10, 20, 40, 80, 160, 300, 300]),
            (Backoff::Linear, [5, 10, 15, 20, 25, 30, 35, 40]),
            (Backoff::Fixed, [5; 8]),
        ];
        for (backoff, seconds) in cases {
            let policy = policy(backoff, false);
            for (failed, expected) in (1_u32..).zip(seconds) {
                assert_eq!(policy.delay_after(failed, 7).as_secs(), expected, "{backoff:?} after {failed}");
            }
        }
        let endless = policy(Backoff::Exponential, false).delay_after(u32::MAX, 0);
        assert_eq!(endless.as_secs(), 300);
    }

    #[test]
    fn jitter_varies_a_delay_by_at_most_a_tenth() {
        let policy = policy(Backoff::Fixed, true);
        let delays: Vec<u64> = (0..1_000).map(|seed| policy.delay_after(1, seed).as_millis()).collect();
        assert!(delays.iter().all(|delay| (4_500..=5_500).contains(delay)));
        let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
        assert!(*least < 4_550 && *most > 5_450, "spread from {least} to {most}");
    }

    #[test]
    fn no_retry_on_wins_over_retry_on() {
        let both = BTreeSet::from([ErrorCode::Timeout]);
        let policy = RetryPolicy {
            retried: RetriedCodes::Only(BTreeSet::from([ErrorCode::Timeout, ErrorCode::AgentError])),
            no_retry_on: both,
            ..RetryPolicy::default_with(3)
        };
        assert!(policy.retries(ErrorCode::AgentError));
        assert!(!policy.retries(ErrorCode::Timeout));
        assert!(!policy.retries(ErrorCode::AgentUnavailable));
    }

    #[test]
    fn a_policy_of_ones_own_also_retries_timeouts_but_no_missing_agents() {
        let own = RetryPolicy { retried: RetriedCodes::OwnPolicy, ..RetryPolicy::default_with(3) };
        let default = RetryPolicy::default_with(3);
        assert!(own.retries(ErrorCode::Timeout) && !default.retries(ErrorCode::Timeout));
        assert!(!own.retries(ErrorCode::AgentNotFound) && !default.retries(ErrorCode::AgentNotFound));
        assert!(!own.retries(ErrorCode::ApprovalRejected));
    }
}
