//! The local agents through the router, as the engine sees them.
#![cfg(test)]

#[cfg(unix)]
mod command;
mod mcp;
mod openai;
mod script;
mod support;
