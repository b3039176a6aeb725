//! Numbers that look random and are the same for the same seed.

use std::io::Write;

use fastrand::Rng;

/// Dice with the seed in `PROCESSION_SEED`, or else the test's own. The seed is told, so that a failure can be repeated.
pub fn dice(test: &str, own: u64) -> Rng {
    let seed = std::env::var("PROCESSION_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(own);
    writeln!(std::io::stderr(), "{test}: PROCESSION_SEED={seed}").unwrap();
    Rng::with_seed(seed)
}
