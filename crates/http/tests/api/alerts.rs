//! Cost alerts and thresholds (spec 4b 8).

use serde_json::json;

use crate::{shapes::has_shape, support::Server};

const THRESHOLD: &str = "id: id, process_id: text, threshold_type: text, threshold_amount: number, currency: text,
    enabled: bool, created_at: time, updated_at: time";

#[tokio::test(start_paused = true)]
async fn there_are_no_alerts_and_their_list_says_so() {
    let server = Server::start().await;
    let root = server.user("root", "admin").await;
    let empty = json!({"alerts": [], "total": 0, "active_count": 0});
    for query in ["", "?status=active&limit=50&offset=0", "?status=&process_id=anything"] {
        assert_eq!(server.get(format!("/api/alerts{query}")).by(&root).send().await.ok(200), empty, "{query}");
    }
    let refused = server.get("/api/alerts?status=new").by(&root).send().await.problem(400, "bad_filter");
    assert_eq!(refused, "Invalid status: new");
    server.get("/api/alerts?limit=101").by(&root).send().await.problem(422, "invalid_query");
    for call in [server.get("/api/alerts/x"), server.post("/api/alerts/x/dismiss")] {
        assert_eq!(call.by(&root).send().await.problem(404, "not_found"), "Alert not found");
    }
}

#[tokio::test(start_paused = true)]
async fn thresholds_are_set_shown_and_removed() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    let process = server.stage.publish("{name: report, steps: [{id: nap, type: timer, duration: 1h}]}").await;
    for id in [process.to_string(), "server".to_owned()] {
        let path = format!("/api/alerts/thresholds/{id}");
        let empty = json!({"process_id": id, "thresholds": []});
        assert_eq!(server.get(&path).by(&dora).send().await.ok(200), empty);
        let body = json!({"threshold_type": "daily", "amount": 12.5});
        let set = server.put(&path).json(&body).by(&dora).send().await.ok(200);
        assert_eq!(set["message"], "Threshold updated");
        has_shape(&set["threshold"], THRESHOLD);
        assert_eq!((&set["threshold"]["threshold_amount"], &set["threshold"]["enabled"]), (&json!(12.5), &json!(true)));
        let body = json!({"threshold_type": "daily", "amount": 7, "enabled": false});
        let again = server.put(&path).json(&body).by(&dora).send().await.ok(200);
        assert_eq!(again["threshold"]["id"], set["threshold"]["id"]);
        let shown = server.get(&path).by(&dora).send().await.ok(200);
        assert_eq!(shown["thresholds"], json!([again["threshold"]]));
        assert_eq!(shown["thresholds"][0]["threshold_amount"], 7.0);

        let removed = server.delete(format!("{path}/daily")).by(&dora).send().await.ok(200);
        assert_eq!(removed, json!({"message": "Threshold deleted"}));
        let missing = server.delete(format!("{path}/daily")).by(&dora).send().await.problem(404, "not_found");
        assert_eq!(missing, "Threshold not found");
    }
}

#[tokio::test(start_paused = true)]
async fn thresholds_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    let path = "/api/alerts/thresholds/server";
    let body = json!({"threshold_type": "yearly", "amount": 1});
    let kind = server.put(path).json(&body).by(&dora).send().await.problem(400, "bad_filter");
    assert_eq!(kind, "Invalid threshold type: yearly. Valid: per_execution, daily, weekly");
    let kind = server.delete(format!("{path}/yearly")).by(&dora).send().await.problem(400, "bad_filter");
    assert_eq!(kind, "Invalid threshold type: yearly");
    for amount in [json!(0), json!(-1), json!(1e30)] {
        let body = json!({"threshold_type": "daily", "amount": amount});
        server.put(path).json(&body).by(&dora).send().await.problem(422, "invalid_value");
    }
    for body in [json!({"threshold_type": "daily"}), json!({"threshold_type": "daily", "amount": "much"}), json!({})] {
        server.put(path).json(&body).by(&dora).send().await.problem(422, "invalid_body");
    }
    let body = json!({"threshold_type": "daily", "amount": 1});
    let ill = "/api/alerts/thresholds/nonsense";
    server.put(ill).json(&body).by(&dora).send().await.problem(400, "bad_id");
    let unknown = "/api/alerts/thresholds/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
    server.put(unknown).json(&body).by(&dora).send().await.problem(404, "not_found");
    server.get(unknown).by(&dora).send().await.problem(404, "not_found");
    server.delete(format!("{unknown}/daily")).by(&dora).send().await.problem(404, "not_found");
}
