//! The note of a change under way: what the trail will say of it. It goes along with the task that carries the change
//! through, so that the store can write it in the transaction of the change without every port passing it on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    access::{Principal, UseCase, Via},
    ports::{AuditEntry, AuditOutcome, AuditTrail, AuditedResource, Clock, IdGenerator, Origin},
};

/// The actor of what was refused to a name that nobody has; no user can be called so.
const NOBODY: &str = "(nobody)";

tokio::task_local! {
    static UNDER_WAY: AuditNote;
}

/// The note of the change under way. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct AuditNote(Arc<Mutex<Noted>>);

struct Noted {
    entry: AuditEntry,
    is_written: bool,
}

/// Writes down what is asked for.
#[derive(Clone)]
pub(crate) struct Auditor {
    trail: Arc<dyn AuditTrail>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

/// Something that was done, or refused, before anybody was let in.
pub(crate) struct Unprincipled<'a> {
    /// What was asked for, as `noun.verb`.
    pub action: &'static str,
    /// The user whom it is about, if there is one of the name that was given. Other names are not written down: now and
    /// then one is a password.
    pub user: Option<&'a str>,
    /// From where.
    pub address: Option<&'a str>,
    /// Why it was refused, if it was.
    pub refused: Option<String>,
}

/// Says what the change under way is about.
pub(crate) fn about(id: &impl ToString) {
    with_resource(|resource| resource.id = Some(id.to_string()));
}

/// The same, with its name for people.
pub(crate) fn about_named(id: &impl ToString, name: &impl ToString) {
    with_resource(|resource| {
        resource.id = Some(id.to_string());
        resource.name = Some(name.to_string());
    });
}

fn with_resource(say: impl FnOnce(&mut AuditedResource)) {
    if let Some(note) = AuditNote::current() {
        say(&mut note.lock().entry.resource);
    }
}

impl AuditNote {
    /// The note of the change that this task carries through; `None` outside of one.
    pub fn current() -> Option<Self> {
        UNDER_WAY.try_with(Clone::clone).ok()
    }

    /// The entry that says that the change is done, if it is not written yet. Whoever writes it in the transaction of the
    /// change says so afterwards.
    pub fn unwritten(&self) -> Option<AuditEntry> {
        let noted = self.lock();
        (!noted.is_written).then(|| noted.entry.clone())
    }

    /// Notes that the entry is durable.
    pub fn mark_written(&self) {
        self.lock().is_written = true;
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Auditor {
    pub fn new(trail: Arc<dyn AuditTrail>, clock: Arc<dyn Clock>, ids: Arc<dyn IdGenerator>) -> Self {
        Self { trail, clock, ids }
    }

    /// The note of something that is asked for.
    pub fn note(&self, by: &Principal, use_case: UseCase) -> AuditNote {
        let action = use_case.action();
        let kind = action.split_once('.').map_or(action, |(noun, _)| noun);
        let entry = AuditEntry {
            id: self.ids.new_id(),
            at: self.clock.now(),
            actor: by.name().to_owned(),
            via: by.via().as_str().to_owned(),
            key_id: by.via().key(),
            origin: by.origin().cloned().unwrap_or_default(),
            action: action.to_owned(),
            resource: AuditedResource { kind: kind.to_owned(), ..AuditedResource::default() },
            outcome: AuditOutcome::Done,
            reason: None,
        };
        AuditNote(Arc::new(Mutex::new(Noted { entry, is_written: false })))
    }

    /// Carries a change through, and writes down what came of it unless the store has done so with the change.
    pub async fn carry_through<T, E: std::fmt::Display>(
        &self,
        note: AuditNote,
        change: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let outcome = UNDER_WAY.scope(note.clone(), change).await;
        match &outcome {
            Ok(_) => {
                if let Some(entry) = note.unwritten() {
                    self.append(&entry).await;
                }
            }
            Err(reason) => self.refused(&note, reason.to_string()).await,
        }
        outcome
    }

    /// Writes down what came of something that needed no principal.
    pub async fn write_down(&self, done: Unprincipled<'_>) {
        let Unprincipled { action, user, address, refused } = done;
        let kind = action.split_once('.').map_or(action, |(noun, _)| noun);
        let entry = AuditEntry {
            id: self.ids.new_id(),
            at: self.clock.now(),
            actor: user.unwrap_or(NOBODY).to_owned(),
            via: Via::Session.as_str().to_owned(),
            key_id: None,
            origin: Origin { address: address.map(str::to_owned), ..Origin::default() },
            action: action.to_owned(),
            resource: AuditedResource {
                kind: kind.to_owned(),
                id: user.map(str::to_owned),
                ..AuditedResource::default()
            },
            outcome: if refused.is_some() { AuditOutcome::Refused } else { AuditOutcome::Done },
            reason: refused,
        };
        self.append(&entry).await;
    }

    /// Writes down that something was refused.
    pub async fn refused(&self, note: &AuditNote, reason: String) {
        let entry = note.lock().entry.clone();
        // A part of it may have been done, and be written under the other id.
        let id = self.ids.new_id();
        self.append(&AuditEntry { id, outcome: AuditOutcome::Refused, reason: Some(reason), ..entry }).await;
    }

    /// What can't be written down is at least logged: it is done or refused already.
    async fn append(&self, entry: &AuditEntry) {
        if let Err(error) = self.trail.append(entry).await {
            let AuditEntry { actor, action, outcome, .. } = entry;
            tracing::error!(%error, actor, action, %outcome, "the audit trail could not be written");
        }
    }
}
