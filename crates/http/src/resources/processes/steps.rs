//! Steps as a definition's answer shows them (spec 4b 3.1).

use indexmap::IndexMap;
use procession_domain::{
    definition::{
        AgentTask, Backoff, Compensation, CompensationAction, Condition, GatewayType, HumanApproval, MappedValue,
        Notification, OnError, OnReject, Priority, RetryPolicy, Roles, Step, StepKind, SubProcess, Template,
        TimeoutAction, Timer,
    },
    value::Json,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// A step of a definition.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DefinitionStep, example = json!({
    "id": "greet", "name": "greet", "type": "agent_task", "agent": "echo-bot", "message": "Hello", "timeout": "5m",
    "retry": {"max_attempts": 3, "initial_delay": "5s", "backoff": "exponential", "backoff_multiplier": 2.0,
        "max_delay": "5m", "jitter": true},
    "on_error": {"action": "fail_process"},
}))]
pub(super) struct StepResponse {
    id: String,
    /// Its name for people; the id if it has none.
    name: String,
    #[serde(flatten)]
    kind: KindResponse,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    run_if_skipped: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    /// The longest an attempt may take; for an approval, the deadline.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    priority: Option<Priority>,
    retry: RetryResponse,
    on_error: OnErrorResponse,
    #[serde(skip_serializing_if = "Option::is_none")]
    compensation: Option<CompensationResponse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<RolesResponse>,
}

/// The keys of a step's type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum KindResponse {
    AgentTask(AgentTaskResponse),
    HumanApproval(Box<ApprovalStepResponse>),
    Gateway(GatewayResponse),
    Timer(TimerResponse),
    Notification(NotificationResponse),
    SubProcess(SubProcessResponse),
}

/// An agent does work.
#[derive(Debug, Serialize, ToSchema)]
struct AgentTaskResponse {
    agent: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_cost: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    output_schema: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_key: Option<String>,
}

/// A person decides.
#[derive(Debug, Serialize, ToSchema)]
struct ApprovalStepResponse {
    title: String,
    description: String,
    assignees: Vec<String>,
    required_approvals: u32,
    #[schema(value_type = String)]
    timeout_action: TimeoutAction,
    #[schema(value_type = String)]
    on_reject: OnReject,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    escalate_to: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    artifacts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_changes_requested: Option<RerunResponse>,
    allow_comments: bool,
    require_reason_on_reject: bool,
    self_approval: bool,
}

/// What runs again when changes are requested.
#[derive(Debug, Serialize, ToSchema)]
struct RerunResponse {
    rerun: String,
    max: u32,
}

/// The process branches.
#[derive(Debug, Serialize, ToSchema)]
struct GatewayResponse {
    #[schema(value_type = String)]
    gateway_type: GatewayType,
    routes: Vec<RouteResponse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_route: Option<String>,
}

/// A route of a gateway.
#[derive(Debug, Serialize, ToSchema)]
struct RouteResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    condition: Option<String>,
    target: String,
}

/// Time passes.
#[derive(Debug, Serialize, ToSchema)]
struct TimerResponse {
    /// `duration`, or `until` with its `timezone`.
    #[schema(value_type = HashMap<String, String>)]
    config: IndexMap<&'static str, String>,
}

/// Someone is told.
#[derive(Debug, Serialize, ToSchema)]
struct NotificationResponse {
    /// The first channel.
    channel: String,
    channels: Vec<String>,
    message: String,
    /// Where Slack is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<String>,
    /// Where others are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recipients: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
}

/// Another process runs.
#[derive(Debug, Serialize, ToSchema)]
struct SubProcessResponse {
    process_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    #[schema(value_type = Option<Object>)]
    input_mapping: IndexMap<String, Json>,
    output_key: String,
    wait_for_completion: bool,
}

/// How failed attempts are repeated.
#[derive(Debug, Serialize, ToSchema)]
struct RetryResponse {
    max_attempts: u32,
    initial_delay: String,
    #[schema(value_type = String)]
    backoff: Backoff,
    backoff_multiplier: f64,
    max_delay: String,
    jitter: bool,
}

