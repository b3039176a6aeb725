//! A small world around one execution: it makes the calls, lets time pass and answers requests, so that a test can run a
//! definition to its end by calling functions.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::Arc,
};

use indexmap::IndexMap;
use procession_domain::{
    approval::{Approval, ApprovalStatus, Ballot, Voter},
    definition::{
        AgentTask, Condition, Config, Definition, DefinitionContent, Gateway, GatewayType, Priority, Reads, Route,
        Step, StepKind, Template, UndefinedRule,
    },
    event::{Creation, Event, ProcessRef, Recorded, Shown, StepError, TriggerContext, Usage, ValueRef},
    execution::{
        Call, CallId, ChildPlan, Command, Context, Effect, Estimate, Execution, Failure, Hold, Recovery, Reply,
        Settings, Signal, Slot, Slots, Snapshot, TooLarge, Transition, ValueKey, Values, Write,
    },
    expressions::{Evaluation, Expanded, ExpressionError, Expressions, Scope},
    value::{
        ApprovalId, ContentHash, Currency, ErrorCode, ExecutionId, Json, ProcessId, ProcessName, StepId, Timestamp,
        Version,
    },
};
use uuid::Uuid;

/// Texts stand for themselves; the conditions `true` and `false` mean what they say, `error` can't be evaluated, and
/// `output STEP` is true when that step has an output.
pub struct Literal;

impl Expressions for Literal {
    fn text(&self, template: &Template, _: &Scope, _: UndefinedRule) -> Result<Expanded<String>, ExpressionError> {
        if template.text == "undefined" {
            return Err(ExpressionError::Undefined { message: "it is undefined".into() });
        }
        Ok(Expanded { value: template.text.clone(), warnings: Vec::new() })
    }

    fn value(
        &self,
        template: &Template,
        scope: &Scope,
        rule: UndefinedRule,
    ) -> Result<Expanded<Json>, ExpressionError> {
        let text = self.text(template, scope, rule)?;
        Ok(Expanded { value: Json::String(text.value), warnings: text.warnings })
    }

    fn handed_over(
        &self,
        template: &Template,
        scope: &Scope,
        rule: UndefinedRule,
    ) -> Result<Expanded<Json>, ExpressionError> {
        self.value(template, scope, rule)
    }

    fn condition(&self, condition: &Condition, scope: &Scope) -> Result<Evaluation, ExpressionError> {
        let result = match condition.text.split_once(' ') {
            Some(("output", step)) => scope.steps.get(step).is_some_and(|view| view.output.is_some()),
            _ if condition.text == "error" => {
                return Err(ExpressionError::Failed { message: "it can't be evaluated".into() });
            }
            _ => condition.text == "true",
        };
        let expression = condition.text.clone();
        Ok(Evaluation { expression, values: IndexMap::new(), result, notes: Vec::new() })
    }

    fn time_of(&self, text: &str, _: Option<&str>, _: Timestamp) -> Result<Timestamp, String> {
        text.parse().map_err(|error| format!("{error}"))
    }
}

/// Values in memory; they are lost between turns if `forgetful`, so that the execution has to ask for them.
#[derive(Default)]
pub struct Shelf {
    stored: HashMap<ContentHash, Arc<Json>>,
    at_hand: HashMap<ContentHash, Arc<Json>>,
    approvals: HashMap<ApprovalId, Approval>,
    loaded_approvals: HashMap<ApprovalId, Approval>,
}

impl Shelf {
    fn reference(value: &Json) -> ValueRef {
        let text = value.to_string();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&hasher.finish().to_be_bytes());
        ValueRef { hash: ContentHash::new(hash), size: text.len() as u64 }
    }
}

impl Values for Shelf {
    fn get(&self, value: &ValueRef) -> Option<Arc<Json>> {
        self.at_hand.get(&value.hash).cloned()
    }

    fn put(&mut self, _: ValueKey, value: Json) -> Result<Shown, TooLarge> {
        let reference = Self::reference(&value);
        let value = Arc::new(value);
        self.stored.insert(reference.hash, Arc::clone(&value));
        self.at_hand.insert(reference.hash, value);
        Ok(Shown { value: reference, preview: None })
    }

    fn measure(&self, value: &Json) -> Result<ValueRef, TooLarge> {
        Ok(Self::reference(value))
    }

    fn child(&self, _: &StepId) -> Option<ChildPlan> {
        Some(ChildPlan::Missing)
    }

    fn approval(&self, id: ApprovalId) -> Option<Approval> {
        self.loaded_approvals.get(&id).cloned()
    }

    fn estimate(&self, _: &StepId) -> Option<Estimate> {
        Some(Estimate(None))
    }
}

