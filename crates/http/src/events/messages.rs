//! Events as messages: their formats, and those written lately, so that an event is written once for all clients.

use axum::extract::ws::Utf8Bytes;
use moka::sync::Cache;
use procession_application::ports::StoredEvent;
use procession_domain::{
    definition::Definition,
    event::{ApprovalEvent, AttemptEvent, ChildEvent, Direction, Event, ProcessEvent, StepEvent},
};

use super::{Naming, text_of};

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// `process_event` with snake-cased types.
    Classic,
    /// Types with colons, camel-cased fields.
    V2,
}

/// Messages written lately.
pub(crate) struct Messages(Cache<(u64, Format), Utf8Bytes>);

/// How many bytes of messages are kept.
const KEPT: u64 = 8 * 1024 * 1024;

/// For how long they are kept.
const KEPT_FOR: std::time::Duration = std::time::Duration::from_secs(10);

impl Messages {
    pub fn new() -> Self {
        let size = |_: &(u64, Format), text: &Utf8Bytes| u32::try_from(text.as_str().len()).unwrap_or(u32::MAX);
        Self(Cache::builder().weigher(size).max_capacity(KEPT).time_to_live(KEPT_FOR).build())
    }

    /// The message, if it was written lately.
    pub fn known(&self, event: &StoredEvent, format: Format) -> Option<Utf8Bytes> {
        self.0.get(&(event.id, format))
    }

    /// The message of an event.
    pub fn of(&self, event: &StoredEvent, definition: &Definition, format: Format) -> Utf8Bytes {
        self.known(event, format).unwrap_or_else(|| {
            let text = Utf8Bytes::from(text_of(event, definition, format.naming()));
            self.0.insert((event.id, format), text.clone());
            text
        })
    }
}

impl Format {
    /// The format that a client asks for with `?format=`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "v2" => Some(Self::V2),
            "v1" | "classic" => Some(Self::Classic),
            _ => None,
        }
    }

    const fn naming(self) -> Naming {
        match self {
            Self::Classic => Naming::Classic,
            Self::V2 => Naming::V2,
        }
    }
}

/// The type of an event in the second format.
pub(super) const fn v2_type(event: &Event) -> &'static str {
    match event {
        Event::Process(event) => match event {
            ProcessEvent::Created(_) => "execution:created",
            ProcessEvent::Started { .. } => "execution:started",
            ProcessEvent::Paused(_) => "execution:paused",
            ProcessEvent::Resumed { .. } => "execution:resumed",
            ProcessEvent::Completed { .. } => "execution:completed",
            ProcessEvent::Failed { .. } => "execution:failed",
            ProcessEvent::Cancelled(_) => "execution:cancelled",
            ProcessEvent::RollBackStarted { .. } => "compensation:started",
            ProcessEvent::BudgetWarning { .. } => "budget:warning",
            ProcessEvent::BudgetRaised { .. } => "budget:raised",
        },
        Event::Step(_, event) => match event {
            StepEvent::Skipped(_) => "step:skipped",
            StepEvent::WaitingApproval { .. } => "step:waiting_approval",
            StepEvent::Cancelled => "step:cancelled",
            StepEvent::Reset { .. } => "step:reset",
            StepEvent::Reused { .. } => "step:reused",
            StepEvent::GatewayEvaluated(_) => "gateway:evaluated",
        },
        Event::Attempt(_, direction, event) => match (direction, event) {
            (Direction::Do, AttemptEvent::Started(_) | AttemptEvent::Resumed { .. }) => "step:started",
            (Direction::Do, AttemptEvent::Waiting(_)) => "step:waiting",
            (Direction::Do, AttemptEvent::Submitted { .. }) => "step:submitted",
            (Direction::Do, AttemptEvent::Retrying { .. }) => "step:retrying",
            (Direction::Do, AttemptEvent::Completed { .. }) => "step:completed",
            (Direction::Do, AttemptEvent::Failed { .. }) => "step:failed",
            (Direction::Undo, AttemptEvent::Started(_) | AttemptEvent::Resumed { .. }) => "compensation:step_started",
            (Direction::Undo, AttemptEvent::Submitted { .. }) => "compensation:step_submitted",
            (Direction::Undo, AttemptEvent::Retrying { .. } | AttemptEvent::Waiting(_)) => "compensation:step_retrying",
            (Direction::Undo, AttemptEvent::Completed { .. }) => "compensation:completed",
            (Direction::Undo, AttemptEvent::Failed { .. }) => "compensation:failed",
            (_, AttemptEvent::Interrupted { .. }) => "step:interrupted",
            (_, AttemptEvent::CostRecorded { .. }) => "cost:recorded",
        },
        Event::Approval(_, _, event) => match event {
            ApprovalEvent::Requested { .. } => "approval:requested",
            ApprovalEvent::Voted { .. } => "approval:voted",
            ApprovalEvent::Decided(_) => "approval:decided",
            ApprovalEvent::Delegated { .. } => "approval:delegated",
            ApprovalEvent::Escalated { .. } => "approval:escalated",
            ApprovalEvent::Expired => "approval:expired",
        },
        Event::Child(_, _, event) => match event {
            ChildEvent::Started { .. } => "child:started",
            ChildEvent::Completed { .. } => "child:completed",
        },
    }
}
