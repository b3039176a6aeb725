//! The OpenAPI document, made from the code, and the page to read and try it.

mod problems;

use std::sync::LazyLock;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::decompression::DecompressionLayer;
use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        OpenApi,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{HttpState, live, resources};

/// Where the document is.
const DOCUMENT: &str = "/api/openapi.json";

/// Where its page is.
const PAGE: &str = "/api/docs/ui";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Procession",
        description = "Process definitions, their executions, and the people and agents who take part.\n\n\
            Log in at `/api/token` and send the token as `Authorization: Bearer …`, or send an API key \
            (`procession_…`) the same way. Errors are problems by RFC 9457: `detail` is for people, `code` for programs.",
    ),
    modifiers(&Credentials),
    tags(
        (name = "processes", description = "Process definitions: write, check, publish"),
        (name = "templates", description = "Processes to begin with"),
        (name = "triggers", description = "What starts processes"),
        (name = "executions", description = "Executions: start, watch, steer"),
        (name = "analytics", description = "Figures of executions"),
        (name = "alerts", description = "Costs that people are told of"),
        (name = "inbox", description = "What waits for people"),
        (name = "views", description = "Filters of lists that people keep"),
        (name = "approvals", description = "Questions to people"),
        (name = "deliveries", description = "What is told outside"),
        (name = "live", description = "Events as they happen"),
        (name = "agents", description = "Agents that steps can name"),
        (name = "access", description = "Sessions, users, API keys"),
        (name = "audit", description = "Who did what"),
        (name = "docs", description = "The documentation"),
        (name = "settings", description = "Settings of the server"),
        (name = "server", description = "The server itself"),
    ),
    security(("token" = []), ("cookie" = []), ("session" = [])),
)]
struct Frame;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of `/api/token`, or an API key"))
            .build();
        let cookie = ApiKeyValue::with_description("token", "The token, for pages of this server");
        let session = ApiKeyValue::with_description("session", "The session of the console, see `/api/session`");
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    }
}

/// The OpenAPI document of all endpoints.
pub fn openapi() -> OpenApi {
    let endpoints = resources::routes().merge(resources::waiting_routes()).merge(live::routes());
    let mut document = OpenApiRouter::with_openapi(Frame::openapi()).merge(endpoints).into_openapi();
    problems::complete(&mut document);
    document
}

/// The document and its page. The page's files are packed in the binary, and unpacked for whoever does not read gzip.
pub(crate) fn pages() -> Router<HttpState> {
    let page = SwaggerUi::new(PAGE).config(Config::from(DOCUMENT).persist_authorization(false));
    let page = Router::from(page).layer(DecompressionLayer::new());
    Router::new().route(DOCUMENT, get(document)).merge(page)
}

async fn document() -> Response {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| openapi().to_json().unwrap_or_default().into());
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], TEXT.clone()).into_response()
}
