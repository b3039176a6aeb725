//! Lengths of time, kept to the millisecond.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Decimal;

/// A length of time: whole milliseconds, never negative (spec 1.10).
///
/// Its text form is a whole number of seconds, or a sum of parts in falling order (`1d12h`, `90s`, `1h30m`); what
/// [`Display`](fmt::Display) prints parses back to the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(u64);

/// The text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It does not follow the grammar.
    #[error(
        "`{0}` is not a duration: write whole seconds (90), or parts such as 500ms, 90s, 5m, 2h, 3d, or a sum in falling order (1h30m)"
    )]
    Malformed(String),
    /// It is longer than 10,000 years.
    #[error("`{0}` is too long a duration")]
    TooLong(String),
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest duration: 10,000 years of 365 days.
    pub const MAX: Self = Self(10_000 * 365 * 86_400_000);

    /// So many milliseconds, at most [`Duration::MAX`].
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 { Self::MAX } else { Self(millis) }
    }

    /// So many seconds, at most [`Duration::MAX`].
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(1_000))
    }

    /// The length in milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The length in whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }

    /// The length in seconds.
    #[expect(clippy::cast_precision_loss, reason = "10,000 years of milliseconds lose at most a microsecond")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// The same for the standard library.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }

    /// The duration times a factor, rounded to the millisecond, at most [`Duration::MAX`]. Factors that are negative or
    /// no numbers count as 0.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float casts saturate, and both ends are wanted"
    )]
    pub fn scale(self, factor: f64) -> Self {
        Self::from_millis((self.0 as f64 * factor).round() as u64)
    }

    /// The sum, at most [`Duration::MAX`].
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::from_millis(self.0.saturating_add(other.0))
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let malformed = || DurationError::Malformed(text.chars().take(64).collect());
        let too_long = || DurationError::TooLong(text.chars().take(64).collect());
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(malformed());
        }
        // A whole number is one also with an empty fraction: programs write 5.0 for 5.
        let whole = Decimal::parse(rest).filter(Decimal::is_whole);
        if let Some(whole) = whole {
            let digits = whole.whole_digits().ok_or_else(too_long)?;
            if digits.starts_with('-') {
                return Err(malformed());
            }
            let secs: u64 = digits.parse().map_err(|_| too_long())?;
            let millis = secs.checked_mul(1_000).filter(|m| *m <= Self::MAX.0).ok_or_else(too_long)?;
            return Ok(Self(millis));
        }
        let mut total: u64 = 0;
        let mut units_left = UNITS.as_slice();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_lowercase).count();
            if digits == 0 {
                return Err(malformed());
            }
            let unit = &rest[digits..digits + letters];
            let position = units_left.iter().position(|(name, _)| *name == unit).ok_or_else(malformed)?;
            let count: u64 = rest[..digits].parse().map_err(|_| too_long())?;
            let part = count.checked_mul(units_left[position].1).ok_or_else(too_long)?;
            total = total.checked_add(part).filter(|t| *t <= Self::MAX.0).ok_or_else(too_long)?;
            units_left = &units_left[position + 1..];
            rest = rest[digits + letters..].trim_start();
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, millis) in UNITS {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Duration {
    type Error = DurationError;

    fn try_from(text: String) -> Result<Self, DurationError> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_by_their_grammar() {
        let cases = [
            ("90", 90_000),
            ("90s", 90_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("1d12h", 129_600_000),
            ("1m 30s", 90_000),
            ("0s", 0),
            ("2d3h4m5s6ms", 183_845_006),
            ("5.0", 5_000),
            ("90.", 90_000),
            ("1e3", 1_000_000),
            ("+7", 7_000),
            ("-0.0", 0),
        ];
        for (text, millis) in cases {
            assert_eq!(text.parse::<Duration>().unwrap().as_millis(), millis, "{text}");
        }
        for bad in [
            "",
            "-5s",
            "-5",
            "-5.0",
            "1.5",
            "5.0s",
            "1e-3",
            "5",
            "30m1h",
            "1h1h",
            "5 minutes",
            "1.5h",
            "h",
            "5S",
            "5sm",
            "1h30",
        ] {
            let parsed = bad.parse::<Duration>();
            assert_eq!(parsed.is_ok(), bad == "5", "{bad}: {parsed:?}");
        }
        assert!(matches!("99999999999999999999".parse::<Duration>(), Err(DurationError::TooLong(_))));
        assert!(matches!("9999999999d".parse::<Duration>(), Err(DurationError::TooLong(_))));
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_back(millis in 0..=Duration::MAX.as_millis()) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(duration.to_string().parse::<Duration>().unwrap(), duration);
        }
    }
}
