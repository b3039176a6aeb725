//! What a store promises about schedules and webhooks: that they follow the definitions, and that a due time starts once.

use std::sync::Arc;

use indexmap::IndexMap;
use procession_application::ports::{
    CallOfStart, CallOutcome, FiringOutcome, IdempotencyKey, KeptSchedule, KeptWebhook, LastFiring, ScheduleChange,
    ScheduleStanding, StartError, Started, WebhookAddress, WebhookCall,
};
use procession_domain::{
    definition::{Definition, DefinitionContent, Misfire, Overlap, Process, Schedule, Trigger, TriggerKind},
    value::{Duration, ExecutionId, ProcessId, Timestamp, TriggerId},
};

use super::{
    given::{Published, Stores, agent, at, at_once, definition, process_name},
    run::{Launch, Run},
};

/// The active version of a process has its schedules and webhooks; archiving it takes them away.
pub async fn triggers_follow_the_active_version(stores: &Stores) {
    let draft = stores.draft_with("report", "1", vec![daily("0 9 * * *"), hook(Some("a secret"))], at(0)).await;
    assert_eq!(stores.schedules.schedules().await.unwrap(), []);
    assert_eq!(stores.incoming.webhooks().await.unwrap(), []);
    let first = stores.publish_at(draft, at(10)).await;
    let kept = only_schedule(stores).await;
    assert_eq!((kept.process_id, kept.process_name.as_str()), (first.id(), "report"));
    assert_eq!((kept.trigger_id.as_str(), kept.enabled, kept.revision), ("daily", true, 1));
    let expected = ScheduleStanding { attention_at: Some(at(10)), ..ScheduleStanding::beginning(at(10)) };
    assert_eq!(kept.standing, expected);
    assert_eq!(stores.schedules.schedule(kept.id).await.unwrap(), Some(kept.clone()));
    let webhook = only_webhook(stores).await;
    assert_eq!((webhook.process_id, webhook.secret.as_deref()), (first.id(), Some("a secret")));
    let draft = stores.draft_with("report", "2", vec![daily("0 9 * * *"), hook(None)], at(20)).await;
    let second = stores.publish_at(draft, at(20)).await;
    let taken_over = only_schedule(stores).await;
    assert_eq!((taken_over.id, taken_over.process_id), (kept.id, second.id()), "its id stays");
    assert_eq!(only_webhook(stores).await.process_id, second.id());
    // An older version's end takes nothing away.
    stores.archive_at(first, at(30)).await;
    assert_eq!(only_schedule(stores).await.process_id, second.id());
    stores.archive_at(second, at(40)).await;
    assert_eq!(stores.schedules.schedules().await.unwrap(), []);
    assert_eq!(stores.incoming.webhooks().await.unwrap(), []);
}

/// A schedule goes on as it was in the next version; with other due times it begins anew, and stays paused.
pub async fn a_schedule_goes_on_in_the_next_version(stores: &Stores) {
    let draft = stores.draft_with("report", "1", vec![daily("0 9 * * *")], at(0)).await;
    stores.publish_at(draft, at(0)).await;
    let kept = only_schedule(stores).await;
    let standing = ScheduleStanding {
        paused_at: Some(at(1)),
        handled_until: at(5),
        missed: 2,
        last: Some(LastFiring {
            due_at: at(5),
            at: at(6),
            outcome: FiringOutcome::Missed,
            execution_id: None,
            reason: Some("later".to_owned()),
        }),
        last_run_at: Some(at(4)),
        queued: None,
        attention_at: None,
    };
    assert!(stores.schedules.change_schedule(&change(&kept, standing.clone())).await.unwrap());
    let draft = stores.draft_with("report", "2", vec![daily("0 9 * * *")], at(10)).await;
    stores.publish_at(draft, at(10)).await;
    assert_eq!(only_schedule(stores).await.standing, standing);
    let draft = stores.draft_with("report", "3", vec![daily("0 12 * * *")], at(20)).await;
    stores.publish_at(draft, at(20)).await;
    let expected = ScheduleStanding { handled_until: at(20), ..standing };
    assert_eq!(only_schedule(stores).await.standing, expected);
    let draft = stores.draft_with("report", "4", Vec::new(), at(30)).await;
    stores.publish_at(draft, at(30)).await;
    assert_eq!(stores.schedules.schedules().await.unwrap(), []);
}

