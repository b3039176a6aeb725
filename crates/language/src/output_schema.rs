//! JSON Schemas that agents' replies must fit (spec 1.3, `output_schema`).

use jsonschema::PatternOptions;
use procession_domain::value::Json;

/// Problems beyond these would only lengthen a message that people and agents read.
const MOST_PROBLEMS: usize = 20;

/// A pattern that needs more memory than this is refused.
const LARGEST_PATTERN: usize = 1024 * 1024;

/// Whether a value is a JSON Schema that can be used; the error says why not. References lead nowhere outside of the
/// schema.
pub fn check_schema(schema: &Json) -> Result<(), String> {
    compile(schema).map(drop)
}

/// Why a value does not fit a schema, each as a sentence with its place; empty if it does. A schema that can't be used
/// is a problem, too.
pub fn problems(schema: &Json, value: &Json) -> Vec<String> {
    let validator = match compile(schema) {
        Ok(validator) => validator,
        Err(message) => return vec![message],
    };
    validator
        .iter_errors(value)
        .take(MOST_PROBLEMS)
        .map(|error| {
            let place = error.instance_path().to_string();
            // The value itself may be long or secret; its place and the rule say enough.
            let message = error.masked().to_string();
            if place.is_empty() { message } else { format!("{place}: {message}") }
        })
        .collect()
}

/// Patterns run in linear time, so that no reply can make one run for long.
fn compile(schema: &Json) -> Result<jsonschema::Validator, String> {
    jsonschema::options()
        .offline()
        .with_pattern_options(PatternOptions::regex().size_limit(LARGEST_PATTERN))
        .build(schema)
        .map_err(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { String::new() } else { format!(" at {place}") };
            format!("this is not a JSON Schema{place}: {error}")
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_checked_without_following_references_outside() {
        assert_eq!(check_schema(&json!({"type": "object", "required": ["a"]})), Ok(()));
        assert_eq!(check_schema(&json!({"$defs": {"x": {"type": "string"}}, "$ref": "#/$defs/x"})), Ok(()));
        for bad in [
            json!({"type": "objekt"}),
            json!({"required": "a"}),
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"pattern": "("}),
        ] {
            assert!(check_schema(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_misfit_is_named_with_its_place() {
        let schema = json!({
            "type": "object",
            "required": ["score"],
            "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
        });
        assert_eq!(problems(&schema, &json!({"score": 1, "tags": ["a"]})), Vec::<String>::new());
        let found = problems(&schema, &json!({"tags": ["a", 2]}));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().any(|problem| problem.contains("score")), "{found:?}");
        assert!(found.iter().any(|problem| problem.starts_with("/tags/1: ")), "{found:?}");
    }
}
