//! Commits: checked whole, then written whole (spec 3.8).

use procession_application::ports::{
    ApprovalWrite, Booking, Commit, CommitError, Committed, NewChild, Spending, StoreError, StoredEvent,
};
use procession_domain::{
    approval::Approval,
    execution::{Ledger, Signal},
    value::{Cost, ExecutionId, Timestamp},
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    batch::{EventNumbers, Written},
    bookings,
    figures::{self, Before},
    rows::{
        Belongs, Telling, definition_key, execution_key, insert_budget, insert_deliveries, insert_ended_steps,
        insert_execution, insert_values, put_approval, put_signal, stored_approval,
    },
};
use crate::{
    codec::{budget_action, column, money, phase_code, status_code, status_of, to_json, uuid_from},
    error::Failure,
};

/// An execution as it is stored, as far as a commit depends on it.
struct Stored {
    key: i64,
    name: i64,
    root: i64,
    last_sequence: i64,
    before: Before,
    owner: Option<(Vec<u8>, i64)>,
    oldest_signal: Option<i64>,
    newest_signal: Option<i64>,
    ledger: Option<StoredLedger>,
}

/// The ledger of a tree, and the root that is told when something of it is given back.
struct StoredLedger {
    ledger: Ledger,
    waits: bool,
    root_id: ExecutionId,
}

/// A child that can be created.
struct Child<'a> {
    child: &'a NewChild,
    definition: i64,
}

/// A commit that was found in order, with what it needs of other rows.
struct Checked<'a> {
    stored: Stored,
    approvals: Vec<Approval>,
    children: Vec<Child<'a>>,
}

/// Decides about a commit, and writes it if it is in order.
pub(super) fn write(
    commit: &Commit,
    connection: &Connection,
    numbers: &mut EventNumbers,
) -> Result<Written<Result<Committed, CommitError>>, Failure> {
    match check(commit, connection)? {
        Ok(checked) => {
            let mut told = Vec::with_capacity(commit.events.len() + checked.children.len());
            let committed = put(commit, &checked, connection, numbers, &mut told)?;
            Ok(Written { answer: Ok(committed), told })
        }
        Err(refused) => Ok(Written::nothing(Err(refused))),
    }
}

/// Whether a commit may be written: on the state that it was decided on, by the owner of the execution, and an ending one
/// only if it has seen every signal.
fn check<'a>(commit: &'a Commit, connection: &Connection) -> Result<Result<Checked<'a>, CommitError>, Failure> {
    if !commit.is_well_formed() {
        let message = format!("the events of a commit of {} do not follow each other", commit.execution_id);
        return Ok(Err(StoreError::Corrupt(message).into()));
    }
    let Some(stored) = Stored::read(commit.execution_id, connection)? else { return Ok(Err(CommitError::Conflict)) };
    let owner = Some((commit.lease.node.as_bytes().to_vec(), column(commit.lease.epoch)));
    let is_current = stored.last_sequence == column(commit.before) && stored.owner == owner;
    let ends_unheard = commit.ends() && stored.has_signal_after(commit.seen);
    let ledger = stored.ledger.as_ref();
    let is_affordable = ledger.is_none_or(|stored| commit.budget.is_allowed_by(&stored.ledger));
    if !is_current || ends_unheard || !is_affordable {
        return Ok(Err(CommitError::Conflict));
    }
    let mut children = Vec::with_capacity(commit.children.len());
    for child in &commit.children {
        let Some(definition) = definition_key(child.execution.creation(), connection)? else {
            return Ok(Err(CommitError::Conflict));
        };
        children.push(Child { child, definition });
    }
    let mut known = Vec::new();
    for write in commit.approvals.iter().filter(|write| !matches!(write, ApprovalWrite::Open(_))) {
        known.extend(stored_approval(write.id(), connection)?.map(|(approval, _)| approval));
    }
    let approvals =
        ApprovalWrite::carry_out(&commit.approvals, |id| known.iter().find(|approval| approval.id() == id).cloned());
    Ok(approvals.map(|approvals| Checked { stored, approvals, children }))
}

