//! Arithmetic: Jinja's, with limits on what `+` and `*` make of texts and lists.

use minijinja::Value;

use super::{
    Run, Stop,
    number::LOSES_DIGITS,
    print::{Output, PrintError, items_of},
    times,
    value::{Number, Scalar, Val},
};
use crate::{
    ast::{Arithmetic, Link},
    limits,
};

impl<'a> Run<'a> {
    /// Applies an operator.
    pub(super) fn arithmetic(
        &mut self,
        operator: Arithmetic,
        left: Val<'a>,
        right: Val<'a>,
        link: &'a Link,
    ) -> Result<Val<'a>, Stop> {
        let refused = |what: String| self.failed(&link.range, &what);
        if let Some(result) = times::calculate(operator, left.scalar(), right.scalar()) {
            return result.map(Val::Made).map_err(|what| refused(what.to_owned()));
        }
        let scalars = calculable(operator, left.scalar(), right.scalar()).map_err(|what| refused(what.to_owned()))?;
        match scalars {
            (Scalar::Number(a), Scalar::Number(b)) => {
                let number = calculate(operator, a, b).map_err(|what| refused(what.to_owned()))?;
                Ok(Val::Made(number.into()))
            }
            (Scalar::Text(a), Scalar::Text(b)) if operator == Arithmetic::Add => {
                let joined = join_texts(a, b).map_err(|error| refused(error.reason()))?;
                self.handle(joined.len(), &link.range)?;
                Ok(Val::Made(Value::from(joined)))
            }
            (Scalar::Text(text), Scalar::Number(times)) | (Scalar::Number(times), Scalar::Text(text))
                if operator == Arithmetic::Multiply =>
            {
                let times = repetitions(times, text.len(), limits::OUTPUT_BYTES).map_err(refused)?;
                let repeated = text.repeat(times);
                self.handle(repeated.len(), &link.range)?;
                Ok(Val::Made(Value::from(repeated)))
            }
            (Scalar::List, Scalar::List) if operator == Arithmetic::Add => {
                let mut items = self.list_items(left, link)?;
                items.extend(self.list_items(right, link)?);
                self.new_list(items, link)
            }
            (Scalar::List, Scalar::Number(times)) | (Scalar::Number(times), Scalar::List)
                if operator == Arithmetic::Multiply =>
            {
                let list = if matches!(left.scalar(), Scalar::List) { left } else { right };
                let items = self.list_items(list, link)?;
                let times = repetitions(times, items.len(), limits::ITEMS);
                let times = times.map_err(|what| self.failed(&link.range, &what))?;
                let repeated = std::iter::repeat_n(items, times).flatten().collect();
                self.new_list(repeated, link)
            }
            _ => Err(refused(format!("`{}` does not go with {} and {}", operator.as_str(), left.kind(), right.kind()))),
        }
    }

    fn list_items(&mut self, list: Val<'a>, link: &'a Link) -> Result<Vec<Value>, Stop> {
        let list = self.take_made(list, &link.range)?;
        Ok(items_of(&list).collect())
    }

    fn new_list(&mut self, items: Vec<Value>, link: &'a Link) -> Result<Val<'a>, Stop> {
        if items.len() > limits::ITEMS {
            return Err(self.failed(&link.range, &too_many_items()));
        }
        self.settle(Value::from(items), &link.range)
    }
}

/// What is calculated with. A whole number that is kept as a text, since JSON can't hold it, is the number.
fn calculable<'v>(
    operator: Arithmetic,
    left: Scalar<'v>,
    right: Scalar<'v>,
) -> Result<(Scalar<'v>, Scalar<'v>), &'static str> {
    if operator == Arithmetic::Add && matches!((left, right), (Scalar::Text(_), Scalar::Text(_))) {
        // Two texts of digits may be meant to be joined as well as to be added.
        let are_both_long = left.long_integer().is_some() && right.long_integer().is_some();
        return if are_both_long { Err(ADD_OR_JOIN) } else { Ok((left, right)) };
    }
    Ok((number_if_long(left)?, number_if_long(right)?))
}

const ADD_OR_JOIN: &str =
    "numbers of so many digits are kept as texts; write `a | int + b | int` to add them, `a ~ b` to join them";

fn number_if_long(scalar: Scalar<'_>) -> Result<Scalar<'_>, &'static str> {
    scalar.as_long_number().map_or(Ok(scalar), |number| number.map(Scalar::Number))
}

