//! The smallest surroundings in which the domain decides: texts that stand for themselves, values in memory, agents that
//! always have a place.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use procession_domain::{
    approval::Approval,
    definition::{Condition, Priority, Template, UndefinedRule},
    event::{Shown, ValueRef},
    execution::{ChildPlan, Estimate, Slot, Slots, TooLarge, ValueKey, Values},
    expressions::{Evaluation, Expanded, ExpressionError, Expressions, Scope},
    value::{ApprovalId, ContentHash, Json, StepId, Timestamp},
};
use serde_json::Map;

use procession_application::ports::{Content, NewValue};

/// Expressions without expressions: a template is its text, a condition is `true` or `false`, a time is written out.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainTexts;

/// Values of one execution, in memory.
#[derive(Debug, Clone, Default)]
pub struct GivenValues {
    known: HashMap<ContentHash, Arc<Json>>,
    fresh: Vec<NewValue>,
    children: BTreeMap<StepId, ChildPlan>,
    approvals: HashMap<ApprovalId, Approval>,
}

/// Agents that take every call at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenSlots;

/// What every condition says that it read: a number that only comes back if it is written and read exactly.
const RATIO: f64 = 0.300_000_000_000_000_04;

impl PlainTexts {
    fn plain<T>(value: T) -> Expanded<T> {
        Expanded { value, warnings: Vec::new() }
    }
}

impl Expressions for PlainTexts {
    fn text(
        &self,
        template: &Template,
        _scope: &Scope,
        _undefined: UndefinedRule,
    ) -> Result<Expanded<String>, ExpressionError> {
        Ok(Self::plain(template.text.clone()))
    }

    fn value(
        &self,
        template: &Template,
        _scope: &Scope,
        _undefined: UndefinedRule,
    ) -> Result<Expanded<Json>, ExpressionError> {
        Ok(Self::plain(Json::String(template.text.clone())))
    }

    fn handed_over(
        &self,
        template: &Template,
        scope: &Scope,
        undefined: UndefinedRule,
    ) -> Result<Expanded<Json>, ExpressionError> {
        self.value(template, scope, undefined)
    }

    fn condition(&self, condition: &Condition, _scope: &Scope) -> Result<Evaluation, ExpressionError> {
        let result = condition.text.parse().map_err(|_| ExpressionError::Failed {
            message: format!("`{}` is neither true nor false", condition.text),
        })?;
        Ok(Evaluation {
            expression: condition.text.clone(),
            values: [("input.ratio".to_owned(), Json::from(RATIO))].into_iter().collect(),
            result,
            notes: Vec::new(),
        })
    }

    fn time_of(&self, text: &str, _timezone: Option<&str>, _now: Timestamp) -> Result<Timestamp, String> {
        text.parse().map_err(|error| format!("{error}"))
    }
}

impl GivenValues {
    /// Says what a step runs as a sub-process.
    pub fn give_child(&mut self, step: StepId, plan: ChildPlan) {
        self.children.insert(step, plan);
    }

    /// Brings a request whose deadline has passed.
    pub fn give_approval(&mut self, approval: Approval) {
        self.approvals.insert(approval.id(), approval);
    }

    /// The values put since this was last asked, to be stored in their rows.
    pub fn take_fresh(&mut self) -> Vec<NewValue> {
        std::mem::take(&mut self.fresh)
    }

    fn reference(text: &str) -> ValueRef {
        let hash = ContentHash::new(*blake3::hash(text.as_bytes()).as_bytes());
        ValueRef { hash, size: text.len() as u64 }
    }
}

impl Values for GivenValues {
    fn get(&self, value: &ValueRef) -> Option<Arc<Json>> {
        // What was put before this execution came into memory is not needed by texts that stand for themselves.
        let known = self.known.get(&value.hash).cloned();
        Some(known.unwrap_or_else(|| Arc::new(Json::Object(Map::default()))))
    }

    fn put(&mut self, _key: ValueKey, value: Json) -> Result<Shown, TooLarge> {
        let text = value.to_string();
        let (reference, preview) = (Self::reference(&text), Arc::new(value));
        self.known.insert(reference.hash, Arc::clone(&preview));
        self.fresh.push(NewValue { value: reference, content: Content::Inline(text.into()) });
        Ok(Shown { value: reference, preview: Some(preview) })
    }

    fn measure(&self, value: &Json) -> Result<ValueRef, TooLarge> {
        Ok(Self::reference(&value.to_string()))
    }

    fn child(&self, step: &StepId) -> Option<ChildPlan> {
        Some(self.children.get(step).cloned().unwrap_or(ChildPlan::Missing))
    }

    fn approval(&self, id: ApprovalId) -> Option<Approval> {
        self.approvals.get(&id).cloned()
    }

    fn estimate(&self, _step: &StepId) -> Option<Estimate> {
        Some(Estimate(None))
    }
}

impl Slots for OpenSlots {
    fn take(&mut self, _step: &StepId, _agent: &str, _priority: Priority) -> Slot {
        Slot::Granted
    }
}
