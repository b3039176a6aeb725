//! Who may do what: every endpoint of the document with every role.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use procession_http::openapi;
use serde_json::{Value as Json, json};

use crate::support::{Call, Server, token};

/// Roles by their letters below.
const ROLES: [(char, &str, &str); 5] = [
    ('A', "root", "admin"),
    ('D', "dora", "designer"),
    ('O', "otto", "user"),
    ('P', "pia", "approver"),
    ('V', "vic", "viewer"),
];

/// An id of nothing.
const UNKNOWN: &str = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";

/// The endpoints that need no session.
const PUBLIC: &[&str] = &[
    "GET /api/auth/mode",
    "GET /api/auth/validate",
    "GET /api/docs/content/{file}",
    "GET /api/docs/content/{section}/{page}",
    "GET /api/docs/search",
    "GET /api/docs/index",
    "GET /api/docs/list",
    "GET /api/schema/process.json",
    "GET /api/setup/status",
    "GET /api/telemetry/host",
    "GET /api/version",
    "GET /health",
    "GET /healthz",
    "GET /readyz",
    "GET /ws",
    "GET /ws/events",
    "POST /api/auth/email/request",
    "POST /api/auth/email/verify",
    "DELETE /api/session",
    "POST /api/session",
    "POST /api/setup/admin-password",
    "POST /api/token",
    "POST /api/triggers/webhook/{process_name}/{trigger_id}",
    "POST /api/triggers/webhook/{trigger_id}",
    "POST /token",
];

