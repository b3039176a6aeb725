//! Requests and responses about definitions.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use procession_application::ports::{Page, Paging, ProcessRow, RecentRuns};
use procession_domain::{
    definition::{InputSchema, Output, Process, RequiredInput, Trigger, TriggerKind},
    value::{Cost, ProcessId, Timestamp},
};
use procession_language::{Checked, Diagnostic, schedule::DueTimes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{steps::StepResponse, triggers::TriggerResponse};
use crate::wire::{ExactCost, Issue, Time};

/// How many due times of each schedule a check tells.
const PREVIEWED: usize = 3;

/// The text of a definition.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"yaml_content": "name: hello\nsteps:\n  - id: greet\n    agent: echo-bot\n    message: Hello\n"}))]
pub(crate) struct ProcessRequest {
    /// The YAML text; it is kept byte for byte.
    pub yaml_content: String,
}

/// A new text for a draft.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "yaml_content": "name: hello\nsteps:\n  - id: greet\n    agent: echo-bot\n    message: Hello again\n",
    "revision": 1,
}))]
pub(crate) struct UpdateRequest {
    /// The YAML text; it is kept byte for byte.
    pub yaml_content: String,
    /// The revision that was edited; the change is refused if there is a newer one.
    #[serde(default)]
    pub revision: Option<u32>,
}

/// A page of definitions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProcessListResponse {
    processes: Vec<ProcessSummary>,
    /// How many the filter leaves in all.
    #[schema(example = 1)]
    total: u64,
    #[schema(example = 50)]
    limit: u32,
    #[schema(example = 0)]
    offset: u64,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// A definition in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "name": "hello", "version": "1", "status": "published",
    "description": "Says hello", "step_count": 1, "created_by": "ann@example.com",
    "created_at": "2026-11-21T02:57:59.880423+00:00", "updated_at": "2026-11-21T03:01:00.000000+00:00",
    "published_at": "2026-11-21T03:01:00.000000+00:00", "last_run_at": null, "labels": {"team": "press"},
    "success_30": 96.7, "cost_per_run": "$0.01",
    "exact_cost_per_run": {"amount": "0.0123", "currency": "USD", "complete": true},
}))]
pub(crate) struct ProcessSummary {
    id: Uuid,
    name: String,
    version: String,
    /// `draft`, `published` or `archived`.
    status: &'static str,
    description: String,
    step_count: u32,
    created_by: Option<String>,
    created_at: Time,
    updated_at: Time,
    published_at: Option<Time>,
    /// When an execution of it was last created.
    last_run_at: Option<Time>,
    #[schema(value_type = HashMap<String, String>)]
    labels: IndexMap<String, String>,
    /// Of its last 30 executions that ended and that the session may see, how many of a hundred that completed or failed
    /// have completed; null if there are none.
    success_30: Option<f64>,
    /// What one of these cost on average, rounded; null if there are none, or nothing is known of it.
    cost_per_run: Option<String>,
    exact_cost_per_run: Option<ExactCost>,
}

/// A definition.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "name": "hello", "version": "1", "status": "draft",
    "description": "", "created_by": "ann@example.com", "created_at": "2026-11-21T02:57:59.880423+00:00",
    "updated_at": "2026-11-21T02:57:59.880423+00:00", "published_at": null, "active": false, "revision": 1,
    "steps": [{
        "id": "greet", "name": "greet", "type": "agent_task", "agent": "echo-bot", "message": "Hello", "timeout": "5m",
        "retry": {"max_attempts": 3, "initial_delay": "5s", "backoff": "exponential", "backoff_multiplier": 2.0,
            "max_delay": "5m", "jitter": true},
        "on_error": {"action": "fail_process"},
    }],
    "outputs": [], "triggers": [], "input": null, "required_input": [], "labels": {},
    "yaml_content": "name: hello\nsteps:\n  - id: greet\n    agent: echo-bot\n    message: Hello\n",
    "warnings": [],
}))]
pub(crate) struct ProcessResponse {
    id: Uuid,
    name: String,
    version: String,
    /// `draft`, `published` or `archived`.
    status: &'static str,
    description: String,
    created_by: Option<String>,
    created_at: Time,
    updated_at: Time,
    published_at: Option<Time>,
    /// Whether the triggers and schedules of the process are those of this version.
    active: bool,
    /// Counts the changes; also its ETag.
    revision: u32,
    /// Its steps, in the author's order.
    steps: Vec<StepResponse>,
    outputs: Vec<ProcessOutputResponse>,
    /// What starts it, without secrets.
    triggers: Vec<TriggerResponse>,
    /// The declared inputs by name; null if none are declared.
    #[schema(value_type = Option<Object>)]
    input: Option<InputSchema>,
    /// Without declared inputs: the fields that a start must bring all the same.
    required_input: Vec<RequiredInputResponse>,
    #[schema(value_type = HashMap<String, String>)]
    labels: IndexMap<String, String>,
    /// The author's text, byte for byte.
    yaml_content: String,
    /// What is odd about the text, where it was just checked.
    warnings: Vec<Issue>,
}

/// An output of a process.
#[derive(Debug, Serialize, ToSchema)]
struct ProcessOutputResponse {
    name: String,
    source: String,
    description: Option<String>,
}

/// An input field that steps certain to run read.
#[derive(Debug, Serialize, ToSchema)]
struct RequiredInputResponse {
    field: String,
    /// The steps that read it.
    readers: Vec<String>,
}

