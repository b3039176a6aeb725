//! What the end-to-end tests share: stand-ins for the systems around the server, as real servers on this machine.
//!
//! * [`platform`]: the Trinity platform's MCP server, scripted by a plan. The binary `procession-fake-platform` runs it
//!   as a process of its own.
//!
//! * [`server`]: the program under test, as a process that can be killed and started again.
//! * [`client`]: a client of its HTTP API that knows nothing of the server's types.
//!
//! The tests themselves are in `tests/tests`, one file per subject.

pub mod client;
pub mod platform;
pub mod server;
