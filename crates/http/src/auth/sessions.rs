//! Who is behind a token or key, remembered for a few seconds, so that a busy client costs no look-up a request.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use procession_application::{
    Application,
    access::{KEY_PREFIX, Principal},
    ports::StoreError,
};
use procession_domain::value::Timestamp;

use super::Tokens;

/// For how long a principal is remembered: a change of rights by another process shows so late.
const REMEMBERED: Duration = Duration::from_secs(5);

/// How many principals are remembered.
const MOST_REMEMBERED: u64 = 10_000;

/// The principals of the last few seconds, by the hash of their token or key.
pub(crate) struct Sessions {
    tokens: Tokens,
    known: Cache<blake3::Hash, Known>,
}

/// A principal, as its token or key says.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub principal: Arc<Principal>,
    /// Whether it came with an API key.
    pub by_key: bool,
    expires_at: Option<Timestamp>,
    /// The state of everyone's rights in which it was looked up.
    revision: u64,
}

impl Sessions {
    pub fn new(tokens: Tokens) -> Self {
        Self { tokens, known: Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(REMEMBERED).build() }
    }

    /// Makes and checks tokens.
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The principal behind a token or key; `None` if it is good for nobody. What was looked up before anyone's rights
    /// have changed is looked up again.
    pub async fn find(&self, application: &Application, credential: &str) -> Result<Option<Known>, StoreError> {
        let name = blake3::hash(credential.as_bytes());
        let (now, revision) = (application.now(), application.access.revision());
        if let Some(known) = self.known.get(&name).filter(|known| known.revision == revision) {
            return Ok(Some(known).filter(|known| known.expires_at.is_none_or(|end| now < end)));
        }
        let found = self.look_up(application, credential, now, revision).await?;
        if let Some(known) = &found {
            self.known.insert(name, known.clone());
        }
        Ok(found)
    }

    async fn look_up(
        &self,
        application: &Application,
        credential: &str,
        now: Timestamp,
        revision: u64,
    ) -> Result<Option<Known>, StoreError> {
        if credential.starts_with(KEY_PREFIX) {
            let principal = application.access.principal_of_key(credential).await?.map(Arc::new);
            return Ok(principal.map(|principal| Known { principal, by_key: true, expires_at: None, revision }));
        }
        let Some(token) = self.tokens.check(credential, now) else { return Ok(None) };
        let principal = application.access.principal(&token.user).await?.map(Arc::new);
        Ok(principal.map(|principal| Known { principal, by_key: false, expires_at: token.expires_at, revision }))
    }
}
