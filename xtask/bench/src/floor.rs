//! The least that writing could cost: what executions left in a database, written again into an empty one by a bare loop
//! of prepared statements on one connection, with the same schema, indexes and durability.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use procession_store_sqlite::{Options, SqliteStore};
use sqlx::{
    Column as _, ConnectOptions as _, Connection as _, Row as _, SqliteConnection, TypeInfo as _, ValueRef as _,
    query::Query,
    sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};

const INSERT_EXECUTION: &str = "
    INSERT INTO process_executions
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23,
            ?24, ?25, ?26, ?27, ?28, ?29)";

const UPDATE_EXECUTION: &str = "
    UPDATE process_executions
    SET status = ?2, last_sequence = last_sequence + ?3, state = ?4, updated_at = ?5, started_at = ?6,
        completed_at = ?7, cost_nanos = ?8, cost_currency = ?9, cost_complete = ?10, owner = ?11, owner_epoch = ?12
    WHERE id = ?1";

const INSERT_EVENT: &str = "
    INSERT INTO execution_events (id, execution_id, sequence, at, event_type, step_id, payload)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const UPSERT_STEP: &str = "
    INSERT INTO step_executions (
        execution_id, step_id, status, state, started_at, completed_at, cost_nanos, cost_currency)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (execution_id, step_id) DO UPDATE SET
        status = excluded.status, state = excluded.state, started_at = excluded.started_at,
        completed_at = excluded.completed_at, cost_nanos = excluded.cost_nanos, cost_currency = excluded.cost_currency";

const INSERT_VALUE: &str = "
    INSERT INTO execution_values (execution_id, key, size, content) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO NOTHING";

/// What executions wrote, transition by transition, in its order.
pub struct Floor {
    processes: Vec<Cells>,
    transitions: Vec<Transition>,
}

/// One transition: what was written together.
#[derive(Default)]
struct Transition {
    /// The execution's first one: its row.
    creation: Option<Cells>,
    /// All others: the changed columns.
    change: Option<Cells>,
    events: Vec<Cells>,
    steps: Vec<Cells>,
    values: Vec<Cells>,
}

/// The columns of one row.
type Cells = Vec<Cell>;

#[derive(Clone)]
enum Cell {
    Null,
    Integer(i64),
    Text(String),
}

impl Floor {
    /// Reads what ended executions have left in a database.
    pub async fn read(database: &Path) -> anyhow::Result<Self> {
        let mut connection = SqliteConnectOptions::new().filename(database).read_only(true).connect().await?;
        let read = |rows: Vec<SqliteRow>| rows.iter().map(cells).collect::<anyhow::Result<Vec<Cells>>>();
        let processes = read(sqlx::query("SELECT * FROM process_definitions").fetch_all(&mut connection).await?)?;
        let executions = read(sqlx::query("SELECT * FROM process_executions").fetch_all(&mut connection).await?)?;
        let events = read(
            sqlx::query(
                "SELECT id, execution_id, sequence, at, event_type, step_id, payload FROM execution_events ORDER BY id",
            )
            .fetch_all(&mut connection)
            .await?,
        )?;
        let steps = read(sqlx::query("SELECT * FROM step_executions").fetch_all(&mut connection).await?)?;
        let values = read(sqlx::query("SELECT * FROM execution_values").fetch_all(&mut connection).await?)?;
        connection.close().await?;
        let rows = Rows::new(executions, steps, values);
        Ok(Self { processes, transitions: rows.transitions(events)? })
    }

    /// How many transitions there were.
    pub const fn transitions(&self) -> usize {
        self.transitions.len()
    }

    /// Writes it all, so many transitions in one transaction; how long that takes, the median of three times.
    pub async fn replay(&self, inside: &Path, together: usize) -> anyhow::Result<Duration> {
        let mut times = crate::stopwatch::Times::default();
        for _ in 0..3 {
            times.note(self.replay_once(inside, together).await?);
        }
        Ok(times.median())
    }

    async fn replay_once(&self, inside: &Path, together: usize) -> anyhow::Result<Duration> {
        let folder = tempfile::tempdir_in(inside)?;
        let database = folder.path().join("procession.db");
        SqliteStore::open(Options::new(&database)).await?.close().await;
        let mut connection = SqliteConnectOptions::new()
            .filename(&database)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("cache_size", "-16384")
            .disable_statement_logging()
            .connect()
            .await?;
        for process in &self.processes {
            let insert = "INSERT INTO process_definitions
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
            bound(insert, process).execute(&mut connection).await?;
        }
        let begun = Instant::now();
        for group in self.transitions.chunks(together) {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            for transition in group {
                transition.write(&mut transaction).await?;
            }
            transaction.commit().await?;
        }
        let time = begun.elapsed();
        connection.close().await?;
        Ok(time)
    }
}

impl Transition {
    async fn write(&self, connection: &mut SqliteConnection) -> anyhow::Result<()> {
        if let Some(creation) = &self.creation {
            bound(INSERT_EXECUTION, creation).execute(&mut *connection).await?;
        }
        if let Some(change) = &self.change {
            bound(UPDATE_EXECUTION, change).execute(&mut *connection).await?;
        }
        for (statement, rows) in
            [(INSERT_EVENT, &self.events), (UPSERT_STEP, &self.steps), (INSERT_VALUE, &self.values)]
        {
            for row in rows {
                bound(statement, row).execute(&mut *connection).await?;
            }
        }
        Ok(())
    }
}

