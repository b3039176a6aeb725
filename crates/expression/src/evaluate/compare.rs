//! Comparison. Conditions have rules of their own (spec 2.3): undefined is none, texts that read as numbers compare with
//! numbers, and what does not compare is false and noted. Templates compare as Jinja does. Points in time compare as the
//! moments that they are in both.

use std::{borrow::Cow, cmp::Ordering};

use minijinja::{Value, value::ValueKind};
use procession_domain::{definition::StepType, value::Json};

use super::{
    Mode, Run, Stop,
    number::compare_as_long_integers,
    print::{Output, items_of},
    times::order_as_times,
    value::{Scalar, Shown, Val, scalar_of},
};
use crate::{
    ast::{Comparator, Comparison, Link},
    words::{Word, decision_meant},
};

impl<'a> Run<'a> {
    /// A chain of comparisons: true if each holds.
    pub(super) fn comparisons(
        &mut self,
        comparisons: &'a [Comparison],
        value: Val<'a>,
        link: &'a Link,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        let mut left = value;
        for comparison in comparisons {
            let right = self.evaluate(&comparison.right, is_lenient)?;
            let holds = match self.mode {
                Mode::Condition => self.holds(comparison, &left, &right, link)?,
                Mode::Template(_) => self.holds_in_template(comparison.operator, &left, &right, link)?,
            };
            if !holds {
                return Ok(Val::Made(Value::from(false)));
            }
            left = right;
        }
        Ok(Val::Made(Value::from(true)))
    }

    /// Compares as conditions do.
    fn holds(&mut self, comparison: &Comparison, left: &Val<'a>, right: &Val<'a>, link: &Link) -> Result<bool, Stop> {
        let word = comparison.word.as_ref();
        match comparison.operator {
            Comparator::Equal => self.equal(left, right, word, link),
            Comparator::NotEqual => Ok(!self.equal(left, right, word, link)?),
            Comparator::Less => Ok(self.order(left, right, link)? == Some(Ordering::Less)),
            Comparator::Greater => Ok(self.order(left, right, link)? == Some(Ordering::Greater)),
            Comparator::LessOrEqual => Ok(self.order(left, right, link)?.is_some_and(Ordering::is_le)),
            Comparator::GreaterOrEqual => Ok(self.order(left, right, link)?.is_some_and(Ordering::is_ge)),
            Comparator::In => self.contained(left, right, word, link),
            Comparator::NotIn => Ok(!self.contained(left, right, word, link)?),
            Comparator::Contains => self.contained(right, left, word, link),
            Comparator::ContainsNot => Ok(!self.contained(right, left, word, link)?),
        }
    }

