//! A server in memory and a client that speaks to it without a network.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, HeaderName, Method, Request, StatusCode, header},
    response::Response,
};
use jsonwebtoken::{EncodingKey, Header, encode};
use procession_application::{
    ApplicationSettings,
    access::Principal,
    ports::{AnsweredRequest, DeliveryKind, DeliveryState, Meter, MeterPage, Standing},
};
use procession_domain::value::ExecutionId;
use procession_http::{HttpSettings, HttpState, router};
use procession_testing::{Line, ScriptedAgents, Stage};
use serde_json::{Value as Json, json};
use tower::ServiceExt;

/// The key that signs tokens.
pub const SECRET: &str = "a secret of the tests";

/// An address of the server as browsers name it.
pub const ORIGIN: &str = "http://procession.test";

/// A meter that counts nothing.
#[derive(Debug)]
struct Blank;

impl Meter for Blank {
    fn committed(&self, _: usize, _: std::time::Duration) {}

    fn answered(&self, _: &AnsweredRequest<'_>) {}

    fn tried(&self, _: DeliveryKind, _: DeliveryState) {}

    fn page(&self, standing: &Standing) -> MeterPage {
        let text = format!("up 1\npending {}\n", standing.executions.pending);
        MeterPage { content_type: "text/plain; version=0.0.4; charset=utf-8", text }
    }
}

/// A server with everything behind it.
pub struct Server {
    pub stage: Stage,
    pub state: HttpState,
    router: Router,
}

/// A request that is being put together.
pub struct Call<'a> {
    server: &'a Server,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    from: [u8; 4],
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Server {
    /// A server with one agent, `writer`, which says back what it is told.
    pub async fn start() -> Self {
        Self::with(vec![("writer", vec![])], Self::settings()).await
    }

    /// The default settings.
    pub fn settings() -> HttpSettings {
        HttpSettings { meter: Some(Arc::new(Blank)), ..HttpSettings::new(SECRET.to_owned().into()) }
    }

    /// A server with these agents and settings.
    pub async fn with(agents: Vec<(&str, Vec<Line>)>, settings: HttpSettings) -> Self {
        Self::with_application(agents, settings, ApplicationSettings::default()).await
    }

    /// The same, with settings of the application.
    pub async fn with_application(
        agents: Vec<(&str, Vec<Line>)>,
        settings: HttpSettings,
        application: ApplicationSettings,
    ) -> Self {
        let scripts: BTreeMap<String, Vec<Line>> =
            agents.into_iter().map(|(name, lines)| (name.to_owned(), lines)).collect();
        let stage = Stage::in_memory_with(|clock| ScriptedAgents::new(clock, scripts), application).await;
        let state = HttpState::new(settings);
        state.open(stage.application.clone());
        Self { stage, router: router(state.clone()), state }
    }

    /// A user of this name and role, and a token for it.
    pub async fn user(&self, name: &str, role: &str) -> String {
        self.stage.person(name, role).await;
        token_of(name)
    }

    /// A call that reads.
    pub fn get(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, path)
    }

    /// A call that makes something or commands.
    pub fn post(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::POST, path)
    }

    /// A call that replaces something.
    pub fn put(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::PUT, path)
    }

    /// A call that removes something.
    pub fn delete(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    /// A call of any method.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        let (path, from) = (path.into(), [192, 0, 2, 1]);
        Call { server: self, method, path, headers: HeaderMap::new(), body: Vec::new(), from }
    }

    /// An execution of a published process, started by `user`.
    pub async fn execution_of(&self, yaml: &str, user: &str) -> ExecutionId {
        let process = self.stage.publish(yaml).await;
        self.stage.start_by(&Principal::at_terminal(user), process, json!({})).await
    }
}

/// A token for a user.
pub fn token_of(name: &str) -> String {
    token(&json!({"sub": name, "exp": 9_999_999_999_u64, "mode": "admin"}))
}

/// A token with these claims.
pub fn token(claims: &Json) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

impl Call<'_> {
    /// With this token or key.
    pub fn by(self, token: &str) -> Self {
        self.header(header::AUTHORIZATION, &format!("Bearer {token}"))
    }

    /// With this token as a page of the server sends it.
    pub fn by_cookie(self, token: &str) -> Self {
        self.header(header::COOKIE, &format!("theme=dark; token={token}"))
    }

    /// From a page of this origin.
    pub fn origin(self, origin: &str) -> Self {
        self.header(header::HOST, "procession.test").header(header::ORIGIN, origin)
    }

    /// From this address.
    pub fn from(self, address: [u8; 4]) -> Self {
        Self { from: address, ..self }
    }

    /// With this header.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// With a JSON body.
    pub fn json(self, body: &Json) -> Self {
        self.body("application/json", body.to_string())
    }

    /// With an urlencoded form.
    pub fn form(self, body: &str) -> Self {
        self.body("application/x-www-form-urlencoded", body)
    }

    /// With a body.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.header(header::CONTENT_TYPE, content_type) }
    }

    /// The answer.
    pub async fn send(self) -> Reply {
        let (parts, body) = self.answer().await.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Reply { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.into()).unwrap() }
    }

    /// The status of the answer, whose body may have no end.
    pub async fn status(self) -> StatusCode {
        self.answer().await.status()
    }

    async fn answer(self) -> Response {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((self.from, 50_000))));
        self.server.router.clone().oneshot(request).await.unwrap()
    }
}

impl Reply {
    /// The body, if the status is as wanted.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Json {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        if self.text.is_empty() { Json::Null } else { serde_json::from_str(&self.text).unwrap() }
    }

    /// The `detail` of a problem with this status and code.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> String {
        let body = self.ok(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        body["detail"].as_str().unwrap().to_owned()
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The same with marks in the place of what differs from run to run: ids, times, tokens.
pub fn lasting(body: &Json) -> Json {
    match body {
        Json::String(text) => Json::String(lasting_text(text)),
        Json::Array(items) => items.iter().map(lasting).collect(),
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), lasting(value))).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => body.clone(),
    }
}

fn lasting_text(text: &str) -> String {
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    let is_id = text.len() == 36 && parts.len() == 5 && parts.iter().all(|part| is_digits(part));
    let is_time = text.len() == 32 && text.as_bytes()[10] == b'T' && text.ends_with("+00:00");
    if is_id {
        "[id]".into()
    } else if is_time {
        "[time]".into()
    } else if text.starts_with("procession_") {
        "[key]".into()
    } else if text.starts_with("eyJ") {
        "[token]".into()
    } else {
        text.to_owned()
    }
}
