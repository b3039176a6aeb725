//! Events as messages: those that the existing frontend knows (spec 4b 14.1), and the second format (spec 4).

use axum::extract::ws::Utf8Bytes;
use moka::sync::Cache;
use procession_application::ports::StoredEvent;
use procession_domain::{event::Event, value::Json};
use serde_json::Map;

use super::{Context, flat};

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// `process_event` with snake-cased types.
    Classic,
    /// Types with colons, camel-cased fields.
    V2,
}

/// Messages written lately, so that an event is written once for all clients.
pub(crate) struct Rendered(Cache<(u64, Format), Utf8Bytes>);

/// How many bytes of messages are kept.
const KEPT: u64 = 8 * 1024 * 1024;

/// For how long they are kept.
const KEPT_FOR: std::time::Duration = std::time::Duration::from_secs(10);

impl Rendered {
    pub fn new() -> Self {
        let size = |_: &(u64, Format), text: &Utf8Bytes| u32::try_from(text.as_str().len()).unwrap_or(u32::MAX);
        Self(Cache::builder().weigher(size).max_capacity(KEPT).time_to_live(KEPT_FOR).build())
    }

    /// The message, if it was written lately.
    pub fn known(&self, event: &StoredEvent, format: Format) -> Option<Utf8Bytes> {
        self.0.get(&(event.id, format))
    }

    /// The message of an event.
    pub fn of(&self, event: &StoredEvent, context: &Context, format: Format) -> Utf8Bytes {
        self.known(event, format).unwrap_or_else(|| {
            let text = Utf8Bytes::from(Json::Object(message(event, context, format)).to_string());
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
}

fn message(event: &StoredEvent, context: &Context, format: Format) -> Map<String, Json> {
    let fields = flat(event, context);
    match format {
        Format::Classic => classic(event, fields),
        Format::V2 => v2(event, fields),
    }
}

/// What the existing frontend reads besides the names of the history.
const CLASSIC_NAMES: [(&str, &str); 3] =
    [("error_message", "error"), ("total_duration_seconds", "duration_seconds"), ("assignees", "approvers")];

fn classic(event: &StoredEvent, fields: Map<String, Json>) -> Map<String, Json> {
    let mut message = Map::new();
    message.insert("type".into(), "process_event".into());
    message.insert("event_id".into(), event.id.into());
    for (old, new) in CLASSIC_NAMES {
        if let Some(value) = fields.get(old) {
            message.insert(new.into(), value.clone());
        }
    }
    message.extend(fields);
    message.insert("event_type".into(), snake_case(event.event.event_type()).into());
    message
}

/// Fields that have other names in the second format.
const V2_NAMES: [(&str, &str); 5] = [
    ("error_message", "error"),
    ("duration_seconds", "duration"),
    ("total_duration_seconds", "duration"),
    ("assignees", "approvers"),
    ("output_data", "output"),
];

fn v2(event: &StoredEvent, fields: Map<String, Json>) -> Map<String, Json> {
    let mut message = Map::new();
    message.insert("type".into(), v2_type(&event.event).into());
    message.insert("eventId".into(), event.id.into());
    for (name, value) in fields {
        let renamed = V2_NAMES.iter().find(|(old, _)| *old == name).map(|(_, new)| (*new).to_owned());
        message.insert(renamed.unwrap_or_else(|| camel_case(&name)), value);
    }
    message
}

/// The type of an event in the second format.
const fn v2_type(event: &Event) -> &'static str {
    match event {
        Event::ExecutionCreated(_) => "execution:created",
        Event::ProcessStarted { .. } => "execution:started",
        Event::ProcessPaused(_) => "execution:paused",
        Event::ProcessResumed { .. } => "execution:resumed",
        Event::ProcessCompleted { .. } => "execution:completed",
        Event::ProcessFailed { .. } => "execution:failed",
        Event::ProcessCancelled(_) => "execution:cancelled",
        Event::CompensationStarted { .. } => "compensation:started",
        Event::BudgetWarning { .. } => "budget:warning",
        Event::BudgetRaised { .. } => "budget:raised",
        Event::CostRecorded { .. } => "cost:recorded",
        Event::StepStarted(_) => "step:started",
        Event::StepSubmitted { .. } => "step:submitted",
        Event::StepCompleted { .. } => "step:completed",
        Event::StepFailed { .. } => "step:failed",
        Event::StepRetrying { .. } => "step:retrying",
        Event::StepSkipped { .. } => "step:skipped",
        Event::StepWaiting { .. } => "step:waiting",
        Event::StepWaitingApproval { .. } => "step:waiting_approval",
        Event::StepCancelled { .. } => "step:cancelled",
        Event::StepInterrupted { .. } => "step:interrupted",
        Event::StepReset { .. } => "step:reset",
        Event::StepReused { .. } => "step:reused",
        Event::GatewayEvaluated { .. } => "gateway:evaluated",
        Event::CompensationStepStarted(_) => "compensation:step_started",
        Event::CompensationStepSubmitted { .. } => "compensation:step_submitted",
        Event::CompensationStepRetrying { .. } => "compensation:step_retrying",
        Event::CompensationCompleted { .. } => "compensation:completed",
        Event::CompensationFailed { .. } => "compensation:failed",
        Event::ApprovalRequested { .. } => "approval:requested",
        Event::ApprovalVoted { .. } => "approval:voted",
        Event::ApprovalDecided { .. } => "approval:decided",
        Event::ApprovalDelegated { .. } => "approval:delegated",
        Event::ApprovalEscalated { .. } => "approval:escalated",
        Event::ApprovalExpired { .. } => "approval:expired",
        Event::ChildStarted { .. } => "child:started",
        Event::ChildCompleted { .. } => "child:completed",
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_their_case() {
        assert_eq!(snake_case("StepWaitingApproval"), "step_waiting_approval");
        assert_eq!(camel_case("failed_step_id"), "failedStepId");
        assert_eq!(camel_case("id"), "id");
    }
}
