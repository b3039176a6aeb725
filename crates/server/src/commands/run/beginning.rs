//! What an execution was started with, kept in its data folder so that a later `--resume` has all it needs.

use std::{
    io,
    path::{Path, PathBuf},
};

use procession_domain::value::ExecutionId;
use serde::{Deserialize, Serialize};

use crate::data_folder::DataFolder;

/// The folder of these notes, in the data folder.
const FOLDER: &str = "runs";

/// The files from which an execution came, as absolute paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beginning {
    /// Its process.
    pub file: PathBuf,
    /// Its agents.
    pub agents: PathBuf,
}

impl Beginning {
    /// Of these files.
    pub fn at(file: &Path, agents: &Path) -> io::Result<Self> {
        Ok(Self { file: std::path::absolute(file)?, agents: std::path::absolute(agents)? })
    }

    /// What a data folder knows of an execution; nothing if it was not started by `run`.
    pub fn of(folder: &Path, id: ExecutionId) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join(FOLDER).join(format!("{id}.json"))).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Keeps it.
    pub fn keep(&self, folder: &DataFolder, id: ExecutionId) -> io::Result<()> {
        folder.keep(&format!("{FOLDER}/{id}.json"), &serde_json::to_vec(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_keeps_where_an_execution_came_from() {
        let folder = tempfile::tempdir().unwrap();
        let id: ExecutionId = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33".parse().unwrap();
        assert_eq!(Beginning::of(folder.path(), id), None);
        let beginning = Beginning::at(Path::new("hello.yaml"), Path::new("agents.yaml")).unwrap();
        assert!(beginning.file.is_absolute() && beginning.agents.is_absolute());
        beginning.keep(&DataFolder::open(folder.path()).unwrap(), id).unwrap();
        assert_eq!(Beginning::of(folder.path(), id), Some(beginning));
    }
}
