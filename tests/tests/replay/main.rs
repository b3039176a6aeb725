//! Random processes, run by the engine on SQLite, once undisturbed and once with the server killed at random commits: both
//! come to the same end, and what is stored is always what the stored events add up to (spec 3.8, 3.11).
//!
//! Time is the runtime's and jumps; how agents, people and receivers answer follows from the seed and what they are asked,
//! not from when, so that every order of events must lead to the same end.

#[cfg(test)]
#[path = "../support/dice.rs"]
mod dice;
#[cfg(test)]
mod fate;
#[cfg(test)]
#[path = "../support/history.rs"]
mod history;
#[cfg(test)]
mod interrupting;
#[cfg(test)]
mod property;
#[cfg(test)]
mod random_process;
#[cfg(test)]
#[path = "../support/stores.rs"]
mod stores;
