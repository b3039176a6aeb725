//! What the parser finds wrong, in words that say what to write.

use std::ops::Range;

use super::Unreadable;
use crate::{Replacement, SyntaxError, known, normalise::Normal};

/// Words of other languages for operators, and what is written here.
const FOREIGN_OPERATORS: [(&str, &str); 10] = [
    ("gt", ">"),
    ("gte", ">="),
    ("ge", ">="),
    ("lt", "<"),
    ("lte", "<="),
    ("le", "<="),
    ("eq", "=="),
    ("equals", "=="),
    ("ne", "!="),
    ("neq", "!="),
];

/// Words of other languages that have no operator here.
const PATTERNS: [&str; 4] = ["matches", "like", "startswith", "endswith"];

/// The parser's error in our words, at its place in the author's text.
pub fn parser_error(author: &str, normal: &Normal, error: &minijinja::Error) -> Unreadable {
    let range = error.range().unwrap_or(0..normal.text.len());
    // Some errors are told by their kind alone.
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let misplaced_tag = || mismatch(&normal.text);
    let (range, message) = match detail.as_str() {
        "unexpected character" => return Unreadable::Parser(unexpected_character(author, normal, range)),
        "unexpected input after expression" => return Unreadable::Parser(unexpected_word(normal, range)),
        _ if is_word_before_the_end(&detail) => return Unreadable::Parser(unexpected_word(normal, range)),
        _ if detail.starts_with("unknown statement") || detail.contains("end of input") => match misplaced_tag() {
            Some((place, message)) => (place, message),
            None => (range, unreadable(&detail)),
        },
        _ => (range, unreadable(&detail)),
    };
    Unreadable::Parser(SyntaxError::new(message, normal.places.author(range)))
}

/// Whether the parser stopped at a word or a text where only `}}` could follow.
fn is_word_before_the_end(detail: &str) -> bool {
    let found =
        detail.strip_prefix("unexpected ").and_then(|rest| rest.strip_suffix(", expected end of variable block"));
    matches!(found, Some("identifier" | "string" | "integer" | "float"))
}

fn unreadable(detail: &str) -> String {
    let detail = detail
        .replace("start of variable block", "`{{`")
        .replace("end of variable block", "`}}`")
        .replace("start of block", "`{%`")
        .replace("end of block", "`%}`")
        .replace("end of input", "end of the text")
        .replace("template exceeds maximum recursion limits", "it is nested too deeply");
    format!("this can't be read: {detail}")
}

/// A character that no expression has: it is named, in a way that shows it even if it can't be seen.
fn unexpected_character(author: &str, normal: &Normal, range: Range<usize>) -> SyntaxError {
    // The parser's range may end within the character.
    let text = normal.text.get(range.start..).unwrap_or("");
    let Some(character) = text.chars().next() else {
        return SyntaxError::new(unreadable("unexpected character"), normal.places.author(range));
    };
    let place = |length: usize| normal.places.author(range.start..range.start + length);
    let here = place(character.len_utf8());
    let (advice, instead) = match character {
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => {
            let plain = quoted_plainly(text);
            let instead = plain.map(|(plain, length)| Replacement { range: place(length), text: plain });
            ("texts stand in plain quotes, `'…'` or `\"…\"`", instead)
        }
        '$' => {
            let instead = without_dollar_and_braces(author, here.start).or_else(|| without_dollar(text, &place));
            ("names have no `$` here, and placeholders are `{{ … }}`", instead)
        }
        '…' => ("write what is meant", None),
        _ => match plain_operator(character) {
            Some(plain) => {
                let instead = Some(Replacement { range: here.clone(), text: plain.to_owned() });
                ("operators are written in plain characters", instead)
            }
            None => ("a text that holds it stands in quotes", None),
        },
    };
    let shown = if character.is_control() || character.is_whitespace() || is_invisible(character) {
        character.escape_unicode().to_string()
    } else {
        character.to_string()
    };
    let message = format!("`{shown}` can't stand in an expression: {advice}");
    SyntaxError { message, range: here, instead }
}

/// The operator that a character of mathematics or typography stands for.
const fn plain_operator(character: char) -> Option<&'static str> {
    match character {
        '≥' => Some(">="),
        '≤' => Some("<="),
        '≠' => Some("!="),
        '×' => Some("*"),
        '÷' => Some("/"),
        '–' | '—' | '−' => Some("-"),
        _ => None,
    }
}

/// A text in typographic quotes with plain ones instead, and its length.
fn quoted_plainly(text: &str) -> Option<(String, usize)> {
    let opening = text.chars().next()?;
    let inner = &text[opening.len_utf8()..];
    let (end, closing) = inner.char_indices().find(|(_, c)| matches!(c, '“' | '”' | '‘' | '’' | '«' | '»'))?;
    let content = &inner[..end];
    let plain = format!("'{content}'");
    let is_plain = !content.contains(['\'', '"', '\\', '{', '}']);
    is_plain.then_some((plain, opening.len_utf8() + end + closing.len_utf8()))
}

