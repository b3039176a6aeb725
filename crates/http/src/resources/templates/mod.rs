//! Process templates: look, preview, make a process, save one's own (spec 4b 7, 4c).
//!
//! The id of a template, such as `process:meeting-notes`, stands in the path with its colon as it is or encoded.

mod responses;

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use procession_application::{
    access::UseCase,
    templates::{TemplateFilter, TemplateSource},
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::responses::{
    CategoryListResponse, PreviewRequest, PreviewResponse, RemovedTemplateResponse, TemplateListResponse,
    TemplateRequest, TemplateResponse, UseTemplateRequest, UsedTemplateResponse,
};
use crate::{
    HttpState,
    extract::{NamePath, Parameters, Query, ReadParameters, Sent},
    problem::Problem,
    session::Session,
    state::App,
};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_templates, create_template))
        .routes(routes!(list_categories))
        .routes(routes!(get_template, update_template, delete_template))
        .routes(routes!(preview_template, preview_with_values))
        .routes(routes!(use_template))
}

/// Which templates a list shows.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParameters {
    /// Only those on this shelf.
    #[param(example = "business")]
    category: Option<String>,
    /// `bundled` for those that come with the program, `user` for others; another text leaves none.
    #[param(example = "bundled")]
    source: Option<String>,
    /// Only those with this tag.
    #[param(example = "approval")]
    tag: Option<String>,
}

/// Lists templates, by what they are called.
#[utoipa::path(
    get, path = "/api/process-templates", tag = "templates", params(ListParameters),
    responses(
        (status = 200, description = "Those that the session may see", body = TemplateListResponse),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn list_templates(
    app: App,
    session: Session,
    Query(parameters): Query<ListParameters>,
) -> Result<Json<TemplateListResponse>, Problem> {
    session.check(UseCase::ReadTemplates)?;
    let Some(filter) = parameters.filter() else { return Ok(Json(TemplateListResponse::of(&[]))) };
    let shown = app.templates.list(&session.principal, &filter).await?;
    Ok(Json(TemplateListResponse::of(&shown)))
}

/// Lists the shelves on which templates stand.
#[utoipa::path(
    get, path = "/api/process-templates/categories", tag = "templates",
    responses((status = 200, description = "The shelves", body = CategoryListResponse)),
)]
async fn list_categories(session: Session) -> Result<Json<CategoryListResponse>, Problem> {
    session.check(UseCase::ReadTemplates)?;
    Ok(Json(CategoryListResponse::all()))
}

/// Shows a template.
#[utoipa::path(
    get, path = "/api/process-templates/{template_id}", tag = "templates",
    params(("template_id" = String, Path, description = "The template", example = "process:meeting-notes")),
    responses(
        (status = 200, description = "The template", body = TemplateResponse),
        (status = 404, description = "No such template that the session may know of"),
    ),
)]
async fn get_template(app: App, session: Session, path: NamePath) -> Result<Json<TemplateResponse>, Problem> {
    Ok(Json(TemplateResponse::of(&app.templates.get(&session.principal, &path.0).await?)))
}

/// Shows the process that a template makes, with the defaults of its parameters and the name still open.
#[utoipa::path(
    get, path = "/api/process-templates/{template_id}/preview", tag = "templates",
    params(("template_id" = String, Path, description = "The template", example = "process:meeting-notes")),
    responses(
        (status = 200, description = "The text, its graph, and what a check says", body = PreviewResponse),
        (status = 404, description = "No such template that the session may know of"),
        (status = 422, description = "The text of the template can't be filled"),
    ),
)]
async fn preview_template(app: App, session: Session, path: NamePath) -> Result<Json<PreviewResponse>, Problem> {
    Ok(Json(PreviewResponse::of(&app.templates.preview(&session.principal, &path.0).await?)))
}

/// Shows the process that a template makes with these values, without making it.
#[utoipa::path(
    post, path = "/api/process-templates/{template_id}/preview", tag = "templates", request_body = PreviewRequest,
    params(("template_id" = String, Path, description = "The template", example = "process:meeting-notes")),
    responses(
        (status = 200, description = "The text, its graph, and what a check says", body = PreviewResponse),
        (status = 404, description = "No such template that the session may know of"),
        (status = 413, description = "The text is too large"),
        (status = 422, description = "Malformed body, or values do not fit: `errors` lists them"),
    ),
)]
async fn preview_with_values(
    app: App,
    path: NamePath,
    sent: Sent<PreviewRequest>,
) -> Result<Json<PreviewResponse>, Problem> {
    let Sent { session, body } = sent;
    let name = body.name.as_deref();
    let preview = app.templates.preview_with(&session.principal, &path.0, name, &body.parameters).await?;
    Ok(Json(PreviewResponse::of(&preview)))
}

