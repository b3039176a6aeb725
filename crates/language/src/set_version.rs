//! Changes the version in a definition's text, and nothing else (spec 3.1, `new-version`).

use procession_domain::value::Version;
use procession_yaml::{Document, Entry, Kind, Node, Source, Span, Style};

use crate::{document, problem::Problems};

/// Why the version in a text can't be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetVersionError {
    /// The text is no mapping that could be read without errors.
    #[error("the text can't be read as a process; check it first")]
    Unreadable,
    /// There is no `version`, and no `name` behind which it could stand.
    #[error("the text has no `name`; a process needs one")]
    NoName,
}

/// The text with this version: only the `version` scalar is another one, or a line is inserted behind `name` where there
/// is none. Everything else stays byte for byte.
pub fn set_version(yaml: &str, version: Version) -> Result<String, SetVersionError> {
    let source = Source::new(yaml);
    let mut problems = Problems::default();
    let Document { root, is_cut_off, .. } = document::read(&source, &|| true, &mut problems);
    let is_readable = !is_cut_off && !problems.has_errors();
    let Some(root) = root.filter(|root| is_readable && root.entries().is_some()) else {
        return Err(SetVersionError::Unreadable);
    };
    let (span, replacement) = match root.get("version").filter(|entry| is_own(entry, &root)) {
        Some(entry) => replace(entry, version, &source),
        None => insert(&root, version, &source)?,
    };
    let mut changed = String::with_capacity(yaml.len() + replacement.len());
    changed.push_str(&yaml[..span.start]);
    changed.push_str(&replacement);
    changed.push_str(&yaml[span.end..]);
    Ok(changed)
}

/// Whether an entry stands in the mapping itself, rather than in one that is merged into it.
fn is_own(entry: &Entry<'_>, root: &Node<'_>) -> bool {
    (root.span.start..=root.span.end).contains(&entry.key_span.start)
        && !root.entries().is_some_and(|entries| {
            // A merged entry's key lies within the value of another one, or behind an anchor there.
            entries.iter().any(|other| {
                other.value.span.start <= entry.key_span.start && entry.key_span.end <= other.value.span.end
            })
        })
}

/// What takes the place of an existing version.
fn replace(entry: &Entry<'_>, version: Version, source: &Source<'_>) -> (Span, String) {
    let node = &entry.value;
    if let Some(alias) = node.alias {
        return (alias, plain(version));
    }
    if node.is_null() {
        let written = source.slice(node.span).trim();
        if written.is_empty() {
            // `version:` without a value: behind the colon.
            let colon = source.text()[entry.key_span.end..].find(':').unwrap_or(0);
            let behind = entry.key_span.end + colon + 1;
            return (Span::new(behind, behind), format!(" {}", plain(version)));
        }
    }
    let style = match &node.kind {
        Kind::Scalar(scalar) => scalar.style,
        Kind::List(_) | Kind::Map(_) | Kind::Broken => Style::Plain,
    };
    let text = match style {
        Style::SingleQuoted => format!("'{version}'"),
        Style::DoubleQuoted => format!("\"{version}\""),
        Style::Plain | Style::Block | Style::Repaired => plain(version),
    };
    let visible = source.slice(node.span).trim_end().len();
    (Span::new(node.span.start, node.span.start + visible), text)
}

/// The version so that every YAML reader takes it for the same: `1.10` without quotes is the number 1.1 for some.
fn plain(version: Version) -> String {
    let text = version.to_string();
    if text.contains('.') && text.ends_with('0') { format!("\"{text}\"") } else { text }
}

/// A line behind the name, or an entry where the process is written in braces.
fn insert(root: &Node<'_>, version: Version, source: &Source<'_>) -> Result<(Span, String), SetVersionError> {
    let name = root.get("name").filter(|entry| is_own(entry, root)).ok_or(SetVersionError::NoName)?;
    let value_end = name.value.alias.map_or(name.value.span.end, |alias| alias.end);
    let text = source.text();
    if text[root.span.start..].starts_with('{') {
        return Ok((Span::new(value_end, value_end), format!(", version: {}", plain(version))));
    }
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let key_line = source.line(name.key_span.start);
    let before_key = source.slice(Span::new(source.line_start(key_line), name.key_span.start));
    // On the first line something may stand before the key, such as `--- name: x`, which YAML doesn't allow for
    // mappings; so it is white space.
    let indentation: String = before_key.chars().take_while(|c| c.is_whitespace()).collect();
    let value = text[name.key_span.start..value_end].trim_end();
    let last_line = source.line(name.key_span.start + value.len().saturating_sub(1));
    let at = source.line_start(last_line + 1);
    let line = format!("{indentation}version: {}", plain(version));
    let ends_with_break = text[..at].ends_with(['\n', '\r']);
    let inserted = if ends_with_break { format!("{line}{line_break}") } else { format!("{line_break}{line}") };
    Ok((Span::new(at, at), inserted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(yaml: &str) -> String {
        set_version(yaml, "3".parse().unwrap()).unwrap()
    }

    #[test]
    fn only_the_version_changes() {
        let cases = [
            ("name: a\nversion: 1\nsteps: []\n", "name: a\nversion: 3\nsteps: []\n"),
            ("name: a\nversion: \"1.2\" # old\n", "name: a\nversion: \"3\" # old\n"),
            ("version: '1'\nname: a\n", "version: '3'\nname: a\n"),
            ("name: a\nversion:\nsteps: []\n", "name: a\nversion: 3\nsteps: []\n"),
            ("name: a\nversion: ~\nsteps: []\n", "name: a\nversion: 3\nsteps: []\n"),
            ("{name: a, version: 1.0, steps: []}", "{name: a, version: 3, steps: []}"),
            ("x: &v 1\nname: a\nversion: *v\n", "x: &v 1\nname: a\nversion: 3\n"),
            ("\u{feff}name: a\r\nversion: 1.0.0\r\n", "\u{feff}name: a\r\nversion: 3\r\n"),
            ("name: a\nversion: |\n  1\nsteps: []\n", "name: a\nversion: |\n  3\nsteps: []\n"),
        ];
        for (yaml, expected) in cases {
            assert_eq!(changed(yaml), expected);
        }
    }

    #[test]
    fn a_version_is_inserted_behind_the_name() {
        let cases = [
            ("name: a\nsteps: []\n", "name: a\nversion: 3\nsteps: []\n"),
            ("# top\nname: a # why\r\nsteps: []\r\n", "# top\nname: a # why\r\nversion: 3\r\nsteps: []\r\n"),
            ("steps: []\nname: a", "steps: []\nname: a\nversion: 3"),
            ("  name: >-\n    a\n    b\n\n  steps: []\n", "  name: >-\n    a\n    b\n  version: 3\n\n  steps: []\n"),
            ("{name: a, steps: []}", "{name: a, version: 3, steps: []}"),
        ];
        for (yaml, expected) in cases {
            assert_eq!(changed(yaml), expected);
        }
    }

    #[test]
    fn a_minor_version_ending_in_zero_is_quoted() {
        let yaml = set_version("name: a\nversion: 1\n", "1.10".parse().unwrap()).unwrap();
        assert_eq!(yaml, "name: a\nversion: \"1.10\"\n");
    }

    #[test]
    fn what_is_no_process_is_refused() {
        for bad in ["", "- a\n", "a: [\n", "name: a\nname: b\n"] {
            assert!(set_version(bad, Version::FIRST).is_err(), "{bad:?}");
        }
        assert_eq!(set_version("steps: []\n", Version::FIRST), Err(SetVersionError::NoName));
    }
}