/// Every other endpoint with the roles that may use it, and those for whom there is nothing (spec 4b 1.4): they are
/// answered 404, all others 403. The execution is another user's, and its question names nobody.
const TABLE: &[(&str, &str, &str)] = &[
    ("GET /api/activities/timeline", "ADOPV", ""),
    ("GET /api/agents", "ADOPV", ""),
    ("GET /api/agents/context-stats", "ADOPV", ""),
    ("GET /api/agents/execution-stats", "ADOPV", ""),
    ("GET /api/agents/slots", "ADOPV", ""),
    ("POST /api/agents/{name}/chat", "AD", ""),
    ("GET /api/agents/{name}/events", "ADOPV", ""),
    ("GET /api/agents/{name}/permissions", "ADOPV", ""),
    ("GET /api/alerts", "ADOPV", ""),
    ("GET /api/alerts/count", "ADOPV", ""),
    ("GET /api/alerts/thresholds/{process_id}", "ADOPV", ""),
    ("PUT /api/alerts/thresholds/{process_id}", "AD", ""),
    ("DELETE /api/alerts/thresholds/{process_id}/{threshold_type}", "AD", ""),
    ("GET /api/alerts/{alert_id}", "ADOPV", ""),
    ("POST /api/alerts/{alert_id}/dismiss", "AD", ""),
    ("GET /api/analytics/export.csv", "ADOPV", ""),
    ("GET /api/approvals", "ADOPV", ""),
    ("GET /api/approvals/execution/{execution_id}/step/{step_id}", "ADOP", "V"),
    ("GET /api/approvals/{approval_id}", "ADOP", "V"),
    ("POST /api/approvals/{approval_id}/approve", "AP", "V"),
    ("POST /api/approvals/{approval_id}/delegate", "AP", "V"),
    ("POST /api/approvals/{approval_id}/reject", "AP", "V"),
    ("POST /api/approvals/{approval_id}/request-changes", "AP", "V"),
    ("GET /api/audit", "A", ""),
    ("GET /api/audit/verify", "A", ""),
    ("GET /api/audit/{audit_id}", "A", ""),
    ("POST /api/auth/logout", "ADOPV", ""),
    ("POST /api/auth/logout-everywhere", "ADOPV", ""),
    ("GET /api/dashboard", "ADOPV", ""),
    ("GET /api/deliveries", "AO", ""),
    ("GET /api/deliveries/{delivery_id}", "AO", ""),
    ("POST /api/deliveries/{delivery_id}/resend", "AO", ""),
    ("GET /api/executions", "ADOPV", ""),
    ("GET /api/executions/analytics/steps", "ADOPV", ""),
    ("GET /api/executions/limits/status", "A", ""),
    ("POST /api/executions/bulk", "AO", ""),
    ("POST /api/executions/processes/{process_id}/execute", "AO", ""),
    ("GET /api/executions/recovery/status", "ADOPV", ""),
    ("GET /api/executions/{execution_id}", "ADOP", "V"),
    ("POST /api/executions/{execution_id}/cancel", "AO", ""),
    ("GET /api/executions/{execution_id}/costs", "ADOP", "V"),
    ("POST /api/executions/{execution_id}/dismiss", "AO", ""),
    ("GET /api/executions/{execution_id}/events", "ADOP", "V"),
    ("GET /api/executions/{execution_id}/export", "ADOP", "V"),
    ("GET /api/executions/{execution_id}/replay", "ADOP", "V"),
    ("POST /api/executions/{execution_id}/pause", "AO", ""),
    ("POST /api/executions/{execution_id}/resume", "AO", ""),
    ("GET /api/executions/{execution_id}/retry", "ADOP", "V"),
    ("POST /api/executions/{execution_id}/retry", "AO", ""),
    ("GET /api/executions/{execution_id}/steps/{step_id}", "ADOP", "V"),
    ("GET /api/executions/{execution_id}/steps/{step_id}/output", "ADOP", "V"),
    ("GET /api/executions/{execution_id}/stream", "ADOP", "V"),
    ("GET /api/keys", "A", ""),
    ("POST /api/keys", "A", ""),
    ("DELETE /api/keys/{key_id}", "A", ""),
    ("GET /api/notifications", "ADOPV", ""),
    ("POST /api/notifications/test", "A", ""),
    ("POST /api/notifications/{notification_id}/acknowledge", "ADOPV", ""),
    ("POST /api/notifications/{notification_id}/dismiss", "ADOPV", ""),
    ("GET /api/observability/status", "ADOPV", ""),
    ("GET /api/operator-queue", "ADOPV", ""),
    ("POST /api/operator-queue/{item_id}/respond", "ADOPV", ""),
    ("GET /api/ops/schedules", "ADOPV", ""),
    ("GET /api/process-templates", "ADOPV", ""),
    ("POST /api/process-templates", "AD", ""),
    ("GET /api/process-templates/categories", "ADOPV", ""),
    ("DELETE /api/process-templates/{template_id}", "AD", ""),
    ("GET /api/process-templates/{template_id}", "ADOPV", ""),
    ("PUT /api/process-templates/{template_id}", "AD", ""),
    ("GET /api/process-templates/{template_id}/preview", "AD", ""),
    ("POST /api/process-templates/{template_id}/preview", "AD", ""),
    ("POST /api/process-templates/{template_id}/use", "AD", ""),
    ("GET /api/processes", "ADOPV", ""),
    ("POST /api/processes", "AD", ""),
    ("GET /api/processes/analytics/all", "ADOPV", ""),
    ("GET /api/processes/analytics/trends", "ADOPV", ""),
    ("POST /api/processes/validate", "ADOPV", ""),
    ("DELETE /api/processes/{process_id}", "AD", ""),
    ("GET /api/processes/{process_id}", "ADOPV", ""),
    ("PUT /api/processes/{process_id}", "AD", ""),
    ("POST /api/processes/{process_id}/activate", "AD", ""),
    ("GET /api/processes/{process_id}/analytics", "ADOPV", ""),
    ("POST /api/processes/{process_id}/archive", "AD", ""),
    ("GET /api/processes/{process_id}/cost-stats", "ADOPV", ""),
    ("POST /api/processes/{process_id}/execute", "AO", ""),
    ("POST /api/processes/{process_id}/new-version", "AD", ""),
    ("POST /api/processes/{process_id}/publish", "AD", ""),
    ("POST /api/processes/{process_id}/simulate", "AD", ""),
    ("POST /api/processes/{process_id}/validate", "ADOPV", ""),
    ("POST /api/schedules/{schedule_id}/pause", "AD", ""),
    ("POST /api/schedules/{schedule_id}/resume", "AD", ""),
    ("POST /api/schedules/{schedule_id}/run", "AD", ""),
    ("GET /api/settings/notifications", "A", ""),
    ("PUT /api/settings/notifications", "A", ""),
    ("GET /api/settings/retention", "A", ""),
    ("PUT /api/settings/retention", "A", ""),
    ("POST /api/retention/run", "A", ""),
    ("GET /metrics", "A", ""),
    ("GET /api/system-agent/status", "ADOPV", ""),
    ("GET /api/system-views", "ADOPV", ""),
    ("GET /api/tags", "ADOPV", ""),
    ("GET /api/triggers", "ADOPV", ""),
    ("GET /api/triggers/process/{process_id}/schedules", "ADOPV", ""),
    ("GET /api/triggers/schedules", "ADOPV", ""),
    ("GET /api/triggers/schedules/{schedule_id}", "ADOPV", ""),
    ("GET /api/triggers/webhook/{trigger_id}/info", "ADOPV", ""),
    ("POST /api/triggers/{trigger_id}/disable", "AD", ""),
    ("POST /api/triggers/{trigger_id}/enable", "AD", ""),
    ("GET /api/triggers/{trigger_id}/history", "ADOPV", ""),
    ("POST /api/triggers/{trigger_id}/history/{call_id}/replay", "AD", ""),
    ("GET /api/users", "A", ""),
    ("POST /api/users", "A", ""),
    ("GET /api/users/me", "ADOPV", ""),
    ("DELETE /api/users/{name}", "A", ""),
    ("GET /api/users/{name}", "A", ""),
    ("PUT /api/users/{name}/password", "A", ""),
    ("PUT /api/users/{name}/role", "A", ""),
    ("GET /api/views", "ADOPV", ""),
    ("POST /api/views", "ADOPV", ""),
    ("DELETE /api/views/{view_id}", "ADOPV", ""),
];

