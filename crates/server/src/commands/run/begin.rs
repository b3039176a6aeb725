//! How a run begins: its execution is started, or one that was left goes on, unless an agent is missing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use procession_application::{
    access::Principal,
    executions::{Command, StartFailure, StartRequest, VisibleExecution},
    ports::{AgentListing, AgentStatus, ExecutionFilter, PageStart, Paging},
};
use procession_domain::{
    definition::{Definition, EdgeKind, StepIndex, StepKind},
    event::PauseReason,
    execution::{ExecutionStatus, Life},
    value::{ExecutionId, Json},
};

use super::{
    arguments::{Plan, What},
    beginning::Beginning,
    publish,
    report::Report,
    watch::Watch,
};
use crate::{
    exit::{Exit, Failure},
    terminal,
    wiring::Application,
};

/// How many executions are read at a time.
const PAGE: u32 = 100;

/// What became of the start.
pub(super) enum Begun {
    /// It runs, or has ended before.
    Execution(Box<(Watch, VisibleExecution)>),
    /// It can't run.
    Refused(Report, Exit),
}

/// An agent that can't do its work, and the first step that needs it.
struct Missing {
    step: String,
    agent: String,
    /// Why, if there is such an agent.
    reason: Option<String>,
}

/// Starts the execution that is asked for, or goes on with it.
pub(super) async fn begin(plan: &Plan, application: &Application) -> Result<Begun, Failure> {
    // Before anything happens, so that no event is missed.
    let subscription = application.events.subscribe();
    let person = Principal::at_terminal(&plan.person);
    let begun = match &plan.what {
        What::Resume { id, file, beginning } => {
            let file = file.as_deref().map(|file| (file, true));
            let file = file.or(beginning.as_ref().map(|beginning| (beginning.file.as_path(), false)));
            resume(plan, *id, file, application, &person).await?
        }
        What::Start { file, others } => start(plan, (file, others), application, &person).await?,
    };
    Ok(match begun {
        Ok(execution) => {
            let watch = Watch::new(application.events.clone(), person, subscription, execution.id());
            Begun::Execution(Box::new((watch, execution)))
        }
        Err((report, exit)) => Begun::Refused(report, exit),
    })
}

/// An execution, or why there is none.
type Attempted = Result<VisibleExecution, (Report, Exit)>;

/// Starts the process of a file, which may run those of the other ones.
async fn start(
    plan: &Plan,
    (file, others): (&Path, &[PathBuf]),
    application: &Application,
    by: &Principal,
) -> Result<Attempted, Failure> {
    let published = match publish::publish_all(application, by, file, others).await? {
        publish::Outcome::Published(published) => published,
        publish::Outcome::Invalid(diagnostics) => {
            return Ok(Err((Report::invalid(diagnostics), Exit::Failed)));
        }
    };
    let needed = published.definitions.iter().flat_map(|definition| needed_agents(definition, |_| true));
    if let Some(refusal) = refuse_missing(plan, needed.collect(), application, by).await? {
        return Ok(Err(refusal));
    }
    tell_who_waits(plan, None, application, by).await?;
    let request = StartRequest {
        input: Json::Object(plan.input.clone()),
        triggered_by: "cli".to_owned(),
        ..StartRequest::default()
    };
    match application.executions.start(by, published.process, request).await {
        Ok(started) => {
            if plan.keeps_data {
                keep_beginning(plan, file, application, started.execution.id());
            }
            Ok(Ok(started.execution))
        }
        Err(error @ (StartFailure::InvalidInput(_) | StartFailure::TooLarge(_))) => {
            terminal::report(&Failure::usage(&error).hint("--input KEY=VALUE or --input-file FILE give the input"));
            Ok(Err((Report::refused("INVALID_INPUT", &error), Exit::Usage)))
        }
        Err(error) => Err(Failure::failed(error)),
    }
}

/// Has the folder know what the execution came from. Without it the run goes on, and only `--resume` knows less.
fn keep_beginning(plan: &Plan, file: &Path, application: &Application, id: ExecutionId) {
    let kept = Beginning::at(file, &plan.agents_file()).and_then(|beginning| beginning.keep(&application.folder, id));
    if let Err(error) = kept {
        terminal::warn(format_args!("the data folder can't keep which files this execution came from: {error}"));
    }
}

