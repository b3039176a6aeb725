//! Texts of agents, authors and people, made fit for a terminal: without control characters, and measured, cut and wrapped
//! by the columns that they take.

use unicode_width::UnicodeWidthChar;

/// Stands for what can't be shown and has no picture of its own.
const UNSHOWABLE: char = '\u{fffd}';

/// Joins characters to one picture; a text must not end with it.
const JOINER: char = '\u{200d}';

/// Asks for the picture of a character, which is as wide as two.
const AS_PICTURE: char = '\u{fe0f}';

/// A text on one line, in which every control character is shown as a picture instead of being obeyed.
pub fn clean(text: &str) -> String {
    text.chars().map(|character| if is_space(character) { ' ' } else { shown(character) }).collect()
}

/// The same for a text of several lines, which keeps its lines and tabulators.
pub fn clean_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars().map(|character| if matches!(character, '\n' | '\t') { character } else { shown(character) }).collect()
}

/// A text of our own, styles and all, of which a terminal obeys nothing but the styles.
pub fn only_styles(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) =
        rest.find(|character: char| !matches!(character, '\n' | '\t') && shown(character) != character)
    {
        let (before, from) = rest.split_at(place);
        safe.push_str(before);
        let length = style_length(from);
        if length > 0 {
            safe.push_str(&from[..length]);
            rest = &from[length..];
        } else {
            let mut characters = from.chars();
            safe.extend(characters.next().map(shown));
            rest = characters.as_str();
        }
    }
    safe.push_str(rest);
    safe
}

