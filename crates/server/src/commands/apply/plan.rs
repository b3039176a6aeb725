//! What there is to do: each file compared with what the server has published.

use std::collections::{BTreeMap, BTreeSet};

use procession_domain::value::{Json, ProcessName, Version};
use procession_language::{Code, Diagnostic, set_version};
use serde_json::json;

use super::files::{ProcessFile, children};
use crate::{
    commands::remote::{Remote, entries, owned, path_part},
    exit::Failure,
    terminal::text::clean_lines,
};

/// What there is to do.
pub(super) struct Plan {
    pub entries: Vec<Entry>,
}

/// One process, and what becomes of it.
pub(super) struct Entry {
    pub name: String,
    pub version: Version,
    /// Where its text comes from; what is archived has none.
    pub file: Option<String>,
    /// The published version that was compared.
    pub before: Option<Before>,
    pub action: Action,
    /// What the server finds wrong or odd about the text.
    pub findings: Vec<Finding>,
}

/// What becomes of a process.
pub(super) enum Action {
    /// This text is published as a version; a draft that has it already is used.
    Publish { text: String, draft: Option<String> },
    /// It is what the file says.
    Nothing,
    /// The version of this id can't be started any more.
    Archive { id: String },
}

/// A published version.
pub(super) struct Before {
    pub version: Version,
    pub text: String,
}

/// Something that the server finds about a text.
pub(super) enum Finding {
    /// With its place.
    Placed(Diagnostic),
    /// Of a kind that this program does not know.
    Other { message: String, is_error: bool },
}

/// A version as the server lists it.
struct Listed {
    id: String,
    name: String,
    version: Version,
    status: String,
}

/// Compares the files with what the server has.
pub(super) async fn make(server: &Remote, files: &[ProcessFile], prunes: bool) -> Result<Plan, Failure> {
    let mut files_of: BTreeMap<&ProcessName, usize> = BTreeMap::new();
    for file in files {
        *files_of.entry(file.definition.name()).or_default() += 1;
    }
    let mut found = Vec::new();
    for file in files {
        let is_only = files_of.get(file.definition.name()) == Some(&1);
        let mut entry = compare(server, file, is_only).await?;
        if let Action::Publish { text, .. } = &entry.action {
            entry.findings = check(server, file, text, &files_of).await?;
        }
        found.push(entry);
    }
    if prunes {
        let kept: BTreeSet<&str> = files_of.keys().map(|name| name.as_str()).collect();
        let mut published = listed(server, "status=published").await?;
        published.sort_by(|a, b| (&a.name, a.version).cmp(&(&b.name, b.version)));
        found
            .extend(published.into_iter().filter(|process| !kept.contains(process.name.as_str())).map(Entry::archived));
    }
    Ok(Plan { entries: found })
}

async fn compare(server: &Remote, file: &ProcessFile, is_only: bool) -> Result<Entry, Failure> {
    let (name, version) = (file.definition.name(), file.definition.version());
    let versions = listed(server, &format!("name={}", path_part(name.as_str()))).await?;
    let published = || versions.iter().filter(|listed| listed.status == "published");
    let newest = published().max_by_key(|listed| listed.version);
    // Where there are several files of a process, each stands for the version of its number.
    let same_number = published().find(|listed| listed.version == version);
    let compared = if is_only { newest } else { same_number.or(newest) };
    let before = match compared {
        Some(listed) => Some(Before { version: listed.version, text: text_of(server, &listed.id).await? }),
        None => None,
    };
    let mut entry = Entry {
        name: name.to_string(),
        version,
        file: Some(file.path.clone()),
        before,
        action: Action::Nothing,
        findings: Vec::new(),
    };
    if let Some(before) = entry.before.as_ref().filter(|before| is_same(file, &before.text, before.version)) {
        entry.version = before.version;
        return Ok(entry);
    }
    if !is_only && same_number.is_some() {
        return Err(Failure::failed(format_args!(
            "{}: version {version} of `{name}` is published with another text, and a published version never changes",
            file.path
        ))
        .hint("give the file a new version number"));
    }
    let newest = newest.map(|listed| listed.version);
    for draft in versions.iter().filter(|listed| listed.status == "draft" && Some(listed.version) > newest) {
        let text = text_of(server, &draft.id).await?;
        if is_same(file, &text, draft.version) {
            entry.version = draft.version;
            entry.action = Action::Publish { text, draft: Some(draft.id.clone()) };
            return Ok(entry);
        }
    }
    entry.version = free_number(version, &versions, newest.filter(|_| is_only));
    let text = if entry.version == version {
        file.text.clone()
    } else {
        let renumbered = set_version(&file.text, entry.version);
        renumbered.map_err(|error| Failure::failed(format_args!("{}: {error}", file.path)))?
    };
    entry.action = Action::Publish { text, draft: None };
    Ok(entry)
}

/// The number in the file, if no version has it and the newest published one is older; else the next major one.
fn free_number(wanted: Version, versions: &[Listed], newest: Option<Version>) -> Version {
    let is_taken = versions.iter().any(|listed| listed.version == wanted);
    let highest = versions.iter().map(|listed| listed.version).max();
    match highest {
        Some(highest) if is_taken || newest.is_some_and(|newest| newest > wanted) => highest.max(wanted).next_major(),
        Some(_) | None => wanted,
    }
}

