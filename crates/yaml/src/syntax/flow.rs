//! What is wrong within `[…]` or `{…}`: a quote or a bracket that is not closed, a comment that takes the rest away.

use super::{Finding, Scene, block, unquoted_expression, words::in_words};
use crate::{
    patch::Replacement,
    problem::{Correction, Fault, Fix, Problem},
    region,
    source::Span,
};

/// The first thing in brackets that can't be meant.
enum Flaw {
    /// A quote that opens a text.
    UnclosedQuote { at: usize, quote: char },
    /// A text whose quotes end before it does.
    QuoteEndsEarly { at: usize, quote: char },
    /// A comment behind a text.
    Comment { text_at: usize },
    /// A bracket closed by one of the other kind.
    Mismatched { open: char, at: usize },
    /// Brackets that stay open.
    Unclosed,
    /// The outermost bracket is closed here.
    Closed { end: usize },
}

/// Says what is wrong with the brackets that open at `open`.
pub(super) fn explain(scene: &Scene<'_>, open: usize) -> Finding {
    let source = scene.source;
    let failure = scene.failure;
    let context = &failure.context;
    let rest = source.text().get(failure.at..).unwrap_or("");
    let token = region::flow_token(source, failure.at);
    let value = region::block_value(source, open, context.parent_column);
    if source.slice(value).starts_with("{%") {
        return block::expression(scene, value);
    }
    let last_line = source.line(value.end);
    let end = source.line_start(last_line) + source.line_text(last_line).len();
    let mut scan = Scan::of(source.slice(Span::new(open, end)));
    let flaw = scan.first_flaw();
    // The parser may have read on behind brackets that are closed: a quote in an expression opened a text for it.
    let stands_before = matches!(flaw, Flaw::Closed { end } if open + end <= failure.at);
    let is_expression = rest.starts_with("{{") || rest.starts_with("{%");
    let unquoted = if stands_before {
        scan.expression.map(|at| region::flow_token(source, open + at))
    } else {
        (failure.at > open && is_expression && source.slice(token).contains('{')).then_some(token)
    };
    if let Some(token) = unquoted {
        let problem = unquoted_expression(source, token, context.parent_column);
        return Finding { problem, repair: Some((token, Replacement::Text)) };
    }
    let (message, span, correction) = match flaw {
        Flaw::Closed { end } if is_text(source.rest_of_line(open + end)) => {
            return block::text_after_value(scene, open);
        }
        Flaw::Closed { .. } => return unreadable_part(scene, value),
        Flaw::UnclosedQuote { at, quote } => {
            let message = format!("this {quote}…{quote} is not closed: the second `{quote}` is missing");
            (message, scan.to_line_end(at), scan.close_quote(scene, open, at, quote))
        }
        Flaw::QuoteEndsEarly { at, quote } => {
            let message = block::ends_early(quote);
            (message, scan.to_line_end(at), scan.change_quotes(scene, open, at, quote))
        }
        Flaw::Comment { text_at } => {
            let message =
                "` #` begins a comment, so the brackets around this are not closed; quote the text if `#` is a part of it"
                    .to_owned();
            (message, scan.to_line_end(text_at), scan.quote_text(scene, open, text_at))
        }
        Flaw::Mismatched { open: bracket, at } => {
            let closing = closing(bracket);
            let found = scan.text[at..].chars().next().unwrap_or(closing);
            let is_missing = scan.brackets.iter().any(|other| closing_of(*other) == found);
            let message = if is_missing {
                format!("a `{closing}` is missing before this `{found}`")
            } else {
                format!("a `{bracket}` is closed by this `{found}` instead of `{closing}`")
            };
            let length = if is_missing { 0 } else { found.len_utf8() };
            let fix = Fix { span: Span::new(open + at, open + at + length), text: closing.to_string() };
            (message, Span::new(at, at + found.len_utf8()), scene.tried(fix))
        }
        Flaw::Unclosed => {
            let (bracket, at) = scan.brackets.last().copied().unwrap_or(('[', 0));
            let message = format!("this `{bracket}` is not closed: a `{}` is missing", closing(bracket));
            let fix = Fix { span: Span::new(value.end, value.end), text: scan.missing_brackets() };
            (message, Span::new(at, value.end - open), scene.tried(fix))
        }
    };
    let span = Span::new(open + span.start, open + span.end);
    let problem = Problem::new(Fault::Syntax, span, message).suggest(correction);
    Finding { problem, repair: Some((value, Replacement::Broken)) }
}

fn unreadable_part(scene: &Scene<'_>, value: Span) -> Finding {
    let bracket = scene.source.slice(value).chars().next().unwrap_or('[');
    let message = format!(
        "this can't be read as a part of the `{bracket}…{}` around it: {}; quote texts that contain brackets, commas or \
         colons",
        closing(bracket),
        in_words(scene.failure.error.kind())
    );
    let span = scene.character_at(scene.failure.at.min(value.end));
    Finding { problem: Problem::new(Fault::Syntax, span, message), repair: Some((value, Replacement::Broken)) }
}

/// Whether something follows that is neither a comment nor the colon of a key.
fn is_text(rest: &str) -> bool {
    !rest.trim().is_empty() && !rest.starts_with(':') && !rest.trim_start().starts_with('#')
}

const fn closing(bracket: char) -> char {
    if bracket == '{' { '}' } else { ']' }
}

const fn closing_of(bracket: (char, usize)) -> char {
    closing(bracket.0)
}

/// Goes through the text from the outermost bracket on. Places are those within this text.
struct Scan<'s> {
    text: &'s str,
    at: usize,
    /// The open brackets and their places.
    brackets: Vec<(char, usize)>,
    /// The start of the first text that a comment follows.
    comment: Option<usize>,
    /// The start of the first text without quotes that holds an expression.
    expression: Option<usize>,
}

