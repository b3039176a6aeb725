//! Names that there are not: what was probably meant, and how it is written here.

use std::ops::Range;

use super::Lowering;
use crate::{
    Replacement, SyntaxError,
    known::{self, NoSuch},
};

impl Lowering<'_> {
    /// Refuses a name that stands somewhere in a part of the text.
    pub(super) fn refuse_name(&mut self, name: &str, range: Range<usize>, say: fn(&str) -> NoSuch) {
        if !self.has_room() {
            return;
        }
        let range = self.normal.places.author(range);
        let NoSuch { message, meant } = say(name);
        let instead = meant.and_then(|meant| {
            let place = self.last_word(name, &range)?;
            Some(Replacement { range: place, text: meant.to_owned() })
        });
        self.errors.push(SyntaxError { message, range, instead });
    }

    /// Refuses a call of a function; what other languages have as functions are filters here.
    pub(super) fn refuse_function(&mut self, name: &str, range: Range<usize>) {
        let Some(filter) = known::filter_for_function(name) else {
            return self.refuse_name(name, range, known::no_such_function);
        };
        if !self.has_room() {
            return;
        }
        let range = self.normal.places.author(range);
        let written = self.author.get(range.clone()).unwrap_or_default();
        let argument = written.strip_prefix(name).map(str::trim_start);
        let argument = argument.and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')')).map(str::trim);
        let instead = argument
            .filter(|argument| is_path(argument))
            .map(|argument| Replacement { range: range.clone(), text: format!("{argument} | {filter}") });
        let message = format!("there is no function `{name}`: it is a filter here, as in `x | {filter}`");
        self.errors.push(SyntaxError { message, range, instead });
    }

    /// Refuses a call of a method; whether something is in a text or a list is asked by an operator here.
    pub(super) fn refuse_method(&mut self, name: &str, range: Range<usize>) {
        if !matches!(name, "includes" | "contains" | "has" | "indexOf") {
            return self.refuse_name(name, range, known::no_such_method);
        }
        if !self.has_room() {
            return;
        }
        let range = self.normal.places.author(range);
        let written = self.author.get(range.clone()).unwrap_or_default();
        let argument = written.strip_prefix('.').and_then(|rest| rest.strip_prefix(name)).map(str::trim_start);
        let argument = argument.and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')')).map(str::trim);
        let receiver = self.path_before(range.start);
        let instead = argument
            .filter(|argument| name != "indexOf" && is_path(receiver) && is_constant_or_path(argument))
            .map(|argument| Replacement {
                range: range.start - receiver.len()..range.end,
                text: format!("{receiver} contains {argument}"),
            });
        let message = format!("there is no method `{name}`: it is an operator here, as in `a contains b`");
        self.errors.push(SyntaxError { message, range, instead });
    }

    /// The path that ends here.
    fn path_before(&self, end: usize) -> &str {
        let before = self.author.get(..end).unwrap_or_default();
        let is_part = |character: char| character.is_alphanumeric() || "._-".contains(character);
        let start = before
            .rfind(|character| !is_part(character))
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        &before[start..]
    }

    /// Where a name stands last in a part of the text.
    fn last_word(&self, name: &str, range: &Range<usize>) -> Option<Range<usize>> {
        let start = range.start + self.author.get(range.clone())?.rfind(name)?;
        Some(start..start + name.len())
    }
}

/// Whether this is a path, so that what follows it binds to all of it.
fn is_path(text: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || "._[]'\"-".contains(character);
    !text.is_empty() && text.starts_with(char::is_alphabetic) && text.chars().all(is_part)
}

fn is_constant_or_path(text: &str) -> bool {
    let quoted = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let quoted = quoted.or_else(|| text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')));
    is_path(text) || quoted.is_some_and(|inner| !inner.contains(['\'', '"', '\\']))
}
