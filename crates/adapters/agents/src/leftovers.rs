//! Programs that a server has left behind: found by the mark in their environment, and ended by its successor.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

/// The variable that says whose program it is; programs that it starts have it too, unless they are given another
/// environment.
pub(crate) const MARK: &str = "PROCESSION_STARTED_BY";

/// The mark of all servers of a data folder, of which one runs at a time.
pub(crate) fn mark_of(data_folder: &Path) -> OsString {
    std::fs::canonicalize(data_folder).unwrap_or_else(|_| data_folder.to_owned()).into()
}

/// Ends every program with this mark but this one itself: how many they were. Only who has the data folder to itself
/// may call it, before it starts programs.
#[cfg(target_os = "linux")]
pub(crate) fn end_all(mark: &OsStr) -> usize {
    /// A program may start another one between the look and its end.
    const LOOKS: usize = 5;

    let mut ended = 0;
    for _ in 0..LOOKS {
        let found = end_those_there(mark);
        if found == 0 {
            break;
        }
        ended += found;
    }
    ended
}

/// Elsewhere the environment of others can't be read.
#[cfg(not(target_os = "linux"))]
pub(crate) const fn end_all(_mark: &OsStr) -> usize {
    0
}

#[cfg(target_os = "linux")]
fn end_those_there(mark: &OsStr) -> usize {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut ended = 0;
    for id in ids.filter(|id| *id != std::process::id()) {
        let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { continue };
        // Held open, it names this process alone, also if the number is given to another one meanwhile.
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        if is_marked(&environment, mark) && pidfd_send_signal(&process, Signal::KILL).is_ok() {
            ended += 1;
        }
    }
    ended
}

/// Whether an environment, as the system shows it, holds the mark.
#[cfg(target_os = "linux")]
fn is_marked(environment: &[u8], mark: &OsStr) -> bool {
    use std::os::unix::ffi::OsStrExt;

    let variables = environment.split(|byte| *byte == 0);
    variables
        .filter_map(|variable| variable.strip_prefix(MARK.as_bytes())?.strip_prefix(b"="))
        .any(|value| value == mark.as_bytes())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_mark_is_a_whole_variable() {
        let environment = b"HOME=/root\0PROCESSION_STARTED_BY=/data\0X=1\0";
        assert!(is_marked(environment, OsStr::new("/data")));
        for other in ["/dat", "/data2", ""] {
            assert!(!is_marked(environment, OsStr::new(other)), "{other}");
        }
        assert!(!is_marked(b"XPROCESSION_STARTED_BY=/data\0", OsStr::new("/data")));
        assert!(!is_marked(b"", OsStr::new("")));
    }

    #[test]
    fn marked_programs_are_ended_wherever_they_have_gone_and_no_others() {
        let mark = OsString::from(format!("/a folder of a test/{}", std::process::id()));
        let sleeper = |arguments: &[&str]| {
            let mut command = Command::new(arguments[0]);
            command.args(&arguments[1..]).stdin(Stdio::null()).stdout(Stdio::null());
            command
        };
        let mut marked = sleeper(&["sleep", "1000"]).env(MARK, &mark).spawn().unwrap();
        // In a session of its own it is in no group of ours.
        let mut escaped = sleeper(&["setsid", "--wait", "sleep", "1000"]).env(MARK, &mark).spawn().unwrap();
        let mut other = sleeper(&["sleep", "1000"]).env(MARK, "/another folder").spawn().unwrap();
        // A child has its new environment once it is the new program; until then it is a copy of this one.
        let is_ready = |child: &std::process::Child| {
            let environment = std::fs::read(format!("/proc/{}/environ", child.id())).unwrap_or_default();
            environment.windows(MARK.len()).any(|window| window == MARK.as_bytes())
        };
        while ![&marked, &escaped, &other].into_iter().all(is_ready) {
            std::thread::yield_now();
        }
        assert!(end_all(&mark) >= 2);
        assert!(!marked.wait().unwrap().success());
        assert!(!escaped.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "the program of another server goes on");
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(end_all(&mark), 0);
    }
}
