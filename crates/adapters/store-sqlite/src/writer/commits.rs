//! Commits: one conditional update says who wins, and all other rows are written for those only.

use std::collections::{HashMap, HashSet};

use procession_application::ports::{
    ApprovalWrite, Commit, CommitError, Committed, NewChild, StoreError, root_of_tree,
};
use procession_domain::{
    approval::Approval,
    execution::Ledger,
    value::{ApprovalId, ExecutionId, ProcessId, ProcessName, Timestamp},
};
use serde::Serialize;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use uuid::Uuid;

use super::batch::EventNumbers;
use crate::{
    codec::{ledger, parsed, process_name, to_json},
    error::Failure,
    rows::{
        ApprovalRow, BudgetRow, EventRow, ExecutionRow, HeardRow, LedgerRow, Rows, SignalRow, StatusColumns, StepRow,
        ValueRow, stored_approvals,
    },
};

/// The transition is written only on the state that it was decided on, by the owner of the execution, and an ending one
/// only if it has seen every signal (spec 3.8). What comes back is read after the update.
const WRITE: &str = "
    UPDATE process_executions
    SET status = new.value ->> 'status',
        compensating = new.value ->> 'compensating',
        last_sequence = new.value ->> 'last_sequence',
        state = new.value ->> 'state',
        updated_at = new.value ->> 'updated_at',
        started_at = new.value ->> 'started_at',
        completed_at = new.value ->> 'completed_at',
        cost_nanos = new.value ->> 'cost_nanos',
        cost_currency = new.value ->> 'cost_currency',
        cost_complete = new.value ->> 'cost_complete',
        owner = iif(new.value ->> 'release', NULL, owner),
        owner_epoch = iif(new.value ->> 'release', NULL, owner_epoch),
        attention_at = iif(
            EXISTS (
                SELECT 1 FROM execution_inbox AS signal
                WHERE signal.execution_id = process_executions.id AND signal.number > new.value ->> 'seen'),
            new.value ->> 'updated_at',
            new.value ->> 'attention_at')
    FROM jsonb_each(?1) AS new
    WHERE process_executions.id = new.value ->> 'id'
      AND last_sequence = new.value ->> 'before'
      AND owner = new.value ->> 'node'
      AND owner_epoch = new.value ->> 'epoch'
      AND NOT (
            new.value ->> 'ends'
            AND EXISTS (
                SELECT 1 FROM execution_inbox AS signal
                WHERE signal.execution_id = process_executions.id AND signal.number > new.value ->> 'seen'))
    RETURNING
        id,
        process_name,
        root_id,
        (SELECT min(number) FROM execution_inbox WHERE execution_id = process_executions.id) AS oldest_signal,
        (SELECT max(number) FROM execution_inbox WHERE execution_id = process_executions.id) AS newest_signal,
        (SELECT spent_nanos FROM budgets WHERE root_id = process_executions.root_id) AS spent_nanos,
        (SELECT limit_nanos FROM budgets WHERE root_id = process_executions.root_id) AS limit_nanos,
        (SELECT currency FROM budgets WHERE root_id = process_executions.root_id) AS currency,
        (SELECT action FROM budgets WHERE root_id = process_executions.root_id) AS action";

/// What was decided about a commit.
pub(super) enum CommitVerdict {
    /// It is written.
    Written {
        /// What its runner is told.
        committed: Committed,
        /// The number of its first event.
        first_event: i64,
        /// The name of its process.
        process_name: ProcessName,
    },
    /// It is refused, and nothing of it is written.
    Refused(CommitError),
}

/// A transition, for the conditional update.
#[derive(Serialize)]
struct TransitionRow {
    id: ExecutionId,
    before: u64,
    node: Uuid,
    epoch: u64,
    ends: bool,
    seen: i64,
    release: bool,
    attention_at: Option<i64>,
    #[serde(flatten)]
    status: StatusColumns,
}

