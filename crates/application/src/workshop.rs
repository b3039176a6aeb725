//! Work whose cost strangers decide: checks of texts, exports. It is done beside the runtime's threads, so that whatever
//! it costs, everything else goes on; a few at once, with a line of bounded length before them. Who stops waiting leaves
//! the line.

use std::{panic::resume_unwind, sync::Arc, thread::available_parallelism};

use tokio::sync::Semaphore;

/// How much is at work or waits for it; what comes then is refused at once.
const MOST_IN_LINE: usize = 32;

/// The places where such work is done. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Workshop {
    line: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Too much waits to be worked on already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server has too much of this kind to do at the moment; try again in a few seconds")]
pub struct Overloaded;

impl Default for Workshop {
    fn default() -> Self {
        // One core is left for everything else.
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with(cores.saturating_sub(1).max(1))
    }
}

impl Workshop {
    fn with(places: usize) -> Self {
        Self { line: Arc::new(Semaphore::new(MOST_IN_LINE)), places: Arc::new(Semaphore::new(places)) }
    }

    /// Does a piece of work when its turn comes. Dropping what this returns before that has it never done.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Overloaded> {
        let in_line = Arc::clone(&self.line).try_acquire_owned().map_err(|_| Overloaded)?;
        // Neither semaphore is ever closed.
        let at_work = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Overloaded)?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (in_line, at_work);
            work()
        });
        match done.await {
            Ok(done) => Ok(done),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The runtime ends, and with it everyone who waits.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use super::*;

    #[tokio::test]
    async fn no_more_is_at_work_than_there_are_places_and_who_leaves_the_line_is_not_served() {
        let workshop = Workshop::with(1);
        let (free, busy) = mpsc::channel::<()>();
        let mut first = Box::pin(workshop.run(move || busy.recv().is_ok()));
        assert!(futures::poll!(&mut first).is_pending());
        let served = Arc::new(AtomicUsize::new(0));
        let serve = || {
            let (workshop, served) = (workshop.clone(), Arc::clone(&served));
            Box::pin(async move { workshop.run(move || served.fetch_add(1, Ordering::SeqCst)).await })
        };
        let mut waiting: Vec<_> = (1..MOST_IN_LINE).map(|_| serve()).collect();
        for work in &mut waiting {
            assert!(futures::poll!(work).is_pending());
        }
        assert_eq!(serve().await, Err(Overloaded));
        waiting.truncate(3);
        free.send(()).unwrap();
        assert_eq!(first.await, Ok(true));
        assert!(futures::future::join_all(waiting).await.iter().all(Result::is_ok));
        assert_eq!(served.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    #[should_panic(expected = "a defect")]
    async fn a_defect_is_the_one_of_who_waits() {
        let _ = Workshop::default().run(|| panic!("a defect")).await;
    }
}
