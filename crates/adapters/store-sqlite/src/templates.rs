//! The port of templates of users.

use async_trait::async_trait;
use procession_application::ports::{ProcessTemplate, StoreError, TemplateStore};
use rusqlite::Connection;

use crate::{
    SqliteStore,
    codec::{json, to_json},
    error::Failure,
    writer::Change,
};

/// A template to write, as a new one or in the place of one.
struct PutTemplate {
    template: ProcessTemplate,
    is_new: bool,
}

/// A template to remove.
struct RemoveTemplate(String);

#[async_trait]
impl TemplateStore for SqliteStore {
    async fn create_template(&self, template: &ProcessTemplate) -> Result<bool, StoreError> {
        self.writer.change(PutTemplate { template: template.clone(), is_new: true }).await
    }

    async fn replace_template(&self, template: &ProcessTemplate) -> Result<bool, StoreError> {
        self.writer.change(PutTemplate { template: template.clone(), is_new: false }).await
    }

    async fn template(&self, name: &str) -> Result<Option<ProcessTemplate>, StoreError> {
        Ok(self.read_template(name).await?)
    }

    async fn templates(&self) -> Result<Vec<ProcessTemplate>, StoreError> {
        Ok(self.read_templates().await?)
    }

    async fn remove_template(&self, name: &str) -> Result<bool, StoreError> {
        self.writer.change(RemoveTemplate(name.to_owned())).await
    }
}

impl SqliteStore {
    async fn read_template(&self, name: &str) -> Result<Option<ProcessTemplate>, Failure> {
        const READ: &str = "SELECT template FROM process_templates WHERE name = ?1";
        let row = sqlx::query(READ).bind(name.to_owned()).fetch_optional(&self.readers).await?;
        row.map(|row| json(&row, "template")).transpose()
    }

    async fn read_templates(&self) -> Result<Vec<ProcessTemplate>, Failure> {
        const READ: &str = "SELECT template FROM process_templates ORDER BY name";
        let rows = sqlx::query(READ).fetch_all(&self.readers).await?;
        rows.iter().map(|row| json(row, "template")).collect()
    }
}

impl Change for PutTemplate {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const CREATE: &str = "
            INSERT INTO process_templates (name, created_at, template) VALUES (?1, ?2, ?3)
            ON CONFLICT (name) DO NOTHING";
        const REPLACE: &str = "UPDATE process_templates SET created_at = ?2, template = ?3 WHERE name = ?1";
        let statement = if self.is_new { CREATE } else { REPLACE };
        let template = &self.template;
        let row = (&template.name, template.created_at.as_micros(), to_json(template)?);
        Ok(connection.prepare_cached(statement)?.execute(row)? > 0)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}

impl Change for RemoveTemplate {
    type Outcome = bool;

    fn apply(&self, connection: &Connection) -> Result<bool, Failure> {
        const REMOVE: &str = "DELETE FROM process_templates WHERE name = ?1";
        Ok(connection.prepare_cached(REMOVE)?.execute([&self.0])? > 0)
    }

    fn is_done(outcome: &Self::Outcome) -> bool {
        *outcome
    }
}
