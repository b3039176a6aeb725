//! Where clocks are put forward or back: what users of other schedulers found wrong, and the rules of spec 1.8.

use indexmap::IndexMap;
use procession_domain::{
    definition::{Misfire, Overlap},
    value::Duration,
};

use super::{super::expand, *};

fn due(line: &str, zone: &str) -> DueTimes {
    due_by(line, zone, true, false)
}

fn due_by(line: &str, zone: &str, shift_missing: bool, fire_repeated_twice: bool) -> DueTimes {
    let schedule = Schedule {
        cron: line.to_owned(),
        cron_expression: expand(line).unwrap(),
        timezone: zone.to_owned(),
        input: IndexMap::new(),
        misfire: Misfire::FireOnce,
        misfire_grace: Duration::ZERO,
        overlap: Overlap::Allow,
        shift_missing,
        fire_repeated_twice,
        jitter: Duration::ZERO,
    };
    DueTimes::of(&schedule).unwrap()
}

fn at(text: &str) -> Moment {
    text.parse().unwrap()
}

/// Due times as clocks of the zone show them, with their offset.
fn shown(due: &DueTimes, after: &str, count: usize) -> Vec<String> {
    let local = |time: Moment| {
        let zoned = instant(time).unwrap().to_zoned(due.zone.clone());
        zoned.strftime("%Y-%m-%dT%H:%M%:z").to_string()
    };
    due.following(at(after), count).into_iter().map(local).collect()
}

