//! Asking a person something: a line, or a password that is not shown.

use std::io::{self, BufRead, Write};

/// Asks on standard error and reads a line; `None` when the input has ended.
pub fn ask(question: &str) -> io::Result<Option<String>> {
    let mut stream = anstream::stderr();
    write!(stream, "{question}")?;
    stream.flush()?;
    read_line()
}

/// Asks for a password and reads it without showing it.
pub fn ask_password(question: &str) -> io::Result<Option<String>> {
    let mut stream = anstream::stderr();
    write!(stream, "{question}")?;
    stream.flush()?;
    let line = {
        let _hidden = hidden::Hidden::begin();
        read_line()
    };
    writeln!(stream)?;
    line
}

/// Reads a line of standard input without its end.
pub fn read_line() -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(unix)]
mod hidden {
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// What is typed is not shown until this is dropped.
    pub struct Hidden(Option<Termios>);

    impl Hidden {
        pub fn begin() -> Self {
            let before = tcgetattr(rustix::stdio::stdin()).ok();
            if let Some(before) = &before {
                let mut silent = before.clone();
                silent.local_modes.remove(LocalModes::ECHO);
                // A terminal that can't be changed shows the password; asking goes on all the same.
                let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &silent);
            }
            Self(before)
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            if let Some(before) = &self.0 {
                let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, before);
            }
        }
    }
}

#[cfg(not(unix))]
mod hidden {
    /// Elsewhere what is typed is shown.
    pub struct Hidden;

    impl Hidden {
        pub const fn begin() -> Self {
            Self
        }
    }
}
