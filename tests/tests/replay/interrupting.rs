//! Stores at whose commits the server can be killed.

use std::sync::{Arc, Mutex};

use procession_application::ports::{Commit, CommitError, Committed, ExecutionStore};
use procession_testing::Interpose;
use tokio::sync::Notify;

/// Where the server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// At which commit from now on, counted from 1.
    pub commit: u64,
    /// Whether the commit is written.
    pub is_written: bool,
}

/// Holds one commit for ever and says so; whoever hears it kills the server.
#[derive(Default)]
pub struct Interrupting {
    state: Mutex<State>,
    pub reached: Notify,
}

#[derive(Default)]
struct State {
    commits: u64,
    next: Option<Kill>,
    is_reached: bool,
}

impl Interrupting {
    /// Counts anew, and says where the server is killed next. How many commits there were before.
    pub fn kill_at(&self, next: Option<Kill>) -> u64 {
        let mut state = self.state.lock().unwrap();
        std::mem::replace(&mut *state, State { next, ..State::default() }).commits
    }

    /// Calls the next kill off, for what is still written of a run that has ended. `false` if the server is to be killed
    /// now, or will be when the commit has been written.
    pub fn call_off(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        if !state.is_reached {
            state.next = None;
        }
        !state.is_reached
    }

    /// Whether this commit is the one, and whether it is written.
    fn count(&self) -> Option<Kill> {
        let mut state = self.state.lock().unwrap();
        state.commits += 1;
        let kill = state.next.filter(|kill| kill.commit == state.commits);
        state.is_reached |= kill.is_some();
        kill
    }
}

impl Interpose for Interrupting {
    async fn pass<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        work.await
    }

    async fn commit(&self, store: &dyn ExecutionStore, commit: Arc<Commit>) -> Result<Committed, CommitError> {
        let Some(kill) = self.count() else { return store.commit(commit).await };
        if kill.is_written {
            let _ = store.commit(commit).await;
        }
        self.reached.notify_one();
        std::future::pending().await
    }
}
