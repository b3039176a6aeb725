//! How long things took, so that quantiles of any union can be told: counts by length.

use std::{collections::BTreeMap, fmt, str::FromStr};

use procession_domain::value::Duration;

/// How many counts there are from one power of two to the next.
const STEPS: u64 = 1 << STEP_BITS;

const STEP_BITS: u32 = 5;

/// Durations, counted by their length in milliseconds.
///
/// Up to 31 ms each has a count of its own; from one power of two to the next there are 32 counts, and a quantile is the
/// middle of its count's range, at most 1.6 % off. Its text is what stores keep: `12:3 80:1 `. The texts of several one
/// after the other are the text of their union.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    counts: BTreeMap<u64, u64>,
}

/// A text that holds no counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no counts of durations")]
pub struct NoDurations;

impl Durations {
    /// Counts a duration.
    pub fn add(&mut self, duration: Duration) {
        *self.counts.entry(place_of(duration.as_millis())).or_default() += 1;
    }

    /// Counts all that another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (place, count) in &other.counts {
            *self.counts.entry(*place).or_default() += count;
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The length that so large a part of them does not exceed, to 1.6 %; `None` of none.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let rank = (self.count() as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (place, count) in &self.counts {
            seen += count;
            if seen >= rank {
                let (first, width) = range_of(*place);
                return Some(Duration::from_millis(first + width / 2));
            }
        }
        None
    }
}

/// The count that a number of milliseconds belongs to.
const fn place_of(millis: u64) -> u64 {
    match millis.checked_ilog2() {
        Some(power) if power >= STEP_BITS => {
            let shift = power - STEP_BITS;
            (shift as u64 + 1) * STEPS + ((millis >> shift) & (STEPS - 1))
        }
        Some(_) | None => millis,
    }
}

/// The first number of milliseconds of a count, and how many there are in it.
const fn range_of(place: u64) -> (u64, u64) {
    let octave = place / STEPS;
    if octave == 0 {
        return (place, 1);
    }
    // Longer ones than a duration can be don't occur.
    let shift = if octave > 50 { 49 } else { octave - 1 };
    ((STEPS + place % STEPS) << shift, 1 << shift)
}

impl fmt::Display for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.iter().try_for_each(|(place, count)| write!(f, "{place}:{count} "))
    }
}

impl FromStr for Durations {
    type Err = NoDurations;

    fn from_str(text: &str) -> Result<Self, NoDurations> {
        let mut durations = Self::default();
        for pair in text.split_ascii_whitespace() {
            let (place, count) = pair.split_once(':').ok_or(NoDurations)?;
            let count: u64 = count.parse().map_err(|_| NoDurations)?;
            *durations.counts.entry(place.parse().map_err(|_| NoDurations)?).or_default() += count;
        }
        Ok(durations)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(millis: &[u64]) -> Durations {
        let mut durations = Durations::default();
        for millis in millis {
            durations.add(Duration::from_millis(*millis));
        }
        durations
    }

    #[test]
    fn of_none_there_is_no_quantile() {
        assert_eq!(Durations::default().quantile(0.5), None);
        assert_eq!("".parse(), Ok(Durations::default()));
        assert_eq!("12:x ".parse::<Durations>(), Err(NoDurations));
    }

    #[test]
    fn short_ones_are_exact() {
        let durations = counted(&[0, 1, 2, 3, 31]);
        let quantile = |part| durations.quantile(part).unwrap().as_millis();
        assert_eq!([quantile(0.0), quantile(0.5), quantile(0.95)], [0, 2, 31]);
        assert_eq!(durations.to_string(), "0:1 1:1 2:1 3:1 31:1 ");
    }

    proptest! {
        #[test]
        fn a_quantile_is_that_of_the_sorted_ones_to_a_sixtieth(
            mut millis in prop::collection::vec(0_u64..400_000_000, 1..200),
            part in 0.01_f64..1.0,
        ) {
            let told = counted(&millis).quantile(part).unwrap().as_millis();
            millis.sort_unstable();
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
            let exact = millis[((millis.len() as f64 * part).ceil() as usize).max(1) - 1];
            prop_assert!(told.abs_diff(exact) <= exact / 60 + 1, "{told} for {exact}");
        }

        #[test]
        fn texts_one_after_the_other_are_the_union(
            one in prop::collection::vec(any::<u32>(), 0..50),
            other in prop::collection::vec(any::<u32>(), 0..50),
        ) {
            let millis = |list: &[u32]| list.iter().copied().map(u64::from).collect::<Vec<_>>();
            let (one, other) = (counted(&millis(&one)), counted(&millis(&other)));
            let text = format!("{one}{other}");
            let mut merged = one;
            merged.merge(&other);
            prop_assert_eq!(text.parse::<Durations>().unwrap(), merged);
        }
    }
}