/// Whether a stored text is that of the file, or that of the file with the higher number that it was given. A file with a
/// higher number than the stored one wants that number.
fn is_same(file: &ProcessFile, stored: &str, number: Version) -> bool {
    let is_renumbered = || set_version(&file.text, number).is_ok_and(|text| text == stored);
    file.text == stored || (file.definition.version() < number && is_renumbered())
}

/// What the server finds about a text, without what only says that another file is not published yet.
async fn check(
    server: &Remote,
    file: &ProcessFile,
    text: &str,
    names: &BTreeMap<&ProcessName, usize>,
) -> Result<Vec<Finding>, Failure> {
    let answer = server.post("/api/processes/validate", json!({"yaml_content": text})).await?;
    let comes = |diagnostic: &Diagnostic| {
        let mut applied = children(&file.definition).filter(|child| names.contains_key(child));
        diagnostic.code == Code::UnknownProcess && applied.any(|child| diagnostic.message.contains(child.as_str()))
    };
    let found = entries(&answer, "errors").chain(entries(&answer, "warnings")).map(Finding::read);
    Ok(found.filter(|finding| !matches!(finding, Finding::Placed(diagnostic) if comes(diagnostic))).collect())
}

async fn listed(server: &Remote, query: &str) -> Result<Vec<Listed>, Failure> {
    let (rows, _) = server.list("/api/processes", query, "processes", usize::MAX).await?;
    let read = |row: &Json| {
        let version = row["version"].as_str()?.parse().ok()?;
        Some(Listed { id: owned(&row["id"])?, name: owned(&row["name"])?, version, status: owned(&row["status"])? })
    };
    let rows: Option<Vec<Listed>> = rows.iter().map(read).collect();
    rows.ok_or_else(|| server.unknown_answer().into())
}

async fn text_of(server: &Remote, id: &str) -> Result<String, Failure> {
    let process = server.get(&format!("/api/processes/{id}")).await?;
    owned(&process["yaml_content"]).ok_or_else(|| server.unknown_answer().into())
}

impl Plan {
    /// What is not as it should be.
    pub fn changes(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !matches!(entry.action, Action::Nothing))
    }

    /// Fails if the server found errors, so that nothing is changed half.
    pub fn check(&self) -> Result<(), Failure> {
        let has_errors = |entry: &&Entry| entry.findings.iter().any(Finding::is_error);
        let bad: Vec<&str> = self.entries.iter().filter(has_errors).map(|entry| entry.name.as_str()).collect();
        if bad.is_empty() {
            return Ok(());
        }
        Err(Failure::failed(format_args!("the server finds errors in {}; nothing was changed", bad.join(", "))))
    }
}

impl Entry {
    fn archived(listed: Listed) -> Self {
        Self {
            name: listed.name,
            version: listed.version,
            file: None,
            before: None,
            action: Action::Archive { id: listed.id },
            findings: Vec::new(),
        }
    }
}

impl Finding {
    fn read(found: &Json) -> Self {
        match serde_json::from_value::<Diagnostic>(found.clone()) {
            Ok(diagnostic) => Self::Placed(Diagnostic {
                message: clean_lines(&diagnostic.message),
                suggestion: diagnostic.suggestion.as_deref().map(clean_lines),
                ..diagnostic
            }),
            Err(_) => Self::Other {
                message: clean_lines(found["message"].as_str().unwrap_or("something is wrong")),
                is_error: found["severity"] != "warning",
            },
        }
    }

    pub fn is_error(&self) -> bool {
        match self {
            Self::Placed(diagnostic) => diagnostic.is_error(),
            Self::Other { is_error, .. } => *is_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn a_number_is_kept_only_if_it_is_free_and_newer() {
        let versions = |numbers: &[&str]| -> Vec<Listed> {
            let listed = |number: &&str| Listed {
                id: String::new(),
                name: "x".to_owned(),
                version: version(number),
                status: "published".to_owned(),
            };
            numbers.iter().map(listed).collect()
        };
        let cases: [(&str, &[&str], Option<&str>, &str); 6] = [
            ("1", &[], None, "1"),
            ("2", &["1"], Some("1"), "2"),
            ("1.1", &["1"], Some("1"), "1.1"),
            ("1", &["1", "2"], Some("2"), "3"),
            ("2", &["1", "3"], Some("3"), "4"),
            ("2", &["1", "3"], None, "2"),
        ];
        for (wanted, there, newest, expected) in cases {
            let number = free_number(version(wanted), &versions(there), newest.map(version));
            assert_eq!(number, version(expected), "{wanted} {there:?}");
        }
    }

    #[test]
    fn a_text_is_the_same_under_the_higher_number_that_it_was_given() {
        let text = |number: &str| format!("name: x\nversion: {number}\nsteps: [{{id: a, agent: echo, message: x}}]\n");
        let file = |number: &str| ProcessFile {
            path: String::new(),
            text: text(number),
            definition: procession_language::check(&text(number), &procession_language::Nothing).definition.unwrap(),
        };
        assert!(is_same(&file("2"), &text("2"), version("2")));
        assert!(is_same(&file("2"), &text("3"), version("3")));
        assert!(!is_same(&file("2"), &text("1"), version("1")));
        assert!(!is_same(&file("2"), &format!("{} # changed", text("3")), version("3")));
    }
}
