//! The contract of the stores: one function for each promise that the docs of the ports make, named by the promise.
//!
//! A store runs all of them with [`store_contract!`](crate::store_contract), which makes a test of each. They are plain
//! functions over [`Stores`], which must be empty; an assertion that fails tells what was not kept.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "these are tests, which other crates run too: to panic is how they fail"
)]

pub mod access;
pub mod alerts;
pub mod analytics;
pub mod approvals;
pub mod audit;
pub mod blobs;
pub mod claims;
pub mod commits;
pub mod definitions;
pub mod deliveries;
pub mod feed;
mod given;
pub mod histories;
pub mod leases;
mod list;
pub mod lists;
pub mod pages;
pub mod retention;
mod run;
pub mod signals;
pub mod starts;
pub mod trees;
pub mod triggers;

pub use given::{
    Published, Stores, agent, approval, at, at_once, definition, much_later, process_name, some_value, step_id,
    sub_process, timer,
};
pub use run::{Launch, Run};
