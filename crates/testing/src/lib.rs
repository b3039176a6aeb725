//! For tests, of this crate and of others: stores in memory, the contract that every store keeps, a clock moved by hand,
//! ids that are the same in every run, and the smallest surroundings in which the domain decides.
//!
//! Start at [`MemoryStore`] to test what uses the stores, and at [`contract`] to test a store.

mod agents;
mod clock;
pub mod contract;
mod ids;
mod interposed;
mod memory;
mod posts;
mod stage;
mod surroundings;
mod virtual_clock;

pub use agents::{Answer, Called, Line, Recovery, ScriptedAgents};
pub use clock::ManualClock;
pub use ids::SequentialIds;
pub use interposed::{Fate, Faults, Interpose, Interposed, StoppedTime, Writing};
pub use memory::MemoryStore;
pub use posts::KeptPosts;
pub use stage::{CURTAIN, KeptMessages, Stage, statuses};
pub use surroundings::{GivenValues, OpenSlots, PlainTexts};
pub use virtual_clock::VirtualClock;
