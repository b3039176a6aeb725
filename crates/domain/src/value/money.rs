//! Exact amounts of money.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency code: three upper-case letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// An amount of money: a whole number of 10⁻⁹ units, so that sums are exact (spec 1.10).
///
/// Amounts may be negative only as differences; what authors and agents give is checked to be at least zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    nanos: i64,
    currency: Currency,
}

/// What was spent, and whether that is all: a call of unknown cost counts 0 and makes it incomplete (spec 3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The sum of the known costs.
    pub amount: Money,
    /// Whether every call's cost was known.
    pub complete: bool,
}

/// The text is no amount of money, or two amounts don't go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// It does not follow the grammar.
    #[error("`{0}` is not an amount of money: write 12.5, \"$12.50\" or \"12.50 EUR\"")]
    Malformed(String),
    /// It is larger than nine billion.
    #[error("`{0}` is too large an amount")]
    TooLarge(String),
    /// Amounts of two currencies can't be added or compared.
    #[error("{0} and {1} are different currencies; one server counts in one currency")]
    Currencies(Currency, Currency),
}

const UNIT: i64 = 1_000_000_000;

impl Currency {
    /// The US dollar, the default.
    pub const USD: Self = Self(*b"USD");

    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("USD")
    }
}

impl Money {
    /// Nothing, in US dollars.
    pub const ZERO: Self = Self { nanos: 0, currency: Currency::USD };

    /// So many 10⁻⁹ units of a currency.
    pub const fn from_nanos(nanos: i64, currency: Currency) -> Self {
        Self { nanos, currency }
    }

    /// The amount in 10⁻⁹ units.
    pub const fn nanos(self) -> i64 {
        self.nanos
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is exactly nothing.
    pub const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// The sum; zero takes the other's currency.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        let currency = self.common_currency(other)?;
        Ok(Self { nanos: self.nanos.saturating_add(other.nanos), currency })
    }

    /// Whether this is at least `other`, which must be of the same currency (or zero).
    pub fn at_least(self, other: Self) -> Result<bool, MoneyError> {
        self.common_currency(other)?;
        Ok(self.nanos >= other.nanos)
    }

    /// The amount as a plain decimal without currency, exact and as short as possible: `0.0123`.
    pub fn amount(self) -> String {
        let sign = if self.nanos < 0 { "-" } else { "" };
        let nanos = self.nanos.unsigned_abs();
        let (whole, part) = (nanos / UNIT.unsigned_abs(), nanos % UNIT.unsigned_abs());
        if part == 0 {
            return format!("{sign}{whole}");
        }
        let decimals = format!("{part:09}");
        format!("{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }

    /// The middle one of these amounts of one currency, or the mean of the two in the middle; `None` of none.
    pub fn median(mut amounts: Vec<Self>) -> Option<Self> {
        amounts.sort_unstable_by_key(|amount| amount.nanos);
        let middle = amounts.len() / 2;
        let upper = *amounts.get(middle)?;
        if amounts.len() % 2 == 1 {
            return Some(upper);
        }
        let lower = amounts[middle - 1];
        Some(Self { nanos: lower.nanos + (upper.nanos - lower.nanos) / 2, currency: upper.currency })
    }

    fn common_currency(self, other: Self) -> Result<Currency, MoneyError> {
        match (self.is_zero(), other.is_zero()) {
            (true, false) => Ok(other.currency),
            (_, true) => Ok(self.currency),
            (false, false) if self.currency == other.currency => Ok(self.currency),
            (false, false) => Err(MoneyError::Currencies(self.currency, other.currency)),
        }
    }
}

impl Cost {
    /// Nothing spent, nothing unknown.
    pub const fn none(currency: Currency) -> Self {
        Self { amount: Money::from_nanos(0, currency), complete: true }
    }

    /// Adds a call's cost, `None` when it is unknown. An amount of another currency counts as unknown, since it can't be
    /// added up.
    pub fn add(&mut self, cost: Option<Money>) {
        let own = |cost: &Money| cost.is_zero() || cost.currency == self.amount.currency;
        match cost.filter(own).map(|cost| self.amount.checked_add(cost)) {
            Some(Ok(sum)) => self.amount = sum,
            Some(Err(_)) | None => self.complete = false,
        }
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self::USD
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `12.5`, `$12.50`, `12.50 EUR`, also with an exponent as JSON numbers have; finer digits than 10⁻⁹ are
    /// rounded half to even. Negative amounts are malformed.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let malformed = || MoneyError::Malformed(text.chars().take(64).collect());
        let mut rest = text.trim();
        let mut currency = Currency::USD;
        if let Some(amount) = rest.strip_prefix('$') {
            rest = amount.trim_start();
        } else if let Some((amount, code)) = rest.split_once(char::is_whitespace) {
            currency = Currency::try_from(code.trim().to_owned()).map_err(|_| malformed())?;
            rest = amount;
        }
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| malformed())?),
            None => (rest, 0),
        };
        let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && decimals.is_empty()) || !digits_only(whole) || !digits_only(decimals) {
            return Err(malformed());
        }
        let digits: Vec<u8> = whole.bytes().chain(decimals.bytes()).map(|b| b - b'0').collect();
        let point = i64::try_from(whole.len()).map_err(|_| malformed())? + i64::from(exponent);
        let nanos =
            nanos_from_digits(&digits, point).ok_or_else(|| MoneyError::TooLarge(text.chars().take(64).collect()))?;
        Ok(Self { nanos, currency })
    }
}

