//! What waits for people: notices and the queue, whose answers decide (spec 4b 13).

use procession_domain::value::ErrorCode;
use procession_testing::Line;
use serde_json::{Value as Json, json};

use crate::{shapes::has_shape, support::Server};

const ASKING: &str =
    "{name: asking, steps: [{id: review, type: human_approval, title: Well?, description: Read it, assignees: [ann]}]}";

const NOTICE: &str = "id: text, agent_name: text, notification_type: text, title: text, message: text|null,
    priority: text, category: text|null, metadata: object|null, status: text, created_at: time,
    acknowledged_at: time|null, acknowledged_by: text|null";

const ITEM: &str = "id: text, agent_name: text, type: text, status: text, priority: text, title: text,
    question: text, options: list|null, context: object|null, execution_id: id|null, created_at: time,
    expires_at: time|null, response: text|null, response_text: text|null, responded_by_id: text|null,
    responded_by_email: text|null, responded_at: time|null, acknowledged_at: time|null";

async fn queue(server: &Server, token: &str, query: &str) -> Vec<Json> {
    let queue = server.get(format!("/api/operator-queue{query}")).by(token).send().await.ok(200);
    queue["items"].as_array().unwrap().iter().for_each(|item| has_shape(item, ITEM));
    queue["items"].as_array().unwrap().clone()
}

async fn notices(server: &Server, token: &str, query: &str) -> (u64, Vec<Json>) {
    let list = server.get(format!("/api/notifications{query}")).by(token).send().await.ok(200);
    list["notifications"].as_array().unwrap().iter().for_each(|notice| has_shape(notice, NOTICE));
    (list["count"].as_u64().unwrap(), list["notifications"].as_array().unwrap().clone())
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_by_who_is_asked() {
    let server = Server::start().await;
    let (ann, otto) = (server.user("ann", "viewer").await, server.user("otto", "user").await);
    let id = server.execution_of(ASKING, "somebody").await;
    server.stage.open_approval(id, "review").await;
    assert_eq!(queue(&server, &otto, "").await, [] as [Json; 0], "who is not asked is not bothered");
    let items = queue(&server, &ann, "?status=pending&type=approval&priority=high&limit=200").await;
    assert_eq!(items.len(), 1);
    assert_eq!((&items[0]["title"], &items[0]["question"]), (&json!("Well?"), &json!("Read it")));
    assert_eq!(items[0]["options"], json!(["approve", "reject", "request_changes"]));
    assert_eq!(items[0]["context"]["step_id"], "review");
    assert_eq!(items[0]["execution_id"], id.to_string());
    let path = format!("/api/operator-queue/{}/respond", items[0]["id"].as_str().unwrap());
    let approve = json!({"response": "approve", "response_text": "fine"});
    let hidden = server.post(&path).json(&approve).by(&otto).send().await.problem(404, "not_found");
    assert_eq!(hidden, "Queue item not found");
    let odd = server.post(&path).json(&json!({"response": "perhaps"})).by(&ann).send().await;
    assert!(odd.problem(422, "invalid_value").contains("approve, reject, request_changes"));
    server.post(&path).json(&json!({})).by(&ann).send().await.problem(422, "invalid_body");
    let silent = server.post(&path).json(&json!({"response": "reject"})).by(&ann).send().await;
    silent.problem(422, "invalid_value");

    let answered = server.post(&path).json(&approve).by(&ann).send().await.ok(200);
    has_shape(&answered, ITEM);
    assert_eq!((&answered["status"], &answered["response"]), (&json!("responded"), &json!("approved")));
    assert_eq!((&answered["response_text"], &answered["responded_by_id"]), (&json!("fine"), &json!("ann")));
    assert_eq!(server.stage.until_ended(id).await.status().as_str(), "completed", "the answer decides");
    let again = server.post(&path).json(&approve).by(&ann).send().await.problem(409, "already_decided");
    assert_eq!(again, "Cannot respond to item with status 'responded'");
    assert_eq!(queue(&server, &ann, "?status=pending").await, [] as [Json; 0]);
    assert_eq!(queue(&server, &ann, "?status=responded").await.len(), 1);
    assert_eq!(queue(&server, &ann, "?status=&limit=1&offset=1").await, [] as [Json; 0]);
    server.get("/api/operator-queue?limit=501").by(&ann).send().await.problem(422, "invalid_query");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_retried_or_put_aside() {
    let agents = vec![("broken", vec![Line::fail(ErrorCode::AccessDenied)])];
    let server = Server::with(agents, Server::settings()).await;
    let (otto, vic) = (server.user("otto", "user").await, server.user("vic", "viewer").await);
    let failing = "{name: failing, steps: [{id: a, agent: broken, message: x}]}";
    let first = server.execution_of(failing, "somebody").await;
    server.stage.until_ended(first).await;
    assert_eq!(queue(&server, &vic, "").await, [] as [Json; 0], "a viewer sees only what is theirs");
    let items = queue(&server, &otto, "?type=alert").await;
    assert_eq!(
        (items.len(), &items[0]["title"], &items[0]["options"]),
        (1, &json!("failing failed"), &json!(["retry", "dismiss"]))
    );
    let path = format!("/api/operator-queue/{}/respond", items[0]["id"].as_str().unwrap());
    server.stage.agents.rewrite([("broken".to_owned(), vec![Line::reply("done")])].into());
    let answered = server.post(&path).json(&json!({"response": "retry"})).by(&otto).send().await.ok(200);
    assert_eq!(answered["status"], "responded");
    let list = server.get("/api/executions?triggered_by=retry").by(&otto).send().await.ok(200);
    assert_eq!((&list["total"], &list["executions"][0]["retry_of"]), (&json!(1), &json!(first.to_string())));
    assert_eq!(queue(&server, &otto, "").await, [] as [Json; 0]);
    server.post(&path).json(&json!({"response": "dismiss"})).by(&otto).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_marked_for_oneself() {
    let server = Server::start().await;
    let (ann, root) = (server.user("ann", "viewer").await, server.user("root", "admin").await);
    let id = server.execution_of(ASKING, "somebody").await;
    server.stage.open_approval(id, "review").await;
    let (count, list) = notices(&server, &ann, "?status=pending&limit=1").await;
    assert_eq!((count, list.len()), (1, 1));
    assert_eq!((&list[0]["notification_type"], &list[0]["category"]), (&json!("question"), &json!("approval")));
    let path = format!("/api/notifications/{}", list[0]["id"].as_str().unwrap());
    let marked = server.post(format!("{path}/acknowledge")).json(&json!({})).by(&ann).send().await.ok(200);
    has_shape(&marked, "id: text, status: text, acknowledged_at: time, acknowledged_by: text");
    assert_eq!((&marked["status"], &marked["acknowledged_by"]), (&json!("acknowledged"), &json!("ann")));
    assert_eq!(notices(&server, &ann, "?status=pending").await.0, 0);
    assert_eq!(notices(&server, &ann, "?status=acknowledged&priority=high,urgent&agent_name=asking").await.0, 1);
    assert_eq!(notices(&server, &root, "?status=pending").await.0, 1, "for others it is as before");
    let aside = server.post(format!("{path}/dismiss")).by(&ann).send().await.ok(200);
    assert_eq!(aside["status"], "dismissed");
    assert_eq!(queue(&server, &ann, "?status=acknowledged").await.len(), 1, "it can still be answered");
    for end in ["acknowledge", "dismiss"] {
        let missing = server.post(format!("/api/notifications/nothing/{end}")).by(&ann).send().await;
        assert_eq!(missing.problem(404, "not_found"), "Notification not found");
    }
}
