//! A change outlives whoever asked for it: wherever they stop waiting, it is done, and done once.

use std::{collections::BTreeMap, pin::pin, sync::Arc};

use procession_application::{
    ApplicationSettings,
    access::{Kind, Principal, UseCase},
    alerts::WantedThreshold,
    approvals::ApprovalQuery,
    notifications::{NotificationSettings, SecretText, TestMessage},
    ports::{
        self, DeliveryContent, DeliveryKind, Endpoint, ExecutionFilter, Mark, NewDelivery, PageStart, Paging, Ports,
        ProcessFilter, ThresholdKind, WebhookAddress,
    },
    retention::RetentionChanges,
    templates::TemplateDraft,
    triggers::{IncomingCall, ScheduleState},
    views::WantedView,
};
use procession_domain::{
    approval::{ApprovalStatus, Ballot},
    definition::ProcessStatus,
    execution::ExecutionStatus,
    value::{Duration, ErrorCode, UserId},
};
use procession_testing::{
    Answer, CURTAIN, Interposed, KeptMessages, Line, MemoryStore, ScriptedAgents, SequentialIds, Stage, VirtualClock,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    attempts::{Processes, Things},
    parking::Gate,
};

/// A stage whose stores are behind a gate.
async fn stage(gate: &Gate) -> Stage {
    let clock = Arc::new(VirtualClock::starting_at(CURTAIN));
    let memory = Arc::new(MemoryStore::with_clock(clock.clone()));
    let stores = ports::Stores::of(&memory, memory.clone());
    let gated = Arc::new(Interposed::new(stores, gate.clone()));
    let costly = Answer::Reply { text: "done".to_owned(), cost: Some("1".parse().unwrap()), tokens: None };
    let scripts = BTreeMap::from([
        ("broken".to_owned(), vec![Line::fail(ErrorCode::AgentError)]),
        ("writer".to_owned(), vec![Line::reply("done")]),
        ("costly".to_owned(), vec![Line::new(costly)]),
    ]);
    let agents = Arc::new(ScriptedAgents::new(clock.clone(), scripts));
    let messages = Arc::new(KeptMessages::default());
    let ids = Arc::new(SequentialIds::default());
    let gated = ports::Stores::of(&gated, gated.clone());
    let ports = Ports::on(gated, agents.clone(), messages.clone(), clock, ids);
    Stage::with(ports, agents, messages, ApplicationSettings::default()).await
}

/// The delivery that is sent again.
const DELIVERY: Uuid = Uuid::from_u128(7);

const DRAFT: &str = "{name: new, steps: [{id: a, agent: writer, message: x}]}";

