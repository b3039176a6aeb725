//! Characters that a text in YAML can't hold as they are.

use super::{Finding, Scene, only};
use crate::{
    characters::described,
    patch::Replacement,
    problem::{Fault, Problem},
    region,
    source::Span,
};

/// Names the character, at its own place: the parser may have stopped at the start of the value that holds it.
pub(super) fn explain(scene: &Scene<'_>, character: char) -> Finding {
    let context = &scene.failure.context;
    let text = scene.source.text();
    let from = context.read_to.min(scene.failure.at);
    let Some(length) = text.get(from..).and_then(|rest| rest.find(character)) else {
        return only(Problem::new(Fault::Syntax, scene.character_at(scene.failure.at), message(character)));
    };
    let at = from + length;
    let line = scene.source.line(at);
    let start = context.open_flow.unwrap_or_else(|| {
        let value = from
            + text
                .get(from..at)
                .map_or(0, |before| before.len() - before.trim_start_matches([':', ' ', '\n', '\r']).len());
        value.max(scene.source.line_start(line)).min(at)
    });
    let value = region::block_value(scene.source, start, context.parent_column);
    let problem = Problem::new(Fault::Syntax, Span::new(at, at + character.len_utf8()), message(character));
    Finding { problem, repair: Some((value, Replacement::Broken)) }
}

fn message(character: char) -> String {
    let (name, code) = (described(character), u32::from(character));
    format!("{name} can't stand in YAML: remove it, or write `\\u{code:04x}` within \"…\"")
}
