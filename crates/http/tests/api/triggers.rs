//! What starts processes: webhooks and schedules as their definitions declare them (spec 4b 6, 4c).

use axum::http::{HeaderName, header};
use serde_json::{Value as Json, json};

use crate::{shapes::has_shape, support::Server};

const NIGHTLY: &str = "
name: nightly
triggers:
  - {id: every-night, type: schedule, cron: daily, timezone: Europe/Berlin, description: At nine}
  - {id: hook, type: webhook, secret: not to be shown}
steps:
  - {id: nap, type: timer, duration: 1h}
";

const WEBHOOK: &str = "id: text, type: text, process_name: text, process_id: id, enabled: bool, webhook_url: text,
    full_url: text, description: text, has_secret: bool, dedupe_header: text|null, calls: number";

const SCHEDULE: &str = "id: text, type: text, process_name: text, process_id: id, trigger_id: text, cron: text,
    cron_expression: text, timezone: text, enabled: bool, description: text, next_run_at: time|null,
    last_run_at: time|null, state: text, next_runs: list, last: object|null, missed: number";

#[tokio::test(start_paused = true)]
async fn declared_triggers_are_shown_of_what_is_published() {
    let server = Server::start().await;
    let vic = server.user("vic", "viewer").await;
    let get =
        async |path: &str| server.get(path.to_owned()).by(&vic).header(header::HOST, "procession.test").send().await;
    assert_eq!(get("/api/triggers").await.ok(200), json!([]));
    let id = server.stage.publish(NIGHTLY).await;
    let off = NIGHTLY.replace("name: nightly", "name: off").replace("cron: daily", "enabled: false, cron: hourly");
    let off = server.stage.publish(&off).await;

    let webhooks = get("/api/triggers").await.ok(200);
    assert_eq!(webhooks.as_array().unwrap().len(), 2);
    has_shape(&webhooks[0], WEBHOOK);
    assert_eq!(webhooks[0]["webhook_url"], "http://procession.test/api/triggers/webhook/hook");
    let full = "http://procession.test/api/triggers/webhook/nightly/hook";
    assert_eq!((&webhooks[1]["webhook_url"], &webhooks[1]["full_url"]), (&json!(full), &json!(full)));
    assert!(!webhooks.to_string().contains("not to be shown"));
    let info = get("/api/triggers/webhook/hook/info").await.ok(200);
    assert_eq!(info["process_name"], "off", "the one changed last");
    assert_eq!(get("/api/triggers/webhook/nightly%2Fhook/info").await.ok(200), webhooks[1]);
    let missing = get("/api/triggers/webhook/other/info").await.problem(404, "not_found");
    assert_eq!(missing, "Trigger not found: other");

    let schedules = get("/api/triggers/schedules").await.ok(200);
    assert_eq!(schedules.as_array().unwrap().len(), 2);
    has_shape(&schedules[0], SCHEDULE);
    let disabled = (&schedules[0]["state"], &schedules[0]["next_run_at"], &schedules[0]["next_runs"]);
    assert_eq!(disabled, (&json!("disabled"), &Json::Null, &json!([])));
    let active = &schedules[1];
    assert_eq!((&active["cron"], &active["cron_expression"]), (&json!("daily"), &json!("0 9 * * *")));
    // The stage begins on 2027-01-15 at 08:00 UTC, which is nine in Berlin.
    assert_eq!(active["next_run_at"], "2027-01-16T08:00:00.000000+00:00");
    assert_eq!(active["next_runs"].as_array().unwrap().len(), 5);
    let schedule = active["id"].as_str().unwrap();
    let of_version = get(&format!("/api/triggers/schedules/{id}.every-night")).await.ok(200);
    assert_eq!(of_version, *active, "the version's id and the trigger's lead to it too");
    let path = format!("/api/triggers/schedules/{schedule}?count=100");
    let one = get(&path).await.ok(200);
    assert_eq!((&one["next_run_at"], one["next_runs"].as_array().unwrap().len()), (&active["next_run_at"], 100));
    for (path, status, code) in [
        (format!("/api/triggers/schedules/{id}.other"), 404, "not_found"),
        ("/api/triggers/schedules/nonsense".to_owned(), 404, "not_found"),
        (format!("/api/triggers/schedules/{schedule}?count=101"), 422, "invalid_query"),
        ("/api/triggers/process/nonsense/schedules".to_owned(), 400, "bad_id"),
        (format!("/api/triggers/process/{}/schedules", uuid()), 404, "not_found"),
    ] {
        get(&path).await.problem(status, code);
    }
    let of_process = get(&format!("/api/triggers/process/{off}/schedules")).await.ok(200);
    assert_eq!(of_process, json!([schedules[0]]));

    let operations = get("/api/ops/schedules?enabled_only=true").await.ok(200);
    assert_eq!((&operations["total"], &operations["schedules"][0]["name"]), (&json!(1), &json!("nightly")));
    assert_eq!(get("/api/ops/schedules").await.ok(200)["total"], 2);
}

