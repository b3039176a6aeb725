//! What the command line does with a database, beside a running server and without one.

use std::fs;

use crate::support::{options_in, stores_of};
use procession_application::ports::ExecutionStore;
use procession_store_sqlite::{OpenError, SqliteStore, backup, check, migrate, vacuum};
use procession_testing::contract::{agent, at};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

#[tokio::test]
async fn a_backup_beside_a_running_server_is_a_whole_database() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(options_in(folder.path())).await.unwrap();
    let stores = stores_of(&store);
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let id = stores.queued(&process).await;
    let target = folder.path().join("copy/procession.db");
    store.backup_to(&target).await.unwrap();
    let later = stores.queued(&process).await;
    let copy = SqliteStore::open(options_in(&folder.path().join("copy"))).await.unwrap();
    assert!(copy.load(id).await.unwrap().is_some());
    assert!(copy.load(later).await.unwrap().is_none());
    assert_eq!(check(&target).await.unwrap(), Vec::<String>::new());
    let left: Vec<_> =
        fs::read_dir(folder.path().join("copy")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("unfinished")), "{left:?}");
}

#[tokio::test]
async fn a_backup_never_overwrites_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    migrate(&options).await.unwrap();
    let target = folder.path().join("copy.db");
    backup(&options.path, &target).await.unwrap();
    let before = fs::read(&target).unwrap();
    let refused = backup(&options.path, &target).await.unwrap_err();
    assert!(matches!(refused, OpenError::Folder { .. }), "{refused:?}");
    assert!(refused.to_string().contains("already exists"), "{refused}");
    assert_eq!(fs::read(&target).unwrap(), before);
}

#[tokio::test]
async fn what_needs_the_database_alone_is_refused_beside_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    let store = SqliteStore::open(options.clone()).await.unwrap();
    assert!(matches!(vacuum(&options).await, Err(OpenError::InUse { .. })));
    assert!(matches!(migrate(&options).await, Err(OpenError::InUse { .. })));
    assert_eq!(check(&options.path).await.unwrap(), Vec::<String>::new());
    store.close().await;
    vacuum(&options).await.unwrap();
}

#[tokio::test]
async fn a_vacuum_gives_unused_room_back_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    let store = SqliteStore::open(options.clone()).await.unwrap();
    let stores = stores_of(&store);
    let kept = stores.draft("report", "1", at(0)).await;
    store.close().await;
    let fill = "CREATE TABLE filling AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)
                SELECT i, randomblob(1000) AS b FROM n";
    for statement in [fill, "DROP TABLE filling", "PRAGMA wal_checkpoint(TRUNCATE)"] {
        execute(&options.path, statement).await;
    }
    let before = fs::metadata(&options.path).unwrap().len();
    vacuum(&options).await.unwrap();
    assert!(fs::metadata(&options.path).unwrap().len() < before / 4);
    let store = SqliteStore::open(options).await.unwrap();
    assert_eq!(stores_of(&store).definitions.load(kept.id()).await.unwrap(), Some(kept));
}

#[tokio::test]
async fn a_check_finds_rows_that_refer_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    migrate(&options).await.unwrap();
    execute(&options.path, "INSERT INTO budgets VALUES (1, 0, 0, 0, 'USD', 'stop', 0)").await;
    let problems = check(&options.path).await.unwrap();
    assert_eq!(problems, ["row 1 of budgets refers to a row of process_executions that does not exist"]);
}

#[tokio::test]
async fn what_is_not_there_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    assert!(matches!(check(&options.path).await, Err(OpenError::Missing(_))));
    assert!(matches!(vacuum(&options).await, Err(OpenError::Missing(_))));
    let copied = backup(&options.path, &folder.path().join("copy.db")).await;
    assert!(matches!(copied, Err(OpenError::Missing(_))));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

async fn execute(path: &std::path::Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
    let mut connection = options.connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
