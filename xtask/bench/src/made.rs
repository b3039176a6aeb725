//! Many executions, made directly in the database: some are run by the program, and their rows are multiplied.

use std::{fmt::Write as _, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use rusqlite::Connection;
use serde_json::json;

use crate::{
    client::Client,
    processes,
    server::{PASSWORD, Server},
    stage::topic,
};

/// The microseconds of a quarter of an hour and of an hour, by which the program adds up.
const QUARTER: i64 = 900_000_000;
const HOUR: i64 = 4 * QUARTER;

/// How many executions are run of each process.
const EACH: usize = 4;

/// The lengths of executions that a row of figures tells apart.
const LENGTHS: usize = 60;

/// The columns that hold times.
const TIMES: [&str; 4] = ["created_at", "updated_at", "started_at", "completed_at"];

/// What is made of the executions that were run.
pub struct Made {
    /// How many there are to be.
    pub count: usize,
    /// When the newest of them begins, in microseconds since 1970.
    pub newest: i64,
    /// Over how much time they are spread, before that.
    pub over: Duration,
    /// Whether they have events, values and steps.
    pub whole: bool,
}

/// Has the program run a few executions of so many processes of so many steps; the ids of the processes.
pub async fn run_some(
    program: &Path,
    data: &Path,
    processes: usize,
    steps: usize,
    environment: &[(&str, &str)],
) -> anyhow::Result<Vec<String>> {
    let server = Server::start_with(program, data, environment).await?;
    let mut client = Client::connect(&server.address).await?;
    let token = client.log_in(PASSWORD).await?;
    let mut client = client.with_token(&token);
    let mut ids = Vec::with_capacity(processes);
    for number in 0..processes {
        let yaml = processes::chain(&format!("load-{number}"), steps);
        let created = client.post("/api/processes", &json!({"yaml_content": yaml})).await?;
        let id = created["id"].as_str().context("no id")?.to_owned();
        client.post(&format!("/api/processes/{id}/publish"), &json!({})).await?;
        for _ in 0..EACH {
            client.post(&format!("/api/processes/{id}/execute"), &json!({"input": topic()})).await?;
        }
        ids.push(id);
    }
    let wanted = processes * EACH;
    let begun = std::time::Instant::now();
    while client.get("/api/executions?status=completed&limit=1").await?.body["total"] != wanted {
        ensure!(begun.elapsed() < Duration::from_mins(2), "the executions do not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(client);
    server.stop()?;
    Ok(ids)
}

impl Made {
    /// Multiplies the executions of a database that no program has open.
    pub fn write(&self, database: &Path) -> anyhow::Result<()> {
        let connection = Connection::open(database)?;
        connection.execute_batch(
            "PRAGMA synchronous = OFF;
             PRAGMA cache_size = -400000;
             CREATE TEMP TABLE run_there AS
                 SELECT row_number() OVER (ORDER BY key) - 1 AS number, key, started_at FROM process_executions
                 WHERE status = 3;",
        )?;
        let there: i64 = connection.query_row("SELECT count(*) FROM run_there", [], |row| row.get(0))?;
        let last: i64 = connection.query_row("SELECT max(key) FROM process_executions", [], |row| row.get(0))?;
        ensure!(there > 0, "nothing was run");
        let count = i64::try_from(self.count)?;
        let over = i64::try_from(self.over.as_micros())?;
        let columns = columns(&connection, "process_executions")?;
        let cell = |column: &String| match column.as_str() {
            "key" | "root" => format!("{last} + 1 + n.i"),
            "id" => "randomblob(16)".to_owned(),
            time if TIMES.contains(&time) => {
                // Each begins a little before the one before it.
                format!("run.{time} - run.started_at + {} - n.i * {} / {count}", self.newest, over)
            }
            other => format!("run.{other}"),
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        connection.execute_batch(&format!(
            "BEGIN;
             INSERT INTO process_executions ({names})
             WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
             SELECT {cells}
             FROM n
             JOIN run_there ON run_there.number = n.i % {there}
             JOIN process_executions AS run ON run.key = run_there.key;
             COMMIT;",
            names = columns.join(", "),
            cells = cells.join(", "),
        ))?;
        if self.whole {
            for table in ["execution_events", "execution_values", "ended_steps"] {
                multiply(&connection, table, last, there)?;
            }
        }
        connection.execute_batch("DROP TABLE run_there; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(())
    }

    /// Adds up what commits would have added up of them: for each version as much in each quarter of an hour.
    pub fn write_figures(&self, database: &Path) -> anyhow::Result<()> {
        let connection = Connection::open(database)?;
        let span = i64::try_from(self.over.as_micros())?;
        let mut lengths = String::new();
        for length in 0..LENGTHS {
            let _ = write!(lengths, "{}:{} ", 200 + length, 1 + self.count / 200_000);
        }
        for (table, period, micros) in [("run_figures", "quarter", QUARTER), ("step_figures", "hour", HOUR)] {
            let columns = columns(&connection, table)?;
            let periods = span / micros;
            let known: i64 = connection.query_row("SELECT count(*) FROM process_definitions", [], |row| row.get(0))?;
            let factor = (i64::try_from(self.count)? / periods.max(1) / known.max(1) / i64::try_from(EACH)?).max(1);
            let last = self.newest / micros;
            let cell = |column: &String| match column.as_str() {
                same @ ("whole" | "user_name" | "definition" | "name" | "step" | "took_least" | "took_most"
                | "cost_least" | "cost_most") => format!("figures.{same}"),
                "durations" => format!("'{lengths}'"),
                of_period if of_period == period => format!("{last} - n.i"),
                sum => format!("figures.{sum} * {factor}"),
            };
            let cells: Vec<String> = columns.iter().map(cell).collect();
            connection.execute_batch(&format!(
                "INSERT OR REPLACE INTO {table} ({names})
                 WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {periods})
                 SELECT {cells} FROM (SELECT * FROM {table}) AS figures, n;",
                names = columns.join(", "),
                cells = cells.join(", "),
            ))?;
        }
        connection.execute_batch("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(())
    }
}

/// Multiplies the rows of a table as its executions are.
fn multiply(connection: &Connection, table: &str, last: i64, there: i64) -> anyhow::Result<()> {
    // Events have numbers of their own.
    let columns: Vec<String> = columns(connection, table)?.into_iter().filter(|column| column != "id").collect();
    let cell = |column: &String| match column.as_str() {
        "execution" => "made.key".to_owned(),
        other => format!("part.{other}"),
    };
    let cells: Vec<String> = columns.iter().map(cell).collect();
    connection.execute_batch(&format!(
        "BEGIN;
         INSERT INTO {table} ({names})
         SELECT {cells}
         FROM process_executions AS made
         JOIN run_there ON run_there.number = (made.key - {last} - 1) % {there}
         JOIN {table} AS part ON part.execution = run_there.key
         WHERE made.key > {last};
         COMMIT;",
        names = columns.join(", "),
        cells = cells.join(", "),
    ))?;
    Ok(())
}

fn columns(connection: &Connection, table: &str) -> anyhow::Result<Vec<String>> {
    let mut list = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names: Result<Vec<String>, _> = list.query_map([table], |row| row.get(0))?.collect();
    Ok(names?)
}
