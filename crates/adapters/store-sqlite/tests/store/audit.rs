//! The audit trail in the database: written with the change, and whoever tampers with it is found out.

use std::{collections::BTreeMap, sync::Arc};

use procession_application::ports::{PageStart, Paging, Ports, ProcessFilter};
use procession_store_sqlite::SqliteStore;
use procession_testing::{CURTAIN, KeptMessages, MemoryStore, ScriptedAgents, SequentialIds, Stage, VirtualClock};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::support::options_in;

const HELLO: &str = "{name: hello, steps: [{id: greet, agent: writer, message: Hello}]}";

/// An application on a database in this folder, and a connection to tamper with it.
async fn house(folder: &std::path::Path) -> (Stage, SqliteConnection) {
    let options = options_in(folder);
    let store = Arc::new(SqliteStore::open(options.clone()).await.unwrap());
    let clock = Arc::new(VirtualClock::starting_at(CURTAIN));
    let agents = Arc::new(ScriptedAgents::new(clock.clone(), BTreeMap::from([("writer".to_owned(), vec![])])));
    let messages = Arc::new(KeptMessages::default());
    let stores = procession_application::ports::Stores::of(&store, Arc::new(MemoryStore::new()));
    let ports = Ports::on(stores, agents.clone(), messages.clone(), clock, Arc::new(SequentialIds::new()));
    let stage = Stage::on(ports, agents, messages, procession_application::engine::EngineSettings::default()).await;
    let connection = SqliteConnectOptions::new().filename(&options.path).connect().await.unwrap();
    (stage, connection)
}

async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(connection).await.map(drop)
}

#[tokio::test]
async fn a_change_is_written_with_its_entry_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, mut other) = house(folder.path()).await;
    let process = stage.publish(HELLO).await;
    stage.start(process, serde_json::json!({})).await;
    let entries = stage.ports.stores.audit.after(0, 100).await.unwrap();
    let actions: Vec<&str> = entries.iter().map(|kept| kept.entry.action.as_str()).collect();
    // Each stands there once, although its change wrote it and its door would have.
    assert_eq!(actions, ["process.create", "process.publish", "execution.trigger"]);

    let refuse = "CREATE TRIGGER refuse_all BEFORE INSERT ON audit_entries BEGIN SELECT raise(ABORT, 'no'); END";
    run(&mut other, refuse).await.unwrap();
    let second = HELLO.replace("hello", "second");
    assert!(stage.definitions.create(&stage.system, second.clone()).await.is_err());
    let paging = Paging { limit: 10, start: PageStart::Offset(0) };
    let listed = stage.ports.stores.definitions.list(&ProcessFilter::default(), &paging).await.unwrap();
    assert_eq!(listed.total, 1, "what can't be written down is not done");
    run(&mut other, "DROP TRIGGER refuse_all").await.unwrap();
    stage.definitions.create(&stage.system, second).await.unwrap();
    assert_eq!(stage.ports.stores.audit.ever().await.unwrap(), 4);
}

#[tokio::test]
async fn the_trail_is_only_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, mut other) = house(folder.path()).await;
    stage.publish(HELLO).await;
    for sql in ["UPDATE audit_entries SET actor = 'nobody'", "DELETE FROM audit_entries"] {
        let refused = run(&mut other, sql).await.unwrap_err().to_string();
        assert!(refused.contains("only appended to"), "{refused}");
    }
    assert_eq!(stage.audit.verify(&stage.system).await.unwrap().first_broken, None);
}

#[tokio::test]
async fn tampering_shows() {
    const UNLOCK: &str = "DROP TRIGGER audit_entries_never_change; DROP TRIGGER audit_entries_never_go;";
    for (tampering, first_broken) in [
        ("UPDATE audit_entries SET actor = 'nobody' WHERE number = 2", Some(2)),
        ("UPDATE audit_entries SET outcome = 'refused', reason = 'no' WHERE number = 3", Some(3)),
        ("UPDATE audit_entries SET address = '' WHERE number = 1", Some(1)),
        ("DELETE FROM audit_entries WHERE number = 2", Some(2)),
        ("DELETE FROM audit_entries WHERE number = 1", Some(1)),
        ("DELETE FROM audit_entries WHERE number = 4", Some(4)),
        ("DELETE FROM audit_entries", Some(1)),
        ("UPDATE audit_entries SET number = number + 10 WHERE number = 4", Some(4)),
        ("UPDATE audit_entries SET at = at", None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (stage, mut other) = house(folder.path()).await;
        for name in ["hello", "second"] {
            stage.publish(&HELLO.replace("hello", name)).await;
        }
        assert_eq!(stage.audit.verify(&stage.system).await.unwrap().entries, 4);
        run(&mut other, &format!("{UNLOCK} {tampering}")).await.unwrap();
        let verdict = stage.audit.verify(&stage.system).await.unwrap();
        assert_eq!(verdict.first_broken, first_broken, "{tampering}");
    }
}
