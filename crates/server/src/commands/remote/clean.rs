//! What a server sends, made fit for a terminal: without control characters, which could move the cursor, change what
//! stands there, or speak for this program.

use std::fmt::Write;

use procession_domain::value::Json;

use crate::terminal;

/// A text without what a terminal obeys or what turns the direction of writing; line breaks and tabs stay.
pub fn clean(text: &str) -> String {
    text.chars().filter(|character| !is_obeyed(*character) || matches!(character, '\n' | '\t')).collect()
}

/// The same on one line.
pub fn line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

/// The beginning of a text on one line, at most so many characters.
pub fn beginning(text: &str, most: usize) -> String {
    let line = line(text.trim());
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Writes a value as JSON to standard output.
pub fn say_json(value: &Json) -> std::io::Result<()> {
    terminal::say(escaped(&format!("{value:#}")))
}

/// Writes a value as JSON in one line to standard output.
pub fn say_json_line(value: &Json) -> std::io::Result<()> {
    terminal::say(escaped(&value.to_string()))
}

/// JSON in which no character stands that a terminal obeys. Outside of strings JSON has only line breaks.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_obeyed(character) && character != '\n' {
            // Writing to a text does not fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Control characters, and the invisible ones that turn the direction of writing.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(clean("a\u{1b}[31mb\r\nc\td\u{7}\u{9b}2J\u{202e}e"), "a[31mb\nc\td2Je");
        assert_eq!(line("a\u{1b}\nb\tc"), "a b c");
        assert_eq!(beginning(" ab\ncd\n", 4), "ab c…");
        assert_eq!(beginning(" ab\ncd\n", 5), "ab cd");
    }

    #[test]
    fn json_keeps_its_meaning_and_is_escaped() {
        let value = json!({"a": "x\u{1b}\u{7f}\u{9b}\u{202e}y\nz"});
        let text = escaped(&format!("{value:#}"));
        assert!(!text.chars().any(|character| is_obeyed(character) && character != '\n'), "{text:?}");
        assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), value);
    }
}
