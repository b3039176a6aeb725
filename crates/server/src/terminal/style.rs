//! The few styles of the program, and texts cut to fit.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// Errors.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Warnings.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// Hints.
pub const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// What went well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What failed.
pub const BAD: Style = AnsiColor::Red.on_default();
/// What is under way.
pub const ACTIVE: Style = AnsiColor::Cyan.on_default();
/// What waits.
pub const WAITING: Style = AnsiColor::Yellow.on_default();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();
/// What matters.
pub const STRONG: Style = Style::new().bold();

/// A text in a style; the stream leaves the style out where it is not shown.
pub fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The first line of a text that has something in it, at most so many characters, without control characters.
pub fn first_line(text: &str, most: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    fit(line, most)
}

/// A text of at most so many characters, without control characters.
pub fn fit(text: &str, most: usize) -> String {
    let mut characters = text.chars().filter(|character| !character.is_control());
    let mut short: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() && most > 0 {
        short.pop();
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_control_characters_left_out() {
        let cases = [
            ("", 5, ""),
            ("\n  \n  second\nthird", 20, "second"),
            ("exact", 5, "exact"),
            ("longer", 5, "long…"),
            ("\u{1b}[31mred", 10, "[31mred"),
            ("anything", 0, ""),
        ];
        for (text, most, expected) in cases {
            assert_eq!(first_line(text, most), expected, "{text:?}");
        }
    }
}
