//! Races through the running engine, on SQLite and real threads: two things happen to an execution at about the same time,
//! and exactly one legal outcome comes of it, whoever is first (spec 3.5, 3.6, 3.7).
//!
//! Each race is run a thousand times, many executions at once. Small lags from a seeded generator decide who is a little
//! earlier; they are widened for the side that wins too often, so that both orders really occur, and that is asserted.

#[cfg(test)]
mod arena;
#[cfg(test)]
mod cancels;
#[cfg(test)]
mod children;
#[cfg(test)]
#[path = "../support/database.rs"]
mod database;
#[cfg(test)]
#[path = "../support/dice.rs"]
mod dice;
#[cfg(test)]
mod held_agents;
#[cfg(test)]
#[path = "../support/history.rs"]
mod history;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod tally;
#[cfg(test)]
mod votes;
#[cfg(test)]
#[path = "../support/witness.rs"]
mod witness;
