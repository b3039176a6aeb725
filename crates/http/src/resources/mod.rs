//! The endpoints, one file for each kind of thing.

pub(crate) mod agents;
pub(crate) mod alerts;
pub(crate) mod analytics;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod dashboard;
pub(crate) mod deliveries;
pub(crate) mod docs;
pub(crate) mod executions;
pub(crate) mod health;
pub(crate) mod inbox;
pub(crate) mod keys;
pub(crate) mod metrics;
pub(crate) mod notifications;
pub(crate) mod processes;
pub(crate) mod retention;
pub(crate) mod schema;
pub(crate) mod session;
pub(crate) mod setup;
pub(crate) mod shell;
pub(crate) mod telemetry;
pub(crate) mod templates;
pub(crate) mod triggers;
pub(crate) mod users;
pub(crate) mod views;

use utoipa_axum::router::OpenApiRouter;

use crate::HttpState;

/// The endpoints that answer at once.
pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .merge(processes::routes())
        .merge(templates::routes())
        .merge(triggers::routes())
        .merge(schema::routes())
        .merge(executions::routes())
        .merge(analytics::routes())
        .merge(dashboard::routes())
        .merge(alerts::routes())
        .merge(approvals::routes())
        .merge(inbox::routes())
        .merge(views::routes())
        .merge(agents::routes())
        .merge(notifications::routes())
        .merge(retention::routes())
        .merge(deliveries::routes())
        .merge(auth::routes())
        .merge(session::routes())
        .merge(setup::routes())
        .merge(users::routes())
        .merge(keys::routes())
        .merge(shell::routes())
        .merge(audit::routes())
        .merge(docs::routes())
        .merge(telemetry::routes())
        .merge(metrics::routes())
        .merge(health::routes())
}

/// The endpoints that may wait for the end of an execution, within bounds of their own.
pub(crate) fn waiting_routes() -> OpenApiRouter<HttpState> {
    triggers::waiting_routes()
}
