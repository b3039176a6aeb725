//! Days in a time zone: those of alerts and of figures.

use jiff::{civil, tz::TimeZone};
use procession_domain::value::Timestamp;

use crate::ports::CostDay;

/// The calendar of a time zone.
#[derive(Debug, Clone)]
pub struct Calendar(TimeZone);

/// There is no such time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone: use a name such as `Europe/Berlin`, or `UTC`")]
pub struct UnknownTimeZone(String);

/// Days are counted from 1970-01-01.
const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl Calendar {
    /// The calendar of a time zone by its IANA name.
    pub fn of_zone(name: &str) -> Result<Self, UnknownTimeZone> {
        let unknown = |_| UnknownTimeZone(name.chars().take(64).collect());
        TimeZone::get(name).map(Self).map_err(unknown)
    }

    /// The day of a moment.
    pub fn day(&self, moment: Timestamp) -> CostDay {
        CostDay::new(days_of(self.0.to_datetime(clamped(moment)).date()))
    }

    /// The first moment of a day.
    pub fn first_moment(&self, day: CostDay) -> Timestamp {
        let date = date_of(day);
        let begin = self.0.to_zoned(date.to_datetime(civil::Time::midnight()));
        begin.map_or(Timestamp::from_micros(0), |begin| Timestamp::from_micros(begin.timestamp().as_microsecond()))
    }

    /// The day that a text such as `2026-11-21` names.
    pub fn day_of_text(text: &str) -> Option<CostDay> {
        text.parse::<civil::Date>().ok().map(|date| CostDay::new(days_of(date)))
    }
}

impl Default for Calendar {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl std::fmt::Display for CostDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", date_of(*self))
    }
}

fn days_of(date: civil::Date) -> i64 {
    EPOCH.until(date).map_or(0, |span| i64::from(span.get_days()))
}

fn date_of(day: CostDay) -> civil::Date {
    let span = jiff::Span::new().try_days(day.number());
    span.and_then(|span| EPOCH.checked_add(span)).unwrap_or(EPOCH)
}

fn clamped(moment: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(moment.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Timestamp {
        Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn a_moment_is_on_the_day_that_people_of_its_zone_have() {
        let (berlin, utc) = (Calendar::of_zone("Europe/Berlin").unwrap(), Calendar::default());
        let late = moment("2026-10-24T22:30:00Z");
        assert_eq!(utc.day(late).to_string(), "2026-10-24");
        assert_eq!(berlin.day(late).to_string(), "2026-10-25");
        assert_eq!(
            Calendar::of_zone("Mars/Olympus").unwrap_err().to_string().split(':').next(),
            Some("`Mars/Olympus` is not a time zone")
        );
    }

    #[test]
    fn a_day_begins_at_its_zones_midnight_also_when_clocks_change() {
        let berlin = Calendar::of_zone("Europe/Berlin").unwrap();
        let first = |text: &str| berlin.first_moment(Calendar::day_of_text(text).unwrap());
        assert_eq!(first("2026-10-25"), moment("2026-10-24T22:00:00Z"));
        assert_eq!(first("2026-10-26"), moment("2026-10-25T23:00:00Z"));
        assert_eq!(Calendar::day_of_text("2026-02-30"), None);
    }

    #[test]
    fn weeks_begin_on_monday() {
        let day = |text: &str| Calendar::day_of_text(text).unwrap();
        assert_eq!(day("2026-11-22").week().to_string(), "2026-11-16", "a sunday");
        assert_eq!(day("2026-11-23").week().to_string(), "2026-11-23", "a monday");
        assert_eq!(day("1969-12-31").week().to_string(), "1969-12-29");
    }
}
