//! What a store promises about deliveries: with their events or not at all, due until the end of a try is noted, and one
//! row each whatever happens.

use std::sync::Arc;

use procession_domain::value::{Duration, Json, ProcessName, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::{
    given::{Stores, agent, at, step_id, sub_process},
    lists::{all_pages, first},
    run::Launch,
};
use procession_application::ports::{
    AttemptEnd, CommitError, DeliveryAttempt, DeliveryContent, DeliveryFilter, DeliveryKind, DeliveryState,
    DueDelivery, DueRequest, Endpoint, NewDelivery, PageStart, Paging,
};

/// Deliveries of a commit are written with it, and tell the numbers that its events got.
pub async fn deliveries_are_written_with_their_commit(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let mut commit = run.begin();
    let sequence = commit.events.last().unwrap().sequence;
    let id = run.id();
    commit.deliveries =
        vec![NewDelivery { execution_id: Some(id), sequence: Some(sequence), ..webhook(stores, at(1), "hook") }];
    stores.executions.commit(Arc::new(commit.clone())).await.unwrap();
    let event = stores.feed.after(0, Some(id), 100).await.unwrap().pop().unwrap();
    let [due] = due(stores, at(1)).await.try_into().unwrap();
    assert_eq!((due.id, due.event_id, due.execution_id), (commit.deliveries[0].id, Some(event.id), Some(id)));
    assert_eq!((&due.content, due.tries, due.created_at), (&commit.deliveries[0].content, 0, at(1)));
    let row = stores.deliveries.delivery(due.id).await.unwrap().unwrap();
    assert_eq!((row.kind, row.state, row.attempts), (DeliveryKind::Webhook, DeliveryState::Waiting, 0));
    assert_eq!((row.event_id, row.next_attempt_at), (Some(event.id), Some(at(1))));
    assert_eq!((row.target.as_str(), row.event.as_str()), ("hook", "process_completed"));
    assert_eq!(row.process_name, Some(ProcessName::new("report").unwrap()));
}

/// A commit that is refused leaves no deliveries, and one that is repeated doubles none.
pub async fn a_refused_commit_delivers_nothing(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let mut run = stores.admitted(&process, stores.node().await).await;
    let mut commit = run.begin();
    commit.deliveries = vec![webhook(stores, at(1), "hook")];
    let commit = Arc::new(commit);
    stores.executions.commit(Arc::clone(&commit)).await.unwrap();
    let mut other = (*commit).clone();
    other.deliveries = vec![webhook(stores, at(1), "other")];
    for repeated in [commit, Arc::new(other)] {
        let refused = stores.executions.commit(repeated).await;
        assert!(matches!(refused, Err(CommitError::Conflict)));
    }
    assert_eq!(due(stores, at(1)).await.len(), 1);
}

/// Those of a start and of a child are written with it too.
pub async fn starts_and_children_bring_their_deliveries(stores: &Stores) {
    let child = stores.published("child", vec![agent("a", &[])]).await;
    let process = stores.published("report", vec![sub_process("part", &child, true)]).await;
    let lease = stores.node().await;
    let launch = Launch { admit: Some(lease), ..Launch::default() };
    let (mut run, mut start) = launch.prepare(stores, &process);
    let of_start = NewDelivery { execution_id: Some(run.id()), sequence: Some(1), ..webhook(stores, at(0), "start") };
    start.deliveries = vec![of_start];
    stores.executions.start(start).await.unwrap();
    run.give_child("part", &child);
    let mut commit = run.begin();
    let id = commit.children[0].execution.id();
    commit.children[0].deliveries =
        vec![NewDelivery { execution_id: Some(id), sequence: Some(1), ..webhook(stores, at(1), "child") }];
    stores.executions.commit(Arc::new(commit)).await.unwrap();
    let found = due(stores, at(1)).await;
    let told: Vec<_> = found.iter().map(|due| (due.target.as_str(), due.execution_id)).collect();
    assert_eq!(told, [("start", Some(run.id())), ("child", Some(id))]);
    for due in &found {
        let created = stores.feed.after(0, due.execution_id, 1).await.unwrap();
        assert_eq!(due.event_id, Some(created[0].id));
    }
}

/// What is due comes the earliest first, not before its time, and without what was asked to leave out.
pub async fn what_is_due_comes_in_order(stores: &Stores) {
    let named = |name: &str, seconds| NewDelivery { due_at: at(seconds), ..webhook(stores, at(0), name) };
    let rows = [named("late", 30), named("second", 10), named("first", 5), named("third", 10)];
    stores.deliveries.enqueue(&rows).await.unwrap();
    assert_eq!(targets(&due(stores, at(4)).await), [""; 0]);
    assert_eq!(stores.deliveries.next_due(at(4)).await.unwrap(), Some(at(5)));
    assert_eq!(targets(&due(stores, at(10)).await), ["first", "second", "third"]);
    assert_eq!(stores.deliveries.next_due(at(10)).await.unwrap(), Some(at(30)));
    assert_eq!(stores.deliveries.next_due(at(30)).await.unwrap(), None);
    let request = DueRequest { except: vec![rows[2].id], ..asking(at(10)) };
    assert_eq!(targets(&stores.deliveries.due(&request).await.unwrap()), ["second", "third"]);
    let request = DueRequest { except_receivers: vec!["https://second".into()], ..asking(at(10)) };
    assert_eq!(targets(&stores.deliveries.due(&request).await.unwrap()), ["first", "third"]);
    let request = DueRequest { limit: 1, ..asking(at(10)) };
    assert_eq!(targets(&stores.deliveries.due(&request).await.unwrap()), ["first"]);
}

/// A delivery stays due until the end of a try is noted, and the tries are kept.
pub async fn a_delivery_is_due_until_its_end_is_noted(stores: &Stores) {
    let row = webhook(stores, at(0), "hook");
    stores.deliveries.enqueue(std::slice::from_ref(&row)).await.unwrap();
    assert_eq!(due(stores, at(0)).await.len(), 1);
    assert_eq!(due(stores, at(0)).await.len(), 1, "a worker that was killed has noted nothing");
    stores.deliveries.record(&failed(row.id, at(1), DeliveryState::Retrying, Some(at(6)))).await.unwrap();
    assert_eq!(due(stores, at(5)).await.len(), 0);
    let [again] = due(stores, at(6)).await.try_into().unwrap();
    assert_eq!((again.id, again.tries), (row.id, 1));
    let free = AttemptEnd { counts: false, ..failed(row.id, at(6), DeliveryState::Retrying, Some(at(7))) };
    stores.deliveries.record(&free).await.unwrap();
    assert_eq!(due(stores, at(7)).await[0].tries, 1, "not every try counts");
    let taken = DeliveryAttempt { at: at(7), took: Duration::from_secs(2), status: Some(204), error: None };
    let end = AttemptEnd {
        id: row.id,
        attempt: taken.clone(),
        state: DeliveryState::Delivered,
        counts: true,
        next_attempt_at: None,
    };
    stores.deliveries.record(&end).await.unwrap();
    assert_eq!(due(stores, at(1_000)).await.len(), 0);
    let kept = stores.deliveries.delivery(row.id).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.attempts, kept.delivered_at), (DeliveryState::Delivered, 3, Some(at(9))));
    assert_eq!((kept.last_status, kept.last_error), (Some(204), None));
    let attempts = stores.deliveries.attempts(row.id).await.unwrap();
    assert_eq!((attempts.len(), &attempts[2]), (3, &taken));
    assert_eq!((attempts[0].status, attempts[0].error.as_deref()), (Some(503), Some("no")));
    let unknown = stores.id();
    stores.deliveries.record(&AttemptEnd { id: unknown, ..end }).await.unwrap();
    assert_eq!(stores.deliveries.delivery(unknown).await.unwrap(), None);
}

