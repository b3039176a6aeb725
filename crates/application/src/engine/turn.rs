//! One turn of a run: the domain decides, what is missing is loaded, the transition commits, the effects start.

use std::{collections::HashMap, sync::Arc};

use procession_domain::{
    definition::{Priority, StepKind},
    event::Event,
    execution::{
        ChildEnd, ChildOutcome, ChildPlan, ChildVersion, Command, Context, Effect, Execution, Life, Need, Settings,
        Signal, Slot, Slots, Transition, ValueKey, Write,
    },
    value::{Cost, ExecutionId, Money, StepId, Timestamp},
};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    Inner,
    effects::{self, CallTask},
    queues::{Asker, SlotGuard},
    runner::{After, LINGER, Message, Run},
};
use crate::{
    pins::pins_of,
    ports::{ApprovalWrite, Commit, CommitError, Committed, Content, NewChild, NewSignal, NewValue, StoreError},
};

/// A commit was refused: what is in memory is outdated.
struct Outdated;

impl Run {
    /// Takes everything that has arrived through one committed transition.
    pub async fn turn(&mut self) -> After {
        loop {
            if self.execution.is_none() && !self.load_again().await {
                return After::Leave;
            }
            let Some(transition) = self.decide().await else { return After::Leave };
            if let Ok(after) = self.commit(transition).await {
                return after;
            }
            self.execution = None;
            self.values.end_turn();
            self.places.clear();
        }
    }

    /// Loads the state anew after a refused commit, if the execution is still this node's.
    async fn load_again(&mut self) -> bool {
        loop {
            let now = self.engine.now();
            match self.engine.ports.executions.claim_one(self.lease, self.id, now).await {
                Ok(true) => return self.load().await,
                Ok(false) => return false,
                Err(error) => self.pause_for_store(&error).await,
            }
        }
    }

    /// Lets the domain decide, loading what it asks for until it has all.
    async fn decide(&mut self) -> Option<Transition> {
        let mut commands = self.pending.clone();
        let has_child_ended = self.inbox.iter().any(|row| matches!(row.signal, Signal::ChildEnded { .. }));
        if has_child_ended && self.ledger.is_some() {
            self.read_ledger().await;
        }
        for row in self.inbox.clone() {
            commands.push(match row.signal {
                Signal::ChildEnded { execution_id } => match self.child_end(execution_id).await {
                    Some(end) => Command::ChildEnded(Box::new(end)),
                    None => continue,
                },
                signal => Command::Signal(signal),
            });
        }
        let mut transition = self.handle(commands)?;
        while !transition.needs.is_empty() {
            for need in std::mem::take(&mut transition.needs) {
                self.satisfy(need).await;
            }
            transition.extend(self.handle(Vec::new())?);
        }
        if transition.dropped > 0 {
            tracing::debug!(execution = %self.id, dropped = transition.dropped, "commands that fit nothing any more");
        }
        Some(transition)
    }

    fn handle(&mut self, commands: Vec<Command>) -> Option<Transition> {
        let execution = self.execution.as_mut()?;
        let runnable = self.runnable.as_ref()?;
        let ports = &self.engine.ports;
        let now = ports.clock.now();
        let mut slots = RunSlots { engine: &self.engine, mailbox: &self.sender, places: &mut self.places, now };
        let ids = &ports.ids;
        let mut new_id = || ids.new_id();
        let settings: Settings = self.engine.settings.for_executions();
        let mut context = Context {
            expressions: &runnable.evaluator,
            values: &mut self.values,
            slots: &mut slots,
            new_id: &mut new_id,
            now,
            seed: ports.ids.new_id().as_u64_pair().1,
            settings: &settings,
            ledger: self.ledger,
        };
        let transition = execution.handle(commands, &mut context);
        // What the turn spends counts when it goes on after something was loaded for it.
        self.ledger = context.ledger;
        Some(transition)
    }

    /// Loads something that the domain asked for, however long the store takes.
    async fn satisfy(&mut self, need: Need) {
        loop {
            match self.try_satisfy(&need).await {
                Ok(()) => return,
                Err(error) => self.pause_for_store(&error).await,
            }
        }
    }

    async fn try_satisfy(&mut self, need: &Need) -> Result<(), StoreError> {
        match need {
            Need::Value { key, value } => {
                let json = self.engine.value(self.id, key, value).await?;
                self.values.know(value, json);
            }
            Need::Child(step_id) => {
                let plan = self.child_plan(step_id).await?;
                self.values.know_child(step_id.clone(), plan);
            }
            Need::Approval(id) => {
                let found = self.engine.ports.approvals.approval(*id).await?;
                let found = found.ok_or_else(|| StoreError::Corrupt(format!("the approval {id} is missing")))?;
                self.values.know_approval(found.approval);
            }
        }
        Ok(())
    }

