//! Who is behind a token or key, remembered for a few seconds, so that a busy client costs no look-up a request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;
use procession_application::{
    access::{KEY_PREFIX, Principal},
    ports::StoreError,
};
use procession_domain::value::Timestamp;

use crate::state::App;

/// For how long a principal is remembered: a change of rights by another process shows so late.
const REMEMBERED: Duration = Duration::from_secs(5);

/// How many principals are remembered.
const MOST_REMEMBERED: u64 = 10_000;

/// The principals of the last few seconds, by the hash of their token or key.
pub(crate) struct Sessions {
    known: Cache<blake3::Hash, Known>,
    /// Counts the changes of rights, so that what was read before one is not remembered after it.
    changes: AtomicU64,
}

/// A principal, as its token or key says.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub principal: Arc<Principal>,
    /// Whether it came with an API key.
    pub by_key: bool,
    expires_at: Option<Timestamp>,
}

impl Sessions {
    pub fn new() -> Self {
        let known = Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(REMEMBERED).build();
        Self { known, changes: AtomicU64::new(0) }
    }

    /// Forgets everyone, since someone's rights have changed.
    pub fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate_all();
    }

    /// The principal behind a token or key; `None` if it is good for nobody.
    pub async fn find(&self, app: &App, credential: &str) -> Result<Option<Known>, StoreError> {
        let name = blake3::hash(credential.as_bytes());
        let now = app.now();
        if let Some(known) = self.known.get(&name) {
            return Ok(Some(known).filter(|known| known.expires_at.is_none_or(|end| now < end)));
        }
        let changes = self.changes.load(Ordering::SeqCst);
        let found = look_up(app, credential, now).await?;
        if let Some(known) = found.as_ref().filter(|_| changes == self.changes.load(Ordering::SeqCst)) {
            self.known.insert(name, known.clone());
        }
        Ok(found)
    }
}

async fn look_up(app: &App, credential: &str, now: Timestamp) -> Result<Option<Known>, StoreError> {
    if credential.starts_with(KEY_PREFIX) {
        let principal = app.access.principal_of_key(credential).await?;
        return Ok(principal.map(|principal| Known { principal: Arc::new(principal), by_key: true, expires_at: None }));
    }
    let Some(token) = app.shell().tokens.check(credential, now) else { return Ok(None) };
    let principal = app.access.principal(&token.user).await?;
    Ok(principal.map(|principal| Known { principal: Arc::new(principal), by_key: false, expires_at: token.expires_at }))
}
