//! Executions: start, watch, steer (spec 3.7; 4b 4).

mod commands;
mod costs;
mod detail;
mod export;
mod history;
mod list;
mod replay;
mod server;
mod simulate;
mod skipped;
mod start;
mod step;
mod summary;

pub(in crate::resources) use detail::output_data;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::HttpState;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list::list_executions))
        .routes(routes!(server::recovery_status))
        .routes(routes!(server::limits_status))
        .routes(routes!(start::execute_process))
        .routes(routes!(start::execute_process_by_execution_path))
        .routes(routes!(detail::get_execution))
        .routes(routes!(commands::cancel_execution))
        .routes(routes!(commands::pause_execution))
        .routes(routes!(commands::resume_execution))
        .routes(routes!(start::retry_execution))
        .routes(routes!(commands::dismiss_execution))
        .routes(routes!(history::list_events))
        .routes(routes!(replay::replay_execution))
        .routes(routes!(export::export_execution))
        .routes(routes!(simulate::simulate_process))
        .routes(routes!(costs::execution_costs))
        .routes(routes!(step::get_step))
        .routes(routes!(step::get_step_output))
}
