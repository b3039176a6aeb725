//! Whether the audit trail is whole: every entry is chained to the one before, from the beginning, or from the anchor up to
//! which it was purged. That this is where it was purged, an entry of the trail itself must tell.

use procession_domain::value::ContentHash;

use crate::ports::{AuditAnchor, AuditEntry, AuditOutcome, AuditTrail, KeptAuditEntry, StoreError};

/// How many entries are checked at a time.
const CHECKED_AT_ONCE: u32 = 1_000;

/// What the trail calls its own purge.
pub(crate) const PURGE: &str = "audit.purge";

/// Whether the trail is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditVerdict {
    /// How many entries there are.
    pub entries: u64,
    /// Up to this number entries were purged, since their time was over; 0 = none.
    pub purged: u64,
    /// The number of the first entry that is not what was written, or is missing; `None` if the trail is whole.
    pub first_broken: Option<u64>,
}

/// How far the chain was followed.
struct Chain {
    anchor: AuditAnchor,
    /// The number and hash of the last entry that was looked at; no hash while what is left of purged entries begins.
    number: u64,
    previous: Option<ContentHash>,
    entries: u64,
    first_broken: Option<u64>,
    /// Whether an entry tells of the anchor.
    is_vouched_for: bool,
}

/// Follows the chain to its end. What is appended meanwhile is not looked for.
pub(super) async fn verify(trail: &dyn AuditTrail) -> Result<AuditVerdict, StoreError> {
    let (anchor, ever) = (trail.anchor().await?, trail.ever().await?);
    let mut chain = Chain {
        anchor,
        number: 0,
        previous: (anchor.number == 0).then_some(AuditEntry::BEGINNING),
        entries: 0,
        first_broken: None,
        is_vouched_for: anchor.number == 0,
    };
    loop {
        let read = trail.after(chain.number, CHECKED_AT_ONCE).await?;
        if read.is_empty() {
            break;
        }
        for kept in &read {
            chain.follow(kept);
        }
    }
    let is_cut_off = chain.number < ever;
    let broken = chain.first_broken.or_else(|| is_cut_off.then_some(chain.number + 1));
    let broken = broken.or_else(|| (!chain.is_vouched_for).then_some(anchor.number));
    // What is left of purged entries goes with the next run.
    Ok(AuditVerdict { entries: chain.entries, purged: anchor.number, first_broken: broken })
}

impl Chain {
    fn follow(&mut self, kept: &KeptAuditEntry) {
        self.entries += 1;
        // Behind purged entries the chain begins at the anchor, or before it where the purge is still under way.
        let previous = match self.previous {
            Some(previous) if kept.number == self.number + 1 => Some(previous),
            None if kept.number <= self.anchor.number => Some(kept.previous),
            None if kept.number == self.anchor.number + 1 => Some(self.anchor.hash),
            Some(_) | None => None,
        };
        let is_whole = previous.is_some_and(|previous| {
            let hash = kept.entry.hash(kept.number, &previous);
            let is_anchors = kept.number != self.anchor.number || hash == self.anchor.hash;
            kept.previous == previous && kept.hash == hash && is_anchors
        });
        if self.first_broken.is_none() && !is_whole {
            // The missing one, where one is missing.
            let next = if self.previous.is_none() { self.anchor.number + 1 } else { self.number + 1 };
            self.first_broken = Some(kept.number.min(next));
        }
        self.is_vouched_for |= tells_of(&kept.entry, &self.anchor);
        (self.number, self.previous) = (kept.number, Some(kept.hash));
    }
}

/// Whether an entry says that the trail was purged up to this anchor.
fn tells_of(entry: &AuditEntry, anchor: &AuditAnchor) -> bool {
    entry.action == PURGE
        && entry.outcome == AuditOutcome::Done
        && entry.resource.id.as_deref() == Some(anchor.number.to_string().as_str())
        && entry.resource.name.as_deref() == Some(anchor.hash.to_string().as_str())
}
