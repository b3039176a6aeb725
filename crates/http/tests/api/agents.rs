//! Agents: how they stand, what they did, and talking to one (spec 4b 12, 17; 4c).

use procession_domain::value::{Duration, ErrorCode};
use procession_testing::{Answer, Line};
use serde_json::{Value as Json, json};

use crate::{shapes::has_shape, support::Server};

const AGENT: &str = "name: text, type: text, status: text, port: null, created: null, resources: object,
    container_id: null, template: null, runtime: null, base_image_version: null, owner: null, is_owner: bool,
    is_shared: bool, is_system: bool, autonomy_enabled: bool, read_only_enabled: bool, github_repo: null,
    memory_limit: null, cpu_limit: null, avatar_url: null, tags: list, description: text|null, reason: text|null,
    concurrency: integer, in_flight: integer, queued: integer, breaker: object, calls_24h: integer,
    failures_24h: integer, cost_24h: money|null, exact_cost_24h: object|null";

/// A server whose writer is slow and costs something.
async fn busy() -> (Server, String) {
    let reply = Answer::Reply { text: "done".into(), cost: Some("0.25".parse().unwrap()), tokens: None };
    let agents = vec![
        ("writer", vec![Line::new(reply).after(Duration::from_secs(60))]),
        ("trinity-system", vec![Line::reply("name: hello")]),
        ("broken", vec![Line::fail(ErrorCode::AgentUnavailable)]),
        ("full", vec![Line::new(Answer::Busy(Duration::from_secs(30)))]),
        ("mute", vec![Line::new(Answer::Silence)]),
    ];
    let server = Server::with(agents, Server::settings()).await;
    let dora = server.user("dora", "designer").await;
    (server, dora)
}

const WRITES: &str = "{name: writes, steps: [{id: a, agent: writer, message: x}]}";

#[tokio::test(start_paused = true)]
async fn agents_are_shown_as_they_stand() {
    let (server, dora) = busy().await;
    let vic = server.user("vic", "viewer").await;
    let first = server.execution_of(WRITES, "somebody").await;
    server.stage.until_ended(first).await;
    let process = server.stage.execution(first).await.creation().process.id;
    let second = server.stage.start(process, json!({})).await;
    server.stage.until(second, |execution| execution.status().as_str() == "running").await;
    server.stage.pass(Duration::from_secs(1)).await;

    let agents = server.get("/api/agents").by(&dora).send().await.ok(200);
    agents.as_array().unwrap().iter().for_each(|agent| has_shape(agent, AGENT));
    let of =
        |list: &Json, name: &str| list.as_array().unwrap().iter().find(|agent| agent["name"] == name).cloned().unwrap();
    let writer = of(&agents, "writer");
    assert_eq!(
        (&writer["in_flight"], &writer["calls_24h"], &writer["cost_24h"]),
        (&json!(1), &json!(1), &json!("$0.25"))
    );
    assert_eq!(writer["breaker"], json!({"state": "closed", "until": null}));
    assert_eq!((&of(&agents, "trinity-system")["is_system"], &writer["is_system"]), (&json!(true), &json!(false)));
    let seen_by_viewer = of(&server.get("/api/agents").by(&vic).send().await.ok(200), "writer");
    assert_eq!((&seen_by_viewer["calls_24h"], &seen_by_viewer["cost_24h"]), (&json!(0), &Json::Null), "not theirs");

    let context = server.get("/api/agents/context-stats").by(&dora).send().await.ok(200);
    let writer = of(&context["agents"], "writer");
    has_shape(
        &writer,
        "name: text, status: text, activityState: text, contextPercent: null, contextUsed: null,
        contextMax: null, lastActivityTime: time",
    );
    assert_eq!(
        (&writer["activityState"], &of(&context["agents"], "mute")["activityState"]),
        (&json!("active"), &json!("idle"))
    );

    let statistics = server.get("/api/agents/execution-stats?include_7d=true").by(&dora).send().await.ok(200);
    let writer = of(&statistics["agents"], "writer");
    has_shape(
        &writer,
        "name: text, task_count_24h: integer, success_count: integer, failed_count: integer,
        running_count: integer, success_rate: number, total_cost: number, last_execution_at: time,
        task_count_7d: integer, success_count_7d: integer, failed_count_7d: integer, success_rate_7d: number,
        total_cost_7d: number",
    );
    assert_eq!(
        (&writer["task_count_24h"], &writer["success_rate"], &writer["total_cost"]),
        (&json!(1), &json!(100.0), &json!(0.25))
    );
    let plain = server.get("/api/agents/execution-stats").by(&dora).send().await.ok(200);
    assert!(plain["agents"][0].get("task_count_7d").is_none());

    let slots = server.get("/api/agents/slots").by(&dora).send().await.ok(200);
    has_shape(&slots, "agents: object, timestamp: time");
    assert_eq!(slots["agents"]["writer"], json!({"max": 64, "active": 1, "queued": 0}));
    let permissions = server.get("/api/agents/writer/permissions").by(&vic).send().await.ok(200);
    assert_eq!(permissions, json!({"source_agent": "writer", "permitted_agents": []}));
    let missing = server.get("/api/agents/nobody/permissions").by(&vic).send().await.problem(404, "not_found");
    assert_eq!(missing, "Agent not found");
}

