//! YAML with places: a tree in which every key and value knows where it stands, and every syntax problem that can be told
//! apart from the next. Definitions, the agents file and the configuration are read with it.
//!
//! The parser stops at the first error. So values that it can't read are replaced by harmless characters of the same
//! length, and the text is read again, until it can be read or nothing helps.
//!
//! Invariants: no text makes it panic, overflow or read for long; a number keeps the characters it is written with; it
//! knows nothing of what the keys mean.

mod build;
mod frames;
mod mapping;
mod patch;
mod path;
mod place;
mod problem;
mod region;
mod scalar;
mod source;
mod syntax;
mod tree;

pub use path::Path;
pub use place::place_in_text;
pub use problem::{Fault, Problem};
pub use region::{corrected_line, quoted};
pub use scalar::Resolved;
pub use source::{Position, Source, Span};
pub use tree::{Entry, Kind, Node, Scalar, Style};

use self::{
    build::{Built, End, build},
    patch::{Patches, Replacement},
};

/// A larger text is refused (spec 1.1).
pub const LARGEST_DOCUMENT: usize = 1024 * 1024;

/// Repeated reading stops after so many bytes, so that a large text full of errors costs no more than a second.
const MOST_BYTES_READ: usize = 16 * 1024 * 1024;

/// What became of a text.
#[derive(Debug, Default)]
pub struct Document {
    /// Its value; `None` if the text has no content, or if it is refused as a whole.
    pub root: Option<Node>,
    /// Whether the end is missing, because of a syntax error that could not be repaired.
    pub is_cut_off: bool,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Reads a text. `is_known_key` says which words its reader knows as keys, for better messages.
pub fn read(source: &Source<'_>, is_known_key: &dyn Fn(&str) -> bool) -> Document {
    let mut problems = Vec::new();
    if source.text().len() > LARGEST_DOCUMENT {
        problems.push(Problem::new(Fault::TooLarge, Span::default(), "the text is over 1 MiB"));
        return Document { problems, ..Document::default() };
    }
    let mut patches = Patches::default();
    let mut repaired_to = None;
    let mut bytes_read = 0;
    loop {
        let built = build(source, &patches.apply(source.text()), &patches);
        bytes_read += source.text().len();
        let may_repair = bytes_read < MOST_BYTES_READ;
        if may_repair && repair_traps(&built, source, &mut patches, &mut problems) {
            continue;
        }
        match built.end {
            End::Complete => return finish(built.root, false, problems, built.problems),
            End::Refused(problem) => {
                problems.push(*problem);
                return finish(None, false, problems, Vec::new());
            }
            End::Syntax(failure) => {
                // What is unreadable before the end of the last repair is a consequence of it.
                if repaired_to.is_none_or(|end| failure.at > end) {
                    let finding = syntax::explain(source, &failure, is_known_key);
                    problems.push(finding.problem);
                    if let Some((span, replacement)) = finding.repair
                        && may_repair
                        && patches.add(span, replacement)
                    {
                        repaired_to = Some(span.end);
                        continue;
                    }
                }
                return finish(built.root, true, problems, built.problems);
            }
        }
    }
}

/// Reports and repairs the unquoted expressions that a pass has met; whether there were any.
fn repair_traps(built: &Built, source: &Source<'_>, patches: &mut Patches, problems: &mut Vec<Problem>) -> bool {
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

fn finish(root: Option<Node>, is_cut_off: bool, mut problems: Vec<Problem>, more: Vec<Problem>) -> Document {
    problems.extend(more);
    let root = root.filter(|root| is_cut_off || !root.is_null());
    Document { root, is_cut_off, problems }
}
