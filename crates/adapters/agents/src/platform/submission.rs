//! Submitting a task so that it is done once, whatever happens to the answer (spec 6, 2 and 4).

use std::hash::{DefaultHasher, Hash, Hasher};

use procession_application::ports::{AgentFailure, AgentTask, Submitted};
use procession_domain::value::Duration;

use super::{
    Platform,
    calls::Accepted,
    classify::Trouble,
    lookup::{Found, Lookup},
};

/// How often a task is sent when the platform turns out, each time, never to have taken it.
const SENDINGS: u32 = 3;

/// What this process knows of a key that it has sent.
#[derive(Debug, Clone)]
pub(super) enum Sent {
    /// Nobody has answered, or nobody was there to hear it.
    Unanswered,
    /// It runs, or ran, under this id.
    Accepted(String),
}

impl Platform {
    /// Submits a task. A key that was sent before and not answered is looked up first.
    pub(super) async fn submit_once(&self, task: &AgentTask) -> Result<Submitted, AgentFailure> {
        match self.sent.get(&task.key) {
            Some(Sent::Accepted(id)) => return Ok(Submitted::Accepted(id)),
            Some(Sent::Unanswered) => {
                if let Found::Execution(id) = self.look_up(&Lookup::of(task), self.patience(task)).await? {
                    return Ok(self.adopt(task, id));
                }
            }
            None => {}
        }
        let mut last = Trouble::NotSent("the task was not sent".to_owned());
        for _ in 0..SENDINGS {
            // Noted before it is sent: should this future be dropped now, the next submission looks it up.
            self.sent.insert(task.key.clone(), Sent::Unanswered);
            match self.calls.chat(task).await {
                Ok(Accepted::Execution(id)) => {
                    self.key_works();
                    return Ok(self.adopt(task, id));
                }
                Ok(Accepted::Done(reply)) => {
                    self.sent.invalidate(&task.key);
                    return Ok(Submitted::Done(reply));
                }
                Err(doubt @ (Trouble::UnknownOutcome(_) | Trouble::KeyOrBackend(_))) => {
                    tracing::warn!(key = %task.key, ?doubt, "the platform has not confirmed a task; it is looked up");
                    match self.look_up(&Lookup::of(task), self.patience(task)).await? {
                        Found::Execution(id) => return Ok(self.adopt(task, id)),
                        Found::Nothing => last = doubt,
                    }
                }
                Err(refused) => {
                    self.sent.invalidate(&task.key);
                    return Err(self.refused(&task.key, refused));
                }
            }
        }
        self.sent.invalidate(&task.key);
        Err(self.failure(last))
    }

    fn adopt(&self, task: &AgentTask, id: String) -> Submitted {
        self.sent.insert(task.key.clone(), Sent::Accepted(id.clone()));
        Submitted::Accepted(id)
    }

    /// A definite refusal, with the pauses of the settings.
    pub(super) fn refused(&self, key: &str, trouble: Trouble) -> AgentFailure {
        match trouble {
            Trouble::Busy(reason) => {
                // It never ran, and comes again under the same key.
                self.sent.invalidate(key);
                AgentFailure::Busy { retry_after: self.settings.busy_pause.scale(self.jitter(key)), reason }
            }
            Trouble::RateLimited { message, pause } => self.failure(Trouble::RateLimited {
                message,
                pause: Some(pause.unwrap_or_else(|| self.settings.rate_limit_pause.into())),
            }),
            other => self.failure(other),
        }
    }

    /// A factor from 0.8 to 1.2, so that many tasks of one agent do not come back at the same instant.
    fn jitter(&self, key: &str) -> f64 {
        let mut hasher = DefaultHasher::new();
        (key, self.clock.now().as_micros()).hash(&mut hasher);
        let thousandths = u16::try_from(hasher.finish() % 401).unwrap_or(200);
        0.8 + f64::from(thousandths) / 1_000.0
    }

    /// How long a task's whereabouts are asked for while the platform gives no answer.
    pub(super) fn patience(&self, task: &AgentTask) -> Duration {
        task.timeout.unwrap_or(self.settings.default_timeout)
    }
}
