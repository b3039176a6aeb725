//! What an unquoted text means: YAML 1.2's core schema, without the surprises of its number formats.

/// The meaning of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer,
    /// A number with a point or an exponent.
    Float,
    /// Anything else.
    Text,
}

impl Resolved {
    /// The meaning of an unquoted scalar. Leading zeros make a text (`0123` is no number that everyone reads alike), and
    /// so do `yes` and `no`.
    pub fn of_plain(text: &str) -> Self {
        // Nearly all texts begin with a letter that no other meaning begins with.
        let may_mean_more = matches!(
            text.as_bytes().first(),
            None | Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F')
        );
        if !may_mean_more {
            return Self::Text;
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            _ if is_integer(text) => Self::Integer,
            _ if is_float(text) => Self::Float,
            _ => Self::Text,
        }
    }

    /// The meaning under a tag such as `!!str`; `None` when the tag has none here.
    pub fn of_tagged(tag: &str, text: &str) -> Option<Self> {
        match tag {
            "str" => Some(Self::Text),
            "null" => Some(Self::Null),
            "bool" | "int" | "float" => Some(Self::of_plain(text)),
            _ => None,
        }
    }

    /// What it is, in words for messages.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer | Self::Float => "a number",
            Self::Text => "a text",
        }
    }
}

fn is_integer(text: &str) -> bool {
    let digits_of = |digits: &str, radix: u32| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    if let Some(digits) = text.strip_prefix("0x") {
        return digits_of(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return digits_of(digits, 8);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits_of(digits, 10) && (digits.len() == 1 || !digits.starts_with('0'))
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_point_or_exponent = mantissa.contains('.') || exponent.is_some();
    exponent_fits
        && has_point_or_exponent
        && digits(whole)
        && digits(decimals)
        && !(whole.is_empty() && decimals.is_empty())
        && (whole.len() <= 1 || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unquoted_texts_mean_what_the_core_schema_says() {
        let cases = [
            ("", Resolved::Null),
            ("~", Resolved::Null),
            ("Null", Resolved::Null),
            ("true", Resolved::Bool(true)),
            ("FALSE", Resolved::Bool(false)),
            ("yes", Resolved::Text),
            ("off", Resolved::Text),
            ("0", Resolved::Integer),
            ("-17", Resolved::Integer),
            ("0x1F", Resolved::Integer),
            ("0o17", Resolved::Integer),
            ("0123", Resolved::Text),
            ("1_000", Resolved::Text),
            ("10:30", Resolved::Text),
            ("1.10", Resolved::Float),
            (".5", Resolved::Float),
            ("1.", Resolved::Float),
            ("1e3", Resolved::Float),
            ("-.inf", Resolved::Float),
            ("1.0.0", Resolved::Text),
            ("01.5", Resolved::Text),
            (".", Resolved::Text),
            ("e5", Resolved::Text),
            ("-", Resolved::Text),
            ("2026-11-21", Resolved::Text),
        ];
        for (text, expected) in cases {
            assert_eq!(Resolved::of_plain(text), expected, "{text:?}");
        }
    }
}
