//! `agents list` and `agents test`: which agents answer.

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::{Args, Subcommand};
use procession_application::{
    ports::{AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, IdGenerator, Submitted},
    system::UuidGenerator,
};
use procession_domain::value::{Duration, ExecutionId, StepId};
use serde_json::{Value, json};

use super::{GlobalArguments, block_on, config::Format};
use crate::{
    config::{FlagValue, Loaded},
    exit::{Exit, Failure},
    terminal::{
        self, style,
        text::{clean, clean_lines, pad, width},
    },
    wiring::only_agents,
};

const EXAMPLES: &str = "\
Examples:
  procession agents list
  procession agents test researcher \"What is known about tea?\"
  procession agents list --agents samples/agents.yaml";

/// How long an agent may take to say that it is up.
const LONGEST_LOOK: std::time::Duration = std::time::Duration::from_secs(5);

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AgentsArguments {
    /// The file of local agents [default: agents.file of the configuration].
    #[arg(long, global = true, value_name = "FILE")]
    agents: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the agents, local ones and the platform's.
    List {
        /// The format of the list.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Ask an agent something and print its reply.
    Test {
        /// The agent.
        name: String,
        /// The message to send.
        message: String,
        /// How long to wait for the reply.
        #[arg(long, value_name = "DURATION", default_value = "5m")]
        timeout: Duration,
    },
}

pub(super) fn run(arguments: AgentsArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let own = arguments.agents.as_deref().map(agents_flag).transpose()?;
    let loaded = global.configuration(own.into_iter().collect())?;
    block_on(async {
        match arguments.action {
            Action::List { format } => list(&loaded, format).await,
            Action::Test { name, message, timeout } => test(&loaded, name, message, timeout).await,
        }
    })
}

/// The flag `--agents` as what it sets.
pub(super) fn agents_flag(path: &std::path::Path) -> Result<FlagValue, Failure> {
    let Some(text) = path.to_str() else {
        return Err(Failure::usage(format_args!("the path {} is not UTF-8 text", path.display())));
    };
    Ok(FlagValue { flag: "--agents", key: "agents.file".to_owned(), value: text.to_owned() })
}

async fn list(loaded: &Loaded, format: Format) -> Result<Exit, Failure> {
    let agents = only_agents(loaded).await?.gateway();
    let looks = agents.list().await.map_err(Failure::failed)?.into_iter().map(|agent| {
        let agents = Arc::clone(&agents);
        tokio::spawn(async move { look_at(agents.as_ref(), agent).await })
    });
    let mut listed = Vec::new();
    for look in looks.collect::<Vec<_>>() {
        listed.push(look.await.map_err(Failure::failed)?);
    }
    if format == Format::Json {
        let agents: Vec<Value> = listed.iter().map(|(agent, state)| as_json(agent, state)).collect();
        terminal::say_json(&json!({"agents": agents}))?;
        return Ok(Exit::Done);
    }
    if listed.is_empty() {
        let file = loaded.configuration.agents_file();
        terminal::tell(format_args!("there are no agents: add some to {}, or set agents.mcp.url", file.display()));
    }
    let names = listed.iter().map(|(agent, _)| width(&clean(&agent.name))).max().unwrap_or(0);
    for (agent, state) in &listed {
        let look = if *state == "running" { style::GOOD } else { style::WAITING };
        let state = style::paint(look, format_args!("{state:9}"));
        let about = match (&agent.description, &agent.reason) {
            (Some(description), Some(reason)) => format!("{description} ({reason})"),
            (Some(text), None) | (None, Some(text)) => text.clone(),
            (None, None) => String::new(),
        };
        let line = format!("{}  {:7}  {state}  {}", pad(&clean(&agent.name), names), clean(&agent.kind), clean(&about));
        terminal::say(line.trim_end())?;
    }
    Ok(Exit::Done)
}

/// Asks an agent whether it is up, and notes why it is not. A model behind an address is only asked when there is work: that
/// costs.
async fn look_at(agents: &dyn AgentGateway, mut agent: AgentListing) -> (AgentListing, &'static str) {
    if agent.status == AgentStatus::Stopped {
        return (agent, "stopped");
    }
    let state = match tokio::time::timeout(LONGEST_LOOK, agents.health(&agent.name)).await {
        Ok(Ok(AgentStatus::Running)) if agent.kind == "openai" => "not asked",
        Ok(Ok(AgentStatus::Running)) => "running",
        Ok(Ok(AgentStatus::Stopped)) => "stopped",
        Ok(Err(failure)) => {
            agent.reason.get_or_insert_with(|| failure.to_string());
            "no answer"
        }
        Err(_) => {
            agent.reason.get_or_insert_with(|| format!("nothing within {} s", LONGEST_LOOK.as_secs()));
            "no answer"
        }
    };
    (agent, state)
}

fn as_json(agent: &AgentListing, status: &str) -> Value {
    json!({
        "name": agent.name,
        "kind": agent.kind,
        "status": status,
        "reason": agent.reason,
        "concurrency": agent.concurrency,
        "description": agent.description,
    })
}

async fn test(loaded: &Loaded, name: String, message: String, timeout: Duration) -> Result<Exit, Failure> {
    let agents = only_agents(loaded).await?.gateway();
    let execution_id = ExecutionId::new(UuidGenerator.new_id());
    let step_id = StepId::new("test").map_err(Failure::failed)?;
    let task = AgentTask {
        key: format!("{execution_id}/{step_id}/1"),
        agent: name,
        message,
        model: None,
        temperature: None,
        timeout: Some(timeout),
        execution_id,
        step_id,
        attempt: 1,
        trace: None,
    };
    let began = Instant::now();
    let asked = tokio::time::timeout(timeout.to_std(), ask(agents.as_ref(), &task)).await;
    let reply = asked
        .map_err(|_| Failure::failed(format_args!("`{}` has not answered within {timeout}", task.agent)))?
        .map_err(Failure::failed)?;
    let text = reply.text.trim_end();
    // Programs that read it get the reply itself.
    if terminal::is_shown_on_terminal() {
        terminal::say(clean_lines(text))?;
    } else {
        terminal::say(text)?;
    }
    let took = Duration::from_millis(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let cost = reply
        .usage
        .cost
        .map_or("unknown cost".to_owned(), |cost| format!("{} {}", cost.amount(), cost.currency().as_str()));
    terminal::tell(style::paint(style::DIM, format_args!("{took}, {cost}")));
    Ok(Exit::Done)
}

async fn ask(agents: &dyn AgentGateway, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
    match agents.submit(task).await? {
        Submitted::Done(reply) => Ok(reply),
        Submitted::Accepted(call_ref) => agents.wait(task, &call_ref).await,
    }
}