impl<'s> Scan<'s> {
    const fn of(text: &'s str) -> Self {
        Self { text, at: 0, brackets: Vec::new(), comment: None, expression: None }
    }

    fn first_flaw(&mut self) -> Flaw {
        let mut text_at = None;
        while let Some(character) = self.text[self.at..].chars().next() {
            let here = self.at;
            self.at += character.len_utf8();
            match character {
                '[' | '{' if self.text[here..].starts_with("{{") => {
                    let text_at = *text_at.get_or_insert(here);
                    self.expression.get_or_insert(text_at);
                    let length = self.text[here..].find("}}").map_or(2, |length| length + 2);
                    self.at = here + length;
                }
                '[' | '{' => self.brackets.push((character, here)),
                ']' | '}' => {
                    text_at = None;
                    match self.brackets.pop() {
                        Some((open, _)) if closing(open) != character => {
                            return Flaw::Mismatched { open, at: here };
                        }
                        Some(_) if !self.brackets.is_empty() => {}
                        Some(_) | None => return Flaw::Closed { end: self.at },
                    }
                }
                ',' => text_at = None,
                ':' if self.text[self.at..].starts_with([' ', '\n', '\r']) => text_at = None,
                '"' | '\'' if text_at.is_none() => {
                    if let Some(flaw) = self.quoted(here, character) {
                        return flaw;
                    }
                }
                '#' if self.text[..here].ends_with([' ', '\t', '\n']) => {
                    let comment = &self.text[here..self.line_end(here)];
                    let hides_more = comment.contains([']', '}', ',']) || !comment[1..].starts_with([' ', '#']);
                    self.comment = self.comment.or(text_at.filter(|_| hides_more));
                    self.at = here + comment.len();
                }
                '\n' | '\r' | ' ' | '\t' => {}
                _ => {
                    text_at.get_or_insert(here);
                }
            }
        }
        self.comment.map_or(Flaw::Unclosed, |text_at| Flaw::Comment { text_at })
    }

    /// Moves behind a quoted text.
    fn quoted(&mut self, at: usize, quote: char) -> Option<Flaw> {
        let mut end = None;
        let mut rest = self.text[self.at..].char_indices().peekable();
        while let Some((place, character)) = rest.next() {
            if character == '\\' && quote == '"' {
                rest.next();
            } else if character == quote {
                if quote == '\'' && rest.peek().is_some_and(|(_, next)| *next == quote) {
                    rest.next();
                } else {
                    end = Some(self.at + place + 1);
                    break;
                }
            }
        }
        let line_end = self.line_end(at);
        // A text that goes over the end of a line which looks complete is none that was meant.
        let line = self.text[at..line_end].trim_end();
        let Some(end) = end.filter(|end| *end <= line_end || !line.ends_with([',', ']', '}'])) else {
            return Some(Flaw::UnclosedQuote { at, quote });
        };
        self.at = end;
        let next = self.text[end..].trim_start_matches([' ', '\t']).chars().next();
        let goes_on = next.is_some_and(|next| !matches!(next, ',' | ':' | ']' | '}' | '#' | '\n' | '\r'));
        goes_on.then_some(Flaw::QuoteEndsEarly { at, quote })
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find(['\n', '\r']).map_or(self.text.len(), |length| at + length)
    }

    fn to_line_end(&self, at: usize) -> Span {
        Span::new(at, at + self.text[at..self.line_end(at)].trim_end().len())
    }

    /// What closes all brackets that are open.
    fn missing_brackets(&self) -> String {
        self.brackets.iter().rev().map(|bracket| closing_of(*bracket)).collect()
    }

    /// Where the text that begins at `at` probably ends on its line: before the next key, before the brackets that close
    /// those around it, or at the end of the line.
    fn ends(&self, scene: &Scene<'_>, at: usize) -> Vec<usize> {
        let line = self.to_line_end(at);
        let text = &self.text[at..line.end];
        let mut ends = Vec::new();
        for (comma, _) in text.match_indices(", ") {
            let key = text[comma + 2..].split(':').next().unwrap_or("");
            if key.len() < text.len() - comma - 2 && (scene.is_known_key)(key.trim()) {
                ends.push(at + comma);
                break;
            }
        }
        let mut without = text;
        for _ in &self.brackets {
            without = without.strip_suffix([']', '}', ',']).unwrap_or(without).trim_end();
        }
        if without.len() < text.len() {
            ends.push(at + without.len());
        }
        ends.push(line.end);
        ends
    }

    /// Closes a quote where that makes the text readable.
    fn close_quote(&self, scene: &Scene<'_>, open: usize, at: usize, quote: char) -> Option<Correction> {
        let insertions = self.ends(scene, at + 1).into_iter().flat_map(|end| {
            let span = Span::new(open + end, open + end);
            let closed = format!("{quote}{}", self.missing_brackets());
            [Fix { span, text: quote.to_string() }, Fix { span, text: closed }]
        });
        insertions.into_iter().find_map(|fix| scene.tried(fix))
    }

    fn change_quotes(&self, scene: &Scene<'_>, open: usize, at: usize, quote: char) -> Option<Correction> {
        self.ends(scene, at).into_iter().filter(|end| self.text[at..*end].ends_with(quote)).find_map(|end| {
            let span = Span::new(open + at, open + end);
            scene.tried(Fix { span, text: block::requoted(&self.text[at..end], quote) })
        })
    }

    fn quote_text(&self, scene: &Scene<'_>, open: usize, at: usize) -> Option<Correction> {
        self.ends(scene, at).into_iter().find_map(|end| {
            let span = Span::new(open + at, open + end);
            scene.tried(Fix { span, text: region::quoted(&self.text[at..end]) })
        })
    }
}