/// A commit that won, as the update tells it.
struct Winner {
    process_name: ProcessName,
    root: ExecutionId,
    oldest_signal: Option<i64>,
    newest_signal: Option<i64>,
    ledger: Option<Ledger>,
}

/// Decides about commits of different executions, updates the executions of those that win, and gathers their other rows.
pub(super) async fn decide<'a>(
    commits: &[&'a Commit],
    connection: &mut SqliteConnection,
    numbers: &mut EventNumbers,
    rows: &mut Rows<'a>,
) -> Result<Vec<CommitVerdict>, Failure> {
    let (approvals, processes) = look_up(commits, connection).await?;
    let mut candidates: Vec<Result<Vec<Approval>, CommitError>> = Vec::with_capacity(commits.len());
    let mut transitions = Vec::with_capacity(commits.len());
    for commit in commits {
        let checked = check(commit, &approvals, &processes);
        if checked.is_ok() {
            transitions.push(TransitionRow::new(commit)?);
        }
        candidates.push(checked);
    }
    let mut winners = write(&transitions, connection).await?;
    let mut ledgers: HashMap<ExecutionId, Ledger> = HashMap::new();
    let mut verdicts = Vec::with_capacity(commits.len());
    for (commit, candidate) in commits.iter().zip(candidates) {
        let approvals = match candidate {
            Ok(approvals) => approvals,
            Err(error) => {
                verdicts.push(CommitVerdict::Refused(error));
                continue;
            }
        };
        let Some(winner) = winners.remove(&commit.execution_id) else {
            verdicts.push(CommitVerdict::Refused(CommitError::Conflict));
            continue;
        };
        let ledger = charge(commit, &winner, &mut ledgers);
        let first_event = gather(commit, &winner, &approvals, numbers, rows)?;
        verdicts.push(CommitVerdict::Written {
            committed: Committed {
                has_unseen_signals: winner.newest_signal.is_some_and(|newest| newest > commit.seen),
                ledger,
            },
            first_event,
            process_name: winner.process_name,
        });
    }
    let changed = ledgers.iter().map(|(root, ledger)| LedgerRow::new(*root, ledger));
    rows.ledgers.extend(changed);
    Ok(verdicts)
}

/// The requests and processes that commits depend on; asked for only where there are any.
async fn look_up(
    commits: &[&Commit],
    connection: &mut SqliteConnection,
) -> Result<(HashMap<ApprovalId, Approval>, HashSet<ProcessId>), Failure> {
    const READ_PROCESSES: &str = "
        SELECT id FROM process_definitions WHERE id IN (SELECT value FROM json_each(?1))";
    let changed = commits.iter().flat_map(|commit| &commit.approvals);
    let ids: Vec<ApprovalId> =
        changed.filter(|write| !matches!(write, ApprovalWrite::Open(_))).map(ApprovalWrite::id).collect();
    let approvals = stored_approvals(connection, &ids).await?;
    let children = commits.iter().flat_map(|commit| &commit.children);
    let wanted: HashSet<ProcessId> = children.map(process_of).collect();
    let mut processes = HashSet::new();
    if !wanted.is_empty() {
        let rows = sqlx::query(READ_PROCESSES).bind(to_json(&wanted)?).fetch_all(connection).await?;
        for row in &rows {
            processes.insert(parsed(row, "id")?);
        }
    }
    let approvals = approvals.into_iter().map(|approval| (approval.id(), approval)).collect();
    Ok((approvals, processes))
}

/// Whether a commit may be tried; what it leaves of approvals.
fn check(
    commit: &Commit,
    approvals: &HashMap<ApprovalId, Approval>,
    processes: &HashSet<ProcessId>,
) -> Result<Vec<Approval>, CommitError> {
    if !commit.is_well_formed() {
        let message = format!("the events of a commit of {} do not follow each other", commit.execution_id);
        return Err(StoreError::Corrupt(message).into());
    }
    if !commit.children.iter().all(|child| processes.contains(&process_of(child))) {
        return Err(CommitError::Conflict);
    }
    ApprovalWrite::carry_out(&commit.approvals, |id| approvals.get(&id).cloned())
}

