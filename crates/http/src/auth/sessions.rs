//! Who is behind a token or key, remembered for a few seconds, so that a busy client costs no look-up a request.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use procession_application::{
    Application,
    access::{KEY_PREFIX, Principal, SessionToken},
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
    /// The token, unless it came with an API key.
    pub token: Option<Arc<SessionToken>>,
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
            let expires_at = known.token.as_ref().and_then(|token| token.expires_at);
            return Ok(Some(known).filter(|_| expires_at.is_none_or(|end| now < end)));
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
            return Ok(principal.map(|principal| Known { principal, token: None, revision }));
        }
        let Some(token) = self.tokens.check(credential, now) else { return Ok(None) };
        let principal = application.access.principal_of_session(&token).await?.map(Arc::new);
        let token = Some(Arc::new(token));
        Ok(principal.map(|principal| Known { principal, token, revision }))
    }
}

/// Someone who is let in, with the token or key that let them in.
#[derive(Clone)]
pub(crate) struct Admitted {
    pub known: Known,
    credential: Arc<str>,
}

impl Admitted {
    pub fn new(known: Known, credential: &str) -> Self {
        Self { known, credential: credential.into() }
    }

    /// Looks whether the session still stands, and with which rights. `false` if it has ended.
    pub async fn renew(&mut self, sessions: &Sessions, application: &Application) -> bool {
        match sessions.find(application, &self.credential).await {
            Ok(Some(known)) => {
                self.known = known;
                true
            }
            Ok(None) => false,
            // The store will be back; what the session may see has been known.
            Err(_) => true,
        }
    }
}

/// A token or key is no part of what is logged.
impl std::fmt::Debug for Admitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admitted").field("user", &self.known.principal.name()).finish_non_exhaustive()
    }
}
