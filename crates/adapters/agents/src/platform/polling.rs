//! Following an execution to its end (spec 6, 3, 5 and 8).

use procession_application::ports::{AgentFailure, AgentReply, AgentTask, Clock};
use procession_domain::{
    event::Usage,
    value::{Duration, ErrorCode, Timestamp},
};

use super::{
    Platform, PlatformSettings,
    answers::{ExecutionResult, Progress},
    classify::{Trouble, failed_execution},
    lookup::{Found, Lookup},
    submission::Sent,
};
use crate::failure::{failed, paid};

/// How often in a row a permanent refusal is heard before it is believed.
const REFUSALS: u32 = 3;
/// The part of the time that has passed after which an execution is looked at again: its end is told no later than
/// after a tenth more than it took.
const NEXT_LOOK: f64 = 0.1;

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
    keys_since: Option<Timestamp>,
}

/// When to look next.
pub(super) struct Pace<'a> {
    clock: &'a dyn Clock,
    began: Timestamp,
    first: Duration,
    most: Duration,
}

impl Pace<'_> {
    /// Waits for the next look.
    pub(super) async fn pause(&self) {
        let now = self.clock.now();
        let pause = now.since(self.began).scale(NEXT_LOOK).min(self.most).max(self.first);
        self.clock.sleep_until(now.saturating_add(pause)).await;
    }
}

impl Platform {
    /// Polls until the execution has ended, or its time and the slack are over.
    pub(super) async fn poll(&self, task: &AgentTask, id: &str) -> Result<AgentReply, AgentFailure> {
        let limit = self.patience(task);
        let give_up_at = self.clock.now().saturating_add(limit).saturating_add(self.settings.slack);
        let mut refusals = Refusals::default();
        let pace = self.pace();
        loop {
            pace.pause().await;
            let doubt = match self.look_at(&task.agent, &task.key, id).await {
                Look::Ended(outcome) => return outcome,
                Look::Runs(doubt) => {
                    refusals = Refusals::default();
                    doubt
                }
                Look::Unclear(trouble) if self.is_believed(&mut refusals, &trouble) => {
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
                tracing::debug!(%id, ?trouble, "the platform does not report how an execution is going");
                return Look::Unclear(trouble);
            }
        };
        self.key_works();
        match ending(&result) {
            Ok(None) => Look::Runs(None),
            Ok(Some(reply)) => Look::Ended(Ok(self.with_tokens(agent, id, reply).await)),
            Err(doubt @ Trouble::FalselyFailed(_)) => Look::Runs(Some(doubt)),
            Err(trouble) => Look::Ended(Err(paid(self.refused(key, trouble), result.usage()))),
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
        let pace = self.pace();
        while self.clock.now() < give_up_at {
            match self.look_at(agent, key, &id).await {
                Look::Ended(Ok(reply)) => return Some(reply.usage),
                Look::Ended(Err(AgentFailure::Failed { usage, .. })) => return usage.cost.is_some().then_some(usage),
                Look::Ended(Err(AgentFailure::Busy { .. })) => return None,
                Look::Runs(_) => refusals = Refusals::default(),
                Look::Unclear(trouble) if self.is_believed(&mut refusals, &trouble) => return None,
                Look::Unclear(_) => {}
            }
            pace.pause().await;
        }
        None
    }

    /// The looks from now on.
    pub(super) fn pace(&self) -> Pace<'_> {
        let PlatformSettings { poll_first, poll_most, .. } = self.settings;
        Pace { clock: self.clock.as_ref(), began: self.clock.now(), first: poll_first, most: poll_most }
    }

    /// The reply with the tokens of its transcript, which is fetched once; without it the reply stands all the same.
    async fn with_tokens(&self, agent: &str, id: &str, reply: AgentReply) -> AgentReply {
        if !self.settings.read_tokens {
            return reply;
        }
        let usage = match self.calls.result(agent, id, true).await {
            Ok(with_log) => with_log.usage(),
            Err(trouble) => {
                tracing::debug!(%id, ?trouble, "the token counts of an execution remain unknown");
                return reply;
            }
        };
        AgentReply {
            text: reply.text,
            usage: Usage { token_usage: usage.token_usage, ..Usage::of_cost(reply.usage.cost.or(usage.cost)) },
        }
    }

    /// Counts a trouble; whether it is time to believe it.
    fn is_believed(&self, refusals: &mut Refusals, trouble: &Trouble) -> bool {
        if matches!(trouble, Trouble::KeyOrBackend(_)) {
            let since = *refusals.keys_since.get_or_insert_with(|| self.clock.now());
            return self.clock.now() >= since.saturating_add(self.settings.key_patience);
        }
        refusals.keys_since = None;
        refusals.permanent += u32::from(trouble.is_permanent());
        trouble.is_permanent() && refusals.permanent >= REFUSALS
    }

    fn lost_execution(&self, id: &str, trouble: Trouble) -> AgentFailure {
        match trouble {
            Trouble::NotFound(said) => {
                failed(ErrorCode::AgentError, format!("the platform no longer knows the execution {id}: {said}"))
            }
            other => self.failure(other),
        }
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
