//! A page and its blocks.
//!
//! Words after a fence's language say how the block is run:
//! * `yaml file=NAME`: the block is written to this file;
//! * `sh`: it is run, and must succeed; `sh fails`: it must fail;
//! * `sh background`: it is a server, which goes on while the rest of the page runs;
//! * `sh elsewhere`: it needs what a test does not have, such as a service manager; it must be readable to a shell;
//! * `text` behind a `sh`: lines that it prints, in this order; `…` stands for anything.
//! * `send`, `receive`: what goes over a WebSocket.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A page under the workspace's root.
pub struct Page {
    pub name: String,
    pub blocks: Vec<Block>,
    text: String,
}

/// A block between fences.
#[derive(Debug, Clone)]
pub struct Block {
    /// The line of its fence.
    pub line: usize,
    pub language: String,
    /// What else stands behind the fence.
    pub words: Vec<String>,
    pub text: String,
}

/// The workspace's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

impl Page {
    pub fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), blocks: blocks(&text), text }
    }

    /// Fails if a link leads to a file that is not there.
    pub fn follow_links(&self) {
        let path = root().join(&self.name);
        let folder = path.parent().unwrap();
        for target in self.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(folder.join(Path::new(file)).exists(), "{} links to {target}", self.name);
        }
    }
}

impl Block {
    /// Whether this word stands behind the fence.
    pub fn is(&self, word: &str) -> bool {
        self.words.iter().any(|found| found == word)
    }

    /// The file that it is.
    pub fn file(&self) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix("file="))
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        let Some(fence) = line.trim_start().strip_prefix("```") else { continue };
        let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
        let mut text = String::new();
        for line in inside {
            text.push_str(line.get(indent..).unwrap_or_default());
            text.push('\n');
        }
        let mut words = fence.split_whitespace().map(str::to_owned);
        let language = words.next().unwrap_or_default();
        found.push(Block { line: number + 1, language, words: words.collect(), text });
    }
    found
}
