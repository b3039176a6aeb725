//! Outgoing webhooks, verified by the library of their scheme in another language.

use crate::{
    console::missing,
    python::Package,
    shell::{Failure, PROGRAM, built_program, cargo, run},
};

const LIBRARY: Package = Package { name: "standardwebhooks", release: "1.0.0" };

/// Has a request of the real program verified. A machine without Python or the library says so.
pub fn test() -> Result<(), Failure> {
    let python = match LIBRARY.python() {
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
