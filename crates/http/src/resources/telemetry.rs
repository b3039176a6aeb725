//! How the machine stands that the server runs on (spec 4b 17).

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Fill, HttpState, problem::Problem, state::App, wire::Time};

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(host))
}

/// How the machine stands.
#[derive(Debug, Serialize, ToSchema)]
struct HostResponse {
    cpu: CpuResponse,
    memory: FillResponse,
    /// The disk on which the data lies; null if it can't be told.
    disk: Option<FillResponse>,
    timestamp: Time,
}

/// The processors.
#[derive(Debug, Serialize, ToSchema)]
struct CpuResponse {
    /// How busy they are together; null until they have been watched for a moment.
    #[schema(example = 12.5)]
    percent: Option<f32>,
    /// How many there are.
    #[schema(example = 8)]
    count: usize,
}

/// How full something is; a gigabyte is 2^30 bytes.
#[derive(Debug, Serialize, ToSchema)]
struct FillResponse {
    #[schema(example = 40.6)]
    percent: f64,
    #[schema(example = 6.5)]
    used_gb: f64,
    #[schema(example = 16.0)]
    total_gb: f64,
}

/// How the machine stands. It needs no session; where the operator does not tell, it is 404.
#[utoipa::path(
    get, path = "/api/telemetry/host", tag = "server", security(()),
    responses(
        (status = 200, description = "How it stands", body = HostResponse),
        (status = 404, description = "This server does not tell"),
    ),
)]
async fn host(State(state): State<HttpState>, app: App) -> Result<Json<HostResponse>, Problem> {
    let meter = state.shell().settings.host_meter.as_ref();
    let reading = meter.ok_or_else(|| Problem::not_found("this server does not tell how its machine stands"))?.read();
    Ok(Json(HostResponse {
        cpu: CpuResponse {
            percent: reading.cpu_percent.map(|percent| (percent * 10.0).round() / 10.0),
            count: reading.cpus,
        },
        memory: reading.memory.into(),
        disk: reading.disk.map(FillResponse::from),
        timestamp: app.now().into(),
    }))
}

impl From<Fill> for FillResponse {
    #[expect(clippy::cast_precision_loss, reason = "gigabytes to one decimal")]
    fn from(fill: Fill) -> Self {
        const GIGABYTE: f64 = 1_073_741_824.0;
        let one_decimal = |number: f64| (number * 10.0).round() / 10.0;
        let (used, total) = (fill.used as f64, fill.total as f64);
        Self {
            percent: if fill.total == 0 { 0.0 } else { one_decimal(used / total * 100.0) },
            used_gb: one_decimal(used / GIGABYTE),
            total_gb: one_decimal(total / GIGABYTE),
        }
    }
}