/// Asks for a change, which succeeds.
async fn ask(stage: &Stage, use_case: UseCase, things: &Things, key: UserId, triggered: &Triggered) {
    use procession_application::executions::{Command, RetryFrom, StartRequest};
    let by = &stage.system;
    let (definitions, executions, access) = (&stage.definitions, &stage.executions, &stage.access);
    match use_case {
        UseCase::CreateDefinition => drop(definitions.create(by, DRAFT.to_owned()).await.unwrap()),
        UseCase::CopyDefinition => drop(definitions.new_version(by, things.draft).await.unwrap()),
        UseCase::UpdateDefinition => {
            let expected = procession_application::definitions::ExpectedRevision::default();
            drop(definitions.update(by, things.draft, DRAFT.to_owned(), expected).await.unwrap());
        }
        UseCase::PublishDefinition => drop(definitions.publish(by, things.draft).await.unwrap()),
        UseCase::ActivateDefinition => drop(definitions.activate(by, things.draft).await.unwrap()),
        UseCase::ArchiveDefinition => drop(definitions.archive(by, things.draft).await.unwrap()),
        UseCase::DeleteDefinition => definitions.delete(by, things.draft).await.unwrap(),
        UseCase::StartExecution => {
            let request = StartRequest { triggered_by: "here".to_owned(), input: json!({}), ..StartRequest::default() };
            drop(executions.start(by, things.process, request).await.unwrap());
        }
        UseCase::CancelExecution => {
            let cancel = Command::Cancel { reason: None, compensate: false };
            drop(executions.command(by, things.execution, cancel).await.unwrap());
        }
        UseCase::PauseExecution => drop(executions.command(by, things.execution, Command::Pause).await.unwrap()),
        UseCase::ResumeExecution => drop(executions.command(by, things.execution, Command::Resume).await.unwrap()),
        UseCase::RetryExecution => drop(executions.retry(by, things.execution, RetryFrom::Start).await.unwrap()),
        UseCase::DismissExecution => drop(executions.dismiss(by, things.execution, true).await.unwrap()),
        UseCase::DecideApproval => {
            drop(stage.approvals.vote(by, things.approval, Ballot::Approve, None).await.unwrap());
        }
        UseCase::DelegateApproval => drop(stage.approvals.delegate(by, things.approval, "ann", None).await.unwrap()),
        UseCase::UseTemplate => {
            let parameters = serde_json::Map::new();
            drop(stage.templates.make_process(by, "meeting-notes", "new".to_owned(), parameters).await.unwrap());
        }
        UseCase::CreateTemplate => drop(stage.templates.create(by, template("new")).await.unwrap()),
        UseCase::ChangeTemplate => drop(stage.templates.replace(by, "user:old", template("old")).await.unwrap()),
        UseCase::PauseSchedule => drop(stage.triggers.pause(by, &triggered.schedule, 1).await.unwrap()),
        UseCase::ResumeSchedule => drop(stage.triggers.resume(by, &triggered.schedule, 1).await.unwrap()),
        UseCase::RunSchedule => drop(stage.triggers.run(by, &triggered.schedule).await.unwrap()),
        UseCase::EnableTrigger => drop(stage.triggers.switch(by, &hook(), true).await.unwrap()),
        UseCase::DisableTrigger => drop(stage.triggers.switch(by, &hook(), false).await.unwrap()),
        UseCase::ReplayCall => drop(stage.triggers.replay(by, &hook(), triggered.call).await.unwrap()),
        UseCase::ChangeThresholds => {
            let process_id = Some(things.process);
            let wanted =
                WantedThreshold { process_id, kind: ThresholdKind::Weekly, amount: "2".to_owned(), enabled: true };
            stage.alerts.set(by, wanted).await.unwrap();
        }
        UseCase::DismissAlert => stage.alerts.dismiss(by, things.alert).await.unwrap(),
        UseCase::ChangeViews => {
            let wanted = WantedView { name: "late".to_owned(), page: "runs".to_owned(), filters: json!({}) };
            drop(stage.views.save(&Principal::at_terminal("ann"), wanted).await.unwrap());
        }
        UseCase::ResendDelivery => drop(stage.deliveries.resend(by, &DELIVERY.to_string()).await.unwrap()),
        UseCase::MarkNotice => drop(stage.inbox.mark(by, &notice(things), Mark::Dismissed).await.unwrap()),
        UseCase::ChangeNotificationSettings => {
            let settings = NotificationSettings {
                webhook_url: Some(SecretText::new("https://example.org/a")),
                ..NotificationSettings::default()
            };
            drop(stage.notifications.change(by, settings).await.unwrap());
        }
        UseCase::ChangeRetention => {
            let wanted = RetentionChanges { events: Some(FIVE_DAYS), ..RetentionChanges::default() };
            stage.retention.change(by, wanted).await.unwrap();
        }
        UseCase::TestNotification => {
            let message = TestMessage { channel: "slack".to_owned(), ..TestMessage::default() };
            drop(stage.notifications.test(by, message).await.unwrap());
        }
        UseCase::CreateUser => drop(access.create_user(by, "new", "viewer", None, None).await.unwrap()),
        UseCase::ChangeRole => drop(access.set_role(by, "ann", "viewer").await.unwrap()),
        UseCase::ChangePassword => access.set_password(by, "ann", "correct horse").await.unwrap(),
        UseCase::RemoveUser => access.remove_user(by, "ann").await.unwrap(),
        UseCase::CreateKey => drop(access.create_key(by, "ann", "new", Vec::new()).await.unwrap()),
        UseCase::RevokeKey => access.revoke_key(by, key).await.unwrap(),
        UseCase::EndSession => access.end_sessions(&Principal::at_terminal("ann")).await.unwrap(),
        other => panic!("{other:?} changes nothing"),
    }
}

