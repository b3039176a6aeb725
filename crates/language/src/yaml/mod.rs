//! Reading YAML: a tree with places, and every syntax problem that can be told apart from the next.
//!
//! The parser stops at the first error. So values that it can't read are replaced by harmless characters of the same
//! length, and the text is read again, until it can be read or nothing helps.

mod build;
mod frames;
mod mapping;
mod patch;
mod place;
mod region;
mod scalar;
mod syntax;
mod tree;

pub(crate) use place::place_in_text;
pub(crate) use region::{corrected_line, quoted};
pub(crate) use scalar::Resolved;
pub(crate) use tree::{Entry, Kind, Node, Scalar, Style};

use self::{
    build::{Built, End, build},
    patch::{Patches, Replacement},
};
use crate::{
    code::Code,
    diagnostic::{Problem, Problems},
    source::{Source, Span},
};

/// A larger text is refused (spec 1.1).
pub(crate) const LARGEST_DOCUMENT: usize = 1024 * 1024;

/// Repeated reading stops after so many bytes, so that a large text full of errors costs no more than a second.
const MOST_BYTES_READ: usize = 16 * 1024 * 1024;

/// A document that could be read.
pub(crate) struct Document {
    pub root: Node,
    /// Whether the end is missing, because of a syntax error that could not be repaired.
    pub cut_off: bool,
}

/// Reads a text; `None` if there is nothing to check further.
pub(crate) fn read(source: &Source<'_>, problems: &mut Problems) -> Option<Document> {
    if source.text().len() > LARGEST_DOCUMENT {
        let message = "the text is over 1 MiB; move long messages elsewhere, or split the process";
        problems.push(Problem::new(Code::DocumentTooLarge, Span::default(), message));
        return None;
    }
    let mut patches = Patches::default();
    let mut repaired_to = None;
    let mut bytes_read = 0;
    loop {
        let built = build(source, &patches.apply(source.text()), &patches);
        bytes_read += source.text().len();
        if bytes_read < MOST_BYTES_READ && repair_traps(&built, source, &mut patches, problems) {
            continue;
        }
        match built.end {
            End::Complete => return complete(built, source, problems),
            End::Refused(problem) => {
                problems.push(*problem);
                return None;
            }
            End::Syntax(failure) => {
                // What is unreadable before the end of the last repair is a consequence of it.
                let is_new = repaired_to.is_none_or(|end| failure.at > end);
                if is_new {
                    let finding = syntax::explain(source, &failure);
                    problems.push(finding.problem);
                    if let Some((span, replacement)) = finding.repair
                        && bytes_read < MOST_BYTES_READ
                        && patches.add(span, replacement)
                    {
                        repaired_to = Some(span.end);
                        continue;
                    }
                }
                return cut_off(built.root, built.problems, problems);
            }
        }
    }
}

/// Reports and repairs the unquoted expressions that a pass has met; whether there were any.
fn repair_traps(built: &Built, source: &Source<'_>, patches: &mut Patches, problems: &mut Problems) -> bool {
    let mut repaired = false;
    for trap in &built.traps {
        let span = if trap.in_flow {
            region::flow_token(source, trap.start)
        } else {
            region::block_value(source, trap.start, trap.parent_column)
        };
        if patches.add(span, Replacement::Text) {
            let problem = syntax::unquoted_expression(source, span, trap.parent_column);
            problems.push(problem.at(&trap.path));
            repaired = true;
        }
    }
    repaired
}

fn complete(built: Built, source: &Source<'_>, problems: &mut Problems) -> Option<Document> {
    for problem in built.problems {
        problems.push(problem);
    }
    let root = built.root.filter(|root| !root.is_null());
    if root.is_none() {
        let message = "the text is empty; a process needs at least `name` and `steps`";
        let start = source.line_start(1);
        problems.push(Problem::new(Code::EmptyDocument, Span::new(start, start), message));
    }
    root.map(|root| Document { root, cut_off: false })
}

fn cut_off(root: Option<Node>, found: Vec<Problem>, problems: &mut Problems) -> Option<Document> {
    for problem in found {
        problems.push(problem);
    }
    root.map(|root| Document { root, cut_off: true })
}
