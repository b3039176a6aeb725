//! What an execution is started with, and how that is checked (spec 1.1, `input`).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::value::{
    Decimal, Json, StepId,
    json::{is_long_integer, parse_exact, whole_number},
};

/// The declared inputs of a process, by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InputSchema {
    /// The fields in the author's order.
    pub fields: IndexMap<String, InputField>,
}

/// One declared input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputField {
    /// The type its value must have; absent = any.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub field_type: Option<InputType>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The value when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Json>,
    /// Whether a start without it is refused, there being no default.
    #[serde(default)]
    pub required: bool,
    /// The only values allowed; empty = all.
    #[serde(rename = "enum", default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<Json>,
}

/// The type of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// Text.
    String,
    /// Any number.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A mapping.
    Object,
    /// A list.
    Array,
}

/// An input field that a start must bring although nothing declares it, and the steps that read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredInput {
    /// The field's name.
    pub field: String,
    /// Steps certain to run that read it without a default.
    pub readers: Vec<StepId>,
}

/// One thing wrong with the input of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputProblem {
    /// The field.
    pub field: String,
    /// What is wrong with it, as a sentence.
    pub message: String,
}

/// An input that fits, with defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedInput {
    /// The input to run with.
    pub input: Json,
    /// What was odd but is no error: unknown fields.
    pub warnings: Vec<String>,
}

impl InputType {
    /// Every type.
    pub const ALL: [Self; 6] = [Self::String, Self::Number, Self::Integer, Self::Boolean, Self::Object, Self::Array];

    /// The type's name in YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
        }
    }

    /// The value as this type: itself if it has it, or converted if it is a text that converts exactly. A whole number is
    /// kept as one, however it is written: `5.0`, `"5.0"` and `5` are the same.
    fn convert(self, value: &Json) -> Option<Json> {
        let text = match value {
            Json::Number(number) if self == Self::Integer && number.is_f64() => {
                return whole_number(&Decimal::parse(&number.to_string())?);
            }
            _ if self.admits(value) => return Some(value.clone()),
            Json::String(text) => text,
            _ => return None,
        };
        match self {
            Self::String => None,
            Self::Integer => whole_number(&Decimal::parse(text.trim())?),
            Self::Boolean => match text.trim().to_ascii_lowercase().as_str() {
                "true" => Some(Json::Bool(true)),
                "false" => Some(Json::Bool(false)),
                _ => None,
            },
            Self::Number | Self::Object | Self::Array => {
                parse_exact(text.trim()).ok().filter(|parsed| self.admits(parsed))
            }
        }
    }

    fn admits(self, value: &Json) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number() || value.as_str().is_some_and(is_long_integer),
            Self::Integer => value.is_i64() || value.is_u64() || value.as_str().is_some_and(is_long_integer),
            Self::Boolean => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
        }
    }
}

impl InputField {
    /// Whether a value is what forms send for a field that was left empty: an empty text where no text is wanted.
    fn is_left_empty(&self, value: &Json) -> bool {
        let wants_other = match self.field_type {
            Some(InputType::String) | None => !self.one_of.is_empty() && !self.one_of.contains(value),
            Some(
                InputType::Number | InputType::Integer | InputType::Boolean | InputType::Object | InputType::Array,
            ) => true,
        };
        wants_other && value.as_str().is_some_and(|text| text.trim().is_empty())
    }

    /// The value as this field takes it, or what is wrong with it.
    pub fn check(&self, value: &Json) -> Result<Json, String> {
        let value = match self.field_type {
            None => value.clone(),
            Some(field_type) => field_type
                .convert(value)
                .ok_or_else(|| format!("must be of type {}, not {}", field_type.as_str(), type_name(value)))?,
        };
        if self.one_of.is_empty() || self.one_of.contains(&value) {
            return Ok(value);
        }
        let allowed: Vec<String> = self.one_of.iter().map(ToString::to_string).collect();
        Err(format!("must be one of {}", allowed.join(", ")))
    }
}

impl InputSchema {
    /// Checks an input, fills in defaults and converts texts; all problems at once.
    pub fn check(&self, input: &Json) -> Result<CheckedInput, Vec<InputProblem>> {
        let given = object_of(input)?;
        let mut checked = Map::new();
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        for (name, field) in &self.fields {
            match given.get(name).filter(|value| !value.is_null() && !field.is_left_empty(value)) {
                Some(value) => match field.check(value) {
                    Ok(value) => drop(checked.insert(name.clone(), value)),
                    Err(message) => problems.push(InputProblem { field: name.clone(), message }),
                },
                None => match &field.default {
                    Some(default) => drop(checked.insert(name.clone(), default.clone())),
                    None if field.required => {
                        problems.push(InputProblem { field: name.clone(), message: "is required".into() });
                    }
                    None => {}
                },
            }
        }
        for (name, value) in given {
            if !self.fields.contains_key(name) {
                warnings.push(format!("the process declares no input `{name}`"));
                checked.insert(name.clone(), value.clone());
            }
        }
        if problems.is_empty() { Ok(CheckedInput { input: Json::Object(checked), warnings }) } else { Err(problems) }
    }
}

