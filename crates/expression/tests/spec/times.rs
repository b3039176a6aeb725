//! Spec 1.3: the times that a timer's text means.

use procession_domain::expressions::Expressions;

use crate::support::{evaluator, now};

const BERLIN: Option<&str> = Some("Europe/Berlin");

#[test]
fn texts_mean_these_times() {
    // Now is 2026-11-21T09:30:00Z, 10:30 in Berlin.
    let cases = [
        ("2026-12-01T10:00:00Z", None, "2026-12-01T10:00:00"),
        ("2026-12-01T10:00:00+02:00", BERLIN, "2026-12-01T08:00:00"),
        ("2026-12-01T10:00:00.250Z", None, "2026-12-01T10:00:00.250"),
        ("2026-12-01 10:00+02:00", None, "2026-12-01T08:00:00"),
        ("2026-12-01T10:00-05:00", None, "2026-12-01T15:00:00"),
        ("2026-12-01T10:00Z", None, "2026-12-01T10:00:00"),
        ("2026-12-01T10:00:30", None, "2026-12-01T10:00:30"),
        ("2026-12-01 10:00", None, "2026-12-01T10:00:00"),
        ("2026-12-01 10:00", BERLIN, "2026-12-01T09:00:00"),
        ("2026-07-01T10:00", BERLIN, "2026-07-01T08:00:00"),
        ("  2026-12-01 10:00 \n", None, "2026-12-01T10:00:00"),
        // A date is its midnight.
        ("2026-12-01", None, "2026-12-01T00:00:00"),
        ("2026-12-01", BERLIN, "2026-11-30T23:00:00"),
        // The next such time of the day, strictly after now.
        ("09:31", None, "2026-11-21T09:31:00"),
        ("09:30", None, "2026-11-22T09:30:00"),
        ("09:00", None, "2026-11-22T09:00:00"),
        ("10:31", BERLIN, "2026-11-21T09:31:00"),
        ("10:30", BERLIN, "2026-11-22T09:30:00"),
        ("00:15", Some("Pacific/Auckland"), "2026-11-21T11:15:00"),
        ("23:59:59", None, "2026-11-21T23:59:59"),
        // Clocks put forward: 02:30 does not exist and is 03:30. Put back: 02:30 is the first one.
        ("2026-03-29 02:30", BERLIN, "2026-03-29T01:30:00"),
        ("2026-10-25 02:30", BERLIN, "2026-10-25T00:30:00"),
        // The past is a time too.
        ("2020-01-01", None, "2020-01-01T00:00:00"),
    ];
    for (text, zone, expected) in cases {
        let time = evaluator().time_of(text, zone, now()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let expected = format!("{expected}Z").parse().unwrap();
        assert_eq!(time, expected, "{text} in {zone:?}");
    }
}

#[test]
fn the_next_time_of_the_day_lies_across_a_change_of_clocks() {
    let evening = "2026-03-28T20:00:00Z".parse().unwrap();
    let time = evaluator().time_of("02:30", BERLIN, evening).unwrap();
    assert_eq!(time, "2026-03-29T01:30:00Z".parse().unwrap());
    let between_the_two = "2026-10-25T00:45:00Z".parse().unwrap();
    let time = evaluator().time_of("02:30", BERLIN, between_the_two).unwrap();
    assert_eq!(time, "2026-10-26T01:30:00Z".parse().unwrap());
}

#[test]
fn other_texts_are_refused_with_a_sentence() {
    let expected = "is no time: a date and time such as 2026-11-21T09:30 (with an offset such as +01:00, or in the time \
                    zone), a date such as 2026-11-21, or a time of the day such as 09:30 is expected";
    for text in
        ["", "tomorrow", "2026-13-01", "2026-02-30", "25:00", "9", "2026-12-01T25:00", "2026-12-01T10:00+99:00", "1h"]
    {
        let error = evaluator().time_of(text, None, now()).unwrap_err();
        assert_eq!(error, format!("`{text}` {expected}"), "{text}");
    }
    let error = evaluator().time_of("09:30", Some("Europe/Atlantis"), now()).unwrap_err();
    assert_eq!(error, "there is no time zone `Europe/Atlantis`");
    let error = evaluator().time_of("9999-12-31T23:59", Some("America/New_York"), now()).unwrap_err();
    assert_eq!(error, "`9999-12-31T23:59` is beyond the year 9999");
}
