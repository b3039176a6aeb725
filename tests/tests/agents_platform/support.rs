//! A gateway, a platform, and a clock that nobody waits for.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use procession_agents::{Platform, PlatformSettings};
use procession_application::ports::{AgentFailure, AgentGateway, AgentReply, AgentTask, Clock, Submitted};
use procession_domain::value::{Duration, ErrorCode, ExecutionId, StepId, Timestamp};
use procession_tests::platform::{FakePlatform, Plan};
use uuid::Uuid;

/// The key that plans with a key ask for.
pub const KEY: &str = "trinity_mcp_0123456789012345678901234567890123456789012";

/// A clock on which every sleep is over at once, and which notes how long they were.
pub struct EagerClock {
    now: Mutex<Timestamp>,
    slept: Mutex<Vec<Duration>>,
}

impl EagerClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { now: Mutex::new("2026-11-21T10:00:00+00:00".parse().unwrap()), slept: Mutex::default() })
    }

    /// How long the sleeps were.
    pub fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for EagerClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep_until(&self, until: Timestamp) {
        tokio::task::yield_now().await;
        let mut now = self.now.lock().unwrap();
        self.slept.lock().unwrap().push(until.since(*now));
        *now = (*now).max(until);
    }
}

/// A platform with this plan, in YAML.
pub fn platform(plan: &str) -> FakePlatform {
    FakePlatform::start(Plan::parse(plan).unwrap()).unwrap()
}

/// A platform with the agent `analyst`, with these rules, in YAML.
pub fn analyst(rules: &str) -> FakePlatform {
    platform(&format!("{{\"key\": \"{KEY}\", \"agents\": {{\"analyst\": {{\"rules\": [{rules}]}}}}}}"))
}

/// A gateway to a platform, with settings that a test can change before.
pub fn gateway_with(
    platform: &FakePlatform,
    clock: &Arc<EagerClock>,
    change: impl FnOnce(&mut PlatformSettings),
) -> Platform {
    let mut settings = PlatformSettings::new(&platform.url(), Some(KEY.into())).unwrap();
    change(&mut settings);
    Platform::new(settings, clock.clone())
}

/// A gateway to a platform, as it is by default.
pub fn gateway(platform: &FakePlatform) -> Platform {
    gateway_with(platform, &EagerClock::new(), |_| {})
}

/// A task for the agent `analyst`: the first attempt of this step.
pub fn task(step: &str) -> AgentTask {
    let execution_id = ExecutionId::new(Uuid::from_u128(7));
    AgentTask {
        agent: "analyst".to_owned(),
        message: "Read the market".to_owned(),
        model: None,
        temperature: None,
        timeout: Some(Duration::from_secs(300)),
        key: format!("{execution_id}/{step}/1"),
        execution_id,
        step_id: StepId::new(step).unwrap(),
        attempt: 1,
        trace: None,
    }
}

/// Submits a task and waits for its reply.
pub async fn ask(gateway: &impl AgentGateway, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
    match gateway.submit(task).await? {
        Submitted::Done(reply) => Ok(reply),
        Submitted::Accepted(call_ref) => gateway.wait(task, &call_ref).await,
    }
}

/// The name under which a task was accepted.
pub async fn accepted(gateway: &impl AgentGateway, task: &AgentTask) -> String {
    match gateway.submit(task).await.unwrap() {
        Submitted::Accepted(call_ref) => call_ref,
        Submitted::Done(reply) => panic!("done at once: {reply:?}"),
    }
}

/// A failure's code and message.
pub fn failure<T: std::fmt::Debug>(outcome: Result<T, AgentFailure>) -> (ErrorCode, String) {
    match outcome.unwrap_err() {
        AgentFailure::Failed { code, message, .. } => (code, message),
        AgentFailure::Busy { .. } => panic!("the agent is busy"),
    }
}
