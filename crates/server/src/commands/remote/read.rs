//! Reading members of answers, as they are shown to people.

use procession_domain::value::{Duration, Json};

use crate::terminal::text::clean_lines;

/// The entries of an answer's list.
pub fn entries<'a>(answer: &'a Json, list: &str) -> impl Iterator<Item = &'a Json> {
    answer[list].as_array().into_iter().flatten()
}

/// A text as it was sent, for programs.
pub fn owned(value: &Json) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A text for people, if there is one.
pub fn shown(value: &Json) -> Option<String> {
    value.as_str().map(clean_lines)
}

/// A text for people; empty if there is none.
pub fn text(value: &Json) -> String {
    shown(value).unwrap_or_default()
}

/// A point in time for people, in seconds: `2026-11-21 02:57:59Z`; empty if there is none.
pub fn instant(value: &Json) -> String {
    let text = text(value);
    match (text.get(..10), text.get(11..19), text.get(19..)) {
        (Some(day), Some(time), Some(rest)) if rest.ends_with("+00:00") || rest.ends_with('Z') => {
            format!("{day} {time}Z")
        }
        _ => text,
    }
}

/// A duration of whole seconds for people; empty if there is none.
pub fn duration(value: &Json) -> String {
    value.as_u64().map(|seconds| Duration::from_secs(seconds).to_string()).unwrap_or_default()
}

/// An exact cost for people: `0.0123 USD`, `0.0123 USD or more` when not all of it is known; empty if nothing was paid.
pub fn money(exact: &Json) -> String {
    let (amount, currency) = (text(&exact["amount"]), text(&exact["currency"]));
    let is_nothing = amount.chars().all(|digit| matches!(digit, '0' | '.'));
    match (is_nothing, exact["complete"].as_bool()) {
        (true, Some(false)) => "unknown".to_owned(),
        (true, _) => String::new(),
        (false, Some(false)) => format!("{amount} {currency} or more"),
        (false, _) => format!("{amount} {currency}"),
    }
}

/// "1 error", "3 errors".
pub fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_for_people() {
        assert_eq!(instant(&json!("2026-11-21T02:57:59.880423+00:00")), "2026-11-21 02:57:59Z");
        assert_eq!(instant(&json!("2026-11-21T02:57:59+02:00")), "2026-11-21T02:57:59+02:00");
        assert_eq!(instant(&json!("soon")), "soon");
        assert_eq!(duration(&json!(3_661)), "1h1m1s");
        assert_eq!(duration(&Json::Null), "");
        let cost = |amount: &str, complete| json!({"amount": amount, "currency": "USD", "complete": complete});
        assert_eq!(money(&cost("0.0123", true)), "0.0123 USD");
        assert_eq!(money(&cost("0.0123", false)), "0.0123 USD or more");
        assert_eq!(money(&cost("0", true)), "");
        assert_eq!(money(&cost("0", false)), "unknown");
    }
}