    async fn child_plan(&self, step_id: &StepId) -> Result<ChildPlan, StoreError> {
        let pin = self.execution.as_ref().and_then(|execution| execution.creation().pins.get(step_id).copied());
        let Some(pin) = pin else { return Ok(ChildPlan::Missing) };
        let Some(runnable) = self.engine.catalog.runnable(pin).await? else { return Ok(ChildPlan::Missing) };
        let definition = Arc::clone(&runnable.definition);
        let pins = pins_of(&definition, self.engine.ports.definitions.as_ref()).await?;
        let process = procession_domain::event::ProcessRef {
            id: pin,
            name: definition.name().clone(),
            version: definition.version(),
        };
        Ok(ChildPlan::Found(Arc::new(ChildVersion { process, definition, pins })))
    }

    /// How a child ended; `None` if it has not, or is gone.
    async fn child_end(&self, child: ExecutionId) -> Option<ChildEnd> {
        loop {
            match self.engine.child_end(child).await {
                Ok(end) => return end,
                Err(error) => self.pause_for_store(&error).await,
            }
        }
    }

    /// Writes the transition; then lets others know and starts its effects.
    async fn commit(&mut self, mut transition: Transition) -> Result<After, Outdated> {
        let effects = std::mem::take(&mut transition.effects);
        let (commit, release) = self.commit_of(transition).await;
        let Some(commit) = commit else {
            self.finish_turn(effects);
            return Ok(if release { After::Leave } else { After::Wait });
        };
        let told: Vec<ExecutionId> = commit.signals.iter().map(|signal| signal.to).collect();
        let has_children = !commit.children.is_empty();
        let attention = commit.attention_at;
        let gives_way = self.is_one_of_few();
        let committed = self.write(commit).await?;
        self.stored_attention = attention;
        self.ledger = committed.ledger.or(self.ledger);
        self.finish_turn(effects);
        for other in told {
            self.engine.nudge(other);
        }
        // The dispatcher looks once a `poll` by itself; what it must do before that it has to be told.
        let soon = attention.is_some_and(|at| at < self.engine.now().saturating_add(self.engine.settings.poll));
        if has_children || (release && (committed.has_unseen_signals || soon || gives_way)) {
            self.engine.wake.notify_one();
        }
        if release {
            return Ok(After::Leave);
        }
        if committed.has_unseen_signals {
            let _ = self.sender.send(Message::Nudge);
        }
        Ok(After::Wait)
    }

    /// Whether other executions of its process may be waiting for this one to leave (spec 3.9).
    fn is_one_of_few(&self) -> bool {
        let of_process = |execution: &Execution| execution.definition().config().max_concurrent_instances;
        let own = self.execution.as_ref().and_then(of_process);
        own.or(self.engine.settings.max_concurrent_instances).is_some()
    }

    async fn write(&self, commit: Commit) -> Result<Committed, Outdated> {
        loop {
            match self.engine.ports.executions.commit(commit.clone()).await {
                Ok(committed) => return Ok(committed),
                Err(CommitError::Conflict) => return Err(Outdated),
                Err(CommitError::Store(error)) => self.pause_for_store(&error).await,
            }
        }
    }

    fn finish_turn(&mut self, effects: Vec<Effect>) {
        self.pending.clear();
        self.seen = self.inbox.last().map_or(self.seen, |row| row.number);
        self.inbox.clear();
        for acknowledgement in self.acknowledgements.drain(..) {
            let _ = acknowledgement.send(());
        }
        for effect in effects {
            self.start_effect(effect);
        }
        // A place that its step could not use goes to who waits.
        self.places.clear();
        self.values.end_turn();
    }