/// How many bytes the style takes with which a text begins; 0 if it begins with none.
fn style_length(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\x1b[") else { return 0 };
    match parameters.find(|character: char| !character.is_ascii_digit() && !matches!(character, ';' | ':')) {
        Some(end) if parameters[end..].starts_with('m') => "\x1b[".len() + end + 1,
        Some(_) | None => 0,
    }
}

/// JSON for people and programs in which even those characters are escaped that JSON allows and terminals obey.
pub fn json_lines(value: &serde_json::Value) -> String {
    escaped(format!("{value:#}"))
}

/// The text of a JSON value, of which a terminal obeys nothing but the ends of lines.
pub fn escaped(text: String) -> String {
    let obeyed = |character: char| character != '\n' && shown(character) != character;
    if !text.contains(obeyed) {
        return text;
    }
    // Outside of strings there are none.
    let escape = |character: char| {
        if obeyed(character) { format!("\\u{:04x}", u32::from(character)) } else { character.to_string() }
    };
    text.chars().map(escape).collect()
}

const fn is_space(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A character as it may be written: also those are replaced that turn the direction of what follows, since a text could
/// pass for another one with them.
fn shown(character: char) -> char {
    match character {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(UNSHOWABLE),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => UNSHOWABLE,
        _ => character,
    }
}

/// How many columns a text takes at most. Where terminals differ about what is drawn as one picture, the parts count each,
/// so that no line is wider than it was taken for.
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(character: char) -> usize {
    if character == AS_PICTURE { 1 } else { character.width().unwrap_or(0) }
}

/// The first line of a text that has something in it, in at most so many columns, without control characters.
pub fn first_line(text: &str, most: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    fit(line, most)
}

/// A text in at most so many columns, without control characters.
pub fn fit(text: &str, most: usize) -> String {
    let text = clean(text);
    if width(&text) <= most {
        return text;
    }
    let mut short = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += columns(character);
        if used > most {
            break;
        }
        short.push(character);
    }
    short.truncate(short.trim_end_matches(JOINER).len());
    if most > 0 {
        short.push('…');
    }
    short
}

/// A text with blanks behind it up to so many columns.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The lines of a text in at most so many columns each, broken between words where there are some; without control
/// characters.
pub fn wrap(text: &str, most: usize) -> Vec<String> {
    let most = most.max(2);
    let mut lines = Vec::new();
    for line in clean_lines(text).lines() {
        let line = line.replace('\t', "    ");
        let mut current = String::new();
        for word in line.split_inclusive(' ') {
            if width(&current) + width(word.trim_end()) > most && !current.trim().is_empty() {
                lines.push(std::mem::take(&mut current).trim_end().to_owned());
            }
            for character in word.chars() {
                if width(&current) + columns(character) > most && character != ' ' {
                    lines.push(std::mem::take(&mut current).trim_end().to_owned());
                }
                current.push(character);
            }
        }
        lines.push(current.trim_end().to_owned());
    }
    lines
}

/// A line of our own, styles and all, broken between words where it takes more columns; what goes on is indented. Words that
/// are longer stay whole.
pub fn wrap_styled(line: &str, most: usize, indentation: usize) -> String {
    let mut wrapped = String::with_capacity(line.len());
    let mut used = 0;
    let mut has_words = false;
    for word in line.split_inclusive(' ') {
        let columns = styled_width(word.trim_end());
        if has_words && used + columns > most {
            wrapped.truncate(wrapped.trim_end().len());
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', indentation));
            used = indentation;
            has_words = false;
        }
        has_words |= columns > 0;
        used += styled_width(word);
        wrapped.push_str(word);
    }
    wrapped
}

/// How many columns a text takes at most, without those of its styles, which take none.
fn styled_width(text: &str) -> usize {
    let mut columns = 0;
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        columns += width(&rest[..start]);
        let from = &rest[start..];
        rest = &from[style_length(from).max(1)..];
    }
    columns + width(rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_texts_are_cut_by_the_columns_they_take_and_control_characters_are_shown() {
        let cases = [
            ("", 5, ""),
            ("\n  \n  second\nthird", 20, "second"),
            ("exact", 5, "exact"),
            ("longer", 5, "long…"),
            ("\u{1b}[31mred", 10, "␛[31mred"),
            ("a\u{9b}2Jb", 10, "a\u{fffd}2Jb"),
            ("pay \u{202e}001 €", 20, "pay \u{fffd}001 €"),
            ("日本語の文章", 7, "日本語…"),
            ("日本語の文章", 12, "日本語の文章"),
            ("👩‍👩‍👧‍👦 family", 8, "👩‍👩‍👧…"),
            ("anything", 0, ""),
        ];
        for (text, most, expected) in cases {
            assert_eq!(first_line(text, most), expected, "{text:?}");
            assert!(width(&first_line(text, most)) <= most, "{text:?}");
        }
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(wrap("one two three\n\n  - four", 8), ["one two", "three", "", "  - four"]);
        assert_eq!(wrap("immeasurable", 5), ["immea", "surab", "le"]);
        assert_eq!(wrap("日本語の文章", 5), ["日本", "語の", "文章"]);
        assert_eq!(wrap("a\u{1b}[2Jb", 20), ["a␛[2Jb"]);
    }

    #[test]
    fn styled_lines_are_broken_between_words_and_their_styles_take_no_columns() {
        let text = "\u{1b}[1merror:\u{1b}[0m one two three immeasurable four";
        let wrapped = "\u{1b}[1merror:\u{1b}[0m one\n  two three\n  immeasurable\n  four";
        assert_eq!(wrap_styled(text, 12, 2), wrapped);
        assert_eq!(wrap_styled("short", 12, 2), "short");
    }

    #[test]
    fn a_terminal_obeys_our_styles_only() {
        let text = "\u{1b}[1m\u{1b}[38;5;3mours\u{1b}[0m\n\u{1b}[2J\u{1b}]0;pwned\u{7}\u{9b}1A\r\ttheirs\u{1b}[";
        let safe = "\u{1b}[1m\u{1b}[38;5;3mours\u{1b}[0m\n␛[2J␛]0;pwned␇\u{fffd}1A␍\ttheirs␛[";
        assert_eq!(only_styles(text), safe);
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = json!({"reply": "\u{1b}[31m \u{9b}2J \u{7f} \u{202e} é 日"});
        let text = json_lines(&value);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        assert!(!text.chars().any(|character| character != '\n' && shown(character) != character), "{text}");
    }
}
