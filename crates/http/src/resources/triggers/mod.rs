//! What starts processes by the clock and by a call (spec 4b 6, 4c, 5.7).

mod receiving;
mod schedules;
mod webhooks;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::HttpState;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(webhooks::list_triggers))
        .routes(routes!(webhooks::webhook_info))
        .routes(routes!(webhooks::trigger_history))
        .routes(routes!(webhooks::enable_trigger))
        .routes(routes!(webhooks::disable_trigger))
        .routes(routes!(webhooks::replay_call))
        .routes(routes!(schedules::list_schedules))
        .routes(routes!(schedules::get_schedule))
        .routes(routes!(schedules::schedules_of_process))
        .routes(routes!(schedules::operations_schedules))
        .routes(routes!(schedules::pause_schedule))
        .routes(routes!(schedules::resume_schedule))
        .routes(routes!(schedules::run_schedule))
}

/// The endpoints that may wait for the end of an execution.
pub(crate) fn waiting_routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(receiving::call_webhook)).routes(routes!(receiving::call_webhook_of_process))
}