/// What a final failure does.
#[derive(Debug, Serialize, ToSchema)]
struct OnErrorResponse {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_step: Option<String>,
}

/// How a completed step is undone.
#[derive(Debug, Serialize, ToSchema)]
struct CompensationResponse {
    #[serde(flatten)]
    action: ActionResponse,
    timeout: String,
    retry: RetryResponse,
}

/// The keys of a compensation's type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ActionResponse {
    AgentTask(AgentTaskResponse),
    Notification(NotificationResponse),
}

/// The agents of a step besides the one that does it.
#[derive(Debug, Serialize, ToSchema)]
struct RolesResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    executor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    monitors: Vec<String>,
    /// Names, or `{agent, events}` for agents that want only some events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    informed: Vec<Json>,
}

impl StepResponse {
    pub fn of(step: &Step) -> Self {
        Self {
            id: step.id.to_string(),
            name: step.name.clone(),
            kind: KindResponse::of(&step.kind),
            description: step.description.clone().filter(|_| !matches!(step.kind, StepKind::HumanApproval(_))),
            depends_on: step.depends_on.iter().map(ToString::to_string).collect(),
            run_if_skipped: step.run_if_skipped,
            condition: step.condition.as_ref().map(condition),
            timeout: step.timeout.map(text),
            priority: step.priority,
            retry: RetryResponse::of(&step.retry),
            on_error: OnErrorResponse::of(&step.on_error),
            compensation: step.compensation.as_ref().map(CompensationResponse::of),
            roles: RolesResponse::of(&step.roles),
        }
    }
}

impl KindResponse {
    fn of(kind: &StepKind) -> Self {
        match kind {
            StepKind::AgentTask(task) => Self::AgentTask(AgentTaskResponse::of(task)),
            StepKind::HumanApproval(approval) => Self::HumanApproval(Box::new(ApprovalStepResponse::of(approval))),
            StepKind::Gateway(gateway) => Self::Gateway(GatewayResponse {
                gateway_type: gateway.gateway_type,
                default_route: gateway.default_route.as_ref().map(ToString::to_string),
                routes: gateway
                    .routes
                    .iter()
                    .map(|route| RouteResponse {
                        name: route.name.clone(),
                        condition: route.condition.as_ref().map(condition),
                        target: route.target.to_string(),
                    })
                    .collect(),
            }),
            StepKind::Timer(timer) => Self::Timer(TimerResponse::of(timer)),
            StepKind::Notification(notification) => Self::Notification(NotificationResponse::of(notification)),
            StepKind::SubProcess(sub_process) => Self::SubProcess(SubProcessResponse::of(sub_process)),
        }
    }
}

impl AgentTaskResponse {
    fn of(task: &AgentTask) -> Self {
        Self {
            agent: task.agent.text.clone(),
            message: task.message.text.clone(),
            model: task.model.clone(),
            temperature: task.temperature,
            max_cost: task.max_cost.map(text),
            output_schema: task.output_schema.clone(),
            output_key: task.output_key.clone(),
        }
    }
}

impl ApprovalStepResponse {
    fn of(approval: &HumanApproval) -> Self {
        let rerun = approval.on_changes_requested.as_ref();
        Self {
            title: approval.title.text.clone(),
            description: approval.description.as_ref().map(template).unwrap_or_default(),
            assignees: approval.assignees.iter().map(template).collect(),
            required_approvals: approval.required_approvals,
            timeout_action: approval.timeout_action,
            on_reject: approval.on_reject,
            escalate_to: approval.escalate_to.iter().map(template).collect(),
            artifacts: approval.artifacts.iter().map(template).collect(),
            on_changes_requested: rerun.map(|rerun| RerunResponse { rerun: rerun.rerun.to_string(), max: rerun.max }),
            allow_comments: approval.allow_comments,
            require_reason_on_reject: approval.require_reason_on_reject,
            self_approval: approval.self_approval,
        }
    }
}

