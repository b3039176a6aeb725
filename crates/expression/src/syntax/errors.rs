//! What the parser finds wrong, in words that say what to write.

use std::ops::Range;

use super::Unreadable;
use crate::{SyntaxError, normalise::Normal};

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
pub fn parser_error(normal: &Normal, error: &minijinja::Error) -> Unreadable {
    let range = error.range().unwrap_or(0..normal.text.len());
    // Some errors are told by their kind alone.
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let at = normal.text.get(range.clone()).unwrap_or("");
    let misplaced_tag = || mismatch(&normal.text);
    let (range, message) = match detail.as_str() {
        // The parser's range may end within the character.
        "unexpected character" => (range.clone(), unexpected_character(normal.text.get(range.start..).unwrap_or(""))),
        "unexpected input after expression" => (range, unexpected_word(at)),
        _ if detail.starts_with("unknown statement") || detail.contains("end of input") => match misplaced_tag() {
            Some((place, message)) => (place, message),
            None => (range, unreadable(&detail)),
        },
        _ => (range, unreadable(&detail)),
    };
    Unreadable::Parser(SyntaxError { message, range: normal.places.author(range) })
}

fn unreadable(detail: &str) -> String {
    let detail = detail
        .replace("start of variable block", "`{{`")
        .replace("end of variable block", "`}}`")
        .replace("start of block", "`{%`")
        .replace("end of block", "`%}`")
        .replace("end of input", "end of the text")
        .replace("template exceeds maximum recursion limits", "it is nested too deeply");
    format!("This can't be read: {detail}.")
}

/// A character that no expression has: it is named, in a way that shows it even if it can't be seen.
fn unexpected_character(text: &str) -> String {
    let Some(character) = text.chars().next() else { return unreadable("unexpected character") };
    let advice = match character {
        '“' | '”' | '„' | '‘' | '’' | '«' | '»' => "texts stand in plain quotes, `'…'` or `\"…\"`",
        '$' => "names have no `$` here, and placeholders are `{{ … }}`",
        '≥' => "write `>=`",
        '≤' => "write `<=`",
        '≠' => "write `!=`",
        '×' => "write `*`",
        '÷' => "write `/`",
        '–' | '—' | '−' => "write a plain `-`",
        '…' => "write what is meant",
        _ => "a text that holds it stands in quotes",
    };
    let shown = if character.is_control() || character.is_whitespace() || is_invisible(character) {
        character.escape_unicode().to_string()
    } else {
        character.to_string()
    };
    format!("`{shown}` can't stand in an expression: {advice}.")
}

const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
}

/// Something that follows a complete expression.
fn unexpected_word(word: &str) -> String {
    let lower = word.to_lowercase();
    if let Some((_, operator)) = FOREIGN_OPERATORS.iter().find(|(foreign, _)| *foreign == lower) {
        return format!("`{word}` is no operator here; write `{operator}`.");
    }
    if PATTERNS.contains(&lower.as_str()) {
        return format!(
            "`{word}` is no operator here; write `a contains 'x'`, `a is startingwith('x')` or `a is endingwith('x')`."
        );
    }
    let shown: String = word.chars().take(40).collect();
    format!("`{shown}` follows a complete expression: an operator such as `and` or `==` is missing before it.")
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
                    "`{{% {word} %}}` does not go with the `{{% {opened} %}}` before it, which ends with `{{% end{opened} %}}`."
                );
                return Some((range, message));
            }
            None => return Some((range, format!("There is no `{{% {ended} %}}` before this `{{% {word} %}}`."))),
        }
    }
    let (opened, range) = open.pop()?;
    Some((range, format!("The `{{% end{opened} %}}` of this `{{% {opened} %}}` is missing.")))
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
