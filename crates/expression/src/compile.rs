//! From an author's text to a tree: normalising, parsing, and all that is wrong with it at once.

use std::ops::Range;

use crate::{
    Names, Note, SyntaxError,
    ast::{Expression, Statement},
    limits,
    normalise::{Normal, normalise_condition, normalise_template},
    plain::read_plain_template,
    syntax::{Unreadable, read_expression, read_template},
};

/// How many bytes of one template are parsed again to find more errors, since the parser stops at each.
const MOST_BYTES_PARSED: usize = 2 * limits::TEMPLATE_BYTES;

/// A text that can be evaluated.
#[derive(Debug)]
pub struct Compiled<T> {
    /// Its tree.
    pub tree: T,
    /// What is better written otherwise.
    pub notes: Vec<Note>,
}

/// Compiles a template.
pub fn compile_template(text: &str, names: &Names) -> Result<Compiled<Vec<Statement>>, Vec<SyntaxError>> {
    match read_plain_template(text) {
        Some(tree) => Ok(Compiled { tree, notes: Vec::new() }),
        None => parse_template(text, names),
    }
}

/// Compiles a template with the parser.
pub fn parse_template(text: &str, names: &Names) -> Result<Compiled<Vec<Statement>>, Vec<SyntaxError>> {
    let mut normal = normalise_template(text, names);
    let mut errors = std::mem::take(&mut normal.errors);
    let mut tree = Vec::new();
    if !normal.is_broken {
        let mut bytes_parsed = 0;
        while bytes_parsed <= MOST_BYTES_PARSED && errors.len() < limits::ERRORS {
            match read_template(text, &normal) {
                Ok(statements) => {
                    tree = statements;
                    break;
                }
                Err(Unreadable::Parts(parts)) => {
                    errors.extend(parts);
                    break;
                }
                Err(Unreadable::Parser(error)) => {
                    bytes_parsed += error.range.start;
                    let goes_on = blank_placeholder(&mut normal, &error.range);
                    errors.push(error);
                    if !goes_on {
                        break;
                    }
                }
            }
        }
    }
    finish(text, normal, tree, errors)
}

/// Compiles a condition.
pub fn compile_condition(text: &str, names: &Names) -> Result<Compiled<Expression>, Vec<SyntaxError>> {
    let mut normal = normalise_condition(text, names);
    let errors = std::mem::take(&mut normal.errors);
    if !errors.is_empty() {
        return Err(in_order(text, errors));
    }
    match read_expression(text, &normal) {
        Ok(tree) => finish(text, normal, tree, Vec::new()),
        Err(Unreadable::Parser(error)) => Err(in_order(text, vec![error])),
        Err(Unreadable::Parts(errors)) => Err(in_order(text, errors)),
    }
}

/// Puts something harmless in the place of a placeholder that can't be read, so that the errors behind it come to light.
fn blank_placeholder(normal: &mut Normal, error: &Range<usize>) -> bool {
    let holds = |author: &Range<usize>| author.start <= error.start && error.end <= author.end;
    let Some(at) = normal.placeholders.iter().position(|placeholder| holds(&placeholder.author)) else {
        return false;
    };
    normal.blank(at)
}

fn finish<T>(text: &str, normal: Normal, tree: T, errors: Vec<SyntaxError>) -> Result<Compiled<T>, Vec<SyntaxError>> {
    if errors.is_empty() {
        let notes = normal.notes;
        return Ok(Compiled { tree, notes });
    }
    Err(in_order(text, errors))
}

/// Sorts errors by their place, each once, and makes sure that places begin and end between characters.
fn in_order(text: &str, mut errors: Vec<SyntaxError>) -> Vec<SyntaxError> {
    for error in &mut errors {
        let start = text.floor_char_boundary(error.range.start);
        let end = text.ceil_char_boundary(error.range.end.max(start));
        error.range = start..end;
    }
    errors.sort_by_key(|error| error.range.start);
    errors.dedup();
    errors
}
