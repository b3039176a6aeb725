//! Building flat objects.

use procession_domain::{
    event::{Shown, StepError, Usage, ValueRef},
    value::{Cost, ExecutionId, Json, Money, StepId},
};
use serde::Serialize;
use serde_json::{Map, json};

use crate::wire::ExactCost;

/// Values up to so many bytes stand whole in events; of larger ones, the beginning of their text does.
const WHOLE_UP_TO: u64 = 4 * 1024;

/// The fields of a flat object, in the order in which they were put.
pub(crate) struct Fields(Map<String, Json>);

impl Fields {
    pub fn new() -> Self {
        Self(Map::new())
    }

    /// Puts a value. Those that can't be written, which none of ours are, become null.
    pub fn put(&mut self, name: &str, value: impl Serialize) {
        self.0.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
    }

    /// Puts a value if there is one: optional fields are absent rather than null (spec 4b 4.3).
    pub fn put_some<T: Serialize>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Puts a list unless it is empty.
    pub fn put_any<T: Serialize>(&mut self, name: &str, values: &[T]) {
        self.put_some(name, Some(values).filter(|values| !values.is_empty()));
    }

    /// Puts `true` if it is true.
    pub fn put_true(&mut self, name: &str, value: bool) {
        self.put_some(name, value.then_some(true));
    }

    /// Puts the fields of an object.
    pub fn put_all(&mut self, value: impl Serialize) {
        if let Ok(Json::Object(fields)) = serde_json::to_value(value) {
            self.0.extend(fields);
        }
    }

    /// Puts an amount twice: for people under its name, and exactly.
    pub fn put_money(&mut self, name: &str, amount: Money) {
        self.put(name, amount.to_string());
        self.put(&format!("exact_{name}"), ExactCost::from(amount));
    }

    /// Puts a sum of costs as `total_cost` and `exact_cost`.
    pub fn put_total_cost(&mut self, cost: Cost) {
        self.put("total_cost", cost.amount.to_string());
        self.put("exact_cost", ExactCost::from(cost));
    }

    /// Puts what an attempt cost, as far as that is known.
    pub fn put_usage(&mut self, usage: &Usage) {
        if let Some(cost) = usage.cost {
            self.put_money("cost", cost);
        }
        self.put_some("token_usage", usage.token_usage.as_ref());
        self.put_some("finish_reason", usage.finish_reason.as_ref().filter(|reason| !reason.is_stop()));
    }

    /// Puts why something failed.
    pub fn put_error(&mut self, error: &StepError) {
        self.put("error_message", &error.message);
        self.put("error_code", error.code);
    }

    /// Puts a value of the execution, or its beginning when it is long, and where the whole is (spec 4).
    pub fn put_shown(&mut self, name: &str, shown: &Shown, url: String) {
        self.put(name, &shown.preview);
        if shown.value.size > WHOLE_UP_TO {
            self.put("output_ref", reference(&shown.value, Some(url)));
        }
    }

    /// Puts where a value is.
    pub fn put_ref(&mut self, name: &str, value: Option<&ValueRef>, url: Option<String>) {
        self.put_some(name, value.map(|value| reference(value, url)));
    }

    pub fn into_map(self) -> Map<String, Json> {
        self.0
    }
}

fn reference(value: &ValueRef, url: Option<String>) -> Json {
    match url {
        Some(url) => json!({"hash": value.hash, "size": value.size, "url": url}),
        None => json!({"hash": value.hash, "size": value.size}),
    }
}

/// Where a step's output can be read whole.
pub(crate) fn output_url(execution: ExecutionId, step: &StepId) -> String {
    format!("/api/executions/{execution}/steps/{step}/output")
}
