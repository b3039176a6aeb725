//! The table of process files under `tests/processes`, and of those under `tests/templates`, which are made from the
//! templates that come with the program: each says what runs, how agents answer, what people decide and
//! when time passes, and how everything must end. Every file is run on the store in memory and on SQLite.

#[cfg(test)]
mod acts;
#[cfg(test)]
mod case;
#[cfg(test)]
mod coverage;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod play;
#[cfg(test)]
mod rules;
#[cfg(test)]
#[path = "../support/stores.rs"]
mod stores;
#[cfg(test)]
mod table;
#[cfg(test)]
mod templates;
