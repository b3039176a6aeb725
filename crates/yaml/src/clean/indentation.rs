//! Lines that are indented with tabs, no-break spaces or characters without width, and such spaces behind a key's colon.

use std::collections::BTreeMap;

use super::{Cleaned, Writer};
use crate::{
    Reading,
    build::{End, build},
    characters::{described, is_invisible, is_odd_space},
    patch::Patches,
    problem::{Fault, Fix, Problem},
    source::{Source, Span},
};

/// Longer corrections help nobody.
const LONGEST_CORRECTION: usize = 4_096;

const fn is_odd(c: char) -> bool {
    c == '\t' || is_odd_space(c) || is_invisible(c)
}

/// The white space that a line begins with, in the widest sense, and the rest.
fn indentation(line: &str) -> (&str, &str) {
    line.split_at(line.len() - line.trim_start_matches(|c| c == ' ' || is_odd(c)).len())
}

/// Whether a line is indented oddly, or a key in it is followed by an odd space.
pub(super) fn has_odd_lines(text: &str) -> bool {
    let is_mark = |at: usize| at == 0 && text.starts_with('\u{feff}');
    let mut at = 0;
    text.split_inclusive('\n').any(|line| {
        let line_at = at;
        at += line.len();
        let line = if is_mark(line_at) { &line['\u{feff}'.len_utf8()..] } else { line };
        let (space, content) = indentation(line.trim_end_matches(['\n', '\r']));
        !content.is_empty() && (space.contains(is_odd) || odd_space_behind_key(content).is_some())
    })
}

/// The part of a line where an odd space follows the dash of an item or the colon of a key.
fn odd_space_behind_key(content: &str) -> Option<Span> {
    let mut start = 0;
    while let Some(rest) = content[start..].strip_prefix('-') {
        let space = rest.len() - rest.trim_start_matches(|c| c == ' ' || is_odd(c)).len();
        if rest[..space].contains(is_odd) {
            return Some(Span::new(start + 1, start + 1 + space));
        }
        if space == 0 {
            return None;
        }
        start += 1 + space;
    }
    let key = content[start..].bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    let behind = content[start + key..].strip_prefix(':').filter(|_| key > 0)?;
    let space = behind.len() - behind.trim_start_matches(|c| c == ' ' || is_odd(c)).len();
    let is_odd_one = behind.starts_with(is_odd_space) || behind.starts_with(is_invisible);
    let at = start + key + 1;
    (is_odd_one && space < behind.len()).then(|| Span::new(at, at + space))
}

/// The columns that are open where a line begins, as far as lines alone tell.
#[derive(Default)]
struct Columns {
    /// Of mappings and lists, from the outermost to the innermost.
    open: Vec<usize>,
    /// Of the dashes of lists.
    dashes: Vec<usize>,
    /// Whether the last line ends with a colon, so that what belongs to it is indented deeper.
    opens_block: bool,
    /// The column of the key whose value is a block text, while its lines go on.
    block_text: Option<usize>,
}

impl Columns {
    fn innermost(&self) -> usize {
        self.open.last().copied().unwrap_or(0)
    }

    /// Where a line with tabs before it probably belongs.
    fn column_for(&self, content: &str) -> usize {
        match (self.opens_block, content.starts_with("- "), self.dashes.last()) {
            (true, _, _) => self.innermost() + 2,
            (false, true, Some(dash)) => *dash,
            (false, _, _) => self.innermost(),
        }
    }

    /// Takes note of a line.
    fn pass(&mut self, column: usize, content: &str) {
        self.open.retain(|open| *open < column);
        self.dashes.retain(|dash| *dash < column);
        self.open.push(column);
        let (mut column, mut rest) = (column, content);
        while let Some(inner) = rest.strip_prefix("- ") {
            self.dashes.push(column);
            let trimmed = inner.trim_start_matches(' ');
            column += rest.len() - trimmed.len();
            rest = trimmed;
            self.open.push(column);
        }
        let value = rest.split(" #").next().unwrap_or(rest).trim_end();
        self.opens_block = value.ends_with(':') || value == "-";
        let header = value.rsplit(' ').next().unwrap_or("");
        let is_header = header.starts_with(['|', '>']) && header[1..].bytes().all(|b| b"+-0123456789".contains(&b));
        self.block_text = is_header.then_some(column);
    }
}

