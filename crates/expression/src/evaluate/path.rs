//! Following paths through the scope.

use std::{borrow::Cow, fmt::Write as _, ops::Range};

use minijinja::{Value, value::ValueKind};
use procession_domain::value::Json;

use super::{
    Mode, Run, Stop,
    locals::Local,
    missing::Gap,
    print::preview,
    value::{Number, Scalar, Shown, Val},
    variables::{self, Found},
};
use crate::ast::{Expression, Path, Segment};

/// A name or number on a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Key<'a> {
    Name(Cow<'a, str>),
    Index(i64),
}

/// A path whose computed parts are worked out.
pub struct Trail<'a> {
    pub root: &'a str,
    pub segments: &'a [Segment],
    pub keys: Vec<Key<'a>>,
}

impl<'a> Run<'a> {
    /// The value at the end of a path.
    pub fn path(&mut self, path: &'a Path, expression: &'a Expression, is_lenient: bool) -> Result<Val<'a>, Stop> {
        let mut keys = Vec::with_capacity(path.segments.len());
        for segment in &path.segments {
            match self.key(segment, is_lenient)? {
                Some(key) => keys.push(key),
                None => return Ok(Val::Undefined),
            }
        }
        let trail = Trail { root: &path.root, segments: &path.segments, keys };
        let (found, is_local) = match self.follow_local(&trail) {
            Some(found) => (found, true),
            None => (self.follow(&trail, &expression.range)?, false),
        };
        let value = match found {
            Ok(value) => value,
            Err(_) if is_lenient => Val::Undefined,
            Err(gap) => {
                let missing = self.explain(&trail, gap);
                self.undefined(missing, &expression.range, false)?
            }
        };
        if self.mode == Mode::Condition && !is_local {
            self.values.entry(trail.text()).or_insert_with(|| preview(&value));
        }
        Ok(value)
    }

    /// The key that a segment is; `None` if a lenient one is undefined.
    pub fn key(&mut self, segment: &'a Segment, is_lenient: bool) -> Result<Option<Key<'a>>, Stop> {
        let expression = match segment {
            Segment::Name(name) => return Ok(Some(Key::Name(Cow::Borrowed(name)))),
            Segment::Index(index) => return Ok(Some(Key::Index(*index))),
            Segment::Computed(expression) => expression,
        };
        let value = self.evaluate(expression, is_lenient)?;
        if matches!(value, Val::Undefined) {
            return Ok(None);
        }
        let Some(key) = Key::of(&value) else {
            let what = format!("{} is no name or index of anything", value.kind());
            return Err(self.failed(&expression.range, &what));
        };
        Ok(Some(key))
    }

    /// Follows a path from one of the variables.
    fn follow(&mut self, trail: &Trail<'a>, range: &Range<usize>) -> Result<Result<Val<'a>, Gap<'a>>, Stop> {
        let (found, before) = if trail.root == "steps" {
            let step = trail.keys.first().map(|id| self.scope.steps.get(id.to_text().as_ref()));
            match step {
                None => (Found::Whole(self.all_steps(), 0), 0),
                Some(Some(step)) => (variables::step(step, trail.name(1), trail.name(2)), 1),
                Some(None) => return Ok(Err(Gap::Step)),
            }
        } else {
            match variables::variable(self.scope, trail.root, trail.name(0)) {
                Some(found) => (found, 0),
                None => return Ok(Err(Gap::Root)),
            }
        };
        let (value, followed) = match found {
            Found::Value(value, followed) => (value, before + followed),
            Found::Whole(json, followed) => (Val::Made(self.made(&json, range)?), before + followed),
            Found::Missing { known, available } => {
                let at = before + known;
                return Ok(Err(Gap::Field { at, available }));
            }
        };
        Ok(descend_all(value, trail, followed))
    }

    /// Follows a path from a name that the text has given; `None` if it gave no such name.
    fn follow_local(&self, trail: &Trail<'a>) -> Option<Result<Val<'a>, Gap<'a>>> {
        let found = match self.local(trail.root)? {
            Local::Value(Val::Undefined) => Err(Gap::Unset),
            Local::Value(value) => descend_all(value.clone(), trail, 0),
            Local::Loop(turn) => match turn.field(trail.name(0).unwrap_or_default()) {
                Some(value) => descend_all(value, trail, 1),
                None => Err(Gap::Field { at: 0, available: super::locals::LOOP_FIELDS.to_vec() }),
            },
        };
        Some(found)
    }

    fn all_steps(&self) -> Json {
        let steps = self.scope.steps.iter();
        Json::Object(steps.map(|(id, step)| (id.as_str().to_owned(), variables::step_json(step))).collect())
    }
}

/// Follows the keys from `followed` on.
fn descend_all<'a>(value: Val<'a>, trail: &Trail<'a>, followed: usize) -> Result<Val<'a>, Gap<'a>> {
    let mut value = value;
    for (at, key) in trail.keys.iter().enumerate().skip(followed) {
        match descend(&value, key) {
            Some(found) => value = found,
            None => return Err(Gap::Within { at, value }),
        }
    }
    Ok(value)
}

/// One step down; `None` if there is nothing.
pub fn descend<'a>(value: &Val<'a>, key: &Key<'_>) -> Option<Val<'a>> {
    match value {
        Val::Undefined => Some(Val::Undefined),
        Val::Absent => Some(Val::Absent),
        Val::Json(json, _) => {
            let found = match (json, key) {
                (Json::Object(fields), key) => fields.get(key.to_text().as_ref()),
                (Json::Array(items), Key::Index(index)) => items.get(position(*index, items.len())?),
                _ => None,
            };
            found.map(|json| Val::Json(json, Shown::Plain))
        }
        Val::Made(value) => {
            let found = match (value.kind(), key) {
                (ValueKind::Map | ValueKind::Seq, Key::Name(name)) => value.get_attr(name).ok(),
                (ValueKind::Map, Key::Index(index)) => {
                    let by_number = value.get_item(&Value::from(*index)).ok();
                    let by_number = by_number.filter(|found| !found.is_undefined());
                    by_number.or_else(|| value.get_attr(&index.to_string()).ok())
                }
                (ValueKind::Seq, Key::Index(index)) => value.get_item_by_index(position(*index, value.len()?)?).ok(),
                _ => None,
            };
            found.filter(|found| !found.is_undefined()).map(Val::Made)
        }
    }
}

/// The place in a list that an index means; from its end if it is negative.
fn position(index: i64, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

impl Trail<'_> {
    /// The name at a place, if it is one.
    pub fn name(&self, at: usize) -> Option<&str> {
        match self.keys.get(at) {
            Some(Key::Name(name)) => Some(name),
            Some(Key::Index(_)) | None => None,
        }
    }

    /// The path as people write it, with what its computed parts gave.
    fn text(&self) -> String {
        let mut text = self.root.to_owned();
        for key in &self.keys {
            match key {
                Key::Name(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Key::Index(index) => drop(write!(text, "[{index}]")),
            }
        }
        text
    }
}

impl Key<'_> {
    /// The key that a value is, if it is a text or a whole number.
    pub fn of(value: &Val<'_>) -> Option<Self> {
        match value.scalar() {
            Scalar::Text(text) => Some(Self::Name(Cow::Owned(text.to_owned()))),
            Scalar::Number(Number::Whole(whole)) => i64::try_from(whole).ok().map(Self::Index),
            _ => None,
        }
    }

    /// The key as a name.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Name(name) => Cow::Borrowed(name),
            Self::Index(index) => Cow::Owned(index.to_string()),
        }
    }
}
