//! Attacks on a server from outside, each as it was once seen, bounded in load and time: what is right is told in
//! docs/operations/security.md.

mod approvals;
mod checks;
mod connections;
mod log_ins;
mod secrets;
mod sessions;
mod support;
