//! What the end-to-end tests share: stand-ins for the systems around the server, as real servers on this machine.
//!
//! * [`platform`]: the Trinity platform's MCP server, scripted by a plan. The binary `procession-fake-platform` runs it
//!   as a process of its own.
//!
//! The tests themselves are in `tests/tests`, one file per subject.

pub mod platform;
