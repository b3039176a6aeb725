//! The stores in SQLite: the contract that every store keeps, and what only a database in a file promises.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod log;
#[cfg(test)]
mod maintenance;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod support;

#[cfg(test)]
mod contract {
    procession_testing::store_contract!(crate::support::empty_stores);
}