/// Whether a change is done, and done once.
async fn is_done(stage: &Stage, use_case: UseCase, things: &Things) -> bool {
    let by = &stage.system;
    let (definitions, access) = (&stage.definitions, &stage.access);
    let paging = Paging { limit: 100, start: PageStart::Offset(0) };
    let named = |name: &str| ProcessFilter { name: Some(name.to_owned()), ..ProcessFilter::default() };
    match use_case {
        UseCase::CreateDefinition | UseCase::UseTemplate => {
            definitions.list(by, &named("new"), &paging).await.unwrap().total == 1
        }
        UseCase::CopyDefinition => definitions.list(by, &named("draft-1"), &paging).await.unwrap().total == 2,
        UseCase::UpdateDefinition => definitions.get(by, things.draft).await.unwrap().yaml() == DRAFT,
        UseCase::PublishDefinition => {
            definitions.get(by, things.draft).await.unwrap().status() == ProcessStatus::Published
        }
        UseCase::ActivateDefinition => definitions.get(by, things.draft).await.unwrap().is_active(),
        UseCase::ArchiveDefinition => {
            definitions.get(by, things.draft).await.unwrap().status() == ProcessStatus::Archived
        }
        UseCase::DeleteDefinition => definitions.get(by, things.draft).await.is_err(),
        UseCase::StartExecution | UseCase::RetryExecution => {
            let triggered_by = if use_case == UseCase::StartExecution { "here" } else { "retry" };
            let filter = ExecutionFilter { triggered_by: Some(triggered_by.to_owned()), ..ExecutionFilter::default() };
            let listed = stage.executions.list(by, &filter, &paging).await.unwrap().rows;
            // Not only written: it runs.
            for row in &listed {
                stage.until(row.id, |execution| execution.status() != ExecutionStatus::Pending).await;
            }
            listed.len() == 1
        }
        UseCase::CancelExecution => stage.until_ended(things.execution).await.status() == ExecutionStatus::Cancelled,
        UseCase::PauseExecution | UseCase::ResumeExecution => {
            let wanted = if use_case == UseCase::PauseExecution { "paused" } else { "running" };
            stage.until(things.execution, |execution| execution.status().as_str() == wanted).await;
            true
        }
        UseCase::DismissExecution => {
            stage.executions.dismissed_at(&stage.shown(things.execution).await).await.unwrap().is_some()
        }
        UseCase::DecideApproval => {
            let approval = stage.approvals.get(by, things.approval).await.unwrap().approval;
            stage.until_ended(things.execution).await;
            approval.status() == ApprovalStatus::Approved && approval.votes().len() == 1
        }
        UseCase::DelegateApproval => {
            let query = ApprovalQuery { asking: Some("ann".to_owned()), ..ApprovalQuery::default() };
            stage.approvals.list(by, query, &paging).await.unwrap().total == 1
        }
        UseCase::PauseSchedule => stage.triggers.schedules(by, 1).await.unwrap()[0].state == ScheduleState::Paused,
        UseCase::ResumeSchedule => stage.triggers.schedules(by, 1).await.unwrap()[0].state == ScheduleState::Active,
        UseCase::RunSchedule => runs_of(stage, "schedule").await == 1,
        UseCase::EnableTrigger => stage.triggers.webhook(by, &hook()).await.unwrap().webhook.is_enabled(),
        UseCase::DisableTrigger => !stage.triggers.webhook(by, &hook()).await.unwrap().webhook.is_enabled(),
        UseCase::ReplayCall => runs_of(stage, "webhook").await == 2,
        UseCase::CreateTemplate => stage.templates.get(by, "user:new").await.is_ok(),
        UseCase::ChangeTemplate => stage.templates.get(by, "user:old").await.unwrap().template.version.starts_with('2'),
        UseCase::ChangeThresholds => stage.alerts.thresholds(by, Some(things.process)).await.unwrap().len() == 1,
        UseCase::DismissAlert => alert(stage).await.dismissed_at.is_some(),
        UseCase::ChangeViews => stage.views.list(&Principal::at_terminal("ann")).await.unwrap().len() == 1,
        UseCase::ResendDelivery => {
            stage.pass(Duration::from_secs(1)).await;
            stage.ports.stores.deliveries.attempts(DELIVERY).await.unwrap().len() == 1
        }
        UseCase::MarkNotice => stage.inbox.notices(by).await.unwrap()[0].mark.is_some(),
        UseCase::ChangeNotificationSettings => stage.notifications.settings(by).await.unwrap().webhook_url.is_some(),
        UseCase::ChangeRetention => stage.retention.policy(by).await.unwrap().events == FIVE_DAYS,
        UseCase::TestNotification => stage.messages.sent().len() == 1,
        UseCase::CreateUser => access.user(by, "new").await.is_ok(),
        UseCase::ChangeRole => access.user(by, "ann").await.unwrap().role == "viewer",
        UseCase::ChangePassword => access.user(by, "ann").await.unwrap().password_hash.is_some(),
        UseCase::RemoveUser => access.user(by, "ann").await.is_err(),
        UseCase::CreateKey => access.keys(by).await.unwrap().iter().filter(|key| key.name == "new").count() == 1,
        UseCase::RevokeKey => access.keys(by).await.unwrap()[0].revoked_at.is_some(),
        UseCase::EndSession => access.user(by, "ann").await.unwrap().session_generation == 1,
        other => panic!("{other:?} changes nothing"),
    }
}

