//! The input of a run: a file, and fields over it.

use std::{
    io::{self, Read},
    path::Path,
};

use procession_domain::value::json::parse_exact;
use procession_yaml::{Reading, Source};
use serde_json::{Map, Value};

use crate::exit::Failure;

/// The fields of the file, then those given one by one. These are text; the process's schema converts them.
pub(in crate::commands) fn read(file: Option<&Path>, fields: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut input = match file {
        Some(file) => read_file(file)?,
        None => Map::new(),
    };
    for field in fields {
        let Some((name, value)) = field.split_once('=').filter(|(name, _)| !name.trim().is_empty()) else {
            return Err(Failure::usage(format_args!("--input takes KEY=VALUE, not `{field}`"))
                .hint("for example --input topic=tea; --input-file takes a whole JSON or YAML file"));
        };
        input.insert(name.trim().to_owned(), Value::from(value));
    }
    Ok(input)
}

fn read_file(file: &Path) -> Result<Map<String, Value>, Failure> {
    let shown = file.display();
    let read = if file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = read.map_err(|error| Failure::usage(format_args!("{shown} (--input-file) can't be read: {error}")))?;
    let parsed = parse_exact(&text).or_else(|_| read_yaml(&text));
    match parsed {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Failure::usage(format_args!("{shown} (--input-file) is not a mapping of input fields"))),
        Err(error) => Err(Failure::usage(format_args!("{shown} (--input-file) is neither JSON nor YAML: {error}"))),
    }
}

/// The value of a YAML text, or the first thing that is wrong with it.
fn read_yaml(text: &str) -> Result<Value, String> {
    let source = Source::new(text);
    let document = procession_yaml::read(&source, Reading::default());
    let serious = document.problems.iter().find(|problem| !problem.fault.is_harmless());
    match (serious, document.root) {
        (Some(problem), _) => {
            let place = source.position(problem.span.start);
            Err(format!("line {}, column {}: {}", place.line, place.column, problem.message))
        }
        (None, root) => Ok(root.map_or(Value::Null, |root| root.to_json())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_laid_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("input.json", r#"{"a": 12345678901234567890123, "b": [true]}"#),
            ("input.yaml", "a: 12345678901234567890123\nb: [true]\n"),
        ];
        for (name, text) in files {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let fields = ["b=x=y".to_owned(), " c = ".to_owned()];
            let input = read(Some(&file), &fields).unwrap();
            assert_eq!(Value::Object(input), json!({"a": "12345678901234567890123", "b": "x=y", "c": " "}));
        }
    }

    #[test]
    fn a_file_that_can_not_be_read_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("input.yaml");
        for (text, expected) in [
            ("a: [1,\n", "line 1, column 4: "),
            ("a: 1\na: 2\n", "line 2, column 1: "),
            ("- a\n", "not a mapping"),
            ("", "not a mapping"),
        ] {
            std::fs::write(&file, text).unwrap();
            let failure = read(Some(&file), &[]).unwrap_err();
            assert!(format!("{failure:?}").contains(expected), "{text:?}: {failure:?}");
        }
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for bad in ["topic", "=tea", " =tea"] {
            assert!(read(None, &[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
