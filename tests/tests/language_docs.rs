//! The complete processes on the pages under `docs/language` and among the recipes are valid and run as the pages say: agents answer by a
//! script, people approve whatever they are asked, and time passes as it is needed.
//!
//! A block is a process if it begins with `name:` and is no file of a session in a shell. Its fence says how it ends, if that is not `completed`:
//! `yaml ends=failed`. The other processes of its page can be used as sub-processes.
#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::Arc,
};

use procession_application::{
    ApplicationSettings,
    definitions::DefinitionSettings,
    ports::{ApprovalFilter, Clock, PageStart, Paging},
};
use procession_domain::{
    approval::{ApprovalStatus, Ballot},
    definition::{CompensationAction, Definition, InputType, StepKind},
    value::{Duration, ErrorCode, Json},
};
use procession_testing::{Line, ScriptedAgents, Stage, statuses};
use serde_json::{Map, json};

/// The agent of the pages that always fails.
const UNRELIABLE: &str = "unreliable";

/// What agents of the pages reply, where a page reads more of it than its text.
const REPLIES: [(&str, &str); 2] = [
    ("reviewer", r#"{"score": 87, "verdict": "good", "issues": ["one long sentence"]}"#),
    ("analyst", r#"{"sources": ["a book", "a paper"], "risk": "low"}"#),
];

/// Diagnostics about what a server knows, which is not a matter of the pages.
const OF_THE_SERVER: [&str; 4] = ["unknown_agent", "unknown_assignee", "unknown_process", "not_yet_available"];

/// A process of a page.
struct Example {
    /// The page and the name of the process.
    title: String,
    yaml: String,
    ends: String,
}

/// The processes of each page.
fn pages() -> Vec<Vec<Example>> {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(docs.join("language")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.push(docs.join("recipes.md"));
    paths.sort();
    paths
        .iter()
        .map(|path| examples(&path.file_name().unwrap().to_string_lossy(), &fs::read_to_string(path).unwrap()))
        .collect()
}

fn examples(page: &str, text: &str) -> Vec<Example> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let words: Vec<&str> = fence.split_whitespace().collect();
        let is_process = block.first().is_some_and(|first| first.starts_with("name:"));
        let is_file = words.iter().any(|word| word.starts_with("file="));
        if words.first() != Some(&"yaml") || !is_process || is_file || words.contains(&"invalid") {
            continue;
        }
        let ends = words.iter().find_map(|word| word.strip_prefix("ends=")).unwrap_or("completed");
        let title = format!("{page}, {}", block[0]);
        found.push(Example { title, yaml: block.join("\n") + "\n", ends: ends.to_owned() });
    }
    found
}

async fn stage(agents: &BTreeSet<String>) -> Stage {
    let script = |agent: &String| {
        let reply = REPLIES.iter().find(|(name, _)| name == agent).map_or("Done: {message}", |(_, reply)| reply);
        let line = if agent == UNRELIABLE { Line::fail(ErrorCode::AgentUnavailable) } else { Line::reply(reply) };
        (agent.clone(), vec![line])
    };
    let scripts: BTreeMap<String, Vec<Line>> = agents.iter().map(script).collect();
    let agents = |clock: Arc<dyn Clock>| ScriptedAgents::new(clock, scripts);
    let environment = BTreeSet::from(["ISSUES_SECRET".to_owned()]);
    let definitions = DefinitionSettings { environment, ..DefinitionSettings::default() };
    Stage::in_memory_with(agents, ApplicationSettings { definitions, ..ApplicationSettings::default() }).await
}

/// The agents that a definition names.
fn agents_of(definition: &Definition) -> BTreeSet<String> {
    let mut agents = BTreeSet::new();
    for step in definition.steps() {
        if let StepKind::AgentTask(task) = &step.kind {
            agents.insert(task.agent.text.clone());
        }
        if let Some(compensation) = &step.compensation
            && let CompensationAction::AgentTask(task) = &compensation.action
        {
            agents.insert(task.agent.text.clone());
        }
        agents.extend(step.roles.monitors.iter().map(ToString::to_string));
        agents.extend(step.roles.informed.iter().map(|informed| informed.agent.to_string()));
    }
    agents
}

/// An input with something for every field that a start must bring.
fn input_of(definition: &Definition) -> Json {
    let mut input = Map::new();
    if let Some(schema) = &definition.content().input {
        for (name, field) in schema.fields.iter().filter(|(_, field)| field.required && field.default.is_none()) {
            let value = match field.field_type {
                Some(InputType::Number | InputType::Integer) => json!(1),
                Some(InputType::Boolean) => json!(true),
                Some(InputType::Object) => json!({}),
                Some(InputType::Array) => json!([]),
                Some(InputType::String) | None => json!("something"),
            };
            input.insert(name.clone(), value);
        }
    }
    for required in &definition.content().required_input {
        input.insert(required.field.clone(), json!("something"));
    }
    Json::Object(input)
}

/// Has three people approve everything that is asked, by this execution or any other, until nobody waits for it any more.
async fn approve_everything(stage: &Stage) {
    let mut people = Vec::new();
    for name in ["ada", "grace", "linus"] {
        people.push(stage.person(name, "admin").await);
    }
    let open = ApprovalFilter { status: Some(ApprovalStatus::Pending), ..ApprovalFilter::default() };
    loop {
        let paging = Paging { limit: 100, start: PageStart::Offset(0) };
        for row in stage.ports.stores.approvals.approvals(&open, &paging).await.unwrap().rows {
            for person in &people {
                // Whoever comes too late is told so.
                let _ = stage.approvals.vote(person, row.approval.id(), Ballot::Approve, Some("fine".into())).await;
            }
        }
        stage.pass(Duration::from_secs(60)).await;
    }
}

async fn run(page: &[Example], example: &Example) {
    let empty = stage(&BTreeSet::new()).await;
    let mut agents = BTreeSet::new();
    let mut definition = None;
    for other in page {
        let checked = empty.definitions.check(&empty.system, &other.yaml).await.unwrap();
        let found = checked.definition.unwrap_or_else(|| panic!("{}: {:#?}", other.title, checked.diagnostics));
        agents.extend(agents_of(&found));
        if other.title == example.title {
            definition = Some(found);
        }
    }
    empty.engine.halt();
    let definition = definition.unwrap();
    let stage = stage(&agents).await;
    for other in page.iter().filter(|other| other.title != example.title) {
        stage.publish(&other.yaml).await;
    }
    let process = stage.publish(&example.yaml).await;
    let id = stage.start(process, input_of(&definition)).await;
    let ended = tokio::select! {
        ended = stage.until_ended(id) => ended,
        () = approve_everything(&stage) => unreachable!("people never tire"),
    };
    assert_eq!(ended.status().as_str(), example.ends, "{}: {}", example.title, statuses(&ended));
    stage.engine.halt();
}

#[tokio::test(start_paused = true)]
async fn every_process_of_the_documentation_is_valid_and_has_no_warnings() {
    let stage = stage(&BTreeSet::new()).await;
    let mut names = BTreeSet::new();
    for page in pages() {
        for example in page {
            assert!(names.insert(example.yaml.lines().next().unwrap().to_owned()), "{} is there twice", example.title);
            let diagnostics = stage.definitions.check(&stage.system, &example.yaml).await.unwrap().diagnostics;
            let unexpected: Vec<String> = diagnostics
                .iter()
                .filter(|found| !OF_THE_SERVER.contains(&found.code.as_str()))
                .map(ToString::to_string)
                .collect();
            assert!(unexpected.is_empty(), "{}: {unexpected:#?}", example.title);
        }
    }
    assert!(names.len() >= 20, "only {} processes were found", names.len());
    stage.engine.halt();
}

#[tokio::test(start_paused = true)]
async fn every_process_of_the_documentation_ends_as_its_page_says() {
    for page in pages() {
        for example in &page {
            run(&page, example).await;
        }
    }
}
