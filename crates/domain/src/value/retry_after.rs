//! `Retry-After`: how long a server asks to be left alone, in every form in which servers write it.

use time::{
    OffsetDateTime,
    format_description::well_known::{Rfc2822, Rfc3339},
};

use super::{Duration, Timestamp};

/// Numbers from here on are no lengths of time but points in time, in seconds since 1970: a known mistake of servers.
/// This one is in 2001, and as a length 31 years.
const FIRST_POINT_IN_TIME: f64 = 1e9;
/// Numbers from here on are points in time in milliseconds; this one is in 2001 too.
const FIRST_IN_MILLISECONDS: f64 = 1e12;
/// Numbers from here on are neither.
const FIRST_ABSURD: f64 = 1e14;
/// How much of what was asked is repeated, in characters.
const SHOWN: usize = 64;

/// How long a server asks to be left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryAfter {
    delay: Duration,
    absurd: Option<String>,
}

impl RetryAfter {
    /// The longest delay that is taken at its word: a year.
    pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// Reads the value of the header: seconds, also with a fraction or a unit (`1.5`, `2s`, `1m30s`), a date in any of
    /// HTTP's three forms or of RFC 3339, or seconds since 1970. `None` for anything else.
    pub fn read(text: &str, now: Timestamp) -> Option<Self> {
        let text = text.trim();
        let delay = number(text, now).or_else(|| date(text, now).map(|date| date.since(now)))?;
        let absurd = (delay > Self::LONGEST).then(|| text.chars().filter(|c| !c.is_control()).take(SHOWN).collect());
        Some(Self { delay: delay.min(Self::LONGEST), absurd })
    }

    /// The delay: never negative, at most [`RetryAfter::LONGEST`].
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    /// What was asked for, if that is longer than [`RetryAfter::LONGEST`].
    pub fn absurd(&self) -> Option<&str> {
        self.absurd.as_deref()
    }
}

/// A delay that was not read from a header, at most [`RetryAfter::LONGEST`].
impl From<Duration> for RetryAfter {
    fn from(delay: Duration) -> Self {
        Self { delay: delay.min(Self::LONGEST), absurd: None }
    }
}

/// A number with an optional unit, or a sum of such (`1m30s`).
fn number(text: &str, now: Timestamp) -> Option<Duration> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (digits, unit) = (text[..end].trim(), text[end..].trim().to_ascii_lowercase());
    let value: Option<f64> = digits.parse().ok().filter(|value: &f64| value.is_finite());
    let millis_per_unit = match unit.as_str() {
        "" => return value.map(|value| bare(value, now)),
        "ms" | "msec" | "millisecond" | "milliseconds" => Some(1.0),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1e3),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60e3),
        "h" | "hour" | "hours" => Some(3_600e3),
        "d" | "day" | "days" => Some(86_400e3),
        _ => None,
    };
    match (value, millis_per_unit) {
        (Some(value), Some(factor)) => Some(millis(value * factor)),
        _ => text.to_ascii_lowercase().parse().ok(),
    }
}

/// A number without a unit: seconds, or a point in time.
fn bare(value: f64, now: Timestamp) -> Duration {
    if (FIRST_POINT_IN_TIME..FIRST_IN_MILLISECONDS).contains(&value) {
        since(value * 1e3, now)
    } else if (FIRST_IN_MILLISECONDS..FIRST_ABSURD).contains(&value) {
        since(value, now)
    } else {
        millis(value * 1e3)
    }
}

/// From now until so many milliseconds after 1970.
#[expect(clippy::cast_precision_loss, reason = "a float holds today's microseconds exactly enough for milliseconds")]
fn since(millis_since_1970: f64, now: Timestamp) -> Duration {
    millis(millis_since_1970 - now.as_micros() as f64 / 1e3)
}

/// So many milliseconds, rounded up; none for a negative number.
fn millis(millis: f64) -> Duration {
    Duration::from_millis(1).scale(millis.ceil())
}

