//! Use cases of saved views: filters of a list that a person keeps under a name (spec 4c).

use std::sync::Arc;

use procession_domain::value::Json;
use uuid::Uuid;

use crate::{
    access::{Forbidden, Principal, UseCase},
    audit,
    door::Door,
    ports::{Clock, IdGenerator, SavedView, StoreError, ViewStore},
};

/// How many views a person may keep.
pub const MOST_VIEWS: usize = 200;

/// The longest name, in characters.
const LONGEST_NAME: usize = 100;

/// The largest filters, in bytes of JSON.
const LARGEST_FILTERS: usize = 8 * 1024;

/// The service for saved views.
#[derive(Clone)]
pub struct Views {
    store: Arc<dyn ViewStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    door: Door,
}

/// A view as it is wanted.
#[derive(Debug, Clone)]
pub struct WantedView {
    /// Its name.
    pub name: String,
    /// The page that it is a view of.
    pub page: String,
    /// What is filtered, as the page understands it.
    pub filters: Json,
}

/// Why views can't be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum ViewFailure {
    /// The principal may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The principal is no user, who could keep something.
    #[error("only users keep views; log in as one")]
    NoUser,
    /// There is no such view of this person.
    #[error("View not found")]
    NotFound,
    /// The name makes no sense.
    #[error("a name has 1 to {LONGEST_NAME} characters, and so has the name of a page")]
    Name,
    /// The filters are too large.
    #[error("the filters have more than {LARGEST_FILTERS} bytes")]
    TooLarge,
    /// There are too many.
    #[error("there are {MOST_VIEWS} views already; remove one first")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Views {
    /// The service.
    pub(crate) const fn new(
        store: Arc<dyn ViewStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        door: Door,
    ) -> Self {
        Self { store, clock, ids, door }
    }

    /// The principal's views, by page and name.
    pub async fn list(&self, by: &Principal) -> Result<Vec<SavedView>, ViewFailure> {
        by.check(UseCase::ReadViews)?;
        match by.user() {
            Some(user) => Ok(self.store.views(user).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Saves a view, in the place of the one of its name. As it is afterwards.
    pub async fn save(&self, by: &Principal, wanted: WantedView) -> Result<SavedView, ViewFailure> {
        let (this, user) = (self.clone(), by.user().map(str::to_owned));
        let save = async move {
            let user = user.ok_or(ViewFailure::NoUser)?;
            let fits = |text: &str| !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME;
            let WantedView { name, page, filters } = wanted;
            if !fits(&name) || !fits(&page) {
                return Err(ViewFailure::Name);
            }
            if filters.to_string().len() > LARGEST_FILTERS {
                return Err(ViewFailure::TooLarge);
            }
            let kept = this.store.views(&user).await?;
            let is_new = !kept.iter().any(|view| view.page == page && view.name == name);
            if is_new && kept.len() >= MOST_VIEWS {
                return Err(ViewFailure::TooMany);
            }
            audit::about(&name);
            let view = SavedView { id: this.ids.new_id(), user, name, page, filters, created_at: this.clock.now() };
            Ok(this.store.save_view(&view).await?)
        };
        self.door.change(by, UseCase::ChangeViews, save).await
    }

    /// Removes a view.
    pub async fn remove(&self, by: &Principal, id: Uuid) -> Result<(), ViewFailure> {
        let (this, user) = (self.clone(), by.user().map(str::to_owned));
        let remove = async move {
            audit::about(&id);
            let user = user.ok_or(ViewFailure::NoUser)?;
            if this.store.remove_view(&user, id).await? { Ok(()) } else { Err(ViewFailure::NotFound) }
        };
        self.door.change(by, UseCase::ChangeViews, remove).await
    }
}
