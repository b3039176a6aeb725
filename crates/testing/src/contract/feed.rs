//! What a store promises about events: in the order of commits, without gaps, and told only after they are written.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use procession_domain::value::ExecutionId;
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use super::{
    given::{Stores, agent, at, at_once, definition, sub_process},
    run::Run,
};
use procession_application::ports::StoredEvent;

/// With 64 writers at once, ids rise in the order of commits, the feed brings them in that order, a commit's events
/// together, and every execution's events are without gaps.
pub async fn with_many_writers_the_feed_keeps_the_order_of_commits(stores: &Stores) {
    let steps = vec![agent("a", &[]), agent("b", &["a"]), agent("c", &["b"])];
    let process = stores.published("report", steps).await;
    let lease = stores.node().await;
    let mut feed = stores.feed.subscribe();
    let mut writers = Vec::new();
    for _ in 0..64 {
        let (executions, mut run) = (Arc::clone(&stores.executions), stores.admitted(&process, lease).await);
        writers.push(async move {
            executions.commit(Arc::new(run.begin())).await.unwrap();
            for step in ["a", "b", "c"] {
                executions.commit(Arc::new(run.finish(at(2), step))).await.unwrap();
            }
        });
    }
    at_once(writers).await;
    let live = all_of(&mut feed);
    let newest = stores.feed.newest().await.unwrap();
    let stored = stores.feed.after(0, None, 10_000).await.unwrap();
    assert_eq!(stored.last().map(|event| event.id), Some(newest));
    let told: Vec<StoredEvent> = live.iter().flat_map(|commit| commit.iter().cloned()).collect();
    assert_eq!(told, stored);
    assert!(stored.is_sorted_by(|before, after| before.id < after.id));
    assert_eq!(live.len(), 64 * 5, "a message for the start and each commit");
    let one_execution =
        |commit: &Arc<[StoredEvent]>| commit.iter().all(|event| event.execution_id == commit[0].execution_id);
    assert!(live.iter().all(one_execution));
    let mut sequences: HashMap<ExecutionId, u64> = HashMap::new();
    for event in &stored {
        let last = sequences.entry(event.execution_id).or_default();
        *last += 1;
        assert_eq!(event.sequence(), *last);
    }
    assert_eq!(sequences.len(), 64);
}

/// Whoever subscribes and then reads what is stored after a known event misses nothing, whenever that is.
pub async fn between_reading_and_subscribing_nothing_is_missed(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut writers = Vec::new();
    for _ in 0..40 {
        let (executions, mut run) = (Arc::clone(&stores.executions), stores.admitted(&process, lease).await);
        writers.push(async move {
            executions.commit(Arc::new(run.begin())).await.unwrap();
            executions.commit(Arc::new(run.finish(at(2), "a"))).await.unwrap();
        });
    }
    let known = stores.feed.newest().await.unwrap();
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let feed = Arc::clone(&stores.feed);
            async move {
                tokio::task::yield_now().await;
                let live = feed.subscribe();
                let read = feed.after(known, None, 10_000).await.unwrap();
                (live, read)
            }
        })
        .collect();
    let writing = tokio::spawn(at_once(writers));
    let readers = at_once(readers).await;
    writing.await.unwrap();
    let expected: Vec<u64> = ids(&stores.feed.after(known, None, 10_000).await.unwrap());
    assert_eq!(expected.len(), 40 * 4);
    for (mut live, read) in readers {
        let mut seen = ids(&read);
        let last = seen.last().copied().unwrap_or(known);
        let told = all_of(&mut live);
        seen.extend(told.iter().flat_map(|commit| ids(commit)).filter(|id| *id > last));
        assert_eq!(seen, expected);
    }
}

