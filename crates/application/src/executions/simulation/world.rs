//! The surroundings of one simulated execution: its values, requests and places at agents, all in memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use procession_domain::{
    approval::Approval,
    definition::Priority,
    event::{Shown, ValueRef},
    execution::{
        ChildPlan, Command, Context, Estimate, Execution, Ledger, Settings, Slot, Slots, TooLarge, Transition,
        ValueKey, Values,
    },
    expressions::Expressions,
    value::{ApprovalId, ContentHash, Json, Money, StepId, Timestamp},
};
use uuid::Uuid;

use crate::{
    ports::IdGenerator,
    values::{Measured, shown},
};

/// An execution and what surrounds it.
#[derive(Debug)]
pub struct World {
    pub execution: Execution,
    pub now: Timestamp,
    pub values: Shelf,
    /// What is going to happen, by time and order.
    coming: BTreeMap<(Timestamp, u64), Command>,
    told: u64,
    /// What a person has raised the budget to.
    pub raised_to: Option<Money>,
}

/// What is known of the execution.
#[derive(Debug)]
pub struct Shelf {
    most: u64,
    values: HashMap<ContentHash, Arc<Json>>,
    pub children: HashMap<StepId, ChildPlan>,
    pub approvals: HashMap<ApprovalId, Approval>,
    pub estimates: HashMap<StepId, Estimate>,
}

/// Every agent takes every call at once.
struct OpenPlaces;

impl World {
    /// An execution that has just been created with this input; values above so many bytes are refused.
    pub fn new(execution: Execution, input: &Measured, json: Arc<Json>, most: u64) -> Self {
        let now = execution.state().created_at;
        let values = HashMap::from([(input.value.hash, json)]);
        let (children, approvals, estimates) = (HashMap::new(), HashMap::new(), HashMap::new());
        let values = Shelf { most, values, children, approvals, estimates };
        Self { execution, now, values, coming: BTreeMap::new(), told: 0, raised_to: None }
    }

    /// A value of the execution.
    pub fn value(&self, value: &ValueRef) -> Option<Arc<Json>> {
        self.values.get(value)
    }

    /// Something that will happen at a time.
    pub fn expect(&mut self, at: Timestamp, command: Command) {
        self.told += 1;
        self.coming.insert((at.max(self.now), self.told), command);
    }

    /// Lets time pass until something happens; what happens then. `None` if nothing ever does.
    pub fn next(&mut self) -> Option<Vec<Command>> {
        let coming = self.coming.keys().next().map(|(at, _)| *at);
        let due = [coming, self.execution.attention_at()].into_iter().flatten().min()?;
        self.now = self.now.max(due);
        let later = self.coming.split_off(&(self.now, u64::MAX));
        Some(std::mem::replace(&mut self.coming, later).into_values().collect())
    }

    /// One turn of the execution, or what it goes on with once what it needed is at hand.
    pub fn turn(
        &mut self,
        commands: &[Command],
        expressions: &dyn Expressions,
        settings: &Settings,
        ids: &dyn IdGenerator,
    ) -> Transition {
        let ledger = self.ledger();
        let mut new_id = || -> Uuid { ids.new_id() };
        let mut context = Context {
            expressions,
            values: &mut self.values,
            slots: &mut OpenPlaces,
            new_id: &mut new_id,
            now: self.now,
            seed: 0,
            settings,
            ledger,
        };
        self.execution.handle(commands.iter().collect(), &mut context)
    }

    /// The budget of the process itself; that of the execution above is not looked at.
    fn ledger(&self) -> Option<Ledger> {
        let budget = self.execution.definition().config().budget.as_ref()?;
        let limit = self.raised_to.unwrap_or(budget.max_cost);
        let spent = self.execution.state().cost.amount;
        Some(Ledger { spent, reserved: self.execution.reserved(), limit, action: budget.action })
    }
}

impl Shelf {
    fn measured(&self, json: &Json) -> Result<Measured, TooLarge> {
        let measured = Measured::of(json);
        let size = measured.value.size;
        if size > self.most { Err(TooLarge { size, limit: self.most }) } else { Ok(measured) }
    }
}

impl Values for Shelf {
    fn get(&self, value: &ValueRef) -> Option<Arc<Json>> {
        self.values.get(&value.hash).cloned()
    }

    fn put(&mut self, _: ValueKey, json: Json) -> Result<Shown, TooLarge> {
        let Measured { value, text } = self.measured(&json)?;
        let json = Arc::new(json);
        let preview = Some(shown(&text, &json));
        self.values.insert(value.hash, json);
        Ok(Shown { value, preview })
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

impl Slots for OpenPlaces {
    fn take(&mut self, _: &StepId, _: &str, _: Priority) -> Slot {
        Slot::Granted
    }
}
