//! The HTTP shell (spec 4 and 4b): routes, requests and responses, sessions, live events, the OpenAPI document.
//!
//! Handlers extract, call a use case and map its result. What someone may do, the use case decides; no handler uses a
//! port. Start at [`router`], and read on in `resources`, where each kind of thing has its file.
//!
//! * `resources`: the endpoints, with the types of their requests and responses;
//! * `extract`: what handlers take out of requests; every refusal is a problem with a readable `detail`;
//! * `serve`: connections, how many and for how long; `pulse`: whether the runtime keeps up;
//! * `console`: the files of the web page;
//! * `session`: who asks; `state`: what handlers share; `live`: WebSocket and server-sent events.
//!
//! At the bottom, known to all of these and knowing none of them:
//!
//! * `auth`: tokens, cookies, and the principals behind them, remembered for a moment;
//! * `problem`: the one place where errors become answers (RFC 9457);
//! * `events`: how events read on the wire; `wire`: small things that many answers hold.
//!
//! Invariants: no bad input makes a 5xx; a slow client is never waited for; no token, key or password is logged; rooms
//! know each other in one direction only.

// The examples of the OpenAPI document are long `json!` objects.
#![recursion_limit = "256"]

mod auth;
mod console;
mod decide;
mod events;
mod extract;
mod host;
mod live;
mod openapi;
mod problem;
mod pulse;
mod resources;
mod router;
mod serve;
mod session;
mod settings;
mod state;
mod wire;

pub use host::{Fill, HostMeter, HostReading};
pub use openapi::openapi;
pub use router::router;
pub use serve::{WebServer, serve};
pub(crate) use settings::ConnectionLimits;
pub use settings::{HttpSettings, TimeLimits};
pub use state::{HttpState, Phase};
