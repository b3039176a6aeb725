//! The store of saved views: each user's own.

use async_trait::async_trait;
use procession_domain::value::{Json, Timestamp};
use uuid::Uuid;

use super::StoreError;

/// Filters of a list that a user keeps under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedView {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user: String,
    /// Its name.
    pub name: String,
    /// The page that it is a view of.
    pub page: String,
    /// What is filtered, as the page understands it.
    pub filters: Json,
    /// When it was first saved.
    pub created_at: Timestamp,
}

/// Stores views.
///
/// Promises:
/// * a user has one view of a page and name: saving it again keeps its id and its first time.
#[async_trait]
pub trait ViewStore: Send + Sync {
    /// The views of a user, by page and name.
    async fn views(&self, user: &str) -> Result<Vec<SavedView>, StoreError>;

    /// Saves a view. As it is stored.
    async fn save_view(&self, view: &SavedView) -> Result<SavedView, StoreError>;

    /// Removes a view of a user. `false` if there is none.
    async fn remove_view(&self, user: &str, id: Uuid) -> Result<bool, StoreError>;
}
