//! Opening a database: alone, private, of a version that is known; and what closing leaves.

use std::{fs, path::Path, sync::Arc};

use crate::support::{options_in, stores_of};
use procession_application::ports::{ClaimKind, ExecutionStore, StoreError};
use procession_store_sqlite::{OpenError, Options, SqliteStore, migrate, pending_migrations};
use procession_testing::contract::{agent, at, much_later};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

#[tokio::test]
async fn a_second_opening_is_refused_and_names_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(options_in(folder.path())).await.unwrap();
    let refused = SqliteStore::open(options_in(folder.path())).await.unwrap_err();
    let OpenError::InUse { holder, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(*holder, std::process::id().to_string());
    let message = refused.to_string();
    assert!(message.contains("procession.db") && message.contains(&format!("process {holder}")), "{message}");
    first.close().await;
    SqliteStore::open(options_in(folder.path())).await.unwrap().close().await;
}

#[tokio::test]
async fn a_lock_that_a_dead_process_left_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("procession.db.lock"), "999999\n").unwrap();
    SqliteStore::open(options_in(folder.path())).await.unwrap().close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn folder_and_files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a/b");
    let store = SqliteStore::open(options_in(&data)).await.unwrap();
    stores_of(&store).draft("report", "1", at(0)).await;
    store.backup_to(&folder.path().join("copies/one.db")).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["procession.db", "procession.db-wal", "procession.db-shm", "procession.db.lock"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&folder.path().join("copies/one.db")), 0o600);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    migrate(&options).await.unwrap();
    execute(
        &options.path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from the future', 1, x'00', 0)",
    )
    .await;
    let refused = SqliteStore::open(options.clone()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 9999, .. }), "{refused:?}");
    assert!(refused.to_string().contains("newer version of procession"), "{refused}");
    assert!(matches!(pending_migrations(&options.path).await, Err(OpenError::Newer { .. })));
    assert!(matches!(migrate(&options).await, Err(OpenError::Newer { .. })));
}

#[tokio::test]
async fn a_database_from_before_the_first_release_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    migrate(&options).await.unwrap();
    execute(&options.path, "CREATE TABLE step_executions (state TEXT)").await;
    let refused = SqliteStore::open(options.clone()).await.unwrap_err();
    assert!(matches!(refused, OpenError::FirstForm(_)), "{refused:?}");
    assert!(refused.to_string().contains("start with a new data folder"), "{refused}");
    assert!(matches!(migrate(&options).await, Err(OpenError::FirstForm(_))));
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    migrate(&options).await.unwrap();
    execute(&options.path, "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2").await;
    let refused = SqliteStore::open(options).await.unwrap_err();
    assert!(matches!(refused, OpenError::Schema { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    fs::write(&options.path, "this is a shopping list, and long enough to be looked at\n".repeat(100)).unwrap();
    let refused = SqliteStore::open(options.clone()).await.unwrap_err();
    let OpenError::Database { reason, .. } = &refused else { panic!("{refused:?}") };
    assert!(matches!(reason, StoreError::Corrupt(_)), "{reason:?}");
    assert!(fs::read_to_string(&options.path).unwrap().starts_with("this is a shopping list"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = SqliteStore::open(Options::new(file.join("procession.db"))).await.unwrap_err();
    assert!(matches!(refused, OpenError::Folder { .. }), "{refused:?}");
}

#[tokio::test]
async fn migrations_that_are_lacking_are_named_until_they_are_applied() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    let lacking = pending_migrations(&options.path).await.unwrap();
    assert_eq!(lacking[0], "0001 definitions");
    assert!(!options.path.exists(), "asking creates nothing");
    assert_eq!(migrate(&options).await.unwrap(), lacking);
    assert_eq!(migrate(&options).await.unwrap(), Vec::<String>::new());
    assert_eq!(pending_migrations(&options.path).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_anew_and_numbers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(options_in(folder.path())).await.unwrap();
    let stores = stores_of(&store);
    let process = stores.published("report", vec![agent("a", &[]), agent("b", &["a"])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    stores.executions.signal(run.id(), pause(), at(2)).await.unwrap();
    let number = stores.executions.inbox(run.id(), 0).await.unwrap()[0].number;
    let newest = stores.feed.newest().await.unwrap();
    store.close().await;
    assert!(matches!(store.load(run.id()).await, Err(StoreError::Unavailable(_))), "it is closed");
    assert!(matches!(store.renew(run.lease, at(3)).await, Err(StoreError::Unavailable(_))));
    drop(stores);

    let store = SqliteStore::open(options_in(folder.path())).await.unwrap();
    let stores = stores_of(&store);
    assert_eq!(stores.feed.newest().await.unwrap(), newest);
    let node = uuid::Uuid::from_u128(7);
    let lease = stores.executions.join(node, at(5), much_later()).await.unwrap();
    assert!(!stores.executions.renew(run.lease, much_later()).await.unwrap(), "the old node's lease has ended");
    let claims = stores.claim(lease, at(5)).await;
    assert_eq!((claims.len(), claims[0].kind), (1, ClaimKind::TakenOver));
    run.lease = lease;
    let rows = stores.executions.inbox(run.id(), 0).await.unwrap();
    stores.executions.commit(Arc::new(run.hear(at(6), &rows))).await.unwrap();
    stores.executions.signal(run.id(), cancel(), at(7)).await.unwrap();
    assert!(stores.executions.inbox(run.id(), 0).await.unwrap()[0].number > number);
    assert!(stores.feed.newest().await.unwrap() > newest);
}

#[tokio::test]
async fn numbers_of_deleted_events_are_not_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    let store = SqliteStore::open(options.clone()).await.unwrap();
    let stores = stores_of(&store);
    let process = stores.published("report", vec![agent("a", &[])]).await;
    stores.queued(&process).await;
    stores.queued(&process).await;
    store.close().await;
    execute(&options.path, "DELETE FROM execution_events").await;
    let store = SqliteStore::open(options).await.unwrap();
    let ids = Arc::clone(&stores.ids);
    let stores = procession_testing::contract::Stores { ids, ..stores_of(&store) };
    stores.queued(&process).await;
    assert_eq!(stores.feed.newest().await.unwrap(), 3);
}

fn pause() -> procession_domain::execution::Signal {
    procession_domain::execution::Signal::Pause { by: "ada".into() }
}

fn cancel() -> procession_domain::execution::Signal {
    procession_domain::execution::Signal::Cancel { by: "ada".into(), reason: None, compensate: false }
}

async fn execute(path: &Path, statement: &'static str) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
