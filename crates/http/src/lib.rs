//! The HTTP shell (spec 4 and 4b): routes, requests and responses, sessions, live events, the OpenAPI document.
//!
//! Handlers extract, call a use case and map its result; rules live in the application and the domain. Start at
//! [`router`], and read on in `resources`, where each kind of thing has its file.
//!
//! * `resources`: the endpoints, with the types of their requests and responses;
//! * `extract`: what handlers take out of requests; every refusal is a problem with a readable `detail`;
//! * `auth`: tokens, API keys, cookies, and who is behind them;
//! * `problem`: the one place where errors become answers (RFC 9457);
//! * `events`: how events read on the wire; `live`: WebSocket and server-sent events.
//!
//! Invariants: no bad input makes a 5xx; nothing is changed without a permission; a slow client is never waited for; no
//! token, key or password is logged.

// The examples of the OpenAPI document are long `json!` objects.
#![recursion_limit = "256"]

mod auth;
mod events;
mod extract;
mod live;
mod openapi;
mod problem;
mod resources;
mod router;
mod serve;
mod settings;
mod state;
mod wire;

pub use openapi::openapi;
pub use router::router;
pub use serve::{WebServer, serve};
pub use settings::{HttpSettings, TimeLimits};
pub use state::{HttpState, Phase, Services};