/// A date: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`, or RFC 3339.
fn date(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(date) = OffsetDateTime::parse(text, &Rfc3339) {
        return Some(date.into());
    }
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    // The day's name is not needed, and is wrong at times.
    let (day, month, year, time, zone) = match words.as_slice() {
        [day, month, year, time, zone @ ..] if is_number(day) => (day, month, year, time, zone),
        [_, day, month, year, time, zone @ ..] if is_number(day) => (day, month, year, time, zone),
        [_, month, day, time, year] if is_number(year) => (day, month, year, time, [].as_slice()),
        _ => return None,
    };
    let zone = match zone {
        [] | ["UTC" | "utc" | "Z" | "z" | "gmt"] => "GMT",
        [zone] => zone,
        _ => return None,
    };
    let year = full_year(year, now)?;
    let date = OffsetDateTime::parse(&format!("{day:0>2} {month} {year:04} {time} {zone}"), &Rfc2822).ok()?;
    Some(date.into())
}

/// A year of two digits is the nearest one that is no more than 50 years away in the future (RFC 9110, 5.6.7).
fn full_year(text: &str, now: Timestamp) -> Option<i32> {
    let year: i32 = text.parse().ok()?;
    if text.len() != 2 {
        return Some(year);
    }
    let this_year = now.to_offset_date_time().year();
    let guess = this_year - this_year.rem_euclid(100) + year;
    Some(if guess > this_year + 50 { guess - 100 } else { guess })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "2026-11-21T10:00:00+00:00";

    fn read(text: &str) -> Option<RetryAfter> {
        RetryAfter::read(text, NOW.parse().unwrap())
    }

    fn delay(text: &str) -> Option<u64> {
        read(text).map(|found| found.delay().as_millis())
    }

    #[test]
    fn seconds_are_read_with_fractions_and_units() {
        for (text, millis) in [
            ("30", 30_000),
            (" 0 ", 0),
            ("1.5", 1_500),
            ("0.0001", 1),
            (".5", 500),
            ("2s", 2_000),
            ("2 s", 2_000),
            ("1.5s", 1_500),
            ("10 seconds", 10_000),
            ("250ms", 250),
            ("1m", 60_000),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("+5", 5_000),
        ] {
            assert_eq!(delay(text), Some(millis), "{text}");
        }
    }

    #[test]
    fn the_three_dates_of_http_are_read() {
        for text in [
            "Sat, 21 Nov 2026 10:01:30 GMT",
            "Saturday, 21-Nov-26 10:01:30 GMT",
            "Sat Nov 21 10:01:30 2026",
            "Mon, 21 Nov 2026 10:01:30 GMT",
            "21 Nov 2026 10:01:30 UTC",
            "Sat, 21 Nov 2026 11:01:30 +0100",
            "2026-11-21T10:01:30Z",
        ] {
            assert_eq!(delay(text), Some(90_000), "{text}");
        }
        assert_eq!(delay("Fri Nov  6 08:49:37 2026"), Some(0));
        assert_eq!(delay("Sunday, 06-Nov-94 08:49:37 GMT"), Some(0));
        assert_eq!(delay("Sat, 21 Nov 2026 09:00:00 GMT"), Some(0));
    }

    #[test]
    fn seconds_since_1970_are_points_in_time() {
        let now: Timestamp = NOW.parse().unwrap();
        let seconds = now.as_micros() / 1_000_000;
        assert_eq!(delay(&(seconds + 7).to_string()), Some(7_000));
        assert_eq!(delay(&format!("{}.5", seconds + 7)), Some(7_500));
        assert_eq!(delay(&((seconds + 7) * 1_000).to_string()), Some(7_000));
        assert_eq!(delay(&(seconds - 7).to_string()), Some(0));
    }

    #[test]
    fn nothing_is_negative_and_nothing_is_longer_than_a_year() {
        assert_eq!(delay("-5"), Some(0));
        for text in ["999999999", "99999999999", "99999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "4000d"]
        {
            let found = read(text).unwrap();
            assert_eq!((found.delay(), found.absurd()), (RetryAfter::LONGEST, Some(text)), "{text}");
        }
        assert_eq!(read("86400").unwrap().absurd(), None);
        assert_eq!(read("31536000").unwrap().absurd(), None);
    }

    #[test]
    fn anything_else_asks_for_nothing() {
        for text in ["", "soon", "1,5", "NaN", "inf", "1e400", "5 parsecs", "-", ".", "21 Nov 2026", "ä"] {
            assert_eq!(delay(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[-+.:, 0-9A-Za-zä]{0,40}") {
            if let Some(found) = read(&text) {
                prop_assert!(found.delay() <= RetryAfter::LONGEST);
            }
        }
    }
}
