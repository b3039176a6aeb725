//! The API as clients see it: requests through the router, answers compared as a whole.

#![cfg(test)]

mod agents;
mod alerts;
mod analytics;
mod approvals;
mod auth;
mod bad_input;
mod console;
mod document;
mod executions;
mod inbox;
mod keys;
mod live;
mod notifications;
mod permissions;
mod processes;
mod setup;
mod shapes;
mod shell;
mod support;
mod templates;
mod triggers;
mod users;
