//! The world around the server: agents and a receiver of messages that outlive it.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use procession_application::ports::{
    AgentFailure, AgentGateway, AgentListing, AgentReply, AgentStatus, AgentTask, DeliveryFailure, ExecutionStore,
    Message, Notifier, Recovered, Submitted,
};
use procession_domain::{
    event::{AttemptEvent, Direction, Event, Usage},
    value::{ErrorCode, Json},
};
use serde_json::json;

use crate::notebook::{Note, Notebook};

/// Agents of different manners, the same after every restart: `forgetful` knows nothing of a call after a crash; `keeper`
/// knows what it has answered; `named` names its calls first and goes on with them; `shaky` fails every first attempt,
/// `broken` every attempt, and both forget.
pub struct World {
    notebook: Notebook,
    /// The server's store, to see whether it asks for something that is done, or that is not stored as begun.
    store: OnceLock<Arc<dyn ExecutionStore>>,
}

impl World {
    pub fn around(folder: &Path) -> Self {
        Self { notebook: Notebook::of(folder), store: OnceLock::new() }
    }

    pub fn watch(&self, store: Arc<dyn ExecutionStore>) {
        assert!(self.store.set(store).is_ok());
    }

    /// What is stored of the attempt that a task is for.
    async fn stored(&self, task: &AgentTask) -> &'static str {
        let loaded = self.store.get().unwrap().load(task.execution_id).await.unwrap().unwrap();
        let direction = if task.key.contains("/compensation/") { Direction::Undo } else { Direction::Do };
        let mut stored = "unknown";
        for recorded in &loaded.events {
            match &recorded.event {
                Event::Attempt(step, at, event) if *step == task.step_id && *at == direction => match event {
                    AttemptEvent::Started(start) if start.attempt == task.attempt => stored = "open",
                    AttemptEvent::Started(_) => stored = "unknown",
                    AttemptEvent::Completed { .. } => stored = "done",
                    _ => {}
                },
                _ => {}
            }
        }
        stored
    }

    fn answer(&self, task: &AgentTask) -> Result<AgentReply, AgentFailure> {
        self.notebook.write(&Note::Answered(task.key.clone()));
        let fails = match task.agent.as_str() {
            "shaky" => task.attempt == 1,
            "broken" => true,
            _ => false,
        };
        if fails {
            let (code, message) = (ErrorCode::AgentError, "as always".to_owned());
            return Err(AgentFailure::Failed { code, message, retry_after: None, usage: Usage::default() });
        }
        let text = format!("{} by {}", task.message, task.agent);
        let usage = Usage::of_cost(Some("0.25".parse().unwrap()));
        Ok(AgentReply { text, usage })
    }
}

#[async_trait]
impl AgentGateway for World {
    async fn submit(&self, task: &AgentTask) -> Result<Submitted, AgentFailure> {
        let stored = self.stored(task).await.to_owned();
        self.notebook.write(&Note::Asked { key: task.key.clone(), stored });
        if task.agent == "named" {
            return Ok(Submitted::Accepted(format!("call-{}", task.key)));
        }
        self.answer(task).map(Submitted::Done)
    }

    async fn wait(&self, task: &AgentTask, call_ref: &str) -> Result<AgentReply, AgentFailure> {
        assert_eq!(call_ref, format!("call-{}", task.key));
        self.answer(task)
    }

    async fn recover(&self, task: &AgentTask, _: Option<&str>) -> Result<Recovered, AgentFailure> {
        let notes = self.notebook.read();
        let was_asked = notes.iter().any(|note| matches!(note, Note::Asked { key, .. } if *key == task.key));
        let has_answered = notes.contains(&Note::Answered(task.key.clone()));
        Ok(match task.agent.as_str() {
            "keeper" if has_answered => Recovered::Finished(self.answer(task)),
            "named" if was_asked => Recovered::Running(format!("call-{}", task.key)),
            _ => Recovered::Unknown,
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
        10
    }
}

#[async_trait]
impl Notifier for World {
    async fn send(&self, message: &Message) -> Result<Json, DeliveryFailure> {
        self.notebook.write(&Note::Delivered(format!("{} {}", message.channel, message.delivery_id)));
        Ok(json!({"status": "sent", "status_code": 200}))
    }
}
