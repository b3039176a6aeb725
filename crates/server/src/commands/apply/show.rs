//! The plan for people, with the differences, and for programs.

use std::io;

use procession_domain::value::Json;
use serde_json::json;
use similar::{ChangeTag, TextDiff};

use super::plan::{Action, Entry, Finding, Plan};
use crate::{
    commands::remote::Remote,
    terminal::{
        self, draw, style,
        text::{clean, clean_lines},
    },
};

/// How many lines around a difference are shown.
const AROUND: usize = 3;

/// Writes what changes, for people.
pub(super) fn print_changes(plan: &Plan) -> io::Result<()> {
    plan.changes().try_for_each(print_entry)
}

/// Writes how much changed, or would, for people.
pub(super) fn print_summary(plan: &Plan, is_dry_run: bool) -> io::Result<()> {
    terminal::say(summary(plan, is_dry_run))
}

fn print_entry(entry: &Entry) -> io::Result<()> {
    let name = style::paint(style::STRONG, clean(&entry.name));
    let file = style::paint(style::DIM, entry.file.as_deref().unwrap_or_default());
    let (version, before) = (entry.version, &entry.before);
    match (&entry.action, before) {
        (Action::Nothing, _) => return Ok(()),
        (Action::Publish { .. }, None) => {
            terminal::say(format_args!("{} {name} {version}  {file}", style::paint(style::GOOD, "+")))?;
        }
        (Action::Publish { text, .. }, Some(before)) => {
            let sign = style::paint(style::WAITING, "~");
            terminal::say(format_args!("{sign} {name} {} → {version}  {file}", before.version))?;
            print_difference(&before.text, text)?;
        }
        (Action::Archive { .. }, _) => {
            let why = style::paint(style::DIM, "no file has it");
            terminal::say(format_args!("{} {name} {version}  {why}", style::paint(style::BAD, "-")))?;
        }
    }
    for finding in &entry.findings {
        print_finding(entry, finding);
    }
    Ok(())
}

fn print_difference(before: &str, after: &str) -> io::Result<()> {
    let difference = TextDiff::from_lines(before, after);
    for hunk in difference.unified_diff().context_radius(AROUND).iter_hunks() {
        terminal::say(format_args!("    {}", style::paint(style::DIM, hunk.header())))?;
        for change in hunk.iter_changes() {
            let (sign, look) = match change.tag() {
                ChangeTag::Delete => ('-', style::BAD),
                ChangeTag::Insert => ('+', style::GOOD),
                ChangeTag::Equal => (' ', style::DIM),
            };
            let line = clean_lines(change.value()).trim_end_matches('\n').to_owned();
            terminal::say(format_args!("    {}", style::paint(look, format_args!("{sign}{line}"))))?;
        }
    }
    Ok(())
}

/// What the server finds, as a compiler draws it.
fn print_finding(entry: &Entry, finding: &Finding) {
    let file = entry.file.as_deref().unwrap_or_default();
    match (finding, &entry.action) {
        (Finding::Placed(diagnostic), Action::Publish { text, .. }) => {
            terminal::tell(format_args!("{}\n", draw(file, text, diagnostic)));
        }
        (Finding::Placed(diagnostic), Action::Nothing | Action::Archive { .. }) => terminal::warn(diagnostic),
        (Finding::Other { message, .. }, _) => terminal::warn(format_args!("{file}: {message}")),
    }
}

/// "1 new, 2 changed, 1 archived, 3 unchanged".
fn summary(plan: &Plan, is_dry_run: bool) -> String {
    let is = |entry: &&Entry, kind: &str| entry.kind() == kind;
    let number = |kind: &str| plan.entries.iter().filter(|entry| is(entry, kind)).count();
    if plan.changes().next().is_none() {
        let unchanged = match plan.entries.len() {
            1 => "1 process is".to_owned(),
            number => format!("{number} processes are"),
        };
        return format!("nothing to do: {unchanged} unchanged");
    }
    let counted: Vec<String> =
        [("create", "new"), ("update", "changed"), ("archive", "archived"), ("none", "unchanged")]
            .into_iter()
            .map(|(kind, word)| (number(kind), word))
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
    let note = if is_dry_run { " (nothing was changed: --dry-run)" } else { "" };
    format!("{}{note}", counted.join(", "))
}

/// Writes the plan for programs.
pub(super) fn print_json(server: &Remote, plan: &Plan, is_applied: bool) -> io::Result<()> {
    let changes: Vec<Json> = plan.entries.iter().map(Entry::as_json).collect();
    terminal::say_json(&json!({"server": server.address().to_string(), "applied": is_applied, "processes": changes}))
}

impl Entry {
    /// What becomes of it, for programs.
    fn kind(&self) -> &'static str {
        match (&self.action, &self.before) {
            (Action::Nothing, _) => "none",
            (Action::Publish { .. }, None) => "create",
            (Action::Publish { .. }, Some(_)) => "update",
            (Action::Archive { .. }, _) => "archive",
        }
    }

    fn as_json(&self) -> Json {
        let difference = match (&self.action, &self.before) {
            (Action::Publish { text, .. }, Some(before)) => {
                let difference = TextDiff::from_lines(&before.text, text);
                Some(difference.unified_diff().context_radius(AROUND).to_string())
            }
            (Action::Publish { .. }, None) | (Action::Nothing | Action::Archive { .. }, _) => None,
        };
        let findings: Vec<Json> = self.findings.iter().map(Finding::as_json).collect();
        json!({
            "name": self.name,
            "action": self.kind(),
            "version": self.version,
            "version_before": self.before.as_ref().map(|before| before.version),
            "file": self.file,
            "difference": difference,
            "diagnostics": findings,
        })
    }
}

impl Finding {
    fn as_json(&self) -> Json {
        match self {
            Self::Placed(diagnostic) => crate::commands::validate::diagnostic_json(diagnostic),
            Self::Other { message, is_error } => {
                let level = if *is_error { "error" } else { "warning" };
                json!({"severity": level, "level": level, "message": message})
            }
        }
    }
}
