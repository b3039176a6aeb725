//! One turn of a run: the domain decides, what is missing is loaded, the transition commits, and its calls begin.

use std::{collections::HashMap, sync::Arc};

use procession_domain::{
    definition::Priority,
    execution::{
        ChildEnd, ChildOutcome, ChildPlan, ChildVersion, Command, Context, Effect, Estimate, Execution, Ledger, Life,
        Need, Settings, Signal, Slot, Slots, Transition,
    },
    value::{ExecutionId, Money, StepId, Timestamp},
};
use tokio::sync::mpsc::UnboundedSender;

use super::{
    Inner,
    commit::Aftermath,
    effects,
    health::Part,
    queues::{Asker, SlotGuard},
    runner::{After, Message, Run},
};
use crate::{
    pins::pins_of,
    ports::{Commit, CommitError, Committed, StoreError},
};

/// From how many completed runs of a step its cost is estimated (spec 3.10).
pub(crate) const RUNS_FOR_ESTIMATE: u32 = 20;

/// Why a commit could not be written.
enum Refused {
    /// What is in memory is outdated: it has to be loaded anew.
    Outdated,
    /// What is stored of the execution can't be used.
    Unusable(String),
}

impl Run {
    /// Takes everything that has arrived through one committed transition.
    pub async fn turn(&mut self) -> After {
        let engine = Arc::clone(&self.engine);
        let _under_way = engine.pressure.turn();
        loop {
            if self.execution.is_none() && !self.load_again().await {
                return After::Leave;
            }
            self.interrupt_lost_calls();
            let ledger_before = self.ledger;
            let Some(transition) = self.decide().await else { return After::Leave };
            match self.commit(transition, ledger_before).await {
                Ok(after) => return after,
                Err(Refused::Outdated) => {
                    self.execution = None;
                    self.values.end_turn();
                }
                Err(Refused::Unusable(error)) => {
                    self.leave_as_it_is(&error);
                    return After::Leave;
                }
            }
        }
    }

    /// Lets the domain decide, loading what it asks for until it has all.
    async fn decide(&mut self) -> Option<Transition> {
        let signals = self.heard().await;
        let pending = std::mem::take(&mut self.pending);
        let mut transition = self.handle(signals.iter().chain(&pending).collect());
        self.pending = pending;
        while let Some(transition) = &mut transition
            && !transition.needs.is_empty()
        {
            for need in std::mem::take(&mut transition.needs) {
                self.satisfy(need).await;
            }
            transition.extend(self.handle(Vec::new())?);
        }
        if let Some(Transition { dropped: dropped @ 1.., .. }) = transition {
            tracing::debug!(execution = %self.id, dropped, "commands that no longer apply");
        }
        transition
    }

    /// The signals in the inbox as commands.
    async fn heard(&mut self) -> Vec<Command> {
        let asks_for_ledger = |signal: &Signal| match signal {
            Signal::ChildEnded { .. } | Signal::BudgetSpent | Signal::BudgetRaised => true,
            Signal::Cancel { .. }
            | Signal::Pause { .. }
            | Signal::Resume { .. }
            | Signal::ApprovalVoted { .. }
            | Signal::ApprovalSettled { .. }
            | Signal::ApprovalDelegated { .. } => false,
        };
        if self.ledger.is_some() && self.inbox.iter().any(|row| asks_for_ledger(&row.signal)) {
            self.read_ledger().await;
        }
        let mut commands = Vec::with_capacity(self.inbox.len());
        for row in &self.inbox {
            match &row.signal {
                Signal::ChildEnded { execution_id } => {
                    let end = self.child_end(*execution_id).await;
                    commands.extend(end.map(|end| Command::ChildEnded(Box::new(end))));
                }
                signal => commands.push(Command::Signal(signal.clone())),
            }
        }
        commands
    }

    fn handle(&mut self, commands: Vec<&Command>) -> Option<Transition> {
        let execution = self.execution.as_mut()?;
        let runnable = self.runnable.as_ref()?;
        let ports = &self.engine.ports;
        let now = ports.clock.now();
        let mut slots = RunSlots {
            engine: &self.engine,
            mailbox: &self.sender,
            places: &mut self.places,
            now,
            draining: self.draining,
        };
        let ids = &ports.ids;
        let mut new_id = || ids.new_id();
        let mut settings: Settings = self.engine.settings.for_executions();
        if self.draining {
            // Nothing begins that the next start would have to take up again.
            settings.max_concurrent_steps = 0;
        }
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
        let ports = &self.engine.ports;
        match need {
            Need::Value { value, .. } => {
                let json = self.engine.value(self.id, value).await?;
                self.values.know(value, json);
            }
            Need::Child(step_id) => {
                let plan = self.child_plan(step_id).await?;
                self.values.know_child(step_id.clone(), plan);
            }
            Need::Approval(id) => {
                let found = ports.stores.approvals.approval(*id).await?;
                let found = found.ok_or_else(|| StoreError::Corrupt(format!("the approval {id} is missing")))?;
                self.values.know_approval(found.approval);
            }
            Need::Estimate(step_id) => {
                let Some(execution) = &self.execution else { return Ok(()) };
                let process = &execution.creation().process.name;
                let costs = ports.stores.executions.step_costs(process, step_id, RUNS_FOR_ESTIMATE).await?;
                self.values.know_estimate(step_id.clone(), Estimate(Money::median(costs)));
            }
        }
        Ok(())
    }

