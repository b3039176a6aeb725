//! `kill -9` at random moments: whatever was under way goes on as if nothing had happened.
//!
//! The agents are a process of their own that survives and counts what it is asked. Each round starts fresh executions,
//! kills the server while they are under way, starts it again on the same data, and looks at how they ended. The seed is
//! printed; `CRASH_SEED` plays it again, `CRASH_ROUNDS` sets another number of rounds.

#[cfg(test)]
mod everything;
#[cfg(test)]
mod history;
#[cfg(test)]
mod plain_chains;
#[cfg(test)]
mod rounds;
