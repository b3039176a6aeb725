//! Telling a receiver of many executions.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use rusqlite::Connection;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::{
    Bench,
    client::Client,
    processes,
    report::{Row, Section},
    server::{self, PASSWORD, Server},
    stage::topic,
    stopwatch::{per_second, shown},
};

/// How many processes tell the receiver: deliveries of one process go one after the other.
const PROCESSES: usize = 16;

pub(super) async fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let count = if bench.quick { 1_000 } else { 10_000 };
    let mut section = Section::new(
        "Deliveries",
        "`procession serve` on a database in which 10,000 deliveries (with `--quick` 1,000) of sixteen processes wait for a webhook \
         of this machine that answers at once, made directly in the database from some that were told. The time is that from the \
         first request to the last.",
    );
    let program = server::program(bench.program.as_deref())?;
    let folder = tempfile::tempdir_in(&bench.folder)?;
    let data = folder.path().join("data");
    let receiver = Receiver::listen().await?;
    let allowed = [("PROCESSION_OUTGOING__ALLOW", receiver.address.as_str())];
    let server = Server::start_with(&program, &data, &allowed).await?;
    run_one_of_each(&server, &receiver).await?;
    server.stop()?;
    receiver.forget();
    multiply(&data.join("procession.db"), count)?;

    let server = Server::start_with(&program, &data, &allowed).await?;
    receiver.until(count).await?;
    let mut client = Client::connect(&server.address).await?;
    let token = client.log_in(PASSWORD).await?;
    let mut client = client.with_token(&token);
    until_noted(&mut client, count + PROCESSES).await?;
    drop(client);
    server.stop()?;
    let received = receiver.received();
    section.add(Row::new("deliveries", per_second(count, received.time)).beside(format!(
        "all in {}; {} requests",
        shown(received.time),
        received.requests
    )));
    section.add(
        Row::new("taken by the receiver", received.ids.to_string())
            .beside(format!("sent more than once: {}", received.requests - received.ids))
            .target("none lost", received.ids == count),
    );
    Ok(section)
}

/// Has each process run once, and waits until the receiver was told.
async fn run_one_of_each(server: &Server, receiver: &Receiver) -> anyhow::Result<()> {
    let mut client = Client::connect(&server.address).await?;
    let token = client.log_in(PASSWORD).await?;
    let mut client = client.with_token(&token);
    for number in 0..PROCESSES {
        let chain = processes::chain(&format!("told-{number}"), 1);
        let url = format!("http://{}/hook", receiver.address);
        let yaml = format!("{chain}webhooks:\n  - {{url: '{url}', events: [process_completed]}}\n");
        let created = client.post("/api/processes", &json!({"yaml_content": yaml})).await?;
        let id = created["id"].as_str().context("no id")?.to_owned();
        client.post(&format!("/api/processes/{id}/publish"), &json!({})).await?;
        client.post(&format!("/api/processes/{id}/execute"), &json!({"input": topic()})).await?;
    }
    receiver.until(PROCESSES).await?;
    until_noted(&mut client, PROCESSES).await
}

/// Waits until so many deliveries are delivered.
async fn until_noted(client: &mut Client, count: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let list = client.get("/api/deliveries?state=delivered&limit=1").await?;
        if list.body["total"].as_u64().context("no total")? >= u64::try_from(count)? {
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_mins(5), "not all deliveries are noted: {}", list.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes so many deliveries that wait, of those that a database has.
fn multiply(database: &Path, count: usize) -> anyhow::Result<()> {
    let connection = Connection::open(database)?;
    let count = i64::try_from(count)?;
    let made = connection.execute(
        "INSERT INTO deliveries (
             id, kind, event, event_id, execution, process_name, receiver, target, content, state, next_attempt_at, created_at)
         WITH RECURSIVE
             n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1),
             told AS (SELECT row_number() OVER (ORDER BY key) - 1 AS number, count(*) OVER () AS many, * FROM deliveries)
         SELECT
             randomblob(16), kind, event, event_id, execution, process_name, receiver, target, content, 'waiting', created_at,
             created_at
         FROM n
         JOIN told ON told.number = n.i % told.many",
        [count],
    )?;
    ensure!(made == usize::try_from(count)?, "{made} deliveries were made");
    Ok(())
}

/// A receiver that answers at once, and keeps what it was told.
struct Receiver {
    address: String,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    /// How often each id came.
    ids: HashMap<String, usize>,
    first: Option<Instant>,
    last: Option<Instant>,
}

/// What a receiver was told.
struct Received {
    ids: usize,
    requests: usize,
    time: Duration,
}

impl Receiver {
    async fn listen() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let told = Arc::new(Mutex::new(Told::default()));
        let kept = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // A connection that breaks off has told what it has told.
                let _ = connection.set_nodelay(true);
                tokio::spawn(answer(connection, Arc::clone(&kept)));
            }
        });
        Ok(Self { address, told })
    }

    fn forget(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Told::default();
    }

    /// Waits until so many ids have come.
    async fn until(&self, count: usize) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.received().ids < count {
            ensure!(begun.elapsed() < Duration::from_mins(5), "{} of {count} deliveries came", self.received().ids);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    fn received(&self) -> Received {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let time = told.first.zip(told.last).map(|(first, last)| last.duration_since(first));
        Received { ids: told.ids.len(), requests: told.ids.values().sum(), time: time.unwrap_or_default() }
    }
}

async fn answer(connection: TcpStream, told: Arc<Mutex<Told>>) -> anyhow::Result<()> {
    let mut connection = BufReader::new(connection);
    loop {
        let (mut id, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if connection.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            match line.trim_end().split_once(": ") {
                None if line.trim_end().is_empty() => break,
                Some((name, value)) if name.eq_ignore_ascii_case("webhook-id") => id = Some(value.to_owned()),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse()?,
                Some(_) | None => {}
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await?;
        {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            told.first.get_or_insert(now);
            told.last = Some(now);
            *told.ids.entry(id.context("no webhook-id")?).or_default() += 1;
        }
        connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    }
}