/// An execution that an earlier run left; one that an operator has paused goes on.
async fn resume(
    plan: &Plan,
    id: ExecutionId,
    file: Option<(&Path, bool)>,
    application: &Application,
    by: &Principal,
) -> Result<Attempted, Failure> {
    let found = application.executions.get(by, id).await;
    let execution = found.map_err(|error| {
        Failure::usage(format_args!("{id}: {error}"))
            .hint("--data-dir names the folder of the run that was interrupted")
    })?;
    if let Some((file, is_given)) = file {
        tell_if_changed(file, is_given, &execution, application, by).await?;
    }
    if execution.status().is_ended() {
        return Ok(Ok(execution));
    }
    let is_open = |step: StepIndex| execution.steps().nth(step).is_none_or(|(_, state)| !state.is_terminal());
    let needed = needed_agents(execution.definition(), is_open);
    if let Some(refusal) = refuse_missing(plan, needed, application, by).await? {
        return Ok(Err(refusal));
    }
    tell_who_waits(plan, Some(id), application, by).await?;
    application.engine.take_up(id);
    if matches!(execution.state().life, Life::Paused(PauseReason::Operator { .. })) {
        let resumed = application.executions.command(by, id, Command::Resume).await.map_err(Failure::failed)?;
        return Ok(Ok(resumed.execution));
    }
    Ok(Ok(execution))
}

/// Says that a file is not what the execution runs.
async fn tell_if_changed(
    file: &Path,
    is_given: bool,
    execution: &VisibleExecution,
    application: &Application,
    by: &Principal,
) -> Result<(), Failure> {
    let process = &execution.creation().process;
    let stored = application.definitions.get(by, process.id).await.map_err(Failure::failed)?;
    let text = std::fs::read_to_string(file);
    if text.as_ref().is_ok_and(|text| text == stored.yaml()) {
        return Ok(());
    }
    let what = match text {
        Ok(_) if is_given => "holds another text",
        Ok(_) => "has changed since",
        Err(_) if is_given => "can't be read",
        Err(_) => "is not there any more",
    };
    let (name, version) = (&process.name, process.version);
    terminal::warn(format_args!(
        "{} {what}; the execution goes on with the text that it was started with, {name} {version}",
        file.display()
    ));
    Ok(())
}

/// The agents that are certainly called by those steps that are asked for, each with the first step that calls it. What
/// depends on a condition, a gateway or an error may come without its agent.
fn needed_agents(definition: &Definition, is_asked: impl Fn(StepIndex) -> bool) -> BTreeMap<String, String> {
    let graph = definition.graph();
    let is_sure = |step: StepIndex| {
        let is_plain = definition.step(step).condition.is_none();
        is_plain
            && !graph.incoming(step).iter().any(|edge| matches!(edge.kind, EdgeKind::Route { .. } | EdgeKind::Error))
    };
    let mut needed = BTreeMap::new();
    for (position, step) in definition.steps().iter().enumerate() {
        let StepKind::AgentTask(task) = &step.kind else { continue };
        let agent = task.agent.text.trim();
        let upstream = graph.upstream(position, |edge| edge.kind != EdgeKind::Order);
        let is_certain = is_sure(position) && (0..upstream.len()).all(|before| !upstream[before] || is_sure(before));
        if is_certain && is_asked(position) && !agent.contains("{{") && !agent.contains("{%") {
            needed.entry(agent.to_owned()).or_insert_with(|| step.id.to_string());
        }
    }
    needed
}