/// The result of a check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "is_valid": false,
    "errors": [{
        "code": "unknown_step", "severity": "error", "level": "error", "message": "step `publish`: no step is called `reviw`",
        "path": "steps[2].depends_on[0]", "line": 13, "column": 9, "end_line": 13, "end_column": 14,
        "suggestion": "review", "step_id": "publish",
        "fix": {"line": 13, "column": 9, "end_line": 13, "end_column": 14, "text": "review"},
    }],
    "warnings": [],
}))]
pub(crate) struct ValidationResponse {
    /// Whether it could be published.
    is_valid: bool,
    /// What makes it unusable.
    errors: Vec<Issue>,
    /// What is odd about it.
    warnings: Vec<Issue>,
    /// When its schedules would be due, if it were published now.
    schedules: Vec<SchedulePreview>,
}

/// When a schedule would be due.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchedulePreview {
    #[schema(example = "every-night")]
    trigger_id: String,
    /// The five fields of its cron line.
    #[schema(example = "0 9 * * *")]
    cron_expression: String,
    #[schema(example = "Europe/Berlin")]
    timezone: String,
    /// The next three due times, the soonest first; none where it is switched off.
    next_runs: Vec<Time>,
}

impl ProcessListResponse {
    /// A page, with how the latest executions of each version have gone and what one of them cost on average.
    pub fn of(
        page: Page<ProcessRow>,
        paging: &Paging,
        recent: &BTreeMap<ProcessId, RecentRuns>,
        cost_per_run: impl Fn(&RecentRuns) -> Option<Cost>,
    ) -> Self {
        let summary = |row: ProcessRow| {
            let recent = recent.get(&row.id);
            ProcessSummary::of(row, recent, recent.and_then(&cost_per_run))
        };
        Self {
            processes: page.rows.into_iter().map(summary).collect(),
            total: page.total,
            limit: paging.limit,
            offset: paging.offset(),
            next_cursor: page.next_cursor,
        }
    }
}

impl ProcessSummary {
    fn of(row: ProcessRow, recent: Option<&RecentRuns>, cost: Option<Cost>) -> Self {
        let is_known = |cost: &Cost| cost.complete || !cost.amount.is_zero();
        Self {
            id: row.id.uuid(),
            name: row.name.to_string(),
            version: row.version.to_string(),
            status: row.status.as_str(),
            description: row.description,
            step_count: row.step_count,
            created_by: row.created_by,
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            published_at: row.published_at.map(Into::into),
            last_run_at: row.last_run_at.map(Into::into),
            labels: row.labels,
            success_30: recent.and_then(success),
            cost_per_run: cost.filter(is_known).map(|cost| cost.amount.to_string()),
            exact_cost_per_run: cost.map(Into::into),
        }
    }
}

/// How many of a hundred that completed or failed have completed, to one decimal.
fn success(runs: &RecentRuns) -> Option<f64> {
    let decided = runs.completed + runs.failed;
    (decided > 0).then(|| (f64::from(runs.completed) / f64::from(decided) * 1_000.0).round() / 10.0)
}

impl ProcessResponse {
    pub fn of(process: &Process, warnings: &[Diagnostic]) -> Self {
        let content = process.definition().content();
        let warnings = warnings.iter().filter(|diagnostic| !diagnostic.is_error());
        Self {
            id: process.id().uuid(),
            name: content.name.to_string(),
            version: content.version.to_string(),
            status: process.status().as_str(),
            description: content.description.clone(),
            created_by: process.created_by().map(str::to_owned),
            created_at: process.created_at().into(),
            updated_at: process.updated_at().into(),
            published_at: process.published_at().map(Into::into),
            active: process.is_active(),
            revision: process.revision(),
            steps: content.steps.iter().map(StepResponse::of).collect(),
            outputs: content.outputs.iter().map(ProcessOutputResponse::of).collect(),
            triggers: content.triggers.iter().map(TriggerResponse::of).collect(),
            input: content.input.clone(),
            required_input: content.required_input.iter().map(RequiredInputResponse::of).collect(),
            labels: content.labels.clone(),
            yaml_content: process.yaml().to_owned(),
            warnings: warnings.map(Issue::of).collect(),
        }
    }
}

impl ProcessOutputResponse {
    fn of(output: &Output) -> Self {
        Self { name: output.name.clone(), source: output.source.text.clone(), description: output.description.clone() }
    }
}

impl RequiredInputResponse {
    fn of(required: &RequiredInput) -> Self {
        Self { field: required.field.clone(), readers: required.readers.iter().map(ToString::to_string).collect() }
    }
}

impl ValidationResponse {
    pub fn of(checked: &Checked, now: Timestamp) -> Self {
        let triggers = checked.definition.iter().flat_map(|definition| &definition.content().triggers);
        Self {
            schedules: triggers.filter_map(|trigger| SchedulePreview::of(trigger, now)).collect(),
            is_valid: checked.definition.is_some(),
            errors: checked.errors().map(Issue::of).collect(),
            warnings: checked.warnings().map(Issue::of).collect(),
        }
    }
}

impl SchedulePreview {
    fn of(trigger: &Trigger, now: Timestamp) -> Option<Self> {
        let TriggerKind::Schedule(schedule) = &trigger.kind else { return None };
        let due = DueTimes::of(schedule).ok().filter(|_| trigger.enabled);
        let next_runs = due.map(|due| due.following(now, PREVIEWED)).unwrap_or_default();
        Some(Self {
            trigger_id: trigger.id.to_string(),
            cron_expression: schedule.cron_expression.clone(),
            timezone: schedule.timezone.clone(),
            next_runs: next_runs.into_iter().map(Time::from).collect(),
        })
    }
}