/// Schedules are found when they are to be looked at, the longest waiting first.
pub async fn schedules_are_found_when_it_is_time(stores: &Stores) {
    let mut ids = Vec::new();
    for (name, second) in [("a", 30), ("b", 10), ("c", 20)] {
        let draft = stores.draft_with(name, "1", vec![daily("0 9 * * *")], at(0)).await;
        let process = stores.publish_at(draft, at(0)).await;
        let kept = stores.schedules.schedules().await.unwrap();
        let kept = kept.into_iter().find(|kept| kept.process_id == process.id()).unwrap();
        let standing = ScheduleStanding { attention_at: Some(at(second)), ..kept.standing.clone() };
        assert!(stores.schedules.change_schedule(&change(&kept, standing)).await.unwrap());
        ids.push(kept.id);
    }
    let due = async |second, most| {
        let due = stores.schedules.due_schedules(at(second), most).await.unwrap();
        due.into_iter().map(|kept| kept.id).collect::<Vec<_>>()
    };
    assert_eq!(due(9, 10).await, []);
    assert_eq!(due(20, 10).await, [ids[1], ids[2]]);
    assert_eq!(due(99, 2).await, [ids[1], ids[2]]);
    assert_eq!(stores.schedules.next_schedule_attention().await.unwrap(), Some(at(10)));
    let kept = stores.schedules.schedule(ids[1]).await.unwrap().unwrap();
    let standing = ScheduleStanding { attention_at: None, ..kept.standing.clone() };
    assert!(stores.schedules.change_schedule(&change(&kept, standing)).await.unwrap());
    assert_eq!(stores.schedules.next_schedule_attention().await.unwrap(), Some(at(20)));
}

/// A change on an older revision is not written; of changes at once one is.
pub async fn a_schedule_is_changed_on_the_revision_that_was_read(stores: &Stores) {
    let draft = stores.draft_with("report", "1", vec![daily("0 9 * * *")], at(0)).await;
    stores.publish_at(draft, at(0)).await;
    let kept = only_schedule(stores).await;
    let changes: Vec<_> = (1..=8)
        .map(|second| {
            let standing = ScheduleStanding { handled_until: at(second), ..kept.standing.clone() };
            let (schedules, change) = (Arc::clone(&stores.schedules), change(&kept, standing));
            async move { schedules.change_schedule(&change).await.unwrap() }
        })
        .collect();
    assert_eq!(at_once(changes).await.into_iter().filter(|written| *written).count(), 1);
    assert_eq!(only_schedule(stores).await.revision, kept.revision + 1);
}

