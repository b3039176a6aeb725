//! The audit trail: who did what, durably, in a chain of hashes that shows what was changed, removed or put in.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use procession_domain::value::{ContentHash, Timestamp, TraceContext, UserId};
use uuid::Uuid;

use super::{AuditAnchor, Page, Paging, StoreError};

/// Something that someone did, or was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// The name of the user, or `system` for the program itself.
    pub actor: String,
    /// By what they came in: `session`, `key`, `cookie`, `webhook`, `schedule`, `agent`, `library` or `system`.
    pub via: String,
    /// The API key, if it was one.
    pub key_id: Option<UserId>,
    /// From where.
    pub origin: Origin,
    /// What, as `noun.verb`.
    pub action: String,
    /// On what.
    pub resource: AuditedResource,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// From where a request came, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The address of the client.
    pub address: Option<String>,
    /// The program of the client, as it calls itself.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// Its place in a trace of the client's; the trail does not keep it.
    pub trace: Option<TraceContext>,
}

/// What something was done to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditedResource {
    /// Its kind, such as `process`.
    pub kind: String,
    /// Its id, where one is known.
    pub id: Option<String>,
    /// Its name for people, where one is known.
    pub name: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused, or could not be done.
    Refused,
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAuditEntry {
    /// Its number, from 1, without gaps.
    pub number: u64,
    /// The entry.
    pub entry: AuditEntry,
    /// The hash of the entry before; all zeros for the first one.
    pub previous: ContentHash,
    /// Its own hash.
    pub hash: ContentHash,
}

/// Which entries a list shows; conditions add up.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// By this user.
    pub actor: Option<String>,
    /// Of this action.
    pub action: Option<String>,
    /// On a thing of this kind.
    pub resource_kind: Option<String>,
    /// On the thing with this id or name.
    pub resource: Option<String>,
    /// With this outcome.
    pub outcome: Option<AuditOutcome>,
    /// At or after this time.
    pub since: Option<Timestamp>,
    /// At or before this time.
    pub until: Option<Timestamp>,
}

/// Keeps the audit trail.
///
/// Promises:
/// * entries are only appended, numbered from 1 without gaps, each with its [`AuditEntry::hash`] over the hash of the one
///   before, also when several are appended at once;
/// * [`ever`](Self::ever) tells the highest number there ever was, also when its row is gone;
/// * a store may write the entry of the change under way ([`AuditNote`](crate::audit::AuditNote)) in the transaction of the
///   change; one that does not leaves it to whoever carries the change through.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Appends an entry.
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// A page of entries, the newest first.
    async fn entries(&self, filter: &AuditFilter, paging: &Paging) -> Result<Page<KeptAuditEntry>, StoreError>;

    /// An entry.
    async fn entry(&self, id: Uuid) -> Result<Option<KeptAuditEntry>, StoreError>;

    /// The entries behind a number, oldest first, at most `limit`.
    async fn after(&self, number: u64, limit: u32) -> Result<Vec<KeptAuditEntry>, StoreError>;

    /// Up to where the trail was purged, or may be.
    async fn anchor(&self) -> Result<AuditAnchor, StoreError>;

    /// The highest number that an entry ever had; 0 if there was none.
    async fn ever(&self) -> Result<u64, StoreError>;
}

impl AuditEntry {
    /// What stands in the place of a hash before the first entry.
    pub const BEGINNING: ContentHash = ContentHash::new([0; 32]);

    /// The hash of this entry under a number, over the hash of the one before.
    pub fn hash(&self, number: u64, previous: &ContentHash) -> ContentHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(previous.as_bytes());
        hasher.update(&number.to_be_bytes());
        hasher.update(self.id.as_bytes());
        hasher.update(&self.at.as_micros().to_be_bytes());
        let key_id = self.key_id.map(|id| id.to_string());
        let Origin { address, user_agent, request_id, trace: _ } = &self.origin;
        let AuditedResource { kind, id, name } = &self.resource;
        let texts = [
            Some(&self.actor),
            Some(&self.via),
            key_id.as_ref(),
            address.as_ref(),
            user_agent.as_ref(),
            request_id.as_ref(),
            Some(&self.action),
            Some(kind),
            id.as_ref(),
            name.as_ref(),
            self.reason.as_ref(),
        ];
        for text in texts {
            // No text, and where each ends, count too.
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            hasher.update(&length.to_be_bytes()).update(text.map_or("", String::as_str).as_bytes());
        }
        hasher.update(self.outcome.as_str().as_bytes());
        ContentHash::new(*hasher.finalize().as_bytes())
    }

    /// The entry as it is kept behind another one.
    pub fn kept(self, number: u64, previous: ContentHash) -> KeptAuditEntry {
        let hash = self.hash(number, &previous);
        KeptAuditEntry { number, entry: self, previous, hash }
    }
}

impl AuditOutcome {
    /// Its text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for AuditOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AuditOutcome {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Done, Self::Refused].into_iter().find(|outcome| outcome.as_str() == text).ok_or(())
    }
}
