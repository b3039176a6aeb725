//! Asking for every use case, of things that are there for it.

use std::collections::BTreeMap;

use procession_application::{
    access::{AccessFailure, Principal, Sight, UseCase},
    agents::AgentsFailure,
    alerts::{AlertFailure, WantedThreshold},
    approvals::{ApprovalFailure, ApprovalQuery},
    audit::AuditFailure,
    definitions::{DefinitionFailure, ExpectedRevision},
    deliveries::DeliveriesFailure,
    engine::EngineSettings,
    events::EventsFailure,
    executions::{
        Command, ExecutionFailure, RetryFrom, SimulationFailure, SimulationRequest, StartFailure, StartRequest,
    },
    figures::{FiguresFailure, FiguresQuery},
    inbox::InboxFailure,
    notifications::{NotificationFailure, NotificationSettings, TestMessage},
    ports::{
        AlertFilter, DeliveryFilter, ExecutionFilter, Mark, PageStart, Paging, ProcessFilter, ThresholdKind,
        WebhookAddress,
    },
    retention::{RetentionChanges, RetentionFailure},
    server_status::StatusFailure,
    templates::{TemplateDraft, TemplateFailure, TemplateFilter},
    triggers::TriggerFailure,
    views::{ViewFailure, WantedView},
};
use procession_domain::{
    approval::{ApprovalError, Ballot},
    value::{ApprovalId, ErrorCode, ExecutionId, ProcessId, UserId},
};
use procession_testing::{Line, ScriptedAgents, Stage};
use serde_json::json;
use uuid::Uuid;

/// Naps for a day, so that it can be told things; then an agent fails.
pub const NAPS: &str = "
name: naps
steps:
  - {id: nap, type: timer, duration: 1d}
";

/// Fails at once.
pub const FAILS: &str = "{name: fails, steps: [{id: try, agent: broken, message: x, retry: {max_attempts: 1}}]}";

/// Asks whoever may decide approvals.
pub const ASKS: &str = "{name: asks, steps: [{id: review, type: human_approval, title: Well?}]}";

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It was let in, whatever came of it.
    In,
    /// It was told that it may not (403).
    Forbidden,
    /// It was told that there is nothing of the kind (404).
    ToNothing,
}

/// What attempts are about. What a use case is not about is not there.
pub struct Things {
    pub process: ProcessId,
    pub draft: ProcessId,
    pub execution: ExecutionId,
    pub approval: ApprovalId,
    pub alert: Uuid,
}

/// The processes on a stage.
pub struct Processes {
    naps: ProcessId,
    fails: ProcessId,
    asks: ProcessId,
}

/// A stage with an agent that fails and one that does not.
pub async fn stage() -> Stage {
    let scripts = BTreeMap::from([
        ("broken".to_owned(), vec![Line::fail(ErrorCode::AgentError)]),
        ("writer".to_owned(), vec![Line::reply("done")]),
    ]);
    Stage::in_memory(|clock| ScriptedAgents::new(clock, scripts), EngineSettings::default()).await
}

impl Processes {
    pub async fn on(stage: &Stage) -> Self {
        Self { naps: stage.publish(NAPS).await, fails: stage.publish(FAILS).await, asks: stage.publish(ASKS).await }
    }

    /// New things for one attempt; executions belong to `owner`.
    pub async fn things(&self, stage: &Stage, use_case: UseCase, owner: &str, number: usize) -> Things {
        let nothing = stage.ports.ids.new_id();
        let mut things = Things {
            process: self.naps,
            draft: ProcessId::new(nothing),
            execution: ExecutionId::new(nothing),
            approval: ApprovalId::new(nothing),
            alert: nothing,
        };
        let owner = Principal::at_terminal(owner);
        match use_case {
            UseCase::CheckDefinition
            | UseCase::ReadDefinitions
            | UseCase::CopyDefinition
            | UseCase::UpdateDefinition
            | UseCase::PublishDefinition
            | UseCase::ArchiveDefinition
            | UseCase::DeleteDefinition => {
                let yaml = format!("{{name: draft-{number}, steps: [{{id: a, agent: writer, message: x}}]}}");
                things.draft = stage.definitions.create(&stage.system, yaml).await.unwrap().process.id();
            }
            UseCase::ActivateDefinition => {
                // The one of two published versions that is not active, since it was published first.
                for version in [2, 1] {
                    let name = format!("active-{number}");
                    let yaml =
                        format!("{{name: {name}, version: {version}, steps: [{{id: a, agent: writer, message: x}}]}}");
                    let id = stage.definitions.create(&stage.system, yaml).await.unwrap().process.id();
                    stage.definitions.publish(&stage.system, id).await.unwrap();
                    if version == 2 {
                        things.draft = id;
                    }
                }
            }
            UseCase::RetryExecution | UseCase::DismissExecution => {
                things.execution = stage.start_by(&owner, self.fails, json!({})).await;
                stage.until_ended(things.execution).await;
            }
            UseCase::ReadApproval | UseCase::DecideApproval | UseCase::DelegateApproval | UseCase::MarkNotice => {
                things.execution = stage.start_by(&owner, self.asks, json!({})).await;
                things.approval = stage.open_approval(things.execution, "review").await.id();
            }
            _ if use_case.rule().sight == Sight::Execution => {
                things.execution = stage.start_by(&owner, self.naps, json!({})).await;
                stage.until(things.execution, |execution| execution.status().as_str() == "running").await;
            }
            _ => {}
        }
        things
    }
}

