//! Cells of the other engine's rows: what they hold is checked here, since nothing there was.

use procession_domain::value::{Currency, Json, Money, Timestamp};

/// A row: its cells by the names of their columns. A column that is not there is as one that is empty.
pub type TrinityRow = serde_json::Map<String, Json>;

/// The most characters of a cell that a message repeats.
const SHOWN: usize = 60;

/// The text of a cell; `None` if it is empty. A number is its text.
pub(super) fn text(row: &TrinityRow, column: &str) -> Option<String> {
    match row.get(column)? {
        Json::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// The JSON that a cell holds as text; `null` if it is empty. The error says what is wrong with it.
pub(super) fn json(row: &TrinityRow, column: &str) -> Result<Json, String> {
    match text(row, column) {
        None => Ok(Json::Null),
        Some(text) => serde_json::from_str(&text).map_err(|error| format!("`{column}` holds no JSON: {error}")),
    }
}

/// The time of a cell; `None` if it is empty. One without an offset is of UTC. The error says what stands there instead.
pub(super) fn time(row: &TrinityRow, column: &str) -> Result<Option<Timestamp>, String> {
    let Some(text) = text(row, column) else { return Ok(None) };
    match time_of(&text) {
        Some(time) => Ok(Some(time)),
        None => Err(format!("`{column}` holds no time: `{}`", shown(&text))),
    }
}

/// A time as that engine writes it; one without an offset is of UTC.
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    let text = text.trim().replacen(' ', "T", 1);
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

/// The whole number of a cell; `None` if there is none.
pub(super) fn number(row: &TrinityRow, column: &str) -> Option<i64> {
    match row.get(column)? {
        Json::Number(number) => number.as_i64(),
        Json::String(text) => text.trim().parse().ok(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

/// An amount: in cents in a column `…_amount` with its currency beside it, or as a text. Nothing is what that engine writes
/// when it does not know the cost, so it is `None`.
pub(super) fn money(row: &TrinityRow, name: &str) -> Option<Money> {
    /// A cent in 10⁻⁹ units.
    const CENT: i64 = 10_000_000;
    let money = match number(row, &format!("{name}_amount")) {
        Some(cents) => {
            let currency = text(row, &format!("{name}_currency"));
            let currency = currency.map_or(Ok(Currency::USD), Currency::try_from).ok()?;
            Money::from_nanos(cents.checked_mul(CENT)?, currency)
        }
        None => text(row, name)?.parse().ok()?,
    };
    (money.nanos() > 0).then_some(money)
}

/// The beginning of a cell, for messages.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(cells: &Json) -> TrinityRow {
        cells.as_object().unwrap().clone()
    }

    #[test]
    fn times_are_read_with_and_without_an_offset() {
        let cells = row(&json!({
            "full": "2026-11-21T02:57:59.880423+00:00", "whole": "2026-11-21T02:57:59+01:00",
            "naive": "2026-11-21T02:57:59.5", "spaced": "2026-11-21 02:57:59", "empty": "", "bad": "yesterday",
        }));
        let read = |column| time(&cells, column).map(|time| time.map(|time| time.to_string()));
        assert_eq!(read("full").unwrap().unwrap(), "2026-11-21T02:57:59.880423+00:00");
        assert_eq!(read("whole").unwrap().unwrap(), "2026-11-21T01:57:59+00:00");
        assert_eq!(read("naive").unwrap().unwrap(), "2026-11-21T02:57:59.500000+00:00");
        assert_eq!(read("spaced").unwrap().unwrap(), "2026-11-21T02:57:59+00:00");
        assert_eq!((read("empty"), read("missing")), (Ok(None), Ok(None)));
        assert_eq!(read("bad"), Err("`bad` holds no time: `yesterday`".to_owned()));
    }

    #[test]
    fn amounts_are_cents_or_texts_and_nothing_is_unknown() {
        let read = |cells: &Json| money(&row(cells), "cost").map(Money::amount);
        assert_eq!(read(&json!({"cost_amount": 3, "cost_currency": "USD"})).as_deref(), Some("0.03"));
        assert_eq!(read(&json!({"cost": "$1.25"})).as_deref(), Some("1.25"));
        for unknown in [
            json!({"cost_amount": 0, "cost_currency": "USD"}),
            json!({"cost_amount": 3, "cost_currency": "dollars"}),
            json!({"cost_amount": i64::MAX}),
            json!({"cost": "much"}),
            json!({"cost_amount": null}),
            json!({}),
        ] {
            assert_eq!(read(&unknown), None, "{unknown}");
        }
    }
}
