//! The names that a text gives itself: with `set`, `with` and `for`.

use std::{cell::RefCell, ops::Range, rc::Rc};

use minijinja::Value;

use super::{
    Run, Stop,
    print::items_of,
    value::{Scalar, Shown, Val},
};
use crate::ast::Target;
use procession_domain::value::Json;

/// What a name of the text's own stands for.
#[derive(Debug, Clone)]
pub enum Local<'a> {
    Value(Val<'a>),
    /// `loop`
    Loop(Turn<'a>),
}

/// One turn of a loop, as `loop` shows it.
#[derive(Debug, Clone)]
pub struct Turn<'a> {
    /// Counts the turns from 0.
    pub index: usize,
    /// All items.
    pub items: Rc<[Val<'a>]>,
    /// How many loops it is in.
    pub depth: usize,
    /// What `loop.changed` was last asked.
    pub last_seen: Rc<RefCell<Option<Vec<Value>>>>,
}

/// The fields of `loop`.
pub const LOOP_FIELDS: &[&str] =
    &["index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0", "previtem", "nextitem"];

impl<'a> Turn<'a> {
    /// A field of `loop`.
    pub fn field(&self, name: &str) -> Option<Val<'a>> {
        let left = self.items.len() - self.index;
        let item = |at: Option<usize>| at.and_then(|at| self.items.get(at)).cloned().unwrap_or(Val::Absent);
        let value = match name {
            "index" => Value::from(self.index + 1),
            "index0" => Value::from(self.index),
            "revindex" => Value::from(left),
            "revindex0" => Value::from(left - 1),
            "first" => Value::from(self.index == 0),
            "last" => Value::from(left == 1),
            "length" => Value::from(self.items.len()),
            "depth" => Value::from(self.depth),
            "depth0" => Value::from(self.depth - 1),
            "previtem" => return Some(item(self.index.checked_sub(1))),
            "nextitem" => return Some(item(Some(self.index + 1))),
            _ => return None,
        };
        Some(Val::Made(value))
    }
}

impl<'a> Run<'a> {
    /// What a name of the text's own stands for; the innermost block wins.
    pub fn local(&self, name: &str) -> Option<&Local<'a>> {
        let mut frames = self.frames.iter().rev();
        frames.find_map(|frame| frame.iter().rev().find(|(given, _)| *given == name).map(|(_, local)| local))
    }

    /// All names of the text's own.
    pub fn local_names(&self) -> Vec<&'a str> {
        self.frames.iter().flatten().map(|(name, _)| *name).collect()
    }

    /// Gives a name to a value, in the innermost block.
    pub fn give(&mut self, name: &'a str, local: Local<'a>) {
        let Some(frame) = self.frames.last_mut() else {
            self.frames.push(vec![(name, local)]);
            return;
        };
        match frame.iter_mut().find(|(given, _)| *given == name) {
            Some(entry) => entry.1 = local,
            None => frame.push((name, local)),
        }
    }

    /// Gives names to a value or to its items.
    pub fn unpack(&mut self, target: &'a Target, value: Val<'a>, range: &Range<usize>) -> Result<(), Stop> {
        let targets = match target {
            Target::Name(name) => {
                self.give(name, Local::Value(value));
                return Ok(());
            }
            Target::Items(targets) => targets,
        };
        let items: Vec<Val<'a>> = match &value {
            Val::Json(Json::Array(items), _) => items.iter().map(|item| Val::Json(item, Shown::Plain)).collect(),
            Val::Made(made) if value.scalar() == Scalar::List => items_of(made).map(Val::Made).collect(),
            Val::Undefined | Val::Absent => vec![value.clone(); targets.len()],
            _ => Vec::new(),
        };
        if items.len() != targets.len() {
            let what = format!("{} can't be taken apart into {} names", value.kind(), targets.len());
            return Err(self.failed(range, &what));
        }
        for (target, item) in targets.iter().zip(items) {
            self.unpack(target, item, range)?;
        }
        Ok(())
    }
}
