//! How many files, and so connections, the system lets this program have open.

/// Open files that are no connections of clients: the database, blobs, calls of agents, and some to spare.
#[cfg(unix)]
const OTHERS: usize = 256;

/// As many connections as are wanted, or as many as there may be open files. The limit is raised as far as it may be.
#[cfg(unix)]
pub fn connections(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = wanted.saturating_add(OTHERS);
    let raised = u64::try_from(needed).unwrap_or(u64::MAX).min(maximum.unwrap_or(u64::MAX));
    let is_raised = current.is_some_and(|current| current < raised)
        && setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }).is_ok();
    let files = if is_raised { Some(raised) } else { current };
    let room = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    let most = room.saturating_sub(OTHERS).max(room / 2).min(wanted).max(1);
    if most < wanted {
        tracing::warn!(most, wanted, "the system's limit of open files allows fewer connections; raise it (ulimit -n)");
    }
    most
}

/// As many connections as are wanted: here the system says no number.
#[cfg(not(unix))]
pub const fn connections(wanted: usize) -> usize {
    wanted
}
