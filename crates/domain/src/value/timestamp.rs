//! Points in time, kept to the microsecond.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use super::Duration;

/// A point in time: microseconds since 1970-01-01 UTC, between the years 1 and 9999.
///
/// Its text form has six digits and an explicit offset, `2026-11-21T02:57:59.880423+00:00`, as the HTTP API writes it
/// (spec 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is no point in time, or one beyond the year 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a time: a date and time with an offset such as 2026-11-21T09:30:00+01:00 is expected, up to the year 9999"
)]
pub struct TimestampError(String);

const MICROS_MIN: i64 = -62_135_596_800_000_000;
const MICROS_MAX: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// From microseconds since 1970-01-01 UTC; values outside the years 1 to 9999 become the nearest bound.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < MICROS_MIN {
            Self(MICROS_MIN)
        } else if micros > MICROS_MAX {
            Self(MICROS_MAX)
        } else {
            Self(micros)
        }
    }

    /// Microseconds since 1970-01-01 UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The time so much later, or `None` beyond the year 9999 (spec 3.4: an error, never an overflow).
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        let micros = i64::try_from(duration.as_millis()).ok()?.checked_mul(1_000)?;
        self.0.checked_add(micros).filter(|sum| *sum <= MICROS_MAX).map(Self)
    }

    /// The time so much later, at most the end of the year 9999.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        self.checked_add(duration).unwrap_or(Self(MICROS_MAX))
    }

    /// How long after `earlier` this is, rounded down to the millisecond; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from((self.0.saturating_sub(earlier.0)) / 1_000).unwrap_or(0))
    }

    /// The same for the `time` crate, in UTC.
    pub fn to_offset_date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        let micros = time.unix_timestamp_nanos().div_euclid(1_000);
        Self::from_micros(i64::try_from(micros).unwrap_or(MICROS_MAX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.to_offset_date_time();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00",
            time.year(),
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.microsecond()
        )
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        OffsetDateTime::parse(text.trim(), &Rfc3339)
            .map(|time| time.to_offset(UtcOffset::UTC).into())
            .map_err(|_| TimestampError(text.chars().take(64).collect()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_written_with_six_digits_and_an_offset() {
        let time = Timestamp::from_micros(1_795_230_000_000_423);
        assert_eq!(time.to_string(), "2026-11-21T03:00:00.000423+00:00");
        assert_eq!("2026-11-21T04:00:00.000423+01:00".parse(), Ok(time));
        assert!("2026-11-21".parse::<Timestamp>().is_err());
    }

    #[test]
    fn adding_past_the_year_9999_is_refused() {
        let end: Timestamp = "9999-12-31T23:59:59Z".parse().unwrap();
        assert!(end.checked_add(Duration::from_secs(1)).is_none());
        assert_eq!(end.saturating_add(Duration::MAX).to_string(), "9999-12-31T23:59:59.999999+00:00");
    }

    #[test]
    fn time_between_is_never_negative() {
        let (early, late) = (Timestamp::from_micros(0), Timestamp::from_micros(2_500_000));
        assert_eq!(late.since(early), Duration::from_millis(2_500));
        assert_eq!(early.since(late), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_back(micros in MICROS_MIN..=MICROS_MAX) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }
}
