//! Calls of webhooks: let in, started once, remembered.

use std::collections::BTreeMap;

use procession_application::{
    ApplicationSettings,
    definitions::DefinitionSettings,
    ports::{CallOutcome, Origin, WebhookAddress},
    triggers::{CallFailure, IncomingCall, Received},
    variables::Variables,
};
use procession_domain::value::Duration;
use procession_testing::{Line, ScriptedAgents, Stage};
use serde_json::json;

async fn stage() -> Stage {
    let scripts = BTreeMap::from([("bot".to_owned(), vec![Line::reply("done")])]);
    let variables = Variables::new(|name| (name == "HOOK_SECRET").then(|| "correct horse".to_owned()));
    let environment = ["HOOK_SECRET", "NOWHERE"].map(str::to_owned).into();
    let definitions = DefinitionSettings { environment, ..DefinitionSettings::default() };
    let settings = ApplicationSettings { variables, definitions, ..ApplicationSettings::default() };
    Stage::in_memory_with(|clock| ScriptedAgents::new(clock, scripts), settings).await
}

fn process(name: &str, webhook: &str) -> String {
    format!(
        "name: {name}\ntriggers:\n  - {{id: hook, type: webhook{webhook}}}\n\
         steps:\n  - {{id: work, agent: bot, message: \"{{{{ trigger.payload }}}} {{{{ input }}}}\"}}\n"
    )
}

async fn call(stage: &Stage, address: &str, headers: &[(&str, &str)], body: &str) -> Result<Received, CallFailure> {
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let address = WebhookAddress::parse(address);
    stage
        .triggers
        .receive(IncomingCall { address, header: &header, body: body.as_bytes(), origin: Origin::default() })
        .await
}

async fn outcomes(stage: &Stage, address: &str) -> Vec<(CallOutcome, u16)> {
    let answer = stage.triggers.calls(&stage.system, &WebhookAddress::parse(address), 100).await.unwrap();
    answer.calls.iter().map(|call| (call.outcome, call.status)).collect()
}