/// Writes a commit that is in order.
fn put(
    commit: &Commit,
    checked: &Checked<'_>,
    connection: &Connection,
    numbers: &mut EventNumbers,
    told: &mut Vec<StoredEvent>,
) -> Result<Committed, Failure> {
    let stored = &checked.stored;
    let has_unseen_signals = stored.has_signal_after(commit.seen);
    update(commit, stored, has_unseen_signals, connection)?;
    if stored.oldest_signal.is_some_and(|oldest| oldest <= commit.seen) {
        const HEARD: &str = "DELETE FROM execution_inbox WHERE execution = ?1 AND number <= ?2";
        connection.prepare_cached(HEARD)?.execute([stored.key, commit.seen])?;
    }
    insert_values(stored.key, &commit.values, connection)?;
    let telling = Telling {
        execution: stored.key,
        name: stored.name,
        execution_id: commit.execution_id,
        creation: &commit.creation,
    };
    telling.insert(&commit.events, connection, numbers, told)?;
    insert_ended_steps(stored.key, &commit.ended_steps, connection)?;
    let booking = Booking::of(commit, stored.before.cost);
    if let Some(booking) = &booking {
        bookings::book(booking, stored.name, connection)?;
    }
    figures::count(commit, stored.name, stored.before, booking.as_ref(), connection)?;
    insert_deliveries(&commit.deliveries, told, connection)?;
    if let Some(snapshot) = &commit.snapshot {
        const KEEP: &str = "
            INSERT INTO execution_snapshots (execution, sequence, snapshot) VALUES (?1, ?2, ?3)
            ON CONFLICT (execution) DO UPDATE SET sequence = excluded.sequence, snapshot = excluded.snapshot";
        let row = rusqlite::params![stored.key, column(snapshot.state.sequence), to_json(snapshot)?];
        connection.prepare_cached(KEEP)?.execute(row)?;
    }
    for approval in &checked.approvals {
        put_approval(approval, stored.key, connection)?;
    }
    for child in &checked.children {
        child.insert(stored, connection, numbers, told)?;
    }
    for signal in &commit.signals {
        if let Some(to) = execution_key(signal.to, connection)? {
            put_signal(to, &signal.signal, commit.standing.updated_at, connection)?;
        }
    }
    let (ledger, told_root) = charge(commit, stored, connection)?;
    Ok(Committed { has_unseen_signals, ledger, told_root })
}

fn update(commit: &Commit, stored: &Stored, has_unseen: bool, connection: &Connection) -> Result<(), Failure> {
    const UPDATE: &str = "
        UPDATE process_executions
        SET status = ?2, phase = ?3, last_sequence = ?4, updated_at = ?5, started_at = ?6, completed_at = ?7,
            cost_nanos = ?8, cost_currency = ?9, cost_complete = ?10, attention_at = ?11,
            own_nanos = own_nanos + ?12, input_tokens = input_tokens + ?13, output_tokens = output_tokens + ?14
        WHERE key = ?1";
    const RELEASE: &str = "UPDATE process_executions SET owner = NULL, owner_epoch = NULL WHERE key = ?1";
    let standing = &commit.standing;
    let spending = commit.spending();
    let attention = if has_unseen { Some(standing.updated_at) } else { commit.attention_at };
    connection.prepare_cached(UPDATE)?.execute(rusqlite::params![
        stored.key,
        status_code(standing.status),
        phase_code(standing.phase),
        column(standing.sequence),
        standing.updated_at.as_micros(),
        standing.started_at.map(Timestamp::as_micros),
        standing.completed_at.map(Timestamp::as_micros),
        standing.cost.amount.nanos(),
        standing.cost.amount.currency().as_str(),
        standing.cost.complete,
        attention.map(Timestamp::as_micros),
        spending.nanos,
        column(spending.input_tokens),
        column(spending.output_tokens),
    ])?;
    if commit.release {
        connection.prepare_cached(RELEASE)?.execute([stored.key])?;
    }
    Ok(())
}

/// The ledger of the commit's tree after it, and the root if that was told that something was given back.
fn charge(
    commit: &Commit,
    stored: &Stored,
    connection: &Connection,
) -> Result<(Option<Ledger>, Option<ExecutionId>), Failure> {
    const UPDATE: &str = "
        UPDATE budgets SET spent_nanos = ?2, reserved_nanos = ?3, limit_nanos = ?4, waits = ?5 WHERE root = ?1";
    let Some(before) = &stored.ledger else { return Ok((None, None)) };
    let change = &commit.budget;
    if change.is_none() {
        return Ok((Some(before.ledger), None));
    }
    let ledger = change.applied_to(before.ledger);
    let tells = before.waits && change.gives_back() && !change.waits;
    let waits = change.waits || (before.waits && !tells);
    let row = (stored.root, ledger.spent.nanos(), ledger.reserved.nanos(), ledger.limit.nanos(), waits);
    connection.prepare_cached(UPDATE)?.execute(row)?;
    if tells {
        put_signal(stored.root, &Signal::BudgetRaised, commit.standing.updated_at, connection)?;
    }
    Ok((Some(ledger), tells.then_some(before.root_id)))
}

