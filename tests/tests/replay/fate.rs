//! How agents, people and receivers answer: as the seed and the question say, whenever they are asked.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use procession_application::ports::{
    AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, Clock, DeliveryFailure, Message,
    Notifier, Recovered, Submitted,
};
use procession_domain::{
    approval::Ballot,
    event::Usage,
    value::{Duration, ErrorCode, Json},
};
use serde_json::json;

/// Decides about everything that is not the server's to decide.
pub struct Fate {
    seed: AtomicU64,
    clock: Arc<dyn Clock>,
    /// The keys of calls that found their agent busy: next time it is not.
    were_busy: Mutex<HashSet<String>>,
}

impl Fate {
    pub fn of(clock: Arc<dyn Clock>) -> Self {
        Self { seed: AtomicU64::new(0), clock, were_busy: Mutex::default() }
    }

    /// Decides by this seed from now on.
    pub fn follow(&self, seed: u64) {
        self.seed.store(seed, Ordering::Relaxed);
    }

    /// A vote on the approval of a step that is asked for this time; `None` lets the deadline decide.
    pub fn ballot(&self, step: &str, time: usize) -> Option<Ballot> {
        match self.percent(&("vote", step, time)) {
            0..45 => Some(Ballot::Approve),
            45..60 => Some(Ballot::Reject),
            60..85 => Some(Ballot::RequestChanges),
            _ => None,
        }
    }

    fn percent(&self, question: &impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed.load(Ordering::Relaxed), question).hash(&mut hasher);
        hasher.finish() % 100
    }

    async fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        let question = question(task);
        let thinks = Duration::from_secs(self.percent(&("thinks", question)) / 5);
        self.clock.sleep_until(self.clock.now().saturating_add(thinks)).await;
        let failure = |code| AgentFailure::Failed {
            code,
            message: "so it is".to_owned(),
            retry_after: None,
            usage: Usage::of_cost(Some("0.1".parse().unwrap())),
        };
        match self.percent(&("answers", question)) {
            0..65 => {}
            65..75 => return Err(failure(ErrorCode::AgentNotFound)),
            _ => return Err(failure(ErrorCode::AgentError)),
        }
        let usage = Usage::of_cost(Some("0.25".parse().unwrap()));
        Ok(AgentReply { text: format!("{question}: {}", task.message), usage })
    }
}

/// What is asked, without the execution's id, which is another one in every run.
fn question(task: &AgentTask) -> &str {
    task.key.split_once('/').unwrap().1
}

#[async_trait]
impl AgentGateway for Fate {
    async fn submit(&self, task: &AgentTask) -> Result<Submitted, AgentFailure> {
        // A busy agent uses up an attempt of a compensation, so that it must not matter whether its answer was lost.
        let may_be_busy = !task.key.contains("/compensation/");
        let is_busy = may_be_busy && self.percent(&("is busy", question(task))) < 15;
        if is_busy && self.were_busy.lock().unwrap().insert(task.key.clone()) {
            return Err(AgentFailure::Busy {
                retry_after: Duration::from_secs(7),
                reason: "the fate says so".to_owned(),
            });
        }
        if self.percent(&("is named", &task.step_id)) < 30 {
            return Ok(Submitted::Accepted(format!("call {}", task.key)));
        }
        self.answer(task).await.map(Submitted::Done)
    }

    async fn wait(&self, task: &AgentTask, _: &str) -> Result<AgentReply, AgentFailure> {
        self.answer(task).await
    }

    async fn recover(&self, task: &AgentTask, call_ref: Option<&str>) -> Result<Recovered, AgentFailure> {
        Ok(match (self.percent(&("recovers", &task.step_id)), call_ref) {
            (0..40, _) => Recovered::Unknown,
            (40..70, Some(call_ref)) => Recovered::Running(call_ref.to_owned()),
            _ => Recovered::Finished(self.answer(task).await),
        })
    }

    async fn abandon(&self, _: &str, _: &str, _: Option<&str>) -> Option<Usage> {
        None
    }

    async fn list(&self) -> Result<Vec<AgentListing>, AgentFailure> {
        Ok(Vec::new())
    }

    async fn health(&self, _: &str) -> Result<AgentStatus, AgentFailure> {
        Ok(AgentStatus::Running)
    }

    fn concurrency(&self, _: &str) -> usize {
        if self.percent(&"has time for one") < 30 { 1 } else { 100 }
    }
}

#[async_trait]
impl Notifier for Fate {
    async fn send(&self, _: &Message) -> Result<Json, DeliveryFailure> {
        Ok(json!({"status": "sent"}))
    }
}
