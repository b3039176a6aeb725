//! Evaluating trees against the variables of a scope, for conditions and templates alike (spec 2.2, 2.3).

mod arguments;
mod arithmetic;
mod chain;
mod compare;
mod data;
mod filters;
mod lists;
mod locals;
mod methods;
mod missing;
mod number;
mod path;
mod print;
mod statements;
mod times;
mod value;
mod variables;

use std::ops::Range;

use indexmap::IndexMap;
use minijinja::{State, Value};
use procession_domain::{
    definition::UndefinedRule,
    expressions::{ExpressionError, Scope},
    value::Json,
};

use self::locals::Local;
pub use self::print::{Output, PrintError, to_json};
pub use self::value::{Shown, Val};
use crate::{
    Names,
    ast::{Arguments, Expression, Function, Kind},
    limits,
};

/// One evaluation of one text.
pub struct Run<'a> {
    scope: &'a Scope,
    names: &'a Names,
    text: &'a str,
    line: u32,
    mode: Mode,
    fuel: u32,
    data: usize,
    frames: Vec<Vec<(&'a str, Local<'a>)>>,
    filters: Option<State<'static, 'static>>,
    /// What was undefined and let pass, and what did not compare.
    pub warnings: Vec<String>,
    /// The paths that a condition has read, and what they held.
    pub values: IndexMap<String, Json>,
}

/// What is evaluated, which decides how values compare and what something undefined does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A condition: undefined is none.
    Condition,
    /// A template.
    Template(UndefinedRule),
}

/// Why an evaluation ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It reads something that does not exist.
    Undefined {
        /// That it does not, and on which line, without a full stop.
        what: String,
        /// What may have been meant: sentences, each with a space before it.
        hint: String,
    },
    /// Anything else, as a sentence.
    Failed(String),
}

impl<'a> Run<'a> {
    /// A new evaluation of a text that starts on a line of the definition (0: it stands in no file).
    pub fn new(text: &'a str, line: u32, names: &'a Names, scope: &'a Scope, mode: Mode) -> Self {
        Self {
            scope,
            names,
            text,
            line,
            mode,
            fuel: limits::FUEL,
            data: 0,
            frames: Vec::new(),
            filters: None,
            warnings: Vec::new(),
            values: IndexMap::new(),
        }
    }

    /// The value of an expression. In a lenient one, something undefined is a value like others (spec 2.1).
    pub fn evaluate(&mut self, expression: &'a Expression, is_lenient: bool) -> Result<Val<'a>, Stop> {
        self.visit(expression, is_lenient, false)
    }

    /// Whether an expression is true.
    pub fn decide(&mut self, expression: &'a Expression, is_lenient: bool) -> Result<bool, Stop> {
        let value = self.visit(expression, is_lenient, true)?;
        Ok(self.is_true(&value))
    }

    /// The value of an expression. `for_truth`: only whether it is true matters.
    fn visit(&mut self, expression: &'a Expression, is_lenient: bool, for_truth: bool) -> Result<Val<'a>, Stop> {
        self.burn(&expression.range)?;
        match &expression.kind {
            Kind::Constant(value) => Ok(Val::Made(value.clone())),
            Kind::Path(path) => self.path(path, expression, is_lenient),
            Kind::Chain(chain) => self.chain(chain, is_lenient, for_truth),
            Kind::Choice { options, otherwise } => {
                for (test, value) in options {
                    if self.decide(test, is_lenient)? {
                        return self.visit(value, is_lenient, for_truth);
                    }
                }
                match otherwise {
                    Some(value) => self.visit(value, is_lenient, for_truth),
                    None => Ok(Val::Absent),
                }
            }
            Kind::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    let value = self.evaluate(item, is_lenient)?;
                    list.push(self.take_made(value, &item.range)?);
                }
                self.settle(Value::from(list), &expression.range)
            }
            Kind::Map(entries) => self.mapping(entries, &expression.range, is_lenient),
            Kind::Call { function, arguments } => self.call(*function, arguments, &expression.range),
        }
    }

