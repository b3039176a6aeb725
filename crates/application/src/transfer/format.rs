//! The lines of an export. Each is a JSON object with its kind as its one key; within it stands what the stores hold, as they hold it.

use procession_domain::{
    approval::Approval,
    definition::{Definition, ProcessStatus},
    event::{Creation, Event, Recorded},
    execution::Snapshot,
    value::{ContentHash, ExecutionId, ProcessId, Timestamp},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The form of the lines; another number means another form.
pub(super) const FORMAT: &str = "procession.export/1";

/// A line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// The first one.
    Export(Head),
    /// A version of a process, before the first execution that runs it.
    Process(Box<ProcessLine>),
    /// An execution.
    Execution(Box<ExecutionLine>),
}

/// What stands first.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub format: String,
    pub exported_at: Timestamp,
}

/// A version of a process.
#[derive(Serialize, Deserialize)]
pub(super) struct ProcessLine {
    pub id: ProcessId,
    pub status: ProcessStatus,
    pub revision: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// The author's text, byte for byte.
    pub yaml: String,
    /// What executions run on.
    pub model: Definition,
}

/// An execution with everything that belongs to it.
#[derive(Serialize, Deserialize)]
pub(super) struct ExecutionLine {
    pub id: ExecutionId,
    pub creation: Creation,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed_at: Option<Timestamp>,
    /// Its state, if not all of its events are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Snapshot>,
    pub events: Vec<EventLine>,
    pub values: Vec<ValueLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
}

/// An event; without one, it is the creation, which stands beside.
#[derive(Serialize, Deserialize)]
pub(super) struct EventLine {
    pub sequence: u64,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
}

/// A value: its JSON text, whose hash it is known by, so that not a byte of it may change.
#[derive(Serialize, Deserialize)]
pub(super) struct ValueLine {
    pub hash: ContentHash,
    pub json: Box<RawValue>,
}

impl EventLine {
    /// The line of an event.
    pub fn of(recorded: &Recorded) -> Self {
        use procession_domain::event::ProcessEvent;
        let is_creation = matches!(recorded.event, Event::Process(ProcessEvent::Created(_)));
        let event = (!is_creation).then(|| recorded.event.clone());
        Self { sequence: recorded.sequence, at: recorded.at, event }
    }
}
