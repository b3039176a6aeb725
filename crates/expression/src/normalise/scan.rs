//! Finds the placeholders and tags of a template and has what is in them rewritten; text around them stays as it is.

use super::{
    Normal, Placeholder,
    lexer::{Kind, Lexer},
    rewrite::{Rewriter, Surroundings, Tag, unclosed},
    too_long,
};
use crate::{Names, SyntaxError, limits};

/// Normalises a template (spec 2.2). Each placeholder that can't be read is reported, and `{{0}}` stands in its place,
/// so that the parser can find what is wrong with the others.
pub fn normalise_template(text: &str, names: &Names) -> Normal {
    let mut scan = Scan { text, names, normal: Normal::default(), blocks: Vec::new() };
    if text.len() > limits::TEMPLATE_BYTES {
        let message =
            format!("the text is {} bytes long; a template has at most {}", text.len(), limits::TEMPLATE_BYTES);
        scan.normal.errors.push(SyntaxError::new(message, 0..text.len()));
        return scan.normal;
    }
    scan.run();
    scan.normal
}

/// Whether a text is exactly one placeholder, with nothing but space around it.
pub fn is_single_placeholder(text: &str) -> bool {
    let start = text.len() - text.trim_start().len();
    if !text[start..].starts_with("{{") || is_brace_before_placeholder(text, start) {
        return false;
    }
    let (names, mut normal) = (Names::default(), Normal::default());
    let rewriter = Rewriter::new(text, start + 2, &names, Surroundings::Placeholder, &mut normal);
    rewriter.run().is_ok_and(|tag| text[tag.end..].trim().is_empty())
}

struct Scan<'t> {
    text: &'t str,
    names: &'t Names,
    normal: Normal,
    /// The open tags: for an `if`, how many branches it has.
    blocks: Vec<usize>,
}

impl Scan<'_> {
    fn run(&mut self) {
        let mut position = 0;
        while let Some(found) = self.text[position..].find('{')
            && self.normal.errors.len() < limits::ERRORS
        {
            let start = position + found;
            self.normal.copy(self.text, position..start);
            position = match self.text.as_bytes().get(start + 1) {
                Some(b'{') if is_brace_before_placeholder(self.text, start) => {
                    let end = start + literal_braces(&self.text[start..]);
                    self.normal.write(&format!("{{{{\"{}\"}}}}", &self.text[start..end]), start..end);
                    end
                }
                Some(b'{') => self.placeholder(start),
                Some(b'%') => self.statement(start),
                Some(b'#') => self.comment(start),
                _ => {
                    self.normal.copy(self.text, start..start + 1);
                    start + 1
                }
            };
        }
        self.normal.copy(self.text, position..self.text.len());
    }

    fn placeholder(&mut self, start: usize) -> usize {
        let before = self.normal.text.len();
        self.normal.copy(self.text, start..start + 2);
        let rewriter = Rewriter::new(self.text, start + 2, self.names, Surroundings::Placeholder, &mut self.normal);
        let result = rewriter.run().and_then(|tag| check_length("The placeholder", start, &tag).map(|()| tag));
        let end = match result {
            Ok(tag) => tag.end,
            Err(error) => {
                let (error, end) = self.recover(start, error);
                self.normal.errors.push(error);
                self.normal.truncate(before);
                self.normal.write("{{0}}", start..end);
                end
            }
        };
        let author = start..end;
        self.normal.placeholders.push(Placeholder { normal: before, author });
        end
    }

    fn statement(&mut self, start: usize) -> usize {
        if let Some(length) = after_tag(&self.text[start..], "raw") {
            return self.raw_block(start, start + length);
        }
        self.normal.copy(self.text, start..start + 2);
        let rewriter = Rewriter::new(self.text, start + 2, self.names, Surroundings::Statement, &mut self.normal);
        let result = rewriter
            .run()
            .and_then(|tag| check_length("The tag", start, &tag).map(|()| tag))
            .and_then(|tag| self.count_block(start, &tag).map(|()| tag));
        match result {
            Ok(tag) => tag.end,
            Err(error) => {
                self.normal.errors.push(error);
                self.normal.is_broken = true;
                self.end_after("%}", start)
            }
        }
    }

    /// A block whose text is copied as it stands.
    fn raw_block(&mut self, start: usize, position: usize) -> usize {
        if let Some(end) = end_of_raw_block(self.text, position) {
            self.normal.copy(self.text, start..end);
            return end;
        }
        let message = "the `{% endraw %}` of this `{% raw %}` is missing";
        self.normal.errors.push(SyntaxError::new(message, start..position));
        self.normal.is_broken = true;
        self.text.len()
    }

    fn comment(&mut self, start: usize) -> usize {
        if let Some(length) = self.text[start + 2..].find("#}") {
            let end = start + 2 + length + 2;
            self.normal.copy(self.text, start..end);
            return end;
        }
        let message = "`{#` starts a comment, and its `#}` is missing; to write these two characters, use `{{ '{#' }}`";
        self.normal.errors.push(SyntaxError::new(message, start..start + 2));
        self.normal.is_broken = true;
        self.text.len()
    }

    /// Where to go on after a placeholder that can't be read. If the next one starts before this one ends, the missing
    /// braces are the error, whatever else it led to.
    fn recover(&self, start: usize, error: SyntaxError) -> (SyntaxError, usize) {
        let rest = &self.text[start + 2..];
        match rest.find("{{").filter(|opens_at| !rest[..*opens_at].contains("}}")) {
            Some(opens_at) => (unclosed(Surroundings::Placeholder, start), start + 2 + opens_at),
            None => (error, self.end_after("}}", start)),
        }
    }

    /// Where to go on after something that can't be read.
    fn end_after(&self, closer: &str, start: usize) -> usize {
        let rest = &self.text[start + 2..];
        rest.find(closer).map_or(self.text.len(), |at| start + 2 + at + closer.len())
    }

    /// The parser follows nested tags and branches by calling itself: both are bounded here.
    fn count_block(&mut self, start: usize, tag: &Tag) -> Result<(), SyntaxError> {
        let refuse = |message: String| {
            let range = start..tag.end;
            Err(SyntaxError::new(message, range))
        };
        match tag.keyword.as_str() {
            "elif" => {
                let Some(branches) = self.blocks.last_mut() else {
                    return Ok(());
                };
                *branches += 1;
                if *branches > limits::BRANCHES {
                    return refuse(format!("an `if` has at most {} `elif`", limits::BRANCHES));
                }
            }
            "set" if tag.has_assignment => {}
            "if" | "for" | "with" | "set" | "filter" | "autoescape" | "block" | "macro" | "call" => {
                self.blocks.push(0);
                if self.blocks.len() > limits::BLOCKS {
                    return refuse(format!(
                        "tags are nested too deeply: at most {} may be open at once",
                        limits::BLOCKS
                    ));
                }
            }
            keyword if keyword.starts_with("end") => drop(self.blocks.pop()),
            _ => {}
        }
        Ok(())
    }
}

