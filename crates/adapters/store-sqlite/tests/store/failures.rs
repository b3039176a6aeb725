//! When the database fails: nothing is half written, everyone is told, and it goes on when the trouble is over.

use std::{path::Path, sync::Arc, time::Duration};

use crate::support::{options_in, stores_of};
use procession_application::ports::{CommitError, SignalError, StartError, StoreError};
use procession_domain::execution::Signal;
use procession_store_sqlite::{Options, SqliteStore};
use procession_testing::contract::{Launch, Run, agent, at, at_once};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

#[tokio::test]
async fn while_another_program_has_the_database_locked_writes_fail_and_then_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = impatient(folder.path());
    let store = SqliteStore::open(options.clone()).await.unwrap();
    let stores = stores_of(&store);
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let commit = run.begin();
    let mut feed = stores.feed.subscribe();

    let mut other = connect(&options.path).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = stores.executions.commit(Arc::new(commit.clone())).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    let (_, start) = Launch::default().prepare(&stores, &process);
    let refused = stores.executions.start(start.clone()).await;
    assert!(matches!(refused, Err(StartError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    let refused = stores.executions.signal(run.id(), Signal::BudgetRaised, at(1)).await;
    assert!(matches!(refused, Err(SignalError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    assert!(stores.executions.load(run.id()).await.unwrap().is_some(), "reading goes on");
    assert!(feed.try_recv().is_err());
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();

    stores.executions.commit(Arc::new(commit)).await.unwrap();
    stores.executions.start(start).await.unwrap();
    assert_eq!(feed.try_recv().unwrap().len(), 2);
    let loaded = Run::loaded(&stores, &process, run.id(), run.lease).await;
    assert_eq!(loaded.execution, run.execution);
}

#[tokio::test]
async fn a_row_that_breaks_a_rule_harms_only_its_own_write() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    let store = SqliteStore::open(options.clone()).await.unwrap();
    let stores = stores_of(&store);
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(stores.admitted(&process, lease).await);
    }
    // Something else has taken the place of an event.
    let mut other = connect(&options.path).await;
    let unlucky = runs[7].id();
    let take = "INSERT INTO execution_events (id, execution, sequence, at, event)
                SELECT ?1, key, 2, 0, '{}' FROM process_executions WHERE id = ?2";
    sqlx::query(take).bind(1_000_000).bind(unlucky.uuid().as_bytes().to_vec()).execute(&mut other).await.unwrap();
    let commits: Vec<_> = runs
        .into_iter()
        .map(|mut run| {
            let executions = Arc::clone(&stores.executions);
            async move { (run.id(), executions.commit(Arc::new(run.begin())).await) }
        })
        .collect();
    for (id, result) in at_once(commits).await {
        if id == unlucky {
            assert!(matches!(result, Err(CommitError::Store(StoreError::Corrupt(_)))), "{result:?}");
        } else {
            assert!(result.is_ok(), "{result:?}");
        }
        if id != unlucky {
            assert_eq!(stores.stored(id).await.standing.sequence, 3);
        }
    }
    sqlx::query("DELETE FROM execution_events WHERE id = 1000000").execute(&mut other).await.unwrap();
    assert_eq!(stores.stored(unlucky).await.standing.sequence, 1);
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_in(folder.path());
    let store = SqliteStore::open(options.clone()).await.unwrap();
    let stores = stores_of(&store);
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut run = stores.admitted(&process, lease).await;
    let mut commit = run.begin();
    // A trigger stands in for the disk: it fails after the execution's row was written.
    let mut other = connect(&options.path).await;
    let fill = "CREATE TRIGGER full BEFORE INSERT ON execution_events BEGIN SELECT raise(ABORT, 'database or disk is full'); END";
    sqlx::query(fill).execute(&mut other).await.unwrap();
    let refused = stores.executions.commit(Arc::new(commit.clone())).await;
    assert!(refused.is_err());
    assert_eq!(stores.stored(run.id()).await.standing.sequence, 1);
    assert_eq!(stores.feed.newest().await.unwrap(), 1);
    sqlx::query("DROP TRIGGER full").execute(&mut other).await.unwrap();
    commit.seen = 0;
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    assert_eq!(stores.stored(run.id()).await.standing.sequence, 3);
}

fn impatient(folder: &Path) -> Options {
    Options { patience: Duration::from_millis(20), ..options_in(folder) }
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(5)).connect().await.unwrap()
}
