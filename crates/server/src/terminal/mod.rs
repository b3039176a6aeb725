//! What people see: lines on standard output, messages on standard error, colours only on a terminal.
//!
//! A terminal obeys nothing of what agents, authors and people wrote: who shows their texts cleans them (`text`), and what
//! is written to a terminal is held back once more here, but for styles. Who closes a pipe, as `head` does, has seen enough:
//! that is no failure, and what was begun goes on to its end.

pub mod prompt;
pub mod style;
pub mod table;
pub mod text;

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use anstream::ColorChoice;
use clap::ValueEnum;

use crate::exit::Failure;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Colours {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Colours {
    /// Makes this the program's choice.
    pub fn choose(self) {
        let choice = match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Writes a line of the result to standard output.
pub fn say(line: impl Display) -> io::Result<()> {
    let line = line.to_string();
    let line = if is_shown_on_terminal() { text::only_styles(&line) } else { line };
    unless_closed(writeln!(anstream::stdout(), "{line}"))
}

/// Writes a JSON value to standard output, over several lines.
pub fn say_json(value: &serde_json::Value) -> io::Result<()> {
    say(text::json_lines(value))
}

/// Writes outputs by name, longer ones below their name.
pub fn say_outputs(outputs: &serde_json::Map<String, serde_json::Value>) -> io::Result<()> {
    for (name, value) in outputs {
        let value = match value {
            serde_json::Value::String(text) if is_shown_on_terminal() => {
                let text = text::clean_lines(text.trim_end());
                text.lines().map(|line| text::wrap_styled(line, width(), 0)).collect::<Vec<_>>().join("\n")
            }
            serde_json::Value::String(text) => text::clean_lines(text.trim_end()),
            other => text::json_lines(other),
        };
        let name = style::paint(style::STRONG, text::clean(name));
        if value.contains('\n') {
            say(format_args!("\n{name}:\n{value}"))?;
        } else {
            say(format_args!("\n{name}: {value}"))?;
        }
    }
    Ok(())
}

/// Writes a JSON value in one line to standard output.
pub fn say_json_line(value: &serde_json::Value) -> io::Result<()> {
    say(text::escaped(value.to_string()))
}

/// Writes a message to standard error. Who closed that does not want to know.
pub fn tell(line: impl Display) {
    let line = line.to_string();
    let line = if io::stderr().is_terminal() { text::only_styles(&line) } else { line };
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Writes a sentence of the result to standard output, as wide as the terminal.
pub fn say_sentence(line: impl Display) -> io::Result<()> {
    let line = line.to_string();
    say(if is_shown_on_terminal() { text::wrap_styled(&line, width(), 2) } else { line })
}

/// Writes a sentence to standard error, as wide as the terminal.
fn tell_sentence(line: &str) {
    if io::stderr().is_terminal() { tell(text::wrap_styled(line, width(), 2)) } else { tell(line) }
}

/// Warns on standard error.
pub fn warn(message: impl Display) {
    let message = text::clean_lines(&message.to_string());
    tell_sentence(&format!("{} {message}", style::paint(style::WARNING, "warning:")));
}

/// Says something beside the result on standard error.
pub fn note(message: impl Display) {
    tell_sentence(&style::paint(style::DIM, text::clean_lines(&message.to_string())));
}

/// Says why the program ends.
pub fn report(failure: &Failure) {
    if failure.message.is_empty() {
        return;
    }
    for line in failure.message.lines() {
        tell_sentence(&format!("{} {}", style::paint(style::ERROR, "error:"), text::clean(line)));
    }
    // Commands in them stay whole, to be pasted.
    for hint in &failure.hints {
        tell(format_args!("  {} {}", style::paint(style::HINT, "hint:"), text::clean(hint)));
    }
}

/// What became of writing; that nobody reads any more is as good as written.
pub fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Ok(()) | Err(_) => written,
    }
}

/// Whether standard output is a terminal.
pub fn is_shown_on_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether lines on standard output can be drawn anew: it is a terminal that moves its cursor.
pub fn is_redrawn() -> bool {
    let moves_cursor = std::env::var_os("TERM").map_or(cfg!(windows), |kind| !kind.is_empty() && kind != "dumb");
    is_shown_on_terminal() && moves_cursor
}

/// Whether standard output shows colours.
pub fn shows_colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Whether a person can be asked something.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Columns of the terminal; 100 where there is none.
pub fn width() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0).max(20))
}

/// Lines of the terminal; 24 where there is none.
pub fn height() -> usize {
    terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0).max(4))
}

/// Draws one diagnostic of a file, as wide as the terminal.
pub fn draw(file: &str, source: &str, diagnostic: &procession_language::Diagnostic) -> String {
    let mut shown = diagnostic.clone();
    shown.message = text::clean(&shown.message);
    shown.suggestion = shown.suggestion.map(|suggestion| text::clean_lines(&suggestion));
    let drawn = procession::draw(&text::clean(file), source, &shown, width());
    // The drawing cuts lines of the source by itself; its sentences go on below.
    let most = if io::stderr().is_terminal() || is_shown_on_terminal() { width() } else { usize::MAX };
    let (title, rest) = drawn.split_once('\n').unwrap_or((&drawn, ""));
    let wrapped = std::iter::once(text::wrap_styled(title, most, 2)).chain(rest.lines().map(|line| {
        let is_help = line.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '=').starts_with("= ")
            || line.contains("help:");
        if is_help { text::wrap_styled(line, most, 4) } else { line.to_owned() }
    }));
    wrapped.collect::<Vec<_>>().join("\n")
}