/// Places at agents: given to everyone, or by chance, so that steps have to queue and agents are held back.
#[derive(Default)]
pub struct Places {
    chance: Option<u64>,
    asked: u64,
    now: i64,
    queued: BTreeSet<StepId>,
    kept: BTreeSet<StepId>,
}

impl Slots for Places {
    fn take(&mut self, step: &StepId, _: &str, _: Priority) -> Slot {
        self.asked += 1;
        let mut hasher = DefaultHasher::new();
        (self.chance, self.asked).hash(&mut hasher);
        if self.chance.is_none() || self.kept.remove(step) {
            return Slot::Granted;
        }
        match hasher.finish() % 10 {
            0 | 1 => {
                self.queued.insert(step.clone());
                Slot::Queued
            }
            2 => Slot::Held { until: Timestamp::from_micros(self.now + 10_000_000), why: Hold::Breaker },
            3 => Slot::Held { until: Timestamp::from_micros(self.now + 3_000_000), why: Hold::RateLimit },
            _ => Slot::Granted,
        }
    }
}

/// An execution in its world.
pub struct World {
    pub execution: Execution,
    pub history: Vec<Recorded>,
    pub shelf: Shelf,
    pub now: i64,
    pub calls: Vec<Call>,
    /// Calls in flight that will never answer.
    pub lost: BTreeSet<CallId>,
    pub places: Places,
    pub dropped: u32,
    ids: u128,
}

impl World {
    /// A new execution of a definition; it has not started.
    pub fn new(definition: Definition) -> Self {
        let definition = Arc::new(definition);
        let mut shelf = Shelf::default();
        let input = shelf.put(ValueKey::Input, serde_json::json!({})).unwrap().value;
        let creation = Creation {
            process: ProcessRef {
                id: ProcessId::new(Uuid::from_u128(1)),
                name: definition.name().clone(),
                version: definition.version(),
            },
            input,
            trigger: TriggerContext::default(),
            triggered_by: "test".into(),
            user: None,
            earlier_users: Vec::new(),
            pins: BTreeMap::new(),
            retry_of: None,
            parent: None,
            labels: IndexMap::new(),
            priority: Priority::Normal,
            undefined: None,
            currency: Currency::USD,
            warnings: Vec::new(),
            trace: None,
        };
        let id = ExecutionId::new(Uuid::from_u128(2));
        let (execution, created) = Execution::create(id, definition, creation, Timestamp::from_micros(0));
        let (calls, lost, places) = (Vec::new(), BTreeSet::new(), Places::default());
        Self { execution, history: vec![created], shelf, now: 0, calls, lost, places, dropped: 0, ids: 100 }
    }

    /// A world in which places at agents are given by chance.
    pub fn crowded(definition: Definition, chance: u64) -> Self {
        let mut world = Self::new(definition);
        world.places.chance = Some(chance);
        world.give(&[Command::Start]);
        world
    }

    /// A place at an agent becomes free for a step that waits for one. `false` if none does.
    pub fn free_place(&mut self) -> bool {
        let Some(step_id) = self.places.queued.pop_first() else { return false };
        self.places.kept.insert(step_id.clone());
        self.give(&[Command::SlotFree { step_id }]);
        true
    }

    /// A world that has begun to run.
    pub fn started(definition: Definition) -> Self {
        let mut world = Self::new(definition);
        world.give(&[Command::Start]);
        world
    }

    /// Gives commands and lets the execution take its turn, with everything it asks for.
    pub fn give(&mut self, commands: &[Command]) {
        self.shelf.at_hand.clear();
        self.shelf.loaded_approvals.clear();
        let mut transition = self.handle(commands);
        while !transition.needs.is_empty() {
            for need in std::mem::take(&mut transition.needs) {
                match need {
                    procession_domain::execution::Need::Value { value, .. } => {
                        let found = Arc::clone(&self.shelf.stored[&value.hash]);
                        self.shelf.at_hand.insert(value.hash, found);
                    }
                    procession_domain::execution::Need::Approval(id) => {
                        let found = self.shelf.approvals[&id].clone();
                        self.shelf.loaded_approvals.insert(id, found);
                    }
                    procession_domain::execution::Need::Child(_) | procession_domain::execution::Need::Estimate(_) => {}
                }
            }
            transition.extend(self.handle(&[]));
        }
        self.commit(transition);
    }

    fn handle(&mut self, commands: &[Command]) -> Transition {
        let ids = &mut self.ids;
        let mut new_id = || {
            *ids += 1;
            Uuid::from_u128(*ids)
        };
        let settings = Settings::default();
        self.places.now = self.now;
        let mut context = Context {
            expressions: &Literal,
            values: &mut self.shelf,
            slots: &mut self.places,
            new_id: &mut new_id,
            now: Timestamp::from_micros(self.now),
            seed: 7,
            settings: &settings,
            ledger: None,
        };
        self.execution.handle(commands.iter().collect(), &mut context)
    }

