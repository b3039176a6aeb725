//! What the world remembers of a server that may be gone: a file of lines, each written before anything else happens.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// A file of notes.
pub struct Notebook(PathBuf);

/// One note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// An agent was asked under this key, and what was stored of the attempt then: `unknown`, `open` or `done`.
    Asked { key: String, stored: String },
    /// An agent has answered the call with this key.
    Answered(String),
    /// A message with this id was delivered.
    Delivered(String),
}

impl Notebook {
    /// The notes in this folder.
    pub fn of(folder: &Path) -> Self {
        Self(folder.join("notes"))
    }

    pub fn write(&self, note: &Note) {
        let line = match note {
            Note::Asked { key, stored } => format!("asked {stored} {key}\n"),
            Note::Answered(key) => format!("answered {key}\n"),
            Note::Delivered(id) => format!("delivered {id}\n"),
        };
        let mut file: File = OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }

    pub fn read(&self) -> Vec<Note> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let note = |line: &str| {
            let (kind, rest) = line.split_once(' ').unwrap();
            match kind {
                "asked" => {
                    let (stored, key) = rest.split_once(' ').unwrap();
                    Note::Asked { key: key.to_owned(), stored: stored.to_owned() }
                }
                "answered" => Note::Answered(rest.to_owned()),
                "delivered" => Note::Delivered(rest.to_owned()),
                other => panic!("a note `{other}`"),
            }
        };
        text.lines().map(note).collect()
    }
}
