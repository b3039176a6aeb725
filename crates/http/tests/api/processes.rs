//! Definitions: written, checked, published, taken out of use.

use axum::http::header;
use insta::assert_json_snapshot;
use serde_json::{Value as Json, json};

use crate::support::{Server, lasting};

const LIST: &str = "/api/processes";

/// A text with everything that a parser could lose: a comment, an odd order, spaces at the end.
const HELLO: &str = "# says hello\nsteps:\n  - {message: \"Hello {{input.name}}\", id: greet, agent: writer}   \n\
    name: hello\noutputs:\n  - {name: greeting, source: \"{{steps.greet.output}}\"}\n\n";

fn text(yaml: &str) -> Json {
    json!({"yaml_content": yaml})
}

/// Creates a draft; its path.
async fn create(server: &Server, token: &str, yaml: &str) -> String {
    let reply = server.post(LIST).json(&text(yaml)).by(token).send().await;
    let id = reply.ok(201)["id"].as_str().unwrap().to_owned();
    let path = format!("{LIST}/{id}");
    assert_eq!(reply.header("location"), Some(path.as_str()));
    path
}

#[tokio::test(start_paused = true)]
async fn a_draft_is_written_published_and_archived() {
    let server = Server::start().await;
    let ann = server.user("ann", "designer").await;
    let path = create(&server, &ann, HELLO).await;

    let shown = server.get(&path).by(&ann).send().await;
    assert_eq!(shown.header("etag"), Some("\"1\""));
    assert_eq!(shown.ok(200)["yaml_content"], HELLO);
    assert_json_snapshot!("process", lasting(&shown.ok(200)));

    let changed = HELLO.replace("Hello", "Good morning");
    let written = server.put(&path).json(&text(&changed)).header(header::IF_MATCH, "\"1\"").by(&ann).send().await;
    assert_eq!(written.header("etag"), Some("\"2\""));
    assert_eq!((&written.ok(200)["yaml_content"], &written.ok(200)["revision"]), (&json!(changed), &json!(2)));

    let published = server.post(format!("{path}/publish")).by(&ann).send().await.ok(200);
    assert_eq!((&published["status"], &published["yaml_content"]), (&json!("published"), &json!(changed)));
    assert!(published["published_at"].is_string());
    let late = server.put(&path).json(&text(HELLO)).by(&ann).send().await;
    assert!(late.problem(409, "conflict").contains("published"), "{}", late.text);
    server.delete(&path).by(&ann).send().await.problem(409, "conflict");
    server.post(format!("{path}/publish")).json(&json!({})).by(&ann).send().await.problem(409, "conflict");

    let archived = server.post(format!("{path}/archive")).json(&json!({})).by(&ann).send().await.ok(200);
    assert_eq!(archived["status"], "archived");
    server.post(format!("{path}/archive")).by(&ann).send().await.problem(409, "conflict");
    server.delete(&path).by(&ann).send().await.ok(204);
    assert_eq!(server.get(&path).by(&ann).send().await.problem(404, "not_found"), "Process not found");
}

