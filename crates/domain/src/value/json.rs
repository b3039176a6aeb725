//! JSON whose whole numbers never lose digits.
//!
//! A JSON number holds 64 bits. A whole number that needs more is kept as its digits in a text; comparisons and arithmetic
//! of expressions treat such texts as the numbers they are.

use std::borrow::Cow;

use super::{Json, decimal::Decimal};

/// So many characters of a number in a row are needed to lose a digit: binary fractions keep 15 digits, and 64 bits 18.
const FEWEST_LOSSY: usize = 16;

/// Reads JSON text. Whole numbers beyond 64 bits come back as texts of their digits; with a point or an exponent they are
/// written out first if they would lose a digit otherwise.
///
/// # Errors
/// What `serde_json` says of the text.
pub fn parse_exact(text: &str) -> Result<Json, serde_json::Error> {
    match exact_text(text) {
        Cow::Borrowed(same) => serde_json::from_str(same),
        // What is wrong with it is told at its place in the text as it was given.
        Cow::Owned(quoted) => serde_json::from_str(&quoted).or_else(|_| serde_json::from_str(text)),
    }
}

/// A whole number as JSON: as a number if that can hold it, else as a text of its digits. `None` if it is no whole number.
pub fn whole_number(number: &Decimal) -> Option<Json> {
    let digits = number.whole_digits()?;
    Some(match (digits.parse::<i64>(), digits.parse::<u64>()) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        (Err(_), Err(_)) => Json::String(digits),
    })
}

/// Whether a text is a whole number that a JSON number can't hold, as it is kept in its place.
pub fn is_long_integer(text: &str) -> bool {
    // Shorter ones fit.
    text.len() >= 19 && text.parse::<i64>().is_err() && text.parse::<u64>().is_err() && is_canonical_integer(text)
}

/// Whether a text is an integer as JSON writes it: no `+`, no zeros in front.
fn is_canonical_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'))
}

/// JSON text with quotes around the numbers in it that would lose digits, for readers of more than plain values.
pub fn exact_text(text: &str) -> Cow<'_, str> {
    let mut exact = String::new();
    let mut copied_to = 0;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_text(bytes, at),
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
                let end = at + bytes[at..].iter().take_while(is_part).count();
                if let Some(kept) = kept_otherwise(&text[at..end]) {
                    exact.push_str(&text[copied_to..at]);
                    exact.push_str(&kept);
                    copied_to = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied_to == 0 {
        return Cow::Borrowed(text);
    }
    exact.push_str(&text[copied_to..]);
    Cow::Owned(exact)
}

/// The place behind the text whose quote opens at `start`.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => return at,
            b'\\' => at += 1,
            _ => {}
        }
    }
    bytes.len()
}

/// What is written instead of a number that JSON's own would change; `None` for all others, and for what is no number.
fn kept_otherwise(number: &str) -> Option<String> {
    if number.len() < FEWEST_LOSSY {
        return None;
    }
    if is_canonical_integer(number) {
        return is_long_integer(number).then(|| format!("\"{number}\""));
    }
    // JSON wants digits on both sides of a point; whatever else it refuses is left for it to refuse.
    let is_json = serde_json::from_str::<serde_json::Number>(number).is_ok();
    let exact = Decimal::parse(number).filter(|exact| is_json && exact.is_whole())?;
    let binary: f64 = number.parse().ok()?;
    let kept = Decimal::parse(&binary.to_string());
    if kept.as_ref() == Some(&exact) {
        return None;
    }
    whole_number(&exact).map(|whole| whole.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_keep_their_digits() {
        let cases = [
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("-9223372036854775809", json!("-9223372036854775809")),
            (
                r#" {"id": 12345678901234567890123, "ids":[1,-12345678901234567890124 ,2.5], "12345678901234567890123": "x"}"#,
                json!({"id": "12345678901234567890123", "ids": [1, "-12345678901234567890124", 2.5], "12345678901234567890123": "x"}),
            ),
            (
                r#"["12345678901234567890123", "a \" 12345678901234567890123 \\", 12345678901234567890123]"#,
                json!(["12345678901234567890123", "a \" 12345678901234567890123 \\", "12345678901234567890123"]),
            ),
            ("9007199254740993.0", json!(9_007_199_254_740_993_i64)),
            ("1234567890123456789012.0e1", json!("12345678901234567890120")),
            ("1.0000000000000000", json!(1.0)),
            ("1e30", json!(1e30)),
            ("0.12345678901234567890", json!(0.123_456_789_012_345_68)),
            ("5.0", json!(5.0)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_exact(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_at_its_place() {
        for text in [
            "00012345678901234567890123",
            "12345678901234567890123x",
            "+12345678901234567890123",
            "12345678901234567890123.",
            "[12345678901234567890123",
            "12345678901234567890123 1",
            "--12345678901234567890123",
            "{\"a\": 12345678901234567890123, }",
            "\"12345678901234567890123",
            "",
        ] {
            let expected = serde_json::from_str::<Json>(text).unwrap_err();
            assert_eq!(parse_exact(text).unwrap_err().to_string(), expected.to_string(), "{text}");
        }
    }

    #[test]
    fn long_integers_are_told_from_other_texts() {
        for long in ["12345678901234567890123", "-9223372036854775809", "18446744073709551616"] {
            assert!(is_long_integer(long), "{long}");
        }
        for other in [
            "5",
            "18446744073709551615",
            "0012345678901234567890123",
            "+12345678901234567890123",
            "1234567890123456789012.0",
            "12345678901234567890 ",
            "",
        ] {
            assert!(!is_long_integer(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn json_with_short_numbers_is_read_as_ever(json in any_json()) {
            let text = json.to_string();
            prop_assert!(matches!(exact_text(&text), Cow::Borrowed(_)) || text.len() > 16);
            prop_assert_eq!(parse_exact(&text).unwrap(), serde_json::from_str::<Json>(&text).unwrap());
        }

        #[test]
        fn whole_numbers_of_any_length_keep_their_digits(number in "-?[1-9][0-9]{0,60}") {
            let shown = match parse_exact(&format!("[{number}]")).unwrap() {
                Json::Array(items) => items[0].as_str().map_or_else(|| items[0].to_string(), str::to_owned),
                _ => String::new(),
            };
            prop_assert_eq!(shown, number);
        }
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            (-1e9..1e9_f64).prop_map(Json::from),
            "[a-z\"\\\\0-9{}\\[\\],: ]{0,30}".prop_map(Json::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
                prop::collection::btree_map("[a-z0-9\"]{0,24}", inner, 0..6)
                    .prop_map(|fields| Json::Object(fields.into_iter().collect())),
            ]
        })
    }
}
