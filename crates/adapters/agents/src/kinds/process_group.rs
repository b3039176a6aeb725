//! A program that ends with everything it started: it leads a process group, which is killed as a whole.

use std::{io, process::Stdio};

use tokio::process::{Child, Command};

use crate::launcher;

/// A running program. Dropping it kills the program and its group.
pub(super) struct ProcessGroup {
    child: Child,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
    is_over: bool,
}

impl ProcessGroup {
    /// Starts the program as the leader of a new group, with pipes for its input and outputs.
    pub(super) async fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let child = launcher::spawn(command).await?;
        Ok(Self {
            #[cfg(unix)]
            group: child.id().and_then(group_of),
            child,
            is_over: false,
        })
    }

    /// The program, to take its pipes and to wait for it.
    pub(super) const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Says that nothing of it is left to kill.
    pub(super) const fn is_over(&mut self) {
        self.is_over = true;
    }

    /// Kills the program and all that it started.
    pub(super) fn kill(&self) {
        #[cfg(unix)]
        if let Some(group) = self.group {
            // An error means that nobody is left in the group.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if !self.is_over {
            self.kill();
        }
    }
}

/// The group that the program of this process id leads.
#[cfg(unix)]
fn group_of(process_id: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(process_id).ok()?)
}
