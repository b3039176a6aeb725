//! Numbers as people and programs write them, digit by digit: what 64 bits and binary fractions can't hold is compared and
//! kept exactly all the same.

use std::cmp::Ordering;

/// Larger exponents are no number that anyone means.
const LARGEST_EXPONENT: i64 = 1_000_000;

/// The most digits that a number gets when its exponent is written out.
const MOST_DIGITS_WRITTEN_OUT: i64 = 1_000;

/// A number in decimal: its sign, its digits without zeros at either end, and where its point is. Equal numbers are equal
/// however they are written: `5`, `5.0`, `50e-1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    is_negative: bool,
    /// Empty for zero.
    digits: String,
    /// How many of the digits stand before the point; negative if zeros stand behind the point first.
    point: i64,
}

impl Decimal {
    /// The number that a text is: a sign, digits with a point in or around them, an exponent. White space is no part of it.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let has_digits = !whole.is_empty() || !fraction.is_empty();
        if !has_digits || !is_digits(whole) || !is_digits(fraction) || exponent.abs() > LARGEST_EXPONENT {
            return None;
        }
        let mut digits = String::with_capacity(whole.len() + fraction.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        let leading_zeros = digits.bytes().take_while(|byte| *byte == b'0').count();
        let digits = digits[leading_zeros..].trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, point: 0 });
        }
        let length = |part: usize| i64::try_from(part).ok();
        let point = length(whole.len())? - length(leading_zeros)? + exponent;
        Some(Self { is_negative, digits, point })
    }

    /// Whether it has no fraction.
    pub fn is_whole(&self) -> bool {
        i64::try_from(self.digits.len()).is_ok_and(|digits| digits <= self.point || digits == 0)
    }

    /// All digits of a whole number, with its sign; `None` for a fraction, and for a number so large that it was surely
    /// never written out.
    pub fn whole_digits(&self) -> Option<String> {
        if self.digits.is_empty() {
            return Some("0".to_owned());
        }
        if !self.is_whole() || self.point > MOST_DIGITS_WRITTEN_OUT.max(i64::try_from(self.digits.len()).ok()?) {
            return None;
        }
        let sign = if self.is_negative { "-" } else { "" };
        let zeros = usize::try_from(self.point).ok()? - self.digits.len();
        Some(format!("{sign}{}{}", self.digits, "0".repeat(zeros)))
    }

    /// The whole number without its fraction, rounded towards zero, if it can be expressed.
    pub fn truncated(&self) -> Option<i128> {
        let Ok(whole) = usize::try_from(self.point) else { return Some(0) };
        let kept = &self.digits[..whole.min(self.digits.len())];
        let truncated = Self { digits: kept.to_owned(), ..self.clone() };
        truncated.whole_digits()?.parse().ok()
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            // Digits begin with the first that is not zero, so that texts of one length compare as numbers do.
            let by_size = self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits));
            if self.is_negative { by_size.reverse() } else { by_size }
        })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for same in [
            &["5", "5.0", "+5", "005", "50e-1", "0.5E1", "5."][..],
            &["0", "-0", "0.00", "0e9", ".0"],
            &["-12.5", "-0125e-1", "-1.25e+1"],
            &["12345678901234567890123", "12345678901234567890123.000", "1.2345678901234567890123e22"],
        ] {
            for text in same {
                assert_eq!(decimal(text), decimal(same[0]), "{text}");
            }
        }
        for bad in
            ["", "-", ".", "e5", "1e", "1e1.5", "1 2", " 1", "0x10", "1_000", "٣", "inf", "NaN", "1e9999999999", "--1"]
        {
            assert_eq!(Decimal::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers_order_by_value() {
        let rising = [
            "-1e30",
            "-12345678901234567890124",
            "-12345678901234567890123",
            "-5",
            "-0.1",
            "-0.01",
            "0",
            "1e-9",
            "0.09",
            "0.1",
            "0.10000000000000000001",
            "1",
            "9",
            "10",
            "9007199254740992",
            "9007199254740993",
            "12345678901234567890123",
            "12345678901234567890123.5",
            "12345678901234567890124",
            "1e30",
        ];
        for (index, smaller) in rising.iter().enumerate() {
            for larger in &rising[index + 1..] {
                assert!(decimal(smaller) < decimal(larger), "{smaller} < {larger}");
                assert!(decimal(larger) > decimal(smaller), "{larger} > {smaller}");
            }
        }
    }

    #[test]
    fn whole_numbers_are_written_out() {
        for (text, expected) in [
            ("5.0", Some("5")),
            ("1e3", Some("1000")),
            ("-1200e-2", Some("-12")),
            ("0.0", Some("0")),
            ("12345678901234567890123.0", Some("12345678901234567890123")),
            ("1.5", None),
            ("1e-3", None),
            ("1e5000", None),
        ] {
            assert_eq!(decimal(text).whole_digits().as_deref(), expected, "{text}");
        }
        for (text, expected) in [("7.9", Some(7)), ("-7.9", Some(-7)), ("0.9", Some(0)), ("1e40", None)] {
            assert_eq!(decimal(text).truncated(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_compare_as_they_do_in_binary(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(decimal(&a.to_string()).cmp(&decimal(&b.to_string())), a.cmp(&b));
            prop_assert_eq!(decimal(&format!("{a}.0")).truncated(), Some(i128::from(a)));
        }

        #[test]
        fn binary_fractions_compare_as_they_are_printed(a in -1e12..1e12_f64, b in -1e12..1e12_f64) {
            prop_assert_eq!(Some(decimal(&a.to_string()).cmp(&decimal(&b.to_string()))), a.partial_cmp(&b));
        }
    }
}