    async fn child_plan(&self, step_id: &StepId) -> Result<ChildPlan, StoreError> {
        let pin = self.execution.as_ref().and_then(|execution| execution.creation().pins.get(step_id).copied());
        let Some(pin) = pin else { return Ok(ChildPlan::Missing) };
        let Some(runnable) = self.engine.catalog.runnable(pin).await? else { return Ok(ChildPlan::Missing) };
        let definition = Arc::clone(&runnable.definition);
        let pins = pins_of(&definition, self.engine.ports.stores.definitions.as_ref()).await?;
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

    /// Writes the transition; then lets others know, makes the calls that begin and has the other effects done.
    async fn commit(&mut self, transition: Transition, ledger_before: Option<Ledger>) -> Result<After, Refused> {
        let Some((commit, aftermath)) = self.commit_of(transition, ledger_before).await else {
            return Ok(After::Leave);
        };
        let releases = aftermath.releases;
        let Some(commit) = commit else {
            self.finish_turn(aftermath);
            return Ok(if releases { After::Leave } else { After::Wait });
        };
        let commit = Arc::new(commit);
        let committed = self.write(&commit).await?;
        if commit.snapshot.is_some() {
            self.snapshot_at = commit.standing.sequence;
        }
        self.stored_attention = commit.attention_at;
        self.ledger = committed.ledger.or(self.ledger);
        self.finish_turn(aftermath);
        if commit.tells_outside() {
            self.engine.outbox.nudge();
        }
        for told in commit.signals.iter().map(|signal| signal.to).chain(committed.told_root) {
            self.engine.nudge(told);
        }
        // The dispatcher looks once a `poll` by itself; what it must do before that it has to be told.
        let soon = self.engine.now().saturating_add(self.engine.settings.poll);
        let is_soon = commit.attention_at.is_some_and(|at| at < soon);
        let gives_way = self.is_one_of_few();
        if !commit.children.is_empty() || (releases && (committed.has_unseen_signals || is_soon || gives_way)) {
            self.engine.wake.notify_one();
        }
        if releases {
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

    /// Writes a commit, however long the store takes.
    async fn write(&self, commit: &Arc<Commit>) -> Result<Committed, Refused> {
        loop {
            match self.engine.ports.stores.executions.commit(Arc::clone(commit)).await {
                Ok(committed) => {
                    self.engine.health.answered(Part::Store);
                    return Ok(committed);
                }
                Err(CommitError::Conflict) => return Err(Refused::Outdated),
                Err(CommitError::Store(StoreError::Corrupt(error))) => return Err(Refused::Unusable(error)),
                Err(CommitError::Store(error)) => self.pause_for_store(&error).await,
            }
        }
    }

    fn finish_turn(&mut self, aftermath: Aftermath) {
        self.pending.clear();
        self.seen = self.inbox.last().map_or(self.seen, |row| row.number);
        self.inbox.clear();
        self.stopped_in_order = true;
        for acknowledgement in self.acknowledgements.drain(..) {
            let _ = acknowledgement.send(());
        }
        for effect in aftermath.effects {
            match effect {
                Effect::Abandon { call, agent: Some(agent), call_ref } => {
                    effects::abandon(&self.engine, agent, call, call_ref);
                }
                // A message that was sent can't be taken back.
                Effect::Abandon { agent: None, .. } => {}
                Effect::LeaveQueue { step_id } => self.engine.queues.leave(&self.sender, Some(&step_id)),
            }
        }
        self.compare_calls(&aftermath.begun);
        // A place that its step could not use goes to who waits.
        self.places.clear();
        self.values.end_turn();
    }
}

/// Asks the queues of agents on behalf of one execution.
struct RunSlots<'a> {
    engine: &'a Inner,
    mailbox: &'a UnboundedSender<Message>,
    places: &'a mut HashMap<StepId, SlotGuard>,
    now: Timestamp,
    draining: bool,
}

impl Slots for RunSlots<'_> {
    fn take(&mut self, step: &StepId, agent: &str, priority: Priority) -> Slot {
        if self.draining {
            return Slot::Queued;
        }
        if self.places.contains_key(step) {
            return Slot::Granted;
        }
        let asker = Asker { step, priority, mailbox: self.mailbox };
        let capacity = self.engine.ports.agents.concurrency(agent);
        let (slot, guard) = self.engine.queues.take(agent, capacity, &asker, self.now);
        self.places.extend(guard.map(|guard| (step.clone(), guard)));
        slot
    }
}

impl Inner {
    /// A value of an execution. One that is gone is null: what reads it fails by its own rules.
    pub(super) async fn value(
        &self,
        id: ExecutionId,
        value: &procession_domain::event::ValueRef,
    ) -> Result<Arc<procession_domain::value::Json>, StoreError> {
        let ports = &self.ports;
        let found =
            crate::values::load(ports.stores.executions.as_ref(), ports.stores.blobs.as_ref(), id, value).await?;
        Ok(found.unwrap_or_else(|| {
            tracing::error!(execution = %id, hash = %value.hash, "a value is missing from the store");
            Arc::default()
        }))
    }

    async fn child_end(&self, child: ExecutionId) -> Result<Option<ChildEnd>, StoreError> {
        let Some(loaded) = self.ports.stores.executions.load(child).await? else { return Ok(None) };
        let Some(runnable) = self.catalog.runnable(loaded.creation.process.id).await? else { return Ok(None) };
        let execution = loaded.execution(Arc::clone(&runnable.definition));
        let execution = execution.map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let state = execution.state();
        let outcome = match &state.life {
            Life::Completed { outputs, .. } => ChildOutcome::Completed(self.value(child, outputs).await?),
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