/// Makes a draft from a template.
#[utoipa::path(
    post, path = "/api/process-templates/{template_id}/use", tag = "templates", request_body = UseTemplateRequest,
    params(("template_id" = String, Path, description = "The template", example = "process:meeting-notes")),
    responses(
        (status = 201, description = "The draft is made", body = UsedTemplateResponse,
            headers(("Location" = String, description = "Where the draft is"))),
        (status = 404, description = "No such template that the session may know of"),
        (status = 409, description = "Another definition has this name and version"),
        (status = 413, description = "The text is too large"),
        (status = 422, description = "Malformed body, or values do not fit: `errors` lists them"),
    ),
)]
async fn use_template(
    app: App,
    path: NamePath,
    sent: Sent<UseTemplateRequest>,
) -> Result<(StatusCode, HeaderMap, Json<UsedTemplateResponse>), Problem> {
    let Sent { session, body } = sent;
    let UseTemplateRequest { name, parameters } = body;
    let used = app.templates.make_process(&session.principal, &path.0, name, parameters).await?;
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/processes/{}", used.process_id)) {
        headers.insert(header::LOCATION, location);
    }
    Ok((StatusCode::CREATED, headers, Json(UsedTemplateResponse::of(&used))))
}

/// Saves a template of one's own. Its text is checked as a process, with the defaults of its parameters.
#[utoipa::path(
    post, path = "/api/process-templates", tag = "templates", request_body = TemplateRequest,
    responses(
        (status = 201, description = "The template", body = TemplateResponse),
        (status = 409, description = "Another template has this name"),
        (status = 413, description = "The text is too large"),
        (status = 422, description = "Malformed body, or values do not fit: `errors` lists them"),
    ),
)]
async fn create_template(
    app: App,
    sent: Sent<TemplateRequest>,
) -> Result<(StatusCode, Json<TemplateResponse>), Problem> {
    let Sent { session, body } = sent;
    session.check(UseCase::CreateTemplate)?;
    let created = app.templates.create(&session.principal, body.draft()?).await?;
    Ok((StatusCode::CREATED, Json(TemplateResponse::of(&created))))
}

/// Writes a new version of a template of one's own; what is left out stays.
#[utoipa::path(
    put, path = "/api/process-templates/{template_id}", tag = "templates", request_body = TemplateRequest,
    params(("template_id" = String, Path, description = "The template", example = "user:weekly-letter")),
    responses(
        (status = 200, description = "The template", body = TemplateResponse),
        (status = 403, description = "It belongs to someone else, or the session may not change templates"),
        (status = 404, description = "No such template that the session may know of"),
        (status = 409, description = "It comes with the program"),
        (status = 413, description = "The text is too large"),
        (status = 422, description = "Malformed body, or values do not fit: `errors` lists them"),
    ),
)]
async fn update_template(
    app: App,
    path: NamePath,
    sent: Sent<TemplateRequest>,
) -> Result<Json<TemplateResponse>, Problem> {
    let Sent { session, body } = sent;
    session.check(UseCase::ChangeTemplate)?;
    let replaced = app.templates.replace(&session.principal, &path.0, body.draft()?).await?;
    Ok(Json(TemplateResponse::of(&replaced)))
}

/// Removes a template of one's own.
#[utoipa::path(
    delete, path = "/api/process-templates/{template_id}", tag = "templates",
    params(("template_id" = String, Path, description = "The template", example = "user:weekly-letter")),
    responses(
        (status = 200, description = "It is gone", body = RemovedTemplateResponse),
        (status = 403, description = "It belongs to someone else, or the session may not change templates"),
        (status = 404, description = "No such template that the session may know of"),
        (status = 409, description = "It comes with the program"),
    ),
)]
async fn delete_template(app: App, session: Session, path: NamePath) -> Result<Json<RemovedTemplateResponse>, Problem> {
    app.templates.remove(&session.principal, &path.0).await?;
    Ok(Json(RemovedTemplateResponse { message: "Template deleted", template_id: path.0 }))
}

impl ReadParameters for ListParameters {
    fn read(parameters: &mut Parameters) -> Self {
        Self { category: parameters.text("category"), source: parameters.text("source"), tag: parameters.text("tag") }
    }
}

impl ListParameters {
    /// What is asked for; `None` if that is nothing.
    fn filter(self) -> Option<TemplateFilter> {
        let source = match self.source.as_deref() {
            None => None,
            Some("bundled") => Some(TemplateSource::Bundled),
            Some("user") => Some(TemplateSource::User),
            Some(_) => return None,
        };
        Some(TemplateFilter { category: self.category, source, tag: self.tag })
    }
}