/// Checks an input that no schema describes: it is a mapping and brings the fields that are certain to be read.
pub(super) fn check_undeclared(required: &[RequiredInput], input: &Json) -> Result<CheckedInput, Vec<InputProblem>> {
    let given = object_of(input)?;
    let problems: Vec<InputProblem> = required
        .iter()
        .filter(|required| !given.contains_key(&required.field))
        .map(|required| {
            let readers: Vec<String> = required.readers.iter().map(|step| format!("`{step}`")).collect();
            let message = format!("is required: it is read by {}", readers.join(", "));
            InputProblem { field: required.field.clone(), message }
        })
        .collect();
    if problems.is_empty() {
        Ok(CheckedInput { input: Json::Object(given.clone()), warnings: Vec::new() })
    } else {
        Err(problems)
    }
}

fn object_of(input: &Json) -> Result<&Map<String, Json>, Vec<InputProblem>> {
    input.as_object().ok_or_else(|| {
        vec![InputProblem {
            field: String::new(),
            message: format!("the input must be an object, not {}", type_name(input)),
        }]
    })
}

fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> InputSchema {
        serde_json::from_value(json!({
            "topic": {"type": "string", "required": true},
            "count": {"type": "integer", "default": 3},
            "deep": {"type": "boolean"},
            "tags": {"type": "array"},
            "tone": {"type": "string", "enum": ["neutral", "lively"], "default": "neutral"},
            "anything": {},
        }))
        .unwrap()
    }

    #[test]
    fn defaults_are_filled_in_and_texts_converted() {
        let given =
            json!({"topic": "tides", "count": "12", "deep": "true", "tags": "[1, 2]", "extra": 1, "anything": null});
        let checked = schema().check(&given).unwrap();
        let expected =
            json!({"topic": "tides", "count": 12, "deep": true, "tags": [1, 2], "tone": "neutral", "extra": 1});
        assert_eq!(checked.input, expected);
        assert_eq!(checked.warnings, ["the process declares no input `extra`"]);
    }

    #[test]
    fn whole_numbers_are_kept_as_such_however_they_are_written() {
        let cases = [
            (json!(5.0), json!(5)),
            (json!("5.0"), json!(5)),
            (json!("1e3"), json!(1000)),
            (json!(-0.0), json!(0)),
            (json!(" +7 "), json!(7)),
            (json!(u64::MAX), json!(u64::MAX)),
            (json!("12345678901234567890123"), json!("12345678901234567890123")),
            (json!("12345678901234567890123.0"), json!("12345678901234567890123")),
            (json!("0012"), json!(12)),
        ];
        for (given, expected) in cases {
            assert_eq!(
                schema().check(&json!({"topic": "x", "count": given})).unwrap().input["count"],
                expected,
                "{given}"
            );
        }
        for bad in
            [json!(1.5), json!("1.5"), json!("1e-3"), json!("five"), json!("0x10"), json!(true), json!("1e9999999")]
        {
            assert!(schema().check(&json!({"topic": "x", "count": bad})).is_err(), "{bad}");
        }
        let number: InputField = serde_json::from_value(json!({"type": "number"})).unwrap();
        for (given, expected) in [
            (json!(5.0), json!(5.0)),
            (json!("2.50"), json!(2.5)),
            (json!("12345678901234567890123"), json!("12345678901234567890123")),
        ] {
            assert_eq!(number.check(&given), Ok(expected), "{given}");
        }
    }

    #[test]
    fn what_a_form_leaves_empty_counts_as_not_given() {
        let given = json!({"topic": "tides", "count": "", "deep": " ", "tags": "", "tone": ""});
        let checked = schema().check(&given).unwrap();
        assert_eq!(checked.input, json!({"topic": "tides", "count": 3, "tone": "neutral"}));
        let required: InputSchema = serde_json::from_value(json!({
            "n": {"type": "integer", "required": true},
            "e": {"enum": ["", "x"]},
            "s": {"type": "string", "required": true},
        }))
        .unwrap();
        let problems = required.check(&json!({"n": "", "e": "", "s": ""})).unwrap_err();
        let problems: Vec<(&str, &str)> =
            problems.iter().map(|problem| (problem.field.as_str(), problem.message.as_str())).collect();
        assert_eq!(problems, [("n", "is required")]);
        assert_eq!(
            required.check(&json!({"n": 1, "e": "", "s": ""})).unwrap().input,
            json!({"n": 1, "e": "", "s": ""})
        );
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let problems = schema().check(&json!({"count": "1.5", "deep": "yes", "tone": "loud"})).unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["topic", "count", "deep", "tone"]);
        assert_eq!(problems[3].message, "must be one of \"neutral\", \"lively\"");
    }

    #[test]
    fn an_input_that_is_no_object_is_refused() {
        assert!(schema().check(&json!([1])).is_err());
        assert!(check_undeclared(&[], &json!("text")).is_err());
    }

    #[test]
    fn fields_certain_to_be_read_are_required_without_a_schema() {
        let required = [RequiredInput { field: "topic".into(), readers: vec![StepId::new("write").unwrap()] }];
        let problems = check_undeclared(&required, &json!({})).unwrap_err();
        assert_eq!(problems[0].message, "is required: it is read by `write`");
        assert!(check_undeclared(&required, &json!({"topic": "", "more": 1})).is_ok());
    }
}