/// Rows by what they belong to.
struct Rows {
    executions: HashMap<String, Cells>,
    /// By execution and step.
    steps: HashMap<(String, String), Cells>,
    /// By execution and the beginning of the key that says to which event they belong.
    values: HashMap<(String, String), Vec<Cells>>,
}

// Places of columns in `process_executions`.
const STATUS: usize = 5;
const LAST_SEQUENCE: usize = 7;
const STATE: usize = 9;
const OWNER: usize = 25;

impl Rows {
    fn new(executions: Vec<Cells>, steps: Vec<Cells>, values: Vec<Cells>) -> Self {
        let mut by_step: HashMap<(String, String), Vec<Cells>> = HashMap::new();
        for value in values {
            let key = value[1].text();
            // `steps/ID/output/HASH` comes with the step's end, `steps/ID/…` with its start, and the rest by its name.
            let belongs_to = match key.split('/').collect::<Vec<_>>().as_slice() {
                ["steps", step, "output", ..] => format!("end {step}"),
                ["steps", step, ..] => format!("start {step}"),
                [first, ..] => (*first).to_owned(),
                [] => String::new(),
            };
            by_step.entry((value[0].text(), belongs_to)).or_default().push(value);
        }
        Self {
            executions: executions.into_iter().map(|row| (row[0].text(), row)).collect(),
            steps: steps.into_iter().map(|row| ((row[0].text(), row[1].text()), row)).collect(),
            values: by_step,
        }
    }

    /// Deals all rows to the transitions that wrote them: events of one execution and one moment were one.
    fn transitions(mut self, events: Vec<Cells>) -> anyhow::Result<Vec<Transition>> {
        let mut order: Vec<(String, i64)> = Vec::new();
        let mut grouped: HashMap<(String, i64), Vec<Cells>> = HashMap::new();
        for event in events {
            let key = (event[1].text(), event[3].integer());
            let group = grouped.entry(key.clone()).or_default();
            if group.is_empty() {
                order.push(key);
            }
            group.push(event);
        }
        order
            .into_iter()
            .map(|key| {
                let events = grouped.remove(&key).unwrap_or_default();
                self.transition(&key.0, events)
            })
            .collect()
    }

    fn transition(&mut self, execution: &str, events: Vec<Cells>) -> anyhow::Result<Transition> {
        let row = self.executions.get(execution).context("an event of no execution")?;
        let is_first = events.iter().any(|event| event[2].integer() == 1);
        let is_last = events.iter().any(|event| event[2].integer() == row[LAST_SEQUENCE].integer());
        let mut written = Transition::default();
        if is_first {
            let mut creation = row.clone();
            creation[STATUS] = Cell::Text("pending".to_owned());
            creation[LAST_SEQUENCE] = Cell::Integer(1);
            creation[OWNER] = Cell::Text("the node".to_owned());
            creation[OWNER + 1] = Cell::Integer(1);
            written.creation = Some(creation);
        } else {
            written.change = Some(change(row, events.len(), is_last));
        }
        let mut steps: BTreeSet<String> = BTreeSet::new();
        let mut names = vec![if is_first { "input" } else { "" }.to_owned()];
        for event in &events {
            let Cell::Text(step) = &event[5] else { continue };
            steps.insert(step.clone());
            let kind = if event[4].text() == "StepStarted" { "start" } else { "end" };
            names.push(format!("{kind} {step}"));
        }
        if is_last {
            names.push("outputs".to_owned());
        }
        for name in names {
            written.values.extend(self.values.remove(&(execution.to_owned(), name)).unwrap_or_default());
        }
        for step in steps {
            written.steps.extend(self.steps.get(&(execution.to_owned(), step)).cloned());
        }
        written.events = events;
        Ok(written)
    }
}

/// The columns that a transition changes.
fn change(row: &[Cell], events: usize, is_last: bool) -> Cells {
    let status = if is_last { row[STATUS].clone() } else { Cell::Text("running".to_owned()) };
    let (owner, epoch) =
        if is_last { (Cell::Null, Cell::Null) } else { (Cell::Text("the node".to_owned()), Cell::Integer(1)) };
    let events = Cell::Integer(i64::try_from(events).unwrap_or(i64::MAX));
    let mut cells = vec![row[0].clone(), status, events, row[STATE].clone()];
    // updated_at to cost_complete, which follow each other.
    cells.extend_from_slice(&row[STATE + 2..STATE + 8]);
    cells.extend([owner, epoch]);
    cells
}

fn bound<'q>(statement: &'static str, cells: &'q [Cell]) -> Query<'q, Sqlite, SqliteArguments> {
    cells.iter().fold(sqlx::query(statement), |query, cell| match cell {
        Cell::Null => query.bind(None::<i64>),
        Cell::Integer(number) => query.bind(*number),
        Cell::Text(text) => query.bind(text.as_str()),
    })
}

fn cells(row: &SqliteRow) -> anyhow::Result<Cells> {
    let cell = |place: usize| -> anyhow::Result<Cell> {
        let raw = row.try_get_raw(place)?;
        Ok(match raw.type_info().name() {
            _ if raw.is_null() => Cell::Null,
            "INTEGER" => Cell::Integer(row.try_get(place)?),
            _ => Cell::Text(row.try_get(place)?),
        })
    };
    row.columns().iter().map(|column| cell(column.ordinal())).collect()
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Null => String::new(),
        }
    }

    const fn integer(&self) -> i64 {
        match self {
            Self::Integer(number) => *number,
            Self::Null | Self::Text(_) => 0,
        }
    }
}
