//! The port of saved views.

use async_trait::async_trait;
use procession_application::ports::{SavedView, StoreError, ViewStore};
use rusqlite::Connection;
use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    SqliteStore,
    codec::{json, time, to_json, uuid},
    error::Failure,
    writer::Change,
};

/// A view to save.
struct SaveView(SavedView);

/// A view to remove.
struct RemoveView {
    user: String,
    id: Uuid,
}

#[async_trait]
impl ViewStore for SqliteStore {
    async fn views(&self, user: &str) -> Result<Vec<SavedView>, StoreError> {
        Ok(self.read_views(user).await?)
    }

    async fn save_view(&self, view: &SavedView) -> Result<SavedView, StoreError> {
        self.writer.change(SaveView(view.clone())).await?;
        let stored = self.read_views(&view.user).await?;
        let is_same = |stored: &SavedView| stored.page == view.page && stored.name == view.name;
        // Someone else may have removed it meanwhile; then it is what was just saved.
        Ok(stored.into_iter().find(is_same).unwrap_or_else(|| view.clone()))
    }

    async fn remove_view(&self, user: &str, id: Uuid) -> Result<bool, StoreError> {
        self.writer.change(RemoveView { user: user.to_owned(), id }).await
    }
}

impl SqliteStore {
    async fn read_views(&self, user: &str) -> Result<Vec<SavedView>, Failure> {
        const READ: &str = "
            SELECT id, user_name, name, page, filters, created_at
            FROM saved_views
            WHERE user_name = ?1
            ORDER BY page, name";
        let rows = sqlx::query(READ).bind(user.to_owned()).fetch_all(&self.readers).await?;
        let view = |row: &SqliteRow| {
            Ok(SavedView {
                id: uuid(row, "id")?,
                user: row.try_get("user_name")?,
                name: row.try_get("name")?,
                page: row.try_get("page")?,
                filters: json(row, "filters")?,
                created_at: time(row, "created_at")?,
            })
        };
        rows.iter().map(view).collect()
    }
}

impl Change for SaveView {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const SAVE: &str = "
            INSERT INTO saved_views (id, user_name, name, page, filters, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (user_name, page, name) DO UPDATE SET filters = excluded.filters";
        let view = &self.0;
        let row = (
            view.id.as_bytes(),
            &view.user,
            &view.name,
            &view.page,
            to_json(&view.filters)?,
            view.created_at.as_micros(),
        );
        connection.prepare_cached(SAVE)?.execute(row)?;
        Ok(())
    }

    fn is_done((): &()) -> bool {
        true
    }
}

impl Change for RemoveView {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const REMOVE: &str = "DELETE FROM saved_views WHERE user_name = ?1 AND id = ?2";
        Ok(connection.prepare_cached(REMOVE)?.execute((&self.user, self.id.as_bytes()))? > 0)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}
