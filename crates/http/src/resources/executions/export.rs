//! An execution with everything that belongs to it, in one document (spec 4; 4c).

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use indexmap::IndexMap;
use procession_application::{
    approvals::ApprovalQuery,
    executions::VisibleExecution,
    ports::{EventPage, PageStart, Paging},
};
use procession_domain::value::{ExecutionId, Json as Value};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{detail::ExecutionResponse, step::StepDetailResponse, summary::Outlook};
use crate::{
    events::{Naming, text_of},
    extract::IdPath,
    problem::Problem,
    resources::approvals::ApprovalDetail,
    session::Session,
    state::App,
    wire::Time,
};

/// The form of the document; another number means another form.
const FORMAT: &str = "procession.execution/1";

/// How many events and approvals are read at a time.
const AT_ONCE: u32 = 1_000;

/// An execution with everything that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExportResponse {
    /// `procession.execution/1`.
    #[schema(example = "procession.execution/1")]
    format: &'static str,
    exported_at: Time,
    /// The version of the server that wrote it.
    #[schema(example = "0.1.0")]
    server_version: String,
    definition: ExportedDefinition,
    execution: ExecutionResponse,
    /// Its steps with all attempts, in definition order.
    steps: Vec<StepDetailResponse>,
    /// Its events, oldest first, as `/events` tells them.
    #[schema(value_type = Vec<Object>)]
    events: Vec<Box<RawValue>>,
    /// The outputs of its steps, by step; those that were purged are missing.
    #[schema(value_type = HashMap<String, serde_json::Value>)]
    outputs: IndexMap<String, Arc<Value>>,
    /// What people were asked, oldest first: what the session may see of it.
    approvals: Vec<ApprovalDetail>,
}

/// The version that was run.
#[derive(Debug, Serialize, ToSchema)]
struct ExportedDefinition {
    id: Uuid,
    #[schema(example = "hello")]
    name: String,
    #[schema(example = "1")]
    version: String,
    /// The author's text, byte for byte.
    yaml_content: String,
}

/// Shows an execution with everything that belongs to it, as a file to keep.
#[utoipa::path(
    get, path = "/api/executions/{execution_id}/export", tag = "executions",
    params(("execution_id" = Uuid, Path, description = "The execution")),
    responses(
        (status = 200, description = "The execution", body = ExportResponse,
            headers(("Content-Disposition" = String, description = "The name of the file"))),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such execution"),
    ),
)]
pub(super) async fn export_execution(
    app: App,
    session: Session,
    path: IdPath<ExecutionId>,
) -> Result<Response, Problem> {
    let execution = app.executions.get(&session.principal, path.id()?).await?;
    let export = ExportResponse::of(&app, &session, &execution).await?;
    let name = format!("attachment; filename=\"execution-{}.json\"", execution.id());
    let mut response = Json(export).into_response();
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

impl ExportResponse {
    async fn of(app: &App, session: &Session, execution: &VisibleExecution) -> Result<Self, Problem> {
        let version = &execution.creation().process;
        let process = app.definitions.get(&session.principal, version.id).await?;
        Ok(Self {
            format: FORMAT,
            exported_at: app.now().into(),
            server_version: app.shell().settings.version.clone(),
            definition: ExportedDefinition {
                id: version.id.uuid(),
                name: version.name.to_string(),
                version: version.version.to_string(),
                yaml_content: process.yaml().to_owned(),
            },
            execution: ExecutionResponse::of(app, execution, None).await?,
            steps: steps(app, execution).await?,
            events: events(app, execution).await?,
            outputs: outputs(app, execution).await?,
            approvals: approvals(app, session, execution.id()).await?,
        })
    }
}

async fn steps(app: &App, execution: &VisibleExecution) -> Result<Vec<StepDetailResponse>, Problem> {
    let outlook = Outlook::of(app, execution).await?;
    let mut steps = Vec::new();
    for (step, state) in execution.steps() {
        let asked = state.attempts.last().and_then(|attempt| attempt.input.as_ref());
        let input = match asked {
            Some(input) => app.executions.value(execution, input).await?,
            None => None,
        };
        steps.push(StepDetailResponse::of(execution, &step.id, state, &outlook, input));
    }
    Ok(steps)
}

async fn events(app: &App, execution: &VisibleExecution) -> Result<Vec<Box<RawValue>>, Problem> {
    let mut events = Vec::new();
    loop {
        let page = EventPage { offset: events.len() as u64, limit: AT_ONCE };
        let read = app.executions.events(execution, page).await?;
        let is_last = read.len() < AT_ONCE as usize;
        let texts = read.iter().map(|event| text_of(event, execution.definition(), Naming::History));
        // Our own text is JSON.
        events.extend(texts.filter_map(|text| RawValue::from_string(text).ok()));
        if is_last {
            return Ok(events);
        }
    }
}

async fn outputs(app: &App, execution: &VisibleExecution) -> Result<IndexMap<String, Arc<Value>>, Problem> {
    let mut outputs = IndexMap::new();
    for (step, state) in execution.steps() {
        if let Some(output) = &state.output
            && let Some(value) = app.executions.value(execution, output).await?
        {
            outputs.insert(step.id.to_string(), value);
        }
    }
    Ok(outputs)
}

async fn approvals(app: &App, session: &Session, execution: ExecutionId) -> Result<Vec<ApprovalDetail>, Problem> {
    let query = ApprovalQuery { execution_id: Some(execution), ..ApprovalQuery::default() };
    let mut start = PageStart::Offset(0);
    let mut approvals = Vec::new();
    loop {
        let paging = Paging { limit: AT_ONCE, start };
        let page = app.approvals.list(&session.principal, query.clone(), &paging).await?;
        approvals.extend(page.rows.into_iter().map(|row| ApprovalDetail::of(&row, &session.principal)));
        match page.next_cursor {
            Some(cursor) => start = PageStart::Cursor(cursor),
            None => return Ok(approvals),
        }
    }
}
