//! Cost alerts and thresholds (spec 4b 8).

use procession_application::{
    ApplicationSettings, alerts::AlertSettings, engine::EngineSettings, ports::DeliveryFailure,
};
use procession_domain::value::{Duration, ErrorCode};
use procession_testing::{Answer, Line};
use serde_json::{Value as Json, json};

use crate::{shapes::has_shape, support::Server};

const ALERT: &str = "id: id, process_id: text, process_name: text, execution_id: id|null, threshold_type: text,
    threshold_amount: number, actual_amount: number, currency: text, severity: text, status: text, message: text,
    created_at: time, dismissed_at: time|null, dismissed_by: text|null";

const THRESHOLD: &str = "id: id, process_id: text, threshold_type: text, threshold_amount: number, currency: text,
    enabled: bool, created_at: time, updated_at: time";

#[tokio::test(start_paused = true)]
async fn without_alerts_their_list_says_so() {
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

/// A server whose agent takes 0.75 dollars for each answer.
async fn costly() -> Server {
    costly_with(AlertSettings::default()).await
}

async fn costly_with(alerts: AlertSettings) -> Server {
    let reply = Answer::Reply { text: "done".into(), cost: Some("0.75".parse().unwrap()), tokens: None };
    let engine = EngineSettings { alerts, ..EngineSettings::default() };
    let application = ApplicationSettings { engine, ..ApplicationSettings::default() };
    Server::with_application(vec![("writer", vec![Line::new(reply)])], Server::settings(), application).await
}

const REPORT: &str = "
name: report
config: {cost_alert: {per_execution: 0.5, daily: \"$1\", channel: slack}}
steps: [{id: write, agent: writer, message: x}]
";

#[tokio::test(start_paused = true)]
async fn a_definition_sets_thresholds_and_passing_them_raises_alerts() {
    let server = costly().await;
    let root = server.user("root", "admin").await;
    let dora = server.user("dora", "designer").await;
    let vic = server.user("vic", "viewer").await;
    let first = server.execution_of(REPORT, "vic").await;
    server.stage.until_ended(first).await;
    let process = server.stage.execution(first).await.creation().process.id;
    let set = server.get(format!("/api/alerts/thresholds/{process}")).by(&dora).send().await.ok(200);
    let set: Vec<&Json> = set["thresholds"].as_array().unwrap().iter().map(|set| &set["threshold_amount"]).collect();
    assert_eq!(set, [&json!(0.5), &json!(1.0)]);
    let second = server.stage.start(process, json!({})).await;
    server.stage.until_ended(second).await;

    let list = server.get("/api/alerts?status=active").by(&root).send().await.ok(200);
    assert_eq!((&list["total"], &list["active_count"]), (&json!(3), &json!(3)));
    for alert in list["alerts"].as_array().unwrap() {
        has_shape(alert, ALERT);
        assert_eq!((&alert["process_id"], &alert["process_name"]), (&json!(process), &json!("report")));
    }
    let daily = list["alerts"].as_array().unwrap().iter().find(|alert| alert["threshold_type"] == "daily").unwrap();
    assert_eq!((&daily["actual_amount"], &daily["severity"]), (&json!(1.5), &json!("warning")));
    assert_eq!((&daily["execution_id"], &daily["currency"]), (&Json::Null, &json!("USD")));
    let own = server.get("/api/alerts").by(&vic).send().await.ok(200);
    assert_eq!((&own["total"], &own["alerts"][0]["execution_id"]), (&json!(1), &json!(first)), "a viewer's own");
    let path = format!("/api/alerts/{}", daily["id"].as_str().unwrap());
    server.get(&path).by(&vic).send().await.problem(404, "not_found");
    assert_eq!(server.get(&path).by(&root).send().await.ok(200), *daily);

    let dismiss = || server.post(format!("{path}/dismiss"));
    let dismissed = dismiss().by(&dora).send().await.ok(200);
    assert_eq!(dismissed, json!({"message": "Alert dismissed", "alert_id": daily["id"]}));
    assert_eq!(dismiss().by(&dora).send().await.problem(400, "conflict"), "Alert already dismissed");
    let count = server.get("/api/alerts/count").by(&root).send().await.ok(200);
    assert_eq!(count, json!({"active_count": 2}));
    let aside = server.get("/api/alerts?status=dismissed").by(&root).send().await.ok(200);
    assert_eq!((&aside["total"], &aside["alerts"][0]["dismissed_by"]), (&json!(1), &json!("dora")));
    let of_server = server.get("/api/alerts?process_id=server").by(&root).send().await.ok(200);
    assert_eq!(of_server["total"], 0);
}

#[tokio::test(start_paused = true)]
async fn people_are_told_of_an_alert_until_the_channel_takes_it() {
    let of_server = AlertSettings { channel: Some("email".into()), recipients: vec!["ann".into()] };
    let server = costly_with(of_server).await;
    let root = server.user("root", "admin").await;
    let stage = &server.stage;
    let failure = DeliveryFailure { code: ErrorCode::Timeout, message: "no answer".into(), retry_after: None };
    stage.messages.fail("slack", vec![failure]);
    stage.until_ended(server.execution_of(REPORT, "vic").await).await;
    let unnamed = "{name: brief, config: {cost_alert: 0.5}, steps: [{id: write, agent: writer, message: x}]}";
    stage.until_ended(server.execution_of(unnamed, "vic").await).await;
    stage.pass(Duration::from_secs(60)).await;

    let sent = stage.messages.sent();
    let of_brief = sent.iter().find(|message| message.process_name.as_str() == "brief").unwrap();
    assert_eq!((of_brief.channel.as_str(), of_brief.recipients.as_slice()), ("email", &["ann".to_owned()][..]));
    assert!(of_brief.message.ends_with("has cost 0.75 USD, more than 0.5 USD."), "{}", of_brief.message);
    let of_report: Vec<_> = sent.into_iter().filter(|one| one.process_name.as_str() == "report").collect();
    let [told] = of_report.as_slice() else { panic!("{of_report:?}") };
    assert_eq!((told.channel.as_str(), told.subject.as_str()), ("slack", "Cost alert of report"));
    let list = server.get("/api/deliveries?kind=slack").by(&root).send().await.ok(200);
    let [row] = list["deliveries"].as_array().unwrap().as_slice() else { panic!("{list}") };
    assert_eq!((&row["event"], &row["target"]), (&json!("cost_alert"), &json!("slack")));
    assert_eq!((&row["state"], &row["attempts"]), (&json!("delivered"), &json!(2)));
}
