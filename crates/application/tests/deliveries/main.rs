//! What executions tell outside, and what becomes of it (spec 5.4–5.6).

#![cfg(test)]

mod mails;
mod roles;
mod support;
mod webhooks;
