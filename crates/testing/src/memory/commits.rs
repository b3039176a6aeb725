//! Commits: checked whole, then written whole.

use std::collections::HashSet;

use procession_application::ports::{
    ApprovalWrite, BudgetChange, Commit, CommitError, Committed, NewChild, NewSignal, StoreError, StoredEvent,
    root_of_tree,
};
use procession_domain::{
    approval::Approval,
    execution::{Ledger, Signal},
    value::ExecutionId,
};

use super::{KeptLedger, MemoryStore, StoredExecution, Tables, starts::contents};

impl MemoryStore {
    pub(super) fn commit_now(&self, commit: &Commit) -> Result<Committed, CommitError> {
        let mut tables = self.tables();
        tables.check(commit)?;
        let approvals = ApprovalWrite::carry_out(&commit.approvals, |id| tables.approvals.get(&id).cloned())?;
        let (committed, events) = tables.write(commit, approvals);
        self.publish(&tables, events);
        Ok(committed)
    }
}

impl Tables {
    /// Whether the commit may be written, its approvals aside.
    fn check(&self, commit: &Commit) -> Result<(), CommitError> {
        if !commit.is_well_formed() {
            let message = format!("the events of a commit of {} do not follow each other", commit.execution_id);
            return Err(StoreError::Corrupt(message).into());
        }
        let stored = self.executions.get(&commit.execution_id).ok_or(CommitError::Conflict)?;
        let is_current = stored.standing.sequence == commit.before && stored.owner == Some(commit.lease);
        let ledger = self.ledgers.get(&stored.root_of_tree);
        let is_affordable = ledger.is_none_or(|kept| commit.budget.is_allowed_by(&kept.ledger));
        let ends_unheard = commit.ends() && stored.has_signal_after(commit.seen);
        let processes = self.known_processes();
        let process_is_gone = |child: &NewChild| !processes.contains(&child.execution.creation().process.id);
        if !is_current || !is_affordable || ends_unheard || commit.children.iter().any(process_is_gone) {
            return Err(CommitError::Conflict);
        }
        let mut new = HashSet::new();
        for child in &commit.children {
            let id = child.execution.id();
            if self.executions.contains_key(&id) || !new.insert(id) {
                return Err(StoreError::Corrupt(format!("the execution {id} exists already")).into());
            }
        }
        Ok(())
    }

    /// Writes a commit that was checked.
    fn write(&mut self, commit: &Commit, approvals: Vec<Approval>) -> (Committed, Vec<StoredEvent>) {
        let Some(stored) = self.executions.get_mut(&commit.execution_id) else {
            return (Committed::default(), Vec::new());
        };
        let now = commit.standing.updated_at;
        stored.inbox.retain(|row| row.number > commit.seen);
        let has_unseen_signals = !stored.inbox.is_empty();
        stored.attention_at = if has_unseen_signals { Some(now) } else { commit.attention_at };
        if commit.release {
            stored.owner = None;
        }
        stored.standing = commit.standing;
        stored.snapshot = commit.snapshot.clone().or(stored.snapshot.take());
        stored.values.extend(contents(&commit.values));
        let (creation, root) = (std::sync::Arc::clone(&stored.creation), stored.root_of_tree);
        let mut events = self.append(commit.execution_id, &creation, &commit.events);
        self.ended_steps.extend(commit.ended_steps.iter().map(|step| (commit.execution_id, step.clone())));
        self.insert_deliveries(&commit.deliveries, &events);
        for approval in approvals {
            self.approvals.insert(approval.id(), approval);
        }
        for child in &commit.children {
            events.extend(self.insert_child(child));
        }
        for signal in &commit.signals {
            self.deliver(signal.clone());
        }
        let (ledger, told_root) = self.charge(root, &commit.budget);
        let committed = Committed { has_unseen_signals, ledger, told_root };
        (committed, events)
    }

    fn insert_child(&mut self, child: &NewChild) -> Vec<StoredEvent> {
        let now = child.created.at;
        if let Some(budget) = &child.budget {
            let root = root_of_tree(child.execution.id(), child.execution.creation());
            self.ledgers.insert(root, KeptLedger { ledger: Ledger::of(budget), waits: false });
        }
        let stored = StoredExecution::child(&child.execution, &child.values, now);
        let events = self.insert(stored, std::slice::from_ref(&child.created));
        self.insert_deliveries(&child.deliveries, &events);
        events
    }

    /// Puts a signal into the inbox of an execution that has not ended.
    pub(super) fn deliver(&mut self, NewSignal { to, signal }: NewSignal) {
        let Some(target) = self.executions.get_mut(&to).filter(|target| !target.is_ended()) else {
            return;
        };
        self.last_signal += 1;
        let number = self.last_signal;
        target.inbox.push(procession_application::ports::InboxRow { number, signal });
        // The time of its last event is never in the future.
        target.call_attention(target.standing.updated_at);
    }

    /// Changes the ledger of a tree; tells its root when something was given back for which a call waits.
    fn charge(&mut self, root: ExecutionId, change: &BudgetChange) -> (Option<Ledger>, Option<ExecutionId>) {
        let Some(kept) = self.ledgers.get_mut(&root) else { return (None, None) };
        let (ledger, gives_back) = (change.applied_to(kept.ledger), change.gives_back());
        let tells = kept.waits && gives_back && !change.waits;
        *kept = KeptLedger { ledger, waits: change.waits || (kept.waits && !tells) };
        if tells {
            self.deliver(NewSignal { to: root, signal: Signal::BudgetRaised });
        }
        (Some(ledger), tells.then_some(root))
    }
}

impl StoredExecution {
    fn has_signal_after(&self, seen: i64) -> bool {
        self.inbox.last().is_some_and(|row| row.number > seen)
    }
}