    fn mapping(
        &mut self,
        entries: &'a [(Expression, Expression)],
        range: &Range<usize>,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        let mut pairs = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let name = self.evaluate(key, is_lenient)?;
            let name = self.printed(&name, &key.range)?;
            let value = self.evaluate(value, is_lenient)?;
            pairs.push((Value::from(name), self.take_made(value, range)?));
        }
        self.settle(Value::from_pairs(pairs), range)
    }

    fn call(&mut self, function: Function, arguments: &'a Arguments, range: &Range<usize>) -> Result<Val<'a>, Stop> {
        match function {
            Function::Now => match (arguments.positional.len(), arguments.named.len()) {
                (0, 0) => Ok(Val::Made(Value::from(self.scope.now.to_string()))),
                _ => Err(self.failed(range, "`now()` takes nothing")),
            },
            Function::Time => self.time(arguments, range),
            Function::Range => self.range(arguments, range),
            Function::Dict => {
                let mut pairs = Vec::new();
                for (name, value) in &arguments.named {
                    let value = self.evaluate(value, false)?;
                    pairs.push((Value::from(name.as_str()), self.take_made(value, range)?));
                }
                if !arguments.positional.is_empty() {
                    return Err(self.failed(range, "`dict` takes named values, as in `dict(a=1)`"));
                }
                self.settle(Value::from_pairs(pairs), range)
            }
        }
    }

    /// Jinja's truth; in a condition the text `false` is not true either, since agents and forms send texts.
    pub fn is_true(&self, value: &Val<'_>) -> bool {
        let says_false = |text: &str| text.trim().eq_ignore_ascii_case("false");
        match value.scalar() {
            value::Scalar::Text(text) if self.mode == Mode::Condition => !text.is_empty() && !says_false(text),
            _ => value.is_true(),
        }
    }

    /// One unit of work.
    fn burn(&mut self, range: &Range<usize>) -> Result<(), Stop> {
        let Some(left) = self.fuel.checked_sub(1) else {
            let what = format!("evaluating the text takes more than {} steps", limits::FUEL);
            return Err(self.failed(range, &what));
        };
        self.fuel = left;
        Ok(())
    }

    /// A value as text.
    fn printed(&mut self, value: &Val<'_>, range: &Range<usize>) -> Result<String, Stop> {
        let mut output = Output::default();
        let printed = output.print(value);
        printed.map_err(|error| self.failed(range, &error.reason()))?;
        let text = output.into_text();
        self.handle(text.len(), range)?;
        Ok(text)
    }

    /// Warns that an expression as a whole reads the output of a step that has none.
    pub fn warn_absent(&mut self, expression: &Expression) {
        let (excerpt, place) = (self.excerpt(&expression.range), self.place(expression.range.start));
        self.warn(format!("`{excerpt}`{place} has no value: it reads a step that was skipped or has not run."));
    }

    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) && self.warnings.len() < limits::WARNINGS {
            self.warnings.push(warning);
        }
    }

    /// The error for an expression that can't be evaluated. `what` is the end of a sentence and holds no values.
    pub fn failed(&self, range: &Range<usize>, what: &str) -> Stop {
        let (excerpt, place) = (self.excerpt(range), self.place(range.start));
        Stop::Failed(format!("`{excerpt}` can't be evaluated{place}: {what}."))
    }

    /// The author's words, on one line and cut if they are many.
    fn excerpt(&self, range: &Range<usize>) -> String {
        let source = with_brackets(self.text, range);
        let source: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut excerpt: String = source.chars().take(80).collect();
        if excerpt.len() < source.len() {
            excerpt.push('…');
        }
        excerpt
    }

    /// ` (line N)`, or nothing for a text that stands in no file.
    fn place(&self, offset: usize) -> String {
        if self.line == 0 {
            return String::new();
        }
        let before = self.text.get(..offset).unwrap_or_default();
        let lines = u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX);
        format!(" (line {})", self.line.saturating_add(lines))
    }
}

/// A part of a text, with the brackets before it that are closed in it: trees don't know of them.
fn with_brackets<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    let mut start = range.start;
    loop {
        let part = text.get(start..range.end).unwrap_or_default();
        let is_balanced = part.matches(')').count() <= part.matches('(').count();
        let before = text.get(..start).unwrap_or_default().trim_end();
        match before.strip_suffix('(') {
            Some(before) if !is_balanced => start = before.len(),
            _ => return part,
        }
    }
}

impl From<Stop> for ExpressionError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Undefined { what, hint } => Self::Undefined { message: format!("{what}.{hint}") },
            Stop::Failed(message) => Self::Failed { message },
        }
    }
}
