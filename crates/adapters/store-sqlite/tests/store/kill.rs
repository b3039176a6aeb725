//! `kill -9` at any moment (spec 3.8): everything that was acknowledged is there afterwards, and nothing is half written.
//!
//! The test runs itself again as a child, which writes and says what was acknowledged, and kills it.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use crate::support::{options_in, stores_of};
use procession_domain::{
    event::{ProcessRef, Recorded},
    execution::Execution,
    value::{ExecutionId, ProcessName},
};
use procession_store_sqlite::{SqliteStore, check};
use procession_testing::contract::{Published, Run, Stores, agent, at, much_later};
use tokio::task::JoinSet;

/// The folder of the child's database; without it this process is not the child.
const FOLDER: &str = "PROCESSION_KILL_TEST_FOLDER";
/// Which of the children it is.
const ROUND: &str = "PROCESSION_TEST_ROUND";

/// How many steps each execution has.
const STEPS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_half_written() {
    if let Some(folder) = env::var_os(FOLDER) {
        write_until_killed(&PathBuf::from(folder)).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(ExecutionId, u64)> = Vec::new();
    for (round, kill_after) in [1, 40, 173, 400].into_iter().enumerate() {
        let mut child = spawn(folder.path(), round);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut count = 0;
        while count < kill_after {
            let line = lines.next().unwrap().unwrap();
            count += usize::from(note(&line, &mut acknowledged));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had said before it was killed counts too; its last line may be cut off.
        for line in lines.map_while(Result::ok) {
            note(&line, &mut acknowledged);
        }
        look_at(folder.path(), &acknowledged).await;
    }
    assert!(acknowledged.len() >= 614);
}

/// Notes that a commit was acknowledged; `false` for other lines.
fn note(line: &str, acknowledged: &mut Vec<(ExecutionId, u64)>) -> bool {
    let Some(said) = line.strip_prefix("ACKNOWLEDGED ").and_then(|said| said.strip_suffix('.')) else {
        return false;
    };
    let (id, sequence) = said.split_once(' ').unwrap();
    acknowledged.push((id.parse().unwrap(), sequence.parse().unwrap()));
    true
}

fn spawn(folder: &Path, round: usize) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::what_was_acknowledged_survives_a_kill_and_nothing_is_half_written", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The child: several executions at once, each commit told when it is acknowledged.
async fn write_until_killed(folder: &Path) {
    let store = SqliteStore::open(options_in(folder)).await.unwrap();
    let stores = Arc::new(fresh_ids(&store));
    let process = process(&stores).await;
    let lease = stores.node().await;
    let told = Arc::new(Mutex::new(std::io::stdout()));
    let mut writers = JoinSet::new();
    for _ in 0..8 {
        let (stores, process, told) = (Arc::clone(&stores), process.clone(), Arc::clone(&told));
        writers.spawn(async move {
            let tell = |run: &Run| {
                let mut out = told.lock().unwrap();
                writeln!(out, "ACKNOWLEDGED {} {}.", run.id(), run.execution.state().sequence).unwrap();
                out.flush().unwrap();
            };
            loop {
                let mut run = stores.admitted(&process, lease).await;
                tell(&run);
                stores.executions.commit(Arc::new(run.begin())).await.unwrap();
                tell(&run);
                for step in 0..STEPS {
                    stores.executions.commit(Arc::new(run.finish(at(2), &format!("s{step}")))).await.unwrap();
                    tell(&run);
                }
            }
        });
    }
    // They go on for ever; one that ends has failed.
    panic!("{:?}", writers.join_next().await);
}

/// The process that every child runs; the first one writes it.
async fn process(stores: &Stores) -> Published {
    let name = ProcessName::new("chain").unwrap();
    if let Some(found) = stores.definitions.published(&name, None).await.unwrap() {
        let version = found.definition.version();
        return Published { process: ProcessRef { id: found.id, name, version }, definition: found.definition };
    }
    let ids: Vec<String> = (0..STEPS).map(|step| format!("s{step}")).collect();
    let before = |step: usize| step.checked_sub(1).map(|before| ids[before].as_str());
    let steps = (0..STEPS).map(|step| agent(&ids[step], before(step).as_slice())).collect();
    stores.published("chain", steps).await
}

/// Every acknowledged commit is there, and every execution is of one piece.
async fn look_at(folder: &Path, acknowledged: &[(ExecutionId, u64)]) {
    let options = options_in(folder);
    let store = SqliteStore::open(options.clone()).await.unwrap();
    let stores = stores_of(&store);
    let process = process(&stores).await;
    for (id, sequence) in acknowledged {
        let stored = stores.stored(*id).await.standing.sequence;
        assert!(stored >= *sequence, "{id}: event {sequence} was acknowledged, {stored} is the last one stored");
    }
    let lease = stores.executions.join(uuid::Uuid::from_u128(1), at(9), much_later()).await.unwrap();
    let ids: std::collections::BTreeSet<ExecutionId> = acknowledged.iter().map(|(id, _)| *id).collect();
    for id in ids {
        let loaded = Run::loaded(&stores, &process, id, lease).await.execution;
        let events = stores.feed.after(0, Some(id), 1_000).await.unwrap();
        let creation = Arc::clone(&events[0].creation);
        let events: Vec<Recorded> = events.into_iter().map(|stored| (*stored.recorded).clone()).collect();
        let replayed = Execution::replay(id, Arc::clone(&process.definition), creation, &events).unwrap();
        assert_eq!(replayed, loaded);
        for (step, state) in loaded.steps() {
            if let Some(output) = &state.output {
                let value = stores.executions.value(id, output.hash).await.unwrap();
                assert!(value.is_some(), "{id} names the output of {}, which is not stored", step.id);
            }
        }
    }
    store.close().await;
    assert_eq!(check(&options.path).await.unwrap(), Vec::<String>::new());
}

/// Ids that no earlier child has used.
fn fresh_ids(store: &SqliteStore) -> Stores {
    let stores = stores_of(store);
    let round: u32 = env::var(ROUND).unwrap().parse().unwrap();
    for _ in 0..round * 200_000 {
        stores.id();
    }
    stores
}
