//! The machine that the server runs on, for the landing page of existing clients (spec 4b 17).

use std::fmt::Debug;

/// Tells how the machine stands.
pub trait HostMeter: Debug + Send + Sync {
    /// How it stands now. It may be asked often, and answers at once.
    fn read(&self) -> HostReading;
}

/// How a machine stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostReading {
    /// How busy its processors are together, from 0 to 100; `None` until they have been watched for a moment.
    pub cpu_percent: Option<f32>,
    /// How many processors it has.
    pub cpus: usize,
    /// Its memory, in bytes.
    pub memory: Fill,
    /// The disk on which the data lies, in bytes; `None` if it can't be told.
    pub disk: Option<Fill>,
}

/// How full something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// How much of it is used.
    pub used: u64,
    /// All of it.
    pub total: u64,
}