/// Whatever became of a delivery, it is sent again under its id, and may fail as often as a new one.
pub async fn a_delivery_is_sent_again_under_its_id(stores: &Stores) {
    let row = webhook(stores, at(0), "hook");
    stores.deliveries.enqueue(std::slice::from_ref(&row)).await.unwrap();
    stores.deliveries.record(&failed(row.id, at(1), DeliveryState::Dead, None)).await.unwrap();
    assert_eq!(due(stores, at(100)).await.len(), 0);
    assert!(stores.deliveries.resend(row.id, at(100)).await.unwrap());
    let [again] = due(stores, at(100)).await.try_into().unwrap();
    assert_eq!((again.id, again.tries), (row.id, 0));
    let kept = stores.deliveries.delivery(row.id).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.attempts), (DeliveryState::Waiting, 1));
    assert!(!stores.deliveries.resend(stores.id(), at(100)).await.unwrap());
}

/// What nobody needs is removed, unless it was tried.
pub async fn a_delivery_is_withdrawn_unless_it_was_tried(stores: &Stores) {
    let (one, other) = (webhook(stores, at(0), "one"), webhook(stores, at(0), "other"));
    stores.deliveries.enqueue(&[one.clone(), other.clone()]).await.unwrap();
    stores.deliveries.record(&failed(other.id, at(1), DeliveryState::Retrying, Some(at(2)))).await.unwrap();
    assert!(stores.deliveries.withdraw(one.id).await.unwrap());
    assert!(!stores.deliveries.withdraw(one.id).await.unwrap());
    assert!(!stores.deliveries.withdraw(other.id).await.unwrap());
    assert_eq!(targets(&due(stores, at(2)).await), ["other"]);
}

