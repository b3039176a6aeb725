//! Process definitions: create, read, check, publish, archive (spec 3.1; 4b 3).

mod costs;
mod responses;
mod steps;
mod triggers;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use procession_application::{
    access::UseCase,
    definitions::Written,
    ports::{Paging, ProcessFilter},
};
use procession_domain::{
    definition::{Process, ProcessStatus},
    value::ProcessId,
};
use procession_language::Diagnostic;
use responses::{ProcessListResponse, ProcessRequest, ProcessResponse, UpdateRequest, ValidationResponse};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    HttpState,
    extract::{IdPath, IfMatch, PageParameters, Parameters, Query, ReadParameters, Sent},
    problem::{Code, Problem},
    session::Session,
    state::App,
};

/// How many definitions a list without `limit` shows: existing clients never ask for a second page (spec 4b 18.A.16).
const ALL: u32 = 1_000;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(create_process, list_processes))
        .routes(routes!(validate_text))
        .routes(routes!(get_process, update_process, delete_process))
        .routes(routes!(validate_process))
        .routes(routes!(publish_process))
        .routes(routes!(activate_process))
        .routes(routes!(archive_process))
        .routes(routes!(new_version))
        .routes(routes!(costs::cost_stats))
}

/// The query of the list of definitions.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    /// `draft`, `published` or `archived`.
    #[param(example = "published")]
    status: Option<String>,
    /// Only versions of the process of this name.
    name: Option<String>,
    /// Only those whose name or description holds this text.
    q: Option<String>,
    #[param(ignore)]
    page: PageParameters,
}

/// Creates a draft from YAML text.
#[utoipa::path(
    post, path = "/api/processes", tag = "processes", request_body = ProcessRequest,
    responses(
        (status = 201, description = "The draft", body = ProcessResponse,
            headers(("Location" = String, description = "Where it is"), ("ETag" = String, description = "Its revision"))),
        (status = 409, description = "Another definition has this name and version"),
        (status = 413, description = "The text is too large"),
        (status = 422, description = "Malformed body, or the text has errors: `errors` lists them"),
        (status = 429, description = "Too many texts are being checked at once; `Retry-After` says how long to wait"),
    ),
)]
pub(crate) async fn create_process(app: App, sent: Sent<ProcessRequest>) -> Result<Response, Problem> {
    let Sent { session, body } = sent;
    Ok(created(&app.definitions.create(&session.principal, body.yaml_content).await?))
}

/// Lists definitions, the last changed first.
#[utoipa::path(
    get, path = "/api/processes", tag = "processes", params(ListParameters, PageParameters),
    responses(
        (status = 200, description = "A page", body = ProcessListResponse),
        (status = 400, description = "There is no such status"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
pub(crate) async fn list_processes(
    app: App,
    session: Session,
    Query(parameters): Query<ListParameters>,
) -> Result<Json<ProcessListResponse>, Problem> {
    session.check(UseCase::ReadDefinitions)?;
    let (filter, paging) = parameters.filter()?;
    let page = app.definitions.list(&session.principal, &filter, &paging).await?;
    Ok(Json(ProcessListResponse::of(page, &paging)))
}

/// Shows a definition.
#[utoipa::path(
    get, path = "/api/processes/{process_id}", tag = "processes", params(("process_id" = uuid::Uuid, Path, description = "The version's id")),
    responses(
        (status = 200, description = "The definition", body = ProcessResponse,
            headers(("ETag" = String, description = "Its revision"))),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such definition"),
    ),
)]
pub(crate) async fn get_process(app: App, session: Session, path: IdPath<ProcessId>) -> Result<Response, Problem> {
    session.check(UseCase::ReadDefinitions)?;
    let process = app.definitions.get(&session.principal, path.id()?).await?;
    Ok(shown(StatusCode::OK, &process, &[]))
}

