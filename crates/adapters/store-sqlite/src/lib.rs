//! The stores of Procession in one SQLite file, and large values in files beside it.
//!
//! Start at [`SqliteStore::open`], then `writer`: it is the heart. Each port has a file of its own; SQL stands next to the
//! function that runs it.
//!
//! Invariants:
//! * One process at a time has a database open for writing: a lock file beside it sees to that.
//! * One thread owns the only connection that writes. Whatever waits is written in one transaction, so that a flush to the
//!   disk is paid once for many; there is one order of commits, and the feed tells events in it, after their commit.
//! * A transaction decides with conditional statements on what is stored, never on what a reader saw before.
//! * The state of an execution is its newest snapshot and the events after it; the other columns of its row are what
//!   lists, limits and claims ask for.
//! * Readers only read, in bounded pages. Nothing that is sent to a client keeps a statement open.
//! * A commit that is answered is on the disk (with [`Synchronous::Full`], also after a power failure).

mod access;
mod alerts;
mod analytics;
mod approvals;
mod audit;
mod blobs;
mod claims;
mod codec;
mod copies;
mod definitions;
mod deliveries;
mod error;
mod executions;
#[cfg(feature = "fail-points")]
pub mod fail_points;
mod feed;
mod figures;
mod incoming;
mod keys;
mod leases;
mod lock;
mod maintenance;
mod migrations;
mod notices;
mod open;
mod options;
mod paging;
pub mod private;
mod queries;
mod retention;
mod schedules;
mod schema;
mod sealing;
mod search;
mod signals;
mod stored_values;
mod templates;
mod thresholds;
mod transfer;
mod trinity;
mod users;
mod views;
mod writer;

pub use blobs::FileBlobs;
pub use copies::{Restored, back_up, restore, values_of};
pub use maintenance::{backup, check, migrate, vacuum};
pub use migrations::pending_migrations;
pub use open::{OpenError, SqliteStore};
pub use options::{Options, Synchronous};
pub use stored_values::check_values;
pub use trinity::{FoundRows, TrinityFile, TrinityFileError};
