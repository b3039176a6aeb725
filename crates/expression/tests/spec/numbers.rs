//! Numbers never lose digits: they are exact, or refused with a sentence.

use procession_domain::{
    definition::{Condition, Template, UndefinedRule},
    expressions::{Expressions, Scope},
    value::{Json, json::parse_exact},
};
use procession_expression::{Evaluator, Names, check_condition, check_template};
use serde_json::json;

use crate::support::scope_with;

/// What came in as JSON with numbers that 64 bits can't hold.
fn scope() -> Scope {
    let input = r#"{
        "long": 12345678901234567890123, "next": 12345678901234567890124, "low": -12345678901234567890123,
        "longer": 123456789012345678901234567890123456789012345, "same_text": "12345678901234567890123",
        "edge": 18446744073709551615, "beyond": 18446744073709551616, "safe": 9007199254740992, "odd": 9007199254740993,
        "small": 5, "half": 0.5, "list": [1, 12345678901234567890123], "words": "twelve"
    }"#;
    scope_with(parse_exact(input).unwrap())
}

fn decided(condition: &str) -> Result<bool, String> {
    let condition = Condition { text: condition.into(), line: 0 };
    let decided = Evaluator::new(Names::default()).condition(&condition, &scope());
    decided.map(|evaluation| evaluation.result).map_err(|error| error.to_string())
}

fn value(template: &str) -> Result<Json, String> {
    let template = Template::unplaced(template);
    let expanded = Evaluator::new(Names::default()).value(&template, &scope(), UndefinedRule::Error);
    expanded.map(|expanded| expanded.value).map_err(|error| error.to_string())
}

#[test]
fn numbers_of_any_length_compare_by_their_digits() {
    for condition in [
        "input.long != input.next",
        "input.long < input.next",
        "input.low < input.long",
        "input.next > input.long",
        "input.low < 5",
        "input.long > input.edge",
        "input.beyond > input.edge",
        "input.edge < input.beyond",
        "input.longer > input.long",
        "input.long == input.same_text",
        "input.long == 12345678901234567890123",
        "input.long == \"12345678901234567890123\"",
        "12345678901234567890124 == input.next",
        "input.long != 12345678901234567890124",
        "input.long < 12345678901234567890123.5",
        "input.longer == \"123456789012345678901234567890123456789012345\"",
        "input.odd != input.safe",
        "input.odd > 9007199254740992.0",
        "input.odd != 9007199254740992.0",
        "\"9007199254740993\" == input.odd",
        "\"9007199254740993\" != input.safe",
        "\"9007199254740992.5\" > input.safe",
        "\"5.0\" == input.small",
        "\"0.50\" == input.half",
        "input.half < \"0.50000000000000000001\"",
        "1e23 == \"100000000000000000000000\"",
        "input.long in input.list",
        "12345678901234567890123 in input.list",
        "input.next not in input.list",
        "\"9\" < input.long",
        "not (input.words < input.small)",
        "input.words > input.long",
        "input.long > input.half",
    ] {
        assert_eq!(decided(condition), Ok(true), "{condition}");
    }
}

#[test]
fn they_compare_likewise_in_texts() {
    for (template, expected) in [
        ("{{ input.long == 12345678901234567890123 }}", "true"),
        ("{{ input.long == input.next }}", "false"),
        ("{{ input.long < input.next }}", "true"),
        ("{{ input.long > 5 }}", "true"),
        ("{{ input.low > 5 }}", "false"),
        ("{{ input.small == '5' }}", "false"),
    ] {
        assert_eq!(value(&format!("{template} ")), Ok(json!(expected == "true")), "{template}");
    }
}