impl Stored {
    fn read(id: ExecutionId, connection: &Connection) -> Result<Option<Self>, Failure> {
        const READ: &str = "
            SELECT
                execution.key, execution.name, execution.root, last_sequence, nodes.id, owner_epoch,
                (SELECT min(number) FROM execution_inbox WHERE execution = execution.key),
                (SELECT max(number) FROM execution_inbox WHERE execution = execution.key),
                spent_nanos, reserved_nanos, limit_nanos, currency, action, waits,
                cost_nanos, cost_currency, cost_complete, status, definition, own_nanos, input_tokens, output_tokens
            FROM process_executions AS execution
            LEFT JOIN nodes ON nodes.key = execution.owner
            LEFT JOIN budgets ON budgets.root = execution.root
            WHERE execution.id = ?1";
        let mut read = connection.prepare_cached(READ)?;
        let mut rows = read.query([id.uuid().as_bytes()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let owner: Option<Vec<u8>> = row.get(4)?;
        let root = row.get(2)?;
        Ok(Some(Self {
            key: row.get(0)?,
            name: row.get(1)?,
            root,
            last_sequence: row.get(3)?,
            before: Before {
                cost: Cost { amount: money(row.get(14)?, &row.get::<_, String>(15)?)?, complete: row.get(16)? },
                is_ended: status_of(row.get(17)?)?.is_ended(),
                spending: Spending {
                    nanos: row.get(19)?,
                    input_tokens: row.get::<_, i64>(20)?.unsigned_abs(),
                    output_tokens: row.get::<_, i64>(21)?.unsigned_abs(),
                },
                definition: row.get(18)?,
            },
            owner: match owner {
                Some(node) => Some((node, row.get(5)?)),
                None => None,
            },
            oldest_signal: row.get(6)?,
            newest_signal: row.get(7)?,
            ledger: StoredLedger::read(row, root, connection)?,
        }))
    }

    fn has_signal_after(&self, seen: i64) -> bool {
        self.newest_signal.is_some_and(|newest| newest > seen)
    }
}

impl StoredLedger {
    fn read(row: &Row<'_>, root: i64, connection: &Connection) -> Result<Option<Self>, Failure> {
        const ROOT: &str = "SELECT id FROM process_executions WHERE key = ?1";
        let Some(spent) = row.get::<_, Option<i64>>(8)? else { return Ok(None) };
        let currency: String = row.get(11)?;
        let action: String = row.get(12)?;
        let root_id: Option<Vec<u8>> =
            connection.prepare_cached(ROOT)?.query_row([root], |row| row.get(0)).optional()?;
        let root_id = root_id.ok_or_else(|| Failure::corrupt("a ledger without the root of its tree"))?;
        Ok(Some(Self {
            ledger: Ledger {
                spent: money(spent, &currency)?,
                reserved: money(row.get(9)?, &currency)?,
                limit: money(row.get(10)?, &currency)?,
                action: budget_action(&action)?,
            },
            waits: row.get(13)?,
            root_id: ExecutionId::new(uuid_from(&root_id, "id")?),
        }))
    }
}

impl Child<'_> {
    fn insert(
        &self,
        parent: &Stored,
        connection: &Connection,
        numbers: &mut EventNumbers,
        told: &mut Vec<StoredEvent>,
    ) -> Result<(), Failure> {
        let NewChild { execution, created, values, deliveries, budget } = self.child;
        let creation = execution.creation();
        let is_waited_for = creation.parent.as_ref().is_some_and(|parent| parent.waits);
        let belongs = Belongs {
            definition: self.definition,
            parent: Some(parent.key),
            root: is_waited_for.then_some(parent.root),
            instance_limit: None,
            owner: None,
            attention_at: Some(created.at),
        };
        let (key, name) = insert_execution(execution, &belongs, connection)?;
        if let Some(budget) = budget {
            insert_budget(key, budget, connection)?;
        }
        insert_values(key, values, connection)?;
        let telling = Telling { execution: key, name, execution_id: execution.id(), creation };
        telling.insert(std::slice::from_ref(created), connection, numbers, told)?;
        insert_deliveries(deliveries, told, connection)
    }
}
