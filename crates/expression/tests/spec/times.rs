//! Spec 1.3: the times that a timer's text means.

use procession_domain::expressions::Expressions;

use crate::support::{condition_error, evaluator, holds, now, text};

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

/// Each of these is true. Now is 2026-11-21T09:30:00Z.
const TRUE: &[&str] = &[
    // The same moment, written in other ways.
    "'2026-11-30T10:00:00Z' == '2026-11-30T11:00:00+01:00'",
    "'2026-11-30T10:00:00Z' == '2026-11-30 10:00:00.000+00:00'",
    "'2026-11-30T10:00Z' in ['x', '2026-11-30T10:00:00+00:00']",
    "not ('2026-11-30T10:00:00Z' != '2026-11-30T10:00:00.000000+00:00')",
    // Earlier and later, whatever the letters say.
    "'2026-11-21T20:30:00+12:00' < now()",
    "'2026-11-20T23:30:00-11:00' > now()",
    "'2026-11-21T09:30:00Z' <= now() and '2026-11-21T09:30:00Z' >= now()",
    // Other texts compare as texts: without an offset nobody knows the moment.
    "'2026-11-21T10:00:00' != '2026-11-21T10:00:00Z'",
    "'2026-11-21' < '2026-11-22'",
    "'2026-11-21T10:00:00Z and more' != '2026-11-21T10:00:00+00:00 and more'",
    // `time` reads what is written in other ways, and gives nothing of nothing.
    "time('2026-11-21 10:30', 'Europe/Berlin') == now()",
    "time('2026-11-21 10:30', timezone='Europe/Berlin') == now()",
    "time('2026-11-21') < now()",
    "time(input.missing) == none",
    "not (time(input.missing) < now())",
    // Durations.
    "now() - '1h' == '2026-11-21T08:30:00Z'",
    "now() + '1d2h' == '2026-11-22T11:30:00Z'",
    "'90m' + now() == '2026-11-21T11:00:00Z'",
    "now() + 60 == '2026-11-21T09:31:00Z'",
    "now() - 0.5 == '2026-11-21T09:29:59.500Z'",
    "time('2026-11-21T10:00:00Z') - now() == 1800",
    "now() - '2026-11-21T10:00:00+00:00' == -1800",
    "now() - '2026-11-21T09:29:58.5Z' == 1.5",
    "'2026-11-21T08:00:00Z' < now() - '1h' and now() - '1h' < '2026-11-21T09:00:00Z'",
    // What is no time is joined as ever.
    "'1h' + '2m' == '1h2m'",
    "now() + ' UTC' == now() ~ ' UTC'",
];

#[test]
fn points_in_time_compare_as_moments_and_take_durations() {
    for condition in TRUE {
        assert!(holds(condition), "{condition}");
        if !condition.contains("missing") {
            assert_eq!(text(&format!("{{{{ {condition} }}}}")), "true", "{condition} in a text");
        }
    }
}

#[test]
fn what_can_not_be_calculated_with_times_is_an_error() {
    let cases = [
        ("time('soon') < now()", "the text is no time"),
        ("time('2026-11-21 10:30', 'Mars') < now()", "no such time zone"),
        ("time() < now()", "takes a text"),
        ("now() - 'soon' > 0", "does not go with"),
        ("now() + '365000000d' > now()", "beyond the years"),
    ];
    for (condition, words) in cases {
        let error = condition_error(condition);
        assert!(error.contains(words), "{condition}: {error}");
    }
}
