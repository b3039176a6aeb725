//! The local agents through the router, as the engine sees them.
#![cfg(test)]

#[cfg(unix)]
mod command;
mod logs;
mod mcp;
mod mcp_refusals;
mod openai;
mod openai_answers;
mod script;
mod support;
mod tool_server;
