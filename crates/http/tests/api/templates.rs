//! Templates: listed, previewed, used, saved, changed and removed (spec 4b 7, 4c).

use serde_json::{Value as Json, json};

use crate::{shapes::has_shape, support::Server};

const LIST: &str = "/api/process-templates";

const INFO: &str = "id: text, name: text, display_name: text, description: text, category: text, complexity: text,
    version: text, author: text, tags: list, step_types_used: list, source: text, visibility: text";

const DETAIL: &str = "id: text, name: text, display_name: text, description: text, category: text, complexity: text,
    version: text, author: text, tags: list, step_types_used: list, source: text, visibility: text,
    definition_yaml: text, use_cases: list, parameters: list, created_at: time|null, created_by: text|null,
    updated_at: time|null";

/// A template with a parameter of each type.
fn letter() -> Json {
    json!({
        "name": "letter", "display_name": "A letter", "description": "Writes a letter", "tags": ["mail"],
        "definition_yaml": "# mine\nname: {{name}}\nsteps:\n  - id: write\n    agent: \"{{param.agent}}\"\n    \
            message: |\n      Write {{param.count}} lines to {{param.to}}: {{input.what}}\n    \
            retry: {max_attempts: \"{{param.tries}}\"}\n",
        "parameters": [
            {"name": "agent", "type": "string", "default": "writer"},
            {"name": "to", "type": "string", "required": true, "description": "Who gets it"},
            {"name": "count", "type": "integer", "default": 3, "enum": [3, 5]},
            {"name": "tries", "type": "integer", "default": 1},
        ],
    })
}

