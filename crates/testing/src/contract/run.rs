//! An execution as a runner holds it: what was decided in memory, and the commits that write it.

use std::{collections::BTreeMap, sync::Arc};

use indexmap::IndexMap;
use procession_domain::{
    definition::{Budget, Priority},
    event::{Creation, Direction, Recorded, TriggerContext, Usage},
    execution::{
        CallId, ChildEnd, ChildOutcome, ChildPlan, ChildVersion, Command, Context, Execution, Ledger, Reply, Settings,
        Signal, Transition, Write,
    },
    value::{Currency, ExecutionId, Money, Timestamp},
};
use uuid::Uuid;

use super::given::{Published, Stores, at, some_value, step_id};
use crate::{GivenValues, OpenSlots, PlainTexts, SequentialIds};
use procession_application::calendar::Calendar;
use procession_application::ports::{
    Admission, AlertAudiences, ApprovalWrite, BudgetChange, CallOfStart, Commit, Content, EndedStep, IdGenerator,
    IdempotencyKey, InboxRow, Lease, NewChild, NewSignal, NewValue, ScheduleChange, Start, root_of_tree, working_time,
};

/// How an execution is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// When.
    pub at: Timestamp,
    /// Its place in queues.
    pub priority: Priority,
    /// Under which lease it is to be admitted at once.
    pub admit: Option<Lease>,
    /// How many executions may be in work at once.
    pub most_running: u32,
    /// How many of its process may run at once.
    pub instance_limit: Option<u32>,
    /// How many executions may be pending.
    pub queue_length: u32,
    /// Makes repeated starts one.
    pub idempotency: Option<IdempotencyKey>,
    /// Another key that does so.
    pub message: Option<IdempotencyKey>,
    /// The schedule whose due time it is.
    pub schedule: Option<ScheduleChange>,
    /// The call of a webhook that makes it.
    pub call: Option<CallOfStart>,
    /// The budget of its tree.
    pub budget: Option<Budget>,
    /// Who or what starts it.
    pub triggered_by: String,
    /// The user who starts it.
    pub user: Option<String>,
    /// Its labels.
    pub labels: IndexMap<String, String>,
    /// The execution it repeats.
    pub retry_of: Option<ExecutionId>,
}

/// An execution as a runner holds it.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its state in memory.
    pub execution: Execution,
    /// Under which lease its commits are made.
    pub lease: Lease,
    /// What has happened to it.
    pub history: Vec<Arc<Recorded>>,
    /// The last signal that it has seen.
    pub seen: i64,
    /// The ledger of its tree.
    pub ledger: Option<Ledger>,
    /// Its values.
    pub values: GivenValues,
    ids: Arc<SequentialIds>,
}

impl Default for Launch {
    fn default() -> Self {
        Self {
            at: at(0),
            priority: Priority::Normal,
            admit: None,
            most_running: 1_000,
            instance_limit: None,
            queue_length: 10_000,
            idempotency: None,
            message: None,
            schedule: None,
            call: None,
            budget: None,
            triggered_by: "api".to_owned(),
            user: None,
            labels: IndexMap::new(),
            retry_of: None,
        }
    }
}

impl Launch {
    /// The start, and the execution as its runner holds it.
    pub fn prepare(self, stores: &Stores, process: &Published) -> (Run, Start) {
        let creation = Creation {
            process: process.process.clone(),
            input: some_value(),
            trigger: TriggerContext { trigger_type: "manual".to_owned(), ..TriggerContext::default() },
            triggered_by: self.triggered_by,
            user: self.user,
            earlier_users: Vec::new(),
            pins: BTreeMap::new(),
            retry_of: self.retry_of,
            parent: None,
            labels: self.labels,
            priority: self.priority,
            undefined: None,
            currency: Currency::USD,
            warnings: Vec::new(),
            trace: None,
        };
        let id = ExecutionId::new(stores.id());
        let (execution, created) = Execution::create(id, Arc::clone(&process.definition), creation, self.at);
        let ledger = self.budget.as_ref().map(Ledger::of);
        let lease = self.admit.unwrap_or(Lease { node: Uuid::nil(), epoch: 0 });
        let start = Start {
            execution: execution.clone(),
            events: vec![Arc::new(created)],
            values: vec![input_value()],
            deliveries: Vec::new(),
            idempotency: self.idempotency,
            message: self.message,
            schedule: self.schedule,
            call: self.call,
            budget: self.budget,
            instance_limit: self.instance_limit,
            queue_length: self.queue_length,
            admit: self.admit.map(|lease| Admission { lease, most_running: self.most_running }),
        };
        let (history, values, ids) = (start.events.clone(), GivenValues::default(), Arc::clone(&stores.ids));
        (Run { execution, lease, history, seen: 0, ledger, values, ids }, start)
    }
}

impl Run {
    /// The execution as its store has it, for a node that has claimed it.
    pub async fn loaded(stores: &Stores, process: &Published, id: ExecutionId, lease: Lease) -> Self {
        let loaded = stores.stored(id).await;
        let definition = Arc::clone(&process.definition);
        Self {
            execution: loaded.execution(definition).unwrap(),
            history: loaded.events.iter().cloned().map(Arc::new).collect(),
            lease,
            seen: 0,
            ledger: loaded.ledger,
            values: GivenValues::default(),
            ids: Arc::clone(&stores.ids),
        }
    }

    /// Its id.
    pub const fn id(&self) -> ExecutionId {
        self.execution.id()
    }

