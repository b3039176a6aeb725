//! Following an execution to its end (spec 6, 3, 5 and 8).

use std::iter;

use procession_application::ports::{AgentFailure, AgentReply, AgentTask};
use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode},
};

use super::{
    Platform,
    answers::{ExecutionResult, Progress},
    classify::{Trouble, failed_execution},
    lookup::{Found, Lookup},
    submission::Sent,
};
use crate::failure::failed;

/// How often in a row a permanent refusal is heard before it is believed.
const REFUSALS: u32 = 3;
/// How much longer a refused key is borne with once a task runs: it goes on whether the backend answers or not.
const KEY_PATIENCE: u32 = 4;
/// The pause between two looks when the settings name none.
const USUAL_PAUSE: Duration = Duration::from_secs(10);

/// What one look at an execution shows.
pub(super) enum Look {
    /// It has ended.
    Ended(Result<AgentReply, AgentFailure>),
    /// It runs; or the platform says that it failed, and may be wrong.
    Runs(Option<Trouble>),
    /// The platform does not tell.
    Unclear(Trouble),
}

/// Refusals in a row.
#[derive(Default)]
struct Refusals {
    permanent: u32,
    keys: u32,
}

impl Platform {
    /// Polls until the execution has ended, or its time and the slack are over.
    pub(super) async fn poll(&self, task: &AgentTask, id: &str) -> Result<AgentReply, AgentFailure> {
        let limit = self.patience(task);
        let give_up_at = self.clock.now().saturating_add(limit).saturating_add(self.settings.slack);
        let mut refusals = Refusals::default();
        let mut pauses = self.pauses();
        loop {
            self.pause(&mut pauses).await;
            let doubt = match self.look_at(&task.agent, &task.key, id).await {
                Look::Ended(outcome) => return outcome,
                Look::Runs(doubt) => {
                    refusals = Refusals::default();
                    doubt
                }
                Look::Unclear(trouble) if refusals.are_enough(&trouble, self.settings.key_attempts) => {
                    return Err(self.lost_execution(id, trouble));
                }
                Look::Unclear(trouble) => Some(trouble),
            };
            if self.clock.now() >= give_up_at {
                return Err(overdue(&task.agent, limit, doubt));
            }
        }
    }

    /// One look.
    pub(super) async fn look_at(&self, agent: &str, key: &str, id: &str) -> Look {
        let result = match self.calls.result(agent, id, false).await {
            Ok(result) => result,
            Err(trouble) => {
                tracing::debug!(%id, ?trouble, "the platform does not tell how an execution is going");
                return Look::Unclear(trouble);
            }
        };
        self.key_works();
        match ending(&result) {
            Ok(None) => Look::Runs(None),
            Ok(Some(reply)) => Look::Ended(Ok(self.with_tokens(agent, id, reply).await)),
            Err(doubt @ Trouble::FalselyFailed(_)) => Look::Runs(Some(doubt)),
            Err(trouble) => Look::Ended(Err(with_usage(self.refused(key, trouble), result.usage()))),
        }
    }

    /// Follows an execution that nobody waits for any more, for its cost.
    pub(super) async fn late_usage(&self, agent: &str, key: &str, call_ref: Option<&str>) -> Option<Usage> {
        let longest = self.settings.follow_abandoned;
        let give_up_at = self.clock.now().saturating_add(longest);
        let id = match (call_ref, self.sent.get(key)) {
            (Some(id), _) => id.to_owned(),
            (None, Some(Sent::Accepted(id))) => id,
            (None, Some(Sent::Unanswered) | None) => match self.look_up(&Lookup::by_key(agent, key), longest).await {
                Ok(Found::Execution(id)) => id,
                Ok(Found::Nothing) | Err(_) => return None,
            },
        };
        let mut refusals = Refusals::default();
        let mut pauses = self.pauses();
        while self.clock.now() < give_up_at {
            match self.look_at(agent, key, &id).await {
                Look::Ended(Ok(reply)) => return Some(reply.usage),
                Look::Ended(Err(AgentFailure::Failed { usage, .. })) => return usage.cost.is_some().then_some(usage),
                Look::Ended(Err(AgentFailure::Busy { .. })) => return None,
                Look::Runs(_) => refusals = Refusals::default(),
                Look::Unclear(trouble) if refusals.are_enough(&trouble, self.settings.key_attempts) => return None,
                Look::Unclear(_) => {}
            }
            self.pause(&mut pauses).await;
        }
        None
    }