#[tokio::test(start_paused = true)]
async fn the_work_of_agents_is_told_as_a_timeline() {
    let (server, dora) = busy().await;
    let vic = server.user("vic", "viewer").await;
    let id = server.execution_of(WRITES, "somebody").await;
    server.stage.until_ended(id).await;
    let types = "activity_types=agent_collaboration,schedule_start,chat_start";
    let path = format!("/api/activities/timeline?{types}&start_time=2027-01-15T00:00:00Z&limit=500");
    let timeline = server.get(&path).by(&dora).send().await.ok(200);
    assert_eq!(timeline["count"], 1);
    let activity = &timeline["activities"][0];
    has_shape(
        activity,
        "id: text, agent_name: text, activity_type: text, activity_state: text, started_at: time,
        completed_at: time, duration_ms: integer, triggered_by: text, related_execution_id: id, details: object",
    );
    assert_eq!((&activity["agent_name"], &activity["activity_state"]), (&json!("writer"), &json!("completed")));
    assert_eq!((&activity["duration_ms"], &activity["related_execution_id"]), (&json!(60_000), &json!(id.to_string())));
    assert_eq!(activity["details"]["process_name"], "writes");
    for (path, count) in [
        ("/api/activities/timeline?activity_types=schedule_start".to_owned(), 0),
        ("/api/activities/timeline?start_time=2027-01-16T00:00:00Z".to_owned(), 0),
        ("/api/activities/timeline?activity_types=".to_owned(), 1),
    ] {
        assert_eq!(server.get(&path).by(&dora).send().await.ok(200)["count"], count, "{path}");
    }
    assert_eq!(server.get(&path).by(&vic).send().await.ok(200)["count"], 0, "a viewer sees only what is theirs");
    for query in ["limit=1001", "start_time=yesterday"] {
        server.get(format!("/api/activities/timeline?{query}")).by(&dora).send().await.problem(422, "invalid_query");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_answers_what_is_said_to_it() {
    let (server, dora) = busy().await;
    let path = "/api/agents/trinity-system/chat";
    let answer = server.post(path).json(&json!({"message": "write one"})).by(&dora).send().await.ok(200);
    has_shape(&answer, "response: text, agent: text, cost: money|null, exact_cost: object|null");
    assert_eq!(answer["response"], "name: hello");
    let said = server.stage.agents.calls();
    assert_eq!((said.len(), said[0].task.message.as_str()), (1, "write one"));
    let list = server.get("/api/executions").by(&dora).send().await.ok(200);
    assert_eq!(list["total"], 0, "a chat is no execution");
    for (agent, status, code, part) in [
        ("nobody", 404, "not_found", "Agent not found"),
        ("broken", 503, "agents_unavailable", "Failed to communicate with agent: "),
        ("full", 429, "agent_busy", "try again in 30 seconds"),
        ("mute", 503, "agents_unavailable", "did not answer within 28 seconds"),
    ] {
        let body = json!({"message": "hello", "model": "large"});
        let reply = server.post(format!("/api/agents/{agent}/chat")).json(&body).by(&dora).send().await;
        let detail = reply.problem(status, code);
        assert!(detail.contains(part), "{agent}: {detail}");
    }
    for body in [json!({}), json!({"message": 5})] {
        server.post(path).json(&body).by(&dora).send().await.problem(422, "invalid_body");
    }
    server.post(path).json(&json!({"message": " "})).by(&dora).send().await.problem(422, "invalid_value");
    let long = "x".repeat(300 * 1024);
    server.post(path).json(&json!({"message": long})).by(&dora).send().await.problem(413, "too_large");
}