/// Old deliveries are removed once nothing more is tried, a few at a time.
pub async fn old_deliveries_are_purged_once_nothing_more_is_tried(stores: &Stores) {
    for (number, ends) in [(0, true), (1, false), (2, true), (3, true), (9, true)] {
        let row = webhook(stores, at(number), &format!("hook {number}"));
        stores.deliveries.enqueue(std::slice::from_ref(&row)).await.unwrap();
        if ends {
            stores.deliveries.record(&failed(row.id, at(number), DeliveryState::Dead, None)).await.unwrap();
        }
    }
    assert_eq!(stores.deliveries.purge_deliveries(at(5), 2).await.unwrap(), 2);
    assert_eq!(stores.deliveries.purge_deliveries(at(5), 2).await.unwrap(), 1);
    assert_eq!(stores.deliveries.purge_deliveries(at(5), 2).await.unwrap(), 0);
    let page = stores.deliveries.deliveries(&DeliveryFilter::default(), &first(10)).await.unwrap();
    let left: Vec<&str> = page.rows.iter().map(|row| row.target.as_str()).collect();
    assert_eq!(left, ["hook 9", "hook 1"]);
}

/// Lists are filtered, counted and paged, the newest first.
pub async fn deliveries_are_filtered_and_paged(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let run = stores.admitted(&process, stores.node().await).await;
    for number in 0..6 {
        let row = webhook(stores, at(number), &format!("hook {number}"));
        let execution_id = (number % 2 == 0).then(|| run.id());
        stores.deliveries.enqueue(&[NewDelivery { execution_id, ..row }]).await.unwrap();
    }
    let mail = NewDelivery {
        kind: DeliveryKind::Mail,
        process_name: Some(ProcessName::new("other").unwrap()),
        ..webhook(stores, at(6), "ada@example.org")
    };
    stores.deliveries.enqueue(std::slice::from_ref(&mail)).await.unwrap();
    stores.deliveries.record(&failed(mail.id, at(7), DeliveryState::Dead, None)).await.unwrap();
    let list = async |filter: DeliveryFilter| -> Vec<String> {
        let page = stores.deliveries.deliveries(&filter, &first(10)).await.unwrap();
        assert_eq!(page.total, page.rows.len() as u64);
        page.rows.into_iter().map(|row| row.target).collect()
    };
    let all = DeliveryFilter::default();
    assert_eq!(list(all.clone()).await.len(), 7);
    assert_eq!(list(all.clone()).await[0], "ada@example.org");
    assert_eq!(
        list(DeliveryFilter { execution_id: Some(run.id()), ..all.clone() }).await,
        ["hook 4", "hook 2", "hook 0"]
    );
    assert_eq!(list(DeliveryFilter { state: Some(DeliveryState::Dead), ..all.clone() }).await, ["ada@example.org"]);
    assert_eq!(list(DeliveryFilter { kind: Some(DeliveryKind::Mail), ..all.clone() }).await, ["ada@example.org"]);
    assert_eq!(list(DeliveryFilter { process_name: Some("other".into()), ..all.clone() }).await, ["ada@example.org"]);
    let page = stores.deliveries.deliveries(&all, &first(2)).await.unwrap();
    let rest = all_pages(page.next_cursor, 2, async |cursor| {
        let paging = Paging { limit: 2, start: PageStart::Cursor(cursor) };
        let page = stores.deliveries.deliveries(&all, &paging).await.unwrap();
        (page.rows, page.next_cursor)
    });
    assert_eq!(page.rows.len() + rest.await.len(), 7);
    let mut counts = stores.deliveries.delivery_counts().await.unwrap();
    counts.sort_by_key(|(_, count)| *count);
    assert_eq!(counts, [(DeliveryState::Dead, 1), (DeliveryState::Waiting, 6)]);
}

