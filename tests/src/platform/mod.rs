//! A look-alike of the Trinity platform's MCP server: its tools, shapes and oddities (spec 6), scripted by a [`Plan`].
//!
//! It is a real MCP server over Streamable HTTP, so a client under test goes through its whole network stack. It counts
//! what it is asked, by key (the correlation line at a message's end), and writes it to a file if wanted, so that a test
//! can tell whether an agent has done the same work twice.
//!
//! Start with [`FakePlatform::start`]; in a process of its own it is the binary `procession-fake-platform`.

mod calls;
mod chat;
mod events;
mod gate;
mod plan;
mod process;
mod schemas;
mod server;
mod store;
mod tools;

pub use self::{
    calls::{Call, CallLog, Outcome, Reference},
    plan::{AgentPlan, Ending, Fault, LogPlan, Plan, PlannedFault, Rule, Tokens},
    process::PlatformProcess,
    server::FakePlatform,
};
