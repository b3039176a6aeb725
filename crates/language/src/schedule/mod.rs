//! Cron lines and time zones: presets, the five fields, and whether a line ever fires (spec 1.8); `due`: when it does.

use std::sync::LazyLock;

use croner::{
    Cron, Weekday,
    parser::{CronParser, Seconds, Year},
};
use jiff::tz::TimeZone;
use procession_domain::suggest::{Guesses, closest};

mod due;

pub use due::DueTimes;

/// Names for common cron lines, and the lines.
pub const PRESETS: [(&str, &str); 5] = [
    ("hourly", "0 * * * *"),
    ("daily", "0 9 * * *"),
    ("weekly", "0 9 * * 1"),
    ("weekdays", "0 9 * * 1-5"),
    ("monthly", "0 9 1 * *"),
];

/// The nicknames that cron itself knows.
const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// The last value of each field.
const LAST_OF_FIELD: [u32; 5] = [59, 23, 31, 12, 6];

/// Why a text is no schedule; each message is a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScheduleError {
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

/// The five fields that a cron line or preset stands for, their white space made single. The line has been parsed, and
/// it fires at some time.
pub fn expand(text: &str) -> Result<String, ScheduleError> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if let Some((_, line)) = PRESETS.iter().chain(&NICKNAMES).find(|(name, _)| *name == lower) {
        return Ok((*line).to_owned());
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != 5 {
        let names = PRESETS.iter().map(|(name, _)| *name);
        let meant = closest(text, names.clone()).map(str::to_owned);
        let message = format!(
            "a cron line has five fields (minute, hour, day of month, month, day of week), or is one of {}; `{text}` has {}",
            names.collect::<Vec<_>>().join(", "),
            fields.len()
        );
        return Err(ScheduleError { message, suggestion: meant });
    }
    let line =
        fields.iter().zip(LAST_OF_FIELD).map(|(field, last)| with_ends(field, last)).collect::<Vec<_>>().join(" ");
    let cron = parse(&line)?;
    if !has_a_day(&cron) {
        return Err(ScheduleError { message: format!("`{line}` never fires: there is no such day"), suggestion: None });
    }
    Ok(line)
}