    /// The commit of a transition, if there is anything to write, and whether the execution leaves memory with it.
    async fn commit_of(&mut self, transition: Transition) -> (Option<Commit>, bool) {
        let values = self.fresh_values().await;
        let Some(execution) = self.execution.as_mut() else { return (None, true) };
        let now = self.engine.now();
        if transition.writes.iter().any(starts_awaited_child) {
            self.lingers_until = Some(now.saturating_add(LINGER));
        }
        self.lingers_until = self.lingers_until.filter(|until| *until > now && !execution.status().is_ended());
        let release = self.draining || !(execution.is_under_way() || self.lingers_until.is_some());
        let attention_at =
            if self.draining && !execution.status().is_ended() { Some(now) } else { execution.attention_at() };
        let steps =
            execution.take_changed().into_iter().map(|(step, state)| (step.id.clone(), state.clone())).collect();
        let quiet = transition.events.is_empty() && transition.writes.is_empty() && self.inbox.is_empty();
        if quiet && !release && attention_at == self.stored_attention {
            return (None, false);
        }
        let events = transition.events.len() as u64;
        let mut commit = Commit {
            execution_id: self.id,
            process_id: execution.creation().process.id,
            lease: self.lease,
            before: execution.state().sequence - events,
            state: execution.state().clone(),
            steps,
            spent: spent(transition.events.iter().map(|recorded| &recorded.event)),
            events: transition.events,
            values,
            approvals: Vec::new(),
            children: Vec::new(),
            signals: Vec::new(),
            raise_budget: None,
            seen: self.inbox.last().map_or(self.seen, |row| row.number),
            attention_at,
            release,
        };
        let limits = self.values.limits();
        for write in transition.writes {
            match write {
                Write::OpenApproval(approval) => commit.approvals.push(ApprovalWrite::Open(approval)),
                Write::CancelApproval(id) => commit.approvals.push(ApprovalWrite::Cancel(id)),
                Write::SettleApproval(approval) => commit.approvals.push(ApprovalWrite::Settle(approval)),
                Write::Signal { to, signal } => commit.signals.push(NewSignal { to, signal }),
                Write::RaiseBudget(limit) => commit.raise_budget = Some(limit),
                Write::StartChild { child, created, input } => {
                    let value = child.creation().input.clone();
                    let text: Arc<str> = input.to_string().into();
                    let row = limits.row(&ValueKey::Input, &value, &text);
                    if matches!(row.content, Content::Blob) {
                        self.engine.put_blob(child.id(), &row.key, &text).await;
                    }
                    let is_own_tree = !child.creation().parent.as_ref().is_some_and(|parent| parent.waits);
                    let budget = child.definition().config().budget.clone().filter(|_| is_own_tree);
                    commit.children.push(NewChild { execution: *child, created: *created, values: vec![row], budget });
                }
            }
        }
        (Some(commit), release)
    }

    /// The new values of the turn; large ones are in the blob store when this returns.
    async fn fresh_values(&self) -> Vec<NewValue> {
        let limits = self.values.limits();
        let mut rows = Vec::new();
        for fresh in self.values.fresh() {
            let row = limits.row(&fresh.key, &fresh.value, &fresh.text);
            if matches!(row.content, Content::Blob) {
                self.engine.put_blob(self.id, &row.key, &fresh.text).await;
            }
            rows.push(row);
        }
        rows
    }

    fn start_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Call(call) => {
                // Without a place of its own, the call was under way before, and is sent again.
                let place = self.places.remove(&call.id.step_id).or_else(|| self.occupy(&call));
                self.start_call(call, place, false);
            }
            Effect::Recover(call) => {
                let place = self.occupy(&call);
                self.engine.recovery.note(self.engine.now(), |report| report.attempts += 1);
                self.start_call(call, place, true);
            }
            Effect::Abandon { call, call_ref } => {
                if let Some(running) = self.calls.remove(&call) {
                    running.cancel();
                }
                let agent = self.execution.as_ref().and_then(|execution| agent_of(execution, &call));
                if let Some(agent) = agent {
                    effects::abandon(&self.engine, agent, call, call_ref);
                }
            }
            Effect::LeaveQueue { step_id } => self.engine.queues.leave(&self.sender, Some(&step_id)),
        }
    }

    fn occupy(&self, call: &procession_domain::execution::Call) -> Option<SlotGuard> {
        let agent = call.agent.as_ref()?;
        Some(self.engine.queues.occupy(agent, self.engine.ports.agents.concurrency(agent)))
    }

    fn start_call(&mut self, call: procession_domain::execution::Call, place: Option<SlotGuard>, recover: bool) {
        let Some(execution) = &self.execution else { return };
        let Some((step, state)) = execution.step(&call.id.step_id) else { return };
        let schema = match &step.kind {
            StepKind::AgentTask(task) if !call.id.compensation => task.output_schema.clone(),
            _ => None,
        };
        let occasion = if call.id.compensation { "compensation".to_owned() } else { state.round.to_string() };
        let input = procession_domain::execution::Values::get(&self.values, &call.input);
        self.calls.retain(|_, running| !running.is_cancelled());
        let token = CallTask {
            engine: Arc::clone(&self.engine),
            process_name: execution.creation().process.name.clone(),
            input,
            schema,
            mailbox: self.sender.clone(),
            recover,
            message_id: format!("{}/{}/{occasion}", call.id.execution_id, call.id.step_id),
            call: call.clone(),
        }
        .spawn(place);
        self.calls.insert(call.id, token);
    }
}

