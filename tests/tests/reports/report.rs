//! The form of a report.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

/// One report.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// What is right, as a sentence.
    pub right: String,
    /// Words to put in place of `<<NAME>>` everywhere else, each mapping for a replay of its own.
    #[serde(default)]
    each: Vec<IndexMap<String, String>>,
    /// The files by their names.
    #[serde(default)]
    pub files: IndexMap<String, String>,
    /// What a model at `<<model>>` answers, in turn; the last answer stays.
    #[serde(default)]
    pub model: Vec<Answer>,
    /// What is done, in turn.
    pub acts: Vec<Act>,
}

/// An answer over HTTP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// 200 if it is not told.
    pub status: Option<u16>,
    /// Headers beside the usual ones.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// The body, as it stands.
    pub body: String,
}

/// Something that is done, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Act {
    /// The program is run to its end in the folder of the files.
    Run {
        /// Its arguments, between spaces.
        procession: String,
        /// The code with which it ends; 0 if it is not told.
        code: Option<Code>,
        /// What must come.
        #[serde(flatten)]
        expected: Expected,
    },
    /// A server starts whose agents are those of `agents.yaml`; it stays until the end.
    Serve {
        /// Arguments, between spaces.
        serve: String,
    },
    /// A definition is published; its id is `<<id>>` from then on.
    Publish {
        /// The file.
        publish: String,
    },
    /// The server is asked.
    Ask {
        /// The method and the path, between spaces.
        ask: String,
        /// A header, such as `Idempotency-Key: k`.
        header: Option<String>,
        /// The body, as it stands.
        body: Option<String>,
        /// The status of the answer.
        status: u16,
        /// What must come.
        #[serde(flatten)]
        expected: Expected,
    },
}

/// A code, or words that are one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Code {
    /// As it stands.
    Number(i32),
    /// Such as `<<code>>`.
    Words(String),
}

/// What must be in what was printed or answered.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Expected {
    /// Words that are there.
    #[serde(default)]
    pub has: Vec<String>,
    /// Words that are not.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// How often words are there.
    #[serde(default)]
    pub times: IndexMap<String, usize>,
    /// Members of the JSON.
    pub gives: Option<Value>,
}

impl Report {
    /// The words of each replay; a report without any is replayed once.
    pub fn variants(&self) -> Vec<IndexMap<String, String>> {
        if self.each.is_empty() { vec![IndexMap::new()] } else { self.each.clone() }
    }
}
