//! Ranges and slices.

use std::ops::Range;

use minijinja::Value;
use procession_domain::value::Json;

use super::{
    Run, Stop,
    arithmetic::too_many_items,
    compare::shown_text,
    print::items_of,
    value::{Number, Scalar, Val},
};
use crate::{
    ast::{Arguments, Expression, Link},
    limits,
};

impl<'a> Run<'a> {
    /// `range(stop)`, `range(start, stop)` or `range(start, stop, step)`
    pub(super) fn range(&mut self, arguments: &'a Arguments, range: &Range<usize>) -> Result<Val<'a>, Stop> {
        let mut numbers = Vec::new();
        for argument in &arguments.positional {
            numbers.push(self.whole(argument, false)?);
        }
        let (start, stop, step) = match *numbers.as_slice() {
            [Some(stop)] => (0, stop, 1),
            [Some(start), Some(stop)] => (start, stop, 1),
            [Some(start), Some(stop), Some(step)] if step != 0 => (start, stop, step),
            _ => return Err(self.failed(range, "`range` takes one to three whole numbers, and steps other than 0")),
        };
        let mut items = Vec::new();
        let mut next = start;
        while if step > 0 { next < stop } else { next > stop } {
            if items.len() == limits::ITEMS {
                return Err(self.failed(range, &too_many_items()));
            }
            items.push(Value::from(next));
            next = match next.checked_add(step) {
                Some(next) => next,
                None => break,
            };
        }
        self.settle(Value::from(items), range)
    }

    /// The whole number that an expression gives; `None` for none.
    fn whole(&mut self, expression: &'a Expression, is_lenient: bool) -> Result<Option<i64>, Stop> {
        let value = self.evaluate(expression, is_lenient)?;
        let whole = match value.scalar() {
            Scalar::None => return Ok(None),
            Scalar::Number(Number::Whole(whole)) => i64::try_from(whole).ok(),
            _ => None,
        };
        whole.map(Some).ok_or_else(|| {
            let what = format!("a whole number is needed, not {}", value.kind());
            self.failed(&expression.range, &what)
        })
    }

    /// `value[start:stop:step]`
    pub(super) fn slice(
        &mut self,
        parts: [Option<&'a Expression>; 3],
        value: &Val<'a>,
        link: &'a Link,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        let mut numbers = [None; 3];
        for (number, part) in numbers.iter_mut().zip(parts) {
            if let Some(part) = part {
                *number = self.whole(part, is_lenient)?;
            }
        }
        let step = numbers[2].unwrap_or(1);
        if step == 0 {
            return Err(self.failed(&link.range, "a slice has a step other than 0"));
        }
        if matches!(value, Val::Absent) {
            return Ok(Val::Absent);
        }
        if let Some(text) = shown_text(value) {
            self.handle(text.len() * 4, &link.range)?;
            let letters: Vec<char> = text.chars().collect();
            let chosen = positions(letters.len(), numbers[0], numbers[1], step);
            let sliced: String = chosen.map(|at| letters[at]).collect();
            return Ok(Val::Made(Value::from(sliced)));
        }
        match value {
            Val::Json(Json::Array(items), _) => {
                let mut chosen = Vec::new();
                for at in positions(items.len(), numbers[0], numbers[1], step) {
                    chosen.push(self.made(&items[at], &link.range)?);
                }
                self.settle(Value::from(chosen), &link.range)
            }
            Val::Made(made) if value.scalar() == Scalar::List => {
                let items: Vec<Value> = items_of(made).collect();
                let chosen: Vec<Value> =
                    positions(items.len(), numbers[0], numbers[1], step).map(|at| items[at].clone()).collect();
                self.settle(Value::from(chosen), &link.range)
            }
            _ => {
                let what = format!("only texts and lists can be sliced, not {}", value.kind());
                Err(self.failed(&link.range, &what))
            }
        }
    }
}

/// The places that a slice chooses, as in Python.
fn positions(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> impl Iterator<Item = usize> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |at: i64| {
        let from_start = if at < 0 { at.saturating_add(length) } else { at };
        from_start.clamp(lowest, highest)
    };
    let (first, end) = if step > 0 { (lowest, highest) } else { (highest, lowest) };
    let start = start.map_or(first, place);
    let stop = stop.map_or(end, place);
    let mut next = Some(start);
    std::iter::from_fn(move || {
        let at = next.filter(|at| if step > 0 { *at < stop } else { *at > stop })?;
        next = at.checked_add(step);
        usize::try_from(at).ok()
    })
}