/// Asks for a use case.
#[expect(clippy::too_many_lines, reason = "one line for each use case")]
pub async fn attempt(stage: &Stage, by: &Principal, use_case: UseCase, things: &Things) -> Came {
    match use_case {
        UseCase::CheckDefinition
        | UseCase::ReadDefinitions
        | UseCase::CreateDefinition
        | UseCase::CopyDefinition
        | UseCase::UpdateDefinition
        | UseCase::PublishDefinition
        | UseCase::ActivateDefinition
        | UseCase::ArchiveDefinition
        | UseCase::DeleteDefinition => came(with_definition(stage, by, use_case, things).await),
        UseCase::SimulateProcess => {
            match stage.executions.simulate(by, things.process, SimulationRequest::default()).await {
                Err(SimulationFailure::Start(StartFailure::Forbidden(_))) => Came::Forbidden,
                Ok(_) | Err(_) => Came::In,
            }
        }
        UseCase::StartExecution => match stage.executions.start(by, things.process, StartRequest::default()).await {
            Err(StartFailure::Forbidden(_)) => Came::Forbidden,
            Ok(_) | Err(_) => Came::In,
        },
        UseCase::ReadExecution
        | UseCase::ListExecutions
        | UseCase::CancelExecution
        | UseCase::PauseExecution
        | UseCase::ResumeExecution
        | UseCase::RetryExecution
        | UseCase::DismissExecution => came(with_execution(stage, by, use_case, things).await),
        UseCase::FollowEvents => match stage.events.after(by, 0, Some(things.execution), 10).await {
            Ok(excerpt) if excerpt.events.is_empty() => Came::ToNothing,
            Ok(_) | Err(EventsFailure::Store(_)) => Came::In,
            Err(EventsFailure::Forbidden(_)) => Came::Forbidden,
        },
        UseCase::ListApprovals | UseCase::ReadApproval | UseCase::DecideApproval | UseCase::DelegateApproval => {
            came(with_approval(stage, by, use_case, things).await)
        }
        UseCase::ReadDeliveries => {
            let paging = Paging { limit: 1, start: PageStart::Offset(0) };
            came(stage.deliveries.list(by, &DeliveryFilter::default(), &paging).await.map(drop))
        }
        UseCase::ResendDelivery => match stage.deliveries.resend(by, "no id").await {
            Err(DeliveriesFailure::Forbidden(_)) => Came::Forbidden,
            Ok(_) | Err(_) => Came::In,
        },
        UseCase::ReadAgentEvents => came(stage.deliveries.agent_events(by, "writer", 0, 1).await.map(drop)),
        UseCase::ListAgents => came(stage.agents_listed(by).await),
        UseCase::ChatWithAgent => {
            came(stage.application.agents.chat(by, "writer", "hello".to_owned(), None).await.map(drop))
        }
        UseCase::ReadTemplates
        | UseCase::PreviewTemplate
        | UseCase::UseTemplate
        | UseCase::CreateTemplate
        | UseCase::ChangeTemplate => came(with_template(stage, by, use_case).await),
        UseCase::ReadTriggers => {
            let triggers = &stage.triggers;
            let one = triggers.webhooks(by).await.map(drop).and(triggers.schedules(by, 1).await.map(drop));
            came(one.and(triggers.schedules_of(by, things.process, 1).await.map(drop)))
        }
        UseCase::PauseSchedule
        | UseCase::ResumeSchedule
        | UseCase::RunSchedule
        | UseCase::EnableTrigger
        | UseCase::DisableTrigger
        | UseCase::ReplayCall => match with_trigger(stage, by, use_case).await {
            Err(TriggerFailure::Forbidden(_)) => Came::Forbidden,
            Ok(()) | Err(_) => Came::In,
        },
        UseCase::ReadFigures => came(with_figures(stage, by, things).await),
        UseCase::ReadAlerts => came(stage.alerts.list(by, AlertFilter::default(), 0, 1).await.map(drop)),
        // There is none, so that who may is told that there is not.
        UseCase::DismissAlert => match stage.alerts.dismiss(by, things.alert).await {
            Err(AlertFailure::Forbidden(_)) => Came::Forbidden,
            Ok(()) | Err(_) => Came::In,
        },
        UseCase::ReadViews => came(stage.views.list(by).await.map(drop)),
        UseCase::ChangeViews => came(with_view(stage, by).await),
        UseCase::ReadThresholds => came(stage.alerts.thresholds(by, Some(things.process)).await.map(drop)),
        UseCase::ChangeThresholds => came(with_threshold(stage, by, things).await),
        UseCase::MarkNotice => match stage.inbox.mark(by, "agent-nobody", Mark::Dismissed).await {
            Err(InboxFailure::Forbidden(_)) => Came::Forbidden,
            Ok(_) | Err(_) => Came::In,
        },
        // Nothing is there yet but the row of the table.
        UseCase::ReadFrame => came(by.check(use_case)),
        UseCase::ReadRecovery => came(stage.status.recovery(by).map(drop)),
        UseCase::ReadLimits => came(stage.status.limits(by).await.map(drop)),
        UseCase::ReadMetrics => came(stage.status.standing(by).await.map(drop)),
        UseCase::ReadNotificationSettings => came(stage.notifications.settings(by).await.map(drop)),
        UseCase::ChangeNotificationSettings => {
            came(stage.notifications.change(by, NotificationSettings::default()).await.map(drop))
        }
        UseCase::TestNotification => came(stage.notifications.test(by, TestMessage::default()).await.map(drop)),
        UseCase::ReadRetention => came(stage.retention.policy(by).await.map(drop)),
        UseCase::ChangeRetention => came(stage.retention.change(by, RetentionChanges::default()).await.map(drop)),
        UseCase::RunRetention => came(stage.retention.run(by).await.map(drop)),
        UseCase::ReadAudit => came(stage.audit.verify(by).await.map(drop)),
        UseCase::ReadUsers
        | UseCase::CreateUser
        | UseCase::ChangeRole
        | UseCase::ChangePassword
        | UseCase::RemoveUser
        | UseCase::ReadKeys
        | UseCase::CreateKey
        | UseCase::RevokeKey
        | UseCase::EndSession => came(with_people(stage, by, use_case).await),
    }
}

