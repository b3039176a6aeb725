//! Calls of webhooks (spec 5.7): whoever calls is known by the webhook's secret, and by no session.

use std::time::Duration as StdDuration;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use procession_application::{
    executions::VisibleExecution,
    ports::{Origin, WebhookAddress},
    triggers::{IncomingCall, Received},
};
use procession_domain::value::{Duration, Json as Value};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::webhooks::StartedResponse;
use crate::{
    HttpState,
    extract::{NamePath, Parameters, Query, ReadParameters, TwoNamesPath, read_body},
    problem::{Code, Problem},
    resources::executions::output_data,
    session::origin_of,
    state::App,
};

/// How long a caller may wait for the end.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A call as it comes in.
pub(super) struct Call {
    headers: HeaderMap,
    body: Bytes,
    origin: Origin,
}

/// How long a caller waits.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WaitParameters {
    /// How long to wait for the end of the execution, up to a minute.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<Duration>,
}

/// An execution that has ended while its caller waited.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndedResponse {
    #[serde(flatten)]
    started: StartedResponse,
    /// What it puts out.
    #[schema(value_type = Object, example = json!({"answer": "42"}))]
    outputs: Value,
}

/// Starts the process that has this webhook; of several, the one published last. It is answered at once.
#[utoipa::path(
    post, path = "/api/triggers/webhook/{trigger_id}", tag = "triggers", security(()),
    request_body(content = serde_json::Value, description = "Any JSON value, for `trigger.payload`; an object's fields are the input too"),
    params(
        ("trigger_id" = String, Path, description = "The trigger, or `process-name/trigger` with `%2F`", example = "new-ticket"),
        WaitParameters,
        ("X-Webhook-Secret" = Option<String>, Header, description = "The secret; or a signature by the Standard Webhooks scheme or GitHub's"),
    ),
    responses(
        (status = 202, description = "The execution that begins, or that the same call began before", body = StartedResponse),
        (status = 200, description = "It has ended within `wait`; or the signed message had come before", body = EndedResponse),
        (status = 400, description = "The body is not JSON"),
        (status = 403, description = "The secret or signature is missing, wrong or too old, or the webhook is switched off"),
        (status = 404, description = "No published process has such a webhook"),
        (status = 409, description = "The same key came with another body, or the version can't be started"),
        (status = 422, description = "The input does not fit, or a parameter or header does not"),
        (status = 429, description = "Too many executions wait to begin"),
    ),
)]
pub(super) async fn call_webhook(
    app: App,
    path: NamePath,
    Query(parameters): Query<WaitParameters>,
    call: Call,
) -> Result<Response, Problem> {
    receive(&app, WebhookAddress::parse(&path.0), &parameters, call).await
}

/// Starts the process of this name by its webhook. It is answered at once.
#[utoipa::path(
    post, path = "/api/triggers/webhook/{process_name}/{trigger_id}", tag = "triggers", security(()),
    request_body(content = serde_json::Value, description = "Any JSON value, for `trigger.payload`; an object's fields are the input too"),
    params(
        ("process_name" = String, Path, description = "The process", example = "support-triage"),
        ("trigger_id" = String, Path, description = "The trigger", example = "new-ticket"),
        WaitParameters,
        ("X-Webhook-Secret" = Option<String>, Header, description = "The secret; or a signature by the Standard Webhooks scheme or GitHub's"),
    ),
    responses(
        (status = 202, description = "The execution that begins, or that the same call began before", body = StartedResponse),
        (status = 200, description = "It has ended within `wait`; or the signed message had come before", body = EndedResponse),
        (status = 400, description = "The body is not JSON"),
        (status = 403, description = "The secret or signature is missing, wrong or too old, or the webhook is switched off"),
        (status = 404, description = "The process has no such webhook"),
        (status = 409, description = "The same key came with another body, or the version can't be started"),
        (status = 422, description = "The input does not fit, or a parameter or header does not"),
        (status = 429, description = "Too many executions wait to begin"),
    ),
)]
pub(super) async fn call_webhook_of_process(
    app: App,
    TwoNamesPath(process, trigger): TwoNamesPath,
    Query(parameters): Query<WaitParameters>,
    call: Call,
) -> Result<Response, Problem> {
    receive(&app, WebhookAddress { process: Some(process), trigger }, &parameters, call).await
}

async fn receive(
    app: &App,
    address: WebhookAddress,
    parameters: &WaitParameters,
    call: Call,
) -> Result<Response, Problem> {
    let Call { headers, body, origin } = call;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let incoming = IncomingCall { address, header: &header, body: &body, origin };
    let received = app.triggers.receive(incoming).await?;
    match parameters.wait {
        Some(wait) => wait_for_end(app, &received, wait.to_std()).await,
        None => Ok(answer(&received, &received.execution)),
    }
}

async fn wait_for_end(app: &App, received: &Received, wait: StdDuration) -> Result<Response, Problem> {
    let execution = tokio::select! {
        ended = app.triggers.until_ended(received, wait) => ended?,
        // A server that stops keeps nobody waiting.
        () = app.state.drained() => received.execution.clone(),
    };
    if !execution.status().is_ended() {
        return Ok(answer(received, &execution));
    }
    let outputs = output_data(app, &execution).await?;
    let started = StartedResponse::of(&execution, "Execution ended");
    Ok(Json(EndedResponse { started, outputs: (*outputs).clone() }).into_response())
}

/// The answer to a call whose execution has not ended, or is not waited for.
fn answer(received: &Received, execution: &VisibleExecution) -> Response {
    let (status, message) = match (received.is_repeated, received.is_signed) {
        (true, true) => (StatusCode::OK, "This message has started an execution before"),
        (true, false) => (StatusCode::ACCEPTED, "The same call has started an execution before"),
        (false, _) => (StatusCode::ACCEPTED, "Execution started successfully via webhook trigger"),
    };
    (status, Json(StartedResponse::of(execution, message))).into_response()
}

impl FromRequest<HttpState> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        // Nothing else bounds how long a stranger may take.
        let reading = tokio::time::timeout(state.shell().settings.time_limits.request, read_body(body));
        let too_slow =
            |_| Problem::new(StatusCode::REQUEST_TIMEOUT, Code::RequestTimeout, "the request body is incomplete");
        let body = reading.await.map_err(too_slow)??;
        App::from_request_parts(&mut parts, state).await?;
        let origin = origin_of(&parts, state);
        Ok(Self { headers: parts.headers, body, origin })
    }
}

impl ReadParameters for WaitParameters {
    fn read(parameters: &mut Parameters) -> Self {
        let Some(text) = parameters.text("wait") else { return Self { wait: None } };
        let wait = text.trim().parse::<Duration>().ok().filter(|wait| *wait <= LONGEST_WAIT);
        if wait.is_none() {
            parameters.refuse("wait", "must be a duration of at most 60s, such as 30s");
        }
        Self { wait }
    }
}
