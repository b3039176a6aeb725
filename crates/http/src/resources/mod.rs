//! The endpoints, one file for each kind of thing.

pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod auth;
pub(crate) mod executions;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod notifications;
pub(crate) mod processes;
pub(crate) mod schema;
pub(crate) mod setup;
pub(crate) mod shell;
pub(crate) mod users;