#[tokio::test(start_paused = true)]
async fn any_json_value_is_the_payload_and_an_objects_fields_are_the_input() {
    let stage = stage().await;
    stage.publish(&process("open", "")).await;
    for (body, message) in [
        (r#"{"a": 1, "trigger": 2}"#, r#"{"a": 1, "trigger": 2} {"a": 1, "trigger": 2}"#),
        ("[1, 2]", "[1, 2] {}"),
        ("", "null {}"),
    ] {
        let received = call(&stage, "hook", &[], body).await.unwrap();
        stage.until_ended(received.execution.id()).await;
        let sent = stage.agents.calls().pop().unwrap().task.message;
        let parts: Vec<serde_json::Value> =
            serde_json::Deserializer::from_str(&sent).into_iter().map(Result::unwrap).collect();
        let expected: Vec<serde_json::Value> =
            serde_json::Deserializer::from_str(message).into_iter().map(Result::unwrap).collect();
        assert_eq!(parts, expected, "{body}");
        assert_eq!(received.execution.creation().user, None);
    }
    let refused = call(&stage, "hook", &[], "{not json").await.unwrap_err();
    assert_eq!(refused.status(), 400);
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_the_environment_lets_in_and_a_missing_one_lets_nobody_in() {
    let stage = stage().await;
    stage.publish(&process("guarded", ", secret: '${ENV:HOOK_SECRET}'")).await;
    stage.publish(&process("forgotten", ", secret: '${ENV:NOWHERE}'")).await;
    assert!(call(&stage, "guarded/hook", &[("x-webhook-secret", "correct horse")], "{}").await.is_ok());
    for headers in [&[][..], &[("x-webhook-secret", "wrong")], &[("x-webhook-secret", "${ENV:HOOK_SECRET}")]] {
        let refused = call(&stage, "guarded/hook", headers, "{}").await.unwrap_err();
        assert_eq!(refused.status(), 403, "{headers:?}");
    }
    let failed = call(&stage, "forgotten/hook", &[("x-webhook-secret", "x")], "{}").await.unwrap_err();
    assert!(!failed.to_string().contains("NOWHERE"), "a stranger learns no names: {failed}");
    assert_eq!(failed.status(), 503);
    let expected = [CallOutcome::Refused, CallOutcome::Refused, CallOutcome::Refused, CallOutcome::Started];
    let told: Vec<CallOutcome> =
        outcomes(&stage, "guarded/hook").await.into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn what_strangers_call_is_remembered_within_bounds() {
    let stage = stage().await;
    stage.publish(&process("guarded", ", secret: correct horse battery")).await;
    for _ in 0..50 {
        call(&stage, "hook", &[], "a long body that nobody keeps").await.unwrap_err();
    }
    let answer = stage.triggers.calls(&stage.system, &WebhookAddress::parse("hook"), 200).await.unwrap();
    assert_eq!(answer.calls.len(), 20);
    assert!(answer.calls.iter().all(|call| call.body.is_none() && call.outcome == CallOutcome::Refused));
    // Whoever is let in is remembered all the same, and a minute later strangers are too.
    call(&stage, "hook", &[("x-webhook-secret", "correct horse battery")], "{}").await.unwrap();
    stage.pass(Duration::from_secs(61)).await;
    call(&stage, "hook", &[], "").await.unwrap_err();
    assert_eq!(outcomes(&stage, "hook").await.len(), 22);
}

#[tokio::test(start_paused = true)]
async fn a_header_makes_repeated_calls_one() {
    let stage = stage().await;
    stage.publish(&process("deduping", ", dedupe_header: X-Event-Id")).await;
    stage.publish(&process("other", ", dedupe_header: X-Event-Id")).await;
    let id = &[("x-event-id", "7")];
    let first = call(&stage, "deduping/hook", id, "{\"a\": 1}").await.unwrap();
    let again = call(&stage, "deduping/hook", id, "{\"a\": 1}").await.unwrap();
    assert_eq!((again.execution.id(), again.is_repeated), (first.execution.id(), true));
    assert_eq!(call(&stage, "deduping/hook", id, "{\"a\": 2}").await.unwrap_err().status(), 409);
    let other = call(&stage, "other/hook", id, "{\"a\": 1}").await.unwrap();
    assert!(!other.is_repeated, "each process has its own");
    assert!(!call(&stage, "deduping/hook", &[], "{\"a\": 1}").await.unwrap().is_repeated);
    // A new version of the process knows what the one before has started.
    let second = process("deduping", ", dedupe_header: X-Event-Id").replace("\ntriggers", "\nversion: 2\ntriggers");
    stage.publish(&second).await;
    let after = call(&stage, "deduping/hook", id, "{\"a\": 1}").await.unwrap();
    assert_eq!(after.execution.id(), first.execution.id());
}

#[tokio::test(start_paused = true)]
async fn a_webhook_is_switched_off_and_on_at_run_time_and_a_call_repeated_by_hand() {
    let stage = stage().await;
    stage.publish(&process("open", "")).await;
    let address = WebhookAddress::parse("open/hook");
    let first = call(&stage, "hook", &[], "{\"a\": 1}").await.unwrap();
    let shown = stage.triggers.switch(&stage.system, &address, false).await.unwrap();
    assert!(!shown.webhook.is_enabled());
    assert_eq!(call(&stage, "hook", &[], "{}").await.unwrap_err().status(), 403);
    let history = stage.triggers.calls(&stage.system, &address, 10).await.unwrap().calls;
    let disabled = stage.triggers.replay(&stage.system, &address, history[0].id).await.unwrap_err();
    assert!(disabled.to_string().contains("not kept"), "{disabled}");
    stage.triggers.switch(&stage.system, &address, true).await.unwrap();
    let dora = stage.person("dora", "designer").await;
    let again = stage.triggers.replay(&dora, &address, history[1].id).await.unwrap();
    assert_ne!(again.execution.id(), first.execution.id());
    let creation = again.execution.creation();
    assert_eq!((creation.triggered_by.as_str(), creation.user.as_deref()), ("webhook", Some("dora")));
    let payload = creation.trigger.payload.unwrap();
    assert_eq!(*stage.value(again.execution.id(), &payload).await.unwrap().unwrap(), json!({"a": 1}));
}
