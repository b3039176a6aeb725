//! Outgoing webhooks, verified by the library of their scheme in another language.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    console::missing,
    shell::{Failure, PROGRAM, built_program, cargo, root, run, run_within},
};

/// The release of the library.
const LIBRARY: &str = "standardwebhooks==1.0.0";

/// How long fetching it may take.
const FETCHING: Duration = Duration::from_mins(5);

/// Has a request of the real program verified. A machine without Python or the library says so.
pub fn test() -> Result<(), Failure> {
    let has_python = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !has_python.is_ok_and(|status| status.success()) {
        return missing("Python 3 is missing: signatures are verified by the tests' own code only");
    }
    let python = match library() {
        Ok(python) => python,
        Err(Failure { message, .. }) => {
            return missing(&format!("{message}: signatures are verified by the tests' own code only"));
        }
    };
    let program = built_program()?;
    let mut tests = cargo();
    tests.args(["nextest", "run", "--package", "procession-tests", "-E", "test(a_signature_is_good_to_others)"]);
    run(tests.env("PROCESSION_PYTHON", python).env(PROGRAM, program))
}

/// A Python of its own that has the library.
fn library() -> Result<PathBuf, Failure> {
    let folder = root().join("target/standardwebhooks");
    let python = folder.join("bin/python");
    if !has_library(&python) {
        run_within(FETCHING, Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run_within(FETCHING, Command::new(&python).args(["-m", "pip", "install", "--quiet", LIBRARY]))?;
    }
    Ok(python)
}

fn has_library(python: &Path) -> bool {
    let found = Command::new(python).args(["-c", "import standardwebhooks"]).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}