/// `${{ … }}` as it is written in a condition, where it is a group by the time that it is read.
fn without_dollar_and_braces(author: &str, start: usize) -> Option<Replacement> {
    let rest = author.get(start..)?.strip_prefix("${{")?;
    let length = rest.find("}}")?;
    let inner = rest[..length].trim();
    let range = start..start + "${{".len() + length + "}}".len();
    let is_whole = author[..start].trim().is_empty() && author[range.end..].trim().is_empty();
    let is_path = inner.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
    let text = if is_whole || is_path { inner.to_owned() } else { format!("({inner})") };
    // What else stands in such braces is another tool's own: its functions, and its names of what steps give.
    let is_known = inner.starts_with("input.") && !inner.contains(['(', '|']) && !inner.contains("steps.");
    is_known.then_some(Replacement { range, text })
}

/// `$input.x` and `${input.x}` as they are written here.
fn without_dollar(text: &str, place: &impl Fn(usize) -> Range<usize>) -> Option<Replacement> {
    let rest = text.strip_prefix('$')?;
    let (inner, length) = match rest.strip_prefix('{') {
        Some(inner) => (inner, 2),
        None => (rest, 1),
    };
    let is_braced = length == 2;
    let name = inner.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()?;
    if !known::ROOTS.contains(&name) {
        return None;
    }
    if !is_braced {
        return Some(Replacement { range: place(length + name.len()), text: name.to_owned() });
    }
    let end = inner.find('}')?;
    Some(Replacement { range: place(length + end + 1), text: inner[..end].trim().to_owned() })
}

const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
}

/// Something that follows a complete expression.
fn unexpected_word(normal: &Normal, range: Range<usize>) -> SyntaxError {
    let word = normal.text.get(range.clone()).unwrap_or("");
    // A second operator was read as the name that a value begins with.
    let before = normal.text.get(..range.start).unwrap_or("").trim_end();
    let last = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
    if matches!(last, "and" | "or" | "not" | "in" | "is") {
        let place = normal.places.author(before.len() - last.len()..before.len());
        return SyntaxError::new(format!("a value is expected here, not `{last}`"), place);
    }
    let range = normal.places.author(range);
    let lower = word.to_lowercase();
    if let Some((_, operator)) = FOREIGN_OPERATORS.iter().find(|(foreign, _)| *foreign == lower) {
        return SyntaxError::with(format!("`{word}` is no operator here"), range, *operator);
    }
    if PATTERNS.contains(&lower.as_str()) {
        let message = format!(
            "`{word}` is no operator here; write `a contains 'x'`, `a is startingwith('x')` or `a is endingwith('x')`"
        );
        return SyntaxError::new(message, range);
    }
    let shown: String = word.chars().take(40).collect();
    let message =
        format!("`{shown}` follows a complete expression: an operator such as `and` or `==` is missing before it");
    SyntaxError::new(message, range)
}

/// The first tag that does not go with those before it, and what is wrong with it.
fn mismatch(text: &str) -> Option<(Range<usize>, String)> {
    let mut open: Vec<(&str, Range<usize>)> = Vec::new();
    for (word, range) in tags(text) {
        if matches!(word, "if" | "for" | "with" | "filter") {
            open.push((word, range));
            continue;
        }
        let Some(ended) = word.strip_prefix("end").or(matches!(word, "elif" | "else").then_some("if")) else {
            continue;
        };
        match open.last() {
            // A loop may have an `else`, too.
            Some((opened, _)) if *opened == ended || (*opened == "for" && word == "else") => {
                if word.starts_with("end") {
                    open.pop();
                }
            }
            // `set` has an end only if it encloses a text; the parser knows.
            _ if ended == "set" || ended == "raw" => {}
            Some((opened, _)) => {
                let message = format!(
                    "`{{% {word} %}}` does not go with the `{{% {opened} %}}` before it, which ends with `{{% end{opened} %}}`"
                );
                return Some((range, message));
            }
            None => return Some((range, format!("there is no `{{% {ended} %}}` before this `{{% {word} %}}`"))),
        }
    }
    let (opened, range) = open.pop()?;
    Some((range, format!("the `{{% end{opened} %}}` of this `{{% {opened} %}}` is missing")))
}

/// The first words of the tags of a text, and where the tags are.
fn tags(text: &str) -> impl Iterator<Item = (&str, Range<usize>)> {
    text.match_indices("{%").filter_map(|(start, _)| {
        let inner = text[start + 2..].trim_start_matches(['-', '+']).trim_start();
        let length = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
        let end = text[start..].find("%}").map_or(text.len(), |end| start + end + 2);
        Some((&inner[..length], start..end)).filter(|_| length > 0)
    })
}
