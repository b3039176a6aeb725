//! The least that writing could cost: what executions left in a database, written again into an empty one by one thread
//! through SQLite's own interface, one prepared statement a table, with the same schema, indexes and durability.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use procession_store_sqlite::{Options, SqliteStore};
use rusqlite::{Connection, OpenFlags, Statement, params_from_iter, types::Value};

use crate::stopwatch::Times;

/// What executions wrote, transition by transition, in its order.
pub struct Floor {
    names: Table,
    definitions: Table,
    /// The columns of the tables below.
    columns: Columns,
    transitions: Vec<Transition>,
}

/// A table with all its rows.
struct Table {
    name: &'static str,
    columns: Vec<String>,
    rows: Vec<Cells>,
}

/// Columns by table.
struct Columns {
    executions: Vec<String>,
    events: Vec<String>,
    values: Vec<String>,
    costs: Vec<String>,
}

/// One transition: what was written together.
#[derive(Default)]
struct Transition {
    execution: Written,
    events: Vec<Cells>,
    values: Vec<Cells>,
    costs: Vec<Cells>,
}

/// How a transition wrote its execution's row.
#[derive(Default)]
enum Written {
    #[default]
    Not,
    /// The first one: all of it.
    Whole(Cells),
    /// All others: the columns of [`UPDATE`].
    Changed(Cells),
}

/// The columns of one row.
type Cells = Vec<Value>;

const UPDATE: &str = "
    UPDATE process_executions
    SET status = ?2, last_sequence = last_sequence + ?3, updated_at = ?4, started_at = ?5, completed_at = ?6,
        cost_nanos = ?7, cost_currency = ?8, cost_complete = ?9, attention_at = ?10, owner = ?11, owner_epoch = ?12
    WHERE key = ?1";

impl Floor {
    /// Reads what ended executions have left in a database.
    pub fn read(database: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let names = Table::read("process_names", "key", &connection)?;
        let definitions = Table::read("process_definitions", "key", &connection)?;
        let executions = Table::read("process_executions", "key", &connection)?;
        let events = Table::read("execution_events", "id", &connection)?;
        let values = Table::read("execution_values", "hash", &connection)?;
        let costs = Table::read("step_costs", "event", &connection)?;
        let columns = Columns {
            executions: executions.columns.clone(),
            events: events.columns.clone(),
            values: values.columns.clone(),
            costs: costs.columns.clone(),
        };
        let transitions = transitions(executions, events, values, costs)?;
        Ok(Self { names, definitions, columns, transitions })
    }

    /// How many transitions there were.
    pub const fn transitions(&self) -> usize {
        self.transitions.len()
    }

    /// Writes it all, so many transitions in one transaction; how long that takes, the median of three times.
    pub async fn replay(&self, inside: &Path, together: usize) -> anyhow::Result<Duration> {
        let mut times = Times::default();
        for _ in 0..3 {
            let folder = tempfile::tempdir_in(inside)?;
            let database = folder.path().join("procession.db");
            SqliteStore::open(Options::new(&database)).await?.close().await;
            times.note(tokio::task::block_in_place(|| self.write(&database, together))?);
        }
        Ok(times.median())
    }

    fn write(&self, database: &Path, together: usize) -> anyhow::Result<Duration> {
        let connection = Connection::open(database)?;
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384")?;
        for table in [&self.names, &self.definitions] {
            let mut insert = connection.prepare(&insertion(table.name, &table.columns))?;
            for row in &table.rows {
                insert.execute(params_from_iter(row))?;
            }
        }
        let mut statements = Statements {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            create: connection.prepare(&insertion("process_executions", &self.columns.executions))?,
            change: connection.prepare(UPDATE)?,
            event: connection.prepare(&insertion("execution_events", &self.columns.events))?,
            value: connection.prepare(&insertion("execution_values", &self.columns.values))?,
            cost: connection.prepare(&insertion("step_costs", &self.columns.costs))?,
        };
        let begun = Instant::now();
        for group in self.transitions.chunks(together) {
            statements.begin.execute(())?;
            for transition in group {
                statements.write(transition)?;
            }
            statements.commit.execute(())?;
        }
        Ok(begun.elapsed())
    }
}

/// What is prepared once.
struct Statements<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    create: Statement<'c>,
    change: Statement<'c>,
    event: Statement<'c>,
    value: Statement<'c>,
    cost: Statement<'c>,
}

impl Statements<'_> {
    fn write(&mut self, transition: &Transition) -> rusqlite::Result<()> {
        match &transition.execution {
            Written::Not => 0,
            Written::Whole(row) => self.create.execute(params_from_iter(row))?,
            Written::Changed(row) => self.change.execute(params_from_iter(row))?,
        };
        let tables = [
            (&mut self.event, &transition.events),
            (&mut self.value, &transition.values),
            (&mut self.cost, &transition.costs),
        ];
        for (insert, rows) in tables {
            for row in rows {
                insert.execute(params_from_iter(row))?;
            }
        }
        Ok(())
    }
}