    /// The pauses between two looks: those of the settings, the last one again and again.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let schedule = self.settings.poll.clone();
        let last = schedule.last().copied().unwrap_or(USUAL_PAUSE);
        schedule.into_iter().chain(iter::repeat(last))
    }

    /// Waits for the next look.
    pub(super) async fn pause(&self, pauses: &mut (impl Iterator<Item = Duration> + Send)) {
        let pause = pauses.next().unwrap_or(USUAL_PAUSE);
        self.clock.sleep_until(self.clock.now().saturating_add(pause)).await;
    }

    /// The reply with the tokens of its transcript, which is fetched once; without it the reply stands all the same.
    async fn with_tokens(&self, agent: &str, id: &str, reply: AgentReply) -> AgentReply {
        if !self.settings.read_tokens {
            return reply;
        }
        let usage = match self.calls.result(agent, id, true).await {
            Ok(with_log) => with_log.usage(),
            Err(trouble) => {
                tracing::debug!(%id, ?trouble, "the tokens of an execution stay unknown");
                return reply;
            }
        };
        AgentReply {
            text: reply.text,
            usage: Usage { cost: reply.usage.cost.or(usage.cost), token_usage: usage.token_usage },
        }
    }

    fn lost_execution(&self, id: &str, trouble: Trouble) -> AgentFailure {
        match trouble {
            Trouble::NotFound(said) => {
                failed(ErrorCode::AgentError, format!("the platform does not know the execution {id} any more: {said}"))
            }
            other => self.failure(other),
        }
    }
}

impl Refusals {
    /// Counts a trouble; whether it is time to believe it.
    const fn are_enough(&mut self, trouble: &Trouble, key_attempts: u32) -> bool {
        if matches!(trouble, Trouble::KeyOrBackend(_)) {
            self.keys += 1;
            return self.keys >= key_attempts.saturating_mul(KEY_PATIENCE);
        }
        if trouble.is_permanent() {
            self.permanent += 1;
            return self.permanent >= REFUSALS;
        }
        false
    }
}

/// How an execution has ended; `None` while it runs.
fn ending(result: &ExecutionResult) -> Result<Option<AgentReply>, Trouble> {
    match result.progress() {
        Progress::Running => Ok(None),
        Progress::Success => match result.response.as_deref() {
            Some(text) if !text.is_empty() => Ok(Some(AgentReply { text: text.to_owned(), usage: result.usage() })),
            // The platform itself counts an empty answer as an error (spec 6, 2.4).
            Some(_) | None => Err(Trouble::AgentError("the agent answered without text".to_owned())),
        },
        Progress::Failed => Err(failed_execution(result.error.as_deref().unwrap_or_default())),
        Progress::Cancelled => Err(Trouble::Cancelled("the execution was ended on the platform".to_owned())),
        Progress::Skipped => Err(Trouble::AgentError("the platform skipped the execution".to_owned())),
    }
}

fn overdue(agent: &str, limit: Duration, doubt: Option<Trouble>) -> AgentFailure {
    let doubt = doubt.map_or_else(String::new, |trouble| format!("; last heard: {trouble}"));
    failed(ErrorCode::Timeout, format!("the agent `{agent}` has not answered within {limit}{doubt}"))
}

/// A failure with the cost that the platform tells all the same.
fn with_usage(failure: AgentFailure, paid: Usage) -> AgentFailure {
    match failure {
        AgentFailure::Failed { code, message, retry_after, usage: _ } => {
            AgentFailure::Failed { code, message, retry_after, usage: paid }
        }
        busy @ AgentFailure::Busy { .. } => busy,
    }
}
