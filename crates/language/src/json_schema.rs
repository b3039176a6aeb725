//! The JSON Schema of the language, for editors: made from the tables of keys, so that it knows what the checks know.

use procession_domain::{definition::StepType, value::ErrorCode};
use serde_json::{Map, Value, json};

use crate::keys::{self, Key, PLACES, Place, STEP, Shape};

/// The JSON Schema (2020-12) of process definitions: canonical spellings and aliases, a description on every key.
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    for place in PLACES {
        let is_step_part = std::ptr::eq(*place, &raw const STEP)
            || StepType::ALL.into_iter().any(|step_type| std::ptr::eq(*place, keys::of_type(step_type)));
        if !is_step_part
            && !std::ptr::eq(*place, &raw const keys::COMPENSATION)
            && !std::ptr::eq(*place, &raw const keys::DOCUMENT)
        {
            definitions.insert(place.name.to_owned(), object(&[place], place.title));
        }
    }
    for step_type in StepType::ALL {
        let own = keys::of_type(step_type);
        definitions.insert(own.name.to_owned(), object(&[&STEP, own], &format!("A step that is {}.", own.title)));
    }
    for (name, own) in compensations() {
        definitions.insert(name.to_owned(), object(&[&keys::COMPENSATION, own], "How a completed step is undone."));
    }
    definitions.insert("compensation".to_owned(), compensation());
    definitions.insert("step".to_owned(), step());
    let mut schema = object(&[&keys::DOCUMENT], "A process of Procession.");
    if let Some(root) = schema.as_object_mut() {
        // Keys that only hold anchors.
        root.insert("patternProperties".to_owned(), json!({r"^(x-|\.)": true}));
        let mut head = Map::new();
        head.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        head.insert("title".to_owned(), json!("Procession process definition"));
        head.append(root);
        head.insert("$defs".to_owned(), Value::Object(definitions));
        return Value::Object(head);
    }
    schema
}

