//! The domain of Procession: what a process is, and what may happen to one that runs.
//!
//! This crate does no I/O, asks no clock and makes no random choice: times, ids and seeds come in as arguments, and what
//! is to be done in the world goes out as data. So every rule of `spec 3` can be tested by calling a function.
//!
//! A tour:
//! * [`value`]: durations, money, versions, ids, error codes — small values that are valid by construction.
//! * [`definition`]: what an author wrote, checked. [`definition::Definition`] is its content with the graph of its
//!   steps, [`definition::Process`] the aggregate with draft, published, archived.
//! * [`event`]: everything that can happen, as data.
//! * [`execution`]: the aggregate of one run. [`execution::Execution::handle`] takes commands and answers with events
//!   and effects; its state changes only by applying events, and replaying them gives the same state.
//! * [`approval`]: a request for people's decision, an aggregate of its own.
//! * [`expressions`]: the small trait through which the aggregate has texts and conditions evaluated.
//! * [`suggest`]: "did you mean", for every message that names something unknown.

pub mod approval;
pub mod definition;
pub mod event;
pub mod execution;
pub mod expressions;
pub mod suggest;
pub mod value;
