//! Writing flat objects.

use procession_domain::{
    event::{Shown, StepError, Usage, ValueRef},
    value::{Cost, ExecutionId, Money, StepId},
};
use serde::Serialize;

use crate::wire::ExactCost;

/// Values up to so many bytes stand whole in events; of larger ones, the beginning of their text does.
const WHOLE_UP_TO: u64 = 4 * 1024;

/// How fields are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As in the history.
    History,
    /// As in the history, and what the existing frontend reads besides.
    Classic,
    /// Camel-cased.
    V2,
}

/// What the existing frontend reads besides the names of the history.
const CLASSIC_NAMES: [(&str, &str); 3] =
    [("error_message", "error"), ("total_duration_seconds", "duration_seconds"), ("assignees", "approvers")];

/// Fields that have other names in the second format.
const V2_NAMES: [(&str, &str); 5] = [
    ("error_message", "error"),
    ("duration_seconds", "duration"),
    ("total_duration_seconds", "duration"),
    ("assignees", "approvers"),
    ("output_data", "output"),
];

/// A flat object, written field by field under the names of the history.
pub(super) struct Fields {
    text: Vec<u8>,
    naming: Naming,
}

/// A value that is elsewhere.
#[derive(Serialize)]
struct Reference<'a> {
    #[serde(flatten)]
    value: &'a ValueRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl Fields {
    pub fn new(naming: Naming) -> Self {
        let mut text = Vec::with_capacity(512);
        text.push(b'{');
        Self { text, naming }
    }

    /// Puts a value. Those that can't be written, which none of ours are, become null.
    pub fn put(&mut self, name: &str, value: impl Serialize) {
        let other = |names: &[(&str, &'static str)]| names.iter().find(|(old, _)| *old == name).map(|(_, new)| *new);
        match self.naming {
            Naming::History => self.write(name, &value),
            Naming::Classic => {
                self.write(name, &value);
                if let Some(other) = other(&CLASSIC_NAMES) {
                    self.write(other, &value);
                }
            }
            Naming::V2 => match other(&V2_NAMES) {
                Some(other) => self.write(other, &value),
                None => self.write(&camel_case(name), &value),
            },
        }
    }

    /// Names have nothing in them that would have to be escaped.
    fn write(&mut self, name: &str, value: &impl Serialize) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        self.text.push(b'"');
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
        let begin = self.text.len();
        if serde_json::to_writer(&mut self.text, value).is_err() {
            self.text.truncate(begin);
            self.text.extend_from_slice(b"null");
        }
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

    /// Puts an amount twice: for people under its name, and exactly.
    pub fn put_money(&mut self, name: &str, exact_name: &str, amount: Money) {
        self.put(name, amount.to_string());
        self.put(exact_name, ExactCost::from(amount));
    }

    /// Puts a sum of costs as `total_cost` and `exact_cost`.
    pub fn put_total_cost(&mut self, cost: Cost) {
        self.put("total_cost", cost.amount.to_string());
        self.put("exact_cost", ExactCost::from(cost));
    }

    /// Puts what an attempt cost, as far as that is known.
    pub fn put_usage(&mut self, usage: &Usage) {
        if let Some(cost) = usage.cost {
            self.put_money("cost", "exact_cost", cost);
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
            self.put("output_ref", Reference { value: &shown.value, url: Some(url) });
        }
    }

    /// Puts where a value is.
    pub fn put_ref(&mut self, name: &str, value: Option<&ValueRef>, url: Option<String>) {
        self.put_some(name, value.map(|value| Reference { value, url }));
    }

    /// The JSON text.
    pub fn finish(mut self) -> String {
        self.text.push(b'}');
        // It was written as UTF-8.
        String::from_utf8(self.text).unwrap_or_default()
    }
}

/// Where a step's output can be read whole.
pub(crate) fn output_url(execution: ExecutionId, step: &StepId) -> String {
    format!("/api/executions/{execution}/steps/{step}/output")
}

fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut begins_word = false;
    for letter in name.chars() {
        match letter {
            '_' => begins_word = true,
            _ if std::mem::take(&mut begins_word) => camel.push(letter.to_ascii_uppercase()),
            _ => camel.push(letter),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_their_case() {
        assert_eq!(camel_case("failed_step_id"), "failedStepId");
        assert_eq!(camel_case("id"), "id");
    }

    #[test]
    fn every_naming_writes_the_same_fields() {
        let text = |naming| {
            let mut fields = Fields::new(naming);
            fields.put("step_id", "a \"b\"");
            fields.put_some("deadline", None::<u32>);
            fields.put_any("assignees", &["ada"]);
            fields.finish()
        };
        assert_eq!(text(Naming::History), r#"{"step_id":"a \"b\"","assignees":["ada"]}"#);
        assert_eq!(text(Naming::Classic), r#"{"step_id":"a \"b\"","assignees":["ada"],"approvers":["ada"]}"#);
        assert_eq!(text(Naming::V2), r#"{"stepId":"a \"b\"","approvers":["ada"]}"#);
    }
}