/// Replaces the text of a draft. With `If-Match` or `revision`, only if nobody else has changed it meanwhile.
#[utoipa::path(
    put, path = "/api/processes/{process_id}", tag = "processes", request_body = UpdateRequest,
    params(
        ("process_id" = uuid::Uuid, Path, description = "The version's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the revision that was edited"),
    ),
    responses(
        (status = 200, description = "The definition", body = ProcessResponse,
            headers(("ETag" = String, description = "Its revision"))),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such definition"),
        (status = 409, description = "Not a draft, changed by someone else, or the name and version are taken"),
        (status = 413, description = "The text is too large"),
        (status = 422, description = "Malformed body, or the text has errors: `errors` lists them"),
        (status = 429, description = "Too many texts are being checked at once; `Retry-After` says how long to wait"),
    ),
)]
pub(crate) async fn update_process(
    app: App,
    path: IdPath<ProcessId>,
    if_match: IfMatch,
    sent: Sent<UpdateRequest>,
) -> Result<Response, Problem> {
    let Sent { session, body } = sent;
    session.check(UseCase::UpdateDefinition)?;
    let expected = if_match.expected(body.revision);
    let written = app.definitions.update(&session.principal, path.id()?, body.yaml_content, expected).await?;
    Ok(shown(StatusCode::OK, &written.process, &written.warnings))
}

/// Removes a draft or an archived version.
#[utoipa::path(
    delete, path = "/api/processes/{process_id}", tag = "processes", params(("process_id" = uuid::Uuid, Path, description = "The version's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such definition"),
        (status = 409, description = "It is published, or its executions have not ended"),
    ),
)]
pub(crate) async fn delete_process(app: App, session: Session, path: IdPath<ProcessId>) -> Result<StatusCode, Problem> {
    session.check(UseCase::DeleteDefinition)?;
    app.definitions.delete(&session.principal, path.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks a text without storing it, against all that this server knows.
#[utoipa::path(
    post, path = "/api/processes/validate", tag = "processes", request_body = ProcessRequest,
    responses(
        (status = 200, description = "What is wrong or odd, also for texts with errors", body = ValidationResponse),
        (status = 413, description = "The text is too large"),
        (status = 422, description = "Malformed body"),
        (status = 429, description = "Too many texts are being checked at once; `Retry-After` says how long to wait"),
    ),
)]
pub(crate) async fn validate_text(app: App, sent: Sent<ProcessRequest>) -> Result<Json<ValidationResponse>, Problem> {
    let checked = app.definitions.check(&sent.session.principal, &sent.body.yaml_content).await?;
    Ok(Json(ValidationResponse::of(&checked, app.now())))
}

/// Checks a stored definition by what the server knows now.
#[utoipa::path(
    post, path = "/api/processes/{process_id}/validate", tag = "processes",
    params(("process_id" = uuid::Uuid, Path, description = "The version's id")),
    responses(
        (status = 200, description = "What is wrong or odd", body = ValidationResponse),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such definition"),
        (status = 429, description = "Too many texts are being checked at once; `Retry-After` says how long to wait"),
    ),
)]
pub(crate) async fn validate_process(
    app: App,
    session: Session,
    path: IdPath<ProcessId>,
) -> Result<Json<ValidationResponse>, Problem> {
    session.check(UseCase::CheckDefinition)?;
    let checked = app.definitions.check_stored(&session.principal, path.id()?).await?;
    Ok(Json(ValidationResponse::of(&checked, app.now())))
}

/// Publishes a draft, so that it can be started.
#[utoipa::path(
    post, path = "/api/processes/{process_id}/publish", tag = "processes",
    params(("process_id" = uuid::Uuid, Path, description = "The version's id")),
    responses(
        (status = 200, description = "The published definition", body = ProcessResponse,
            headers(("ETag" = String, description = "Its revision"))),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such definition"),
        (status = 409, description = "It is not a draft"),
        (status = 422, description = "The text has errors by what the server knows now"),
        (status = 429, description = "Too many texts are being checked at once; `Retry-After` says how long to wait"),
    ),
)]
pub(crate) async fn publish_process(app: App, session: Session, path: IdPath<ProcessId>) -> Result<Response, Problem> {
    session.check(UseCase::PublishDefinition)?;
    let written = app.definitions.publish(&session.principal, path.id()?).await?;
    Ok(shown(StatusCode::OK, &written.process, &written.warnings))
}