/// What asks somebody who may decide approvals.
const ASKING: &str = "
name: asking
steps:
  - {id: review, type: human_approval, title: Well?}
";

/// A server with an execution of `somebody`, which asks.
struct House {
    server: Server,
    execution: String,
    approval: String,
}

impl House {
    async fn open() -> Self {
        let server = Server::start().await;
        for (_, name, role) in ROLES {
            server.user(name, role).await;
        }
        let id = server.execution_of(ASKING, "somebody").await;
        let approval = server.stage.open_approval(id, "review").await.id().to_string();
        Self { server, execution: id.to_string(), approval }
    }

    /// A call of an endpoint with a body of the right shape. It names an execution and an approval that exist where one
    /// must be looked at to tell who may see it.
    fn call(&self, endpoint: &str) -> Call<'_> {
        let (method, path) = endpoint.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let execution = if method == Method::GET { self.execution.as_str() } else { UNKNOWN };
        let path = path
            .replace("{execution_id}", execution)
            .replace("{approval_id}", &self.approval)
            .replace("{process_id}", UNKNOWN)
            .replace("{key_id}", UNKNOWN)
            .replace("{audit_id}", UNKNOWN)
            .replace("{alert_id}", UNKNOWN)
            .replace("{delivery_id}", UNKNOWN)
            .replace("{item_id}", UNKNOWN)
            .replace("{notification_id}", UNKNOWN)
            .replace("{call_id}", UNKNOWN)
            .replace("{schedule_id}", UNKNOWN)
            .replace("{template_id}", "user:nothing")
            .replace("{threshold_type}", "daily")
            .replace("{trigger_id}", "nothing")
            .replace("{view_id}", UNKNOWN)
            .replace("{step_id}", "review")
            .replace("{name}", "nobody");
        let path = if method == Method::GET && path.ends_with("/replay") { path + "?at=1" } else { path };
        let call = self.server.call(method, path);
        match body_of(endpoint) {
            Some(body) => call.json(&body),
            None => call,
        }
    }
}

