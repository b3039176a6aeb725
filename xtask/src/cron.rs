//! Due times of schedules against another implementation, croniter (`tests/cron/compare.py`).

use std::process::{Command, Stdio};

use crate::{
    console::missing,
    shell::{Failure, cargo, root, run},
};

/// Compares ten thousand due times. A machine without Python and croniter says so; the project's continuous integration
/// has both.
pub fn compare() -> Result<(), Failure> {
    if !has_croniter() {
        return missing(
            "Python 3.9 with croniter is missing (pip install croniter): due times are not compared with its",
        );
    }
    run(cargo().args(["build", "--quiet", "--package", "procession-language", "--example", "due_times"]))?;
    let program = root().join("target/debug/examples/due_times");
    run(python().arg(root().join("tests/cron/compare.py")).arg(program))
}

fn has_croniter() -> bool {
    let mut command = python();
    command.args(["-c", "import croniter, zoneinfo"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn python() -> Command {
    Command::new("python3")
}
