//! The application: ports, the engine, and the use cases.
//!
//! * [`ports`]: what the application asks of the world, as traits; adapters implement them.
//! * [`engine`]: runs executions: claims them, lets the domain decide, commits, makes calls.
//! * [`definitions`], [`executions`], [`approvals`], [`access`], [`notifications`]: what people and programs can do, each a
//!   service with one method a use case.
//! * [`system`]: the machine's clock and ids.
//!
//! Invariants: this crate names no database, no protocol and no framework of the web. Rules of processes are in the
//! domain; here they are carried out.

pub mod access;
pub mod approvals;
pub mod definitions;
pub mod engine;
pub mod executions;
pub mod notifications;
mod pins;
pub mod ports;
pub mod system;
mod values;
