//! The server ends at any commit, just before or just after it, and is started again on the same data: the process comes
//! to the same end as if nothing had happened (spec 3.8).
//!
//! The test runs itself again as children, which have a fail point of the store armed.

#[cfg(test)]
mod child;
#[cfg(test)]
#[path = "../support/database.rs"]
mod database;
#[cfg(test)]
#[path = "../support/dice.rs"]
mod dice;
#[cfg(test)]
mod every_commit;
#[cfg(test)]
mod fast_clock;
#[cfg(test)]
#[path = "../support/history.rs"]
mod history;
#[cfg(test)]
mod notebook;
#[cfg(test)]
mod world;
