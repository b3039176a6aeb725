//! The values of one execution that are at hand during its turns, and the new ones of the turn under way (spec 2.4).

use std::{collections::HashMap, sync::Arc};

use procession_domain::{
    approval::Approval,
    event::{Shown, ValueRef},
    execution::{ChildPlan, TooLarge, ValueKey, Values},
    value::{ApprovalId, Json, StepId},
};

use crate::{
    ports::{Content, NewValue},
    values::{address, reference},
};

/// The largest beginning of a value that stands in an event.
const PREVIEW: usize = 4 * 1024;

/// Values beyond so many bytes are forgotten after a turn; they can be loaded again.
const KEPT: u64 = 8 * 1024 * 1024;

/// Limits of values, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueLimits {
    /// Larger ones go to the blob store.
    pub inline: u64,
    /// Larger ones are refused.
    pub most: u64,
}

/// A value of the turn under way, not stored yet.
pub(super) struct Fresh {
    pub key: ValueKey,
    pub value: ValueRef,
    pub text: Arc<str>,
}

/// The values at hand.
pub(super) struct RunValues {
    limits: ValueLimits,
    known: HashMap<String, (Arc<Json>, u64)>,
    bytes: u64,
    fresh: Vec<Fresh>,
    children: HashMap<StepId, ChildPlan>,
    approvals: HashMap<ApprovalId, Approval>,
}

impl RunValues {
    pub fn new(limits: ValueLimits) -> Self {
        Self {
            limits,
            known: HashMap::new(),
            bytes: 0,
            fresh: Vec::new(),
            children: HashMap::new(),
            approvals: HashMap::new(),
        }
    }

    /// The limits of values.
    pub const fn limits(&self) -> ValueLimits {
        self.limits
    }

    /// Takes a value that was loaded.
    pub fn know(&mut self, value: &ValueRef, json: Arc<Json>) {
        if self.known.insert(value.hash.clone(), (json, value.size)).is_none() {
            self.bytes += value.size;
        }
    }

    /// Takes what a step runs as a sub-process.
    pub fn know_child(&mut self, step: StepId, plan: ChildPlan) {
        self.children.insert(step, plan);
    }

    /// Takes a request that was loaded.
    pub fn know_approval(&mut self, approval: Approval) {
        self.approvals.insert(approval.id(), approval);
    }

    /// The new values of the turn.
    pub fn fresh(&self) -> &[Fresh] {
        &self.fresh
    }

    /// Ends a turn: new values are stored now, and what changes elsewhere must be loaded anew next time.
    pub fn end_turn(&mut self) {
        self.fresh.clear();
        self.children.clear();
        self.approvals.clear();
        if self.bytes > KEPT {
            self.known.clear();
            self.bytes = 0;
        }
    }

    fn measured(&self, json: &Json) -> Result<(ValueRef, Arc<str>), TooLarge> {
        let text = json.to_string();
        let value = reference(&text);
        if value.size > self.limits.most {
            return Err(TooLarge { size: value.size, limit: self.limits.most });
        }
        Ok((value, text.into()))
    }
}

impl Values for RunValues {
    fn get(&self, value: &ValueRef) -> Option<Arc<Json>> {
        self.known.get(&value.hash).map(|(json, _)| Arc::clone(json))
    }

    fn put(&mut self, key: ValueKey, json: Json) -> Result<Shown, TooLarge> {
        let (value, text) = self.measured(&json)?;
        let json = Arc::new(json);
        let preview = preview(&text, &json);
        self.know(&value, json);
        self.fresh.push(Fresh { key, value: value.clone(), text });
        Ok(Shown { value, preview })
    }

    fn measure(&self, value: &Json) -> Result<ValueRef, TooLarge> {
        self.measured(value).map(|(value, _)| value)
    }

    fn child(&self, step: &StepId) -> Option<ChildPlan> {
        self.children.get(step).cloned()
    }

    fn approval(&self, id: ApprovalId) -> Option<Approval> {
        self.approvals.get(&id).cloned()
    }
}

impl ValueLimits {
    /// The row of a value: its text, or that it is in the blob store.
    pub fn row(self, key: &ValueKey, value: &ValueRef, text: &Arc<str>) -> NewValue {
        let content = if value.size > self.inline { Content::Blob } else { Content::Inline(Arc::clone(text)) };
        NewValue { key: address(key, value), value: value.clone(), content }
    }
}

fn preview(text: &str, json: &Arc<Json>) -> Arc<Json> {
    if text.len() <= PREVIEW {
        return Arc::clone(json);
    }
    let mut end = PREVIEW;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Arc::new(Json::String(text[..end].to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn large_values_are_shown_by_their_beginning_and_too_large_ones_refused() {
        let mut values = RunValues::new(ValueLimits { inline: 10, most: 20_000 });
        let shown = values.put(ValueKey::Outputs, json!({"text": "ä".repeat(5_000)})).unwrap();
        assert!(shown.preview.as_str().unwrap().len() <= PREVIEW);
        assert_eq!(values.get(&shown.value).unwrap()["text"].as_str().unwrap().chars().count(), 5_000);
        let refused = values.put(ValueKey::Outputs, json!("x".repeat(20_000))).unwrap_err();
        assert_eq!(refused, TooLarge { size: 20_002, limit: 20_000 });
        assert_eq!(values.fresh().len(), 1);
    }
}
