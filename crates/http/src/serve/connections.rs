//! The connections there are, and how many there may be: of one address, and in all. Where there is no more room, the one
//! that is quiet longest makes it, those first that never asked for anything. If all are busy, a few more are let in that
//! may only ask how the server is.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::ConnectionLimits;

/// How many connections beyond the limit may ask how the server is.
const RESERVE: usize = 32;

/// The connections of one server. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(super) struct Connections {
    book: Arc<Mutex<Book>>,
    limits: Arc<ConnectionLimits>,
}

#[derive(Default)]
struct Book {
    last: u64,
    open: HashMap<u64, Arc<Activity>>,
    of_address: HashMap<IpAddr, usize>,
}

/// What a connection does.
pub(super) struct Activity {
    address: IpAddr,
    opened: Instant,
    /// Answers under way.
    busy: AtomicUsize,
    has_spoken: AtomicBool,
    /// Since when it is quiet, in milliseconds since it was opened.
    quiet_since: AtomicU64,
    cut: Notify,
}

/// The place of one connection; dropping it makes room.
pub(super) struct Place {
    connections: Connections,
    number: u64,
    pub activity: Arc<Activity>,
    /// Whether it may only ask how the server is.
    pub is_reserve: bool,
}

/// An answer under way on a connection.
pub(super) struct Busy(Option<Arc<Activity>>);

impl Connections {
    pub fn new(limits: ConnectionLimits) -> Self {
        Self { book: Arc::default(), limits: Arc::new(limits) }
    }

    /// Lets a connection in; none if there is no room for it.
    pub fn admit(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut book = self.book();
        let is_proxy = self.limits.unlimited.contains(&address);
        let of_address = book.of_address.get(&address).copied().unwrap_or(0);
        if !is_proxy && of_address >= self.limits.per_address && !book.cut_quietest(Some(address)) {
            return None;
        }
        if book.open.len() >= self.limits.most {
            book.cut_quietest(None);
        }
        let is_reserve = book.open.len() >= self.limits.most;
        if book.open.len() >= self.limits.most + RESERVE {
            return None;
        }
        book.last += 1;
        let number = book.last;
        let activity = Arc::new(Activity::new(address));
        book.open.insert(number, Arc::clone(&activity));
        *book.of_address.entry(address).or_default() += 1;
        Some(Place { connections: self.clone(), number, activity, is_reserve })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Cuts the connection that is quiet longest, of this address or of all. `false` if all are busy.
    fn cut_quietest(&mut self, address: Option<IpAddr>) -> bool {
        let quiet = self.open.iter().filter(|(_, activity)| {
            activity.busy.load(Ordering::Acquire) == 0 && address.is_none_or(|address| address == activity.address)
        });
        let quietest =
            quiet.min_by_key(|(_, activity)| (activity.has_spoken.load(Ordering::Relaxed), activity.quiet()));
        let Some(number) = quietest.map(|(number, _)| *number) else { return false };
        if let Some(activity) = self.remove(number) {
            activity.cut.notify_one();
        }
        true
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Activity>> {
        let activity = self.open.remove(&number)?;
        if let Some(count) = self.of_address.get_mut(&activity.address) {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&activity.address);
            }
        }
        Some(activity)
    }
}

impl Activity {
    fn new(address: IpAddr) -> Self {
        Self {
            address,
            opened: Instant::now(),
            busy: AtomicUsize::new(0),
            has_spoken: AtomicBool::new(false),
            quiet_since: AtomicU64::new(0),
            cut: Notify::new(),
        }
    }

    /// A request has come.
    pub fn begin(self: &Arc<Self>) -> Busy {
        self.has_spoken.store(true, Ordering::Relaxed);
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(Some(Arc::clone(self)))
    }

    /// Returns when the connection has been quiet for so long, or must make room.
    pub async fn ends(&self, patience: Duration) {
        tokio::select! {
            () = self.cut.notified() => {}
            () = self.is_quiet_for(patience) => {}
        }
    }

    async fn is_quiet_for(&self, patience: Duration) {
        loop {
            let quiet = Instant::now().saturating_duration_since(self.quiet());
            let left = if self.busy.load(Ordering::Acquire) > 0 { patience } else { patience.saturating_sub(quiet) };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    fn quiet(&self) -> Instant {
        self.opened + Duration::from_millis(self.quiet_since.load(Ordering::Relaxed))
    }
}

impl Busy {
    /// The connection has become something that lasts, such as a WebSocket.
    pub fn for_good(mut self) {
        self.0 = None;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(activity) = &self.0 {
            let now = u64::try_from(activity.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
            activity.quiet_since.store(now, Ordering::Relaxed);
            activity.busy.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.book().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const BEN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 3));

    fn connections(most: usize, per_address: usize) -> Connections {
        Connections::new(ConnectionLimits { most, per_address, unlimited: vec![PROXY] })
    }

    async fn is_cut(place: &Place) -> bool {
        futures::poll!(std::pin::pin!(place.activity.cut.notified())).is_ready()
    }

    #[tokio::test]
    async fn who_never_asked_for_anything_makes_room_first() {
        let connections = connections(2, 2);
        let asked = connections.admit(ANN).unwrap();
        drop(asked.activity.begin());
        let silent = connections.admit(ANN).unwrap();
        let third = connections.admit(BEN).unwrap();
        assert!(!third.is_reserve);
        assert!(is_cut(&silent).await && !is_cut(&asked).await);
    }

    #[tokio::test]
    async fn an_address_takes_no_room_of_others() {
        let connections = connections(100, 2);
        let first = connections.admit(ANN).unwrap();
        let second = connections.admit(ANN).unwrap();
        let other = connections.admit(BEN).unwrap();
        let third = connections.admit(ANN).unwrap();
        assert!(is_cut(&first).await && !is_cut(&other).await);
        let _busy = (second.activity.begin(), third.activity.begin());
        assert!(connections.admit(ANN).is_none(), "all of its own are busy");
        let proxied: Vec<_> = (0..50).map(|_| connections.admit(PROXY)).collect();
        assert!(proxied.iter().all(Option::is_some));
    }

    #[test]
    fn when_all_are_busy_a_few_may_ask_how_the_server_is() {
        let connections = connections(2, 100);
        let held: Vec<_> = (0..2).map(|_| connections.admit(ANN).unwrap()).collect();
        for place in &held {
            place.activity.begin().for_good();
        }
        let reserve: Vec<_> = (0..RESERVE)
            .map(|_| {
                let place = connections.admit(BEN).unwrap();
                place.activity.begin().for_good();
                place
            })
            .collect();
        assert!(reserve.iter().all(|place| place.is_reserve));
        assert!(connections.admit(BEN).is_none());
        drop((held, reserve));
        let book = connections.book();
        assert!(book.open.is_empty() && book.of_address.is_empty());
    }

    #[tokio::test]
    async fn a_connection_ends_when_it_is_quiet_and_not_while_it_is_busy() {
        let connections = connections(2, 2);
        let place = connections.admit(ANN).unwrap();
        let busy = place.activity.begin();
        let patience = Duration::from_millis(20);
        assert!(tokio::time::timeout(patience * 5, place.activity.ends(patience)).await.is_err());
        drop(busy);
        assert!(tokio::time::timeout(Duration::from_secs(30), place.activity.ends(patience)).await.is_ok());
    }
}