impl Table {
    fn read(name: &'static str, order: &str, connection: &Connection) -> anyhow::Result<Self> {
        let mut select = connection.prepare(&format!("SELECT * FROM {name} ORDER BY {order}"))?;
        let columns: Vec<String> = select.column_names().into_iter().map(str::to_owned).collect();
        let width = columns.len();
        let cells =
            |row: &rusqlite::Row<'_>| (0..width).map(|place| row.get(place)).collect::<rusqlite::Result<Cells>>();
        let rows = select.query_map((), cells)?.collect::<rusqlite::Result<_>>()?;
        Ok(Self { name, columns, rows })
    }

    fn place(&self, column: &str) -> anyhow::Result<usize> {
        let place = self.columns.iter().position(|name| name == column);
        place.with_context(|| format!("the table {} has no column {column}", self.name))
    }

    /// The rows by the number in this column.
    fn by(self, column: &str) -> anyhow::Result<HashMap<i64, Vec<Cells>>> {
        let place = self.place(column)?;
        let mut rows: HashMap<i64, Vec<Cells>> = HashMap::new();
        for row in self.rows {
            rows.entry(integer(&row[place])).or_default().push(row);
        }
        Ok(rows)
    }
}

/// Deals all rows to the transitions that wrote them: events of one execution and one moment were one. The values of an
/// execution do not tell when they were written; each of its transitions gets its share of them.
fn transitions(executions: Table, events: Table, values: Table, costs: Table) -> anyhow::Result<Vec<Transition>> {
    let places = Places::of(&executions)?;
    let (number, execution, at) = (events.place("id")?, events.place("execution")?, events.place("at")?);
    let mut values = values.by("execution")?;
    let mut costs = costs.by("event")?;
    let rows = executions.by("key")?;
    let mut order: Vec<(i64, i64)> = Vec::new();
    let mut grouped: HashMap<(i64, i64), Vec<Cells>> = HashMap::new();
    let mut left: HashMap<i64, usize> = HashMap::new();
    for event in events.rows {
        let key = (integer(&event[execution]), integer(&event[at]));
        let group = grouped.entry(key).or_default();
        if group.is_empty() {
            order.push(key);
            *left.entry(key.0).or_default() += 1;
        }
        group.push(event);
    }
    let mut begun = std::collections::HashSet::new();
    let mut transitions = Vec::with_capacity(order.len());
    for key in order {
        let events = grouped.remove(&key).unwrap_or_default();
        let row = rows.get(&key.0).and_then(|rows| rows.first()).context("an event of no execution")?;
        let left = left.entry(key.0).or_default();
        let (is_first, is_last) = (begun.insert(key.0), *left == 1);
        let of_execution = values.entry(key.0).or_default();
        let share = of_execution.len().div_ceil(*left);
        *left -= 1;
        let count = i64::try_from(events.len())?;
        transitions.push(Transition {
            execution: if is_first {
                Written::Whole(places.created(row, count))
            } else {
                Written::Changed(places.changed(row, count, is_last))
            },
            values: of_execution.drain(..share).collect(),
            costs: events.iter().filter_map(|event| costs.remove(&integer(&event[number]))).flatten().collect(),
            events,
        });
    }
    Ok(transitions)
}

/// Places of columns in `process_executions`.
struct Places {
    key: usize,
    status: usize,
    last_sequence: usize,
    owner: usize,
    owner_epoch: usize,
    /// The columns that change beside these, in the order of [`UPDATE`].
    changing: Vec<usize>,
}

impl Places {
    fn of(executions: &Table) -> anyhow::Result<Self> {
        let changing = [
            "updated_at",
            "started_at",
            "completed_at",
            "cost_nanos",
            "cost_currency",
            "cost_complete",
            "attention_at",
        ];
        Ok(Self {
            key: executions.place("key")?,
            status: executions.place("status")?,
            last_sequence: executions.place("last_sequence")?,
            owner: executions.place("owner")?,
            owner_epoch: executions.place("owner_epoch")?,
            changing: changing.into_iter().map(|column| executions.place(column)).collect::<anyhow::Result<_>>()?,
        })
    }

    /// The row as it was when it was created: running, and owned by a node.
    fn created(&self, row: &[Value], events: i64) -> Cells {
        let mut cells = row.to_vec();
        cells[self.status] = Value::Integer(1);
        cells[self.last_sequence] = Value::Integer(events);
        cells[self.owner] = Value::Integer(1);
        cells[self.owner_epoch] = Value::Integer(1);
        cells
    }

    /// The columns that a transition changes.
    fn changed(&self, row: &[Value], events: i64, is_last: bool) -> Cells {
        let running = || Value::Integer(1);
        let owner = if is_last { Value::Null } else { Value::Integer(1) };
        let status = if is_last { row[self.status].clone() } else { running() };
        let mut cells = vec![row[self.key].clone(), status, Value::Integer(events)];
        cells.extend(self.changing.iter().map(|place| row[*place].clone()));
        cells.extend([owner.clone(), owner]);
        cells
    }
}

fn insertion(table: &str, columns: &[String]) -> String {
    let marks: Vec<String> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
    format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), marks.join(", "))
}

const fn integer(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_) => 0,
    }
}
