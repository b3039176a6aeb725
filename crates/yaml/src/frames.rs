//! The collections that are open while a text is read, and what they say of the place where it stands.

use super::tree::Node;
use crate::{path::path_text, source::Span};

/// The items or entries read so far.
pub(super) enum Collection<'t> {
    List(Vec<Node<'t>>),
    Map { entries: Vec<(Node<'t>, Node<'t>)>, key: Option<Node<'t>> },
}

/// What comes next in the innermost collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Awaits {
    /// A whole document.
    #[default]
    Document,
    Key,
    Value,
    Item,
}

/// A collection that is open.
pub(super) struct Frame<'t> {
    pub collection: Collection<'t>,
    pub in_flow: bool,
    pub start: usize,
    /// For block collections.
    pub column: Option<usize>,
    pub anchor: usize,
}

/// The start of a value, with what it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub start: usize,
    /// The column of the block collection around it, from 0; lines that are indented deeper belong to the same value.
    pub parent_column: Option<usize>,
    /// Whether it is inside of `[…]` or `{…}`.
    pub in_flow: bool,
    /// Where it is in the document.
    pub path: String,
}

/// Where a pass stood when it ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// The end of what was read last.
    pub read_to: usize,
    /// The last event, if it was an unquoted scalar.
    pub last_plain: Option<Span>,
    /// What was expected next.
    pub awaits: Awaits,
    /// The start of the value that was read last in the innermost collection.
    pub last_value: Option<usize>,
    /// The column of the innermost block collection.
    pub parent_column: Option<usize>,
    /// The start of the outermost `[` or `{` that is open.
    pub open_flow: Option<usize>,
    /// Where it is in the document.
    pub path: String,
}

/// The column of the innermost block collection.
pub(super) fn parent_column(frames: &[Frame<'_>]) -> Option<usize> {
    frames.iter().rev().find_map(|frame| frame.column)
}

/// The path of what is being read, or was read last where a key is expected.
pub(super) fn path_of(frames: &[Frame<'_>]) -> String {
    path_text(frames.iter().filter_map(|frame| match &frame.collection {
        Collection::List(items) => Some(Err(items.len())),
        Collection::Map { entries, key } => {
            let key = key.as_ref().or_else(|| entries.last().map(|(key, _)| key));
            Some(Ok(key?.scalar_text()?))
        }
    }))
}

impl Context {
    pub fn of(frames: &[Frame<'_>], read_to: usize, last_plain: Option<Span>) -> Self {
        let innermost = frames.last().map(|frame| &frame.collection);
        let last_value = match innermost {
            Some(Collection::List(items)) => items.last().map(|node| node.span.start),
            Some(Collection::Map { entries, .. }) => entries.last().map(|(_, value)| value.span.start),
            None => None,
        };
        Self {
            read_to,
            last_plain,
            awaits: match innermost {
                Some(Collection::Map { key: None, .. }) => Awaits::Key,
                Some(Collection::Map { key: Some(_), .. }) => Awaits::Value,
                Some(Collection::List(_)) => Awaits::Item,
                None => Awaits::Document,
            },
            last_value,
            parent_column: parent_column(frames),
            open_flow: frames.iter().find(|frame| frame.in_flow).map(|frame| frame.start),
            path: path_of(frames),
        }
    }
}
