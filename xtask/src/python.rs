//! Python with one package, in a folder of its own under `target/`, so that nothing of the machine's is touched.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::shell::{Failure, root, run_within};

/// How long fetching a package may take.
const FETCHING: Duration = Duration::from_mins(5);

/// A package and its release.
pub struct Package {
    /// Its name, by which it is imported too.
    pub name: &'static str,
    /// The release.
    pub release: &'static str,
}

impl Package {
    /// A Python that has the package, fetched if need be.
    pub fn python(&self) -> Result<PathBuf, Failure> {
        let found = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return Err(Failure::failed("Python 3 is missing"));
        }
        let folder = root().join("target").join(self.name);
        let python = folder.join("bin/python");
        if !self.is_there(&python) {
            let library = format!("{}=={}", self.name, self.release);
            run_within(FETCHING, Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
            run_within(FETCHING, Command::new(&python).args(["-m", "pip", "install", "--quiet", &library]))?;
        }
        Ok(python)
    }

    fn is_there(&self, python: &Path) -> bool {
        let import = format!("import {}", self.name);
        let found = Command::new(python).args(["-c", &import]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    }
}