/// Gives a published version the triggers and schedules of its process, which the version published last has otherwise.
#[utoipa::path(
    post, path = "/api/processes/{process_id}/activate", tag = "processes",
    params(("process_id" = uuid::Uuid, Path, description = "The version's id")),
    responses(
        (status = 200, description = "The active version", body = ProcessResponse,
            headers(("ETag" = String, description = "Its revision"))),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such definition"),
        (status = 409, description = "It is not published"),
    ),
)]
pub(crate) async fn activate_process(app: App, session: Session, path: IdPath<ProcessId>) -> Result<Response, Problem> {
    session.check(UseCase::ActivateDefinition)?;
    let process = app.definitions.activate(&session.principal, path.id()?).await?;
    Ok(shown(StatusCode::OK, &process, &[]))
}

/// Archives a draft or published version; executions of it go on.
#[utoipa::path(
    post, path = "/api/processes/{process_id}/archive", tag = "processes",
    params(("process_id" = uuid::Uuid, Path, description = "The version's id")),
    responses(
        (status = 200, description = "The archived definition", body = ProcessResponse,
            headers(("ETag" = String, description = "Its revision"))),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such definition"),
        (status = 409, description = "It is archived already"),
    ),
)]
pub(crate) async fn archive_process(app: App, session: Session, path: IdPath<ProcessId>) -> Result<Response, Problem> {
    session.check(UseCase::ArchiveDefinition)?;
    let process = app.definitions.archive(&session.principal, path.id()?).await?;
    Ok(shown(StatusCode::OK, &process, &[]))
}

/// Copies any version to a new draft with the next major number.
#[utoipa::path(
    post, path = "/api/processes/{process_id}/new-version", tag = "processes",
    params(("process_id" = uuid::Uuid, Path, description = "The version's id")),
    responses(
        (status = 201, description = "The new draft", body = ProcessResponse,
            headers(("Location" = String, description = "Where it is"), ("ETag" = String, description = "Its revision"))),
        (status = 400, description = "Malformed id"),
        (status = 404, description = "No such definition"),
        (status = 409, description = "Someone else made this version at the same time"),
        (status = 422, description = "The text has errors by what the server knows now"),
        (status = 429, description = "Too many texts are being checked at once; `Retry-After` says how long to wait"),
    ),
)]
pub(crate) async fn new_version(app: App, session: Session, path: IdPath<ProcessId>) -> Result<Response, Problem> {
    session.check(UseCase::CopyDefinition)?;
    Ok(created(&app.definitions.new_version(&session.principal, path.id()?).await?))
}

impl ReadParameters for ListParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self {
            status: parameters.text("status"),
            name: parameters.text("name"),
            q: parameters.text("q"),
            page: PageParameters::read(parameters, 100),
        }
    }
}

impl ListParameters {
    fn filter(self) -> Result<(ProcessFilter, Paging), Problem> {
        let status = self.status.map(|status| {
            let known = status.parse::<ProcessStatus>();
            known.map_err(|()| Problem::bad_request(Code::BadFilter, format!("Invalid status: {status}")))
        });
        let filter = ProcessFilter { status: status.transpose()?, name: self.name, text: self.q };
        Ok((filter, self.page.paging(ALL)))
    }
}

fn created(written: &Written) -> Response {
    let mut response = shown(StatusCode::CREATED, &written.process, &written.warnings);
    if let Ok(location) = HeaderValue::from_str(&format!("/api/processes/{}", written.process.id())) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A definition with its revision as its ETag.
fn shown(status: StatusCode, process: &Process, warnings: &[Diagnostic]) -> Response {
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", process.revision())) {
        headers.insert(header::ETAG, tag);
    }
    (status, headers, Json(ProcessResponse::of(process, warnings))).into_response()
}