fn body_of(endpoint: &str) -> Option<Json> {
    Some(match endpoint.split_once(' ').unwrap() {
        ("POST", "/api/processes" | "/api/processes/validate") | ("PUT", "/api/processes/{process_id}") => {
            json!({"yaml_content": "nonsense"})
        }
        ("POST", path) if path.ends_with("/request-changes") || path.ends_with("/reject") => json!({"comment": "more"}),
        ("POST", path) if path.ends_with("/approve") => json!({}),
        ("POST", path) if path.ends_with("/delegate") => json!({"to": "pia"}),
        ("POST", path) if path.ends_with("/chat") => json!({"message": "hello"}),
        ("POST", path) if path.ends_with("/respond") => json!({"response": "approve"}),
        ("POST", path) if path.ends_with("/use") => json!({"name": "new"}),
        ("POST", "/api/process-templates") => json!({"name": "new", "definition_yaml": "nonsense"}),
        ("PUT", "/api/process-templates/{template_id}") => json!({"definition_yaml": "nonsense"}),
        ("PUT", "/api/alerts/thresholds/{process_id}") => json!({"threshold_type": "daily", "amount": 1}),
        ("POST", "/api/executions/bulk") => json!({"action": "cancel", "ids": [UNKNOWN]}),
        ("POST", "/api/views") => json!({"name": "late"}),
        ("POST", "/api/keys") => json!({"name": "a key"}),
        ("POST", "/api/users") => json!({"username": "new", "role": "viewer"}),
        ("PUT", path) if path.ends_with("/role") => json!({"role": "viewer"}),
        ("PUT", path) if path.ends_with("/password") => json!({"password": "correct horse"}),
        ("PUT", "/api/settings/notifications" | "/api/settings/retention") => json!({}),
        ("POST", "/api/notifications/test") => json!({"channel": "slack"}),
        _ => return None,
    })
}

#[test]
fn every_endpoint_of_the_document_is_in_the_table() {
    let document = serde_json::to_value(openapi()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in
            methods.as_object().unwrap().keys().filter(|key| ["get", "post", "put", "delete"].contains(&key.as_str()))
        {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let known: BTreeSet<String> =
        PUBLIC.iter().copied().chain(TABLE.iter().map(|(endpoint, ..)| *endpoint)).map(str::to_owned).collect();
    assert_eq!(documented, known);
}

#[tokio::test(start_paused = true)]
async fn every_role_may_do_what_the_table_says_and_nothing_else() {
    let house = House::open().await;
    let mut wrong = Vec::new();
    // First what is refused: what is allowed may settle the question, which comes before who is asked.
    for is_allowed in [false, true] {
        for (endpoint, roles, hidden_from) in TABLE {
            for (letter, name, _) in ROLES.iter().filter(|(letter, ..)| roles.contains(*letter) == is_allowed) {
                // A session of its own for each, since some endpoints end it.
                let session = token(&json!({"sub": name, "exp": 9_999_999_999_u64, "jti": endpoint}));
                let status = house.call(endpoint).by(&session).status().await;
                let is_right = match (is_allowed, hidden_from.contains(*letter)) {
                    (true, _) => status != StatusCode::UNAUTHORIZED && status != StatusCode::FORBIDDEN,
                    (false, true) => status == StatusCode::NOT_FOUND,
                    (false, false) => status == StatusCode::FORBIDDEN,
                };
                if !is_right {
                    wrong.push(format!("{letter} {endpoint}: {status}"));
                }
                assert!(!status.is_server_error(), "{letter} {endpoint}: {status}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_session_there_is_nothing_to_see() {
    let house = House::open().await;
    for (endpoint, ..) in TABLE {
        assert_eq!(house.call(endpoint).status().await, StatusCode::UNAUTHORIZED, "{endpoint}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_limited_to_something_else_may_do_nothing() {
    let house = House::open().await;
    let scopes = vec!["approval:delegate".to_owned()];
    let (key, _) =
        house.server.stage.access.create_key(&house.server.stage.system, "root", "limited", scopes).await.unwrap();
    for (endpoint, ..) in TABLE.iter().filter(|(endpoint, ..)| *endpoint != "GET /api/users/me") {
        assert_eq!(house.call(endpoint).by(&key).status().await, StatusCode::FORBIDDEN, "{endpoint}");
    }
}