#[tokio::test(start_paused = true)]
async fn of_a_process_the_newest_published_version_counts() {
    let server = Server::start().await;
    let vic = server.user("vic", "viewer").await;
    server.stage.publish(NIGHTLY).await;
    let second = server.stage.publish(&NIGHTLY.replace("name: nightly", "name: nightly\nversion: 2")).await;
    let schedules = server.get("/api/triggers/schedules").by(&vic).send().await.ok(200);
    let of: Vec<&Json> = schedules.as_array().unwrap().iter().map(|schedule| &schedule["process_id"]).collect();
    assert_eq!(of, [&json!(second.to_string())]);
    // Drafts declare, and are due at no time.
    let draft = NIGHTLY.replace("name: nightly", "name: draft");
    let draft = server.stage.definitions.create(&server.stage.system, draft).await.unwrap().process.id();
    let path = format!("/api/triggers/process/{draft}/schedules");
    let declared = server.get(path).by(&vic).send().await.ok(200);
    assert_eq!((&declared[0]["trigger_id"], &declared[0]["next_run_at"]), (&json!("every-night"), &Json::Null));
}

#[tokio::test(start_paused = true)]
async fn a_schedule_is_paused_resumed_and_run() {
    let server = Server::start().await;
    let (vic, dora) = (server.user("vic", "viewer").await, server.user("dora", "designer").await);
    server.stage.publish(NIGHTLY).await;
    let id = server.get("/api/triggers/schedules").by(&dora).send().await.ok(200)[0]["id"].as_str().unwrap().to_owned();
    let post = async |what: &str, by: &str| server.post(format!("/api/schedules/{id}/{what}")).by(by).send().await;
    let paused = post("pause", &dora).await.ok(200);
    assert_eq!((&paused["state"], &paused["next_run_at"]), (&json!("paused"), &Json::Null));
    has_shape(&paused, SCHEDULE);
    assert_eq!(post("resume", &dora).await.ok(200)["state"], "active");
    let begun = post("run", &dora).await.ok(202);
    has_shape(&begun, "execution_id: id, process_name: text, status: text, message: text");
    let execution = begun["execution_id"].as_str().unwrap();
    let shown = server.get(format!("/api/executions/{execution}")).by(&dora).send().await.ok(200);
    assert_eq!((&shown["triggered_by"], &shown["trigger"]["type"]), (&json!("schedule"), &json!("schedule")));
    assert_eq!(shown["trigger"]["schedule_id"], id.as_str());
    assert_eq!(shown["trigger"]["due_at"], shown["trigger"]["fired_at"]);
    let path = format!("/api/triggers/schedules/{id}");
    let last = server.get(path.clone()).by(&dora).send().await.ok(200)["last"].clone();
    assert_eq!((&last["outcome"], &last["execution_id"]), (&json!("started"), &json!(execution)));
    let hidden = server.get(path).by(&vic).send().await.ok(200)["last"].clone();
    assert_eq!((&hidden["outcome"], &hidden["execution_id"]), (&json!("started"), &Json::Null));
    post("pause", &vic).await.problem(403, "forbidden");
    let unknown = format!("/api/schedules/{}/pause", uuid());
    server.post(unknown).by(&dora).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_check_tells_when_schedules_would_be_due() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    let checked = server.post("/api/processes/validate").by(&dora).json(&json!({"yaml_content": NIGHTLY})).send().await;
    let schedules = checked.ok(200)["schedules"].clone();
    let next: Vec<String> = ["16", "17", "18"].map(|day| format!("2027-01-{day}T08:00:00.000000+00:00")).into();
    let expected = json!([{
        "trigger_id": "every-night", "cron_expression": "0 9 * * *", "timezone": "Europe/Berlin", "next_runs": next,
    }]);
    assert_eq!(schedules, expected);
}

const OPEN: &str = "
name: open
triggers:
  - {id: in, type: webhook, dedupe_header: X-Event-Id}
steps:
  - {id: write, agent: writer, message: '{{ trigger.payload.text }}'}
outputs:
  said: '{{ steps.write.output.text }}'
";

