//! How the program ends: the exit codes of spec 8.1, and failures as sentences with hints.

use std::{fmt, io, process::ExitCode};

use procession_application::ports::StoreError;

use crate::config::ConfigurationError;

/// How the program ends (spec 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Done,
    /// The process failed, or the file has errors.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// The execution was cancelled.
    Cancelled,
    /// It waits for a decision that nobody here can give.
    Undecided,
    /// Something would change, and whoever asks wants to know.
    Differs,
    /// Interrupted by Ctrl-C.
    Interrupted,
}

/// Why a command could not do its work, for people.
#[derive(Debug)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    /// What is wrong; empty when nobody is there to read it.
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Cancelled => 3,
            Self::Undecided => 4,
            Self::Differs => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl Failure {
    /// What was to be done failed.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Failed, message: message.to_string(), hints: Vec::new() }
    }

    /// The usage or the configuration is wrong.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, ..Self::failed(message) }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }
}

impl From<ConfigurationError> for Failure {
    fn from(error: ConfigurationError) -> Self {
        Self::usage(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::failed(error)
    }
}

/// Output that can't be written. Who closed the pipe, as `head` does, has seen enough: that is no failure.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { exit: Exit::Done, message: String::new(), hints: Vec::new() };
        }
        Self::failed(format_args!("the output can't be written: {error}"))
    }
}
