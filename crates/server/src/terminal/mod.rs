//! What people see: lines on standard output, messages on standard error, colours only on a terminal.

pub mod prompt;
pub mod style;
pub mod table;

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
    writeln!(anstream::stdout(), "{line}")
}

/// Writes a message to standard error. Who closed that does not want to know.
pub fn tell(line: impl Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Warns on standard error.
pub fn warn(message: impl Display) {
    tell(format_args!("{} {message}", style::paint(style::WARNING, "warning:")));
}

/// Says why the program ends.
pub fn report(failure: &Failure) {
    if failure.message.is_empty() {
        return;
    }
    for line in failure.message.lines() {
        tell(format_args!("{} {line}", style::paint(style::ERROR, "error:")));
    }
    for hint in &failure.hints {
        tell(format_args!("  {} {hint}", style::paint(style::HINT, "hint:")));
    }
}

/// Whether standard output is a terminal.
pub fn is_shown_on_terminal() -> bool {
    io::stdout().is_terminal()
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
pub fn draw(file: &str, text: &str, diagnostic: &procession_language::Diagnostic) -> String {
    procession::draw(file, text, diagnostic, width())
}
