//! Durations in the spellings of other tools, and what they are here: `5min`, `2 weeks`, `1.5h`, `PT5M`, `00:05:00`.

use procession_domain::value::Duration;

/// Units by their names, with their milliseconds. Months and years differ in length, so they mean nothing certain.
const UNITS: [(&[&str], f64); 6] = [
    (&["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"], 1.0),
    (&["s", "sec", "secs", "second", "seconds"], 1_000.0),
    (&["m", "min", "mins", "minute", "minutes"], 60_000.0),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600_000.0),
    (&["d", "day", "days"], 86_400_000.0),
    (&["w", "wk", "wks", "week", "weeks"], 604_800_000.0),
];

/// The duration that a text probably means that is none here.
pub(super) fn meant(text: &str) -> Option<Duration> {
    let lower = text.trim().to_lowercase();
    let millis = iso(&lower).or_else(|| clock(&lower)).or_else(|| sum(&lower))?;
    // What has parts of a millisecond is none that could be written.
    let whole = millis.round();
    if !(0.0..=1e15).contains(&millis) || (millis - whole).abs() > 1e-6 {
        return None;
    }
    whole.to_string().parse().ok().map(Duration::from_millis)
}

/// Numbers with units, in any order, with anything usual between them.
fn sum(text: &str) -> Option<f64> {
    let (mut rest, mut millis) = (text, 0.0);
    let mut parts = 0;
    loop {
        rest = rest.trim_start_matches([' ', ',', '+', '_']);
        rest = rest.strip_prefix("and ").or_else(|| rest.strip_prefix("& ")).unwrap_or(rest).trim_start();
        if rest.is_empty() {
            return (parts > 0).then_some(millis);
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start_matches([' ', '-', '_']);
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (_, unit) = UNITS.iter().find(|(names, _)| names.contains(&&rest[..letters]))?;
        millis += number * unit;
        rest = rest[letters..].strip_prefix('.').unwrap_or(&rest[letters..]);
        parts += 1;
    }
}

/// `PT5M`, `P1DT2H`, `P2W`.
fn iso(text: &str) -> Option<f64> {
    let (days, time) = text.strip_prefix('p').map(|rest| rest.split_once('t').unwrap_or((rest, "")))?;
    // A month looks like a minute, and only the place tells them apart.
    if days.contains(['m', 'y']) {
        return None;
    }
    sum(&format!("{days} {time}"))
}

/// `00:05:00` and, with hours and minutes alone, `1:30`.
fn clock(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_number = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let [hours, minutes, seconds] = parts.as_slice() else { return None };
    if ![hours, minutes, seconds].into_iter().all(is_number) {
        return None;
    }
    let number = |part: &str| part.parse::<f64>().ok();
    Some((number(hours)? * 60.0 + number(minutes)?) * 60_000.0 + number(seconds)? * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_other_tools_are_understood() {
        let cases = [
            ("5min", "5m"),
            ("5 minutes", "5m"),
            ("5M", "5m"),
            ("2w", "14d"),
            ("2 Weeks", "14d"),
            ("1.5h", "1h30m"),
            ("0.5s", "500ms"),
            (".5h", "30m"),
            ("30m1h", "1h30m"),
            ("1h, 30min", "1h30m"),
            ("1 hour and 30 minutes", "1h30m"),
            ("90sec.", "1m30s"),
            ("PT5M", "5m"),
            ("P1DT2H", "1d2h"),
            ("P2W", "14d"),
            ("00:05:00", "5m"),
            ("01:30:15", "1h30m15s"),
            ("1d-", ""),
            ("P1M", ""),
            ("1 month", ""),
            ("soon", ""),
            ("5", ""),
            ("-5m", ""),
            ("1:30", ""),
            ("", ""),
            ("1.0001ms", ""),
            ("9e99d", ""),
        ];
        for (text, expected) in cases {
            let found = meant(text).map_or_else(String::new, |duration| duration.to_string());
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
