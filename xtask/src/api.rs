//! The HTTP API against its own description, by schemathesis (`tests/api/check.py`).

use std::{path::Path, process::Command, time::Duration};

use crate::{
    console::missing,
    python::Package,
    shell::{Failure, root, run_within},
};

const TESTER: Package = Package { name: "schemathesis", release: "4.32.5" };

/// How long requests are made for, in seconds; their order is the same each time.
const SECONDS: &str = "150";

/// How long all may take, with the server's start and the reports.
const PATIENCE: Duration = Duration::from_mins(6);

/// Sends the program requests that follow `docs/openapi.json`, and some that do not. A machine without Python or the
/// tester says so; the project's continuous integration has both.
pub fn test(program: &Path) -> Result<(), Failure> {
    let python = match TESTER.python() {
        Ok(python) => python,
        Err(Failure { message, .. }) => {
            return missing(&format!("{message}: the API is not compared with its description"));
        }
    };
    let script = root().join("tests/api/check.py");
    run_within(PATIENCE, Command::new(python).arg(script).arg(program).arg(SECONDS))
}
