//! The words in the bodies with which servers refuse.

use serde_json::Value;

use crate::{failure::shortened, lenient_json::first_value};

/// How much of an error is shown, in characters, …
pub(crate) const SHOWN_OF_ERROR: usize = 500;
/// … and how much of a body that is no error of a known form.
pub(crate) const SHOWN_OF_BODY: usize = 200;

/// The words of an error's body: `{"error": {"message": …}}`, `{"error": …}`, `{"detail": …}`, or its beginning.
pub(crate) fn error_message(body: &[u8]) -> String {
    let value = first_value(body).unwrap_or(Value::Null);
    let found = value.get("error").and_then(words).or_else(|| words(&value));
    match found {
        Some(message) => shortened(message, SHOWN_OF_ERROR),
        None => shortened(String::from_utf8_lossy(body).trim(), SHOWN_OF_BODY),
    }
}

/// The sentence in an error.
pub(crate) fn words(error: &Value) -> Option<&str> {
    let text = error.as_str().or_else(|| {
        let places = ["/message", "/msg", "/detail", "/error_description", "/error/message", "/error"];
        places.iter().find_map(|place| error.pointer(place)?.as_str())
    });
    text.map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_refusals_are_told_in_their_words() {
        for (body, expected) in [
            (r#"{"error": {"message": "no"}}"#, "no"),
            (r#"{"error": "no"}"#, "no"),
            (r#"{"detail": "no"} "#, "no"),
            (r#"{"message": "no", "error": {"code": 7}}"#, "no"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(error_message(body.as_bytes()), expected, "{body}");
        }
    }
}