trait Agents {
    async fn agents_listed(&self, by: &Principal) -> Result<(), AgentsFailure>;
}

impl Agents for Stage {
    async fn agents_listed(&self, by: &Principal) -> Result<(), AgentsFailure> {
        // The stage has agents of its own under this name.
        self.application.agents.list(by).await.map(drop)
    }
}

async fn with_definition(
    stage: &Stage,
    by: &Principal,
    use_case: UseCase,
    things: &Things,
) -> Result<(), DefinitionFailure> {
    let definitions = &stage.definitions;
    match use_case {
        UseCase::CheckDefinition => {
            let one = definitions.check(by, "nonsense").await.map(drop);
            one.and(definitions.check_stored(by, things.draft).await.map(drop))
        }
        UseCase::ReadDefinitions => {
            definitions.get(by, things.draft).await?;
            let paging = Paging { limit: 1, start: PageStart::Offset(0) };
            definitions.list(by, &ProcessFilter::default(), &paging).await.map(drop)
        }
        UseCase::CreateDefinition => definitions.create(by, "nonsense".to_owned()).await.map(drop),
        UseCase::CopyDefinition => definitions.new_version(by, things.draft).await.map(drop),
        UseCase::UpdateDefinition => {
            let expected = ExpectedRevision::default();
            definitions.update(by, things.draft, "nonsense".to_owned(), expected).await.map(drop)
        }
        UseCase::PublishDefinition => definitions.publish(by, things.draft).await.map(drop),
        UseCase::ActivateDefinition => definitions.activate(by, things.draft).await.map(drop),
        UseCase::ArchiveDefinition => definitions.archive(by, things.draft).await.map(drop),
        _ => definitions.delete(by, things.draft).await,
    }
}