/// Rewrites the odd lines; `None` if there are none that matter.
pub(super) fn put_right(text: &str) -> Option<Cleaned> {
    let tabs_only = is_indented_with_tabs_alone(text);
    let mut writer = Writer::default();
    let mut columns = Columns::default();
    let mut odd_lines: BTreeMap<usize, OddLine> = BTreeMap::new();
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let end = line.trim_end_matches(['\n', '\r']).len();
        let (body, line_break) = line.split_at(end);
        let mark = if index == 0 && body.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let (space, content) = indentation(&body[mark..]);
        let plain = space.bytes().take_while(|byte| *byte == b' ').count();
        let is_in_block_text = columns.block_text.is_some_and(|column| content.is_empty() || plain > column);
        if content.is_empty() || is_in_block_text {
            writer.copy(line, at);
            at += line.len();
            continue;
        }
        let here = writer.text.len();
        let column = if !space.contains(is_odd) {
            space.len()
        } else if space.contains('\t') && tabs_only {
            2 * space.matches('\t').count() + space.matches(' ').count()
        } else if space.contains('\t') {
            columns.column_for(content)
        } else {
            space.chars().filter(|c| !is_invisible(*c)).count()
        };
        if space.contains(is_odd) {
            let character = space.chars().find(|c| is_odd(*c)).unwrap_or('\t');
            odd_lines.insert(index, OddLine { character, space: Span::new(here, here + column), is_indentation: true });
            writer.replace(&" ".repeat(column), at + mark);
        } else {
            writer.copy(&body[..mark + space.len()], at);
        }
        let content_at = at + mark + space.len();
        if let Some(odd) = odd_space_behind_key(content) {
            writer.copy(&content[..odd.start], content_at);
            let behind = writer.text.len();
            writer.replace(" ", content_at + odd.start);
            writer.copy(&content[odd.end..], content_at + odd.end);
            let character = content[odd.start..].chars().find(|c| is_odd(*c)).unwrap_or('\t');
            let space = Span::new(behind, behind + 1);
            odd_lines.entry(index).or_insert(OddLine { character, space, is_indentation: false });
            columns.pass(column, &format!("{} {}", &content[..odd.start], &content[odd.end..]));
        } else {
            writer.copy(content, content_at);
            columns.pass(column, content);
        }
        writer.copy(line_break, at + end);
        at += line.len();
    }
    if odd_lines.is_empty() {
        return None;
    }
    let problems = problems(&writer.text, &odd_lines);
    Some(Cleaned { text: writer.text, shifts: writer.shifts, problems })
}

/// Whether tabs are all that lines are indented with.
fn is_indented_with_tabs_alone(text: &str) -> bool {
    text.lines().map(|line| indentation(line).0).all(|space| !space.starts_with(' '))
}

/// A line that was put right.
struct OddLine {
    /// The first odd character.
    character: char,
    /// Where it was, in the text put right.
    space: Span,
    is_indentation: bool,
}

/// One problem for all lines that are indented oddly, since that is one mistake, and one for each odd space elsewhere.
fn problems(text: &str, odd_lines: &BTreeMap<usize, OddLine>) -> Vec<Problem> {
    let line_starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).chain([text.len()]).collect();
    let unreadable = unreadable_line(text);
    // A correction that can't be read itself would do harm.
    let is_good = |line: usize| unreadable.is_none_or(|unreadable| unreadable != line && unreadable != line + 1);
    let mut problems = Vec::new();
    let indented: Vec<(usize, &OddLine)> =
        odd_lines.iter().filter(|(_, odd)| odd.is_indentation).map(|(line, odd)| (*line, odd)).collect();
    if let (Some((first, odd)), Some((last, _))) = (indented.first(), indented.last()) {
        let more = match indented.len() - 1 {
            0 => String::new(),
            1 => ", here and on another line".to_owned(),
            more => format!(", here and on {more} other lines"),
        };
        let message = if odd.character == '\t' {
            format!("indent with spaces{more}: YAML takes no tabs in front of keys and list items")
        } else {
            format!("indent with spaces{more}: YAML takes {} for text", described(odd.character))
        };
        let mut problem = Problem::new(Fault::TabIndentation, odd.space, message);
        let region = Span::new(line_starts[*first], line_starts[last + 1]);
        let corrected = text[region.start..region.end].trim_end_matches(['\n', '\r']);
        if corrected.len() <= LONGEST_CORRECTION && indented.iter().all(|(line, _)| is_good(*line)) {
            problem.suggestion = Some(corrected.to_owned());
            let span = Span::new(region.start, region.start + corrected.len());
            problem.fix = Some(Fix { span, text: corrected.to_owned() });
        }
        problems.push(problem);
    }
    for (line, odd) in odd_lines.iter().filter(|(_, odd)| !odd.is_indentation) {
        let message = format!("{} stands here, where YAML wants a plain space", described(odd.character));
        let mut problem = Problem::new(Fault::Syntax, odd.space, message);
        let corrected = text[line_starts[*line]..line_starts[line + 1]].trim();
        if corrected.len() <= LONGEST_CORRECTION && is_good(*line) {
            problem.suggestion = Some(corrected.to_owned());
            problem.fix = Some(Fix { span: odd.space, text: " ".to_owned() });
        }
        problems.push(problem);
    }
    problems
}

/// The line, from 0, at which the text put right can't be read, if there is one.
fn unreadable_line(text: &str) -> Option<usize> {
    let source = Source::as_given(text);
    match build(&source, &Patches::of(text), Reading::default()).end {
        End::Syntax(failure) => Some(text[..failure.at.min(text.len())].matches('\n').count()),
        End::Complete | End::GivenUp | End::Refused(_) => None,
    }
}