#[test]
fn numbers_of_any_length_are_handed_on_and_printed_as_they_came() {
    for (template, expected) in [
        ("{{ input.long }}", json!("12345678901234567890123")),
        ("id {{ input.long }}", json!("id 12345678901234567890123")),
        ("{{ input.longer }}", json!("123456789012345678901234567890123456789012345")),
        ("{{ input.edge }}", json!(u64::MAX)),
        ("{{ 12345678901234567890123 }}", json!("12345678901234567890123")),
        ("n {{ 12345678901234567890123 }}", json!("n 12345678901234567890123")),
        ("{{ [12345678901234567890123, 1] }}", json!(["12345678901234567890123", 1])),
        ("{{ input.odd }}", json!(9_007_199_254_740_993_i64)),
        ("{{ input.list }}", json!([1, "12345678901234567890123"])),
    ] {
        assert_eq!(value(template), Ok(expected), "{template}");
    }
}

#[test]
fn arithmetic_is_exact_or_refused() {
    for (template, expected) in [
        ("{{ input.long + 1 }}", json!("12345678901234567890124")),
        ("{{ 1 + input.long }}", json!("12345678901234567890124")),
        ("{{ input.next - input.long }}", json!(1)),
        ("{{ input.long * 2 }}", json!("24691357802469135780246")),
        ("{{ -input.long }}", json!("-12345678901234567890123")),
        ("{{ input.long // 1000 }}", json!(12_345_678_901_234_567_890_u64)),
        ("{{ input.long % 1000 }}", json!(123)),
        ("{{ input.next / 2 }}", json!("6172839450617283945062")),
        ("{{ input.edge + 1 }}", json!("18446744073709551616")),
        ("{{ input.beyond - 1 }}", json!(u64::MAX)),
        ("{{ 2 ** 70 }}", json!("1180591620717411303424")),
        ("{{ input.list | sum }}", json!("12345678901234567890124")),
        ("{{ input.long | int + 0 }}", json!("12345678901234567890123")),
        ("{{ input.long | int + input.next | int }}", json!("24691357802469135780247")),
        ("{{ '12345678901234567890123.9' | int }}", json!("12345678901234567890123")),
        ("{{ 'ab' + input.long }}", json!("ab12345678901234567890123")),
        ("{{ input.long ~ input.next }}", json!("1234567890123456789012312345678901234567890124")),
        ("{{ 6 / 4 }}", json!(1.5)),
        ("{{ 6 / 3 }}", json!(2.0)),
    ] {
        assert_eq!(value(template), Ok(expected), "{template}");
    }
    for (template, reason) in [
        ("{{ input.long + input.next }}", "write `a | int + b | int` to add them"),
        ("{{ input.long + 0.5 }}", "would lose digits"),
        ("{{ input.long / 2 }}", "would lose digits"),
        ("{{ input.odd + 0.5 }}", "would lose digits"),
        ("{{ input.odd / 2 }}", "would lose digits"),
        ("{{ input.longer + 1 }}", "too many digits"),
        ("{{ input.longer | int }}", "too many digits"),
        ("{{ 2 ** 200 }}", "too large"),
        ("{{ [input.long, 0.5] | sum }}", "would lose digits"),
    ] {
        let message = value(template).unwrap_err();
        assert!(message.contains(reason), "{template}: {message}");
    }
}

#[test]
fn a_literal_that_would_lose_digits_is_refused_before_it_runs() {
    let names = Names::default();
    for (condition, place, reason) in [
        ("input.x == 1234567890123456789012345678901234567890", 11..51, "too many digits"),
        ("input.x == 9007199254740993.0", 11..29, "would lose digits"),
        ("input.x > -12345678901234567890123e1", 11..36, "would lose digits"),
    ] {
        let errors = check_condition(condition, &names).unwrap_err();
        assert_eq!(errors.len(), 1, "{condition}");
        assert!(errors[0].message.contains(reason), "{condition}: {}", errors[0].message);
        assert!(
            place.start <= errors[0].range.start && errors[0].range.end == place.end,
            "{condition}: {:?}",
            errors[0]
        );
    }
    for fine in
        ["input.x == 170141183460469231731687303715884105727", "input.x < 1e30", "input.x == 0.1", "input.x == 5.0"]
    {
        assert!(check_condition(fine, &names).is_ok(), "{fine}");
    }
    assert!(check_template("{{ 340282366920938463463374607431768211455 }}", &names).is_err());
}
