//! How programs of agents are started so that the system ends them when their server is gone, however it ended.
//!
//! On Linux a process can ask to be killed with its parent, but only for itself. So the server runs its own program
//! again, which asks, and then becomes the agent's program ([`launched`]). What the system watches is the thread that
//! started the process, not the whole parent; hence one thread starts them all and never ends.

use std::{
    ffi::OsString,
    io,
    path::Path,
    process::ExitCode,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

/// The first argument of the program when it is run to become an agent's.
const ARGUMENT: &str = "become-program-of-agent";
/// The exit code when it can't, …
const CANNOT_START: u8 = 125;
/// … and what it says then, before the number of the system's error.
const COMPLAINT: &str = "\u{2}procession can't start it: ";
/// This program itself, also if its file was replaced meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Whether `main` has asked [`launched`], so that this program can be run to become another.
static CAN_LAUNCH: AtomicBool = AtomicBool::new(false);

/// Becomes the program of an agent, if this process was started for that; then its exit code is what went wrong.
///
/// `main` calls it before anything else, with the arguments of the process. A program that never calls it starts agents
/// of kind `command` directly; those outlive it if it is killed.
pub fn launched(arguments: &[OsString]) -> Option<ExitCode> {
    match arguments {
        [_, first, parent, program, rest @ ..] if first == ARGUMENT => {
            let error = become_program(parent, program, rest);
            // Whoever started it reads this; there is nobody else to tell.
            let _ = io::Write::write_all(
                &mut io::stderr(),
                format!("{COMPLAINT}{}", error.raw_os_error().unwrap_or_default()).as_bytes(),
            );
            Some(ExitCode::from(CANNOT_START))
        }
        _ => {
            let can_launch = cfg!(target_os = "linux") && Path::new(THIS_PROGRAM).exists();
            CAN_LAUNCH.store(can_launch, Ordering::Relaxed);
            None
        }
    }
}

/// The command that runs a program; arguments and all else are added to it as to one of the program itself.
pub(crate) fn command(program: &Path) -> Command {
    if !CAN_LAUNCH.load(Ordering::Relaxed) {
        return Command::new(program);
    }
    let mut command = Command::new(THIS_PROGRAM);
    command.arg(ARGUMENT).arg(std::process::id().to_string()).arg(program);
    command
}

/// Why a program that has ended could not be started at all, if that is so.
pub(crate) fn failed_start(exit_code: Option<i32>, complaint: &[u8]) -> Option<io::Error> {
    let number = std::str::from_utf8(complaint).ok()?.strip_prefix(COMPLAINT)?.parse().ok()?;
    (exit_code == Some(i32::from(CANNOT_START))).then(|| io::Error::from_raw_os_error(number))
}

/// Starts a program from the thread that never ends.
///
/// # Errors
/// The system's, or that there is no such thread.
pub(crate) async fn spawn(command: Command) -> io::Result<Child> {
    let (answer, started) = oneshot::channel();
    let job = Job { command, runtime: Handle::current(), answer };
    let gone = || io::Error::other("the thread that starts programs is gone");
    STARTER.as_ref().and_then(|starter| starter.send(job).ok()).ok_or_else(gone)?;
    started.await.map_err(|_| gone())?
}

/// A program to start.
struct Job {
    command: Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Child>>,
}

static STARTER: LazyLock<Option<mpsc::Sender<Job>>> = LazyLock::new(|| {
    let (jobs, coming) = mpsc::channel();
    let thread = thread::Builder::new().name("programs-of-agents".to_owned());
    thread.spawn(move || start_all(&coming)).ok().map(|_| jobs)
});

fn start_all(jobs: &mpsc::Receiver<Job>) {
    while let Ok(Job { mut command, runtime, answer }) = jobs.recv() {
        let _guard = runtime.enter();
        // Nobody may wait for it any more; then the program is killed as it is dropped.
        let _ = answer.send(command.spawn());
    }
}

/// Returns only if it fails.
#[cfg(target_os = "linux")]
fn become_program(parent: &OsString, program: &OsString, arguments: &[OsString]) -> io::Error {
    use std::os::unix::process::CommandExt;

    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // The parent may have gone before it was asked for.
    let is_there = getppid().is_some_and(|pid| parent.to_str() == Some(&pid.as_raw_nonzero().to_string()));
    if !is_there {
        return io::Error::from_raw_os_error(rustix::io::Errno::SRCH.raw_os_error());
    }
    std::process::Command::new(program).args(arguments).exec()
}

#[cfg(not(target_os = "linux"))]
fn become_program(_parent: &OsString, _program: &OsString, _arguments: &[OsString]) -> io::Error {
    io::Error::from(io::ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_failed_is_told_from_an_end_like_it() {
        let complaint = format!("{COMPLAINT}2");
        let error = failed_start(Some(125), complaint.as_bytes()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(failed_start(Some(125), b"out of cheese").is_none());
        assert!(failed_start(Some(1), complaint.as_bytes()).is_none());
        assert!(failed_start(None, complaint.as_bytes()).is_none());
    }
}