    fn equal(&mut self, left: &Val<'a>, right: &Val<'a>, word: Option<&Word>, link: &Link) -> Result<bool, Stop> {
        let is_equal = match (left.scalar(), right.scalar()) {
            (Scalar::None, Scalar::None) => true,
            (Scalar::Bool(a), Scalar::Bool(b)) => a == b,
            (Scalar::Bool(truth), Scalar::Text(text)) | (Scalar::Text(text), Scalar::Bool(truth)) => {
                text.trim().eq_ignore_ascii_case(if truth { "true" } else { "false" })
            }
            (Scalar::Number(a), Scalar::Number(b)) => a.compare(b) == Some(Ordering::Equal),
            (Scalar::Number(number), Scalar::Text(text)) | (Scalar::Text(text), Scalar::Number(number)) => {
                number.compare_with_text(text) == Some(Ordering::Equal)
            }
            (Scalar::Text(a), Scalar::Text(b)) => {
                self.handle(a.len().min(b.len()), &link.range)?;
                self.equal_texts(a, b, word)
            }
            (Scalar::List, Scalar::List) | (Scalar::Mapping, Scalar::Mapping) => {
                let left = self.take_made(left.clone(), &link.range)?;
                self.handle(left.len().unwrap_or(0), &link.range)?;
                left == self.take_made(right.clone(), &link.range)?
            }
            // An agent's reply or an approval's comments as a whole are their text.
            (Scalar::List | Scalar::Mapping, Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_)) => {
                match shown_text(left) {
                    Some(text) => self.equal(&Val::Made(Value::from(text.as_ref())), right, word, link)?,
                    None => false,
                }
            }
            (Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_), Scalar::List | Scalar::Mapping) => {
                return self.equal(right, left, word, link);
            }
            _ => false,
        };
        Ok(is_equal)
    }

    fn equal_texts(&self, a: &str, b: &str, word: Option<&Word>) -> bool {
        match word {
            None => a == b || order_as_times(a, b).is_some_and(Ordering::is_eq),
            Some(Word::Status) => a.eq_ignore_ascii_case(b),
            Some(Word::Decision { step }) => {
                let view = step.as_ref().and_then(|step| self.scope.steps.get(step.as_str()));
                let is_other_type = view.is_some_and(|view| view.step_type != StepType::HumanApproval);
                if is_other_type {
                    return a == b;
                }
                match (decision_meant(a), decision_meant(b)) {
                    (Some(a), Some(b)) => a == b,
                    _ => a == b,
                }
            }
        }
    }

    /// The order of two values; `None`, with a note, if they have none.
    fn order(&mut self, left: &Val<'a>, right: &Val<'a>, link: &Link) -> Result<Option<Ordering>, Stop> {
        let as_text = |value: &Val<'a>| match shown_text(value) {
            Some(Cow::Owned(text)) => Val::Made(Value::from(text)),
            Some(Cow::Borrowed(text)) if value.scalar() == Scalar::Mapping => Val::Made(Value::from(text)),
            _ => value.clone(),
        };
        let (left, right) = (&as_text(left), &as_text(right));
        let order = match (left.scalar(), right.scalar()) {
            (Scalar::Number(a), Scalar::Number(b)) => a.compare(b),
            (Scalar::Number(a), Scalar::Text(b)) => a.compare_with_text(b),
            (Scalar::Text(a), Scalar::Number(b)) => b.compare_with_text(a).map(Ordering::reverse),
            (Scalar::Text(a), Scalar::Text(b)) => {
                self.handle(a.len().min(b.len()), &link.range)?;
                Some(order_by_meaning(a, b).unwrap_or_else(|| a.cmp(b)))
            }
            _ => None,
        };
        if order.is_none() && !left.is_missing() && !right.is_missing() {
            let (excerpt, place) = (self.excerpt(&link.range), self.place(link.range.start));
            let (left, right) = (left.kind(), right.kind());
            self.warn(format!("`{excerpt}`{place} compares {left} with {right}: it counts as false."));
        }
        Ok(order)
    }

    /// Whether something is in a text, a list, or the keys of a mapping.
    fn contained(&mut self, item: &Val<'a>, whole: &Val<'a>, word: Option<&Word>, link: &Link) -> Result<bool, Stop> {
        if let Some(text) = shown_text(whole) {
            self.handle(text.len(), &link.range)?;
            return match item.scalar() {
                Scalar::None => Ok(false),
                _ => Ok(text.contains(&self.printed(item, &link.range)?)),
            };
        }
        match whole.scalar() {
            Scalar::List => {
                for member in self.members(whole, link)? {
                    if self.equal(item, &member, word, link)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Scalar::Mapping => Ok(has_key(whole, item)),
            Scalar::None | Scalar::Bool(_) | Scalar::Number(_) | Scalar::Text(_) | Scalar::Other => {
                if !whole.is_missing() {
                    let (excerpt, place) = (self.excerpt(&link.range), self.place(link.range.start));
                    let kind = whole.kind();
                    self.warn(format!("`{excerpt}`{place} looks into {kind}: it counts as false."));
                }
                Ok(false)
            }
        }
    }

    fn members(&mut self, list: &Val<'a>, link: &Link) -> Result<Vec<Val<'a>>, Stop> {
        let members: Vec<Val<'a>> = match list {
            Val::Json(Json::Array(items), _) => items.iter().map(|item| Val::Json(item, Shown::Plain)).collect(),
            Val::Made(value) => items_of(value).map(Val::Made).collect(),
            _ => Vec::new(),
        };
        self.handle(members.len() * 32, &link.range)?;
        Ok(members)
    }

    /// Compares as Jinja does.
    fn holds_in_template(
        &mut self,
        operator: Comparator,
        left: &Val<'a>,
        right: &Val<'a>,
        link: &Link,
    ) -> Result<bool, Stop> {
        match operator {
            Comparator::In => return self.contained_in_template(left, right, link),
            Comparator::NotIn => return Ok(!self.contained_in_template(left, right, link)?),
            Comparator::Contains => return self.contained_in_template(right, left, link),
            Comparator::ContainsNot => return Ok(!self.contained_in_template(right, left, link)?),
            _ => {}
        }
        if let Some(order) = order_of_meant(left.scalar(), right.scalar()) {
            return Ok(holds_for(operator, order));
        }
        let is_text = |value: &Val<'_>| matches!(value.scalar(), Scalar::Text(_));
        let with_text = is_text(left) || is_text(right);
        let mut plain = |value: &Val<'a>| match shown_text(value).filter(|_| with_text) {
            Some(text) => {
                self.handle(text.len(), &link.range)?;
                Ok(Value::from(text.as_ref()))
            }
            None => self.take_made(value.clone(), &link.range),
        };
        let (left, right) = (plain(left)?, plain(right)?);
        self.handle(left.len().unwrap_or(0), &link.range)?;
        Ok(match operator {
            Comparator::Equal => left == right,
            Comparator::NotEqual => left != right,
            Comparator::Less => left < right,
            Comparator::LessOrEqual => left <= right,
            Comparator::Greater => left > right,
            Comparator::GreaterOrEqual => left >= right,
            Comparator::In | Comparator::NotIn | Comparator::Contains | Comparator::ContainsNot => false,
        })
    }

    fn contained_in_template(&mut self, item: &Val<'a>, whole: &Val<'a>, link: &Link) -> Result<bool, Stop> {
        if let Some(text) = shown_text(whole) {
            self.handle(text.len(), &link.range)?;
            return Ok(text.contains(&self.printed(item, &link.range)?));
        }
        match whole.scalar() {
            Scalar::List => {
                let item = self.take_made(item.clone(), &link.range)?;
                for member in self.members(whole, link)? {
                    let member = self.take_made(member, &link.range)?;
                    let is_meant = order_of_meant(scalar_of(&item), scalar_of(&member)).is_some_and(Ordering::is_eq);
                    if is_meant || item == member {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Scalar::Mapping => Ok(has_key(whole, item)),
            Scalar::None if whole.is_missing() => Ok(false),
            Scalar::None | Scalar::Bool(_) | Scalar::Number(_) | Scalar::Text(_) | Scalar::Other => {
                let what = format!("nothing can be in {}", whole.kind());
                Err(self.failed(&link.range, &what))
            }
        }
    }
}

/// The order of two texts that are numbers of many digits or points in time.
fn order_by_meaning(left: &str, right: &str) -> Option<Ordering> {
    compare_as_long_integers(left, right).or_else(|| order_as_times(left, right))
}

/// The order of two points in time, or of two values one of which is a whole number that is kept as a text, the other a
/// number of any kind.
fn order_of_meant(left: Scalar<'_>, right: Scalar<'_>) -> Option<Ordering> {
    match (left, right) {
        (Scalar::Text(a), Scalar::Text(b)) => order_by_meaning(a, b),
        (Scalar::Number(number), text) => number.compare_with_text(text.long_integer()?),
        (text, Scalar::Number(number)) => number.compare_with_text(text.long_integer()?).map(Ordering::reverse),
        _ => None,
    }
}

const fn holds_for(operator: Comparator, order: Ordering) -> bool {
    match operator {
        Comparator::Equal => order.is_eq(),
        Comparator::NotEqual => order.is_ne(),
        Comparator::Less => order.is_lt(),
        Comparator::LessOrEqual => order.is_le(),
        Comparator::Greater => order.is_gt(),
        Comparator::GreaterOrEqual => order.is_ge(),
        Comparator::In | Comparator::NotIn | Comparator::Contains | Comparator::ContainsNot => false,
    }
}

fn has_key(mapping: &Val<'_>, key: &Val<'_>) -> bool {
    match (mapping, key.scalar()) {
        (Val::Json(Json::Object(fields), _), Scalar::Text(key)) => fields.contains_key(key),
        (Val::Made(value), Scalar::Text(key)) if value.kind() == ValueKind::Map => {
            value.get_attr(key).is_ok_and(|found| !found.is_undefined())
        }
        _ => false,
    }
}

/// The text that a value is or is shown as: an agent's reply, the lines of comments.
pub(super) fn shown_text<'v>(value: &'v Val<'_>) -> Option<Cow<'v, str>> {
    match value {
        Val::Json(Json::Object(fields), Shown::Reply) => fields.get("response")?.as_str().map(Cow::Borrowed),
        Val::Json(Json::Array(_), Shown::Lines) => {
            let mut output = Output::default();
            output.print(value).ok()?;
            Some(Cow::Owned(output.into_text()))
        }
        _ => match value.scalar() {
            Scalar::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        },
    }
}
