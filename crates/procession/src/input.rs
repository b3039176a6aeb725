//! What a process is started with.

use procession_domain::value::Json;
use serde::Serialize;

/// The input of a run: an object, checked against what the process declares.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Input(Json);

impl Input {
    /// Any value that is written as a JSON object.
    ///
    /// # Errors
    /// If it can't be written as JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_value(value).map(Self)
    }

    /// No input.
    pub fn none() -> Self {
        Self(Json::Object(serde_json::Map::new()))
    }

    pub(crate) fn into_json(self) -> Json {
        match self.0 {
            Json::Null => Self::none().0,
            given => given,
        }
    }
}

impl From<Json> for Input {
    fn from(json: Json) -> Self {
        Self(json)
    }
}
