//! Printing: texts as they are, everything else as compact JSON, and never more than the limit (spec 2).

use minijinja::{Value, value::ValueKind};
use procession_domain::value::Json;

use super::value::{Number, Shown, Val};
use crate::limits;

/// A text that grows up to a limit.
#[derive(Debug)]
pub struct Output {
    text: String,
    limit: usize,
}

/// Why something can't be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrintError {
    /// The text would grow beyond the limit.
    TooLong,
    /// Lists and mappings are nested beyond the limit.
    TooDeep,
    /// It has no text: a function, or a number that is none.
    NoText,
}

impl Default for Output {
    fn default() -> Self {
        Self { text: String::new(), limit: limits::OUTPUT_BYTES }
    }
}

impl Output {
    /// Appends a text, or as much of it as the limit allows.
    pub fn push(&mut self, text: &str) -> Result<(), PrintError> {
        let room = self.limit - self.text.len();
        if text.len() > room {
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
            return Err(PrintError::TooLong);
        }
        self.text.push_str(text);
        Ok(())
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Appends a value as readers see it.
    pub fn print(&mut self, value: &Val<'_>) -> Result<(), PrintError> {
        match value {
            Val::Undefined | Val::Absent => Ok(()),
            Val::Json(json, shown) => self.print_json(json, *shown),
            Val::Made(value) => match value.as_str() {
                Some(text) => self.push(text),
                None if value.is_undefined() => Ok(()),
                None => self.value(value, 0),
            },
        }
    }

    fn print_json(&mut self, json: &Json, shown: Shown) -> Result<(), PrintError> {
        match (shown, json) {
            (_, Json::String(text)) => self.push(text),
            (Shown::Reply, Json::Object(fields)) => match fields.get("response").and_then(Json::as_str) {
                Some(response) => self.push(response),
                None => self.json(json, 0),
            },
            (Shown::Lines, Json::Array(lines)) => {
                for (at, line) in lines.iter().enumerate() {
                    self.push(if at > 0 { "\n" } else { "" })?;
                    self.print_json(line, Shown::Plain)?;
                }
                Ok(())
            }
            _ => self.json(json, 0),
        }
    }

    /// Appends a part of the scope as JSON.
    fn json(&mut self, json: &Json, depth: usize) -> Result<(), PrintError> {
        if depth > limits::VALUE_DEPTH {
            return Err(PrintError::TooDeep);
        }
        match json {
            Json::Null => self.push("null"),
            Json::Bool(truth) => self.push(if *truth { "true" } else { "false" }),
            Json::Number(number) => self.push(&number.to_string()),
            Json::String(text) => self.quoted(text),
            Json::Array(items) => {
                self.push("[")?;
                for (at, item) in items.iter().enumerate() {
                    self.push(if at > 0 { "," } else { "" })?;
                    self.json(item, depth + 1)?;
                }
                self.push("]")
            }
            Json::Object(fields) => {
                self.push("{")?;
                for (at, (name, field)) in fields.iter().enumerate() {
                    self.push(if at > 0 { "," } else { "" })?;
                    self.quoted(name)?;
                    self.push(":")?;
                    self.json(field, depth + 1)?;
                }
                self.push("}")
            }
        }
    }

    /// Appends one of minijinja's values as JSON.
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), PrintError> {
        if depth > limits::VALUE_DEPTH {
            return Err(PrintError::TooDeep);
        }
        match value.kind() {
            ValueKind::Undefined | ValueKind::None => self.push("null"),
            ValueKind::Bool => self.push(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.number(Number::of(value)),
            ValueKind::String => self.quoted(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                self.push("[")?;
                for (at, item) in items_of(value).enumerate() {
                    self.push(if at > 0 { "," } else { "" })?;
                    self.value(&item, depth + 1)?;
                }
                self.push("]")
            }
            ValueKind::Map => {
                self.push("{")?;
                for (at, key) in items_of(value).enumerate() {
                    self.push(if at > 0 { "," } else { "" })?;
                    self.quoted(&key_text(&key)?)?;
                    self.push(":")?;
                    self.value(&value.get_item(&key).unwrap_or_default(), depth + 1)?;
                }
                self.push("}")
            }
            _ => Err(PrintError::NoText),
        }
    }

    fn number(&mut self, number: Number) -> Result<(), PrintError> {
        match number {
            Number::Whole(whole) => self.push(&whole.to_string()),
            Number::Real(real) => {
                let number = serde_json::Number::from_f64(real).ok_or(PrintError::NoText)?;
                self.push(&number.to_string())
            }
        }
    }

    fn quoted(&mut self, text: &str) -> Result<(), PrintError> {
        let quoted = serde_json::to_string(text).map_err(|_| PrintError::NoText)?;
        self.push(&quoted)
    }
}

/// A value as it is kept with an evaluation: as JSON, or cut if it is long.
pub fn preview(value: &Val<'_>) -> Json {
    let mut output = Output { text: String::new(), limit: limits::PREVIEW_CHARS * 4 };
    let is_complete = output.print(value).is_ok();
    let text = output.into_text();
    let cut = text.char_indices().nth(limits::PREVIEW_CHARS).map(|(at, _)| at);
    if let (true, None) = (is_complete, cut) {
        let is_shown_as_text = matches!(value, Val::Json(_, Shown::Reply | Shown::Lines));
        if is_shown_as_text {
            return Json::String(text);
        }
        return to_json(value).unwrap_or(Json::Null);
    }
    let end = cut.unwrap_or(text.len());
    Json::String(format!("{}…", &text[..end]))
}

/// The items of a list, or the keys of a mapping.
pub fn items_of(value: &Value) -> impl Iterator<Item = Value> {
    value.try_iter().ok().into_iter().flatten()
}

/// A key of a mapping as JSON has it.
pub fn key_text(key: &Value) -> Result<String, PrintError> {
    let mut output = Output::default();
    output.print(&Val::Made(key.clone()))?;
    Ok(output.into_text())
}

/// The JSON that a value is.
pub fn to_json(value: &Val<'_>) -> Result<Json, PrintError> {
    match value {
        Val::Undefined | Val::Absent => Ok(Json::Null),
        Val::Json(json, _) => {
            check_depth(json, 0)?;
            Ok((*json).clone())
        }
        Val::Made(value) => made_json(value, 0),
    }
}

fn check_depth(json: &Json, depth: usize) -> Result<(), PrintError> {
    if depth > limits::VALUE_DEPTH {
        return Err(PrintError::TooDeep);
    }
    match json {
        Json::Array(items) => items.iter().try_for_each(|item| check_depth(item, depth + 1)),
        Json::Object(fields) => fields.values().try_for_each(|field| check_depth(field, depth + 1)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Ok(()),
    }
}

fn made_json(value: &Value, depth: usize) -> Result<Json, PrintError> {
    if depth > limits::VALUE_DEPTH {
        return Err(PrintError::TooDeep);
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Json::Null),
        ValueKind::Bool => Ok(Json::Bool(value.is_true())),
        ValueKind::Number => Number::of(value).to_json().ok_or(PrintError::NoText),
        ValueKind::String => Ok(Json::String(value.as_str().unwrap_or_default().to_owned())),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Result<_, _> = items_of(value).map(|item| made_json(&item, depth + 1)).collect();
            Ok(Json::Array(items?))
        }
        ValueKind::Map => {
            let mut fields = serde_json::Map::new();
            for key in items_of(value) {
                let field = value.get_item(&key).unwrap_or_default();
                fields.insert(key_text(&key)?, made_json(&field, depth + 1)?);
            }
            Ok(Json::Object(fields))
        }
        _ => Err(PrintError::NoText),
    }
}

impl PrintError {
    /// What is wrong, as the end of a sentence.
    pub fn reason(self) -> String {
        match self {
            Self::TooLong => format!("the text would be longer than {} MiB", limits::OUTPUT_BYTES >> 20),
            Self::TooDeep => format!("the value is nested more than {} levels deep", limits::VALUE_DEPTH),
            Self::NoText => "the value has no text".to_owned(),
        }
    }
}
