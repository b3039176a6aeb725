//! The configuration file: YAML, nested or with dots, read into keys with their lines.

use procession_yaml::{Entry, Kind, Node, Reading, Source};

use super::{KEYS, Key, suggest::nearest_key, values::GivenValue};

/// What a file sets, in its order.
#[derive(Default)]
pub(super) struct Entries {
    /// Key, line, value.
    pub entries: Vec<(&'static Key, u64, GivenValue)>,
    /// Line, problem.
    pub problems: Vec<(u64, String)>,
}

/// Reads a file's text.
pub(super) fn read(text: &str) -> Entries {
    let mut found = Entries::default();
    let source = Source::new(text);
    let is_known_key = |word: &str| Key::named(word).is_some() || is_section(word);
    let document = procession_yaml::read(&source, Reading { is_known_key: &is_known_key, ..Reading::default() });
    let line = |at: usize| u64::from(source.line(at));
    for problem in document.problems.into_iter().filter(|problem| !problem.fault.is_harmless()) {
        // The corrected line is left out: it may hold a secret.
        found.problems.push((line(problem.span.start), problem.message));
    }
    match document.root {
        None => {}
        Some(Node { kind: Kind::Map(entries), .. }) => flatten(&line, "", entries, &mut found),
        Some(root) if root.is_broken() || document.is_cut_off => {}
        Some(root) => {
            let message = format!("the file is {}; keys with values are expected", root.type_name());
            found.problems.push((1, message));
        }
    }
    found
}

/// What to say about a name that is no key.
pub fn unknown(name: &str) -> String {
    match nearest_key(name) {
        Some(near) => format!("unknown key `{name}`; did you mean `{near}`?"),
        None => format!("unknown key `{name}`; `procession config show` lists the keys"),
    }
}

/// Whether some key is in the section of this name.
fn is_section(name: &str) -> bool {
    KEYS.iter().any(|known| known.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// The value that a text is, read as YAML.
pub(super) fn read_value(text: &str) -> Option<GivenValue> {
    let source = Source::new(text);
    let document = procession_yaml::read(&source, Reading::default());
    let is_bad = document.problems.iter().any(|problem| !problem.fault.is_harmless());
    document.root.filter(|_| !is_bad).as_ref().and_then(value_of)
}

fn value_of(node: &Node<'_>) -> Option<GivenValue> {
    match &node.kind {
        Kind::Scalar(scalar) => Some(GivenValue::Text(scalar.text.clone().into_owned())),
        Kind::List(items) => list_of(items),
        Kind::Map(_) | Kind::Broken => None,
    }
}

/// A list of texts, or of mappings.
fn list_of(items: &[Node<'_>]) -> Option<GivenValue> {
    let text = |item: &Node<'_>| item.scalar_text().map(str::to_owned);
    if let Some(texts) = items.iter().map(text).collect() {
        return Some(GivenValue::List(texts));
    }
    let map = |item: &Node<'_>| match &item.kind {
        Kind::Map(entries) => {
            entries.iter().map(|entry| Some((entry.key.clone().into_owned(), value_of(&entry.value)?))).collect()
        }
        Kind::Scalar(_) | Kind::List(_) | Kind::Broken => None,
    };
    items.iter().map(map).collect::<Option<Vec<_>>>().map(GivenValue::Maps)
}

fn flatten(line_of: &dyn Fn(usize) -> u64, section: &str, entries: Vec<Entry<'_>>, found: &mut Entries) {
    for Entry { key, key_span, value } in entries {
        let line = line_of(key_span.start);
        let name = if section.is_empty() { key.into_owned() } else { format!("{section}.{key}") };
        let is_null = value.is_null();
        let kind = value.type_name();
        match (Key::named(&name), value.kind) {
            (Some(_), _) if is_null => {}
            (None, _) if is_null && is_section(&name) => {}
            // The reason has been told.
            (_, Kind::Broken) => {}
            (Some(key), Kind::Scalar(scalar)) => {
                found.entries.push((key, line, GivenValue::Text(scalar.text.into_owned())));
            }
            (Some(key), Kind::List(items)) => match list_of(&items) {
                Some(list) => found.entries.push((key, line, list)),
                None => found.problems.push((line, format!("`{name}` takes {}", key.takes()))),
            },
            (Some(key), Kind::Map(_)) => {
                found.problems.push((line, format!("`{name}` is {kind}; it takes {}", key.takes())));
            }
            (None, Kind::Map(inner)) if is_section(&name) => flatten(line_of, &name, inner, found),
            (None, Kind::Scalar(_) | Kind::List(_)) if is_section(&name) => {
                found.problems.push((line, format!("`{name}` is {kind}; it is a section with keys in it")));
            }
            (None, Kind::Scalar(_) | Kind::List(_) | Kind::Map(_)) => found.problems.push((line, unknown(&name))),
        }
    }
}
