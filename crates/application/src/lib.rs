//! The application: ports, the engine, and the use cases.
//!
//! * [`ports`]: what the application asks of the world, as traits; adapters implement them.
//! * [`engine`]: runs executions: claims them, lets the domain decide, commits, makes calls.
//! * [`definitions`], [`templates`], [`triggers`], [`executions`], [`figures`], [`dashboard`], [`alerts`], [`approvals`],
//!   [`inbox`], [`views`], [`events`], [`deliveries`], [`agents`], [`access`], [`audit`], [`notifications`],
//!   [`server_status`]: what people and programs can do, each a service with one method a use case.
//! * [`Application`]: all of that, wired once.
//! * [`retention`]: what is removed after its time; [`transfer`]: executions as lines of a file.
//! * [`traces`]: what identifies the trace of an execution.
//! * [`housekeeping`]: what is tidied up beside the work; [`system`]: the machine's clock and ids; [`calendar`]: days in a
//!   time zone.
//!
//! Invariants: this crate names no database, no protocol and no framework of the web. Rules of processes are in the
//! domain; here they are carried out. Every use case takes a [`Principal`](access::Principal) and holds it to the one
//! table of rights; what changes something goes on to its end, whoever stops waiting for it ([`Door`]).

pub mod access;
pub mod agents;
pub mod alerts;
mod application;
pub mod approvals;
pub mod audit;
pub mod calendar;
pub mod dashboard;
pub mod definitions;
pub mod deliveries;
mod door;
pub mod engine;
pub mod events;
pub mod executions;
pub mod figures;
pub mod housekeeping;
pub mod inbox;
pub mod notifications;
mod owners;
mod pins;
pub mod ports;
pub mod retention;
pub mod server_status;
pub mod system;
pub mod templates;
pub mod traces;
pub mod transfer;
pub mod triggers;
mod values;
pub mod variables;
pub mod views;
mod workshop;

pub use application::{Application, ApplicationSettings};
pub use door::Door;
pub use workshop::{Overloaded, Workshop};
