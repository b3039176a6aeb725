//! What agents say in a simulation: what the request has them say, or a stand-in.

use procession_domain::value::{Json, reply::json_of};
use procession_language::output_schema;
use serde_json::{Map, json};

/// The deepest that a stand-in for a schema goes.
const DEEPEST: u32 = 8;

/// The text of a reply that the request gives: a text as it is, any other value as its JSON text.
pub(super) fn text_of(reply: &Json) -> String {
    reply.as_str().map_or_else(|| reply.to_string(), str::to_owned)
}

/// What stands in for the reply of an agent of which nothing is said: something of the shape that is asked for.
pub(super) fn stand_in(agent: &str, schema: Option<&Json>) -> String {
    schema.map_or_else(|| format!("(what {agent} would reply)"), |schema| of_schema(schema, 0).to_string())
}

/// How a reply does not fit the schema of its step.
pub(super) fn schema_problem(text: &str, schema: Option<&Json>) -> Option<String> {
    let schema = schema?;
    let Some(value) = json_of(text) else {
        return Some("the reply is not JSON, but the step has an output_schema".to_owned());
    };
    let problems = output_schema::problems(schema, &value);
    (!problems.is_empty()).then(|| format!("the reply does not fit the output_schema: {}", problems.join("; ")))
}

fn of_schema(schema: &Json, depth: u32) -> Json {
    let first_of = |name: &str| schema.get(name).and_then(Json::as_array).and_then(|values| values.first()).cloned();
    let given = ["const", "default", "example"].into_iter().find_map(|name| schema.get(name).cloned());
    if let Some(value) = given.or_else(|| first_of("enum")).or_else(|| first_of("examples")) {
        return value;
    }
    let types = schema.get("type");
    let kind = types.and_then(|kind| kind.as_str().or_else(|| kind.as_array()?.first()?.as_str()));
    match kind {
        Some("string") => json!("text"),
        Some("number" | "integer") => schema.get("minimum").cloned().unwrap_or_else(|| json!(0)),
        Some("boolean") => json!(false),
        Some("array") => match schema.get("items").filter(|_| depth < DEEPEST && schema.get("minItems").is_some()) {
            Some(items) => json!([of_schema(items, depth + 1)]),
            None => json!([]),
        },
        Some("null") => Json::Null,
        _ => match schema.get("properties").and_then(Json::as_object).filter(|_| depth < DEEPEST) {
            Some(fields) => {
                let field = |(name, schema): (&String, &Json)| (name.clone(), of_schema(schema, depth + 1));
                Json::Object(fields.iter().map(field).collect())
            }
            None => Json::Object(Map::new()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_fits_the_schema_of_its_step() {
        let schema = json!({
            "type": "object",
            "required": ["score", "verdict", "tags"],
            "properties": {
                "score": {"type": "integer", "minimum": 1},
                "verdict": {"enum": ["good", "bad"]},
                "tags": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                "nested": {"type": ["object", "null"], "properties": {"is_new": {"type": "boolean"}}},
            },
        });
        let text = stand_in("analyst", Some(&schema));
        assert_eq!(schema_problem(&text, Some(&schema)), None, "{text}");
        assert!(schema_problem("good", Some(&schema)).unwrap().contains("not JSON"));
        assert!(schema_problem(r#"{"score": 0}"#, Some(&schema)).unwrap().contains("output_schema"));
        assert_eq!(stand_in("analyst", None), "(what analyst would reply)");
        assert_eq!(
            (text_of(&json!("as is")), text_of(&json!({"a": 1}))),
            ("as is".to_owned(), r#"{"a":1}"#.to_owned())
        );
    }
}