/// Asks the queues of agents on behalf of one execution.
struct RunSlots<'a> {
    engine: &'a Inner,
    mailbox: &'a UnboundedSender<Message>,
    places: &'a mut HashMap<StepId, SlotGuard>,
    now: Timestamp,
}

impl Slots for RunSlots<'_> {
    fn take(&mut self, step: &StepId, agent: &str, priority: Priority) -> Slot {
        if self.places.contains_key(step) {
            return Slot::Granted;
        }
        let asker = Asker { step, priority, mailbox: self.mailbox };
        let capacity = self.engine.ports.agents.concurrency(agent);
        let (slot, guard) = self.engine.queues.take(agent, capacity, &asker, self.now);
        if let Some(guard) = guard {
            self.places.insert(step.clone(), guard);
        }
        slot
    }
}

impl Inner {
    /// A value of an execution. One that is gone is null: what reads it fails by its own rules.
    pub(super) async fn value(
        &self,
        id: ExecutionId,
        key: &ValueKey,
        value: &procession_domain::event::ValueRef,
    ) -> Result<Arc<procession_domain::value::Json>, StoreError> {
        crate::values::load(&self.ports, id, key, value).await.map(|found| {
            found.unwrap_or_else(|| {
                tracing::error!(execution = %id, %key, "a value is missing from the store");
                Arc::default()
            })
        })
    }

    /// Writes a blob, however long that takes: nothing may name it before.
    async fn put_blob(&self, execution: ExecutionId, key: &str, text: &str) {
        let key = crate::values::blob_key(execution, key);
        while let Err(error) = self.ports.blobs.put(&key, text.as_bytes()).await {
            tracing::error!(%error, key, "the blob store failed; trying again");
            let until = self.now().saturating_add(procession_domain::value::Duration::from_secs(1));
            self.ports.clock.sleep_until(until).await;
        }
    }

    async fn child_end(&self, child: ExecutionId) -> Result<Option<ChildEnd>, StoreError> {
        let Some(loaded) = self.ports.executions.load(child).await? else { return Ok(None) };
        let state = loaded.state;
        let outcome = match &state.life {
            Life::Completed { outputs, .. } => {
                ChildOutcome::Completed(self.value(child, &ValueKey::Outputs, outputs).await?)
            }
            Life::Failed(error) => ChildOutcome::Failed(error.clone()),
            Life::Cancelled(_) => ChildOutcome::Cancelled,
            Life::Pending | Life::Running | Life::Paused(_) | Life::Compensating(_) => return Ok(None),
        };
        let ended = state.completed_at.unwrap_or(state.updated_at);
        Ok(Some(ChildEnd {
            execution_id: child,
            process: loaded.creation.process.clone(),
            outcome,
            cost: state.cost,
            duration: ended.since(state.started_at.unwrap_or(state.created_at)),
        }))
    }
}

/// Whether it begins a sub-process whose end the execution waits for.
fn starts_awaited_child(write: &Write) -> bool {
    match write {
        Write::StartChild { child, .. } => child.creation().parent.as_ref().is_some_and(|parent| parent.waits),
        Write::OpenApproval(_)
        | Write::CancelApproval(_)
        | Write::SettleApproval(_)
        | Write::Signal { .. }
        | Write::RaiseBudget(_) => false,
    }
}

/// The agent of a call, as its attempt names it.
fn agent_of(execution: &Execution, call: &procession_domain::execution::CallId) -> Option<String> {
    let (_, state) = execution.step(&call.step_id)?;
    let attempts = if call.compensation { &state.compensation.as_ref()?.attempts } else { &state.attempts };
    attempts.iter().find(|attempt| attempt.number == call.attempt)?.agent.clone()
}

/// What the calls of these events cost, for the ledger; children keep their own accounts.
fn spent<'a>(events: impl Iterator<Item = &'a Event>) -> Money {
    let mut sum = Cost::ZERO;
    for usage in events.filter_map(Event::usage) {
        sum.add(usage.cost);
    }
    sum.amount
}