    fn commit(&mut self, transition: Transition) {
        self.history.extend(transition.events);
        self.dropped += transition.dropped;
        for write in transition.writes {
            match write {
                Write::OpenApproval(approval) | Write::SettleApproval(approval) => {
                    self.shelf.approvals.insert(approval.id(), *approval);
                }
                Write::CancelApproval(id) => self.shelf.approvals.get_mut(&id).unwrap().cancel(),
                Write::StartChild { .. } | Write::Signal { .. } | Write::RaiseBudget(_) => {}
            }
        }
        for effect in transition.effects {
            match effect {
                Effect::Abandon { .. } => {}
                Effect::LeaveQueue { step_id } => drop(self.places.queued.remove(&step_id)),
            }
        }
        self.make_calls(&transition.calls);
    }

    /// What the state says is in flight is what is made, no more and no less: all of it begins with this transition or was
    /// in flight before.
    fn make_calls(&mut self, begun: &[CallId]) {
        let mut wanted = self.execution.calls_in_flight();
        wanted.retain(|call| !self.lost.contains(&call.id));
        for call in &wanted {
            let is_known = self.calls.iter().any(|running| running.id == call.id);
            assert!(is_known || begun.contains(&call.id), "{} is in flight and was never made", call.id);
        }
        self.calls = wanted;
    }

    /// Takes the call of a step out of those in flight.
    pub fn take_call(&mut self, step: &str) -> Call {
        let position = self.calls.iter().position(|call| call.id.step_id.as_str() == step);
        self.calls.remove(position.unwrap_or_else(|| panic!("`{step}` makes no call; calls: {:?}", self.calls)))
    }

    /// A step's call ends well.
    pub fn finish(&mut self, step: &str) {
        let call = self.take_call(step);
        self.give(&[finished(call)]);
    }

    /// A step's call fails with a code that is not retried.
    pub fn fail(&mut self, step: &str) {
        let call = self.take_call(step);
        self.give(&[failed(call, ErrorCode::AgentNotFound)]);
    }

    /// Time passes until something is due.
    pub fn pass_time(&mut self) -> bool {
        let Some(due) = self.execution.attention_at() else {
            return false;
        };
        self.now = self.now.max(due.as_micros());
        self.give(&[]);
        true
    }

    /// The open requests.
    pub fn open_approvals(&self) -> Vec<ApprovalId> {
        let open = self.shelf.approvals.values().filter(|approval| approval.status() == ApprovalStatus::Pending);
        let mut open: Vec<ApprovalId> = open.map(Approval::id).collect();
        open.sort();
        open
    }

    /// A person votes.
    pub fn vote(&mut self, id: ApprovalId, ballot: Ballot) {
        let voter = Voter { name: "ada".into(), email: None, roles: Vec::new(), is_admin: true, may_decide: true };
        let approval = self.shelf.approvals.get_mut(&id).unwrap();
        let verdict = approval.vote(&voter, ballot, Some("because".into()), Timestamp::from_micros(self.now)).unwrap();
        if let Some(verdict) = verdict {
            self.give(&[Command::Signal(Signal::ApprovalSettled { approval_id: id, verdict })]);
        }
    }

    /// The status of every step with its skip reason, as `a=completed b=skipped(dead_path)`.
    pub fn statuses(&self) -> String {
        let statuses: Vec<String> = self
            .execution
            .steps()
            .map(|(step, state)| {
                use procession_domain::execution::StepLife;
                let status = match &state.life {
                    StepLife::Skipped { reason } => {
                        let reason = serde_json::to_value(reason).unwrap();
                        format!("skipped({})", reason.as_str().unwrap())
                    }
                    _ => state.status().as_str().to_owned(),
                };
                format!("{}={status}", step.id)
            })
            .collect();
        statuses.join(" ")
    }

    /// The types of the events, in order.
    pub fn event_types(&self) -> Vec<&'static str> {
        self.history.iter().map(|recorded| recorded.event.event_type()).collect()
    }

    /// Replays the history and compares.
    pub fn check_replay(&self) {
        // What is stored is text.
        let stored: Vec<Recorded> = self
            .history
            .iter()
            .map(|recorded| {
                let text = serde_json::to_string(&recorded.event).unwrap();
                let event: Event = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                Recorded { event, ..recorded.clone() }
            })
            .collect();
        let (definition, creation) = (self.execution.definition(), self.execution.creation());
        let replayed =
            Execution::replay(self.execution.id(), Arc::clone(definition), Arc::clone(creation), &stored).unwrap();
        assert_eq!(replayed, self.execution);
    }
}

