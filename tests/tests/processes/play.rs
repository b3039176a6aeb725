//! Playing a case: set the stage, start, let agents, people and operators act, and write down how it ended.

use std::{cell::Cell, sync::Arc};

use procession_application::{
    access::Principal,
    engine::EngineSettings,
    executions::{RetryFrom, StartRequest},
    ports::{self, Clock, DeliveryFailure, Ports},
};
use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode, ExecutionId, Money, ProcessId},
};
use procession_testing::{
    CURTAIN, Interposed, KeptMessages, ScriptedAgents, SequentialIds, Stage, StoppedTime, VirtualClock,
    contract::Stores,
};

use super::{
    acts::{carry_out, people_act},
    case::{Case, Retry, scripts},
    ending::{Ending, ending},
};

/// A stage that can be set up again after its server has stopped.
pub struct Theatre {
    ports: Ports,
    agents: Arc<ScriptedAgents>,
    messages: Arc<KeptMessages>,
    settings: EngineSettings,
    /// They live as long as what is played on them.
    _stores: Arc<Stores>,
}

/// Plays a case on these stores. How it ended, or why it could not be started.
pub async fn play(case: &Case, stores: Arc<Stores>) -> Result<Ending, String> {
    let theatre = Theatre::new(case, stores);
    let mut stage = theatre.open().await;
    for (channel, codes) in &case.failing_channels {
        let failure =
            |code: &ErrorCode| DeliveryFailure { code: *code, message: "by the script".into(), retry_after: None };
        stage.messages.fail(channel, codes.iter().map(failure).collect());
    }
    let mut published = Vec::new();
    for other in &case.others {
        published.push(stage.publish(other).await);
    }
    let process = match &case.template {
        Some(template) => publish_from(&stage, template, case).await,
        None => stage.publish(&case.process).await,
    };
    published.push(process);
    for earlier in &case.before {
        let process = match &earlier.process {
            Some(text) => stage.publish(text).await,
            None => process,
        };
        stage.start(process, earlier.input.clone()).await;
        // Each is older than the next, and admitted if there is room.
        stage.pass(Duration::from_millis(10)).await;
    }
    let id = start(&stage, process, case).await?;
    for (call, cost) in &case.late_costs {
        let usage = Usage::of_cost(Some(cost.parse::<Money>().unwrap()));
        stage.agents.set_late_cost(&format!("{id}/{call}"), usage);
    }
    let started = stage.ports.clock.now();
    let done = Cell::new(0);
    for order in &case.operators {
        let at = started.saturating_add(order.at);
        tokio::select! {
            // People act until the operator does; whoever waits for an answer then waits on.
            () = people_act(&stage, id, &case.people, &done) => {}
            () = stage.ports.clock.sleep_until(at) => {}
        }
        stage.ports.clock.sleep_until(at).await;
        stage = carry_out(&theatre, stage, id, &mut published, order).await;
    }
    tokio::join!(people_act(&stage, id, &case.people, &done), async {
        stage.until_ended(id).await;
    });
    // What was in flight when it ended, a late cost say, settles within a minute.
    stage.pass(Duration::from_secs(60)).await;
    let first = ending(&stage, id).await;
    let retried = match &case.retry {
        None => None,
        Some(retry) => Some(play_again(&stage, id, retry).await.map(Box::new)),
    };
    stage.engine.halt();
    Ok(Ending { retried, ..first })
}

/// Publishes a process that is made from a template.
async fn publish_from(stage: &Stage, template: &str, case: &Case) -> ProcessId {
    let (by, parameters) = (&stage.system, case.parameters.clone());
    let used = stage.templates.make_process(by, template, case.name.clone(), parameters).await;
    let id = used.unwrap_or_else(|error| panic!("{error}")).process_id;
    stage.definitions.publish(by, id).await.unwrap_or_else(|error| panic!("{error}"));
    id
}

async fn start(stage: &Stage, process: ProcessId, case: &Case) -> Result<ExecutionId, String> {
    let request = StartRequest { input: case.input.clone(), triggered_by: "test".into(), ..StartRequest::default() };
    let started = stage.executions.start(&starter(stage, case.starter.as_deref()).await, process, request).await;
    started.map(|outcome| outcome.execution.id()).map_err(|failure| failure.to_string())
}

/// The user of this name, who may start everything; the server itself, if nobody is named.
async fn starter(stage: &Stage, name: Option<&str>) -> Principal {
    match name {
        Some(name) => stage.person(name, "admin").await,
        None => stage.system.clone(),
    }
}

async fn play_again(stage: &Stage, id: ExecutionId, retry: &Retry) -> Result<Ending, String> {
    let from = match retry.from.as_str() {
        "failed" => RetryFrom::Failed,
        "start" => RetryFrom::Start,
        other => panic!("`from: {other}`"),
    };
    stage.agents.rewrite(scripts(&retry.agents));
    let by = starter(stage, retry.by.as_deref()).await;
    let outcome = stage.executions.retry(&by, id, from).await.map_err(|failure| failure.to_string())?;
    let again = outcome.execution.id();
    let done = Cell::new(0);
    tokio::join!(people_act(stage, again, &retry.people, &done), async {
        stage.until_ended(again).await;
    });
    Ok(ending(stage, again).await)
}

impl Theatre {
    fn new(case: &Case, stores: Arc<Stores>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::starting_at(CURTAIN));
        let concurrency = case.settings.agent_concurrency.unwrap_or(64);
        let agents = ScriptedAgents::new(Arc::clone(&clock), scripts(&case.agents)).with_concurrency(concurrency);
        let agents = Arc::new(agents);
        let messages = Arc::new(KeptMessages::default());
        let held = Arc::new(Interposed::new(stores.stores.clone(), StoppedTime));
        let held = ports::Stores::of(&held, held.clone());
        let ids = Arc::new(SequentialIds::default());
        let ports = Ports::on(held, Arc::clone(&agents) as _, Arc::clone(&messages) as _, clock, ids);
        Self { ports, agents, messages, settings: settings(case), _stores: stores }
    }

    /// Starts a server.
    pub async fn open(&self) -> Stage {
        let (agents, messages) = (Arc::clone(&self.agents), Arc::clone(&self.messages));
        Stage::on(self.ports.clone(), agents, messages, self.settings.clone()).await
    }
}

fn settings(case: &Case) -> EngineSettings {
    let wanted = &case.settings;
    // Nobody else is there to be noticed; days pass quickly when nothing wakes up every second.
    let quiet = Duration::from_secs(3_600);
    let mut settings = EngineSettings { poll: quiet, lease: quiet, ..EngineSettings::default() };
    settings.max_concurrent_steps = wanted.max_concurrent_steps.unwrap_or(settings.max_concurrent_steps);
    settings.max_concurrent_executions = wanted.max_concurrent_executions.unwrap_or(settings.max_concurrent_executions);
    settings.max_concurrent_instances = wanted.max_concurrent_instances;
    settings.queue_length = wanted.queue_length.unwrap_or(settings.queue_length);
    settings.agent_wait = wanted.agent_wait.unwrap_or(settings.agent_wait);
    settings.breaker.failures = wanted.breaker_failures.unwrap_or(settings.breaker.failures);
    settings.breaker.open = wanted.breaker_open.unwrap_or(settings.breaker.open);
    settings.breaker.probes = wanted.breaker_probes.unwrap_or(settings.breaker.probes);
    settings.inline_output = wanted.inline_output.unwrap_or(settings.inline_output);
    settings.output = wanted.output.unwrap_or(settings.output);
    settings.undefined = wanted.undefined;
    settings
}
