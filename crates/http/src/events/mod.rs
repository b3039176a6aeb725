//! How events read on the wire: flat objects with the names of spec 4b 4.3, wherever they are shown, and the messages
//! that live clients get.

mod context;
mod fields;
mod flat;
mod messages;
mod steps;

pub(crate) use context::{Context, Contexts};
pub(crate) use fields::{Fields, output_url};
pub(crate) use flat::flat;
pub(crate) use messages::{Format, Rendered};