/// What the feed has told is stored: a reader who hears of an event finds it.
pub async fn what_is_told_is_stored(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut feed = stores.feed.subscribe();
    let mut run = stores.admitted(&process, stores.node().await).await;
    let commits = [run.begin(), run.finish(at(2), "a")];
    let writing = {
        let executions = Arc::clone(&stores.executions);
        tokio::spawn(async move {
            for commit in commits {
                executions.commit(Arc::new(commit)).await.unwrap();
            }
        })
    };
    for _ in 0..3 {
        let told = feed.recv().await.unwrap();
        let stored = stores.feed.after(told[0].id - 1, None, 100).await.unwrap();
        assert!(stored.len() >= told.len());
        assert_eq!(stored[..told.len()], told[..]);
    }
    writing.await.unwrap();
}

/// A refused commit tells nobody anything.
pub async fn a_refused_commit_is_not_told(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let mut feed = stores.feed.subscribe();
    let mut refused = run.clone();
    refused.lease.epoch += 1;
    assert!(stores.executions.commit(Arc::new(refused.begin())).await.is_err());
    assert!(matches!(feed.try_recv(), Err(TryRecvError::Empty)));
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    assert_eq!(all_of(&mut feed).len(), 1);
}

/// Starts and children are told too, a child together with the commit that creates it.
pub async fn starts_and_children_are_told(stores: &Stores) {
    let child = stores.published("child", vec![agent("work", &[])]).await;
    let process = stores.published_from(definition("parent", "1", vec![sub_process("run", &child, true)])).await;
    let mut feed = stores.feed.subscribe();
    let mut run = stores.admitted(&process, stores.node().await).await;
    run.give_child("run", &child);
    stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    let told = all_of(&mut feed);
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].len(), told[0][0].event().event_type()), (1, "ExecutionCreated"));
    let names: HashSet<&str> = told[1].iter().map(|event| event.process_name().as_str()).collect();
    assert_eq!(names, HashSet::from(["parent", "child"]));
    assert_eq!(told[1].last().unwrap().event().event_type(), "ExecutionCreated");
}

/// Events are read in parts: behind a number, of one execution, no more than asked for.
pub async fn events_are_read_in_parts(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let lease = stores.node().await;
    let mut runs: Vec<Run> = Vec::new();
    for _ in 0..2 {
        runs.push(stores.admitted(&process, lease).await);
    }
    for run in &mut runs {
        stores.executions.commit(Arc::new(run.begin())).await.unwrap();
    }
    let all = stores.feed.after(0, None, 100).await.unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!(stores.feed.after(all[1].id, None, 2).await.unwrap(), all[2..4]);
    assert_eq!(stores.feed.after(all[5].id, None, 2).await.unwrap(), []);
    let of_one = stores.feed.after(0, Some(runs[1].id()), 2).await.unwrap();
    assert_eq!(of_one.iter().map(StoredEvent::sequence).collect::<Vec<_>>(), [1, 2]);
    let rest = stores.feed.after(of_one[1].id, Some(runs[1].id()), 10).await.unwrap();
    assert_eq!(rest.iter().map(StoredEvent::sequence).collect::<Vec<_>>(), [3]);
    let page = procession_application::ports::EventPage { offset: 1, limit: 1 };
    let paged = stores.queries.events(runs[1].id(), page).await.unwrap();
    assert_eq!(paged, [of_one[1].clone()]);
}

/// An empty store has no newest event and no time to start the clock from.
pub async fn an_empty_store_has_no_newest_event(stores: &Stores) {
    assert_eq!(stores.feed.newest().await.unwrap(), 0);
    assert_eq!(stores.executions.newest_event_time().await.unwrap(), None);
    assert_eq!(stores.feed.after(0, None, 10).await.unwrap(), []);
}

fn ids(events: &[StoredEvent]) -> Vec<u64> {
    events.iter().map(|event| event.id).collect()
}

/// All that a feed has brought so far. What was answered has been told.
fn all_of(feed: &mut Receiver<Arc<[StoredEvent]>>) -> Vec<Arc<[StoredEvent]>> {
    let mut all = Vec::new();
    while let Ok(commit) = feed.try_recv() {
        all.push(commit);
    }
    all
}
