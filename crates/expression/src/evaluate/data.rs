//! Handing values to minijinja's filters and taking their results, with an eye on their size: no value grows beyond what
//! is printed in bounded time, is nested deeper than the stack allows, or stays lazy.

use std::{ops::Range, sync::Arc};

use indexmap::IndexMap;
use minijinja::{
    Value,
    value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind},
};
use procession_domain::value::Json;

use super::{Run, Stop, print::items_of, value::Val};
use crate::limits;

/// What an item of a list or mapping counts, in bytes.
const ITEM_BYTES: usize = 16;

/// Why a value is refused.
enum Unsettled {
    TooLarge,
    TooDeep,
    /// It is none: reading it failed.
    Invalid,
}

/// A group of the filter `groupby`: a pair whose parts also have names.
#[derive(Debug)]
struct Group {
    grouper: Value,
    list: Value,
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_usize(), key.as_str()) {
            (Some(0), _) | (_, Some("grouper")) => Some(self.grouper.clone()),
            (Some(1), _) | (_, Some("list")) => Some(self.list.clone()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }
}

impl<'a> Run<'a> {
    /// Notes that so much data was handled.
    pub(super) fn handle(&mut self, bytes: usize, range: &Range<usize>) -> Result<(), Stop> {
        self.data = self.data.saturating_add(bytes);
        if self.data <= limits::DATA_BYTES {
            return Ok(());
        }
        let what = format!("the text handles more than {} MiB of data", limits::DATA_BYTES >> 20);
        Err(self.failed(range, &what))
    }

    /// A value as minijinja's.
    pub(super) fn take_made(&mut self, value: Val<'a>, range: &Range<usize>) -> Result<Value, Stop> {
        match value {
            Val::Undefined => Ok(Value::UNDEFINED),
            Val::Absent => Ok(Value::from(())),
            Val::Json(json, _) => self.made(json, range),
            Val::Made(value) => Ok(value),
        }
    }

    /// A part of the scope as minijinja's value.
    pub(super) fn made(&mut self, json: &Json, range: &Range<usize>) -> Result<Value, Stop> {
        let mut room = limits::VALUE_BYTES;
        let made = convert(json, 0, &mut room);
        let made = made.map_err(|error| self.refused(&error, range))?;
        self.handle(limits::VALUE_BYTES - room, range)?;
        Ok(made)
    }

    /// Takes a value that a filter or a literal has made, with everything lazy in it worked out.
    pub(super) fn settle(&mut self, value: Value, range: &Range<usize>) -> Result<Val<'a>, Stop> {
        let mut room = limits::VALUE_BYTES;
        let settled = settled(&value, 0, &mut room);
        let settled = settled.map_err(|error| self.refused(&error, range))?;
        self.handle(limits::VALUE_BYTES - room, range)?;
        let value = settled.unwrap_or(value);
        Ok(if value.is_undefined() { Val::Undefined } else { Val::Made(value) })
    }

    fn refused(&self, error: &Unsettled, range: &Range<usize>) -> Stop {
        let what = match error {
            Unsettled::TooLarge => format!("a value in it is larger than {} MiB", limits::VALUE_BYTES >> 20),
            Unsettled::TooDeep => format!("a value in it is nested more than {} levels deep", limits::VALUE_DEPTH),
            Unsettled::Invalid => "its items can't be read".to_owned(),
        };
        self.failed(range, &what)
    }
}

fn take(room: &mut usize, bytes: usize) -> Result<(), Unsettled> {
    *room = room.checked_sub(bytes).ok_or(Unsettled::TooLarge)?;
    Ok(())
}

fn convert(json: &Json, depth: usize, room: &mut usize) -> Result<Value, Unsettled> {
    if depth > limits::VALUE_DEPTH {
        return Err(Unsettled::TooDeep);
    }
    match json {
        Json::Null => Ok(Value::from(())),
        Json::Bool(truth) => Ok(Value::from(*truth)),
        Json::Number(number) => Ok(super::value::Number::of_json(number).into()),
        Json::String(text) => {
            take(room, text.len())?;
            Ok(Value::from(text.as_str()))
        }
        Json::Array(items) => {
            take(room, items.len().saturating_mul(ITEM_BYTES))?;
            let items: Result<Vec<Value>, Unsettled> =
                items.iter().map(|item| convert(item, depth + 1, room)).collect();
            Ok(Value::from(items?))
        }
        Json::Object(fields) => {
            let mut pairs = Vec::with_capacity(fields.len());
            for (name, field) in fields {
                take(room, ITEM_BYTES + name.len())?;
                pairs.push((Value::from(name.as_str()), convert(field, depth + 1, room)?));
            }
            Ok(Value::from_pairs(pairs))
        }
    }
}

/// Checks a value's size and depth. What is lazy in it is replaced: `None` if nothing is.
fn settled(value: &Value, depth: usize, room: &mut usize) -> Result<Option<Value>, Unsettled> {
    if depth > limits::VALUE_DEPTH {
        return Err(Unsettled::TooDeep);
    }
    match value.kind() {
        ValueKind::String => {
            take(room, value.as_str().map_or(0, str::len))?;
            Ok(None)
        }
        ValueKind::Seq | ValueKind::Iterable => settled_list(value, depth, room),
        ValueKind::Map => settled_map(value, depth, room),
        ValueKind::Invalid => Err(Unsettled::Invalid),
        _ => Ok(None),
    }
}

fn settled_list(value: &Value, depth: usize, room: &mut usize) -> Result<Option<Value>, Unsettled> {
    let is_plain = value.downcast_object_ref::<Vec<Value>>().is_some()
        || value.downcast_object_ref::<Tuple>().is_some()
        || value.downcast_object_ref::<Group>().is_some();
    let mut is_changed = !is_plain;
    let mut items = Vec::new();
    for item in items_of(value) {
        take(room, ITEM_BYTES)?;
        let replaced = settled(&item, depth + 1, room)?;
        is_changed |= replaced.is_some();
        items.push(replaced.unwrap_or(item));
    }
    if !is_changed {
        return Ok(None);
    }
    let is_group = value.get_attr("grouper").is_ok_and(|grouper| !grouper.is_undefined());
    match <[Value; 2]>::try_from(items) {
        Ok([grouper, list]) if is_group => Ok(Some(Value::from_object(Group { grouper, list }))),
        Ok(pair) => Ok(Some(Value::from(Vec::from(pair)))),
        Err(items) => Ok(Some(Value::from(items))),
    }
}

fn settled_map(value: &Value, depth: usize, room: &mut usize) -> Result<Option<Value>, Unsettled> {
    let mut is_changed = value.downcast_object_ref::<IndexMap<Value, Value>>().is_none();
    let mut pairs = Vec::new();
    for key in items_of(value) {
        take(room, ITEM_BYTES + key.as_str().map_or(0, str::len))?;
        let field = value.get_item(&key).unwrap_or_default();
        let replaced = settled(&field, depth + 1, room)?;
        is_changed |= replaced.is_some();
        pairs.push((key, replaced.unwrap_or(field)));
    }
    Ok(is_changed.then(|| Value::from_pairs(pairs)))
}
