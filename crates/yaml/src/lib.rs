//! YAML with places: a tree in which every key and value knows where it stands, and every syntax problem that can be told
//! apart from the next. Definitions, the agents file and the configuration are read with it.
//!
//! The parser stops at the first error. So values that it can't read are replaced by harmless characters of the same
//! length, and the text is read again, until it can be read or nothing helps.
//!
//! Invariants: no text makes it panic, overflow or read for long; a number keeps the characters it is written with; it
//! knows nothing of what the keys mean.

mod build;
mod characters;
mod clean;
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
mod trial;

use std::fmt;

pub use characters::{described, shown, visible};
pub use path::Path;
pub use place::TextPlaces;
pub use problem::{Correction, Fault, Fix, Problem};
pub use region::{corrected, inside_quotes, quoted, rewritten, with_line};
pub use scalar::Resolved;
pub use source::{Position, Source, Span};
pub use tree::{Entry, Kind, Node, Scalar, Style};

use self::{
    build::{Built, End, build},
    patch::{Patches, Replacement},
    syntax::Scene,
    trial::Trials,
};

/// A larger text is refused (spec 1.1).
pub const LARGEST_DOCUMENT: usize = 1024 * 1024;

/// Repeated reading stops after so many bytes, so that a large text full of errors costs no more than a small one.
const MOST_BYTES_READ: usize = 4 * 1024 * 1024;

/// So many values are repaired; what else is unreadable stays so.
const MOST_REPAIRS: usize = 500;

/// What reading needs to know from whoever wants the text read.
#[derive(Clone, Copy)]
pub struct Reading<'r> {
    /// Which words are known as keys, for better messages.
    pub is_known_key: &'r dyn Fn(&str) -> bool,
    /// Whether the text is still wanted; asked now and then, so that reading can be given up.
    pub is_wanted: &'r dyn Fn() -> bool,
}

impl Default for Reading<'_> {
    /// No word is known, and the text is wanted to its end.
    fn default() -> Self {
        Self { is_known_key: &|_| false, is_wanted: &|| true }
    }
}

impl fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

/// What became of a text.
#[derive(Debug, Default)]
pub struct Document<'t> {
    /// Its value; `None` if the text has no content, or if it is refused as a whole.
    pub root: Option<Node<'t>>,
    /// Whether a part is missing: the end, because of a syntax error that could not be repaired or because reading was given
    /// up, or lines in which there is no key.
    pub is_cut_off: bool,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Reads a text.
pub fn read<'s>(source: &'s Source<'_>, reading: Reading<'_>) -> Document<'s> {
    let mut problems = source.problems().to_vec();
    if source.text().len() > LARGEST_DOCUMENT {
        problems.push(Problem::new(Fault::TooLarge, Span::default(), "the text is over 1 MiB"));
        return Document { problems, ..Document::default() };
    }
    let mut patches = Patches::of(source.text());
    let mut repaired_to = None;
    let mut bytes_read = 0;
    let mut is_partial = false;
    loop {
        let built = build(source, &patches, reading);
        bytes_read += match &built.end {
            End::Syntax(failure) => failure.at,
            End::Complete | End::GivenUp | End::Refused(_) => source.text().len(),
        };
        let may_repair = bytes_read < MOST_BYTES_READ && patches.len() < MOST_REPAIRS;
        if may_repair && repair_traps(&built, source, &mut patches, &mut problems) {
            continue;
        }
        match built.end {
            End::Complete => return finish(built.root, is_partial, problems, built.problems),
            End::GivenUp => return finish(None, true, problems, Vec::new()),
            End::Refused(problem) => {
                problems.push(*problem);
                return finish(None, false, problems, Vec::new());
            }
            End::Syntax(failure) => {
                // What is unreadable before the end of the last repair is a consequence of it.
                if repaired_to.is_none_or(|end| failure.at > end) {
                    let trials = Trials::new(patches.text(), MOST_BYTES_READ.saturating_sub(bytes_read));
                    let scene =
                        Scene { source, failure: &failure, is_known_key: reading.is_known_key, trials: &trials };
                    let finding = syntax::explain(&scene);
                    bytes_read = MOST_BYTES_READ.saturating_sub(trials.bytes_left());
                    problems.push(finding.problem);
                    if let Some((span, replacement)) = finding.repair
                        && may_repair
                        && patches.add(span, replacement)
                    {
                        repaired_to = Some(span.end);
                        is_partial |= replacement.leaves_out_keys();
                        continue;
                    }
                }
                return finish(built.root, true, problems, built.problems);
            }
        }
    }
}

/// Reports and repairs the unquoted expressions that a pass has met; whether there were any.
fn repair_traps(
    built: &Built<'_>,
    source: &Source<'_>,
    patches: &mut Patches<'_>,
    problems: &mut Vec<Problem>,
) -> bool {
    let mut repaired = false;
    for trap in &built.traps {
        if patches.len() >= MOST_REPAIRS {
            break;
        }
        if patches.cover(trap.start) {
            continue;
        }
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

fn finish(root: Option<Node<'_>>, is_cut_off: bool, mut problems: Vec<Problem>, more: Vec<Problem>) -> Document<'_> {
    problems.extend(more);
    let root = root.filter(|root| is_cut_off || !root.is_null());
    Document { root, is_cut_off, problems }
}