/// The command with which a call ends well.
pub fn finished(call: Call) -> Command {
    let reply = match &call.agent {
        Some(agent) => Reply::Agent { text: format!("{agent} did {}", call.id), usage: Usage::default() },
        None => Reply::Notification { output: serde_json::json!({"status": "sent"}) },
    };
    Command::Finished { call: call.id, reply }
}

/// The command with which a call fails.
pub fn failed(call: Call, code: ErrorCode) -> Command {
    let error = StepError { code, message: "it went wrong".into() };
    Command::Failed { call: call.id, failure: Failure { error, usage: Usage::default(), retry_after: None } }
}

/// A step id.
pub fn id(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

/// An agent task that comes after others.
pub fn task(name: &str, after: &[&str]) -> Step {
    let task = AgentTask {
        agent: Template::unplaced("worker"),
        message: Template::unplaced("do it"),
        model: None,
        temperature: None,
        max_cost: None,
        output_schema: None,
        output_key: None,
    };
    let mut step = Step::new(id(name), StepKind::AgentTask(task));
    step.depends_on = after.iter().map(|step| id(step)).collect();
    step
}

/// A gateway with routes `(condition, target)`; an empty condition is none, `default` makes the default route.
pub fn gateway(name: &str, gateway_type: GatewayType, after: &[&str], routes: &[(&str, &str)]) -> Step {
    let default_route = routes.iter().find(|(condition, _)| *condition == "default").map(|(_, target)| id(target));
    let routes = routes
        .iter()
        .filter(|(condition, _)| *condition != "default")
        .map(|(condition, target)| Route {
            condition: (!condition.is_empty()).then(|| Condition::unplaced(*condition)),
            target: id(target),
            name: None,
        })
        .collect();
    let mut step = Step::new(id(name), StepKind::Gateway(Gateway { gateway_type, routes, default_route }));
    step.depends_on = after.iter().map(|step| id(step)).collect();
    step
}

/// A definition of these steps.
pub fn definition(steps: Vec<Step>, config: Config) -> Definition {
    Definition::new(content(steps, config)).unwrap()
}

/// The content of a definition of these steps.
pub fn content(steps: Vec<Step>, config: Config) -> DefinitionContent {
    DefinitionContent {
        name: ProcessName::new("test").unwrap(),
        version: Version::FIRST,
        description: String::new(),
        input: None,
        required_input: Vec::new(),
        triggers: Vec::new(),
        steps,
        outputs: Vec::new(),
        config,
        webhooks: Vec::new(),
        labels: IndexMap::new(),
        expose: None,
        output_reads: Reads::default(),
    }
}

impl World {
    /// The step of a request with the number of the asking, as a key for outcomes.
    pub fn shelf_step(&self, id: ApprovalId) -> String {
        let step = &self.shelf.approvals[&id].request().step_id;
        let asked = self.shelf.approvals.values().filter(|other| other.request().step_id == *step).count();
        format!("{step}/{asked}")
    }

    /// The server stops without warning: what was committed is loaded anew from its stored form, calls and places are lost,
    /// and the gateways don't know the calls.
    pub fn crash(&mut self, snapshot: Option<&Snapshot>) {
        let definition = serde_json::to_string(&**self.execution.definition()).unwrap();
        let definition = Arc::new(serde_json::from_str(&definition).unwrap());
        let creation = Arc::clone(self.execution.creation());
        let loaded = match snapshot {
            None => Execution::replay(self.execution.id(), definition, creation, &self.history),
            Some(snapshot) => {
                let text = serde_json::to_string(snapshot).unwrap();
                let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
                let after = usize::try_from(snapshot.state.sequence).unwrap();
                Execution::restore(definition, creation, snapshot, &self.history[after..])
            }
        };
        let loaded = loaded.unwrap();
        assert_eq!(loaded, self.execution);
        self.execution = loaded;
        self.places.queued.clear();
        self.places.kept.clear();
        self.lost.clear();
        // A run that takes an execution up looks at what is in flight, and lets everything go on that can.
        self.calls = self.execution.calls_in_flight();
        let calls: Vec<CallId> = self.calls.iter().map(|call| call.id.clone()).collect();
        self.give(&[Command::Interrupted { calls: calls.clone(), in_order: false }]);
        let unknown = |call: CallId| Command::Recovered { call, recovery: Recovery::Unknown };
        self.places.kept.extend(calls.iter().map(|call| call.step_id.clone()));
        self.give(&calls.into_iter().map(unknown).collect::<Vec<_>>());
        self.places.kept.clear();
    }
}