impl TimerResponse {
    fn of(timer: &Timer) -> Self {
        let mut config = IndexMap::new();
        match timer {
            Timer::Duration(duration) => {
                config.insert("duration", duration.text.clone());
            }
            Timer::Until { at, timezone } => {
                config.insert("until", at.text.clone());
                config.extend(timezone.clone().map(|zone| ("timezone", zone)));
            }
        }
        Self { config }
    }
}

impl NotificationResponse {
    fn of(notification: &Notification) -> Self {
        let channel = notification.channels.first().cloned().unwrap_or_default();
        let address = notification.url.as_ref().map(template);
        let (webhook_url, url) = if channel == "slack" { (address, None) } else { (None, address) };
        Self {
            channel,
            channels: notification.channels.clone(),
            message: notification.message.text.clone(),
            webhook_url,
            url,
            recipients: notification.recipients.iter().map(template).collect(),
            subject: notification.subject.as_ref().map(template),
        }
    }
}

impl SubProcessResponse {
    fn of(sub_process: &SubProcess) -> Self {
        let mapped = |(name, value): (&String, &MappedValue)| (name.clone(), mapped_value(value));
        Self {
            process_name: sub_process.process_name.to_string(),
            version: sub_process.version.map(text),
            input_mapping: sub_process.input_mapping.iter().map(mapped).collect(),
            output_key: sub_process.output_key.clone(),
            wait_for_completion: sub_process.wait_for_completion,
        }
    }
}

impl RetryResponse {
    fn of(retry: &RetryPolicy) -> Self {
        Self {
            max_attempts: retry.max_attempts,
            initial_delay: text(retry.initial_delay),
            backoff: retry.backoff,
            backoff_multiplier: retry.backoff_multiplier,
            max_delay: text(retry.longest_delay()),
            jitter: retry.jitter,
        }
    }
}

impl OnErrorResponse {
    fn of(on_error: &OnError) -> Self {
        match on_error {
            OnError::FailProcess => Self { action: "fail_process", target_step: None },
            OnError::SkipStep => Self { action: "skip_step", target_step: None },
            OnError::GotoStep { target_step } => {
                Self { action: "goto_step", target_step: Some(target_step.to_string()) }
            }
        }
    }
}

impl CompensationResponse {
    fn of(compensation: &Compensation) -> Self {
        Self {
            action: match &compensation.action {
                CompensationAction::AgentTask(task) => ActionResponse::AgentTask(AgentTaskResponse::of(task)),
                CompensationAction::Notification(notification) => {
                    ActionResponse::Notification(NotificationResponse::of(notification))
                }
            },
            timeout: text(compensation.timeout),
            retry: RetryResponse::of(&compensation.retry),
        }
    }
}

impl RolesResponse {
    fn of(roles: &Roles) -> Option<Self> {
        let informed = roles.informed.iter().map(|informed| match informed.events.as_slice() {
            [] => json!(informed.agent),
            events => json!({"agent": informed.agent, "events": events}),
        });
        (*roles != Roles::default()).then(|| Self {
            executor: roles.executor.clone(),
            monitors: roles.monitors.iter().map(ToString::to_string).collect(),
            informed: informed.collect(),
        })
    }
}

fn template(template: &Template) -> String {
    template.text.clone()
}

fn condition(condition: &Condition) -> String {
    condition.text.clone()
}

fn text<T: ToString + Copy>(value: T) -> String {
    value.to_string()
}

fn mapped_value(value: &MappedValue) -> Json {
    match value {
        MappedValue::Template(template) => Json::String(template.text.clone()),
        MappedValue::Literal(literal) => literal.clone(),
        MappedValue::List(values) => values.iter().map(mapped_value).collect(),
        MappedValue::Map(values) => values.iter().map(|(name, value)| (name.clone(), mapped_value(value))).collect(),
    }
}
