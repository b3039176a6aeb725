//! Chains: a value and what is done with it, from left to right.

use minijinja::Value;

use super::{
    Run, Stop,
    arithmetic::{self, negate},
    missing::{Missing, what_there_is},
    path::descend,
    value::{Scalar, Val},
};
use crate::ast::{Arguments, Chain, Link, LinkKind, Segment};

impl<'a> Run<'a> {
    /// The value of a chain. `for_truth`: only whether it is true matters, so that `||` is a plain `or`.
    pub(super) fn chain(&mut self, chain: &'a Chain, is_lenient: bool, for_truth: bool) -> Result<Val<'a>, Stop> {
        let last_not = chain.links.iter().rposition(|link| matches!(link.kind, LinkKind::Not));
        let truth_matters = |at: usize| at >= chain.logical && (for_truth || last_not.is_some_and(|not| at < not));
        let (mut value, done) = match self.loop_method(chain)? {
            Some(value) => (value, 1),
            None => (self.visit(&chain.first, is_lenient || chain.lenient > 0, truth_matters(0))?, 0),
        };
        for (at, link) in chain.links.iter().enumerate().skip(done) {
            self.burn(&link.range)?;
            let is_lenient = is_lenient || at + 1 < chain.lenient;
            value = self.link(link, value, is_lenient, truth_matters(at))?;
        }
        Ok(value)
    }

    /// Does with a value what a link says.
    pub(super) fn link(
        &mut self,
        link: &'a Link,
        value: Val<'a>,
        is_lenient: bool,
        for_truth: bool,
    ) -> Result<Val<'a>, Stop> {
        let truth = |truth: bool| Ok(Val::Made(Value::from(truth)));
        match &link.kind {
            LinkKind::Not => truth(!self.is_true(&value)),
            LinkKind::And(right) if self.is_true(&value) => self.visit(right, is_lenient, for_truth),
            LinkKind::Or(right) if !self.is_true(&value) => self.visit(right, is_lenient, for_truth),
            LinkKind::And(_) | LinkKind::Or(_) => Ok(value),
            LinkKind::FirstTrue(right) => {
                let is_kept = if for_truth { self.is_true(&value) } else { is_present_and_not_false(&value) };
                if is_kept { Ok(value) } else { self.visit(right, is_lenient, for_truth) }
            }
            LinkKind::FirstPresent(_) if value.is_present() => Ok(value),
            LinkKind::FirstPresent(right) => self.visit(right, is_lenient, for_truth),
            LinkKind::Default(arguments) => self.default(arguments, value, is_lenient),
            LinkKind::IsDefined(wanted) => truth(value.is_missing() != *wanted),
            LinkKind::IsNone => truth(value.is_none()),
            LinkKind::Compare(comparisons) => self.comparisons(comparisons, value, link, is_lenient),
            LinkKind::Negate
            | LinkKind::Arithmetic(..)
            | LinkKind::Join(_)
            | LinkKind::Filter { .. }
            | LinkKind::Test { .. }
            | LinkKind::Subscript(_)
            | LinkKind::Slice { .. }
            | LinkKind::Method { .. }
                if matches!(value, Val::Undefined) =>
            {
                Ok(Val::Undefined)
            }
            LinkKind::Negate => {
                let negated = negate(&value).map_err(|what| self.failed(&link.range, &what))?;
                Ok(Val::Made(negated))
            }
            LinkKind::Arithmetic(operator, right) => {
                let right = self.evaluate(right, is_lenient)?;
                if matches!(right, Val::Undefined) {
                    return Ok(Val::Undefined);
                }
                self.arithmetic(*operator, value, right, link)
            }
            LinkKind::Join(right) => {
                let right_value = self.evaluate(right, is_lenient)?;
                if matches!(right_value, Val::Undefined) {
                    return Ok(Val::Undefined);
                }
                let joined = arithmetic::join(&value, &right_value);
                let joined = joined.map_err(|error| self.failed(&link.range, &error.reason()))?;
                self.handle(joined.len(), &link.range)?;
                Ok(Val::Made(Value::from(joined)))
            }
            LinkKind::Filter { name, arguments } => self.filter(name, arguments, value, link, is_lenient),
            LinkKind::Test { name, arguments } => self.test(name, arguments, value, link, is_lenient),
            LinkKind::Subscript(segment) => self.subscript(segment, &value, link, is_lenient),
            LinkKind::Slice { start, stop, step } => {
                self.slice([start.as_ref(), stop.as_ref(), step.as_ref()], &value, link, is_lenient)
            }
            LinkKind::Method { method, arguments } => self.method(*method, arguments, value, link, is_lenient),
        }
    }

    /// `default(x)`: replaces what is undefined, none or empty text; with `default(x, true)` everything false (spec 2.1).
    fn default(&mut self, arguments: &'a Arguments, value: Val<'a>, is_lenient: bool) -> Result<Val<'a>, Stop> {
        let named = |name: &str| arguments.named.iter().find(|(given, _)| given == name).map(|(_, value)| value);
        let replaces_false = match arguments.positional.get(1).or_else(|| named("boolean")) {
            Some(argument) => self.evaluate(argument, is_lenient)?.is_true(),
            None => false,
        };
        if if replaces_false { value.is_true() } else { value.is_present() } {
            return Ok(value);
        }
        match arguments.positional.first().or_else(|| named("default_value")) {
            Some(replacement) => self.evaluate(replacement, is_lenient),
            None => Ok(Val::Made(Value::from(""))),
        }
    }

    fn subscript(
        &mut self,
        segment: &'a Segment,
        value: &Val<'a>,
        link: &'a Link,
        is_lenient: bool,
    ) -> Result<Val<'a>, Stop> {
        let Some(key) = self.key(segment, is_lenient)? else {
            return Ok(Val::Undefined);
        };
        if let Some(found) = descend(value, &key) {
            return Ok(found);
        }
        let missing =
            Missing { subject: self.excerpt(&link.range), hint: what_there_is(value, "What stands before it", &key) };
        self.undefined(missing, &link.range, is_lenient)
    }
}

fn is_present_and_not_false(value: &Val<'_>) -> bool {
    value.is_present() && value.scalar() != Scalar::Bool(false)
}
