//! The OpenAPI document: complete, and readable without a network.

use std::collections::BTreeSet;

use procession_http::openapi;
use serde_json::Value as Json;

use crate::support::Server;

fn document() -> Json {
    serde_json::to_value(openapi()).unwrap()
}

/// All operations: `GET /path` and the operation.
fn operations(document: &Json) -> Vec<(String, &Json)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
        })
        .collect()
}

fn references<'a>(value: &'a Json, found: &mut BTreeSet<&'a str>) {
    match value {
        Json::Object(fields) => {
            for (name, value) in fields {
                match value.as_str().filter(|_| name == "$ref") {
                    Some(reference) => {
                        found.insert(reference);
                    }
                    None => references(value, found),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| references(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[test]
fn every_endpoint_says_what_it_does_and_what_it_answers() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name} has no summary");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{name} has one tag");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name} has an id of its own");
        let responses = operation["responses"].as_object().unwrap();
        // Log-in by e-mail is not offered, and existing clients expect to be told so there.
        let may_succeed = !name.contains("/api/auth/email/");
        assert_eq!(responses.keys().any(|status| status.as_str() < "400"), may_succeed, "{name} can succeed");
        for (status, response) in responses {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} {status}");
            if status.as_str() >= "400" {
                let content = &response["content"]["application/problem+json"];
                assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{name} {status}");
                assert!(content["example"]["detail"].is_string(), "{name} {status}");
            }
        }
        let declared = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        for part in name.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            assert!(declared.iter().any(|parameter| parameter["name"] == part), "{name} says what {part} is");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} is missing");
    }
}

#[test]
fn the_endpoints_of_the_contract_are_there() {
    let document = document();
    let there: BTreeSet<String> = operations(&document).into_iter().map(|(name, _)| name).collect();
    for wanted in [
        "POST /api/processes",
        "GET /api/processes",
        "GET /api/processes/{process_id}",
        "PUT /api/processes/{process_id}",
        "DELETE /api/processes/{process_id}",
        "POST /api/processes/validate",
        "POST /api/processes/{process_id}/validate",
        "POST /api/processes/{process_id}/publish",
        "POST /api/processes/{process_id}/archive",
        "POST /api/processes/{process_id}/new-version",
        "POST /api/processes/{process_id}/execute",
        "POST /api/executions/processes/{process_id}/execute",
        "GET /api/executions",
        "GET /api/executions/{execution_id}",
        "POST /api/executions/{execution_id}/cancel",
        "POST /api/executions/{execution_id}/pause",
        "POST /api/executions/{execution_id}/resume",
        "POST /api/executions/{execution_id}/retry",
        "POST /api/executions/{execution_id}/dismiss",
        "GET /api/executions/{execution_id}/events",
        "GET /api/executions/{execution_id}/stream",
        "GET /api/executions/{execution_id}/costs",
        "GET /api/executions/{execution_id}/steps/{step_id}",
        "GET /api/executions/{execution_id}/steps/{step_id}/output",
        "GET /api/executions/recovery/status",
        "GET /api/executions/limits/status",
        "GET /api/schema/process.json",
        "GET /api/agents",
        "POST /api/processes/{process_id}/activate",
        "POST /api/processes/{process_id}/simulate",
        "GET /api/executions/{execution_id}/replay",
        "GET /api/executions/{execution_id}/export",
        "GET /api/audit",
        "GET /api/audit/{audit_id}",
        "GET /api/audit/verify",
        "GET /api/docs/index",
        "GET /api/docs/search",
        "GET /api/docs/list",
        "GET /api/agents/context-stats",
        "GET /api/agents/execution-stats",
        "GET /api/agents/slots",
        "GET /api/agents/{name}/permissions",
        "POST /api/agents/{name}/chat",
        "GET /api/activities/timeline",
        "GET /api/ops/schedules",
        "GET /api/telemetry/host",
        "GET /api/notifications",
        "POST /api/notifications/{notification_id}/acknowledge",
        "POST /api/notifications/{notification_id}/dismiss",
        "GET /api/operator-queue",
        "POST /api/operator-queue/{item_id}/respond",
        "GET /api/process-templates",
        "POST /api/process-templates",
        "GET /api/process-templates/categories",
        "GET /api/process-templates/{template_id}",
        "PUT /api/process-templates/{template_id}",
        "DELETE /api/process-templates/{template_id}",
        "GET /api/process-templates/{template_id}/preview",
        "POST /api/process-templates/{template_id}/preview",
        "POST /api/process-templates/{template_id}/use",
        "GET /api/triggers",
        "GET /api/triggers/webhook/{trigger_id}/info",
        "GET /api/triggers/schedules",
        "GET /api/triggers/schedules/{schedule_id}",
        "GET /api/triggers/process/{process_id}/schedules",
        "GET /api/alerts",
        "GET /api/alerts/count",
        "GET /api/alerts/{alert_id}",
        "POST /api/alerts/{alert_id}/dismiss",
        "GET /api/alerts/thresholds/{process_id}",
        "PUT /api/alerts/thresholds/{process_id}",
        "DELETE /api/alerts/thresholds/{process_id}/{threshold_type}",
        "GET /api/processes/analytics/trends",
        "GET /api/processes/analytics/all",
        "GET /api/processes/{process_id}/analytics",
        "GET /api/processes/{process_id}/cost-stats",
        "GET /api/executions/analytics/steps",
        "GET /ws",
        "GET /ws/events",
        "GET /healthz",
        "GET /readyz",
    ] {
        assert!(there.contains(wanted), "{wanted} is missing");
    }
}

#[tokio::test(start_paused = true)]
async fn the_document_and_its_page_are_served_without_a_network() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/openapi.json").send().await.ok(200), document());
    let entry = server.get("/api/docs/ui").send().await;
    assert_eq!((entry.status.as_u16(), entry.header("location")), (303, Some("/api/docs/ui/")));
    let page = server.get("/api/docs/ui/").send().await;
    assert_eq!(page.status.as_u16(), 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let links = page.text.split(['"', '\'']).filter(|text| text.starts_with("http") || text.starts_with("//"));
    assert_eq!(links.collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(!page.text.contains("<script>"), "the page's policy forbids scripts in its text");
    let start = server.get("/api/docs/ui/swagger-initializer.js").send().await;
    assert!(start.text.contains("/api/openapi.json"), "{}", start.text);
}

#[tokio::test(start_paused = true)]
async fn the_schema_of_definitions_is_served_to_editors() {
    let server = Server::start().await;
    let reply = server.get("/api/schema/process.json").send().await;
    assert_eq!(reply.header("content-type"), Some("application/schema+json"));
    let schema = reply.ok(200);
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["steps"].is_object());
}
