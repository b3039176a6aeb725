//! The door to everything that changes something: who comes in is held to the table of rights, and a change goes on to
//! its end also when who asked for it stops waiting.

use std::{fmt::Display, panic::resume_unwind, sync::Arc};

use procession_domain::value::Duration;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::{
    access::{Forbidden, Kind, Principal, UseCase},
    audit::{Auditor, Unprincipled},
    ports::{AuditTrail, Clock, IdGenerator},
};

/// The door of one application. Cheap to clone; all clones are one. By default nothing is written down.
#[derive(Clone, Default)]
pub struct Door {
    changes: TaskTracker,
    auditor: Option<Auditor>,
}

impl Door {
    /// A door at which everything that is asked for is written down.
    pub fn with_audit(trail: Arc<dyn AuditTrail>, clock: Arc<dyn Clock>, ids: Arc<dyn IdGenerator>) -> Self {
        Self { changes: TaskTracker::default(), auditor: Some(Auditor::new(trail, clock, ids)) }
    }

    /// Carries a change through, if the principal may ask for it.
    ///
    /// It runs as a task of its own: dropping what this returns ends the waiting, not the change.
    pub(crate) fn change<T, E>(
        &self,
        by: &Principal,
        use_case: UseCase,
        change: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<Forbidden> + Display + Send + 'static,
    {
        debug_assert_eq!(use_case.rule().kind, Kind::Changes, "the table must say that {use_case:?} changes something");
        let allowed = by.check(use_case);
        let auditor = self.auditor.clone().map(|auditor| (auditor.note(by, use_case), auditor));
        let under_way = self.begin(async move {
            match (allowed, auditor) {
                (Ok(()), Some((note, auditor))) => auditor.carry_through(note, change).await,
                (Ok(()), None) => change.await,
                (Err(forbidden), Some((note, auditor))) => {
                    auditor.refused(&note, forbidden.to_string()).await;
                    Err(forbidden.into())
                }
                (Err(forbidden), None) => Err(forbidden.into()),
            }
        });
        outcome(under_way)
    }

    /// Whether the principal may ask for a use case; that a change is refused is written down.
    pub(crate) fn look_at(&self, by: &Principal, use_case: UseCase) -> Result<(), Forbidden> {
        let allowed = by.check(use_case);
        if let Err(forbidden) = &allowed
            && use_case.rule().kind == Kind::Changes
            && let Some(auditor) = self.auditor.clone()
        {
            let (note, reason) = (auditor.note(by, use_case), forbidden.to_string());
            // Nobody waits for it but the end of the program.
            drop(self.begin(async move { auditor.refused(&note, reason).await }));
        }
        allowed
    }

    /// Carries something through for which no principal is known yet: the set-up, a log-in.
    pub(crate) fn carry_through<T: Send + 'static>(
        &self,
        change: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send {
        outcome(self.begin(change))
    }

    /// Writes down what came of something that needed no principal: a log-in, the set-up.
    pub(crate) async fn write_down(&self, done: Unprincipled<'_>) {
        if let Some(auditor) = &self.auditor {
            auditor.write_down(done).await;
        }
    }

    fn begin<T: Send + 'static>(&self, change: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.changes.spawn(change.in_current_span())
    }

    /// Waits until every change under way is done, at most so long. `false` if some are not.
    pub async fn settle(&self, within: Duration) -> bool {
        self.changes.close();
        tokio::time::timeout(within.to_std(), self.changes.wait()).await.is_ok()
    }
}

async fn outcome<T>(change: JoinHandle<T>) -> T {
    match change.await {
        Ok(done) => done,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // The runtime ends, and with it everyone who waits.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Arc};

    use tokio::sync::{Notify, Semaphore};

    use super::*;

    #[tokio::test]
    async fn a_change_goes_on_when_nobody_waits_for_it_and_is_waited_for_at_the_end() {
        let door = Door::default();
        let (begun, go_on, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let change = {
            let (begun, go_on, done) = (Arc::clone(&begun), Arc::clone(&go_on), Arc::clone(&done));
            async move {
                begun.notify_one();
                go_on.notified().await;
                done.add_permits(1);
            }
        };
        tokio::select! {
            () = door.carry_through(change) => unreachable!("it waits"),
            () = begun.notified() => {}
        }
        assert!(!door.settle(Duration::from_millis(1)).await);
        assert_eq!(done.available_permits(), 0);
        go_on.notify_one();
        assert!(door.settle(Duration::from_secs(60)).await);
        assert_eq!(done.available_permits(), 1);
    }

    #[tokio::test]
    async fn nothing_begins_for_who_may_not() {
        #[derive(Debug, thiserror::Error)]
        #[error("refused")]
        struct Refused;
        impl From<Forbidden> for Refused {
            fn from(_: Forbidden) -> Self {
                Self
            }
        }
        let viewer = Principal::of_library("vic", ["viewer"]);
        let change = async { unreachable!("it does not begin") };
        let refused: Result<Infallible, Refused> =
            Door::default().change(&viewer, UseCase::StartExecution, change).await;
        assert!(matches!(refused, Err(Refused)));
    }

    #[tokio::test]
    #[should_panic(expected = "a defect")]
    async fn a_defect_is_the_one_of_who_waits() {
        Door::default().carry_through(async { panic!("a defect") }).await;
    }
}