/// What an agent was told is read in parts, in the order in which it was written, and of one user's executions only.
pub async fn an_agents_events_are_read_in_parts(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let launch = Launch { user: Some("ada".into()), ..Launch::default() };
    let of_ada = stores.launched(&process, launch).await.id();
    let of_nobody = stores.queued(&process).await;
    for (number, execution_id) in [of_ada, of_nobody, of_ada].into_iter().enumerate() {
        let told = NewDelivery {
            kind: if number == 1 { DeliveryKind::Monitor } else { DeliveryKind::Informed },
            execution_id: Some(execution_id),
            content: DeliveryContent::AgentMessage { step_id: step_id("a"), message: json!({"number": number}) },
            ..webhook(stores, at(0), "writer")
        };
        stores.deliveries.enqueue(&[told]).await.unwrap();
    }
    stores.deliveries.enqueue(&[webhook(stores, at(0), "writer")]).await.unwrap();
    let read = async |after, limit, user| {
        let events = stores.deliveries.agent_events("writer", after, limit, user).await.unwrap();
        let last = events.last().map_or(after, |last| last.number);
        let numbers: Vec<Json> = events.into_iter().map(|event| event.message["number"].clone()).collect();
        (numbers, last)
    };
    let (numbers, last) = read(0, 2, None).await;
    assert_eq!(numbers, [0, 1]);
    assert_eq!(read(last, 2, None).await.0, [2]);
    assert_eq!(read(0, 10, Some("ada")).await.0, [0, 2]);
    assert!(stores.deliveries.agent_events("reader", 0, 10, None).await.unwrap().is_empty());
}

/// A webhook's delivery that is due at once; it is about no execution.
/// Old deliveries go once nothing more is tried, and only then.
pub async fn old_deliveries_go_once_nothing_more_is_tried(stores: &Stores) {
    let rows: Vec<NewDelivery> = (0..5).map(|second| webhook(stores, at(second), &format!("hook-{second}"))).collect();
    stores.deliveries.enqueue(&rows).await.unwrap();
    for row in &rows[..4] {
        stores.deliveries.record(&failed(row.id, at(6), DeliveryState::Dead, None)).await.unwrap();
    }
    assert_eq!(stores.retention.count_old_deliveries(at(0)).await.unwrap(), 0);
    assert_eq!(stores.retention.count_old_deliveries(at(3)).await.unwrap(), 3);
    assert_eq!(stores.retention.count_old_deliveries(at(99)).await.unwrap(), 4);
    let mut gone = 0;
    loop {
        match stores.retention.purge_deliveries(at(3)).await.unwrap() {
            0 => break,
            some => gone += some,
        }
    }
    assert_eq!(gone, 3);
    for (row, is_kept) in rows.iter().zip([false, false, false, true, true]) {
        assert_eq!(stores.deliveries.delivery(row.id).await.unwrap().is_some(), is_kept);
    }
    assert_eq!(due(stores, at(99)).await.len(), 1);
}

fn webhook(stores: &Stores, now: Timestamp, name: &str) -> NewDelivery {
    NewDelivery {
        id: stores.id(),
        kind: DeliveryKind::Webhook,
        event: "process_completed".to_owned(),
        sequence: None,
        execution_id: None,
        process_name: Some(ProcessName::new("report").unwrap()),
        receiver: format!("https://{name}"),
        target: name.to_owned(),
        content: DeliveryContent::Webhook {
            endpoint: Endpoint::Server("a digest".to_owned()),
            body: json!({"event": "process_completed"}),
            outputs: None,
        },
        created_at: now,
        due_at: now,
    }
}

fn asking(now: Timestamp) -> DueRequest {
    DueRequest { now, limit: 100, except: Vec::new(), except_receivers: Vec::new() }
}

async fn due(stores: &Stores, now: Timestamp) -> Vec<DueDelivery> {
    stores.deliveries.due(&asking(now)).await.unwrap()
}

fn targets(due: &[DueDelivery]) -> Vec<&str> {
    due.iter().map(|due| due.target.as_str()).collect()
}

fn failed(id: Uuid, now: Timestamp, state: DeliveryState, next_attempt_at: Option<Timestamp>) -> AttemptEnd {
    let attempt =
        DeliveryAttempt { at: now, took: Duration::from_millis(20), status: Some(503), error: Some("no".to_owned()) };
    AttemptEnd { id, attempt, state, counts: true, next_attempt_at }
}