/// A field in which every step that only has a beginning goes on to the end: `5/15` is `5-59/15`.
fn with_ends(field: &str, last: u32) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = field.split(',').map(|part| match part.split_once('/') {
        Some((from, step)) if is_number(from) && is_number(step) => format!("{from}-{last}/{step}"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(",")
}

/// Whether there is a day on which a line fires. Days, weekdays and leap years come together in all ways within 28 years.
fn has_a_day(cron: &Cron) -> bool {
    const FIRST_YEAR: i32 = 2000;
    // The first of January of that year was a Saturday.
    let mut weekday = 6;
    for year in FIRST_YEAR..FIRST_YEAR + 28 {
        for month in 1..=12 {
            let days = match month {
                2 if year % 4 == 0 => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let fires_on = |day: u32| {
                let weekday = Weekday::from_days_from_sunday(weekday + day - 1);
                cron.pattern.day_match(year, month, day, weekday).unwrap_or(false)
            };
            if cron.pattern.month_match(month).unwrap_or(false) && (1..=days).any(fires_on) {
                return true;
            }
            weekday += days;
        }
    }
    false
}

/// The parsed form of five cron fields. Weekdays are 0 to 7, Sunday being 0 and 7, or names; day of month and day of week
/// together mean either.
pub fn parse(line: &str) -> Result<Cron, ScheduleError> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(line).map_err(|_| ScheduleError { message: unreadable_field(parser, line), suggestion: None })
}

/// Which of the fields can't be read: the parser does not say.
fn unreadable_field(parser: CronParser, line: &str) -> String {
    let ranges = [
        ("minute", "0–59"),
        ("hour", "0–23"),
        ("day of month", "1–31"),
        ("month", "1–12, or JAN–DEC"),
        ("day of week", "0–7, or SUN–SAT"),
    ];
    for (index, (field, (name, range))) in line.split_whitespace().zip(ranges).enumerate() {
        let mut alone = ["*"; 5];
        alone[index] = field;
        if parser.parse(&alone.join(" ")).is_err() {
            return format!(
                "`{field}` is not a valid {name} ({range}); `*` is any, and `,`, `-` and `/` make lists, ranges and steps"
            );
        }
    }
    format!("`{line}` is not a cron line")
}

/// The names of the time zones that there are.
static ZONES: LazyLock<Vec<String>> =
    LazyLock::new(|| jiff::tz::db().available().map(|name| name.to_string()).collect());

/// The canonical name of an IANA time zone.
pub fn zone(name: &str) -> Result<String, ScheduleError> {
    zone_with_guesses(name, Some(&Guesses::at_most(usize::MAX)))
}

/// The same where there may be many unknown names: what is suggested takes no more than these guesses.
pub(crate) fn zone_with_guesses(name: &str, guesses: Option<&Guesses>) -> Result<String, ScheduleError> {
    let name = name.trim();
    if let Ok(zone) = TimeZone::get(name)
        && let Some(canonical) = zone.iana_name()
    {
        return Ok(canonical.to_owned());
    }
    let is_city = |zone: &&String| {
        let last_part = zone.rsplit('/').next().unwrap_or(zone);
        last_part.len() == name.len()
            && last_part.bytes().zip(name.bytes()).all(|(known, given)| {
                known.eq_ignore_ascii_case(&given) || (known == b'_' && matches!(given, b' ' | b'-'))
            })
    };
    let suggestion = guesses.and_then(|guesses| {
        let near = guesses.closest(name, ZONES.iter().map(String::as_str)).map(str::to_owned);
        near.or_else(|| ZONES.iter().find(is_city).cloned())
    });
    Err(ScheduleError {
        message: format!("`{name}` is not a time zone: write an IANA name such as Europe/Berlin or UTC"),
        suggestion,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_and_nicknames_stand_for_five_fields() {
        for (name, line) in PRESETS {
            assert_eq!(expand(name).as_deref(), Ok(line));
        }
        assert_eq!(expand(" @Daily ").as_deref(), Ok("0 0 * * *"));
        assert_eq!(expand("*/5  9-17 * * MON-FRI").as_deref(), Ok("*/5 9-17 * * MON-FRI"));
        assert_eq!(expand("0 0 * * 7").as_deref(), Ok("0 0 * * 7"));
        assert_eq!(expand("0/15,7 8/4 * * *").as_deref(), Ok("0-59/15,7 8-23/4 * * *"));
    }

    #[test]
    fn an_unreadable_line_names_its_field() {
        let cases = [
            ("61 * * * *", "`61` is not a valid minute (0–59)"),
            ("0 25 * * *", "`25` is not a valid hour (0–23)"),
            ("0 0 0 * *", "`0` is not a valid day of month (1–31)"),
            ("0 0 1 13 *", "`13` is not a valid month (1–12"),
            ("0 0 * * FOO", "`FOO` is not a valid day of week (0–7"),
            ("* * * *", "has 4"),
            ("0 0 1 1 * 2027", "has 6"),
            ("@reboot", "has 1"),
            ("0 0 31 2 *", "never fires"),
        ];
        for (line, expected) in cases {
            let error = expand(line).unwrap_err();
            assert!(error.message.contains(expected), "{line}: {error}");
        }
        assert_eq!(expand("dayly").unwrap_err().suggestion.as_deref(), Some("daily"));
    }

    #[test]
    fn time_zones_are_iana_names() {
        assert_eq!(zone("Europe/Berlin").as_deref(), Ok("Europe/Berlin"));
        assert_eq!(zone("utc").as_deref(), Ok("UTC"));
        let suggestion = |name: &str| zone(name).unwrap_err().suggestion;
        assert_eq!(suggestion("Europe/Berln").as_deref(), Some("Europe/Berlin"));
        assert_eq!(suggestion("berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(suggestion("Mars/Olympus"), None);
    }
}