async fn with_trigger(stage: &Stage, by: &Principal, use_case: UseCase) -> Result<(), TriggerFailure> {
    let (triggers, nothing) = (&stage.triggers, stage.ports.ids.new_id());
    let (schedule, webhook) = (nothing.to_string(), WebhookAddress::parse("nothing"));
    match use_case {
        UseCase::PauseSchedule => triggers.pause(by, &schedule, 1).await.map(drop),
        UseCase::ResumeSchedule => triggers.resume(by, &schedule, 1).await.map(drop),
        UseCase::RunSchedule => triggers.run(by, &schedule).await.map(drop),
        UseCase::EnableTrigger => triggers.switch(by, &webhook, true).await.map(drop),
        UseCase::DisableTrigger => triggers.switch(by, &webhook, false).await.map(drop),
        _ => triggers.replay(by, &webhook, nothing).await.map(drop),
    }
}

async fn with_execution(
    stage: &Stage,
    by: &Principal,
    use_case: UseCase,
    things: &Things,
) -> Result<(), ExecutionFailure> {
    let (executions, id) = (&stage.executions, things.execution);
    match use_case {
        UseCase::ReadExecution => executions.get(by, id).await.map(drop),
        UseCase::ListExecutions => {
            let paging = Paging { limit: 100, start: PageStart::Offset(0) };
            let filter = ExecutionFilter { text: Some(id.to_string()), ..ExecutionFilter::default() };
            let listed = executions.list(by, &filter, &paging).await?;
            assert_eq!(listed.rows.len() as u64, listed.total);
            listed.rows.first().map(drop).ok_or(ExecutionFailure::NotFound)
        }
        UseCase::CancelExecution => {
            executions.command(by, id, Command::Cancel { reason: None, compensate: false }).await.map(drop)
        }
        UseCase::PauseExecution => executions.command(by, id, Command::Pause).await.map(drop),
        UseCase::ResumeExecution => executions.command(by, id, Command::Resume).await.map(drop),
        UseCase::RetryExecution => executions.retry(by, id, RetryFrom::Start).await.map(drop),
        _ => executions.dismiss(by, id, true).await.map(drop),
    }
}

async fn with_approval(
    stage: &Stage,
    by: &Principal,
    use_case: UseCase,
    things: &Things,
) -> Result<(), ApprovalFailure> {
    let (approvals, id) = (&stage.approvals, things.approval);
    match use_case {
        UseCase::ListApprovals => {
            let paging = Paging { limit: 1, start: PageStart::Offset(0) };
            approvals.list(by, ApprovalQuery::default(), &paging).await.map(drop)
        }
        UseCase::ReadApproval => approvals.get(by, id).await.map(drop),
        UseCase::DecideApproval => approvals.vote(by, id, Ballot::Approve, None).await.map(drop),
        _ => approvals.delegate(by, id, "root", None).await.map(drop),
    }
}

async fn with_template(stage: &Stage, by: &Principal, use_case: UseCase) -> Result<(), TemplateFailure> {
    let templates = &stage.templates;
    let draft = TemplateDraft { definition_yaml: "nonsense".to_owned(), ..TemplateDraft::default() };
    match use_case {
        UseCase::ReadTemplates => {
            templates.get(by, "process:meeting-notes").await?;
            templates.list(by, &TemplateFilter::default()).await.map(drop)
        }
        UseCase::PreviewTemplate => templates.preview(by, "process:meeting-notes").await.map(drop),
        UseCase::UseTemplate => {
            templates.make_process(by, "meeting-notes", String::new(), serde_json::Map::new()).await.map(drop)
        }
        UseCase::CreateTemplate => templates.create(by, draft).await.map(drop),
        _ => {
            let replaced = templates.replace(by, "process:meeting-notes", draft).await.map(drop);
            replaced.and(templates.remove(by, "process:meeting-notes").await)
        }
    }
}

async fn with_figures(stage: &Stage, by: &Principal, things: &Things) -> Result<(), FiguresFailure> {
    let query = FiguresQuery::of_days(7);
    stage.figures.trends(by, &query).await?;
    stage.figures.processes(by, &query).await?;
    stage.figures.process(by, things.process, &query).await?;
    stage.figures.daily(by, &query).await?;
    stage.figures.steps(by, &query).await.map(drop)
}

async fn with_view(stage: &Stage, by: &Principal) -> Result<(), ViewFailure> {
    let wanted = WantedView { name: "late".to_owned(), page: "runs".to_owned(), filters: json!({}) };
    let saved = stage.views.save(by, wanted).await?;
    stage.views.remove(by, saved.id).await
}