fn check_length(what: &str, start: usize, tag: &Tag) -> Result<(), SyntaxError> {
    if tag.end - start > limits::EXPRESSION_BYTES {
        return Err(too_long(what, start..tag.end));
    }
    Ok(())
}

/// How many braces of a run are literal ones, given that the first is: all of a long run but its last.
fn literal_braces(text: &str) -> usize {
    let run = text.bytes().take_while(|byte| *byte == b'{').count();
    run.saturating_sub(limits::BRACKETS + 3).max(1)
}

/// Whether the first brace of `{{{` is a literal one before a placeholder, and not the start of a mapping in one.
fn is_brace_before_placeholder(text: &str, start: usize) -> bool {
    if !text[start..].starts_with("{{{") {
        return false;
    }
    let mut lexer = Lexer::new(text, start + 3);
    lexer.end = text.floor_char_boundary(text.len().min(start + limits::EXPRESSION_BYTES));
    let (mut open, mut is_empty, mut after_default) = (Vec::new(), true, false);
    while let Some(token) = lexer.next_token() {
        match lexer.text_of(token) {
            "}" if open.is_empty() => return !is_empty,
            opener @ ("(" | "[" | "{") => {
                open.push(opener);
                // More than a placeholder may have: no mapping, and reading on would cost too much.
                if open.len() > limits::BRACKETS {
                    return true;
                }
            }
            closer @ (")" | "]" | "}") => {
                let opener = open.pop();
                if !matches!((opener, closer), (Some("("), ")") | (Some("["), "]") | (Some("{"), "}")) {
                    return true;
                }
            }
            ":" if open.is_empty() && !after_default => return false,
            _ => {}
        }
        is_empty = false;
        after_default = token.kind == Kind::Name && matches!(lexer.text_of(token), "default" | "d");
    }
    true
}

/// The place behind the first `{% endraw %}` from `position` on.
fn end_of_raw_block(text: &str, mut position: usize) -> Option<usize> {
    while let Some(found) = text[position..].find("{%") {
        position += found;
        if let Some(length) = after_tag(&text[position..], "endraw") {
            return Some(position + length);
        }
        position += 2;
    }
    None
}

/// The length of the tag `{% word %}` with which the text starts.
fn after_tag(text: &str, word: &str) -> Option<usize> {
    let rest = text.strip_prefix("{%")?;
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest).trim_ascii_start();
    let rest = rest.strip_prefix(word)?.trim_ascii_start();
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let rest = rest.strip_prefix("%}")?;
    Some(text.len() - rest.len())
}