/// `-x`
pub(super) fn negate(value: &Val<'_>) -> Result<Value, String> {
    match number_if_long(value.scalar())? {
        Scalar::Number(Number::Whole(whole)) => {
            let negated = whole.checked_neg().ok_or_else(|| TOO_LARGE.to_owned())?;
            Ok(Number::Whole(negated).into())
        }
        Scalar::Number(Number::Real(real)) => Ok(Value::from(-real)),
        _ => Err(format!("`-` does not go with {}", value.kind())),
    }
}

/// `a ~ b`
pub(super) fn join(left: &Val<'_>, right: &Val<'_>) -> Result<String, PrintError> {
    let mut output = Output::default();
    output.print(left)?;
    output.print(right)?;
    Ok(output.into_text())
}

/// What a list may not be longer than, as the end of a sentence.
pub(super) fn too_many_items() -> String {
    format!("a list of more than {} items would be made", limits::ITEMS)
}

const TOO_LARGE: &str = "the number is too large";

fn join_texts(left: &str, right: &str) -> Result<String, PrintError> {
    let mut output = Output::default();
    output.push(left)?;
    output.push(right)?;
    Ok(output.into_text())
}

fn repetitions(times: Number, length: usize, most: usize) -> Result<usize, String> {
    let Number::Whole(times) = times else {
        return Err("something is repeated a whole number of times".to_owned());
    };
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    match length.checked_mul(times) {
        Some(total) if total <= most => Ok(if length == 0 { 0 } else { times }),
        _ => Err("the repetition would be too long".to_owned()),
    }
}

fn calculate(operator: Arithmetic, a: Number, b: Number) -> Result<Number, &'static str> {
    let number = match (a, b) {
        (Number::Whole(a), Number::Whole(b)) => calculate_whole(operator, a, b)?,
        (a, b) => calculate_real(operator, real(a)?, real(b)?)?,
    };
    match number {
        Number::Real(real) if !real.is_finite() => Err("the result is not a finite number"),
        number => Ok(number),
    }
}

fn real(number: Number) -> Result<f64, &'static str> {
    number.as_real().ok_or(LOSES_DIGITS)
}

const BY_ZERO: &str = "nothing can be divided by zero";

fn calculate_whole(operator: Arithmetic, a: i128, b: i128) -> Result<Number, &'static str> {
    let real = |number: i128| real(Number::Whole(number));
    let whole = match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide | Arithmetic::DivideWhole | Arithmetic::Remainder if b == 0 => return Err(BY_ZERO),
        Arithmetic::Divide => match (real(a), real(b)) {
            (Ok(a), Ok(b)) => return calculate_real(operator, a, b),
            _ if a.checked_rem(b) == Some(0) => a.checked_div(b),
            _ => return Err(LOSES_DIGITS),
        },
        // Rounded down and with the divisor's sign, as in Python.
        Arithmetic::DivideWhole => a.checked_rem(b).and_then(|remainder| {
            let is_rounded_up = remainder != 0 && (remainder < 0) != (b < 0);
            a.checked_div(b).map(|quotient| quotient - i128::from(is_rounded_up))
        }),
        Arithmetic::Remainder => a.checked_rem(b).map(|remainder| {
            let has_wrong_sign = remainder != 0 && (remainder < 0) != (b < 0);
            if has_wrong_sign { remainder + b } else { remainder }
        }),
        Arithmetic::Power if b < 0 => return calculate_real(operator, real(a)?, real(b)?),
        Arithmetic::Power => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
    };
    whole.map(Number::Whole).ok_or(TOO_LARGE)
}

fn calculate_real(operator: Arithmetic, a: f64, b: f64) -> Result<Number, &'static str> {
    let divides = matches!(operator, Arithmetic::Divide | Arithmetic::DivideWhole | Arithmetic::Remainder);
    if divides && b == 0.0 {
        return Err(BY_ZERO);
    }
    let real = match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::DivideWhole => (a / b).floor(),
        Arithmetic::Remainder => {
            let remainder = a % b;
            let has_wrong_sign = remainder != 0.0 && (remainder < 0.0) != (b < 0.0);
            if has_wrong_sign { remainder + b } else { remainder }
        }
        Arithmetic::Power => a.powf(b),
    };
    Ok(Number::Real(real))
}
