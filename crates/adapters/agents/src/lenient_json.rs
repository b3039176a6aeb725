//! JSON as servers really write it: what was paid for must not be lost over a slip in a part that nobody needs.

use std::fmt::Write;

use procession_domain::value::{json::exact_text, reply::mend_surrogates};
use serde_json::Value;

/// The first JSON value of a body, whatever follows it. A byte order mark, bytes that are not UTF-8, halves of surrogate
/// pairs, control characters within texts, and numbers that JSON does not know (`NaN`, `1e999`: they become null) are
/// survived, and whole numbers keep their digits.
pub(crate) fn first_value(body: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    first(text).or_else(|| first(&mend_tokens(&mend_surrogates(text))))
}

fn first(text: &str) -> Option<Value> {
    serde_json::Deserializer::from_str(&exact_text(text)).into_iter().next()?.ok()
}

/// JSON text in which words and numbers that are not JSON are `null`, and control characters in texts are escaped.
fn mend_tokens(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut is_in_text = false;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '\\' if is_in_text => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ if !is_in_text => rest.find(|c| !is_of_token(c)).unwrap_or(rest.len()).max(next.len_utf8()),
            _ => next.len_utf8(),
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        if next == '"' {
            is_in_text = !is_in_text;
        }
        if is_in_text && next < ' ' {
            // Writing to a text can't fail.
            let _ = write!(mended, "\\u{:04x}", u32::from(next));
        } else if !is_in_text && is_of_token(next) && serde_json::from_str::<Value>(piece).is_err() {
            mended.push_str("null");
        } else {
            mended.push_str(piece);
        }
    }
    mended
}

/// Whether numbers and words are made of it.
const fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn slips_are_survived() {
        for (body, expected) in [
            ("{\"a\": 1}\nand a line", json!({"a": 1})),
            ("{\"a\": 1}{\"b\": 2}", json!({"a": 1})),
            ("\u{feff}\n {\"a\": 1}", json!({"a": 1})),
            (r#"{"a": "\ud83d", "b": "\ud83d\ude00"}"#, json!({"a": "\u{fffd}", "b": "\u{1f600}"})),
            (
                r#"{"a": NaN, "b": [-Infinity, 1e999, -1e999], "c": 1e3}"#,
                json!({"a": null, "b": [null, null, null], "c": 1e3}),
            ),
            ("{\"a\": \"NaN\n\\\"x\\\" 1e999\", \"b\": NaN}", json!({"a": "NaN\n\"x\" 1e999", "b": null})),
            ("{\"a\": 12345678901234567890123} 2", json!({"a": "12345678901234567890123"})),
            ("{\"a\": None, \"b\": True, \"c\": nan}", json!({"a": null, "b": null, "c": null})),
        ] {
            assert_eq!(first_value(body.as_bytes()), Some(expected), "{body}");
        }
        assert_eq!(first_value(b"{\"a\": \"x\xffy\"}"), Some(json!({"a": "x\u{fffd}y"})));
    }

    #[test]
    fn what_is_no_json_is_none() {
        for body in ["", " ", "<html>", "{\"a\": ", "{\"a\" 1}"] {
            assert_eq!(first_value(body.as_bytes()), None, "{body}");
        }
    }
}
