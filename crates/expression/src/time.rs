//! Texts that mean a time: for timers that wait until then (spec 1.3), and in expressions.

use jiff::{
    Span, Zoned,
    civil::{Date, DateTime, Time},
    fmt::temporal::DateTimeParser,
    tz::TimeZone,
};
use procession_domain::value::Timestamp;

const PARSER: DateTimeParser = DateTimeParser::new();

/// The time that a text means: a date and time with an offset or in the zone, a date (its midnight there), or the next
/// `HH:MM` there after `now`. Where clocks are put forward, a time that does not exist is as much later; where they are
/// put back, the first of the two counts.
pub fn time_of(text: &str, timezone: Option<&str>, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let zone = match timezone {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name.trim()).map_err(|_| format!("there is no time zone `{name}`"))?,
    };
    if let Ok(time) = PARSER.parse_timestamp(text) {
        return to_domain(time, text);
    }
    if has_offset(text) {
        return Err(not_a_time(text));
    }
    if let Ok(time) = text.parse::<Time>()
        && !text.contains('-')
        && text.contains(':')
    {
        return next(time, &zone, now, text);
    }
    let local = PARSER.parse_datetime(text).or_else(|_| PARSER.parse_date(text).map(|date| date.at(0, 0, 0, 0)));
    let local = local.map_err(|_| not_a_time(text))?;
    in_zone(local, &zone, text)
}

/// The moment that a text is if it is a full date and time with an offset, and nothing else.
pub fn moment_of(text: &str) -> Option<jiff::Timestamp> {
    let text = text.trim();
    let bytes = text.as_bytes();
    // Most texts are none, and long ones are not looked into.
    let may_be = (17..=64).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_digit)
        && (bytes.get(4), bytes.get(7), bytes.get(13)) == (Some(&b'-'), Some(&b'-'), Some(&b':'));
    if may_be { PARSER.parse_timestamp(text).ok() } else { None }
}

/// The next time of the day in a zone.
fn next(time: Time, zone: &TimeZone, now: Timestamp, text: &str) -> Result<Timestamp, String> {
    let micros = jiff::Timestamp::from_microsecond(now.as_micros()).map_err(|_| too_far(text))?;
    let mut date: Date = Zoned::new(micros, zone.clone()).date();
    for _ in 0..3 {
        let at = in_zone(date.to_datetime(time), zone, text)?;
        if at > now {
            return Ok(at);
        }
        date = date.checked_add(Span::new().days(1)).map_err(|_| too_far(text))?;
    }
    Err(too_far(text))
}

fn in_zone(local: DateTime, zone: &TimeZone, text: &str) -> Result<Timestamp, String> {
    let time = zone.to_ambiguous_zoned(local).compatible().map_err(|_| too_far(text))?;
    to_domain(time.timestamp(), text)
}

fn to_domain(time: jiff::Timestamp, text: &str) -> Result<Timestamp, String> {
    let found = Timestamp::from_micros(time.as_microsecond());
    if found.as_micros() == time.as_microsecond() { Ok(found) } else { Err(too_far(text)) }
}

/// Whether an offset follows the time of the day.
fn has_offset(text: &str) -> bool {
    let time = text.split_once(['T', 't', ' ']).map_or("", |(_, time)| time);
    time.contains(['+', '-', 'Z', 'z', '['])
}

fn not_a_time(text: &str) -> String {
    let shown: String = text.chars().take(64).collect();
    format!(
        "`{shown}` is no time: a date and time such as 2026-11-21T09:30 (with an offset such as +01:00, or in the time \
         zone), a date such as 2026-11-21, or a time of the day such as 09:30 is expected"
    )
}

fn too_far(text: &str) -> String {
    let shown: String = text.chars().take(64).collect();
    format!("`{shown}` is beyond the year 9999")
}
