//! Who was first how often, and the lags that keep a race open.

use std::io::Write;

use fastrand::Rng;

use crate::dice::dice;

/// How often each side must have been first.
const AT_LEAST: usize = 50;

/// The widest lag, in turns of the scheduler.
const WIDEST: u64 = 1 << 15;

/// The score of a race between two sides.
pub struct Tally {
    sides: [&'static str; 2],
    wins: [usize; 2],
    batch: [usize; 2],
    /// How long each side waits at most before it begins, in turns of the scheduler.
    lags: [u64; 2],
    dice: Rng,
}

impl Tally {
    /// A race between these.
    pub fn between(first: &'static str, second: &'static str, seed: u64) -> Self {
        let dice = dice(&format!("{first} against {second}"), seed);
        Self { sides: [first, second], wins: [0; 2], batch: [0; 2], lags: [16; 2], dice }
    }

    /// How long the first side waits this time.
    pub fn first_lag(&mut self) -> u64 {
        self.dice.u64(0..=self.lags[0])
    }

    /// How long the second side waits this time.
    pub fn second_lag(&mut self) -> u64 {
        self.dice.u64(0..=self.lags[1])
    }

    /// Notes who was first.
    pub fn note(&mut self, first_won: bool) {
        let side = usize::from(!first_won);
        self.wins[side] += 1;
        self.batch[side] += 1;
    }

    /// After some races: a side that wins more than two of three waits longer from now on.
    pub fn steer(&mut self) {
        let total = self.batch[0] + self.batch[1];
        for (side, other) in [(0, 1), (1, 0)] {
            if self.batch[side] * 3 > total * 2 {
                if self.lags[other] > 16 {
                    self.lags[other] /= 2;
                } else {
                    self.lags[side] = (self.lags[side] * 2).min(WIDEST);
                }
            }
        }
        self.batch = [0; 2];
    }

    /// Both orders have really occurred.
    pub fn check(&self, races: usize) {
        let [first, second] = self.wins;
        assert_eq!(first + second, races);
        let [one, other] = self.sides;
        let score = format!("{one} was first {first} times, {other} {second} times (lags {:?})", self.lags);
        assert!(first >= AT_LEAST && second >= AT_LEAST, "{score}");
        writeln!(std::io::stderr(), "{score}").unwrap();
    }
}

/// Does something after some turns of the scheduler.
pub async fn after<T>(lag: u64, act: impl Future<Output = T>) -> T {
    for _ in 0..lag {
        tokio::task::yield_now().await;
    }
    act.await
}
