//! The values of one execution that are at hand during a turn, and the new ones of the turn under way (spec 2.4).

use std::{collections::HashMap, sync::Arc};

use moka::sync::Cache;
use procession_domain::{
    approval::Approval,
    event::{Shown, ValueRef},
    execution::{ChildPlan, Estimate, TooLarge, ValueKey, Values},
    value::{ApprovalId, ContentHash, Json, StepId},
};

use crate::values::{Measured, ValueLimits, shown};

/// Values read or written lately, of all executions, by their content. It holds what can be loaded again, so that a step
/// that follows another need not read what that has just written.
#[derive(Clone)]
pub(super) struct ValueCache(Cache<ContentHash, (Arc<Json>, u32)>);

/// How many bytes of values are kept, counted as their JSON text.
const KEPT: u64 = 4 * 1024 * 1024;

/// What an entry costs besides its text.
const ENTRY: u32 = 200;

/// A value of the turn under way, not stored yet.
pub(super) struct Fresh {
    pub key: ValueKey,
    pub measured: Measured,
}

/// The values at hand.
pub(super) struct RunValues {
    limits: ValueLimits,
    cache: ValueCache,
    /// What this turn asked for or made; it stays until the turn is over.
    known: HashMap<ContentHash, Arc<Json>>,
    fresh: Vec<Fresh>,
    children: HashMap<StepId, ChildPlan>,
    approvals: HashMap<ApprovalId, Approval>,
    estimates: HashMap<StepId, Estimate>,
}

impl ValueCache {
    pub fn new() -> Self {
        let weigh = |_: &ContentHash, (_, size): &(Arc<Json>, u32)| size.saturating_add(ENTRY);
        Self(Cache::builder().weigher(weigh).max_capacity(KEPT).build())
    }

    fn keep(&self, value: &ValueRef, json: &Arc<Json>) {
        let size = u32::try_from(value.size).unwrap_or(u32::MAX);
        self.0.insert(value.hash, (Arc::clone(json), size));
    }
}

impl RunValues {
    pub fn new(limits: ValueLimits, cache: ValueCache) -> Self {
        Self {
            limits,
            cache,
            known: HashMap::new(),
            fresh: Vec::new(),
            children: HashMap::new(),
            approvals: HashMap::new(),
            estimates: HashMap::new(),
        }
    }

    /// The limits of values.
    pub const fn limits(&self) -> ValueLimits {
        self.limits
    }

    /// Takes a value that was loaded.
    pub fn know(&mut self, value: &ValueRef, json: Arc<Json>) {
        self.cache.keep(value, &json);
        self.known.insert(value.hash, json);
    }

    /// Takes what a step runs as a sub-process.
    pub fn know_child(&mut self, step: StepId, plan: ChildPlan) {
        self.children.insert(step, plan);
    }

    /// Takes a request that was loaded.
    pub fn know_approval(&mut self, approval: Approval) {
        self.approvals.insert(approval.id(), approval);
    }

    /// Takes what a step will probably cost.
    pub fn know_estimate(&mut self, step: StepId, estimate: Estimate) {
        self.estimates.insert(step, estimate);
    }

    /// The new values of the turn.
    pub fn fresh(&self) -> &[Fresh] {
        &self.fresh
    }

    /// Ends a turn: new values are stored now, and what changes elsewhere must be loaded anew next time.
    pub fn end_turn(&mut self) {
        self.fresh.clear();
        self.known.clear();
        self.children.clear();
        self.approvals.clear();
    }

    fn measured(&self, json: &Json) -> Result<Measured, TooLarge> {
        let measured = Measured::of(json);
        if measured.value.size > self.limits.most {
            return Err(TooLarge { size: measured.value.size, limit: self.limits.most });
        }
        Ok(measured)
    }
}

impl Values for RunValues {
    fn get(&self, value: &ValueRef) -> Option<Arc<Json>> {
        let kept = || self.cache.0.get(&value.hash).map(|(json, _)| json);
        self.known.get(&value.hash).map(Arc::clone).or_else(kept)
    }

    fn put(&mut self, key: ValueKey, json: Json) -> Result<Shown, TooLarge> {
        let measured = self.measured(&json)?;
        let (value, json) = (measured.value, Arc::new(json));
        let preview = shown(&measured.text, &json);
        self.know(&value, json);
        self.fresh.push(Fresh { key, measured });
        Ok(Shown { value, preview: Some(preview) })
    }

    fn measure(&self, value: &Json) -> Result<ValueRef, TooLarge> {
        self.measured(value).map(|measured| measured.value)
    }

    fn child(&self, step: &StepId) -> Option<ChildPlan> {
        self.children.get(step).cloned()
    }

    fn approval(&self, id: ApprovalId) -> Option<Approval> {
        self.approvals.get(&id).cloned()
    }

    fn estimate(&self, step: &StepId) -> Option<Estimate> {
        self.estimates.get(step).copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::values::PREVIEW;

    #[test]
    fn large_values_are_shown_by_their_beginning_and_too_large_ones_refused() {
        let mut values = RunValues::new(ValueLimits { inline: 10, most: 20_000 }, ValueCache::new());
        let shown = values.put(ValueKey::Outputs, json!({"text": "ä".repeat(5_000)})).unwrap();
        assert!(shown.preview.unwrap().as_str().unwrap().len() <= PREVIEW);
        assert_eq!(values.get(&shown.value).unwrap()["text"].as_str().unwrap().chars().count(), 5_000);
        let refused = values.put(ValueKey::Outputs, json!("x".repeat(20_000))).unwrap_err();
        assert_eq!(refused, TooLarge { size: 20_002, limit: 20_000 });
        assert_eq!(values.fresh().len(), 1);
    }
}