async fn ids(server: &Server, token: &str, query: &str) -> Vec<String> {
    let list = server.get(format!("{LIST}{query}")).by(token).send().await.ok(200);
    let templates = list["templates"].as_array().unwrap();
    assert_eq!(list["total"], templates.len());
    let names: Vec<&str> = templates.iter().map(|template| template["display_name"].as_str().unwrap()).collect();
    assert!(names.is_sorted(), "{names:?}");
    templates.iter().map(|template| template["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn templates_are_listed_shown_and_filtered() {
    let server = Server::start().await;
    let vic = server.user("vic", "viewer").await;
    let all = ids(&server, &vic, "").await;
    assert!(all.len() >= 10 && all.contains(&"process:meeting-notes".to_owned()), "{all:?}");
    assert_eq!(ids(&server, &vic, "?source=bundled&category=").await, all);
    assert_eq!(ids(&server, &vic, "?source=user").await, [] as [&str; 0]);
    assert_eq!(ids(&server, &vic, "?source=other").await, [] as [&str; 0]);
    assert_eq!(ids(&server, &vic, "?category=general").await, ["process:meeting-notes"]);
    let list = server.get(LIST).by(&vic).send().await.ok(200);
    has_shape(&list["templates"][0], INFO);
    for id in ["process:meeting-notes", "process%3Ameeting-notes", "meeting-notes"] {
        let shown = server.get(format!("{LIST}/{id}")).by(&vic).send().await.ok(200);
        has_shape(&shown, DETAIL);
        assert_eq!((&shown["id"], &shown["source"]), (&json!("process:meeting-notes"), &json!("bundled")));
        assert_eq!((&shown["created_at"], &shown["created_by"]), (&Json::Null, &Json::Null));
        assert_eq!(shown["step_types_used"], json!(["agent_task"]));
    }
    for id in ["process:nothing", "user:meeting-notes", "nothing", "%2E%2E", "..%2F..%2Fetc", "user:"] {
        let detail = server.get(format!("{LIST}/{id}")).by(&vic).send().await.problem(404, "not_found");
        assert_eq!(detail, "Template not found", "{id}");
    }
    let categories = server.get(format!("{LIST}/categories")).by(&vic).send().await.ok(200);
    let known: Vec<&str> =
        categories["categories"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(known, ["general", "business", "devops", "analytics", "support", "content"]);
    has_shape(&categories["categories"][0], "id: text, name: text, description: text");
    for template in list["templates"].as_array().unwrap() {
        assert!(known.contains(&template["category"].as_str().unwrap()), "{template}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_preview_is_a_process_whose_name_is_open() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    let preview = server.get(format!("{LIST}/process:code-review/preview")).by(&dora).send().await.ok(200);
    has_shape(
        &preview,
        "template_id: text, name: text, yaml_content: text, parameters: list, graph: object, issues: list",
    );
    assert_eq!(preview["name"], "Code review by two agents");
    let yaml = preview["yaml_content"].as_str().unwrap().replace("{{name}}", "mine");
    let created = server.post("/api/processes").json(&json!({"yaml_content": yaml})).by(&dora).send().await.ok(201);
    assert_eq!(created["name"], "mine");
    let edges = preview["graph"]["edges"].as_array().unwrap();
    assert!(edges.contains(&json!({"source": "verdict", "target": "merge", "kind": "route"})), "{edges:?}");
    assert_eq!(preview["graph"]["nodes"][2]["level"], 1);
    server.get(format!("{LIST}/nothing/preview")).by(&dora).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_preview_with_values_is_the_draft_that_they_would_make() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    let path = format!("{LIST}/process%3Ameeting-notes");
    let body = json!({"name": "monday notes", "parameters": {"language": "\"Deutsch\": {{input.notes}}\n- x"}});
    let preview = server.post(format!("{path}/preview")).json(&body).by(&dora).send().await.ok(200);
    assert!(preview["graph"]["nodes"].is_array(), "{preview}");
    assert_eq!(server.get("/api/processes").by(&dora).send().await.ok(200)["total"], 0, "nothing is made");
    let used = server.post(format!("{path}/use")).json(&body).by(&dora).send().await.ok(201);
    let made = format!("/api/processes/{}", used["process_id"].as_str().unwrap());
    let made = server.get(&made).by(&dora).send().await.ok(200);
    assert_eq!(made["yaml_content"], preview["yaml_content"]);
    // A name can wait; values that do not fit are all told.
    let open = server.post(format!("{path}/preview")).json(&json!({})).by(&dora).send().await.ok(200);
    assert!(open["yaml_content"].as_str().unwrap().contains("{{name}}"), "{open}");
    let wrong = json!({"name": "", "parameters": {"nonsense": 1}});
    let refused = server.post(format!("{path}/preview")).json(&wrong).by(&dora).send().await;
    refused.problem(422, "invalid_value");
    let body = refused.ok(422);
    let paths: Vec<_> = body["errors"].as_array().unwrap().iter().map(|error| error["path"].clone()).collect();
    assert_eq!(paths, [json!("name"), json!("parameters.nonsense")], "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_template_makes_a_draft() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    let path = format!("{LIST}/process%3Ameeting-notes/use");
    let body = json!({"name": "monday notes", "parameters": {"language": "\"Deutsch\": {{input.notes}}\n- x"}});
    let used = server.post(&path).json(&body).by(&dora).send().await;
    has_shape(&used.ok(201), "message: text, process_id: id, process_name: text, template_id: text");
    assert_eq!(used.ok(201)["message"], "Process created from template");
    let shown = server.get(used.header("location").unwrap()).by(&dora).send().await.ok(200);
    assert_eq!((&shown["name"], &shown["status"]), (&json!("monday notes"), &json!("draft")));
    let message = shown["steps"][0]["message"].as_str().unwrap();
    assert!(message.contains("in \"Deutsch\": {{ '{{' }}input.notes}}\n- x: who"), "{message}");
    let again = server.post(&path).json(&body).by(&dora).send().await;
    again.problem(409, "name_taken");
    for (body, paths) in [
        (
            json!({"name": "", "parameters": {"langage": "x", "writer": 5}}),
            vec!["name", "parameters.langage", "parameters.writer"],
        ),
        (json!({"name": "{{x}}"}), vec!["name"]),
    ] {
        let refused = server.post(&path).json(&body).by(&dora).send().await;
        let detail = refused.problem(422, "invalid_value");
        assert!(detail.starts_with("Template validation failed: "), "{detail}");
        let errors = refused.ok(422)["errors"].clone();
        let found: Vec<&str> = errors.as_array().unwrap().iter().map(|error| error["path"].as_str().unwrap()).collect();
        assert_eq!(found, paths, "{errors}");
    }
    server.post(&path).json(&json!({})).by(&dora).send().await.problem(422, "invalid_body");
    server.post(format!("{LIST}/x/use")).json(&json!({"name": "x"})).by(&dora).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn a_template_of_ones_own_is_saved_used_changed_and_removed() {
    let server = Server::start().await;
    let (dora, root) = (server.user("dora", "designer").await, server.user("root", "admin").await);
    let created = server.post(LIST).json(&letter()).by(&dora).send().await.ok(201);
    has_shape(&created, DETAIL);
    assert_eq!(
        (&created["id"], &created["version"], &created["author"]),
        (&json!("user:letter"), &json!("1.0.0"), &json!("dora"))
    );
    assert_eq!((&created["category"], &created["complexity"]), (&json!("general"), &json!("simple")));
    assert_eq!(created["definition_yaml"], letter()["definition_yaml"]);
    assert_eq!(ids(&server, &root, "?source=user&tag=mail").await, ["user:letter"]);
    let taken = server.post(LIST).json(&letter()).by(&root).send().await.problem(409, "name_taken");
    assert_eq!(taken, "Template with name 'letter' already exists");

    let path = format!("{LIST}/user%3Aletter");
    let required = server.post(format!("{path}/use")).json(&json!({"name": "x", "parameters": {"count": 4}})).by(&root);
    let required = required.send().await;
    required.problem(422, "invalid_value");
    let paths: Vec<Json> = required.ok(422)["errors"].as_array().unwrap().iter().map(|e| e["path"].clone()).collect();
    assert_eq!(paths, [json!("parameters.to"), json!("parameters.count")]);
    let given = json!({"name": "x", "parameters": {"to": "Ann: a friend", "count": "5"}});
    let used = server.post(format!("{path}/use")).json(&given).by(&root).send().await;
    let draft = server.get(used.header("location").unwrap()).by(&root).send().await.ok(200);
    assert_eq!(draft["steps"][0]["message"], "Write 5 lines to Ann: a friend: {{input.what}}\n");
    assert_eq!(draft["steps"][0]["retry"]["max_attempts"], 1);
    assert!(draft["yaml_content"].as_str().unwrap().starts_with("# mine\nname: x\n"), "{}", draft["yaml_content"]);

    let newer = json!({"definition_yaml": "name: y\nsteps: [{id: a, agent: writer, message: hi}]\n", "parameters": []});
    let changed = server.put(&path).json(&newer).by(&dora).send().await.ok(200);
    assert_eq!((&changed["version"], &changed["display_name"]), (&json!("2.0.0"), &json!("A letter")));
    let bob = server.user("bob", "designer").await;
    server.put(&path).json(&newer).by(&bob).send().await.problem(403, "forbidden");
    server.delete(&path).by(&bob).send().await.problem(403, "forbidden");
    let removed = server.delete(&path).by(&dora).send().await.ok(200);
    assert_eq!(removed, json!({"message": "Template deleted", "template_id": "user:letter"}));
    server.delete(&path).by(&dora).send().await.problem(404, "not_found");
    for id in ["process:meeting-notes", "process:nothing"] {
        let refused = server.delete(format!("{LIST}/{id}")).by(&root).send().await.problem(409, "conflict");
        assert_eq!(refused, "Cannot delete bundled templates");
    }
    server.put(format!("{LIST}/process:meeting-notes")).json(&newer).by(&root).send().await.problem(409, "conflict");
}

#[tokio::test(start_paused = true)]
async fn a_private_template_is_there_for_its_owner_only() {
    let server = Server::start().await;
    let (dora, bob) = (server.user("dora", "designer").await, server.user("bob", "designer").await);
    let mut private = letter();
    private["visibility"] = json!("private");
    server.post(LIST).json(&private).by(&dora).send().await.ok(201);
    assert_eq!(ids(&server, &dora, "?source=user").await, ["user:letter"]);
    assert_eq!(ids(&server, &bob, "?source=user").await, [] as [&str; 0]);
    let path = format!("{LIST}/user:letter");
    server.get(&path).by(&dora).send().await.ok(200);
    server.get(&path).by(&bob).send().await.problem(404, "not_found");
    server.get(format!("{path}/preview")).by(&bob).send().await.problem(404, "not_found");
    server.post(format!("{path}/use")).json(&json!({"name": "x"})).by(&bob).send().await.problem(404, "not_found");
    server.delete(&path).by(&bob).send().await.problem(404, "not_found");
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_template_is_refused() {
    let server = Server::start().await;
    let dora = server.user("dora", "designer").await;
    let valid = "name: x\nsteps: [{id: a, agent: writer, message: hi}]\n";
    let with = |name: &str, yaml: &str, parameters: Json| json!({"name": name, "definition_yaml": yaml, "parameters": parameters});
    for (body, code, part) in [
        (with("", valid, json!([])), "invalid_value", "`name`"),
        (with(&"x".repeat(101), valid, json!([])), "invalid_value", "`name`"),
        (with("x", valid, json!([{"name": "1 2"}])), "invalid_value", "no name for a parameter"),
        (with("x", valid, json!([{"name": "a"}, {"name": "a"}])), "invalid_value", "used twice"),
        (
            with("x", valid, json!([{"name": "a", "type": "integer", "default": "many"}])),
            "invalid_value",
            "of type integer",
        ),
        (
            with("x", "name: x\nsteps: [{id: a, agent: '{{param.who}}', message: hi}]\n", json!([])),
            "invalid_value",
            "param.who",
        ),
        (with("x", valid, json!([{"name": "a", "type": "odd"}])), "invalid_body", "type"),
        (with("x", "name: x\nsteps: []\n", json!([])), "invalid_definition", "step"),
        (with("x", "name: [x\n", json!([])), "invalid_definition", "line"),
        (json!({"name": "x"}), "invalid_body", "definition_yaml"),
    ] {
        let detail = server.post(LIST).json(&body).by(&dora).send().await.problem(422, code);
        assert!(detail.contains(part), "{body}: {detail}");
    }
    assert_eq!(ids(&server, &dora, "?source=user").await, [] as [&str; 0]);
}
