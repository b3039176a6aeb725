//! What starts processes: webhooks and schedules as their definitions declare them (spec 4b 6, 4c).

use axum::http::header;
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

const WEBHOOK: &str =
    "id: text, type: text, process_name: text, process_id: id, enabled: bool, webhook_url: text, description: text";

const SCHEDULE: &str = "id: text, type: text, process_name: text, process_id: id, trigger_id: text, cron: text,
    cron_expression: text, timezone: text, enabled: bool, description: text, next_run_at: time|null,
    last_run_at: time|null, state: text, next_runs: list";

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
    assert_eq!(webhooks[1]["webhook_url"], "http://procession.test/api/triggers/webhook/hook");
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
    assert_eq!(active["id"], format!("{id}.every-night"));
    let path = format!("/api/triggers/schedules/{id}.every-night?count=100");
    let one = get(&path).await.ok(200);
    assert_eq!((&one["next_run_at"], one["next_runs"].as_array().unwrap().len()), (&active["next_run_at"], 100));
    for (path, status, code) in [
        (format!("/api/triggers/schedules/{id}.other"), 404, "not_found"),
        ("/api/triggers/schedules/nonsense".to_owned(), 404, "not_found"),
        (format!("/api/triggers/schedules/{id}.every-night?count=101"), 422, "invalid_query"),
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

fn uuid() -> &'static str {
    "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33"
}