#[tokio::test(start_paused = true)]
async fn a_stale_edit_writes_nothing() {
    let server = Server::start().await;
    let ann = server.user("ann", "designer").await;
    let path = create(&server, &ann, HELLO).await;
    let second = HELLO.replace("Hello", "Second");
    server.put(&path).json(&text(&second)).by(&ann).send().await.ok(200);

    let stale = HELLO.replace("Hello", "Stale");
    let by_tag = server.put(&path).json(&text(&stale)).header(header::IF_MATCH, "W/\"1\"").by(&ann).send().await;
    assert!(by_tag.problem(409, "stale").ends_with("repeat the change"), "{}", by_tag.text);
    let by_number = json!({"yaml_content": stale, "revision": 1});
    server.put(&path).json(&by_number).by(&ann).send().await.problem(409, "stale");
    let mixed = server.put(&path).json(&by_number).header(header::IF_MATCH, "\"2\"").by(&ann).send().await;
    mixed.problem(409, "stale");
    let foreign = server.put(&path).json(&text(&stale)).header(header::IF_MATCH, "\"abc\"").by(&ann).send().await;
    foreign.problem(409, "stale");
    assert_eq!(server.get(&path).by(&ann).send().await.ok(200)["yaml_content"], second);

    let any = server.put(&path).json(&text(&stale)).header(header::IF_MATCH, "*").by(&ann).send().await;
    assert_eq!(any.ok(200)["revision"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_name_and_version_are_used_once() {
    let server = Server::start().await;
    let ann = server.user("ann", "designer").await;
    create(&server, &ann, HELLO).await;
    let again = server.post(LIST).json(&text(&HELLO.replace("Hello", "Other"))).by(&ann).send().await;
    assert!(again.problem(409, "name_taken").contains("'hello' version 1 already exists"), "{}", again.text);
    let listed = server.get(LIST).by(&ann).send().await.ok(200);
    assert_eq!(listed["total"], 1);
}

#[tokio::test(start_paused = true)]
async fn every_new_version_gets_its_own_number() {
    let server = Server::start().await;
    let ann = server.user("ann", "designer").await;
    let path = create(&server, &ann, HELLO).await;
    server.post(format!("{path}/publish")).by(&ann).send().await.ok(200);
    let mut versions = Vec::new();
    for _ in 0..2 {
        let made = server.post(format!("{path}/new-version")).by(&ann).send().await;
        let body = made.ok(201);
        assert_eq!(made.header("location").unwrap(), format!("{LIST}/{}", body["id"].as_str().unwrap()));
        assert_eq!(body["status"], "draft");
        versions.push(body["version"].as_str().unwrap().to_owned());
    }
    assert_eq!(versions, ["2", "3"]);
    assert_eq!(server.get(LIST).by(&ann).send().await.ok(200)["total"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_check_says_everything_at_once_with_places() {
    let server = Server::start().await;
    let ann = server.user("ann", "viewer").await;
    let broken =
        "name: hello\nsteps:\n  - {id: greet, agent: writer, message: Hi, depends_on: [gret]}\n  - {id: greet}\n";
    let checked = server.post("/api/processes/validate").json(&text(broken)).by(&ann).send().await.ok(200);
    assert_json_snapshot!("checked", checked);
    let fine = server.post("/api/processes/validate").json(&text(HELLO)).by(&ann).send().await.ok(200);
    assert_eq!((&fine["is_valid"], &fine["errors"]), (&json!(true), &json!([])));

    let bea = server.user("bea", "designer").await;
    let path = create(&server, &bea, HELLO).await;
    let stored = server.post(format!("{path}/validate")).by(&ann).send().await.ok(200);
    assert_eq!(stored, fine);
}

#[tokio::test(start_paused = true)]
async fn a_text_with_errors_is_refused_with_all_of_them() {
    let server = Server::start().await;
    let ann = server.user("ann", "designer").await;
    let broken =
        "name: hello\nsteps:\n  - {id: a, agent: writer, message: Hi, depends_on: [b]}\n  - {id: A!, agent: writer}\n";
    let refused = server.post(LIST).json(&text(broken)).by(&ann).send().await;
    let detail = refused.problem(422, "invalid_definition");
    assert!(detail.starts_with("Validation failed: "), "{detail}");
    let body = refused.ok(422);
    let errors = body["errors"].as_array().unwrap();
    assert!(
        errors.len() > 1 && errors.iter().all(|error| error["level"] == "error" && error["line"].is_u64()),
        "{body}"
    );
    assert_eq!(server.get(LIST).by(&ann).send().await.ok(200)["total"], 0);
}

#[tokio::test(start_paused = true)]
async fn definitions_are_listed_filtered_and_paged() {
    let server = Server::start().await;
    let ann = server.user("ann", "designer").await;
    for number in 1..=5 {
        let yaml = HELLO.replace("name: hello", &format!("name: hello-{number}\ndescription: Number {number}"));
        let path = create(&server, &ann, &yaml).await;
        if number > 3 {
            server.post(format!("{path}/publish")).by(&ann).send().await.ok(200);
        }
    }
    let listed = async |query: &str| server.get(format!("{LIST}?{query}")).by(&ann).send().await.ok(200);
    let names = |page: &Json| -> Vec<String> {
        let rows = page["processes"].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().trim_start_matches("hello-").to_owned()).collect()
    };
    let one = listed("status=published&limit=1").await;
    assert_eq!((&one["total"], &one["limit"], names(&one).len()), (&json!(2), &json!(1), 1));
    assert_json_snapshot!("listed", lasting(&listed("q=number%203").await));
    assert_eq!(names(&listed("name=hello-2&status=").await), ["2"]);

    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = listed(&query).await;
        assert_eq!(page["total"], 5);
        seen.extend(names(&page));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("limit=2&cursor={cursor}");
    }
    seen.sort();
    assert_eq!(seen, ["1", "2", "3", "4", "5"]);
    assert_eq!(names(&listed("offset=3").await).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn paths_without_a_meaning_say_so() {
    let server = Server::start().await;
    let ann = server.user("ann", "designer").await;
    let slash = server.get("/api/processes/?limit=1").by(&ann).send().await;
    assert_eq!((slash.status.as_u16(), slash.header("location")), (307, Some("/api/processes?limit=1")));
    assert_eq!(server.get("//evil.example/").send().await.problem(404, "not_found"), "Not Found");
    assert_eq!(server.get("/api/nothing").send().await.problem(404, "not_found"), "Not Found");
    let wrong = server.delete(LIST).by(&ann).send().await;
    assert_eq!(wrong.problem(405, "method_not_allowed"), "Method Not Allowed");
    assert!(wrong.header("allow").unwrap().contains("POST"));
    let head = server.call(axum::http::Method::HEAD, LIST).by(&ann).send().await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
}
