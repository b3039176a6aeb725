//! Making two decisions out of one.

use procession_tests::{client::Client, server::ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{answer, person};

const ASKS: &str = "name: asks
steps:
  - {id: review, type: human_approval, title: Pay?, assignees: [ann, ben], required_approvals: 2}
";

#[tokio::test(flavor = "multi_thread")]
async fn four_eyes_stay_four() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    let ann = person(&admin, "ann", "approver").await;
    let ben = person(&admin, "ben", "approver").await;
    let vic = person(&admin, "vic", "viewer").await;
    person(&admin, "cleo", "approver").await;
    let process = admin.publish(ASKS).await.unwrap();
    let execution = admin.execute(&process, &json!({})).await.unwrap();
    let open = async {
        loop {
            let path = format!("/api/approvals/execution/{execution}/step/review");
            let (status, approval) = answer(&admin, Method::GET, &path, Value::Null).await;
            if status == 200 {
                return format!("/api/approvals/{}", approval["id"].as_str().unwrap());
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let path = open.await;
    let act = async |who: &Client, what: &str, body: Value| {
        answer(who, Method::POST, &format!("{path}/{what}"), body).await.0
    };
    assert_eq!(act(&admin, "delegate", json!({"to": "cleo"})).await, 409, "one person can't be two");
    assert_eq!(act(&ann, "approve", json!({})).await, 200);
    assert_eq!(act(&ann, "delegate", json!({"to": "cleo"})).await, 409, "who has voted has no seat left");
    assert_eq!(act(&ben, "delegate", json!({"to": "vic"})).await, 422, "a viewer may not decide");
    assert_eq!(act(&ben, "delegate", json!({"to": "ann"})).await, 409, "who has voted gets no second seat");
    assert_eq!(act(&vic, "approve", json!({})).await, 404);
    let approval = admin.get(&path).await.unwrap();
    assert_eq!((&approval["status"], &approval["assignees"]), (&json!("pending"), &json!(["ann", "ben"])));
    assert_eq!(act(&ben, "approve", json!({})).await, 200);
    assert_eq!(admin.ended(&execution).await.unwrap()["status"], "completed");
}
