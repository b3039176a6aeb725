//! Figures as a table that spreadsheets read (spec 4c).

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use procession_application::{access::UseCase, figures::DailyFigures};
use procession_domain::value::Duration;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::parameters::FiguresParameters;
use crate::{HttpState, extract::Query, problem::Problem, session::Session, state::App};

/// The names of the columns.
const COLUMNS: &str = "date,process_name,version,executions,completed,failed,cancelled,running,success_rate,\
    average_seconds,p50_seconds,p95_seconds,waiting_seconds,working_seconds,cost,currency,cost_complete,input_tokens,\
    output_tokens\r\n";

pub(super) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(export_csv))
}

/// The figures of every version that ran, day by day, as CSV with a line of names. Costs include those of sub-processes.
#[utoipa::path(
    get, path = "/api/analytics/export.csv", tag = "analytics", params(FiguresParameters),
    responses(
        (status = 200, description = "The table", body = String, content_type = "text/csv"),
        (status = 400, description = "Ill-formed id"),
        (status = 404, description = "No such process"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn export_csv(
    app: App,
    session: Session,
    Query(parameters): Query<FiguresParameters>,
) -> Result<Response, Problem> {
    session.check(UseCase::ReadFigures)?;
    let daily = app.figures.daily(&session.principal, &parameters.query(app.now())?).await?;
    let mut table = COLUMNS.to_owned();
    table.extend(daily.iter().map(line));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"analytics.csv\""),
    ];
    Ok((headers, table).into_response())
}

/// A line of the table. No value needs quotes: names of processes are letters, digits and dashes.
fn line(DailyFigures { date, process, sums }: &DailyFigures) -> String {
    let seconds = |duration: Option<Duration>| {
        duration.map(|duration| format!("{:.3}", duration.as_secs_f64())).unwrap_or_default()
    };
    let cost = sums.total_cost();
    let fields = [
        date.clone(),
        process.name.to_string(),
        process.version.to_string(),
        sums.executions().to_string(),
        sums.completed.to_string(),
        sums.failed.to_string(),
        sums.cancelled.to_string(),
        sums.running.to_string(),
        format!("{:.1}", sums.success_rate()),
        seconds(sums.average()),
        seconds(sums.quantile(0.5)),
        seconds(sums.quantile(0.95)),
        seconds(sums.average_waiting()),
        seconds(sums.average_working()),
        cost.amount.amount(),
        cost.amount.currency().to_string(),
        cost.complete.to_string(),
        sums.input_tokens.to_string(),
        sums.output_tokens.to_string(),
    ];
    fields.join(",") + "\r\n"
}