/// A mapping with the keys of some places.
fn object(places: &[&'static Place], description: &str) -> Value {
    let mut properties = Map::new();
    let mut needed = Vec::new();
    for key in places.iter().flat_map(|place| place.keys) {
        properties.insert(key.name.to_owned(), described(key.shape, key.doc));
        for alias in key.aliases {
            let doc = format!("Another spelling of `{}`. {}", key.name, key.doc);
            properties.insert(alias.name.to_owned(), described(alias.shape.unwrap_or(key.shape), &doc));
        }
        if key.required {
            needed.push(one_of_spellings(key));
        }
    }
    json!({
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": false,
        "allOf": needed,
    })
}

/// That a key is there in one spelling or another.
fn one_of_spellings(key: &Key) -> Value {
    let spellings: Vec<Value> = key.spellings().map(|spelling| json!({"required": [spelling]})).collect();
    match spellings.as_slice() {
        [only] => only.clone(),
        _ => json!({"anyOf": spellings}),
    }
}

fn described(shape: Shape, doc: &str) -> Value {
    let mut schema = Map::new();
    schema.insert("description".to_owned(), json!(doc));
    if let Value::Object(of_shape) = schema_of(shape) {
        schema.extend(of_shape);
    }
    Value::Object(schema)
}

/// What a key takes. Null is as if the key were not there.
fn schema_of(shape: Shape) -> Value {
    let text = json!({"type": ["string", "number", "boolean", "null"]});
    match shape {
        Shape::Text | Shape::Template | Shape::Condition => text,
        Shape::StepId => json!({"type": ["string", "null"], "pattern": "^[a-z][a-z0-9_-]*$", "maxLength": 64}),
        Shape::Boolean => json!({"type": ["boolean", "null"]}),
        Shape::Integer { least, most: u32::MAX } => json!({"type": ["integer", "null"], "minimum": least}),
        Shape::Integer { least, most } => json!({"type": ["integer", "null"], "minimum": least, "maximum": most}),
        Shape::Number { least, most } => json!({"type": ["number", "null"], "minimum": least, "maximum": most}),
        Shape::Duration => json!({
            "type": ["string", "integer", "null"],
            "minimum": 0,
            "pattern": r"^\s*(\d+|(\d+d\s*)?(\d+h\s*)?(\d+m\s*)?(\d+s\s*)?(\d+ms\s*)?)\s*$",
        }),
        Shape::Money => json!({"type": ["string", "number", "null"], "minimum": 0}),
        Shape::Version => json!({"type": ["string", "number", "null"], "pattern": r"^\s*[0-9]+(\.[0-9]+){0,2}\s*$"}),
        Shape::Word { words, others } => {
            let all: Vec<Value> = words.iter().chain(others).map(|word| json!(word)).chain([Value::Null]).collect();
            json!({"enum": all})
        }
        Shape::Texts | Shape::Templates => list_or_one(&text),
        Shape::StepIds => list_or_one(&schema_of(Shape::StepId)),
        Shape::ErrorCodes => {
            let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
            list_or_one(&json!({"anyOf": [{"enum": codes}, {"type": "string"}]}))
        }
        Shape::AnyMap | Shape::TemplateMap => json!({"type": ["object", "null"]}),
        Shape::TextMap => json!({"type": ["object", "null"], "additionalProperties": text}),
        Shape::JsonSchema => {
            json!({"type": ["object", "null"], "$ref": "https://json-schema.org/draft/2020-12/schema"})
        }
        Shape::Any => json!({}),
        Shape::AnyList => json!({"type": ["array", "null"]}),
        Shape::Map(place) => nullable(&reference(place)),
        Shape::MapOf(place) => json!({"type": ["object", "null"], "additionalProperties": nullable(&reference(place))}),
        Shape::ListOf(place) => list_or_one(&reference(place)),
        Shape::TextOr(place) => json!({"anyOf": [text, reference(place)]}),
        Shape::MoneyOr(place) => json!({"anyOf": [schema_of(Shape::Money), reference(place)]}),
        Shape::TextsOr(place) => list_or_one(&json!({"anyOf": [text, reference(place)]})),
        Shape::Outputs => json!({
            "anyOf": [
                list_or_one(&json!({"anyOf": [text, reference(&keys::OUTPUT)]})),
                {"type": "object"},
            ],
        }),
        Shape::Steps => json!({"type": "array", "minItems": 1, "maxItems": 2000, "items": {"$ref": "#/$defs/step"}}),
    }
}

fn reference(place: &Place) -> Value {
    json!({"$ref": format!("#/$defs/{}", place.name)})
}

fn nullable(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn list_or_one(schema: &Value) -> Value {
    json!({"anyOf": [{"type": "array", "items": schema}, schema, {"type": "null"}]})
}

/// A step: the keys of its type, which `agent` alone makes an agent_task.
fn step() -> Value {
    let mut rules: Vec<Value> = StepType::ALL
        .into_iter()
        .map(|step_type| {
            json!({
                "if": {"properties": {"type": {"const": step_type.as_str()}}, "required": ["type"]},
                "then": reference(keys::of_type(step_type)),
            })
        })
        .collect();
    rules.push(json!({
        "if": {"not": {"required": ["type"]}},
        "then": {"$ref": "#/$defs/agent_task"},
    }));
    let types = schema_of(STEP.find("type").map_or(Shape::Any, |key| key.shape));
    json!({"type": "object", "properties": {"type": types}, "allOf": rules})
}

fn compensations() -> [(&'static str, &'static Place); 2] {
    [
        ("agent_task_compensation", keys::of_type(StepType::AgentTask)),
        ("notification_compensation", keys::of_type(StepType::Notification)),
    ]
}

fn compensation() -> Value {
    json!({
        "type": "object",
        "if": {"properties": {"type": {"const": "notification"}}, "required": ["type"]},
        "then": {"$ref": "#/$defs/notification_compensation"},
        "else": {"$ref": "#/$defs/agent_task_compensation"},
    })
}