#[test]
fn where_clocks_change_a_schedule_goes_on_as_its_line_says() {
    let cases: [(&str, &str, &str, &[&str]); 17] = [
        // A daily line goes on after the night in which clocks were put forward.
        ("0 0 * * *", "US/Pacific", "2022-03-12T12:00:00-08:00", &["2022-03-13T00:00-08:00", "2022-03-14T00:00-07:00"]),
        // No weekday is skipped.
        (
            "0 0 * * 0-4",
            "US/Central",
            "2021-03-12T00:00:00-06:00",
            &["2021-03-14T00:00-06:00", "2021-03-15T00:00-05:00", "2021-03-16T00:00-05:00", "2021-03-17T00:00-05:00"],
        ),
        (
            "0 */2 * * *",
            "Europe/Berlin",
            "2024-10-27T00:30:00+02:00",
            &["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00", "2024-10-27T04:00+01:00"],
        ),
        ("0 2 * * *", "US/Eastern", "2013-03-10T00:00:00-05:00", &["2013-03-10T03:00-04:00", "2013-03-11T02:00-04:00"]),
        (
            "0 2 * * *",
            "America/New_York",
            "2025-03-09T01:30:00-05:00",
            &["2025-03-09T03:00-04:00", "2025-03-10T02:00-04:00"],
        ),
        (
            "* * * * *",
            "America/New_York",
            "2026-03-08T06:58:00Z",
            &["2026-03-08T01:59-05:00", "2026-03-08T03:00-04:00", "2026-03-08T03:01-04:00"],
        ),
        (
            "0/15 * * * *",
            "Europe/Berlin",
            "2017-10-29T02:30:00+02:00",
            &["2017-10-29T02:45+02:00", "2017-10-29T02:00+01:00", "2017-10-29T02:15+01:00"],
        ),
        // A time of day that comes twice fires once, the first time.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00+02:00",
            &["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        // Gaps at midnight.
        (
            "0 0 * * *",
            "Asia/Beirut",
            "2023-03-25T12:00:00+02:00",
            &["2023-03-26T01:00+03:00", "2023-03-27T00:00+03:00"],
        ),
        (
            "0 0 * * *",
            "Africa/Cairo",
            "2024-04-25T12:00:00+02:00",
            &["2024-04-26T01:00+03:00", "2024-04-27T00:00+03:00"],
        ),
        // A gap of two hours, one of half an hour, and one of a day.
        (
            "30 2 * * *",
            "Antarctica/Troll",
            "2026-03-28T12:00:00+00:00",
            &["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
        ),
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T12:00:00+10:30",
            &["2026-10-04T02:30+11:00", "2026-10-05T02:15+11:00"],
        ),
        (
            "0 9 * * *",
            "Pacific/Apia",
            "2011-12-29T12:00:00-10:00",
            &["2011-12-31T00:00+14:00", "2011-12-31T09:00+14:00"],
        ),
        // Two times of day that lead to the end of a gap are one due time.
        (
            "0,30 2,3 * * *",
            "Europe/Berlin",
            "2026-03-29T01:00:00+01:00",
            &["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"],
        ),
        // Midnight comes twice.
        (
            "30 23 * * *",
            "America/Sao_Paulo",
            "2018-02-17T12:00:00-02:00",
            &["2018-02-17T23:30-02:00", "2018-02-18T23:30-03:00"],
        ),
        ("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", &["2104-02-29T00:00+00:00"]),
        ("0 0 13 * 5", "UTC", "2026-03-01T00:00:00Z", &["2026-03-06T00:00+00:00", "2026-03-13T00:00+00:00"]),
    ];
    for (line, zone, after, expected) in cases {
        assert_eq!(shown(&due(line, zone), after, expected.len()), expected, "{line} in {zone}");
    }
}

#[test]
fn every_minute_comes_once_in_an_hour_that_comes_twice() {
    let minutes = due("* * * * *", "Europe/Vienna").following(at("2026-10-24T22:00:00Z"), 300);
    let steps = minutes.windows(2).map(|pair| pair[1].as_micros() - pair[0].as_micros());
    assert!(steps.into_iter().all(|step| step == 60_000_000));
}

#[test]
fn times_of_day_are_skipped_and_repeated_where_the_author_says_so() {
    let skipping = due_by("30 2 * * *", "Europe/Berlin", false, false);
    let expected = ["2026-03-28T02:30+01:00", "2026-03-30T02:30+02:00"];
    assert_eq!(shown(&skipping, "2026-03-28T00:00:00+01:00", 2), expected);
    let repeating = due_by("30 2 * * *", "Europe/Berlin", true, true);
    let expected = ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-26T02:30+01:00"];
    assert_eq!(shown(&repeating, "2026-10-25T00:00:00+02:00", 3), expected);
    // What goes by elapsed time does not ask.
    let hourly = due_by("30 * * * *", "Europe/Berlin", true, false);
    let expected = ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00"];
    assert_eq!(shown(&hourly, "2026-10-25T02:00:00+02:00", 3), expected);
}

#[test]
fn due_times_of_the_past_are_counted_and_the_last_ones_told() {
    let hourly = due("0 * * * *", "Europe/Berlin");
    let (from, until) = (at("2026-10-24T00:00:00Z"), at("2026-10-26T00:00:00Z"));
    assert_eq!(hourly.count(from, until, 1_000), 48);
    assert_eq!(hourly.count(from, until, 10), 10);
    assert_eq!(hourly.count(until, from, 10), 0);
    let last = hourly.latest(from, until, 3);
    assert_eq!(last, ["2026-10-25T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-26T00:00:00Z"].map(at));
    assert_eq!(hourly.latest(from, until, 100), hourly.following(from, 48));
    assert_eq!(hourly.latest(from, from, 3), []);
    let daily = due("30 2 * * *", "Europe/Berlin");
    assert_eq!(daily.count(at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z"), 1_000), 31);
}

#[test]
fn a_due_time_is_never_the_moment_it_is_asked_after() {
    let daily = due("0 12 * * *", "UTC");
    assert_eq!(daily.next_after(at("2026-01-01T12:00:00Z")), Some(at("2026-01-02T12:00:00Z")));
    assert_eq!(daily.next_after(at("2026-01-01T11:59:59.999999Z")), Some(at("2026-01-01T12:00:00Z")));
    assert_eq!(daily.next_after(at("9999-12-31T23:59:59Z")), None);
}