/// For how long things are to be kept.
const FIVE_DAYS: Duration = Duration::from_secs(5 * 86_400);

/// What starts by the clock and by a call.
const TRIGGERED: &str = "
name: triggered
triggers:
  - {id: daily, cron: daily}
  - {id: hook, type: webhook}
steps:
  - {id: nap, type: timer, duration: 1d}
";

/// The address of its webhook.
fn hook() -> WebhookAddress {
    WebhookAddress::parse("triggered/hook")
}

/// What is known of it.
#[derive(Default)]
struct Triggered {
    schedule: String,
    call: Uuid,
}

/// How many executions were triggered so.
async fn runs_of(stage: &Stage, triggered_by: &str) -> usize {
    let filter = ExecutionFilter { triggered_by: Some(triggered_by.to_owned()), ..ExecutionFilter::default() };
    let paging = Paging { limit: 100, start: PageStart::Offset(0) };
    stage.executions.list(&stage.system, &filter, &paging).await.unwrap().rows.len()
}

/// Makes triggers that are as a use case finds them.
async fn make_triggers(stage: &Stage, use_case: UseCase) -> Triggered {
    stage.publish(TRIGGERED).await;
    let schedule = stage.triggers.schedules(&stage.system, 0).await.unwrap()[0].id.clone();
    match use_case {
        UseCase::ResumeSchedule => drop(stage.triggers.pause(&stage.system, &schedule, 0).await.unwrap()),
        UseCase::EnableTrigger => drop(stage.triggers.switch(&stage.system, &hook(), false).await.unwrap()),
        _ => {}
    }
    let call = IncomingCall { address: hook(), header: &|_| None, body: b"{}", origin: ports::Origin::default() };
    let was_taken = stage.triggers.receive(call).await.is_ok();
    assert_eq!(was_taken, use_case != UseCase::EnableTrigger);
    let call = stage.triggers.calls(&stage.system, &hook(), 1).await.unwrap().calls[0].id;
    // Who keeps the schedules has looked at the new one.
    stage.pass(Duration::from_secs(2)).await;
    Triggered { schedule, call }
}

/// A template of this name.
fn template(name: &str) -> TemplateDraft {
    TemplateDraft { name: Some(name.to_owned()), definition_yaml: DRAFT.to_owned(), ..TemplateDraft::default() }
}