#[tokio::test(start_paused = true)]
async fn a_call_starts_a_process_without_a_session() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    server.stage.publish(OPEN).await;
    let call = async |path: &str, body: &str| server.post(path.to_owned()).body("application/json", body).send().await;
    let started = call("/api/triggers/webhook/in", "{\"text\": \"hello\"}").await.ok(202);
    has_shape(&started, "execution_id: id, process_name: text, status: text, message: text");
    assert_eq!(started["message"], "Execution started successfully via webhook trigger");
    let waited = call("/api/triggers/webhook/open/in?wait=30s", "{\"text\": \"hello\"}").await.ok(200);
    assert_eq!((&waited["status"], &waited["outputs"].is_object()), (&json!("completed"), &true));
    for path in ["/api/triggers/webhook/other", "/api/triggers/webhook/other/in", "/api/triggers/webhook/in/open"] {
        call(path, "{}").await.problem(404, "not_found");
    }
    call("/api/triggers/webhook/in", "{").await.problem(400, "malformed_json");
    call("/api/triggers/webhook/in?wait=61s", "{}").await.problem(422, "invalid_query");
    let history = server.get("/api/triggers/open%2Fin/history?limit=2").by(&dora).send().await.ok(200);
    let shape =
        "id: id, at: time, outcome: text, status: number, execution_id: id|null, reason: text|null, size: number";
    let calls = history["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    has_shape(&calls[0], shape);
    assert_eq!((&calls[0]["outcome"], &calls[0]["status"]), (&json!("refused"), &json!(400)));
    assert_eq!((&calls[1]["outcome"], &calls[1]["execution_id"]), (&json!("started"), &waited["execution_id"]));
    let replay = format!("/api/triggers/open%2Fin/history/{}/replay", calls[1]["id"].as_str().unwrap());
    let again = server.post(replay).by(&dora).send().await.ok(202);
    assert_ne!(again["execution_id"], waited["execution_id"]);
}

#[tokio::test(start_paused = true)]
async fn publishing_warns_when_a_short_address_moves() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    server.stage.publish(OPEN).await;
    let publish = async |yaml: &str| {
        let body = json!({"yaml_content": yaml});
        let id = server.post("/api/processes").by(&dora).json(&body).send().await.ok(201)["id"].clone();
        let path = format!("/api/processes/{}/publish", id.as_str().unwrap());
        let published = server.post(path).by(&dora).json(&json!({})).send().await.ok(200);
        let warnings = published["warnings"].as_array().unwrap().clone();
        warnings.into_iter().filter(|warning| warning["code"] == "moves_webhook").collect::<Vec<_>>()
    };
    let again = publish(&OPEN.replace("name: open", "name: open\nversion: 2")).await;
    assert_eq!(again, Vec::<Json>::new(), "it stays with its process");
    let warnings = publish(&OPEN.replace("name: open", "name: closed")).await;
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!(warning["path"], "triggers[0].id");
    assert!(warning["message"].as_str().unwrap().contains("leads to the process `open` now"), "{warning}");
    let list = server.get("/api/triggers").by(&dora).send().await.ok(200);
    let of = |name: &str| {
        let found = list.as_array().unwrap().iter().find(|trigger| trigger["process_name"] == name);
        found.unwrap_or_else(|| panic!("{list}"))["webhook_url"].clone()
    };
    let ends = |name: &str, with: &str| of(name).as_str().is_some_and(|url| url.ends_with(with));
    assert!(ends("closed", "/webhook/in") && ends("open", "/webhook/open/in"), "{list}");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_is_switched_off_refuses_calls() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    server.stage.publish(OPEN).await;
    let off = server.post("/api/triggers/in/disable").by(&dora).send().await.ok(200);
    assert_eq!(off["enabled"], false);
    let refused =
        server.post("/api/triggers/webhook/in").body("application/json", "{}").send().await.problem(403, "forbidden");
    assert_eq!(refused, "Trigger is disabled");
    assert_eq!(server.post("/api/triggers/in/enable").by(&dora).send().await.ok(200)["enabled"], true);
    server.post("/api/triggers/webhook/in").body("application/json", "{}").send().await.ok(202);
}

#[tokio::test(start_paused = true)]
async fn a_caller_shows_the_secret_or_signs_with_it() {
    let server = Server::start().await;
    server.stage.publish(&OPEN.replace("type: webhook", "type: webhook, secret: It's a Secret to Everybody")).await;
    let call = || server.post("/api/triggers/webhook/in").body("application/json", "\"Hello, World!\"");
    assert_eq!(call().send().await.problem(403, "forbidden"), "Webhook secret required");
    let wrong = call().header(HeaderName::from_static("x-webhook-secret"), "It's").send().await;
    assert_eq!(wrong.problem(403, "forbidden"), "Invalid webhook secret");
    call().header(HeaderName::from_static("x-webhook-secret"), "It's a Secret to Everybody").send().await.ok(202);
    // Signed as GitHub does, the same delivery twice.
    let signature = "sha256=ecddb501376a06b92925a01b186582f725fd94c50d692a1033f57a5358f96a03";
    let signed = || {
        let call = call().header(HeaderName::from_static("x-hub-signature-256"), signature);
        call.header(HeaderName::from_static("x-github-delivery"), "72d3162e")
    };
    let first = signed().send().await.ok(202);
    let again = signed().send().await.ok(200);
    assert_eq!(again["execution_id"], first["execution_id"]);
}

fn uuid() -> &'static str {
    "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33"
}
