//! The database's log: it is moved into the database between batches, and does not stay large.

use std::path::Path;

use crate::support::{options_in, stores_of};
use procession_application::ports::Content;
use procession_store_sqlite::{Options, SqliteStore, Synchronous};
use procession_testing::contract::{Launch, Published, Stores, agent};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

const MEBIBYTE: u64 = 1024 * 1024;

#[tokio::test]
async fn the_log_is_moved_into_the_database_as_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let (options, stores, process) = a_process_in(folder.path()).await;
    let mut longest = 0;
    for _ in 0..16 {
        write(&stores, &process, MEBIBYTE).await;
        longest = longest.max(size(&options.path, "-wal"));
    }
    assert!(longest > 2 * MEBIBYTE, "writes go to the log first, which had {longest} bytes at most");
    assert!(longest < 12 * MEBIBYTE, "the log grew to {longest} bytes");
    assert!(size(&options.path, "") > 8 * MEBIBYTE);
}

#[tokio::test]
async fn a_log_that_a_reader_kept_is_cut_down_when_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (options, stores, process) = a_process_in(folder.path()).await;
    let mut reader = connect(&options.path).await;
    let mut reading = reader.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM process_executions").fetch_one(&mut *reading).await.unwrap();
    // Another program fills the log, which is faster than doing it write by write.
    let mut other = connect(&options.path).await;
    let fill = "INSERT INTO settings (name, value) VALUES ('large', hex(zeroblob(36 * 1024 * 1024)))";
    sqlx::query(fill).execute(&mut other).await.unwrap();
    write(&stores, &process, 4 * MEBIBYTE).await;
    assert!(size(&options.path, "-wal") > 72 * MEBIBYTE, "what a reader may still need stays");
    reading.rollback().await.unwrap();
    write(&stores, &process, 4 * MEBIBYTE).await;
    let log = size(&options.path, "-wal");
    assert!(log < 12 * MEBIBYTE, "the log has {log} bytes");
}

async fn a_process_in(folder: &Path) -> (Options, Stores, Published) {
    let options = Options { synchronous: Synchronous::Normal, ..options_in(folder) };
    let store = SqliteStore::open(options.clone()).await.unwrap();
    let stores = stores_of(&store);
    let process = stores.published("report", vec![agent("a", &[])]).await;
    (options, stores, process)
}

/// Writes so many bytes in transactions of their own.
async fn write(stores: &Stores, process: &Published, bytes: u64) {
    const VALUE: usize = 128 * 1024;
    for _ in 0..bytes / VALUE as u64 {
        let (_, mut start) = Launch::default().prepare(stores, process);
        let text = format!("\"{}\"", "x".repeat(VALUE));
        start.values[0].content = Content::Inline(text.into());
        start.queue_length = u32::MAX;
        stores.executions.start(start).await.unwrap();
    }
}

async fn connect(database: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(database).pragma("wal_autocheckpoint", "0").connect().await.unwrap()
}

fn size(database: &Path, suffix: &str) -> u64 {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    std::fs::metadata(path).map_or(0, |file| file.len())
}