/// Costs more than it is to.
const COSTS: &str = "{name: costs, config: {cost_alert: 0.5}, steps: [{id: a, agent: costly, message: x}]}";

/// The only alert.
async fn alert(stage: &Stage) -> ports::CostAlert {
    stage.alerts.list(&stage.system, ports::AlertFilter::default(), 0, 1).await.unwrap().rows.remove(0)
}

/// A delivery that is due much later, to a webhook that nobody knows any more.
fn delivery(stage: &Stage) -> NewDelivery {
    let now = stage.ports.clock.now();
    NewDelivery {
        id: DELIVERY,
        kind: DeliveryKind::Webhook,
        event: "process_completed".to_owned(),
        sequence: None,
        execution_id: None,
        process_name: None,
        receiver: "https://example.org".to_owned(),
        target: "https://example.org".to_owned(),
        content: DeliveryContent::Webhook {
            endpoint: Endpoint::Server("nobody's".to_owned()),
            body: json!({}),
            outputs: None,
        },
        created_at: now,
        due_at: now.saturating_add(Duration::from_secs(86_400)),
    }
}

/// The notice of the approval.
fn notice(things: &Things) -> String {
    format!("approval-{}", things.approval)
}

/// Asks for a change and stops waiting as soon as a call of the store, or its answer, is held: the one behind so many
/// others. Whether anything was held.
async fn hang_up(use_case: UseCase, after: usize) -> bool {
    let gate = Gate::open();
    let stage = stage(&gate).await;
    let processes = Processes::on(&stage).await;
    stage.person("ann", "approver").await;
    let key = stage.access.create_key(&stage.system, "ann", "old", Vec::new()).await.unwrap().1.id;
    let mut things = processes.things(&stage, use_case, "ann", 1).await;
    let mut triggered = Triggered::default();
    match use_case {
        UseCase::ResumeExecution => ask(&stage, UseCase::PauseExecution, &things, key, &triggered).await,
        UseCase::ChangeTemplate => drop(stage.templates.create(&stage.system, template("old")).await.unwrap()),
        UseCase::DismissAlert => {
            let id = stage.publish(COSTS).await;
            stage.until_ended(stage.start(id, json!({})).await).await;
            things.alert = alert(&stage).await.id;
        }
        UseCase::PauseSchedule
        | UseCase::ResumeSchedule
        | UseCase::RunSchedule
        | UseCase::EnableTrigger
        | UseCase::DisableTrigger
        | UseCase::ReplayCall => triggered = make_triggers(&stage, use_case).await,
        UseCase::ResendDelivery => stage.ports.stores.deliveries.enqueue(&[delivery(&stage)]).await.unwrap(),
        _ => {}
    }
    // Time stands still, so that nothing else asks the store for anything.
    gate.only(after);
    let was_held = {
        let mut asked = pin!(ask(&stage, use_case, &things, key, &triggered));
        tokio::select! {
            biased;
            () = gate.parked() => true,
            () = &mut asked => false,
        }
    };
    gate.open_again();
    assert!(stage.application.settle(Duration::from_secs(60)).await, "{use_case:?} after {after}");
    assert!(is_done(&stage, use_case, &things).await, "{use_case:?} after {after}");
    stage.halt();
    was_held
}

#[tokio::test(start_paused = true)]
async fn whoever_hangs_up_wherever_the_change_is_done_once() {
    let mut held = 0;
    // What is said to an agent is kept nowhere, and nothing is old enough to be removed.
    let leaves_nothing = |use_case: &UseCase| matches!(use_case, UseCase::ChatWithAgent | UseCase::RunRetention);
    let is_kept = |use_case: &UseCase| use_case.rule().kind == Kind::Changes && !leaves_nothing(use_case);
    for use_case in UseCase::ALL.iter().copied().filter(is_kept) {
        let mut after = 0;
        while hang_up(use_case, after).await {
            after += 1;
        }
        assert!(after > 0, "{use_case:?} asks the store for nothing");
        held += after;
    }
    assert!(held > 100, "{held}");
}
