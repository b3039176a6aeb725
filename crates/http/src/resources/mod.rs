//! The endpoints, one file for each kind of thing.

pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod docs;
pub(crate) mod executions;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod notifications;
pub(crate) mod processes;
pub(crate) mod schema;
pub(crate) mod setup;
pub(crate) mod shell;
pub(crate) mod users;

use utoipa_axum::router::OpenApiRouter;

use crate::HttpState;

/// The endpoints that answer at once.
pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .merge(processes::routes())
        .merge(schema::routes())
        .merge(executions::routes())
        .merge(approvals::routes())
        .merge(agents::routes())
        .merge(notifications::routes())
        .merge(auth::routes())
        .merge(setup::routes())
        .merge(users::routes())
        .merge(keys::routes())
        .merge(shell::routes())
        .merge(audit::routes())
        .merge(docs::routes())
        .merge(health::routes())
}