/// Refuses to begin when agents are missing or stopped that certainly are called. With a platform's agents beside the local
/// ones that is not known for sure.
async fn refuse_missing(
    plan: &Plan,
    needed: BTreeMap<String, String>,
    application: &Application,
    by: &Principal,
) -> Result<Option<(Report, Exit)>, Failure> {
    if plan.allows_missing_agents || plan.loaded.configuration.agents.mcp.url.is_some() {
        return Ok(None);
    }
    let known = application.agents.list(by).await.map_err(Failure::failed)?;
    let missing: Vec<Missing> =
        needed.into_iter().filter_map(|(agent, step)| is_missing(agent, step, &known)).collect();
    let Some(first) = missing.first() else { return Ok(None) };
    let sentence = |missing: &Missing| match &missing.reason {
        None => format!("`{}` calls the agent `{}`, which does not exist", missing.step, missing.agent),
        Some(reason) => format!("`{}` calls the agent `{}`, which is stopped: {reason}", missing.step, missing.agent),
    };
    let message = missing.iter().map(sentence).collect::<Vec<_>>().join("\n");
    let file = plan.agents_file();
    let there_are = if known.is_empty() {
        format!("there are no agents: {} is missing or empty", file.display())
    } else {
        let names: Vec<&str> = known.iter().map(|agent| agent.name.as_str()).collect();
        format!("the agents of {} are {}", file.display(), names.join(", "))
    };
    let mut failure = Failure::usage(&message);
    if first.reason.is_none() {
        failure = failure.hint(there_are).hint("--agents names another file");
    }
    terminal::report(&failure.hint("--allow-missing-agents begins all the same"));
    Ok(Some((Report::refused("AGENT_NOT_FOUND", &message), Exit::Usage)))
}

fn is_missing(agent: String, step: String, known: &[AgentListing]) -> Option<Missing> {
    match known.iter().find(|known| known.name == agent) {
        None => Some(Missing { step, agent, reason: None }),
        Some(AgentListing { status: AgentStatus::Stopped, reason: Some(reason), .. }) => {
            Some(Missing { step, agent, reason: Some(reason.clone()) })
        }
        Some(_) => None,
    }
}

/// Says how many other executions of the folder wait.
async fn tell_who_waits(
    plan: &Plan,
    own: Option<ExecutionId>,
    application: &Application,
    by: &Principal,
) -> Result<(), Failure> {
    if !plan.keeps_data {
        return Ok(());
    }
    let statuses = vec![ExecutionStatus::Pending, ExecutionStatus::Running, ExecutionStatus::Paused];
    let filter = ExecutionFilter { statuses, ..ExecutionFilter::default() };
    let (mut start, mut waiting) = (PageStart::Offset(0), 0_u64);
    loop {
        let page = application.executions.list(by, &filter, &Paging { limit: PAGE, start }).await;
        let page = page.map_err(Failure::failed)?;
        let others = page.rows.iter().filter(|row| row.parent_id.is_none() && Some(row.id) != own);
        waiting += others.count() as u64;
        match page.next_cursor {
            Some(cursor) => start = PageStart::Cursor(cursor),
            None => break,
        }
    }
    let what = match waiting {
        0 => return Ok(()),
        1 => "another execution of this data folder is under way and waits".to_owned(),
        _ => format!("{waiting} other executions of this data folder are under way and wait"),
    };
    terminal::note(format_args!("{what}; `procession serve` goes on with all of them, `run --resume` with one"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use procession_language::{Nothing, check};

    use super::*;

    #[test]
    fn only_agents_that_are_certainly_called_are_needed() {
        let text = "\
name: p
steps:
  - {id: a, type: agent_task, agent: one, message: x}
  - {id: b, type: agent_task, agent: two, message: x, depends_on: a, condition: 'steps.a.output.response == 1'}
  - {id: c, type: agent_task, agent: three, message: x, depends_on: b, on_error: {action: goto_step, target_step: d}}
  - {id: d, type: agent_task, agent: four, message: x}
  - {id: e, type: agent_task, agent: '{{input.who}}', message: x}
  - {id: g, type: gateway, depends_on: a, routes: [{target: h}], default_route: i}
  - {id: h, type: agent_task, agent: five, message: x}
  - {id: i, type: agent_task, agent: six, message: x}
  - {id: j, type: agent_task, agent: one, message: x, depends_on: a}
  - {id: k, type: agent_task, agent: seven, message: x, depends_on: j}
";
        let checked = check(text, &Nothing);
        let definition = checked.definition.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        let needed = |from: StepIndex| -> Vec<(String, String)> {
            needed_agents(&definition, |step| step >= from).into_iter().collect()
        };
        let pair = |agent: &str, step: &str| (agent.to_owned(), step.to_owned());
        assert_eq!(needed(0), [pair("one", "a"), pair("seven", "k")]);
        assert_eq!(needed(9), [pair("seven", "k")]);
    }
}
