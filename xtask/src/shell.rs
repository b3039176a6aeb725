//! Running programs from the root of the workspace.

use std::{
    env,
    ffi::OsStr,
    fmt::Display,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Why a command ends without success.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong, for people.
    pub message: String,
    /// What the shell sees.
    pub code: u8,
}

impl Failure {
    /// What was run has failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }
}

/// Writes a line for people. Who closed standard error does not want to know.
pub fn tell(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Cargo, the same that runs this, in the root of the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The program `procession`, built if need be, in the folder in which this was called.
pub fn program() -> Command {
    let mut command = cargo();
    if let Ok(folder) = env::current_dir() {
        command.current_dir(folder);
    }
    command.args(["run", "--quiet", "--package", "procession-server", "--bin", "procession", "--manifest-path"]);
    command.arg(root().join("Cargo.toml")).arg("--");
    command
}

/// Names the program to the tests that spawn it.
pub const PROGRAM: &str = "PROCESSION_BIN";

/// The program as building the tests has left it: beside this one. Another build of it alone would choose other features
/// for what it shares with the tests, and so build everything again.
pub fn built_program() -> Result<PathBuf, Failure> {
    let own =
        env::current_exe().map_err(|error| Failure::failed(format!("this program can't find itself: {error}")))?;
    Ok(own.with_file_name(format!("procession{}", env::consts::EXE_SUFFIX)))
}

/// Whether cargo has this subcommand.
pub fn has_cargo_subcommand(name: &str) -> bool {
    let mut command = cargo();
    command.args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a program to its end; it shows what it does itself.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = show(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            Err(Failure { message: format!("`{shown}` ended with {status}"), code })
        }
        Err(error) => Err(Failure::failed(format!("`{shown}` can't be run: {error}"))),
    }
}

/// Runs a program that must end within `limit`; a program that does not is ended.
pub fn run_within(limit: Duration, command: &mut Command) -> Result<(), Failure> {
    let shown = show(command);
    let began = Instant::now();
    let cannot = |error| Failure::failed(format!("`{shown}` can't be run: {error}"));
    let mut child = command.spawn().map_err(cannot)?;
    loop {
        match child.try_wait().map_err(cannot)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(Failure::failed(format!("`{shown}` ended with {status}"))),
            None if began.elapsed() > limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Failure::failed(format!("`{shown}` took longer than {} s and was ended", limit.as_secs())));
            }
            None => thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// Runs a program and returns what it writes to standard output.
pub fn output_of(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let shown = show(command);
    let output = command.stderr(Stdio::inherit()).output();
    match output {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(Failure::failed(format!("`{shown}` ended with {}", output.status))),
        Err(error) => Err(Failure::failed(format!("`{shown}` can't be run: {error}"))),
    }
}

/// A command as one would type it.
pub fn show(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(OsStr::to_string_lossy).map(|word| quote(&word)).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_=./:,".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) { word.to_owned() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_one_would_type_them() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["nextest", "run", "-E", "not binary(crash)", ""]);
        assert_eq!(show(&command), "cargo nextest run -E 'not binary(crash)' ''");
    }
}
