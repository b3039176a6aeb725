//! For how long things are kept.

use procession_application::{ApplicationSettings, retention::RetentionPolicy};
use procession_domain::value::Duration;
use serde_json::json;

use crate::support::Server;

const PATH: &str = "/api/settings/retention";

const PROCESS: &str = "
name: report
version: 1
steps:
  - {id: write, type: agent_task, agent: writer, message: go}
";

#[tokio::test(start_paused = true)]
async fn the_policy_is_the_configurations_until_someone_changes_it() {
    let application = ApplicationSettings { retention: RetentionPolicy::USUAL, ..ApplicationSettings::default() };
    let server = Server::with_application(Vec::new(), Server::settings(), application).await;
    let root = server.user("root", "admin").await;
    let usual = json!({
        "events": "30d", "executions": "90d", "outputs": "30d", "deliveries": "30d", "audit": "2555d",
    });
    assert_eq!(server.get(PATH).by(&root).send().await.ok(200), usual);
    let wanted = json!({"events": "14d", "executions": "0", "outputs": null});
    let changed = json!({
        "events": "14d", "executions": "0s", "outputs": "30d", "deliveries": "30d", "audit": "2555d",
    });
    assert_eq!(server.put(PATH).json(&wanted).by(&root).send().await.ok(200), changed);
    assert_eq!(server.get(PATH).by(&root).send().await.ok(200), changed);
    let refused = server.put(PATH).json(&json!({"events": "soon", "audit": "-1d"})).by(&root).send().await;
    refused.problem(422, "invalid_value");
    assert_eq!(refused.ok(422)["errors"].as_array().unwrap().len(), 2);
    server.put(PATH).json(&json!({"event": "14d"})).by(&root).send().await.problem(422, "invalid_body");
    assert_eq!(server.put(PATH).json(&json!({})).by(&root).send().await.ok(200), usual);
}

#[tokio::test(start_paused = true)]
async fn a_run_says_what_it_removes_and_a_dry_one_what_it_would() {
    let retention = RetentionPolicy { executions: Duration::from_secs(60), ..RetentionPolicy::default() };
    let application = ApplicationSettings { retention, ..ApplicationSettings::default() };
    let server = Server::with_application(vec![("writer", vec![])], Server::settings(), application).await;
    let root = server.user("root", "admin").await;
    let id = server.execution_of(PROCESS, "ann").await;
    server.stage.until_ended(id).await;
    server.stage.pass(Duration::from_secs(61)).await;

    let dry = server.post("/api/retention/run").json(&json!({"dry_run": true})).by(&root).send().await.ok(200);
    assert_eq!((&dry["dry_run"], &dry["executions"], &dry["complete"]), (&json!(true), &json!(1), &json!(false)));
    server.get(format!("/api/executions/{id}")).by(&root).send().await.ok(200);

    let run = server.post("/api/retention/run").by(&root).send().await.ok(200);
    for count in ["executions", "events", "outputs", "deliveries", "audit", "archived"] {
        assert_eq!(run[count], dry[count], "{count}");
    }
    assert_eq!((&run["dry_run"], &run["complete"]), (&json!(false), &json!(true)));
    server.get(format!("/api/executions/{id}")).by(&root).send().await.problem(404, "not_found");
    let told = server.get("/api/audit?action=retention.run").by(&root).send().await.ok(200);
    assert_eq!((&told["total"], &told["entries"][0]["actor"]), (&json!(1), &json!("root")));
}
