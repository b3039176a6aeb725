//! Use cases of triggers: what starts processes by the clock and by a call (spec 1.8, 5.7, 4b 6, 4c).
//!
//! * `schedules`: seeing schedules, pausing and running them; `firing`: what is to be done about one now; `keeper`: the loop
//!   that does it;
//! * `webhooks`: seeing webhooks, switching them, their calls; `receiving`: a call; `signatures`: whether it is let in.

mod firing;
mod keeper;
mod receiving;
mod schedules;
mod signatures;
mod webhooks;

use std::sync::Arc;

use tokio::sync::Notify;

pub(crate) use keeper::Keeper;
pub(crate) use receiving::Spam;
pub use receiving::{CallFailure, IncomingCall, Received};
pub use schedules::{ScheduleState, ShownSchedule};
pub use webhooks::WebhookAnswer;

use crate::{
    access::Forbidden,
    door::Door,
    executions::{Executions, StartFailure},
    ports::{Clock, DefinitionStore, IdGenerator, ScheduleStore, StoreError, WebhookAddress, WebhookStore},
    variables::Variables,
};

/// The service for triggers.
#[derive(Clone)]
pub struct Triggers(Arc<TriggerPorts>);

/// What the use cases of triggers ask of the world.
pub(crate) struct TriggerPorts {
    pub definitions: Arc<dyn DefinitionStore>,
    pub schedules: Arc<dyn ScheduleStore>,
    pub incoming: Arc<dyn WebhookStore>,
    pub executions: Executions,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub door: Door,
    pub variables: Variables,
    /// Wakes who keeps the schedules.
    pub changed: Arc<Notify>,
    pub spam: Spam,
}

/// Why triggers can't be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum TriggerFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such process.
    #[error("Process not found")]
    NoProcess,
    /// There is no such webhook.
    #[error("Trigger not found: {0}")]
    NoWebhook(WebhookAddress),
    /// There is no such call.
    #[error("Call not found")]
    NoCall,
    /// The call can't be repeated.
    #[error("this call can't be replayed: {0}")]
    NotReplayable(&'static str),
    /// There is no such schedule.
    #[error("Schedule trigger not found: {0}")]
    NoSchedule(String),
    /// Others keep changing it.
    #[error("the schedule is being changed by others; try again")]
    Contended,
    /// The execution can't be started.
    #[error(transparent)]
    Start(#[from] StartFailure),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Triggers {
    /// The service.
    pub(crate) fn new(ports: TriggerPorts) -> Self {
        Self(Arc::new(ports))
    }
}
