//! The API as clients see it: requests through the router, answers compared as a whole.

#![cfg(test)]

mod approvals;
mod audit;
mod auth;
mod bad_input;
mod docs;
mod document;
mod executions;
mod fields;
mod keys;
mod live;
mod notifications;
mod past;
mod permissions;
mod processes;
mod setup;
mod shell;
mod simulation;
mod support;
mod users;
