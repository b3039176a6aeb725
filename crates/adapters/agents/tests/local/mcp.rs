//! Agents of kind `mcp`, against a real MCP server on this machine.

use std::{path::Path, sync::Arc};

use crate::{
    support::{ManualClock, TRACE, ask, failure, router, task, traced},
    tool_server::ToolServer,
};
use axum::{
    Router as Routes,
    body::{Body, to_bytes},
    extract::Request,
    http::{StatusCode, header::RETRY_AFTER, request::Parts},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse, Response},
};
use procession_agents::Router;
use procession_application::ports::{AgentFailure, AgentGateway, AgentStatus, AgentTask};
use procession_domain::value::{Duration, ErrorCode};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A server whose tool `ask` answers in the way that its argument `prompt` says.
#[derive(Clone)]
struct Tools;

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let mut info = ServerConfig::default();
        info.capabilities = ServerCapabilities::builder().enable_tools().build();
        info
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![Tool::new("ask", "Answers.", Arc::new(JsonObject::new()))]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name != "ask" {
            return Err(ErrorData::invalid_params(format!("Unknown tool: {}", request.name), None));
        }
        let arguments = request.arguments.clone().unwrap_or_default();
        let prompt = arguments.get("prompt").and_then(Value::as_str).unwrap_or_default();
        let mut result = CallToolResult::default();
        match prompt {
            "structured" => result.structured_content = Some(json!({"score": 7})),
            "nothing" => {}
            "traced" => {
                let parts = context.extensions.get::<Parts>().unwrap();
                let header = parts.headers.get("traceparent").map_or("none", |value| value.to_str().unwrap());
                let in_message = request.meta.as_ref().unwrap_or(&context.meta).get_traceparent().unwrap_or("none");
                result.content = vec![ContentBlock::text(format!("{header} {in_message}"))];
            }
            "fail" => {
                result.is_error = Some(true);
                result.content = vec![ContentBlock::text("no, with the key s3cret")];
            }
            "hang" => std::future::pending().await,
            "internal" => return Err(ErrorData::internal_error("broken inside", None)),
            other => result.content = vec![ContentBlock::text("you said:"), ContentBlock::text(other)],
        }
        Ok(result.into())
    }
}

async fn check_key(request: Request, next: Next) -> Response {
    let key = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if key == Some("Bearer s3cret") { next.run(request).await } else { StatusCode::UNAUTHORIZED.into_response() }
}

/// Something in front of the server that refuses calls of tools with the status that the message names.
async fn refuse_calls(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&body);
    let status = text.split("refuse with ").nth(1).and_then(|rest| rest.get(..3)?.parse().ok());
    match status {
        Some(status) if text.contains("tools/call") => {
            (StatusCode::from_u16(status).unwrap(), [(RETRY_AFTER, "7")]).into_response()
        }
        _ => next.run(Request::from_parts(head, Body::from(body))).await,
    }
}

/// A server, and a router with the agent `remote` on it, with this tool and key.
async fn remote(tool: &str, key: &str) -> Router {
    let service: StreamableHttpService<Tools, LocalSessionManager> =
        StreamableHttpService::new(|| Ok(Tools), Arc::default(), StreamableHttpServerConfig::default());
    let routes = Routes::new().nest_service("/mcp", service).layer(from_fn(refuse_calls)).layer(from_fn(check_key));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    router_for(&format!("http://{address}/mcp"), tool, key)
}

fn router_for(url: &str, tool: &str, key: &str) -> Router {
    let text = format!(
        "agents: {{remote: {{kind: mcp, url: '{url}', api_key: '${{ENV:KEY}}', tool: {tool}, argument: prompt, cost: 0.5}}}}"
    );
    router(&ManualClock::new(), Path::new("."), &text, &[("KEY", key)])
}

