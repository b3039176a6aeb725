//! The API as clients see it: requests through the router, answers compared as a whole.

#![cfg(test)]

mod agents;
mod alerts;
mod analytics;
mod approvals;
mod audit;
mod auth;
mod bad_input;
mod bulk;
mod console;
mod deliveries;
mod docs;
mod document;
mod executions;
mod fields;
mod inbox;
mod keys;
mod live;
mod metrics;
mod notifications;
mod past;
mod permissions;
mod processes;
mod retention;
mod setup;
mod shapes;
mod shell;
mod simulation;
mod support;
mod templates;
mod triggers;
mod users;
mod views;
