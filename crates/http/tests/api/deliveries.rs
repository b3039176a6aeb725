//! What was told outside: lists, single deliveries, sending again, the events of agents (4c).

use procession_application::{
    ApplicationSettings,
    deliveries::{DeliverySettings, LinkKey},
    notifications::{NotificationSettings, SmtpSecurity, SmtpSettings},
};
use procession_domain::value::Duration;
use serde_json::{Value as Json, json};

use crate::{shapes::has_shape, support::Server};

const DELIVERY: &str = "id: id, kind: text, event_id: number, event: text, execution_id: id, process_name: text,
    target: text, state: text, attempts: number, next_attempt_at: null, last_status: null, last_error: text,
    created_at: time, delivered_at: null";

const TELLS: &str = "{name: report, webhooks: [{url: 'https://example.org/t0ken'}], \
    steps: [{id: write, agent: writer, message: x, roles: {informed: [writer]}}]}";

/// A server with an execution that has told a webhook and an agent.
async fn server() -> (Server, String) {
    let server = Server::start().await;
    let otto = server.user("otto", "user").await;
    let id = server.execution_of(TELLS, "somebody").await;
    server.stage.until_ended(id).await;
    server.stage.pass(Duration::from_secs(1)).await;
    (server, otto)
}

#[tokio::test(start_paused = true)]
async fn deliveries_are_listed_filtered_and_shown_with_their_tries() {
    let (server, otto) = server().await;
    let list = server.get("/api/deliveries").by(&otto).send().await.ok(200);
    assert_eq!((&list["total"], &list["next_cursor"]), (&json!(2), &Json::Null));
    assert_eq!(list["counts"], json!({"delivered": 1, "undeliverable": 1}));
    let one = server.get("/api/deliveries?kind=webhook&state=undeliverable").by(&otto).send().await.ok(200);
    let [row] = one["deliveries"].as_array().unwrap().as_slice() else { panic!("{one}") };
    has_shape(row, DELIVERY);
    assert_eq!((&row["event"], &row["target"]), (&json!("process_completed"), &json!("https://example.org/********")));
    assert_eq!((&row["process_name"], &row["attempts"]), (&json!("report"), &json!(1)));
    let execution = row["execution_id"].as_str().unwrap();
    let of = server.get(format!("/api/deliveries?execution_id={execution}&process_name=report&limit=1"));
    let page = of.by(&otto).send().await.ok(200);
    assert_eq!((&page["total"], page["next_cursor"].is_string()), (&json!(2), true));
    let shown = server.get(format!("/api/deliveries/{}", row["id"].as_str().unwrap())).by(&otto).send().await.ok(200);
    assert_eq!((&shown["id"], &shown["history"][0]["attempt"]), (&row["id"], &json!(1)));
    assert_eq!(shown["history"][0]["error"], row["last_error"]);
    server.get("/api/deliveries?state=lost").by(&otto).send().await.problem(400, "bad_filter");
    server.get("/api/deliveries?kind=pigeon").by(&otto).send().await.problem(400, "bad_filter");
    server.get("/api/deliveries?limit=101").by(&otto).send().await.problem(422, "invalid_query");
    let none = server.get("/api/deliveries/0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33").by(&otto).send().await;
    assert_eq!(none.problem(404, "not_found"), "Delivery not found");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_sent_again_and_that_is_written_down() {
    let (server, otto) = server().await;
    let list = server.get("/api/deliveries?kind=webhook").by(&otto).send().await.ok(200);
    let id = list["deliveries"][0]["id"].as_str().unwrap();
    let again = server.post(format!("/api/deliveries/{id}/resend")).by(&otto).send().await.ok(202);
    assert_eq!((&again["id"], &again["state"]), (&json!(id), &json!("waiting")));
    server.stage.pass(Duration::from_secs(1)).await;
    let shown = server.get(format!("/api/deliveries/{id}")).by(&otto).send().await.ok(200);
    assert_eq!(shown["history"].as_array().unwrap().len(), 2);
    let root = server.user("root", "admin").await;
    let audit = server.get("/api/audit?action=delivery.resend").by(&root).send().await.ok(200);
    assert_eq!((&audit["entries"][0]["actor"], &audit["entries"][0]["resource"]["id"]), (&json!("otto"), &json!(id)));
    server.post("/api/deliveries/x/resend").by(&otto).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn an_agents_events_are_told_to_who_may_see_their_executions() {
    let (server, otto) = server().await;
    let told = server.get("/api/agents/writer/events").by(&otto).send().await.ok(200);
    let [event] = told["events"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&event["type"], &event["event_type"]), (&json!("informed_notification"), &json!("step_completed")));
    assert!(event["event_id"].is_u64());
    assert_eq!(told["next_after"], event["id"]);
    let next = server.get(format!("/api/agents/writer/events?after={}&limit=5", told["next_after"]));
    assert_eq!(next.by(&otto).send().await.ok(200), json!({"events": [], "next_after": told["next_after"]}));
    let vic = server.user("vic", "viewer").await;
    let nothing = server.get("/api/agents/writer/events").by(&vic).send().await.ok(200);
    assert_eq!(nothing, json!({"events": [], "next_after": 0}));
    server.user("writer", "viewer").await;
    let (key, _) =
        server.stage.access.create_key(&server.stage.system, "writer", "of the agent", Vec::new()).await.unwrap();
    let own = server.get("/api/agents/writer/events").by(&key).send().await.ok(200);
    assert_eq!(own["events"].as_array().unwrap().len(), 1);
}

/// A server that sends mails, and the link of the one that it has sent.
async fn asking() -> (Server, String) {
    let smtp = SmtpSettings {
        host: "mail.example.org".into(),
        port: None,
        security: SmtpSecurity::StartTls,
        username: None,
        password: None,
        from: "procession@example.org".into(),
    };
    let settings = ApplicationSettings {
        notifications: NotificationSettings { smtp: Some(smtp), ..NotificationSettings::default() },
        deliveries: DeliverySettings {
            public_url: Some("http://procession.test".into()),
            link_key: Some(LinkKey::of_secret("a secret")),
            ..DeliverySettings::default()
        },
        ..ApplicationSettings::default()
    };
    let server = Server::with_application(Vec::new(), Server::settings(), settings).await;
    let yaml = "{name: asks, steps: [{id: ok, type: human_approval, title: 'Pay <b>all</b>?', assignees: ['ada@example.org']}]}";
    let id = server.execution_of(yaml, "somebody").await;
    server.stage.open_approval(id, "ok").await;
    server.stage.pass(Duration::from_secs(1)).await;
    let mail = server.stage.messages.sent().remove(0);
    let link = mail.message.lines().find_map(|line| line.strip_prefix("http://procession.test")).unwrap().to_owned();
    (server, link)
}

#[tokio::test(start_paused = true)]
async fn looking_at_a_link_decides_nothing_and_its_form_decides_once() {
    let (server, link) = asking().await;
    let token = link.split_once("link=").unwrap().1.to_owned();
    for _ in 0..2 {
        let page = server.get(&link).send().await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(page.text.contains("Pay &lt;b&gt;all&lt;/b&gt;?") && page.text.contains("<form method=\"post\""));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    }
    let form = |decision: &str| format!("link={token}&decision={decision}&comment=");
    let bad = server.post("/decide").form(&form("perhaps")).send().await;
    assert_eq!(bad.status.as_u16(), 422);
    let lacking = server.post("/decide").form(&form("request_changes")).send().await;
    assert!(lacking.status.as_u16() == 422 && lacking.text.contains("say why"), "{}", lacking.text);
    let done = server.post("/decide").form(&form("approve")).send().await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, Some(link.as_str())));
    let after = server.get(&link).send().await;
    assert!(after.text.contains("has been counted") && !after.text.contains("<form"), "{}", after.text);
    let again = server.post("/decide").form(&form("reject")).send().await;
    assert_eq!(again.status.as_u16(), 409);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_none_leads_to_nothing() {
    let (server, link) = asking().await;
    for bad in ["/decide", "/decide?link=", "/decide?link=zz", &link[..link.len() - 2]] {
        let page = server.get(bad).send().await;
        assert!(page.status.as_u16() == 404 && page.text.contains("leads to nothing"), "{bad}");
    }
    let forged = server.post("/decide").form("link=00&decision=approve").send().await;
    assert_eq!(forged.status.as_u16(), 404);
    assert_eq!(server.post("/decide").body("application/json", "{}").send().await.status.as_u16(), 422);
}
