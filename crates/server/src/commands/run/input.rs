//! The input of a run: a file, and fields over it.

use std::{
    io::{self, Read},
    path::Path,
};

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
    let parsed = serde_json::from_str::<Value>(&text).or_else(|_| serde_yaml::from_str::<Value>(&text));
    match parsed {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Failure::usage(format_args!("{shown} (--input-file) is no mapping of input fields"))),
        Err(error) => Err(Failure::usage(format_args!("{shown} (--input-file) is neither JSON nor YAML: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_laid_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("input.json", r#"{"a": 1, "b": [true]}"#), ("input.yaml", "a: 1\nb: [true]\n")] {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let fields = ["b=x=y".to_owned(), " c = ".to_owned()];
            let input = read(Some(&file), &fields).unwrap();
            assert_eq!(Value::Object(input), json!({"a": 1, "b": "x=y", "c": " "}));
        }
    }

    #[test]
    fn what_is_no_field_is_refused() {
        for bad in ["topic", "=tea", " =tea"] {
            assert!(read(None, &[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