/// The value of `digits` with the decimal point after `point` digits, in 10⁻⁹, rounded half to even.
fn nanos_from_digits(digits: &[u8], point: i64) -> Option<i64> {
    let kept = point.checked_add(9)?;
    let mut nanos: i64 = 0;
    for position in 0..kept.min(64) {
        let digit = usize::try_from(position).ok().and_then(|p| digits.get(p)).copied().unwrap_or(0);
        nanos = nanos.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    if kept > 64 && digits.iter().any(|d| *d != 0) {
        return None;
    }
    if kept < 0 {
        return Some(0);
    }
    let dropped = usize::try_from(kept).ok().and_then(|kept| digits.get(kept..)).unwrap_or(&[]);
    let round_up = match dropped.split_first() {
        None => false,
        Some((first, rest)) if *first == 5 => rest.iter().any(|d| *d != 0) || nanos % 2 == 1,
        Some((first, _)) => *first > 5,
    };
    if round_up { nanos.checked_add(1) } else { Some(nanos) }
}

/// Two decimals, rounded half to even: `$12.50`, or `12.50 EUR` for other currencies. For exact figures use
/// [`Money::amount`].
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos.unsigned_abs();
        let (mut cents, dropped) = (nanos / 10_000_000, nanos % 10_000_000);
        if dropped > 5_000_000 || (dropped == 5_000_000 && cents % 2 == 1) {
            cents += 1;
        }
        let sign = if self.nanos < 0 && cents > 0 { "-" } else { "" };
        let (whole, part) = (cents / 100, cents % 100);
        if self.currency == Currency::USD {
            write!(f, "{sign}${whole}.{part:02}")
        } else {
            write!(f, "{sign}{whole}.{part:02} {}", self.currency)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;

    fn try_from(code: String) -> Result<Self, MoneyError> {
        match *code.as_bytes() {
            [a, b, c] if code.bytes().all(|l| l.is_ascii_uppercase()) => Ok(Self([a, b, c])),
            _ => Err(MoneyError::Malformed(code)),
        }
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_median_is_the_middle_amount() {
        let median = |amounts: &[&str]| {
            Money::median(amounts.iter().map(|amount| amount.parse().unwrap()).collect()).map(Money::amount)
        };
        assert_eq!(median(&[]), None);
        assert_eq!(median(&["0.3"]).as_deref(), Some("0.3"));
        assert_eq!(median(&["9", "0.1", "0.2"]).as_deref(), Some("0.2"));
        assert_eq!(median(&["9", "0.1", "0.2", "0.4"]).as_deref(), Some("0.3"));
    }

    #[test]
    fn amounts_are_read_exactly() {
        let cases = [
            ("12.5", 12_500_000_000, "$12.50"),
            ("$12.50", 12_500_000_000, "$12.50"),
            ("$ 0.03", 30_000_000, "$0.03"),
            (".5", 500_000_000, "$0.50"),
            ("1e-5", 10_000, "$0.00"),
            ("1.2e-05", 12_000, "$0.00"),
            ("1.5E2", 150_000_000_000, "$150.00"),
            ("0.0000000005", 0, "$0.00"),
            ("0.0000000015", 2, "$0.00"),
            ("0.00000000051", 1, "$0.00"),
            ("1e-400", 0, "$0.00"),
            ("0e99", 0, "$0.00"),
        ];
        for (text, nanos, shown) in cases {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.nanos(), money.to_string().as_str()), (nanos, shown), "{text}");
        }
        assert_eq!("12.50 EUR".parse::<Money>().unwrap().to_string(), "12.50 EUR");
        for bad in ["", "$", ".", "-1", "1,5", "12 eur", "12 EURO", "1e", "NaN", "0x1", "1 2"] {
            assert!(matches!(bad.parse::<Money>(), Err(MoneyError::Malformed(_))), "{bad}");
        }
        assert!(matches!("1e30".parse::<Money>(), Err(MoneyError::TooLarge(_))));
        assert!(matches!("99999999999".parse::<Money>(), Err(MoneyError::TooLarge(_))));
    }

    #[test]
    fn what_is_shown_rounds_half_to_even() {
        for (text, shown) in [("0.005", "$0.00"), ("0.015", "$0.02"), ("0.025", "$0.02"), ("0.0251", "$0.03")] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn unknown_and_foreign_costs_make_a_sum_incomplete() {
        let mut cost = Cost::none(Currency::USD);
        cost.add(Some("0.10".parse().unwrap()));
        assert!(cost.complete);
        cost.add(None);
        cost.add(Some("0.20 EUR".parse().unwrap()));
        assert_eq!((cost.amount.amount().as_str(), cost.complete), ("0.1", false));
    }

    proptest! {
        #[test]
        fn the_exact_amount_parses_back(nanos in 0..i64::MAX) {
            let money = Money::from_nanos(nanos, Currency::USD);
            prop_assert_eq!(money.amount().parse::<Money>().unwrap(), money);
        }
    }
}
