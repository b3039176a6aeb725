//! Help for the editor of the existing frontend: what it shows beside the key under the cursor (spec 4b 11). It is made from
//! the JSON Schema of the language, so that it can't say anything else than the checks.

use std::sync::LazyLock;

use procession_domain::value::Json;
use serde_json::{Map, json};

/// The deepest that paths go; no place of the language is deeper.
const DEEPEST: usize = 6;

/// The help, by path: `steps.retry.max_attempts`.
pub(super) fn editor_help() -> &'static Json {
    static HELP: LazyLock<Json> = LazyLock::new(|| Json::Object(Help::of(&procession_language::json_schema())));
    &HELP
}

struct Help<'s> {
    schema: &'s Json,
    entries: Map<String, Json>,
}

impl<'s> Help<'s> {
    fn of(schema: &'s Json) -> Map<String, Json> {
        let mut help = Self { schema, entries: Map::new() };
        help.entries.insert(
            "default".to_owned(),
            json!({
                "title": "Process definition",
                "description": "Move the cursor to a key to see what it means. A process has a name and steps.",
            }),
        );
        help.describe(schema, "", &mut Vec::new());
        help.entries
    }

    /// Describes the keys of a mapping that stands at a path.
    fn describe(&mut self, mapping: &'s Json, path: &str, above: &mut Vec<&'s Json>) {
        let Some(keys) = mapping.get("properties").and_then(Json::as_object) else { return };
        for (key, shape) in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let is_new = !self.entries.contains_key(&path);
            if is_new {
                self.entries.insert(path.clone(), entry(key, shape, is_required(mapping, key)));
                self.add_aliases(&path);
            }
            for inner in self.mappings_in(shape) {
                // Some places hold places of their own kind.
                if above.len() < DEEPEST && !above.iter().any(|outer| std::ptr::eq(*outer, inner)) {
                    above.push(inner);
                    self.describe(inner, &path, above);
                    above.pop();
                }
            }
        }
    }

    /// The frontend takes the first key of an item of a list for a place of its own (spec 4b 18.A.20).
    fn add_aliases(&mut self, path: &str) {
        let Some((list, rest)) =
            path.split_once('.').filter(|(list, _)| ["steps", "triggers", "outputs"].contains(list))
        else {
            return;
        };
        if let Some(entry) = self.entries.get(path).cloned() {
            for first in ["id", "name"].into_iter().filter(|first| *first != rest) {
                self.entries.insert(format!("{list}.{first}.{rest}"), entry.clone());
            }
        }
    }

    /// The mappings that a shape may be: itself, those of a list, those that it names.
    fn mappings_in(&self, shape: &'s Json) -> Vec<&'s Json> {
        let mut found = Vec::new();
        let mut open = vec![shape];
        while let Some(shape) = open.pop() {
            if shape.get("properties").is_some() && shape.get("additionalProperties").is_some() {
                found.push(shape);
            }
            let named = shape.get("$ref").and_then(Json::as_str).and_then(|name| name.strip_prefix('#'));
            open.extend(named.and_then(|pointer| self.schema.pointer(pointer)));
            open.extend(["items", "then", "else"].iter().filter_map(|part| shape.get(part)));
            open.extend(shape.get("additionalProperties").filter(|inner| inner.is_object()));
            for part in ["anyOf", "allOf"] {
                open.extend(shape.get(part).and_then(Json::as_array).into_iter().flatten());
            }
        }
        // The first of each kind comes first.
        found.reverse();
        found
    }
}

fn entry(key: &str, shape: &Json, is_required: bool) -> Json {
    let description = shape.get("description").and_then(Json::as_str).unwrap_or_default();
    let mut entry = Map::new();
    entry.insert("title".to_owned(), json!(key));
    entry.insert("description".to_owned(), json!(description));
    entry.insert("type".to_owned(), json!(kind_of(shape)));
    entry.insert("required".to_owned(), json!(is_required));
    if let Some((_, default)) = description.split_once("Default: ") {
        entry.insert("default".to_owned(), json!(default.trim_end_matches('.')));
    }
    let options = shape.get("enum").and_then(Json::as_array);
    let options: Vec<&Json> = options.into_iter().flatten().filter(|option| !option.is_null()).collect();
    if !options.is_empty() {
        entry.insert("options".to_owned(), json!(options));
    }
    Json::Object(entry)
}

/// What a key takes, in a word.
fn kind_of(shape: &Json) -> String {
    if shape.get("enum").is_some() {
        return "one of these".to_owned();
    }
    if shape.get("$ref").is_some() {
        return "mapping".to_owned();
    }
    match shape.get("type") {
        Some(Json::String(kind)) => return word_for(kind).to_owned(),
        Some(Json::Array(kinds)) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Json::as_str).filter(|kind| *kind != "null").collect();
            return kinds.first().map_or("anything", |kind| word_for(kind)).to_owned();
        }
        _ => {}
    }
    let first = shape.get("anyOf").and_then(Json::as_array).and_then(|shapes| shapes.first());
    first.map_or_else(|| "anything".to_owned(), kind_of)
}

fn word_for(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "true or false",
        "array" => "list",
        "object" => "mapping",
        other => other,
    }
}

/// Whether a mapping must have a key, in this spelling or another.
fn is_required(mapping: &Json, key: &str) -> bool {
    let names =
        |rule: &Json| rule.get("required").and_then(Json::as_array).is_some_and(|keys| keys.contains(&json!(key)));
    let rules = mapping.get("allOf").and_then(Json::as_array).into_iter().flatten();
    rules.into_iter().any(|rule| {
        names(rule) || rule.get("anyOf").and_then(Json::as_array).is_some_and(|spellings| spellings.iter().any(names))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_under_the_cursor_has_its_help() {
        let help = editor_help();
        for path in
            ["name", "steps", "steps.agent", "steps.type", "steps.retry.max_attempts", "triggers.type", "default"]
        {
            let entry = &help[path];
            assert!(entry["title"].is_string() && entry["description"].is_string(), "{path}: {entry}");
        }
        for (alias, path) in [
            ("steps.id.agent", "steps.agent"),
            ("steps.name.agent", "steps.agent"),
            ("steps.id.retry.max_attempts", "steps.retry.max_attempts"),
            ("triggers.id.type", "triggers.type"),
        ] {
            assert!(help[alias].is_object() && help[alias] == help[path], "{alias}");
        }
        assert_eq!(help["steps.id"]["required"], true);
        assert_eq!(help["steps.depends_on"]["type"], "list");
        assert_eq!(help["steps.run_if_skipped"]["default"], "false");
        let types = help["steps.type"]["options"].as_array().unwrap();
        assert!(types.contains(&json!("human_approval")), "{types:?}");
    }

    #[test]
    fn the_help_is_of_a_size_that_pages_load() {
        let entries = editor_help().as_object().unwrap();
        assert!(entries.len() > 100 && entries.len() < 5_000, "{}", entries.len());
    }
}
