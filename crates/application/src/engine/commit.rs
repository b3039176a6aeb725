//! What a turn writes: its transition as one commit, with its large values put away before.

use std::sync::Arc;

use procession_domain::{
    event::Recorded,
    execution::{CallId, Effect, Ledger, Transition, ValueKey, Write},
    value::{Cost, Duration, Money},
};

use super::{
    Inner,
    health::Part,
    runner::{LINGER, Run},
};
use crate::{
    deliveries::Told,
    ports::{
        ApprovalWrite, BudgetChange, Commit, Content, EndedStep, NewChild, NewDelivery, NewSignal, NewValue,
        StoreError, working_time,
    },
    values::Measured,
};

/// After so many events, or twice as many as there are steps, the state is stored anew. Loading an execution reads at most as
/// many events, and what is written of snapshots stays a small part of all.
const EVENTS_BETWEEN_SNAPSHOTS: u64 = 64;

/// What a turn does besides what its commit writes.
pub(super) struct Aftermath {
    pub begun: Vec<CallId>,
    pub effects: Vec<Effect>,
    pub releases: bool,
}

impl Run {
    /// The commit of a transition, if there is anything to write, and what follows it. `None` without an execution.
    pub(super) async fn commit_of(
        &mut self,
        transition: Transition,
        ledger_before: Option<Ledger>,
    ) -> Option<(Option<Commit>, Aftermath)> {
        let values = self.fresh_values().await;
        let execution = self.execution.as_ref()?;
        let now = self.engine.now();
        if transition.writes.iter().any(starts_awaited_child) {
            self.lingers_until = Some(now.saturating_add(LINGER));
        }
        self.lingers_until = self.lingers_until.filter(|until| *until > now && !execution.status().is_ended());
        let releases = self.draining || !(execution.is_under_way() || self.lingers_until.is_some());
        let attention_at =
            if self.draining && !execution.status().is_ended() { Some(now) } else { execution.attention_at() };
        let quiet = transition.events.is_empty() && transition.writes.is_empty() && self.inbox.is_empty();
        let budget = budget_change(&transition, ledger_before, self.ledger);
        let aftermath = Aftermath { begun: transition.calls, effects: transition.effects, releases };
        if quiet && !releases && budget.is_none() && attention_at == self.stored_attention {
            return Some((None, aftermath));
        }
        let sequence = execution.state().sequence;
        let least = EVENTS_BETWEEN_SNAPSHOTS.max(2 * execution.definition().steps().len() as u64);
        let events: Vec<Arc<Recorded>> = transition.events.into_iter().map(Arc::new).collect();
        let mut commit = Commit {
            execution_id: self.id,
            creation: Arc::clone(execution.creation()),
            lease: self.lease,
            before: sequence - events.len() as u64,
            standing: execution.standing(),
            ended_steps: EndedStep::of(execution, &events),
            day: self.engine.settings.calendar.day(execution.standing().updated_at),
            alerted: self.engine.settings.alerts.audiences(execution.definition()),
            working: if execution.status().is_ended() { working_time(execution) } else { Duration::ZERO },
            events,
            snapshot: (sequence - self.snapshot_at >= least).then(|| execution.snapshot()),
            values,
            approvals: Vec::new(),
            children: Vec::new(),
            signals: Vec::new(),
            deliveries: Vec::new(),
            budget,
            seen: self.inbox.last().map_or(self.seen, |row| row.number),
            attention_at,
            release: releases,
        };
        for write in transition.writes {
            self.add_write(&mut commit, write).await;
        }
        if let Some(execution) = &self.execution {
            let told = Told { execution, events: &commit.events, approvals: &commit.approvals };
            commit.deliveries = self.plan(told).await;
        }
        Some((Some(commit), aftermath))
    }

