//! Where a name with hyphens ends (spec 2.1): `steps.quality-review` is one step, `steps.a-1` may be a subtraction.

use super::lexer::{is_name_part, is_name_start};
use crate::{Names, limits};

/// The end of the step's id that starts at `start`: the longest run of id characters if that is a step, else the longest
/// known step before a hyphen, else the whole run.
pub fn end_of_step(text: &str, start: usize, names: &Names) -> usize {
    let run = run_at(text, start, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let whole = run_at(text, start, is_name_part);
    if run.len() == whole.len() && names.steps.contains(run) {
        return start + run.len();
    }
    match longest_known(run, |prefix| names.steps.contains(prefix)) {
        Some(length) => start + length,
        None => start + whole.trim_end_matches('-').len(),
    }
}

/// The end of the input's field that starts at `start`: the longest field of the schema, else the end of the name, to
/// which a hyphen before a letter belongs.
pub fn end_of_field(text: &str, start: usize, names: &Names, is_top_level: bool) -> usize {
    let whole = run_at(text, start, is_name_part);
    if let Some(fields) = names.inputs.as_ref().filter(|_| is_top_level) {
        if fields.contains(whole) {
            return start + whole.len();
        }
        if let Some(length) = longest_known(whole, |prefix| fields.contains(prefix)) {
            return start + length;
        }
    }
    let before_no_letter = |(at, _): &(usize, &str)| !whole[at + 1..].starts_with(is_name_start);
    let end = whole.match_indices('-').find(before_no_letter);
    start + end.map_or(whole.len(), |(at, _)| at)
}

/// The longest run of such characters and hyphens. The hyphen of a closing `-}}` is not part of it.
fn run_at(text: &str, start: usize, is_part: impl Fn(char) -> bool) -> &str {
    let rest = &text[start..];
    let ends = |(at, c): &(usize, char)| match c {
        '-' => rest[at + 1..].starts_with("}}") || rest[at + 1..].starts_with("%}"),
        c => !is_part(*c),
    };
    let end = rest.char_indices().find(ends).map_or(rest.len(), |(at, _)| at);
    &rest[..end]
}

/// The longest known name before a hyphen. Only so far as names go: a run of thousands of hyphens is looked up in steps
/// whose number and length are bounded.
fn longest_known(run: &str, is_known: impl Fn(&str) -> bool) -> Option<usize> {
    let run = &run[..run.floor_char_boundary(limits::NAME_BYTES)];
    let mut hyphens = run.match_indices('-').map(|(at, _)| at).rev();
    hyphens.find(|at| is_known(&run[..*at]))
}
