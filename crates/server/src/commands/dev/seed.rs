//! `dev seed`: sample processes, users of each role and some history, so that there is something to look at.
//!
//! It may be repeated: users and processes that are there stay as they are; the history grows.

use std::time::Duration;

use clap::Args;
use procession_application::{
    access::{Principal, one_time_password},
    engine::TakesUp,
    executions::StartRequest,
};
use procession_domain::{
    approval::Ballot,
    execution::ExecutionStatus,
    value::{ExecutionId, Json, ProcessId, ProcessName, StepId},
};
use reqwest::Method;
use serde_json::json;

use crate::{
    commands::{
        GlobalArguments, block_on,
        people::{People, PlaceArguments},
        remote::Remote,
    },
    config::Loaded,
    demo,
    exit::{Exit, Failure},
    terminal,
    wiring::{Application, Stores},
};

/// A user of each role.
const USERS: [(&str, &str); 4] =
    [("dora", "designer"), ("oskar", "operator"), ("anna", "approver"), ("victor", "viewer")];

/// Who starts the history.
const STARTED_BY: &str = "seed";

/// How long the history may take to happen.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What becomes of an execution's approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// It asks nobody.
    Nothing,
    Approve,
    Reject,
    /// It is left open.
    Open,
}

/// The history: a process, its input, and how its approval is answered.
const HISTORY: [(&str, &str, Wanted); 8] = [
    ("research-and-write", r#"{"topic": "tea"}"#, Wanted::Nothing),
    ("research-and-write", r#"{"topic": "bread"}"#, Wanted::Nothing),
    ("market-analysis", r#"{"market": "heat pumps"}"#, Wanted::Nothing),
    ("article-with-revision", r#"{"topic": "hand-overs"}"#, Wanted::Nothing),
    ("nightly-report", "{}", Wanted::Nothing),
    ("contract-approval", r#"{"partner": "Example Ltd"}"#, Wanted::Approve),
    ("contract-approval", r#"{"partner": "Doubtful & Sons"}"#, Wanted::Reject),
    ("contract-approval", r#"{"partner": "Undecided plc"}"#, Wanted::Open),
];

/// The step of `contract-approval` that asks.
const ASKING_STEP: &str = "approval";

#[derive(Debug, Args)]
pub(super) struct SeedArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// The password of the new users; a random one is printed if it is left out.
    #[arg(long)]
    password: Option<String>,
}

pub(super) fn run(arguments: SeedArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    block_on(async {
        let SeedArguments { place, password } = arguments;
        match place.server() {
            Some(url) => seed_server(&Remote::at(url)?).await?,
            None => seed_folder(&global.configuration(Vec::new())?).await?,
        }
        let people = People::open(&place, global).await?;
        let seeded = seed_users(&people, password).await;
        people.close().await;
        seeded.map(|()| Exit::Done)
    })
}

async fn seed_users(people: &People, password: Option<String>) -> Result<(), Failure> {
    let present: Vec<String> = people.users().await?.into_iter().map(|user| user.name).collect();
    let password = password.unwrap_or_else(one_time_password);
    let mut added = Vec::new();
    for (name, role) in USERS {
        if !present.iter().any(|user| user == name) {
            people.add(name, role, None, Some(&password)).await?;
            added.push(format!("{name} ({role})"));
        }
    }
    if added.is_empty() {
        terminal::say("users: all there already")?;
    } else {
        terminal::say(format_args!("users: {}, with the password {password}", added.join(", ")))?;
    }
    Ok(())
}

/// Seeds a data folder that no server has open, with an engine of its own.
async fn seed_folder(loaded: &Loaded) -> Result<(), Failure> {
    demo::write_agents(&loaded.configuration).map_err(Failure::failed)?;
    let application = Application::start(Stores::open(&loaded.configuration).await?, loaded, TakesUp::All).await?;
    let seeded = seed_application(&application).await;
    application.stop().await;
    seeded
}

async fn seed_application(application: &Application) -> Result<(), Failure> {
    let published = demo::publish(application).await;
    if let Some(problem) = published.problems().first() {
        return Err(Failure::failed(problem));
    }
    terminal::say(format_args!("processes: {} samples, {} of them new", demo::SAMPLES.len(), published.new_samples()))?;
    let mut started = Vec::new();
    for (name, input, wanted) in HISTORY {
        let process = published_version(application, name).await?;
        let request = StartRequest {
            input: serde_json::from_str(input).map_err(Failure::failed)?,
            triggered_by: STARTED_BY.to_owned(),
            ..StartRequest::default()
        };
        let outcome = application.executions.start(&admin(), process, request).await.map_err(Failure::failed)?;
        started.push((outcome.execution.id(), wanted));
    }
    for (id, wanted) in started {
        let happened = tokio::time::timeout(PATIENCE, settle(application, id, wanted)).await;
        happened.map_err(|_| Failure::failed(format_args!("execution {id} does not end")))??;
    }
    terminal::say(format_args!("history: {} executions", HISTORY.len()))?;
    Ok(())
}

/// Who has made the history.
fn admin() -> Principal {
    Principal::at_terminal("admin")
}

async fn published_version(application: &Application, name: &str) -> Result<ProcessId, Failure> {
    let process = ProcessName::new(name).map_err(Failure::failed)?;
    let published = application.definitions.published(&admin(), &process, None).await.map_err(Failure::failed)?;
    published.ok_or_else(|| Failure::failed(format_args!("no version of {name} is published")))
}

/// Waits until an execution has ended, or asks; and answers.
async fn settle(application: &Application, id: ExecutionId, wanted: Wanted) -> Result<(), Failure> {
    let ballot = match wanted {
        Wanted::Nothing | Wanted::Open => None,
        Wanted::Approve => Some((Ballot::Approve, "Good")),
        Wanted::Reject => Some((Ballot::Reject, "Too much doubt")),
    };
    loop {
        let execution = application.executions.get(&admin(), id).await.map_err(Failure::failed)?;
        match (execution.status(), ballot) {
            (ExecutionStatus::Completed | ExecutionStatus::Failed | ExecutionStatus::Cancelled, _)
            | (ExecutionStatus::Paused, None) => return Ok(()),
            (ExecutionStatus::Paused, Some((ballot, comment))) => {
                let step = StepId::new(ASKING_STEP).map_err(Failure::failed)?;
                let approval = application.approvals.of_step(&admin(), id, &step).await.map_err(Failure::failed)?;
                let comment = Some(comment.to_owned());
                // The second time it is settled already, and its effect is about to show.
                let _ = application.approvals.vote(&admin(), approval.approval.id(), ballot, comment).await;
            }
            (ExecutionStatus::Pending | ExecutionStatus::Running, _) => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Seeds a running server through its API.
async fn seed_server(server: &Remote) -> Result<(), Failure> {
    let mut new = 0;
    for (_, yaml) in demo::SAMPLES {
        let body = json!({"yaml_content": yaml});
        let checked = procession_language::check(yaml, &procession_language::Nothing).definition;
        let name = checked.map(|definition| definition.name().to_string()).unwrap_or_default();
        if published_at(server, &name).await?.is_none() {
            let draft = server.ask(Method::POST, "/api/processes", Some(body)).await?;
            let id = draft["id"].as_str().unwrap_or_default();
            server.ask(Method::POST, &format!("/api/processes/{id}/publish"), None).await?;
            new += 1;
        }
    }
    terminal::say(format_args!("processes: {} samples, {new} of them new", demo::SAMPLES.len()))?;
    let mut started = Vec::new();
    for (name, input, wanted) in HISTORY {
        let Some(process) = published_at(server, name).await? else { continue };
        let input: Json = serde_json::from_str(input).map_err(Failure::failed)?;
        let body = json!({"input": input, "triggered_by": STARTED_BY});
        let answer = server.ask(Method::POST, &format!("/api/processes/{process}/execute"), Some(body)).await?;
        started.push((answer["id"].as_str().unwrap_or_default().to_owned(), wanted));
    }
    for (id, wanted) in &started {
        let happened = tokio::time::timeout(PATIENCE, settle_at(server, id, *wanted)).await;
        happened.map_err(|_| Failure::failed(format_args!("execution {id} does not end")))??;
    }
    terminal::say(format_args!("history: {} executions", started.len()))?;
    Ok(())
}

async fn published_at(server: &Remote, name: &str) -> Result<Option<String>, Failure> {
    let answer = server.ask(Method::GET, "/api/processes?status=published&limit=100", None).await?;
    let processes = answer["processes"].as_array().into_iter().flatten();
    let mut found = processes.filter(|process| process["name"] == name);
    Ok(found.next().and_then(|process| process["id"].as_str()).map(str::to_owned))
}

async fn settle_at(server: &Remote, id: &str, wanted: Wanted) -> Result<(), Failure> {
    let answer = match wanted {
        Wanted::Nothing | Wanted::Open => None,
        Wanted::Approve => Some("approve"),
        Wanted::Reject => Some("reject"),
    };
    loop {
        let execution = server.ask(Method::GET, &format!("/api/executions/{id}"), None).await?;
        match (execution["status"].as_str().unwrap_or_default(), answer) {
            ("completed" | "failed" | "cancelled", _) | ("paused", None) => return Ok(()),
            ("paused", Some(answer)) => {
                let path = format!("/api/approvals/execution/{id}/step/{ASKING_STEP}");
                let approval = server.ask(Method::GET, &path, None).await?;
                let path = format!("/api/approvals/{}/{answer}", approval["id"].as_str().unwrap_or_default());
                // The second time it is settled already, and its effect is about to show.
                let _ = server.ask(Method::POST, &path, Some(json!({"comment": "Seeded"}))).await;
            }
            _ => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
