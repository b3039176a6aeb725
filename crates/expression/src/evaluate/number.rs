//! Numbers: whole ones up to 128 bits, which never lose a digit, and binary fractions.

use std::cmp::Ordering;

use minijinja::Value;
use procession_domain::value::{Decimal, Json, json::is_long_integer};

use super::value::Scalar;

/// A number: whole as long as it can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Whole(i128),
    Real(f64),
}

/// Longer texts are no numbers that anyone compares.
const LONGEST_NUMBER: usize = 4_096;

/// Whole numbers up to this are binary fractions without losing a digit.
const LARGEST_EXACT_IN_REAL: u128 = 1 << 53;

/// Why a calculation is refused.
pub const LOSES_DIGITS: &str = "the result would lose digits, since a fraction has 16 of them at most";

impl Number {
    /// The number that one of JSON is.
    pub fn of_json(number: &serde_json::Number) -> Self {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map_or_else(|| Self::Real(number.as_f64().unwrap_or(f64::NAN)), Self::Whole)
    }

    /// The number that one of minijinja's is.
    pub fn of(value: &Value) -> Self {
        if value.is_integer()
            && let Ok(whole) = i128::try_from(value.clone())
        {
            return Self::Whole(whole);
        }
        Self::Real(f64::try_from(value.clone()).unwrap_or(f64::NAN))
    }

    /// The number as a binary fraction; `None` if it would lose a digit.
    #[expect(clippy::cast_precision_loss, reason = "it is looked whether a digit would be lost")]
    pub const fn as_real(self) -> Option<f64> {
        match self {
            Self::Whole(whole) if whole.unsigned_abs() > LARGEST_EXACT_IN_REAL => None,
            Self::Whole(whole) => Some(whole as f64),
            Self::Real(real) => Some(real),
        }
    }

    /// Compares by value, digit by digit: a fraction is the shortest decimal that reads as it.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(&b),
            (Self::Whole(_), Self::Real(real)) if !real.is_finite() => 0.0.partial_cmp(&real),
            (Self::Real(real), Self::Whole(_)) if !real.is_finite() => real.partial_cmp(&0.0),
            (a, b) => Some(a.decimal()?.cmp(&b.decimal()?)),
        }
    }

    /// Compares with a text; `None` if that reads as no number.
    pub fn compare_with_text(self, text: &str) -> Option<Ordering> {
        let text = text.trim();
        if let (Self::Whole(whole), Ok(read)) = (self, text.parse::<i128>()) {
            return Some(whole.cmp(&read));
        }
        Some(self.decimal()?.cmp(&read_decimal(text)?))
    }

    /// The sum; the error says why there is none.
    pub fn plus(self, other: Self) -> Result<Self, &'static str> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.checked_add(b).map(Self::Whole).ok_or("the sum is too large"),
            (a, b) => match (a.as_real(), b.as_real()) {
                (Some(a), Some(b)) if (a + b).is_finite() => Ok(Self::Real(a + b)),
                (Some(_), Some(_)) => Err("the sum is too large"),
                (None, _) | (_, None) => Err(LOSES_DIGITS),
            },
        }
    }

    /// As JSON. What 64 bits can't hold is kept as its digits; `None` for what is no number at all.
    pub fn to_json(self) -> Option<Json> {
        match self {
            Self::Whole(whole) => Some(match (i64::try_from(whole), u64::try_from(whole)) {
                (Ok(whole), _) => whole.into(),
                (_, Ok(whole)) => whole.into(),
                (Err(_), Err(_)) => Json::String(whole.to_string()),
            }),
            Self::Real(real) => serde_json::Number::from_f64(real).map(Json::Number),
        }
    }

    fn decimal(self) -> Option<Decimal> {
        match self {
            Self::Whole(whole) => Decimal::parse(&whole.to_string()),
            Self::Real(real) => Decimal::parse(&real.to_string()),
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Whole(whole) => i64::try_from(whole).map_or_else(|_| Self::from(whole), Self::from),
            Number::Real(real) => Self::from(real),
        }
    }
}

impl<'v> Scalar<'v> {
    /// The digits of a whole number that JSON could not hold as one, and which is therefore kept as a text.
    pub fn long_integer(self) -> Option<&'v str> {
        match self {
            Self::Text(text) => Some(text).filter(|text| is_long_integer(text)),
            _ => None,
        }
    }

    /// The same to calculate with; the error says that it is too large for that.
    pub fn as_long_number(self) -> Option<Result<Number, &'static str>> {
        let digits = self.long_integer()?;
        Some(digits.parse().map(Number::Whole).map_err(|_| "a number has too many digits to calculate with"))
    }
}

/// The order of two texts as numbers, if one of them is a whole number kept as a text and the other reads as a number.
pub fn compare_as_long_integers(a: &str, b: &str) -> Option<Ordering> {
    if is_long_integer(a) || is_long_integer(b) {
        Some(read_decimal(a.trim())?.cmp(&read_decimal(b.trim())?))
    } else {
        None
    }
}

fn read_decimal(text: &str) -> Option<Decimal> {
    if text.len() <= LONGEST_NUMBER { Decimal::parse(text) } else { None }
}
