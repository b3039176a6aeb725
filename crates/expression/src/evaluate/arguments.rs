//! What is given to filters, tests and methods, and the calls themselves.

use std::ops::Range;

use minijinja::{
    Value,
    value::{Kwargs, ValueKind},
};

use procession_domain::value::Json;

use super::{
    Run, Stop,
    compare::shown_text,
    filters,
    missing::Missing,
    value::{Scalar, Shown, Val},
};
use crate::{
    ast::{Arguments, Link},
    limits,
};

/// Filters that work on texts: anything else is printed first, as readers see it.
const TEXT_FILTERS: &[&str] = &[
    "capitalize",
    "e",
    "escape",
    "indent",
    "lines",
    "lower",
    "replace",
    "safe",
    "split",
    "string",
    "title",
    "trim",
    "truncate",
    "upper",
    "wordcount",
];

/// Filters that take a text apart into its letters, if they are given one.
const LIST_FILTERS: &[&str] = &[
    "batch",
    "chain",
    "groupby",
    "join",
    "list",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "select",
    "selectattr",
    "slice",
    "sort",
    "sum",
    "unique",
    "zip",
];

impl<'a> Run<'a> {
    /// Evaluates arguments; `None` if one is undefined, in a lenient expression. `as_texts`: they are printed first.
    fn arguments(
        &mut self,
        arguments: &'a Arguments,
        as_texts: bool,
        is_lenient: bool,
        range: &Range<usize>,
    ) -> Result<Option<Vec<Value>>, Stop> {
        let mut values = Vec::with_capacity(arguments.positional.len() + 1);
        for argument in &arguments.positional {
            match self.evaluate(argument, is_lenient)? {
                Val::Undefined => return Ok(None),
                value if as_texts => values.push(Value::from(self.printed(&value, range)?)),
                value => values.push(self.take_made(value, range)?),
            }
        }
        let mut named = Vec::new();
        for (name, argument) in &arguments.named {
            match self.evaluate(argument, is_lenient)? {
                Val::Undefined => return Ok(None),
                value => named.push((name.as_str(), self.take_made(value, range)?)),
            }
        }
        if !named.is_empty() {
            values.push(named.into_iter().collect::<Kwargs>().into());
        }
        Ok(Some(values))
    }

    /// Applies a filter.
    pub(super) fn filter(
        &mut self,
        name: &str,
        arguments: &'a Arguments,
        value: Val<'a>,
        link: &'a Link,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        let Some(arguments) = self.arguments(arguments, name == "replace", is_lenient, &link.range)? else {
            return Ok(Val::Undefined);
        };
        self.apply(name, value, arguments, &link.range, is_lenient)
    }

    /// Applies a filter to a value that is there.
    pub(super) fn apply(
        &mut self,
        name: &str,
        value: Val<'a>,
        arguments: Vec<Value>,
        range: &Range<usize>,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        if matches!(value, Val::Absent) {
            return Ok(filter_absent(name));
        }
        if let Some(found) = shortcut(name, &value, &arguments) {
            return Ok(found);
        }
        let kind = value.kind();
        let is_text = matches!(value.scalar(), Scalar::Text(_));
        let value = if TEXT_FILTERS.contains(&name) && !is_text {
            Value::from(self.printed(&value, range)?)
        } else {
            self.take_made(value, range)?
        };
        let size = value.as_str().map_or_else(|| value.len().unwrap_or(0) * 16, str::len);
        if value.kind() == ValueKind::String && LIST_FILTERS.contains(&name) && size > limits::ITEMS {
            let what = format!("`{name}` would take a text of {size} bytes apart");
            return Err(self.failed(range, &what));
        }
        self.handle(size, range)?;
        let mut given = vec![value];
        given.extend(arguments);
        let state = self.filters.get_or_insert_with(filters::state);
        match state.apply_filter(name, &given) {
            Ok(made) => match self.settle(made, range)? {
                Val::Undefined => {
                    let subject = self.excerpt(range);
                    let hint = String::new();
                    self.undefined(Missing { subject, hint }, range, is_lenient)
                }
                value => Ok(value),
            },
            Err(error) => {
                let what = filters::reason(&error, &format!("the filter `{name}`"), kind);
                Err(self.failed(range, &what))
            }
        }
    }

    /// Performs a test.
    pub(super) fn test(
        &mut self,
        name: &str,
        arguments: &'a Arguments,
        value: Val<'a>,
        link: &'a Link,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        let Some(arguments) = self.arguments(arguments, false, is_lenient, &link.range)? else {
            return Ok(Val::Undefined);
        };
        self.ask(name, value, arguments, &link.range)
    }

    fn ask(
        &mut self,
        name: &str,
        value: Val<'a>,
        arguments: Vec<Value>,
        range: &Range<usize>,
    ) -> Result<Val<'a>, Stop> {
        let kind = value.kind();
        let value = match shown_text(&value).filter(|_| matches!(name, "startingwith" | "endingwith")) {
            Some(text) => Value::from(text.as_ref()),
            None if value.is_missing() && matches!(name, "startingwith" | "endingwith") => Value::from(""),
            None => self.take_made(value, range)?,
        };
        self.handle(value.len().unwrap_or(0), range)?;
        let mut given = vec![value];
        given.extend(arguments);
        let state = self.filters.get_or_insert_with(filters::state);
        match state.perform_test(name, &given) {
            Ok(holds) => Ok(Val::Made(Value::from(holds))),
            Err(error) => {
                let what = filters::reason(&error, &format!("the test `{name}`"), kind);
                Err(self.failed(range, &what))
            }
        }
    }

    /// Calls a method that a filter or a test does.
    pub(super) fn filter_or_ask(
        &mut self,
        (filter, test): (Option<&str>, Option<&str>),
        value: Val<'a>,
        arguments: &'a Arguments,
        link: &'a Link,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        let Some(arguments) = self.arguments(arguments, false, is_lenient, &link.range)? else {
            return Ok(Val::Undefined);
        };
        match (filter, test) {
            (Some(filter), _) => self.apply(filter, value, arguments, &link.range, is_lenient),
            (None, Some(test)) => self.ask(test, value, arguments, &link.range),
            (None, None) => Ok(value),
        }
    }
}

/// Filters that need only a look at a list or mapping, which would otherwise be copied for them.
fn shortcut<'a>(name: &str, value: &Val<'a>, arguments: &[Value]) -> Option<Val<'a>> {
    let count = |count: usize| Some(Val::Made(Value::from(count)));
    match (name, value) {
        _ if !arguments.is_empty() => None,
        ("length" | "count", Val::Json(Json::Array(items), _)) => count(items.len()),
        ("length" | "count", Val::Json(Json::Object(fields), _)) => count(fields.len()),
        ("first", Val::Json(Json::Array(items), _)) => items.first().map(|item| Val::Json(item, Shown::Plain)),
        ("last", Val::Json(Json::Array(items), _)) => items.last().map(|item| Val::Json(item, Shown::Plain)),
        _ => None,
    }
}

/// What filters make of a step's output that is not there: it stays so, and prints as nothing; only what counts or lists
/// something counts nothing.
fn filter_absent<'a>(name: &str) -> Val<'a> {
    match name {
        "length" | "count" | "sum" | "wordcount" => Val::Made(Value::from(0)),
        "list" => Val::Made(Value::from(Vec::<Value>::new())),
        "tojson" => Val::Made(Value::from("null")),
        "string" | "join" => Val::Made(Value::from("")),
        "bool" => Val::Made(Value::from(false)),
        _ => Val::Absent,
    }
}
