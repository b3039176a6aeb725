//! What is removed after its time, what stays, and what comes back from an archive.

#![cfg(test)]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use procession_application::{
    ApplicationSettings,
    executions::ExecutionFailure,
    ports::{AuditFilter, EventPage, PageStart, Paging},
    retention::{RetentionChanges, RetentionFailure, RetentionPolicy, RetentionReport},
    transfer::{Archive, ArchiveError, ImportReport, Importer},
};
use procession_domain::value::Duration;
use procession_testing::{ScriptedAgents, Stage};
use serde_json::json;

const PROCESS: &str = "
name: report
version: 1
steps:
  - {id: write, type: agent_task, agent: writer, message: 'about {{input.topic}}'}
  - {id: again, type: agent_task, agent: writer, message: 'shorter: {{steps.write.output.response}}', depends_on: [write]}
outputs:
  - {name: text, source: '{{steps.again.output.response}}'}
";

/// Shorter times than anyone would set, since the engine looks around once a second of the stage's time.
const SOON: RetentionPolicy = RetentionPolicy {
    events: minutes(30),
    executions: minutes(90),
    outputs: minutes(30),
    deliveries: minutes(30),
    audit: minutes(600),
};

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// An archive in memory, which may be told to fail.
#[derive(Default)]
struct Kept {
    lines: Mutex<Vec<String>>,
    is_full: bool,
}

#[async_trait]
impl Archive for Kept {
    async fn keep(&self, lines: Vec<String>) -> Result<(), ArchiveError> {
        if self.is_full {
            return Err(ArchiveError("the disk is full".to_owned()));
        }
        self.lines.lock().unwrap().extend(lines);
        Ok(())
    }
}

async fn stage(policy: RetentionPolicy, archive: Option<Arc<Kept>>) -> Stage {
    let settings = ApplicationSettings {
        retention: policy,
        archive: archive.map(|archive| archive as _),
        ..ApplicationSettings::default()
    };
    let scripts = BTreeMap::from([("writer".to_owned(), Vec::new())]);
    Stage::in_memory_with(|clock| ScriptedAgents::new(clock, scripts), settings).await
}

