//! YAML text of a definition that is kept as JSON only.

use std::fmt::Write as _;

use procession_domain::value::Json;

/// The keys that stand first, in this order.
const FIRST: [&str; 9] = ["name", "version", "id", "type", "description", "triggers", "depends_on", "agent", "message"];

/// Writes a JSON object as YAML that is read back as the same value: one key a line, texts of several lines as such.
pub(super) fn yaml_of(value: &Json) -> String {
    let mut text = String::new();
    write_block(value, 0, &mut text);
    text
}

/// Writes what stands behind a key or a dash, its line's break included.
fn write_value(value: &Json, indent: usize, text: &mut String) {
    match value {
        Json::Object(entries) if !entries.is_empty() => {
            text.push('\n');
            write_block(value, indent, text);
        }
        Json::Array(items) if !items.is_empty() => {
            text.push('\n');
            write_block(value, indent, text);
        }
        Json::String(string) => {
            text.push(' ');
            write_text(string, indent, text);
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
            let _ = writeln!(text, " {value}");
        }
    }
}

/// Writes a mapping or a list whose lines begin at an indent. Anything else does not come here.
fn write_block(value: &Json, indent: usize, text: &mut String) {
    match value {
        Json::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()));
            for (key, value) in entries {
                let _ = write!(text, "{:indent$}{}:", "", scalar(key));
                write_value(value, indent + 2, text);
            }
        }
        Json::Array(items) => {
            for item in items {
                let _ = write!(text, "{:indent$}-", "");
                match item {
                    Json::Object(entries) if !entries.is_empty() => {
                        // The first key stands behind the dash.
                        let mut block = String::new();
                        write_block(item, indent + 2, &mut block);
                        text.push(' ');
                        text.push_str(block.trim_start_matches(' '));
                    }
                    _ => write_value(item, indent + 2, text),
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            let _ = writeln!(text, "{value}");
        }
    }
}

fn write_text(string: &str, indent: usize, text: &mut String) {
    let (body, chomping) = match string.strip_suffix('\n') {
        Some(body) => (body, ""),
        None => (string, "-"),
    };
    let is_line = |line: &str| line.is_empty() || !line.trim_matches(' ').is_empty();
    let fits = body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && body.lines().all(is_line)
        && body.chars().all(|c| c == '\n' || is_printable(c));
    if !fits {
        let _ = writeln!(text, "{}", scalar(string));
        return;
    }
    let _ = writeln!(text, "|{chomping}");
    for line in body.split('\n') {
        if !line.is_empty() {
            let _ = write!(text, "{:indent$}{line}", "");
        }
        text.push('\n');
    }
}

/// A text on one line: plain where nothing can take it for something else.
fn scalar(string: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let plain = string.starts_with(|c: char| c.is_ascii_alphabetic())
        && string.chars().all(is_word)
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&string.to_ascii_lowercase().as_str());
    if plain { string.to_owned() } else { quoted(string) }
}

fn quoted(string: &str) -> String {
    let mut text = String::with_capacity(string.len() + 2);
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if is_printable(c) => text.push(c),
            c => {
                let _ = write!(text, "\\U{:08X}", u32::from(c));
            }
        }
    }
    text.push('"');
    text
}

/// Whether a character stands for itself wherever it is; those that are seen badly are escaped.
fn is_printable(c: char) -> bool {
    let is_odd = matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' | '\u{85}');
    !c.is_control() && !is_odd
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_back(text: &str) -> Json {
        serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
    }

    #[test]
    fn a_definition_is_written_as_people_write_it() {
        let value = json!({
            "steps": [{"message": "Find\nfacts.\n", "id": "research", "type": "agent_task", "depends_on": []}],
            "version": "1.2", "name": "report",
        });
        let text = yaml_of(&value);
        assert_eq!(
            text,
            "name: report\nversion: \"1.2\"\nsteps:\n  - id: research\n    type: agent_task\n    depends_on: []\n    message: |\n      Find\n      facts.\n"
        );
        assert_eq!(read_back(&text), value);
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i32>().prop_map(|number| json!(number)),
            "(?s).{0,12}".prop_map(Json::String),
            "[ \na:#'\"{}\\[\\]-]{0,8}".prop_map(Json::String),
            prop_oneof![Just("yes"), Just("1.0"), Just("~"), Just("a\n\nb"), Just("a\n b\n"), Just("{{ x }}")]
                .prop_map(|text| json!(text)),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                prop::collection::vec(("(?s).{0,6}", inner), 0..4)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_json()) {
            let value = json!({"key": value});
            prop_assert_eq!(read_back(&yaml_of(&value)), value);
        }
    }
}
