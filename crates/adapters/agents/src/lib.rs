//! The agents of Procession: local ones from `agents.yaml`, those of the Trinity platform, and the router between them.
//!
//! It implements the application's port [`AgentGateway`](procession_application::ports::AgentGateway) (spec 5.1, 5.2, 6).
//!
//! Invariants:
//! * Nothing here retries a task on its own account: retries, queues and breakers are the engine's (spec 5.3). The one
//!   exception is the platform's submission, which is sent again only once it is sure that the first one never arrived.
//! * A task of the platform is looked up before it is sent again, so that an agent does not do the same work twice.
//! * Every wait that a test should not sit through goes through the `Clock` port; every network call has its own time-out.
//! * Secrets are named in files, looked up through [`Environment`], and never stand in a message or a log line.
//! * Requests follow no redirects, and go through the proxies of the environment.
//! * What follows the `?` of an address is never shown, and no error of a library that may be logged holds one.
//!
//! Where to start: [`Router`] is what the server holds. [`AgentsFile`] is what `agents.yaml` says; each kind of local
//! agent is one file in `kinds`, so a new kind is one file there and one line in [`file`](AgentsFile). [`Platform`] speaks
//! to the platform's MCP server; its module `classify` is the table of spec 6.

mod address;
mod error_body;
mod failure;
mod file;
mod http_client;
mod kinds;
mod launcher;
mod leftovers;
mod lenient_json;
mod local;
mod mcp_events;
mod mcp_failure;
mod mcp_http;
mod mcp_message;
mod mcp_session;
mod platform;
mod router;
mod secret;
mod suggest;
mod usage;

pub use file::{AgentsFile, AgentsFileError, Problem};
pub use http_client::{Proxies, install_tls};
pub use launcher::launched;
pub use local::Surroundings;
pub use platform::{Platform, PlatformSettings};
pub use router::Router;
pub use secret::Environment;
