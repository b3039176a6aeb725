//! Saved views: filters of a list that a person keeps (spec 4c).

use axum::{Json, http::StatusCode};
use indexmap::IndexMap;
use procession_application::{access::UseCase, ports::SavedView, views::WantedView};
use procession_domain::value::Json as Value;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{NamePath, Sent},
    problem::Problem,
    session::Session,
    state::App,
    wire::Time,
};

/// The page of which a view is where the client does not say.
const RUNS: &str = "runs";

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(list_views, save_view)).routes(routes!(remove_view))
}

/// A view to save.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Failed this week", "page": "runs", "filters": {"status": "failed"}}))]
struct ViewRequest {
    /// Its name; a view of the same page and name is replaced.
    name: String,
    /// The page that it is a view of; `runs` if absent.
    #[serde(default)]
    page: Option<String>,
    /// What is filtered, by the names of the list's parameters.
    #[serde(default)]
    #[schema(value_type = HashMap<String, String>)]
    filters: IndexMap<String, String>,
    /// The same as the query of a link; kept beside the filters.
    #[serde(default)]
    query: Option<String>,
}

/// A saved view.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "name": "Failed this week", "page": "runs",
    "filters": {"status": "failed"}, "query": null, "created_at": "2026-11-21T02:57:59.880423+00:00",
}))]
struct ViewResponse {
    id: Uuid,
    name: String,
    page: String,
    #[schema(value_type = HashMap<String, String>)]
    filters: Value,
    query: Option<String>,
    created_at: Time,
}

/// One's saved views.
#[derive(Debug, Serialize, ToSchema)]
struct ViewListResponse {
    /// By page and name.
    views: Vec<ViewResponse>,
}

/// Lists one's saved views.
#[utoipa::path(
    get, path = "/api/views", tag = "views",
    responses((status = 200, description = "The views", body = ViewListResponse)),
)]
async fn list_views(app: App, session: Session) -> Result<Json<ViewListResponse>, Problem> {
    session.check(UseCase::ReadViews)?;
    let views = app.views.list(&session.principal).await?;
    Ok(Json(ViewListResponse { views: views.into_iter().map(ViewResponse::of).collect() }))
}

/// Saves a view, in the place of the one of its page and name.
#[utoipa::path(
    post, path = "/api/views", tag = "views", request_body = ViewRequest,
    responses(
        (status = 201, description = "The view", body = ViewResponse),
        (status = 409, description = "There are too many views"),
        (status = 422, description = "Malformed body, or a name or the filters don't do"),
    ),
)]
async fn save_view(app: App, sent: Sent<ViewRequest>) -> Result<(StatusCode, Json<ViewResponse>), Problem> {
    let Sent { session, body } = sent;
    session.check(UseCase::ChangeViews)?;
    let ViewRequest { name, page, filters, query } = body;
    let filters = serde_json::json!({"filters": filters, "query": query});
    let wanted = WantedView { name, page: page.unwrap_or_else(|| RUNS.to_owned()), filters };
    let view = app.views.save(&session.principal, wanted).await?;
    Ok((StatusCode::CREATED, Json(ViewResponse::of(view))))
}

/// Removes a view of one's own.
#[utoipa::path(
    delete, path = "/api/views/{view_id}", tag = "views",
    params(("view_id" = String, Path, description = "The view")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such view"),
    ),
)]
async fn remove_view(app: App, session: Session, path: NamePath) -> Result<StatusCode, Problem> {
    session.check(UseCase::ChangeViews)?;
    let id = path.0.parse().map_err(|_| Problem::not_found("View not found"))?;
    app.views.remove(&session.principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl ViewResponse {
    fn of(view: SavedView) -> Self {
        let part = |name: &str| view.filters.get(name).cloned().unwrap_or_default();
        Self {
            id: view.id,
            filters: part("filters"),
            query: part("query").as_str().map(str::to_owned),
            name: view.name,
            page: view.page,
            created_at: view.created_at.into(),
        }
    }
}
