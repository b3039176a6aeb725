//! What a store promises about the audit trail.

use std::sync::Arc;

use procession_domain::value::UserId;

use super::given::{Stores, at, at_once};
use procession_application::ports::{
    AuditEntry, AuditFilter, AuditOutcome, AuditedResource, IdGenerator, KeptAuditEntry, Origin, PageStart, Paging,
};

/// Entries come back as they were written, numbered from 1, each with a hash over the one before.
pub async fn entries_are_numbered_and_chained(stores: &Stores) {
    let full = entry(stores, 1, "ada", "process.publish");
    let bare = AuditEntry {
        key_id: None,
        origin: Origin::default(),
        resource: AuditedResource { kind: "user".into(), id: None, name: None },
        outcome: AuditOutcome::Refused,
        reason: Some("Role process_viewer does not have process:publish permission".into()),
        ..entry(stores, 2, "vic", "user.role")
    };
    assert_eq!(stores.audit.ever().await.unwrap(), 0);
    for entry in [&full, &bare] {
        stores.audit.append(entry).await.unwrap();
    }
    let kept = stores.audit.after(0, 10).await.unwrap();
    assert_eq!(kept.iter().map(|kept| &kept.entry).collect::<Vec<_>>(), [&full, &bare]);
    assert_chained(&kept);
    assert_eq!(stores.audit.ever().await.unwrap(), 2);
    assert_eq!(stores.audit.after(1, 10).await.unwrap(), kept[1..]);
    assert_eq!(stores.audit.after(0, 1).await.unwrap(), kept[..1]);
    assert_eq!(stores.audit.entry(bare.id).await.unwrap().as_ref(), Some(&kept[1]));
    assert_eq!(stores.audit.entry(stores.ids.new_id()).await.unwrap(), None);
}

/// Entries that are appended at once are all there, in one chain.
pub async fn entries_appended_at_once_are_one_chain(stores: &Stores) {
    let appends: Vec<_> = (0..30)
        .map(|number| {
            let (trail, entry) = (Arc::clone(&stores.audit), entry(stores, number, "ada", "execution.trigger"));
            async move { trail.append(&entry).await }
        })
        .collect();
    for appended in at_once(appends).await {
        appended.unwrap();
    }
    let kept = stores.audit.after(0, 100).await.unwrap();
    assert_eq!(kept.len(), 30);
    assert_chained(&kept);
}

/// Lists are filtered and paged, the newest first.
pub async fn the_audit_trail_is_filtered_and_paged(stores: &Stores) {
    for number in 0..6 {
        let (actor, action) = if number % 2 == 0 { ("ada", "process.publish") } else { ("bea", "user.role") };
        stores.audit.append(&entry(stores, number, actor, action)).await.unwrap();
    }
    let list = async |filter: AuditFilter| -> Vec<i64> {
        let page = stores.audit.entries(&filter, &Paging { limit: 10, start: PageStart::Offset(0) }).await.unwrap();
        assert_eq!(page.total, page.rows.len() as u64);
        let begin = at(0).as_micros();
        page.rows.iter().map(|kept| (kept.entry.at.as_micros() - begin) / 1_000_000).collect()
    };
    assert_eq!(list(AuditFilter::default()).await, [5, 4, 3, 2, 1, 0]);
    let named = |text: &str| Some(text.to_owned());
    assert_eq!(list(AuditFilter { actor: named("ada"), ..AuditFilter::default() }).await, [4, 2, 0]);
    assert_eq!(list(AuditFilter { action: named("user.role"), ..AuditFilter::default() }).await, [5, 3, 1]);
    assert_eq!(list(AuditFilter { resource_kind: named("user"), ..AuditFilter::default() }).await, [5, 3, 1]);
    for resource in ["id-3", "name-3"] {
        assert_eq!(list(AuditFilter { resource: named(resource), ..AuditFilter::default() }).await, [3], "{resource}");
    }
    let between = AuditFilter { since: Some(at(2)), until: Some(at(4)), ..AuditFilter::default() };
    assert_eq!(list(between).await, [4, 3, 2]);
    let refused = AuditFilter { outcome: Some(AuditOutcome::Refused), ..AuditFilter::default() };
    assert_eq!(list(refused).await, [0; 0]);
    let filter = AuditFilter { actor: named("ada"), ..AuditFilter::default() };
    let first = stores.audit.entries(&filter, &Paging { limit: 2, start: PageStart::Offset(0) }).await.unwrap();
    assert_eq!((first.rows.len(), first.total), (2, 3));
    let start = PageStart::Cursor(first.next_cursor.unwrap());
    let rest = stores.audit.entries(&filter, &Paging { limit: 2, start }).await.unwrap();
    assert_eq!((rest.rows[0].entry.at, rest.rows.len(), rest.next_cursor), (at(0), 1, None));
}

fn entry(stores: &Stores, number: i64, actor: &str, action: &str) -> AuditEntry {
    AuditEntry {
        id: stores.ids.new_id(),
        at: at(number),
        actor: actor.into(),
        via: "key".into(),
        key_id: Some(UserId::new(stores.ids.new_id())),
        origin: Origin {
            address: Some("192.0.2.1".into()),
            user_agent: Some("curl".into()),
            request_id: Some(format!("request-{number}")),
            trace: None,
        },
        action: action.into(),
        resource: AuditedResource {
            kind: action.split('.').next().unwrap().into(),
            id: Some(format!("id-{number}")),
            name: Some(format!("name-{number}")),
        },
        outcome: AuditOutcome::Done,
        reason: None,
    }
}

fn assert_chained(kept: &[KeptAuditEntry]) {
    let mut previous = AuditEntry::BEGINNING;
    for (number, kept) in (1..).zip(kept) {
        assert_eq!((kept.number, kept.previous), (number, previous));
        assert_eq!(kept.hash, kept.entry.hash(number, &previous));
        previous = kept.hash;
    }
}
