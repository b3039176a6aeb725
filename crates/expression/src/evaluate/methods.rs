//! The few methods of Python that templates in the wild use, and those of `loop`.

use std::cell::RefCell;

use minijinja::Value;
use procession_domain::value::Json;

use super::{
    Run, Stop,
    locals::{Local, Turn},
    path::{Key, descend},
    print::items_of,
    value::{Scalar, Shown, Val},
};
use crate::ast::{Arguments, Chain, Kind, Link, LinkKind, Method};

impl<'a> Run<'a> {
    /// Calls a method.
    pub(super) fn method(
        &mut self,
        method: Method,
        arguments: &'a Arguments,
        value: Val<'a>,
        link: &'a Link,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        match method {
            Method::Filter(name) => self.filter_or_ask((Some(name), None), value, arguments, link, is_lenient),
            Method::Test(name) => self.filter_or_ask((None, Some(name)), value, arguments, link, is_lenient),
            Method::Items | Method::Keys | Method::Values => self.entries(method, &value, link),
            Method::Get => self.get(arguments, &value, link, is_lenient),
            Method::Join => {
                let [list] = arguments.positional.as_slice() else {
                    return Err(self.failed(&link.range, "`join` joins one list"));
                };
                let separator = self.printed(&value, &link.range)?;
                let list = self.evaluate(list, is_lenient)?;
                if matches!(list, Val::Undefined) {
                    return Ok(Val::Undefined);
                }
                self.apply("join", list, vec![Value::from(separator)], &link.range, is_lenient)
            }
            Method::Cycle | Method::Changed => Err(self.failed(&link.range, "only `loop` has this method")),
        }
    }

    /// `items()`, `keys()` and `values()` of a mapping.
    fn entries(&mut self, method: Method, value: &Val<'a>, link: &'a Link) -> Result<Val<'a>, Stop> {
        let pairs: Vec<(Value, Value)> = match value {
            Val::Absent => Vec::new(),
            Val::Json(Json::Object(fields), _) => {
                let mut pairs = Vec::with_capacity(fields.len());
                for (name, field) in fields {
                    pairs.push((Value::from(name.as_str()), self.made(field, &link.range)?));
                }
                pairs
            }
            Val::Made(made) if value.scalar() == Scalar::Mapping => {
                items_of(made).map(|key| (key.clone(), made.get_item(&key).unwrap_or_default())).collect()
            }
            _ => {
                let what = format!("only a mapping has this method, not {}", value.kind());
                return Err(self.failed(&link.range, &what));
            }
        };
        let items: Vec<Value> = pairs
            .into_iter()
            .map(|(key, field)| match method {
                Method::Keys => key,
                Method::Values => field,
                _ => Value::from(vec![key, field]),
            })
            .collect();
        self.settle(Value::from(items), &link.range)
    }

    /// `get(key, default)` of a mapping.
    fn get(
        &mut self,
        arguments: &'a Arguments,
        value: &Val<'a>,
        link: &'a Link,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        let (Some(key), None) = (arguments.positional.first(), arguments.positional.get(2)) else {
            return Err(self.failed(&link.range, "`get` takes a key, and what to give if there is none"));
        };
        let key = self.evaluate(key, is_lenient)?;
        let found = Key::of(&key).and_then(|key| descend(value, &key));
        match (found, arguments.positional.get(1)) {
            (Some(found), _) if !found.is_missing() => Ok(found),
            (_, Some(default)) => self.evaluate(default, is_lenient),
            (_, None) => Ok(Val::Made(Value::from(()))),
        }
    }

    /// The value of `loop.cycle(…)` or `loop.changed(…)` at the start of a chain.
    pub(super) fn loop_method(&mut self, chain: &'a Chain) -> Result<Option<Val<'a>>, Stop> {
        let Some(Link { kind: LinkKind::Method { method, arguments }, range }) = chain.links.first() else {
            return Ok(None);
        };
        let is_loop = matches!(&chain.first.kind, Kind::Path(path) if path.root == "loop" && path.segments.is_empty());
        let turn = match self.local("loop") {
            Some(Local::Loop(turn)) if is_loop => turn.clone(),
            _ => return Ok(None),
        };
        let mut values = Vec::with_capacity(arguments.positional.len());
        for argument in &arguments.positional {
            let value = self.evaluate(argument, false)?;
            values.push(self.take_made(value, range)?);
        }
        match method {
            Method::Cycle if values.is_empty() => Err(self.failed(range, "`cycle` needs something to choose from")),
            Method::Cycle => {
                let chosen = values.swap_remove(turn.index % values.len());
                Ok(Some(Val::Made(chosen)))
            }
            Method::Changed => Ok(Some(Val::Made(Value::from(has_changed(&turn, values))))),
            _ => Err(self.failed(range, "`loop` has no such method")),
        }
    }
}

fn has_changed(turn: &Turn<'_>, values: Vec<Value>) -> bool {
    let last_seen: &RefCell<Option<Vec<Value>>> = &turn.last_seen;
    let changed = last_seen.borrow().as_ref() != Some(&values);
    last_seen.replace(Some(values));
    changed
}

/// The items that a loop goes over: a list's, a mapping's keys, a text's letters; `None` if it can't be looped over.
pub(super) fn loop_items<'a>(value: &Val<'a>) -> Option<Vec<Val<'a>>> {
    let text = |text: &str| Val::Made(Value::from(text));
    let letters = |letters: &str| letters.chars().map(|letter| Val::Made(Value::from(letter))).collect();
    match value {
        Val::Undefined | Val::Absent => Some(Vec::new()),
        Val::Json(Json::Array(items), _) => Some(items.iter().map(|item| Val::Json(item, Shown::Plain)).collect()),
        Val::Json(Json::Object(fields), _) => Some(fields.keys().map(|name| text(name)).collect()),
        other => match (other.scalar(), other) {
            (Scalar::Text(text), _) => Some(letters(text)),
            (Scalar::List | Scalar::Mapping, Val::Made(made)) => Some(items_of(made).map(Val::Made).collect()),
            _ => None,
        },
    }
}
