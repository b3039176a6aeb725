//! The documentation that the existing frontend shows.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::Server;

#[tokio::test(start_paused = true)]
async fn every_page_of_the_contents_can_be_read_without_a_session() {
    let server = Server::start().await;
    let index = server.get("/api/docs/index").send().await.ok(200);
    let mut slugs = BTreeSet::new();
    let sections = index["sections"].as_array().unwrap();
    let ids: Vec<&str> = sections.iter().map(|section| section["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["getting-started", "tutorials", "reference", "patterns", "troubleshooting"]);
    for section in sections {
        assert!(section["title"].is_string());
        for doc in section["docs"].as_array().unwrap() {
            let (slug, title) = (doc["slug"].as_str().unwrap(), doc["title"].as_str().unwrap());
            assert!(slug.starts_with(section["id"].as_str().unwrap()), "{slug}");
            let page = server.get(format!("/api/docs/content/{slug}")).send().await.ok(200);
            assert_eq!(page["slug"], slug);
            assert!(page["content"].as_str().unwrap().starts_with(&format!("# {title}")), "{slug}");
            slugs.insert(slug.to_owned());
        }
    }
    assert!(slugs.contains("getting-started/what-are-processes"));
    let list = server.get("/api/docs/list").send().await.ok(200);
    let listed: BTreeSet<String> = list["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| {
            assert!(document["title"].is_string());
            assert_eq!(document["path"], format!("{}.md", document["slug"].as_str().unwrap()));
            document["slug"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(listed, slugs);
}

#[tokio::test(start_paused = true)]
async fn pages_are_found_however_their_name_is_written_and_lead_nowhere_else() {
    let server = Server::start().await;
    let get = async |slug: &str| server.get(format!("/api/docs/content/{slug}")).send().await;
    let page = get("reference/variables").await.ok(200);
    let encoded = get("reference%2Fvariables").await.ok(200);
    assert_eq!((&encoded["content"], &encoded["slug"]), (&page["content"], &json!("reference/variables")));
    assert_eq!(get("reference/variables.md").await.ok(200)["content"], page["content"]);
    // Names that the frontend is told by other servers.
    for other in ["reference/triggers", "patterns/parallel", "patterns/approvals"] {
        assert!(get(other).await.ok(200)["content"].is_string(), "{other}");
    }
    for unknown in ["nothing", "reference/nothing", "nothing/variables", "index.json"] {
        assert_eq!(get(unknown).await.problem(404, "not_found"), "Document not found", "{unknown}");
    }
    for out in ["..%2F..%2Fetc%2Fpasswd", "reference/..%2F..%2Fsecrets", "%2Fetc%2Fpasswd"] {
        assert_eq!(get(out).await.problem(400, "bad_request"), "Invalid document path", "{out}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_editor_is_helped_with_every_key() {
    let server = Server::start().await;
    let help = server.get("/api/docs/content/editor-help.json").send().await.ok(200);
    assert_eq!(server.get("/api/docs/content/editor-help").send().await.ok(200), help);
    for (path, entry) in help.as_object().unwrap() {
        assert!(entry["title"].is_string() && entry["description"].is_string(), "{path}");
        assert!(entry.get("options").is_none_or(serde_json::Value::is_array), "{path}");
        assert!(entry.get("required").is_none_or(serde_json::Value::is_boolean), "{path}");
    }
    assert_eq!(help["steps.id.agent"], help["steps.agent"]);
}

#[tokio::test(start_paused = true)]
async fn the_processes_on_the_first_pages_are_valid() {
    let server = Server::with(vec![("writer", vec![]), ("echo-bot", vec![])], Server::settings()).await;
    let ann = server.user("ann", "viewer").await;
    for file in ["what-are-processes", "first-process"] {
        let path = format!("{}/../../docs/guide/{file}.md", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let mut blocks = text.split("```yaml\n").skip(1).peekable();
        assert!(blocks.peek().is_some(), "{file} shows a process");
        for block in blocks {
            let yaml = block.split("```").next().unwrap();
            let check = server.post("/api/processes/validate").json(&json!({"yaml_content": yaml}));
            let checked = check.by(&ann).send().await.ok(200);
            assert_eq!((&checked["is_valid"], &checked["warnings"]), (&json!(true), &json!([])), "{file}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn words_are_found_where_they_stand() {
    let server = Server::start().await;
    let find = async |query: &str| server.get(format!("/api/docs/search?q={query}")).send().await.ok(200);
    let found = find("max_attempts%20Retry").await;
    assert!(found["total"].as_u64().unwrap() > 0, "{found}");
    for place in found["results"].as_array().unwrap() {
        let page = server.get(format!("/api/docs/content/{}", place["slug"].as_str().unwrap())).send().await.ok(200);
        let content = page["content"].as_str().unwrap();
        assert!(content.contains("max_attempts") && content.contains(place["heading"].as_str().unwrap()), "{place}");
    }
    assert!(find("e").await["results"].as_array().unwrap().len() <= 20);
    assert_eq!(find("").await, json!({"results": [], "total": 0}));
    assert_eq!(server.get("/api/docs/search").send().await.ok(200)["total"], 0);
}