#[tokio::test]
async fn texts_and_structured_content_are_replies() {
    let router = remote("ask", "s3cret").await;
    for (prompt, expected) in [("hello", "you said:\nhello"), ("structured", r#"{"score":7}"#)] {
        let reply = ask(&router, &task("remote", prompt)).await.unwrap();
        assert_eq!(reply.text, expected);
        assert_eq!(reply.usage.cost.unwrap().amount(), "0.5");
    }
}

#[tokio::test]
async fn the_tool_goes_on_with_the_trace() {
    let router = remote("ask", "s3cret").await;
    assert_eq!(ask(&router, &task("remote", "traced")).await.unwrap().text, "none none");
    let reply = ask(&router, &traced(task("remote", "traced"))).await.unwrap();
    assert_eq!(reply.text, format!("{TRACE} {TRACE}"));
}

#[tokio::test]
async fn errors_of_the_tool_and_of_the_protocol_become_codes() {
    let router = remote("ask", "s3cret").await;
    for (prompt, expected_code, expected_text) in [
        ("fail", ErrorCode::AgentError, "no, with the key [secret]"),
        ("internal", ErrorCode::AgentError, "broken inside"),
        ("nothing", ErrorCode::AgentError, "answered without text"),
    ] {
        let (code, message) = failure(ask(&router, &task("remote", prompt)).await);
        assert_eq!(code, expected_code, "{message}");
        assert!(message.contains(expected_text), "{message}");
    }
}

#[tokio::test]
async fn a_limit_and_a_server_in_trouble_are_told_apart() {
    let router = remote("ask", "s3cret").await;
    for (status, expected) in [(429, ErrorCode::RateLimited), (503, ErrorCode::AgentUnavailable)] {
        let outcome = ask(&router, &task("remote", &format!("refuse with {status}"))).await;
        let Err(AgentFailure::Failed { code, message, retry_after, .. }) = outcome else {
            panic!("{status}: {outcome:?}");
        };
        assert_eq!((code, retry_after), (expected, Some(Duration::from_secs(7))), "{status}: {message}");
    }
    assert_eq!(ask(&router, &task("remote", "again")).await.unwrap().text, "you said:\nagain");
}

#[tokio::test]
async fn a_tool_that_never_answers_is_a_timeout() {
    let router = remote("ask", "s3cret").await;
    let hurried = AgentTask { timeout: Some(Duration::from_millis(300)), ..task("remote", "hang") };
    let (code, message) = failure(ask(&router, &hurried).await);
    assert_eq!(code, ErrorCode::Timeout, "{message}");
    assert_eq!(ask(&router, &task("remote", "again")).await.unwrap().text, "you said:\nagain");
}

#[tokio::test]
async fn a_page_instead_of_the_protocol_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let page = || async { Html("<html>Welcome</html>") };
    tokio::spawn(async move { axum::serve(listener, Routes::new().fallback(page)).await });
    let router = router_for(&format!("http://{address}/mcp"), "ask", "s3cret");
    let (code, message) = failure(ask(&router, &task("remote", "hello")).await);
    assert_eq!(code, ErrorCode::AgentUnavailable, "{message}");
    assert!(message.contains("text/html"), "{message}");
}

#[tokio::test]
async fn a_tool_that_is_not_there_is_a_mistake_of_the_file() {
    let router = remote("aks", "s3cret").await;
    let (code, message) = failure(ask(&router, &task("remote", "hello")).await);
    assert_eq!(code, ErrorCode::InvalidConfig);
    assert!(message.contains("Unknown tool: aks"), "{message}");
    assert_eq!(router.health("remote").await, Ok(AgentStatus::Stopped));
}

#[tokio::test]
async fn a_refused_key_is_told_without_showing_it() {
    let router = remote("ask", "wr0ng-key").await;
    let (code, message) = failure(ask(&router, &task("remote", "hello")).await);
    assert_eq!(code, ErrorCode::Unauthorized, "{message}");
    assert!(!message.contains("wr0ng-key"), "{message}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let router = router_for(&format!("http://{address}/mcp"), "ask", "s3cret");
    let (code, message) = failure(ask(&router, &task("remote", "hello")).await);
    assert_eq!(code, ErrorCode::AgentUnavailable, "{message}");
}

#[tokio::test]
async fn an_address_without_an_mcp_server_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Routes::new()).await });
    let router = router_for(&format!("http://{address}/mcp"), "ask", "s3cret");
    let (code, message) = failure(ask(&router, &task("remote", "hello")).await);
    assert_eq!(code, ErrorCode::AgentNotFound, "{message}");
}

#[tokio::test]
async fn a_server_with_its_tool_is_up() {
    let router = remote("ask", "s3cret").await;
    assert_eq!(router.health("remote").await, Ok(AgentStatus::Running));
}

#[tokio::test]
async fn tools_are_reached_through_the_proxy_of_the_environment() {
    // The proxy is asked for whole addresses; this one answers itself.
    let proxy = ToolServer::default();
    let proxy_url = proxy.start().await;
    let text = "agents: {remote: {kind: mcp, url: 'http://tools.invalid/mcp', tool: ask, argument: prompt}}";
    let router = router(&ManualClock::new(), Path::new("."), text, &[("HTTP_PROXY", &proxy_url)]);
    assert_eq!(ask(&router, &task("remote", "hello")).await.unwrap().text, "hello");
    assert_eq!(proxy.opened(), 1);
}