async fn with_threshold(stage: &Stage, by: &Principal, things: &Things) -> Result<(), AlertFailure> {
    let (process_id, kind) = (Some(things.process), ThresholdKind::Daily);
    let wanted = WantedThreshold { process_id, kind, amount: "1".to_owned(), enabled: true };
    stage.alerts.set(by, wanted).await?;
    stage.alerts.remove(by, process_id, kind).await
}

async fn with_people(stage: &Stage, by: &Principal, use_case: UseCase) -> Result<(), AccessFailure> {
    let access = &stage.access;
    match use_case {
        UseCase::ReadUsers => access.users(by).await.map(drop),
        UseCase::CreateUser => access.create_user(by, "", "viewer", None, None).await.map(drop),
        UseCase::ChangeRole => access.set_role(by, "nobody", "viewer").await.map(drop),
        UseCase::ChangePassword => access.set_password(by, "nobody", "short").await,
        UseCase::RemoveUser => access.remove_user(by, "nobody").await,
        UseCase::ReadKeys => access.keys(by).await.map(drop),
        UseCase::CreateKey => access.create_key(by, "nobody", "", Vec::new()).await.map(drop),
        UseCase::EndSession => access.end_sessions(by).await,
        _ => access.revoke_key(by, UserId::new(stage.ports.ids.new_id())).await,
    }
}

/// What a failure tells of where one came.
trait Refusal {
    fn came(&self) -> Came;
}

fn came<E: Refusal>(result: Result<(), E>) -> Came {
    result.map_or_else(|failure| failure.came(), |()| Came::In)
}

impl Refusal for procession_application::access::Forbidden {
    fn came(&self) -> Came {
        Came::Forbidden
    }
}

impl Refusal for DefinitionFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NotFound => Came::ToNothing,
            Self::TooLarge { .. }
            | Self::Invalid(_)
            | Self::Version(_)
            | Self::State(_)
            | Self::Overloaded(_)
            | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for ExecutionFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NotFound => Came::ToNothing,
            Self::Refused(_)
            | Self::Waiting
            | Self::NotFailed(_)
            | Self::Retry(_)
            | Self::OutputPurged(_)
            | Self::NoSuchEvent { .. }
            | Self::EventsPurged
            | Self::TooManyStarts(_)
            | Self::Start(_)
            | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for ApprovalFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) | Self::Refused(ApprovalError::NotAsked(_)) => Came::Forbidden,
            Self::NotFound => Came::ToNothing,
            Self::UnknownUser(_) | Self::Refused(_) | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for AgentsFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NotFound => Came::ToNothing,
            Self::Stopped(_) | Self::Chat(_) | Self::Busy(_) | Self::Gateway(_) | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for DeliveriesFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NotFound => Came::ToNothing,
            Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for TemplateFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NotFound => Came::ToNothing,
            Self::NameTaken(_)
            | Self::Bundled(_)
            | Self::NotOwned
            | Self::Unfit(_)
            | Self::Definition(_)
            | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for TriggerFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NoProcess | Self::NoWebhook(_) | Self::NoCall | Self::NoSchedule(_) => Came::ToNothing,
            Self::NotReplayable(_) | Self::Contended | Self::Start(_) | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for FiguresFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NotFound => Came::ToNothing,
            Self::Span | Self::VersionAlone | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for ViewFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NotFound => Came::ToNothing,
            Self::NoUser | Self::Name | Self::TooLarge | Self::TooMany | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for AlertFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NoProcess | Self::NoThreshold | Self::NoAlert => Came::ToNothing,
            Self::Dismissed | Self::Amount | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for AuditFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::NotFound => Came::ToNothing,
            Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for RetentionFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::Running | Self::Archive(_) | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for StatusFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for NotificationFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::Settings(_) | Self::UnknownChannel { .. } | Self::Undelivered(_) | Self::Store(_) => Came::In,
        }
    }
}

impl Refusal for AccessFailure {
    fn came(&self) -> Came {
        match self {
            Self::Forbidden(_) => Came::Forbidden,
            Self::SetupRequired
            | Self::WrongPassword
            | Self::TooManyAttempts(_)
            | Self::SetupDone
            | Self::Password(_)
            | Self::UnknownRole(_)
            | Self::Name(_)
            | Self::BadEmail(_)
            | Self::LastAdmin(_)
            | Self::BadKeyName
            | Self::UnknownScope(_)
            | Self::Store(_) => Came::In,
        }
    }
}
