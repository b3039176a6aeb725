//! How long attempts were at work, and what they used.

use procession_domain::{
    definition::StepType,
    event::Recorded,
    execution::{Attempt, Execution},
    value::{Currency, Duration, Timestamp},
};

/// What the calls of an execution have used: what it cost itself, without sub-processes, and its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spending {
    /// The cost in 10⁻⁹ units.
    pub nanos: i64,
    /// Tokens read, those from and for caches included.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// How long an execution was at work so far: the time in which at least one attempt of an agent, a message or a
/// sub-process was under way. The rest of its time it waited.
pub fn working_time(execution: &Execution) -> Duration {
    let state = execution.state();
    let end = state.completed_at.unwrap_or(state.updated_at);
    let work = execution.steps().filter(|(step, _)| is_work(step.step_type()));
    let done = work.flat_map(|(_, state)| &state.attempts);
    let undone = execution.steps().filter_map(|(_, state)| state.compensation.as_ref());
    time_in(done.chain(undone.flat_map(|undo| &undo.attempts)), end)
}

pub(super) const fn is_work(step_type: StepType) -> bool {
    match step_type {
        StepType::AgentTask | StepType::Notification | StepType::SubProcess => true,
        StepType::HumanApproval | StepType::Gateway | StepType::Timer => false,
    }
}

/// The time in which at least one of these attempts was under way, up to a moment.
pub(super) fn time_in<'a>(attempts: impl Iterator<Item = &'a Attempt>, end: Timestamp) -> Duration {
    let span = |attempt: &Attempt| (attempt.started_at, attempt.ended_at.unwrap_or(end).min(end));
    let mut spans: Vec<(Timestamp, Timestamp)> = attempts.map(span).collect();
    spans.sort_unstable();
    let (mut millis, mut reached) = (0_u64, Timestamp::from_micros(i64::MIN));
    for (from, until) in spans {
        millis = millis.saturating_add(until.since(from.max(reached)).as_millis());
        reached = reached.max(until);
    }
    Duration::from_millis(millis)
}

impl Spending {
    /// What the calls of these events have used; amounts of another currency are left out.
    pub fn of<'e>(events: impl Iterator<Item = &'e Recorded>, currency: Currency) -> Self {
        let mut spending = Self::default();
        for usage in events.filter_map(|recorded| recorded.event.usage()) {
            if let Some(cost) = usage.cost.filter(|cost| cost.currency() == currency) {
                spending.nanos = spending.nanos.saturating_add(cost.nanos());
            }
            if let Some(tokens) = &usage.token_usage {
                let read = [tokens.input_tokens, tokens.cached_input_tokens, tokens.cache_write_tokens];
                let read = read.into_iter().flatten().fold(0_u64, u64::saturating_add);
                spending.input_tokens = spending.input_tokens.saturating_add(read);
                spending.output_tokens = spending.output_tokens.saturating_add(tokens.output_tokens.unwrap_or(0));
            }
        }
        spending
    }

    /// Adds up.
    pub const fn add(&mut self, other: Self) {
        self.nanos = self.nanos.saturating_add(other.nanos);
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }
}
