//! The server and the command line of Procession: the composition root (spec 8).
//!
//! * [`run`] is the whole program; `main` only calls it.
//! * [`wiring`]: one function a newcomer can read from top to bottom: configuration, stores, agents, engine, services,
//!   routes, and then it runs until it is told to stop.
//! * [`config`]: typed configuration from flags, environment, file and defaults.
//! * `commands`: the command line, one file a command; `terminal`: what people see.
//!
//! Invariants: this is the one crate that names every adapter; it decides nothing about processes. Secrets are never
//! logged and never printed, but for a one-time password that is shown to whoever starts the first server.

mod archive;
mod commands;
pub mod config;
pub mod data_folder;
mod demo;
mod exit;
mod first_login;
mod host;
mod journal;
mod logging;
mod open_files;
mod signals;
mod terminal;
pub mod wiring;

use std::{ffi::OsString, process::ExitCode};

/// Runs the program with these arguments, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(exit) = procession_agents::launched(&arguments) {
        return exit;
    }
    // Before anything connects: TLS of this program is rustls with ring.
    procession::install_tls();
    commands::run_with(arguments)
}
