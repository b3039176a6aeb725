//! Reading a mapping key by key: what is asked for is known, what is left over is a mistake.

use procession_domain::value::{Duration, Money};

use super::{
    Problem,
    node::{Content, Key, Node, Place},
};
use crate::{address::Address, secret::SecretSource, suggest::did_you_mean};

/// A mapping that is being read. Problems are collected, so that a file shows all of them at once.
pub(crate) struct Section<'a> {
    place: Place,
    what: String,
    entries: &'a [(Key, Node)],
    asked: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Section<'a> {
    /// Reads `node` as a mapping; `what` names it in messages ("the agent `x`"). A problem is noted when it is none.
    pub(crate) fn of(node: &'a Node, what: impl Into<String>, problems: &'a mut Vec<Problem>) -> Option<Self> {
        let what = what.into();
        let Content::Map(entries) = &node.content else {
            let found = node.content.kind();
            problems.push(Problem::new(node.place, format!("{what} is {found}; a mapping is expected")));
            return None;
        };
        Some(Self { place: node.place, what, entries, asked: Vec::new(), problems })
    }

    /// Notes a problem at a node of this section.
    pub(crate) fn refuse(&mut self, place: Place, message: impl Into<String>) {
        self.problems.push(Problem::new(place, message));
    }

    /// The problems noted so far, for a section within this one.
    pub(crate) const fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }

    /// Where the section stands.
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// The value of a key, if it is there and not `null`.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        let (_, node) = self.entries.iter().find(|(found, _)| found.text == key)?;
        (!matches!(node.content, Content::Null)).then_some(node)
    }

    /// The value of a key that must be there.
    pub(crate) fn required_node(&mut self, key: &'static str) -> Option<&'a Node> {
        let node = self.node(key);
        if node.is_none() {
            let message = format!("{} needs `{key}`", self.what);
            self.refuse(self.place, message);
        }
        node
    }

    /// A single value, read by `read`, whose error completes "`key`: …".
    pub(crate) fn value<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let node = self.node(key)?;
        self.read_scalar(key, node, read)
    }

    /// The same for a key that must be there.
    pub(crate) fn required<T, E: std::fmt::Display>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let node = self.required_node(key)?;
        self.read_scalar(key, node, read)
    }

    /// A text that is not blank.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<String> {
        self.value(key, not_blank)
    }

    /// A text that must be there and not be blank.
    pub(crate) fn required_text(&mut self, key: &'static str) -> Option<String> {
        self.required(key, not_blank)
    }

    /// A length of time.
    pub(crate) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        self.value(key, str::parse)
    }

    /// An amount of money.
    pub(crate) fn money(&mut self, key: &'static str) -> Option<Money> {
        self.value(key, str::parse)
    }

    /// A secret.
    pub(crate) fn secret(&mut self, key: &'static str) -> Option<SecretSource> {
        self.value(key, SecretSource::parse)
    }

    /// A whole number of at least `least`.
    pub(crate) fn count(&mut self, key: &'static str, least: u64) -> Option<u64> {
        self.value(key, |text| {
            let number = text.replace('_', "").parse::<u64>();
            number
                .ok()
                .filter(|number| *number >= least)
                .ok_or_else(|| format!("`{text}` is not a whole number of at least {least}"))
        })
    }

    /// The address of a server: `http://…` or `https://…`.
    pub(crate) fn required_address(&mut self, key: &'static str) -> Option<Address> {
        self.required(key, Address::parse)
    }

    /// Ends the reading: every key that was not asked for is a problem.
    pub(crate) fn finish(self) {
        for (key, _) in self.entries {
            if !self.asked.contains(&key.text.as_str()) {
                let hint = did_you_mean(&key.text, self.asked.iter().copied());
                let known = self.asked.join(", ");
                let known = if hint.is_empty() { format!("; it may have: {known}") } else { hint };
                let message = format!("{} has no key `{}`{known}", self.what, key.text);
                self.problems.push(Problem::new(key.place, message));
            }
        }
    }

    fn read_scalar<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        node: &Node,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Content::Scalar(text) = &node.content else {
            let found = node.content.kind();
            self.refuse(node.place, format!("`{key}` is {found}; a single value is expected"));
            return None;
        };
        match read(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(node.place, format!("`{key}`: {error}"));
                None
            }
        }
    }
}

fn not_blank(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() {
        return Err("it is empty");
    }
    Ok(text.to_owned())
}
