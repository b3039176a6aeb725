//! The program in a terminal of its own: a real pseudo-terminal, and what a person would see in it.

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::support::Place;

/// How long something may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many lines are kept that have gone up and out of sight.
const KEPT: usize = 5_000;

/// The program in a terminal.
pub struct Terminal {
    process: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
}

/// What has been written to the terminal.
pub struct Seen {
    parser: vt100::Parser,
    /// Everything, as it was written.
    pub raw: String,
}

impl Place {
    /// Starts the program with these arguments in a terminal of this size, with these variables beside the usual ones.
    pub fn in_terminal(
        &self,
        (columns, lines): (u16, u16),
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Terminal {
        let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_procession"));
        command.args(arguments);
        command.cwd(self.path());
        command.env_clear();
        for name in ["PATH", "HOME", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        for (name, value) in [("USER", "ada"), ("TERM", "xterm-256color")].iter().chain(variables) {
            command.env(name, value);
        }
        let process = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Seen {
            parser: vt100::Parser::new(more_than_none(lines), more_than_none(columns), KEPT),
            raw: String::new(),
        };
        let seen = Arc::new(Mutex::new(seen));
        let mut output = pair.master.try_clone_reader().unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let shared = Arc::clone(&seen);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                let mut seen = shared.lock().unwrap();
                seen.parser.process(&buffer[..read]);
                seen.raw.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Terminal { process, master: pair.master, keyboard, seen, reader: Some(reader) }
    }
}

impl Terminal {
    /// Waits until the lines on the screen are so.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&[String]) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(&self.screen()) {
            assert!(Instant::now() < until, "{what} was never seen:\n{}", self.screen().join("\n"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until this text is on the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |lines| lines.iter().any(|line| line.contains(text)));
    }

    /// Types a line.
    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(format!("{text}\r").as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Makes the terminal another size, as a person does who pulls at its corner.
    pub fn resize(&self, (columns, lines): (u16, u16)) {
        let size = PtySize { rows: lines, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.seen.lock().unwrap().parser.screen_mut().set_size(more_than_none(lines), more_than_none(columns));
        self.master.resize(size).unwrap();
    }

    /// The lines on the screen now.
    pub fn screen(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let (_, columns) = seen.parser.screen().size();
        seen.parser.screen().rows(0, columns.get()).map(|line| line.trim_end().to_owned()).collect()
    }

    /// All lines, also those that have gone up and out of sight; the program has ended.
    pub fn all_lines(&self) -> Vec<String> {
        let mut seen = self.seen.lock().unwrap();
        let screen = seen.parser.screen_mut();
        let (lines, columns) = screen.size();
        let mut all: Vec<String> = Vec::new();
        screen.set_scrollback(usize::MAX);
        let above = screen.scrollback();
        for offset in (1..=above).rev() {
            screen.set_scrollback(offset);
            all.extend(screen.rows(0, columns.get()).take(1));
        }
        screen.set_scrollback(0);
        all.extend(screen.rows(0, columns.get()).take(usize::from(lines.get())));
        all.into_iter().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Everything that was written, as it was written.
    pub fn raw(&self) -> String {
        self.seen.lock().unwrap().raw.clone()
    }

    /// Waits for the program's end.
    #[track_caller]
    pub fn ends_with(&mut self, code: u32) {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.screen().join("\n"));
            std::thread::sleep(Duration::from_millis(10));
        };
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        assert_eq!(status.exit_code(), code, "{}", self.screen().join("\n"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn more_than_none(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}