/// A due time starts once: with the start its schedule is changed, and a start on an older revision writes nothing.
pub async fn a_due_time_starts_once(stores: &Stores) {
    let (process, kept) = stores.scheduled().await;
    let starts: Vec<(Run, _)> = (0..8).map(|_| due_start(stores, &process, &kept)).collect();
    let ids: Vec<ExecutionId> = starts.iter().map(|(run, _)| run.id()).collect();
    let starting: Vec<_> = starts
        .into_iter()
        .map(|(_, start)| {
            let executions = Arc::clone(&stores.executions);
            async move { executions.start(start).await }
        })
        .collect();
    let mut created = 0;
    for outcome in at_once(starting).await {
        match outcome {
            Ok(Started::Created { .. }) => created += 1,
            Err(StartError::Outrun) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(created, 1);
    let mut there = Vec::new();
    for id in ids {
        there.extend(stores.executions.load(id).await.unwrap().map(|loaded| loaded.id));
    }
    assert_eq!(there.len(), 1, "what lost the race has written nothing");
    assert_eq!(only_schedule(stores).await.standing.handled_until, at(60));
    assert_eq!(stores.schedules.runs_under_way(kept.id).await.unwrap(), there);
}

/// A start whose schedule is gone is refused.
pub async fn a_start_of_a_schedule_that_is_gone_is_refused(stores: &Stores) {
    let (process, kept) = stores.scheduled().await;
    let stored = stores.definitions.load(process.process.id).await.unwrap().unwrap();
    stores.archive_at(stored, at(50)).await;
    let (run, start) = due_start(stores, &process, &kept);
    assert!(matches!(stores.executions.start(start).await, Err(StartError::Outrun)));
    assert!(stores.executions.load(run.id()).await.unwrap().is_none());
}

/// A schedule knows its executions as long as they are under way.
pub async fn a_schedule_knows_its_executions_under_way(stores: &Stores) {
    let (process, kept) = stores.scheduled().await;
    let lease = stores.node().await;
    let (mut run, start) = due_start(stores, &process, &kept);
    stores.executions.start(start).await.unwrap();
    stores.executions.claim_one(lease, run.id(), at(60)).await.unwrap();
    run.lease = lease;
    assert_eq!(stores.schedules.runs_under_way(kept.id).await.unwrap(), [run.id()]);
    let begun = run.begin();
    stores.executions.commit(Arc::new(begun)).await.unwrap();
    let cancelled = run.cancel(at(70));
    stores.executions.commit(Arc::new(cancelled)).await.unwrap();
    assert_eq!(stores.schedules.runs_under_way(kept.id).await.unwrap(), []);
    // The next one is known, and the one before no longer.
    let kept = only_schedule(stores).await;
    let (run, start) = due_start(stores, &process, &kept);
    stores.executions.start(start).await.unwrap();
    assert_eq!(stores.schedules.runs_under_way(kept.id).await.unwrap(), [run.id()]);
}

/// A message is taken once, whatever other key comes with it.
pub async fn a_message_is_taken_once_whatever_other_key_it_has(stores: &Stores) {
    let process = stores.published("report", vec![agent("a", &[])]).await;
    let key = |scope: &str| {
        Some(IdempotencyKey { scope: scope.to_owned(), digest: "digest".to_owned(), expires_at: at(100) })
    };
    let launch = |own: &str| Launch { idempotency: key(own), message: key("message"), ..Launch::default() };
    let (first, start) = launch("one").prepare(stores, &process);
    stores.executions.start(start).await.unwrap();
    let (_, start) = launch("two").prepare(stores, &process);
    assert_eq!(stores.executions.start(start).await.unwrap(), Started::Before(first.id()));
    let (_, start) = Launch { idempotency: key("one"), ..Launch::default() }.prepare(stores, &process);
    assert_eq!(stores.executions.start(start).await.unwrap(), Started::Before(first.id()));
}

/// A short address leads to the process that was published last; a full one to its own.
pub async fn a_webhook_is_found_by_its_address(stores: &Stores) {
    for (name, second) in [("first", 10), ("second", 20)] {
        let draft = stores.draft_with(name, "1", vec![hook(None)], at(0)).await;
        stores.publish_at(draft, at(second)).await;
    }
    let found = async |address: &str| {
        let found = stores.incoming.webhook(&WebhookAddress::parse(address)).await.unwrap();
        found.map(|webhook| webhook.process_name.to_string())
    };
    assert_eq!(found("hook").await.as_deref(), Some("second"));
    assert_eq!(found("first/hook").await.as_deref(), Some("first"));
    assert_eq!(found("third/hook").await, None);
    assert_eq!(found("other").await, None);
    let draft = stores.draft_with("first", "2", vec![hook(None)], at(30)).await;
    stores.publish_at(draft, at(30)).await;
    assert_eq!(found("hook").await.as_deref(), Some("first"));
}

/// What a person has switched goes over to the next version.
pub async fn a_webhook_stays_switched_in_the_next_version(stores: &Stores) {
    let draft = stores.draft_with("report", "1", vec![hook(None)], at(0)).await;
    stores.publish_at(draft, at(0)).await;
    let (name, trigger) = (process_name("report"), trigger_id("hook"));
    assert!(only_webhook(stores).await.is_enabled());
    assert!(stores.incoming.switch_webhook(&name, &trigger, false).await.unwrap());
    assert!(!stores.incoming.switch_webhook(&name, &trigger_id("other"), false).await.unwrap());
    assert!(!only_webhook(stores).await.is_enabled());
    let draft = stores.draft_with("report", "2", vec![hook(None)], at(10)).await;
    stores.publish_at(draft, at(10)).await;
    assert!(!only_webhook(stores).await.is_enabled());
}

/// The newest calls of a webhook are kept, and those of others stay.
pub async fn the_newest_calls_of_a_webhook_are_kept(stores: &Stores) {
    let call = |process: &str, second: i64, outcome| WebhookCall {
        id: stores.id(),
        process_name: process_name(process),
        trigger_id: trigger_id("hook"),
        at: at(second),
        outcome,
        status: 202,
        execution_id: (outcome == CallOutcome::Started).then(|| ExecutionId::new(stores.id())),
        reason: (outcome != CallOutcome::Started).then(|| "no".to_owned()),
        size: 7,
        body: Some("{\"a\":1}".to_owned()),
    };
    let of_other = call("other", 0, CallOutcome::Started);
    stores.incoming.note_call(&of_other, 3).await.unwrap();
    let mut calls = Vec::new();
    for (second, outcome) in CallOutcome::ALL.into_iter().enumerate() {
        let call = call("report", i64::try_from(second).unwrap(), outcome);
        stores.incoming.note_call(&call, 3).await.unwrap();
        calls.insert(0, call);
    }
    let (name, trigger) = (process_name("report"), trigger_id("hook"));
    assert_eq!(stores.incoming.calls(&name, &trigger, 10).await.unwrap(), calls[..3]);
    assert_eq!(stores.incoming.calls(&name, &trigger, 1).await.unwrap(), calls[..1]);
    assert_eq!(stores.incoming.count_calls(&name, &trigger).await.unwrap(), 3);
    assert_eq!(stores.incoming.call(&name, &trigger, calls[1].id).await.unwrap(), Some(calls[1].clone()));
    assert_eq!(stores.incoming.call(&name, &trigger, calls[4].id).await.unwrap(), None);
    assert_eq!(stores.incoming.call(&name, &trigger, of_other.id).await.unwrap(), None);
    assert_eq!(stores.incoming.calls(&process_name("other"), &trigger, 10).await.unwrap(), [of_other]);
}

/// A call that starts an execution is remembered with it, and not with a start that is refused or was made before.
pub async fn a_call_is_remembered_with_its_start(stores: &Stores) {
    let process = stores.published("report", vec![agent("write", &[])]).await;
    let call = |second: i64| WebhookCall {
        id: stores.id(),
        process_name: process_name("report"),
        trigger_id: trigger_id("hook"),
        at: at(second),
        outcome: CallOutcome::Started,
        status: 202,
        execution_id: Some(ExecutionId::new(stores.id())),
        reason: None,
        size: 2,
        body: Some("{}".to_owned()),
    };
    let key = IdempotencyKey { scope: "hook".into(), digest: "one".into(), expires_at: at(1_000) };
    let start = |call: &WebhookCall, kept, idempotency: Option<IdempotencyKey>, queue_length| {
        let call = Some(CallOfStart { call: call.clone(), kept });
        Launch { queue_length, idempotency, call, ..Launch::default() }.prepare(stores, &process).1
    };
    let calls: Vec<WebhookCall> = (0..4).map(call).collect();
    let first = stores.executions.start(start(&calls[0], 2, Some(key.clone()), 10)).await.unwrap();
    assert!(matches!(first, Started::Created { .. }));
    let again = stores.executions.start(start(&calls[1], 2, Some(key), 10)).await.unwrap();
    assert!(matches!(again, Started::Before(_)));
    assert!(stores.executions.start(start(&calls[1], 2, None, 0)).await.is_err());
    let kept = async || stores.incoming.calls(&process_name("report"), &trigger_id("hook"), 10).await.unwrap();
    assert_eq!(kept().await, calls[..1]);
    for call in &calls[2..] {
        stores.executions.start(start(call, 2, None, 10)).await.unwrap();
    }
    assert_eq!(kept().await, [calls[3].clone(), calls[2].clone()]);
}

/// Webhooks are listed with the number of their calls, and with who has the short address.
pub async fn webhooks_are_listed_with_what_is_known_of_them(stores: &Stores) {
    let report = stores.draft_with("report", "1", vec![hook(None)], at(0)).await;
    stores.publish_at(report, at(1)).await;
    let digest = stores.draft_with("digest", "1", vec![hook(None)], at(2)).await;
    stores.publish_at(digest, at(3)).await;
    let call = WebhookCall {
        id: stores.id(),
        process_name: process_name("report"),
        trigger_id: only_id(stores).await,
        at: at(4),
        outcome: CallOutcome::Refused,
        status: 403,
        execution_id: None,
        reason: Some("no".to_owned()),
        size: 0,
        body: None,
    };
    stores.incoming.note_call(&call, 3).await.unwrap();
    let listed = stores.incoming.webhooks().await.unwrap();
    let told: Vec<(&str, bool, u64)> =
        listed.iter().map(|one| (one.webhook.process_name.as_str(), one.has_short_address, one.calls)).collect();
    assert_eq!(told, [("digest", true, 0), ("report", false, 1)]);
}

async fn only_id(stores: &Stores) -> TriggerId {
    stores.incoming.webhooks().await.unwrap()[0].webhook.trigger_id.clone()
}

fn trigger_id(id: &str) -> TriggerId {
    TriggerId::new(id).unwrap()
}

fn daily(line: &str) -> Trigger {
    let schedule = Schedule {
        cron: line.to_owned(),
        cron_expression: line.to_owned(),
        timezone: "UTC".to_owned(),
        input: IndexMap::new(),
        misfire: Misfire::FireOnce,
        misfire_grace: Duration::from_secs(3_600),
        overlap: Overlap::Allow,
        shift_missing: true,
        fire_repeated_twice: false,
        jitter: Duration::ZERO,
    };
    Trigger { id: trigger_id("daily"), enabled: true, description: None, kind: TriggerKind::Schedule(schedule) }
}

fn hook(secret: Option<&str>) -> Trigger {
    let kind = TriggerKind::Webhook { secret: secret.map(str::to_owned), dedupe_header: None };
    Trigger { id: trigger_id("hook"), enabled: true, description: Some("Für alle".to_owned()), kind }
}

fn change(kept: &KeptSchedule, standing: ScheduleStanding) -> ScheduleChange {
    ScheduleChange { id: kept.id, revision: kept.revision, standing }
}

/// The start of the due time 60 seconds after the beginning.
fn due_start(stores: &Stores, process: &Published, kept: &KeptSchedule) -> (Run, procession_application::ports::Start) {
    let standing = ScheduleStanding { handled_until: at(60), ..kept.standing.clone() };
    let launch = Launch { at: at(60), schedule: Some(change(kept, standing)), ..Launch::default() };
    launch.prepare(stores, process)
}

async fn only_schedule(stores: &Stores) -> KeptSchedule {
    let mut schedules = stores.schedules.schedules().await.unwrap();
    assert_eq!(schedules.len(), 1, "{schedules:?}");
    schedules.remove(0)
}

async fn only_webhook(stores: &Stores) -> KeptWebhook {
    let mut webhooks = stores.incoming.webhooks().await.unwrap();
    assert_eq!(webhooks.len(), 1, "{webhooks:?}");
    webhooks.remove(0).webhook
}

impl Stores {
    async fn draft_with(&self, name: &str, version: &str, triggers: Vec<Trigger>, now: Timestamp) -> Process {
        let bare = definition(name, version, vec![agent("write", &[])]);
        let content = DefinitionContent { triggers, ..bare.content().clone() };
        let definition = Arc::new(Definition::new(content).unwrap());
        let (process, event) = Process::draft(ProcessId::new(self.id()), String::new(), definition, None, now);
        self.definitions.create(&process, &event).await.unwrap();
        process
    }

    async fn publish_at(&self, mut process: Process, now: Timestamp) -> Process {
        let before = process.revision();
        let event = process.publish(None, now).unwrap();
        self.definitions.update(&process, before, &event).await.unwrap();
        process
    }

    async fn archive_at(&self, process: Process, now: Timestamp) {
        // Another version may have taken its triggers since it was read.
        let mut process = self.definitions.load(process.id()).await.unwrap().unwrap();
        let before = process.revision();
        let event = process.archive(None, now).unwrap();
        self.definitions.update(&process, before, &event).await.unwrap();
    }

    async fn scheduled(&self) -> (Published, KeptSchedule) {
        let draft = self.draft_with("report", "1", vec![daily("0 9 * * *")], at(0)).await;
        let process = self.publish_at(draft, at(0)).await;
        let definition = Arc::clone(process.definition());
        let process = procession_domain::event::ProcessRef {
            id: process.id(),
            name: definition.name().clone(),
            version: definition.version(),
        };
        (Published { process, definition }, only_schedule(self).await)
    }
}