    /// Lets the domain decide what these commands do, and makes the commit of it.
    pub fn turn(&mut self, now: Timestamp, commands: &[Command]) -> Commit {
        let before = self.execution.state().sequence;
        let (settings, mut slots) = (Settings::default(), OpenSlots);
        let ids = Arc::clone(&self.ids);
        let mut new_id = || ids.new_id();
        let mut context = Context {
            expressions: &PlainTexts,
            values: &mut self.values,
            slots: &mut slots,
            new_id: &mut new_id,
            now,
            seed: 7,
            settings: &settings,
            ledger: self.ledger,
        };
        let transition = self.execution.handle(commands.iter().collect(), &mut context);
        self.commit_of(before, transition)
    }

    /// The turn in which it takes these signals from its inbox.
    pub fn hear(&mut self, now: Timestamp, rows: &[InboxRow]) -> Commit {
        let heard: Vec<Command> = rows.iter().map(|row| Command::Signal(row.signal.clone())).collect();
        self.seen = rows.last().map_or(self.seen, |row| row.number);
        self.turn(now, &heard)
    }

    /// The turn in which it begins.
    pub fn begin(&mut self) -> Commit {
        self.turn(at(1), &[Command::Start])
    }

    /// The turn in which an agent's answer arrives.
    pub fn finish(&mut self, now: Timestamp, step: &str) -> Commit {
        self.finish_for(now, step, "0.25".parse().unwrap())
    }

    /// The turn in which an agent's answer arrives that cost so much.
    pub fn finish_for(&mut self, now: Timestamp, step: &str, cost: Money) -> Commit {
        let command = Command::Finished {
            call: self.open_call(step),
            reply: Reply::Agent { text: format!("{step} is done"), usage: Usage::of_cost(Some(cost)) },
        };
        self.turn(now, &[command])
    }

    /// The turn in which it hears that its child has completed.
    pub fn child_completed(&mut self, now: Timestamp, child: &Self) -> Commit {
        let state = child.execution.state();
        let end = ChildEnd {
            execution_id: child.id(),
            process: child.execution.creation().process.clone(),
            outcome: ChildOutcome::Completed(Arc::new(serde_json::json!({}))),
            cost: state.cost,
            duration: now.since(state.created_at),
        };
        self.turn(now, &[Command::ChildEnded(Box::new(end))])
    }

    /// The turn in which it is cancelled.
    pub fn cancel(&mut self, now: Timestamp) -> Commit {
        let signal = Signal::Cancel { by: "ada".to_owned(), reason: None, compensate: false };
        self.turn(now, &[Command::Signal(signal)])
    }

    /// Says which process a step runs.
    pub fn give_child(&mut self, step: &str, child: &Published) {
        let version = ChildVersion {
            process: child.process.clone(),
            definition: Arc::clone(&child.definition),
            pins: BTreeMap::new(),
        };
        self.values.give_child(step_id(step), ChildPlan::Found(Arc::new(version)));
    }

    /// The call of a step's newest attempt.
    pub fn open_call(&self, step: &str) -> CallId {
        let (_, state) = self.execution.step(step).unwrap();
        CallId {
            execution_id: self.id(),
            step_id: step_id(step),
            attempt: state.attempts.last().unwrap().number,
            direction: Direction::Do,
        }
    }

    /// The commit that writes what the execution is now, after these events.
    fn commit_of(&mut self, before: u64, transition: Transition) -> Commit {
        let events: Vec<Arc<Recorded>> = transition.events.into_iter().map(Arc::new).collect();
        let mut commit = Commit {
            execution_id: self.id(),
            creation: Arc::clone(self.execution.creation()),
            lease: self.lease,
            before,
            standing: self.execution.standing(),
            ended_steps: EndedStep::of(&self.execution, &events),
            day: Calendar::default().day(self.execution.standing().updated_at),
            alerted: AlertAudiences::default(),
            working: working_time(&self.execution),
            events,
            snapshot: None,
            values: self.values.take_fresh(),
            approvals: Vec::new(),
            children: Vec::new(),
            signals: Vec::new(),
            deliveries: Vec::new(),
            budget: BudgetChange::NONE,
            seen: self.seen,
            attention_at: self.execution.attention_at(),
            release: !self.execution.is_under_way(),
        };
        for write in transition.writes {
            add(&mut commit, write);
        }
        self.history.extend(commit.events.iter().cloned());
        commit
    }
}

/// Moves a commit to one event later than it was decided on.
pub(super) fn advance(commit: &mut Commit) {
    commit.before += 1;
    commit.standing.sequence += 1;
    for event in &mut commit.events {
        Arc::make_mut(event).sequence += 1;
    }
}

/// Adds a row of another aggregate to a commit, as the engine does.
fn add(commit: &mut Commit, write: Write) {
    match write {
        Write::OpenApproval(approval) => commit.approvals.push(ApprovalWrite::Open(approval)),
        Write::CancelApproval(id) => commit.approvals.push(ApprovalWrite::Cancel(id)),
        Write::SettleApproval(approval) => commit.approvals.push(ApprovalWrite::Settle(approval)),
        Write::Signal { to, signal } => commit.signals.push(NewSignal { to, signal }),
        Write::RaiseBudget(limit) => commit.budget.raise = Some(limit),
        Write::StartChild { child, created, .. } => {
            let is_own_tree = root_of_tree(child.id(), child.creation()) == child.id();
            let budget = child.definition().config().budget.clone();
            commit.children.push(NewChild {
                execution: *child,
                created: Arc::new(*created),
                values: vec![input_value()],
                deliveries: Vec::new(),
                budget: budget.filter(|_| is_own_tree),
            });
        }
    }
}

/// An empty input.
fn input_value() -> NewValue {
    let value = some_value();
    NewValue { value, content: Content::Inline("{}".into()) }
}