    async fn add_write(&self, commit: &mut Commit, write: Write) {
        match write {
            Write::OpenApproval(approval) => commit.approvals.push(ApprovalWrite::Open(approval)),
            Write::CancelApproval(id) => commit.approvals.push(ApprovalWrite::Cancel(id)),
            Write::SettleApproval(approval) => commit.approvals.push(ApprovalWrite::Settle(approval)),
            Write::Signal { to, signal } => commit.signals.push(NewSignal { to, signal }),
            Write::RaiseBudget(limit) => commit.budget.raise = Some(limit),
            Write::StartChild { child, created, input } => {
                let measured = Measured::of(&input);
                let row = self.values.limits().place(child.id(), &ValueKey::Input, &measured);
                self.engine.put_blob(&row, &measured).await;
                let is_own_tree = !child.creation().parent.as_ref().is_some_and(|parent| parent.waits);
                let budget = child.definition().config().budget.clone().filter(|_| is_own_tree);
                let events = [Arc::new(*created)];
                let told = Told { execution: &child, events: &events, approvals: &[] };
                let deliveries = self.plan(told).await;
                let [created] = events;
                commit.children.push(NewChild { execution: *child, created, values: vec![row], deliveries, budget });
            }
        }
    }

    /// What the turn tells outside, however long the store takes to say whom. What can't be read holds no execution up.
    async fn plan(&self, told: Told<'_>) -> Vec<NewDelivery> {
        loop {
            match self.engine.outbox.plan(told).await {
                Ok(deliveries) => return deliveries,
                Err(StoreError::Unavailable(error)) => self.pause_for_store(&StoreError::Unavailable(error)).await,
                Err(error) => {
                    tracing::error!(execution = %self.id, %error, "it is not known whom to tell of what happened");
                    return Vec::new();
                }
            }
        }
    }

    /// The new values of the turn; large ones are in the blob store when this returns.
    async fn fresh_values(&self) -> Vec<NewValue> {
        let limits = self.values.limits();
        let mut rows: Vec<NewValue> = Vec::with_capacity(self.values.fresh().len());
        for fresh in self.values.fresh() {
            if rows.iter().any(|row| row.value == fresh.measured.value) {
                continue;
            }
            let row = limits.place(self.id, &fresh.key, &fresh.measured);
            self.engine.put_blob(&row, &fresh.measured).await;
            rows.push(row);
        }
        rows
    }
}

impl Inner {
    /// Writes a value that is a blob, however long that takes: nothing may name it before.
    async fn put_blob(&self, row: &NewValue, measured: &Measured) {
        let Content::Blob { key, .. } = &row.content else { return };
        while let Err(error) = self.ports.stores.blobs.put(key, measured.text.as_bytes()).await {
            self.health.failed(Part::Values, self.now(), &error);
            self.pause_for_store().await;
        }
        self.health.answered(Part::Values);
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

/// What a turn does to the ledger, as it stood before the turn and stands after it.
fn budget_change(transition: &Transition, before: Option<Ledger>, after: Option<Ledger>) -> BudgetChange {
    let spent = spent(&transition.events);
    let (Some(before), Some(after)) = (before, after) else { return BudgetChange { spent, ..BudgetChange::NONE } };
    let difference = |later: Money, earlier: Money| {
        Money::from_nanos(later.nanos().saturating_sub(earlier.nanos()), before.limit.currency())
    };
    let taken_before = before.taken().unwrap_or(before.spent);
    BudgetChange {
        spent,
        reserved: difference(after.reserved, before.reserved),
        allowed_after: transition.budget_seen.map(|seen| difference(seen, taken_before)),
        raise: None,
        waits: transition.waits_for_budget,
    }
}

/// What the calls of these events cost, for the ledger; children keep their own accounts.
fn spent(events: &[Recorded]) -> Money {
    let mut sum: Option<Cost> = None;
    for cost in events.iter().filter_map(|recorded| recorded.event.usage()?.cost) {
        sum.get_or_insert_with(|| Cost::none(cost.currency())).add(Some(cost));
    }
    sum.map_or(Money::ZERO, |sum| sum.amount)
}
