//! A mapping's entries: keys are texts, each stands once, and merge keys (`<<`) are filled in.

use std::{borrow::Cow, collections::HashMap};

use super::{
    scalar::Resolved,
    tree::{Entry, Kind, Node, Style},
};
use crate::{
    problem::{Fault, Problem},
    source::{Source, Span},
};

/// The entries that keys and values make, and what is wrong with them. Of equal keys the first one counts.
pub(super) fn finish_mapping<'t>(
    pairs: Vec<(Node<'t>, Node<'t>)>,
    source: &Source<'_>,
) -> (Vec<Entry<'t>>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut entries: Vec<Entry<'t>> = Vec::with_capacity(pairs.len());
    let mut seen = Seen::for_entries(pairs.len());
    let mut merged = Vec::new();
    for (key, value) in pairs {
        let key_span = key.span;
        let Some((key, is_merge)) = key_text(key) else {
            let message = "a key must be a text; quote it if it contains brackets or braces";
            problems.push(Problem::new(Fault::BadKey, key_span, message));
            continue;
        };
        if is_merge {
            merged.push(value);
            continue;
        }
        if let Some(first) = seen.find(&key, &entries) {
            let line = source.line(entries[first].key_span.start);
            let message = format!("duplicate key `{key}` (first on line {line})");
            problems.push(Problem::new(Fault::DuplicateKey, key_span, message));
            continue;
        }
        seen.add(&key, &entries);
        entries.push(Entry { key, key_span, value });
    }
    for value in merged {
        merge(value, &mut entries, &mut seen, &mut problems);
    }
    (entries, problems)
}

/// Which keys are there already: looked up in the entries themselves while these are few, as they nearly always are.
enum Seen {
    Few,
    Many(HashMap<String, usize>),
}

const FEW: usize = 24;

impl Seen {
    fn for_entries(count: usize) -> Self {
        if count <= FEW { Self::Few } else { Self::Many(HashMap::with_capacity(count)) }
    }

    fn find(&self, key: &str, entries: &[Entry<'_>]) -> Option<usize> {
        match self {
            Self::Few => entries.iter().position(|entry| entry.key == key),
            Self::Many(positions) => positions.get(key).copied(),
        }
    }

    /// Notes a key that is about to be added to the entries.
    fn add(&mut self, key: &str, entries: &[Entry<'_>]) {
        if matches!(self, Self::Few) && entries.len() >= FEW {
            *self = Self::Many(
                entries.iter().enumerate().map(|(index, entry)| (entry.key.clone().into_owned(), index)).collect(),
            );
        }
        if let Self::Many(positions) = self {
            positions.insert(key.to_owned(), entries.len());
        }
    }
}

/// The key's characters, and whether it is a merge key.
fn key_text(key: Node<'_>) -> Option<(Cow<'_, str>, bool)> {
    match key.kind {
        Kind::Scalar(scalar) if scalar.resolved != Resolved::Null => {
            let is_merge = scalar.text == "<<" && scalar.style == Style::Plain;
            Some((scalar.text, is_merge))
        }
        Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) | Kind::Broken => None,
    }
}

/// Adds the entries of the merged mapping, or mappings, that are not there yet: own keys win, then earlier mappings.
fn merge<'t>(value: Node<'t>, entries: &mut Vec<Entry<'t>>, seen: &mut Seen, problems: &mut Vec<Problem>) {
    let refuse = |span: Span| {
        let message = "a merge key `<<` takes a mapping, or a list of mappings, usually as aliases";
        Problem::new(Fault::MergeOfNoMapping, span, message)
    };
    let span = value.span;
    let maps = match value.kind {
        Kind::Map(_) => vec![value],
        Kind::List(items) => items,
        Kind::Broken => return,
        Kind::Scalar(_) => {
            problems.push(refuse(span));
            return;
        }
    };
    for map in maps {
        let Kind::Map(merged) = map.kind else {
            problems.push(refuse(map.span));
            continue;
        };
        for entry in merged {
            if seen.find(&entry.key, entries).is_none() {
                seen.add(&entry.key, entries);
                entries.push(entry);
            }
        }
    }
}