async fn run(stage: &Stage) -> RetentionReport {
    stage.retention.run(&stage.system).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn events_and_outputs_go_before_their_execution() {
    let stage = stage(SOON, None).await;
    let process = stage.publish(PROCESS).await;
    let id = stage.start(process, json!({"topic": "tea"})).await;
    let before = stage.until_ended(id).await;
    assert_eq!(run(&stage).await, RetentionReport::default());

    stage.pass(minutes(31)).await;
    let preview = stage.retention.preview(&stage.system).await.unwrap();
    let first = run(&stage).await;
    assert_eq!(preview, first, "what is told before is what goes");
    assert!(first.purged.events > 4 && first.purged.values > 2 && first.purged.executions == 0, "{first:?}");
    let after = stage.execution(id).await;
    assert_eq!(after.state(), before.state());
    let shown = stage.shown(id).await;
    let page = EventPage { offset: 0, limit: 10 };
    assert_eq!(stage.executions.events(&shown, page).await.unwrap(), []);
    let past = stage.executions.at(&stage.system, id, 2).await;
    assert!(matches!(past, Err(ExecutionFailure::EventsPurged)));
    let output = after.step("again").unwrap().1.output.unwrap();
    assert_eq!(stage.value(id, &output).await.unwrap(), None);

    stage.pass(minutes(60)).await;
    let second = run(&stage).await;
    assert_eq!((second.purged.executions, second.purged.events), (1, 0));
    assert!(matches!(stage.executions.get(&stage.system, id).await, Err(ExecutionFailure::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn what_lives_stays_however_old_it_is() {
    const WAITS: &str = "
name: waits
version: 1
steps:
  - {id: rest, type: timer, delay: 200m}
";
    let stage = stage(SOON, None).await;
    let process = stage.publish(WAITS).await;
    let id = stage.start(process, json!({})).await;
    stage.pass(minutes(150)).await;
    assert_eq!(run(&stage).await, RetentionReport::default());
    assert!(!stage.events(id).await.is_empty());
    assert_eq!(stage.until_ended(id).await.status().as_str(), "completed");
}

#[tokio::test(start_paused = true)]
async fn no_time_at_all_is_for_ever_and_changes_count_at_once() {
    let stage = stage(RetentionPolicy::default(), None).await;
    let root = stage.person("root", "admin").await;
    let otto = stage.person("otto", "operator").await;
    let process = stage.publish(PROCESS).await;
    let id = stage.start(process, json!({"topic": "tea"})).await;
    stage.until_ended(id).await;
    stage.pass(minutes(300)).await;
    assert_eq!(run(&stage).await.purged, RetentionReport::default().purged);

    let wanted = RetentionChanges { executions: Some(minutes(7)), ..RetentionChanges::default() };
    assert!(matches!(stage.retention.change(&otto, wanted).await, Err(RetentionFailure::Forbidden(_))));
    let changed = stage.retention.change(&root, wanted).await.unwrap();
    assert_eq!(changed, RetentionPolicy { executions: minutes(7), ..RetentionPolicy::default() });
    assert_eq!(run(&stage).await.purged.executions, 1);
    let back = stage.retention.change(&root, RetentionChanges::default()).await.unwrap();
    assert_eq!(back, RetentionPolicy::default());
}

#[tokio::test(start_paused = true)]
async fn the_audit_trail_stays_verifiable_when_its_beginning_is_purged() {
    let policy = RetentionPolicy { audit: minutes(60), ..RetentionPolicy::default() };
    let stage = stage(policy, None).await;
    for version in 1..=5 {
        stage.publish(&PROCESS.replace("version: 1", &format!("version: {version}"))).await;
    }
    stage.pass(minutes(70)).await;
    stage.publish(&PROCESS.replace("name: report", "name: later")).await;
    let before = stage.audit.verify(&stage.system).await.unwrap();
    assert_eq!((before.first_broken, before.purged), (None, 0));
    let report = run(&stage).await;
    assert_eq!(report.audit, 10);
    let after = stage.audit.verify(&stage.system).await.unwrap();
    assert_eq!((after.first_broken, after.purged), (None, 10));
    let told = AuditFilter { action: Some("audit.purge".to_owned()), ..AuditFilter::default() };
    let page =
        stage.audit.list(&stage.system, &told, &Paging { limit: 10, start: PageStart::Offset(0) }).await.unwrap();
    assert_eq!(page.total, 1, "that it was purged is an entry of the trail");
    assert_eq!(page.rows[0].entry.actor, "system");
}

#[tokio::test(start_paused = true)]
async fn an_anchor_that_nothing_tells_of_shows() {
    let stage = stage(RetentionPolicy::default(), None).await;
    stage.publish(PROCESS).await;
    stage.publish(&PROCESS.replace("name: report", "name: later")).await;
    let entries = stage.ports.stores.audit.after(0, 10).await.unwrap();
    // Who can write the database moves the anchor and takes the beginning away, but can't make it an honest purge.
    let forged = procession_application::ports::AuditAnchor { number: 2, hash: entries[1].hash };
    stage.ports.stores.retention.move_audit_anchor(forged, &entries[0].entry).await.unwrap();
    while stage.ports.stores.retention.purge_audit().await.unwrap() > 0 {}
    let verdict = stage.audit.verify(&stage.system).await.unwrap();
    assert_eq!(verdict.first_broken, Some(2), "{verdict:?}");
}

#[tokio::test(start_paused = true)]
async fn what_goes_is_in_the_archive_whole_and_comes_back_from_it() {
    let archive = Arc::new(Kept::default());
    let home = stage(SOON, Some(Arc::clone(&archive))).await;
    let process = home.publish(PROCESS).await;
    let id = home.start(process, json!({"topic": "tea"})).await;
    let before = home.until_ended(id).await;
    let events = home.events(id).await;
    home.pass(minutes(31)).await;
    assert_eq!(run(&home).await.archived, 1);
    home.pass(minutes(60)).await;
    let last = run(&home).await;
    assert_eq!((last.archived, last.purged.executions), (0, 1), "it is there already");

    let lines = archive.lines.lock().unwrap().clone();
    let away = stage(RetentionPolicy::default(), None).await;
    for repeated in [false, true] {
        let mut importer = Importer::new(away.ports.stores.clone());
        for (number, line) in (1..).zip(&lines) {
            importer.read(number, line).await.unwrap();
        }
        let (executions, processes, known) = if repeated { (0, 0, 2) } else { (1, 1, 0) };
        let wanted = ImportReport { executions, processes, known, left_out: Vec::new() };
        assert_eq!(importer.into_report(), wanted);
    }
    let back = away.execution(id).await;
    assert_eq!(back.state(), before.state());
    let kinds = |events: &[procession_application::ports::StoredEvent]| -> Vec<String> {
        events
            .iter()
            .map(|event| format!("{} {} {}", event.sequence(), event.at(), event.event().event_type()))
            .collect()
    };
    let kept = away.events(id).await;
    assert_eq!(kept.len(), events.len());
    assert_eq!(kinds(&kept), kinds(&events));
    let output = back.step("again").unwrap().1.output.unwrap();
    let text = away.value(id, &output).await.unwrap().unwrap();
    assert_eq!(text["response"], "shorter: about tea");
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_that_cannot_be_written_to_the_archive() {
    let archive = Arc::new(Kept { is_full: true, ..Kept::default() });
    let stage = stage(SOON, Some(archive)).await;
    let process = stage.publish(PROCESS).await;
    let id = stage.start(process, json!({"topic": "tea"})).await;
    stage.until_ended(id).await;
    stage.pass(minutes(200)).await;
    let refused = stage.retention.run(&stage.system).await.unwrap_err();
    assert!(matches!(&refused, RetentionFailure::Archive(_)), "{refused}");
    assert!(!stage.events(id).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_broken_are_told_by_their_number() {
    let stage = stage(RetentionPolicy::default(), None).await;
    let mut importer = Importer::new(stage.ports.stores.clone());
    for (number, line) in (1..).zip([
        r#"{"export": {"format": "procession.export/1", "exported_at": "2026-11-21T00:00:00.000000+00:00"}}"#,
        "",
        "no json",
        r#"{"export": {"format": "procession.export/9", "exported_at": "2026-11-21T00:00:00.000000+00:00"}}"#,
        r#"{"execution": {"id": 7}}"#,
    ]) {
        importer.read(number, line).await.unwrap();
    }
    let report = importer.into_report();
    let numbers: Vec<u64> = report.left_out.iter().map(|left| left.line).collect();
    assert_eq!(numbers, [3, 4, 5], "{report:?}");
}
