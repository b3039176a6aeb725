//! Secrets, keys and names.

use procession_tests::{
    client::{Client, http},
    server::ServerOptions,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{answer, person};

const SECRET: &str = "correct-horse-battery";

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_no_secrets_of_definitions_and_a_narrow_key_no_executions() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    let vic = person(&admin, "vic", "viewer").await;
    let yaml = format!(
        "name: told\nwebhooks: [{{url: https://example.org/hook, events: [process_completed], secret: {SECRET}}}]\n\
         triggers: [{{id: in, type: webhook, secret: {SECRET}}}]\nsteps: [{{id: a, type: timer, duration: 1h}}]\n"
    );
    let process = admin.publish(&yaml).await.unwrap();
    let path = format!("/api/processes/{process}");
    assert_eq!(admin.get(&path).await.unwrap()["yaml_content"], yaml);
    let seen = vic.get(&path).await.unwrap();
    assert!(!seen.to_string().contains(SECRET), "{seen}");
    assert_eq!(seen["yaml_content"], yaml.replace(SECRET, "********"));

    let execution = admin.execute(&process, &json!({})).await.unwrap();
    let made = admin.post("/api/keys", &json!({"name": "narrow", "scopes": ["process:read"]})).await.unwrap();
    let key = made["key"].as_str().unwrap_or_else(|| panic!("no key: {made}"));
    let by_key = |path: String| http().unwrap().get(format!("{}{path}", server.url())).bearer_auth(key).send();
    assert_eq!(by_key(path.clone()).await.unwrap().status().as_u16(), 200);
    for path in [format!("/api/executions/{execution}"), "/api/executions".to_owned()] {
        assert_eq!(by_key(path.clone()).await.unwrap().status().as_u16(), 403, "{path}");
    }
    assert!(!by_key(path.clone()).await.unwrap().text().await.unwrap().contains(SECRET), "the key may not update");

    let made = admin.post("/api/keys", &json!({"name": "publisher", "scopes": ["process:publish"]})).await.unwrap();
    let key = made["key"].as_str().unwrap();
    for change in ["activate", "archive"] {
        let url = format!("{}{path}/{change}", server.url());
        let reply = http().unwrap().post(url).bearer_auth(key).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), 200, "{change}");
        assert!(!reply.text().await.unwrap().contains(SECRET), "{change}: the key may not update");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_secrets_are_sealed_on_the_disk_and_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = ServerOptions::on(folder.path());
    let server = options.start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    let settings = json!({"webhook_url": "https://example.org/a-secret-path", "webhook_secret": SECRET});
    let (status, shown) = answer(&admin, Method::PUT, "/api/settings/notifications", settings).await;
    assert_eq!(status, 200, "{shown}");
    assert!(!shown.to_string().contains(SECRET));
    server.stop().unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!content.contains(SECRET) && !content.contains("a-secret-path"), "{}", path.display());
        }
    }
    let server = options.start().unwrap();
    let again = admin.at(server.url()).get("/api/settings/notifications").await.unwrap();
    assert_eq!(again["webhook_secret"], shown["webhook_secret"]);
    assert!(again["webhook_url"].as_str().is_some_and(|url| url.starts_with("https://example.org/")), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_mean_others_and_passwords_that_come_first_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let admin = Client::log_in(server.url()).await.unwrap();
    person(&admin, "alice", "viewer").await;
    // The third is written with a Cyrillic letter, the fourth with an invisible one.
    for name in ["viewer", "SYSTEM", "\u{430}lice", "ali\u{200b}ce", "aIice", "role:approver", "al ice"] {
        let (status, answer) =
            answer(&admin, Method::POST, "/api/users", json!({"username": name, "role": "viewer"})).await;
        assert!([409, 422].contains(&status), "{name}: {status} {answer}");
    }
    for password in ["password", "        ", "procession1", "bob.miller"] {
        let body = json!({"username": "bob.miller", "role": "viewer", "password": password});
        let (status, answer) = answer(&admin, Method::POST, "/api/users", body).await;
        assert_eq!(status, 422, "{password}: {answer}");
    }
    let users = admin.get("/api/users").await.unwrap();
    assert_eq!(users["total"], 2, "{users}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_no_other_origin_is_let_in_and_no_short_key_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let refused = ServerOptions::on(folder.path()).with_environment("SECRET_KEY", "a").start().unwrap_err();
    assert!(refused.to_string().contains("auth.secret_key is too short"), "{refused}");
    let server = ServerOptions::on(folder.path()).start().unwrap();
    for origin in ["http://localhost:3000", "http://localhost:8080", "null"] {
        let asked = http().unwrap().get(format!("{}/api/auth/mode", server.url())).header("origin", origin);
        let answer = asked.send().await.unwrap();
        assert!(!answer.headers().contains_key("access-control-allow-origin"), "{origin}");
    }
    let value = answer(&Client::log_in(server.url()).await.unwrap(), Method::GET, "/api/users/me", Value::Null).await;
    assert_eq!(value.0, 200);
}
