//! Templates: text with statements and placeholders.

use std::{cell::RefCell, rc::Rc};

use minijinja::Value;
use procession_domain::definition::UndefinedRule;

use super::{
    Mode, Run, Stop,
    locals::{Local, Turn},
    methods::loop_items,
    print::Output,
    value::Val,
};
use crate::{
    ast::{Expression, For, Link, Statement, lenient_parts},
    limits,
};

/// What a statement does to the loop that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Nothing: what follows is next.
    Next,
    Break,
    Continue,
}

impl<'a> Run<'a> {
    /// Expands a template.
    pub fn expand(&mut self, body: &'a [Statement]) -> Result<String, Stop> {
        let mut output = Output::default();
        self.block(body, &mut output)?;
        Ok(output.into_text())
    }

    fn block(&mut self, statements: &'a [Statement], output: &mut Output) -> Result<Flow, Stop> {
        for statement in statements {
            let flow = self.statement(statement, output)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, statement: &'a Statement, output: &mut Output) -> Result<Flow, Stop> {
        match statement {
            Statement::Text(text) => {
                let pushed = output.push(text);
                pushed.map_err(|error| self.failed(&(0..self.text.len()), &error.reason()))?;
            }
            Statement::Placeholder { value, range } => match self.evaluate(value, false) {
                Ok(found) => {
                    let printed = output.print(&found);
                    printed.map_err(|error| self.failed(&value.range, &error.reason()))?;
                }
                Err(stop) => {
                    self.keep(stop, "its placeholder stays in the text")?;
                    let source = self.text.get(range.clone()).unwrap_or_default();
                    let pushed = output.push(source);
                    pushed.map_err(|error| self.failed(range, &error.reason()))?;
                }
            },
            Statement::If { branches, otherwise } => {
                for (test, body) in branches {
                    if self.decide_or_keep(test)? {
                        return self.block(body, output);
                    }
                }
                return self.block(otherwise, output);
            }
            Statement::For(each) => self.each(each, output)?,
            Statement::Set { target, value } => {
                let found = self.evaluate_or_keep(value)?;
                self.unpack(target, found, &value.range)?;
            }
            Statement::Capture { name, filters, body } => {
                let captured = self.captured(filters, body)?;
                self.give(name, Local::Value(captured));
            }
            Statement::With { values, body } => {
                self.frames.push(Vec::new());
                for (target, value) in values {
                    let found = self.evaluate_or_keep(value)?;
                    self.unpack(target, found, &value.range)?;
                }
                let flow = self.block(body, output)?;
                self.frames.pop();
                return Ok(flow);
            }
            Statement::Filtered { filters, body } => {
                let captured = self.captured(filters, body)?;
                let printed = output.print(&captured);
                printed.map_err(|error| self.failed(&(0..self.text.len()), &error.reason()))?;
            }
            Statement::Break => return Ok(Flow::Break),
            Statement::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn each(&mut self, each: &'a For, output: &mut Output) -> Result<(), Stop> {
        let range = &each.items.range;
        let value = self.evaluate_or_keep(&each.items)?;
        let is_long_text = value.as_text_length().is_some_and(|length| length > limits::ITEMS);
        let Some(items) = loop_items(&value).filter(|_| !is_long_text) else {
            let what = format!("{} can't be looped over", value.kind());
            return Err(self.failed(range, &what));
        };
        let items = self.chosen(each, items)?;
        if items.is_empty() {
            self.frames.push(Vec::new());
            self.block(&each.otherwise, output)?;
            self.frames.pop();
            return Ok(());
        }
        let depth = self.loop_depth() + 1;
        let last_seen = Rc::new(RefCell::new(None));
        let items: Rc<[Val<'a>]> = items.into();
        for (index, item) in items.iter().enumerate() {
            self.burn(range)?;
            let turn = Turn { index, items: Rc::clone(&items), depth, last_seen: Rc::clone(&last_seen) };
            self.frames.push(vec![("loop", Local::Loop(turn))]);
            self.unpack(&each.target, item.clone(), range)?;
            let flow = self.block(&each.body, output)?;
            self.frames.pop();
            if flow == Flow::Break {
                break;
            }
        }
        Ok(())
    }

    /// The items that the loop's own `if` lets through.
    fn chosen(&mut self, each: &'a For, items: Vec<Val<'a>>) -> Result<Vec<Val<'a>>, Stop> {
        let Some(filter) = &each.filter else {
            return Ok(items);
        };
        let mut chosen = Vec::new();
        for item in items {
            self.burn(&filter.range)?;
            self.frames.push(Vec::new());
            self.unpack(&each.target, item.clone(), &each.items.range)?;
            if self.decide_or_keep(filter)? {
                chosen.push(item);
            }
            self.frames.pop();
        }
        Ok(chosen)
    }

    fn loop_depth(&self) -> usize {
        let locals = self.frames.iter().flatten();
        locals.filter(|(_, local)| matches!(local, Local::Loop(_))).count()
    }

    /// The text of a block, filtered.
    fn captured(&mut self, filters: &'a [Link], body: &'a [Statement]) -> Result<Val<'a>, Stop> {
        let mut output = Output::default();
        self.block(body, &mut output)?;
        let text = output.into_text();
        self.handle(text.len(), &(0..self.text.len()))?;
        let mut value = Val::Made(Value::from(text));
        let lenient = lenient_parts(filters);
        for (at, link) in filters.iter().enumerate() {
            value = match self.link(link, value.clone(), at + 1 < lenient, false) {
                Ok(filtered) => filtered,
                Err(stop) => self.keep(stop, "the filter is left out").map(|()| value)?,
            };
        }
        Ok(value)
    }

    /// Whether an expression is true; under the rule `keep`, something undefined is not.
    fn decide_or_keep(&mut self, expression: &'a Expression) -> Result<bool, Stop> {
        match self.decide(expression, false) {
            Err(stop) => self.keep(stop, "it counts as false").map(|()| false),
            decided => decided,
        }
    }

    /// The value of an expression; under the rule `keep`, something undefined stays undefined.
    fn evaluate_or_keep(&mut self, expression: &'a Expression) -> Result<Val<'a>, Stop> {
        match self.evaluate(expression, false) {
            Err(stop) => self.keep(stop, "it counts as nothing").map(|()| Val::Undefined),
            evaluated => evaluated,
        }
    }

    /// Lets something undefined pass with a warning, if that is the rule.
    pub fn keep(&mut self, stop: Stop, consequence: &str) -> Result<(), Stop> {
        match stop {
            Stop::Undefined { what, hint } if self.mode == Mode::Template(UndefinedRule::Keep) => {
                self.warn(format!("{what}: {consequence}.{hint}"));
                Ok(())
            }
            stop => Err(stop),
        }
    }
}