fn process_of(child: &NewChild) -> ProcessId {
    child.execution.creation().process.id
}

async fn write(
    transitions: &[TransitionRow],
    connection: &mut SqliteConnection,
) -> Result<HashMap<ExecutionId, Winner>, Failure> {
    if transitions.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(WRITE).bind(to_json(&transitions)?).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((parsed(row, "id")?, Winner::from_row(row)?))).collect()
}

impl TransitionRow {
    fn new(commit: &Commit) -> Result<Self, Failure> {
        Ok(Self {
            id: commit.execution_id,
            before: commit.before,
            node: commit.lease.node,
            epoch: commit.lease.epoch,
            ends: commit.ends(),
            seen: commit.seen,
            release: commit.release,
            attention_at: commit.attention_at.map(Timestamp::as_micros),
            status: StatusColumns::of(&commit.state)?,
        })
    }
}

impl Winner {
    fn from_row(row: &SqliteRow) -> Result<Self, Failure> {
        Ok(Self {
            process_name: process_name(row, "process_name")?,
            root: parsed(row, "root_id")?,
            oldest_signal: row.try_get("oldest_signal")?,
            newest_signal: row.try_get("newest_signal")?,
            ledger: ledger(row)?,
        })
    }
}

/// The ledger of the commit's tree after it; several commits of one tree come one after the other.
fn charge(commit: &Commit, winner: &Winner, ledgers: &mut HashMap<ExecutionId, Ledger>) -> Option<Ledger> {
    let mut ledger = ledgers.get(&winner.root).copied().or(winner.ledger)?;
    if !commit.spent.is_zero() || commit.raise_budget.is_some() {
        // An amount of another currency can't be added up (spec 3.9).
        ledger.spent = ledger.spent.checked_add(commit.spent).unwrap_or(ledger.spent);
        ledger.limit = commit.raise_budget.unwrap_or(ledger.limit);
        ledgers.insert(winner.root, ledger);
    }
    Some(ledger)
}

/// Gathers the other rows of a commit that won; the number of its first event.
fn gather<'a>(
    commit: &'a Commit,
    winner: &Winner,
    approvals: &[Approval],
    numbers: &mut EventNumbers,
    rows: &mut Rows<'a>,
) -> Result<i64, Failure> {
    let id = commit.execution_id;
    if winner.oldest_signal.is_some_and(|oldest| oldest <= commit.seen) {
        rows.heard.push(HeardRow { execution_id: id, seen: commit.seen });
    }
    for (step, state) in &commit.steps {
        rows.steps.push(StepRow::new(id, step, state)?);
    }
    rows.values.extend(commit.values.iter().map(|value| ValueRow::new(id, value)));
    for approval in approvals {
        rows.approvals.push(ApprovalRow::new(approval)?);
    }
    for signal in &commit.signals {
        rows.signals.push(SignalRow::new(signal.to, &signal.signal)?);
    }
    let first = numbers.take(commit.events.len());
    for (number, event) in (first..).zip(&commit.events) {
        rows.events.push(EventRow::new(number, id, event)?);
    }
    for child in &commit.children {
        gather_child(child, numbers.take(1), rows)?;
    }
    Ok(first)
}

fn gather_child<'a>(child: &'a NewChild, number: i64, rows: &mut Rows<'a>) -> Result<(), Failure> {
    let id = child.execution.id();
    let mut row = ExecutionRow::new(&child.execution, None)?;
    row.attention_at = Some(child.created.at.as_micros());
    rows.executions.push(row);
    let root = root_of_tree(id, child.execution.creation());
    rows.budgets.extend(child.budget.as_ref().map(|budget| BudgetRow::new(root, budget)));
    rows.values.extend(child.values.iter().map(|value| ValueRow::new(id, value)));
    rows.events.push(EventRow::new(number, id, &child.created)?);
    Ok(())
}
