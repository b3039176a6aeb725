//! Points in time: texts of a date and a time with an offset. They compare as the moments that they are, not letter by
//! letter, and durations are added to them (spec 2.3).

use std::{cmp::Ordering, ops::Range};

use minijinja::Value;
use procession_domain::value::{Duration, DurationError, Timestamp};

use super::{
    Run, Stop,
    value::{Number, Scalar, Val},
};
use crate::{
    ast::{Arguments, Arithmetic},
    time::{moment_of, time_of},
};

const MICROS_PER_SECOND: i64 = 1_000_000;

impl<'a> Run<'a> {
    /// `time(text)`, `time(text, 'Europe/Berlin')`: a point in time, as `now()` writes it. Of nothing it is nothing.
    pub(super) fn time(&mut self, arguments: &'a Arguments, range: &Range<usize>) -> Result<Val<'a>, Stop> {
        let (text, zone) = match (arguments.positional.as_slice(), arguments.named.as_slice()) {
            ([text], []) => (text, None),
            ([text, zone], []) => (text, Some(zone)),
            ([text], [(name, zone)]) if name == "timezone" => (text, Some(zone)),
            _ => return Err(self.failed(range, "`time` takes a text and perhaps a time zone")),
        };
        let text = self.evaluate(text, false)?;
        if text.is_none() {
            return Ok(Val::Absent);
        }
        let text = self.printed(&text, range)?;
        let zone = match zone {
            Some(zone) => {
                let zone = self.evaluate(zone, false)?;
                Some(self.printed(&zone, range)?)
            }
            None => None,
        };
        match time_of(&text, zone.as_deref(), self.scope.now) {
            Ok(time) => Ok(Val::Made(Value::from(time.to_string()))),
            // What it says may hold what was read, which is not told.
            Err(_) => Err(self.failed(range, "the text is no time, or there is no such time zone")),
        }
    }
}

/// The order of two points in time; `None` if one of the texts is none.
pub(super) fn order_as_times(left: &str, right: &str) -> Option<Ordering> {
    Some(moment_of(left)?.cmp(&moment_of(right)?))
}

/// A point in time plus or minus a duration (a text such as `90m`, or seconds), or the seconds between two of them;
/// `None` if that is not what is calculated.
pub(super) fn calculate(
    operator: Arithmetic,
    left: Scalar<'_>,
    right: Scalar<'_>,
) -> Option<Result<Value, &'static str>> {
    let (time, other) = match (left, right) {
        (Scalar::Text(time), other) if moment_of(time).is_some() => (time, other),
        (other, Scalar::Text(time)) if operator == Arithmetic::Add && moment_of(time).is_some() => (time, other),
        _ => return None,
    };
    let time = time_of(time, None, Timestamp::from_micros(0)).ok()?;
    match (operator, other) {
        (Arithmetic::Subtract, Scalar::Text(other)) if moment_of(other).is_some() => {
            let earlier = time_of(other, None, time).ok()?;
            Some(Ok(seconds_between(time, earlier)))
        }
        (Arithmetic::Add | Arithmetic::Subtract, Scalar::Text(text)) => {
            let micros = match text.parse::<Duration>() {
                Ok(duration) => i64::try_from(duration.as_millis()).ok().and_then(|millis| millis.checked_mul(1_000)),
                Err(DurationError::TooLong(_)) => None,
                Err(DurationError::Malformed(_)) => return None,
            };
            Some(shifted(operator, time, micros))
        }
        (Arithmetic::Add | Arithmetic::Subtract, Scalar::Number(seconds)) => {
            Some(shifted(operator, time, micros_of(seconds)))
        }
        _ => None,
    }
}

fn seconds_between(time: Timestamp, earlier: Timestamp) -> Value {
    // Points in time lie within 10,000 years, so that neither overflows nor loses a digit.
    let micros = time.as_micros() - earlier.as_micros();
    if micros % MICROS_PER_SECOND == 0 {
        Value::from(micros / MICROS_PER_SECOND)
    } else {
        #[expect(clippy::cast_precision_loss, reason = "microseconds of 285 years are exact, and of more nobody asks")]
        Value::from(micros as f64 / MICROS_PER_SECOND as f64)
    }
}

fn micros_of(seconds: Number) -> Option<i64> {
    match seconds {
        Number::Whole(seconds) => i64::try_from(seconds).ok()?.checked_mul(MICROS_PER_SECOND),
        #[expect(clippy::cast_possible_truncation, reason = "what is beyond the years that there are is refused later")]
        Number::Real(seconds) => seconds.is_finite().then_some((seconds * 1e6).round() as i64),
    }
}

fn shifted(operator: Arithmetic, time: Timestamp, micros: Option<i64>) -> Result<Value, &'static str> {
    let micros = micros.and_then(|micros| match operator {
        Arithmetic::Subtract => time.as_micros().checked_sub(micros),
        Arithmetic::Add
        | Arithmetic::Multiply
        | Arithmetic::Divide
        | Arithmetic::DivideWhole
        | Arithmetic::Remainder
        | Arithmetic::Power => time.as_micros().checked_add(micros),
    });
    let shifted = micros.map(Timestamp::from_micros).filter(|shifted| Some(shifted.as_micros()) == micros);
    shifted.map(|time| Value::from(time.to_string())).ok_or("the time would be beyond the years 1 to 9999")
}
