//! Outgoing webhooks.

use procession_application::{
    deliveries::{DeliverySettings, RetrySettings, ServerWebhook},
    notifications::SecretText,
    ports::DeliveryState,
};
use procession_domain::value::{Duration, ErrorCode, Json};
use procession_testing::Line;
use serde_json::json;

use crate::support::{House, settings};

const HOOK: &str = "https://example.org/hooks/t0ken";

fn process(webhooks: &str) -> String {
    format!(
        "{{name: report, labels: {{team: press}}, webhooks: [{webhooks}], \
         steps: [{{id: write, agent: writer, message: x}}], outputs: {{text: '{{{{steps.write.output.response}}}}'}}}}"
    )
}

fn body(post: &procession_application::ports::WebhookPost) -> Json {
    serde_json::from_slice(&post.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_completed_process_is_told_with_its_outputs_and_links() {
    let house = House::usual().await;
    let id = house.stage.publish(&process(&format!("{{url: '{HOOK}', secret: '${{ENV:HOOK_SECRET}}'}}"))).await;
    let execution = house.stage.start(id, json!({})).await;
    let [row] = house.settled().await.try_into().unwrap();
    let [post] = house.posts.tried().try_into().unwrap();
    assert_eq!((post.url.as_str(), post.secret.as_deref()), (HOOK, Some("whsec_c2VjcmV0")));
    assert_eq!(post.id, row.id.to_string());
    let told = body(&post);
    let event = house.stage.events(execution).await.pop().unwrap();
    assert_eq!((&told["event"], &told["event_id"]), (&json!("process_completed"), &json!(event.id)));
    assert_eq!(told["timestamp"], json!(event.at()));
    assert_eq!(told["outputs"], json!({"text": "All is well"}));
    assert_eq!(
        told["links"],
        json!({
            "execution": format!("https://procession.example/executions/{execution}"),
            "api": format!("https://procession.example/api/executions/{execution}"),
        })
    );
    let context = &told["execution"];
    assert_eq!((&context["id"], &context["process_name"]), (&json!(execution), &json!("report")));
    assert_eq!((&context["status"], &context["process_version"]), (&json!("completed"), &json!("1")));
    assert_eq!((&context["labels"], &context["error"]), (&json!({"team": "press"}), &Json::Null));
    assert_eq!((row.state, row.attempts, row.last_status), (DeliveryState::Delivered, 1, Some(200)));
    assert_eq!((row.event_id, row.target.as_str()), (Some(event.id), "https://example.org/********"));
}

#[tokio::test(start_paused = true)]
async fn large_outputs_are_left_out_and_said_to_be() {
    let long = "x".repeat(70_000);
    let house = House::with(&[("writer", vec![Line::reply(&long)])], settings()).await;
    let id = house.stage.publish(&process(&format!("{{url: '{HOOK}'}}"))).await;
    house.stage.start(id, json!({})).await;
    house.settled().await;
    let told = body(&house.posts.tried()[0]);
    assert_eq!((told.get("outputs"), &told["outputs_truncated"]), (None, &json!(true)));
}

#[tokio::test(start_paused = true)]
async fn events_are_told_that_were_asked_for_in_their_order() {
    let house = House::usual().await;
    let events = "[step_started, StepCompleted, process_completed, execution_created]";
    let id = house.stage.publish(&process(&format!("{{url: '{HOOK}', events: {events}}}"))).await;
    house.stage.start(id, json!({})).await;
    house.settled().await;
    let told: Vec<Json> = house.posts.tried().iter().map(|post| body(post)["event"].clone()).collect();
    assert_eq!(told, ["execution_created", "step_started", "step_completed", "process_completed"]);
    let step = &body(&house.posts.tried()[2])["step"];
    assert_eq!((&step["id"], &step["type"]), (&json!("write"), &json!("agent_task")));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_fails_twice_gets_it_the_third_time_under_one_id() {
    let house = House::usual().await;
    house.posts.fail(HOOK, 2);
    let id = house.stage.publish(&process(&format!("{{url: '{HOOK}'}}"))).await;
    house.stage.start(id, json!({})).await;
    let [row] = house.settled().await.try_into().unwrap();
    assert_eq!((row.state, row.attempts), (DeliveryState::Delivered, 3));
    let posts = house.posts.tried();
    assert!(posts.iter().all(|post| *post == posts[0]), "the same at each try");
    let (_, tries) = house.stage.deliveries.get(&house.stage.system, &row.id.to_string()).await.unwrap();
    let pauses: Vec<u64> = tries.windows(2).map(|two| two[1].at.since(two[0].at).as_secs()).collect();
    assert!((5..=6).contains(&pauses[0]) && (30..=36).contains(&pauses[1]), "{pauses:?}");
    assert_eq!((tries[0].status, tries[0].error.as_deref()), (Some(503), Some("it answered 503")));
}

#[tokio::test(start_paused = true)]
async fn what_never_works_is_dead_until_it_is_sent_again() {
    let house = House::usual().await;
    house.posts.fail(HOOK, 3);
    let id = house.stage.publish(&process(&format!("{{url: '{HOOK}'}}"))).await;
    house.stage.start(id, json!({})).await;
    let [row] = house.settled().await.try_into().unwrap();
    assert_eq!((row.state, row.attempts, row.next_attempt_at), (DeliveryState::Dead, 3, None));
    assert_eq!((row.last_status, row.last_error.as_deref()), (Some(503), Some("it answered 503")));
    let counts = house.stage.deliveries.counts(&house.stage.system).await.unwrap();
    assert_eq!(counts, [(DeliveryState::Dead, 1)]);
    let again = house.stage.deliveries.resend(&house.stage.system, &row.id.to_string()).await.unwrap();
    assert_eq!(again.state, DeliveryState::Waiting);
    let [row] = house.settled().await.try_into().unwrap();
    assert_eq!((row.state, row.attempts), (DeliveryState::Delivered, 4));
    assert!(house.posts.tried().iter().all(|post| post.id == row.id.to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_holds_up_nobody_else() {
    const SILENT: &str = "https://silent.example/hook";
    let house = House::usual().await;
    house.posts.be_silent(SILENT);
    let id = house.stage.publish(&process(&format!("{{url: '{SILENT}'}}, {{url: '{HOOK}'}}"))).await;
    let began = house.stage.ports.clock.now();
    let mut last = began;
    for _ in 0..40 {
        let execution = house.stage.start(id, json!({})).await;
        last = house.stage.until_ended(execution).await.state().completed_at.unwrap();
    }
    house.stage.pass(Duration::from_secs(1)).await;
    assert_eq!(house.posts.to(HOOK).len(), 40, "within a second");
    assert!(last.since(began) < Duration::from_secs(10));
    let rows = house.settled().await;
    let dead = rows.iter().filter(|row| row.state == DeliveryState::Dead).count();
    assert_eq!((rows.len(), dead), (80, 40));
}

#[tokio::test(start_paused = true)]
async fn a_healthy_receiver_gets_a_processs_events_in_order() {
    let house = House::usual().await;
    let id =
        house.stage.publish(&process(&format!("{{url: '{HOOK}', events: [step_started, process_completed]}}"))).await;
    for _ in 0..30 {
        house.stage.start(id, json!({})).await;
    }
    let rows = house.settled().await;
    assert_eq!(rows.len(), 60);
    let numbers: Vec<u64> = house.posts.tried().iter().map(|post| body(post)["event_id"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[tokio::test(start_paused = true)]
async fn webhooks_of_the_server_hear_of_all_processes() {
    let hook = |events: &[&str]| ServerWebhook {
        url: SecretText::new(HOOK),
        events: events.iter().map(|&event| event.to_owned()).collect(),
        secret: Some(SecretText::new("s3cret")),
    };
    let deliveries = DeliverySettings { webhooks: vec![hook(&["process_failed"])], ..settings() };
    let house = House::with(&[("writer", vec![Line::fail(ErrorCode::AccessDenied)])], deliveries).await;
    let id = house.stage.publish(&process("")).await;
    house.stage.start(id, json!({})).await;
    house.settled().await;
    let [post] = house.posts.tried().try_into().unwrap();
    assert_eq!(post.secret.as_deref(), Some("s3cret"));
    let told = body(&post);
    assert_eq!(told["event"], "process_failed");
    assert_eq!(told["execution"]["error"]["code"], "ACCESS_DENIED");
    assert_eq!(told["execution"]["error"]["step_id"], "write");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_not_there_makes_a_delivery_undeliverable_and_shows_nothing() {
    let house = House::usual().await;
    let id = house.stage.publish(&process(&format!("{{url: '{HOOK}', secret: '${{ENV:MISSING}}'}}"))).await;
    house.stage.start(id, json!({})).await;
    let [row] = house.settled().await.try_into().unwrap();
    assert_eq!(row.state, DeliveryState::Undeliverable);
    assert!(row.last_error.unwrap().contains("the variable MISSING"));
    assert!(house.posts.tried().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_decision_is_told() {
    let house = House::usual().await;
    let yaml = format!(
        "{{name: asks, webhooks: [{{url: '{HOOK}'}}], steps: [{{id: ok, type: human_approval, title: Well?, assignees: [ada]}}]}}"
    );
    let id = house.stage.publish(&yaml).await;
    let execution = house.stage.start(id, json!({})).await;
    let approval = house.stage.open_approval(execution, "ok").await;
    house.settled().await;
    let told = body(&house.posts.tried()[0]);
    assert_eq!((&told["event"], &told["step"]["id"]), (&json!("approval_requested"), &json!("ok")));
    assert_eq!((&told["approval"]["id"], &told["approval"]["title"]), (&json!(approval.id()), &json!("Well?")));
    assert_eq!(told["approval"]["assignees"], json!(["ada"]));
}

#[tokio::test(start_paused = true)]
async fn no_row_holds_a_secret() {
    let house = House::usual().await;
    house.posts.fail(HOOK, 9);
    let id = house.stage.publish(&process(&format!("{{url: '{HOOK}', secret: l1teral}}"))).await;
    let execution = house.stage.start(id, json!({})).await;
    let rows = house.settled().await;
    assert_eq!(house.posts.tried()[0].secret.as_deref(), Some("l1teral"));
    let shown = format!("{rows:?} {:?}", house.stage.events(execution).await);
    assert!(!shown.contains("l1teral") && !shown.contains("t0ken"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn operators_decide_how_often_it_is_tried() {
    let retry = RetrySettings { attempts: 5, delays: vec![Duration::from_secs(1)] };
    let house = House::with(&[("writer", vec![Line::reply("x")])], DeliverySettings { retry, ..settings() }).await;
    house.posts.fail(HOOK, 9);
    let id = house.stage.publish(&process(&format!("{{url: '{HOOK}'}}"))).await;
    house.stage.start(id, json!({})).await;
    let [row] = house.settled().await.try_into().unwrap();
    assert_eq!((row.state, row.attempts), (DeliveryState::Dead, 5));
}
