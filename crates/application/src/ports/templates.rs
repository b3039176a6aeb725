//! The store of the templates that users have made.

use async_trait::async_trait;
use procession_domain::{definition::InputSchema, value::Timestamp};
use serde::{Deserialize, Serialize};

use super::StoreError;

/// A process to begin with: a text with parameters, and what people are told of it (spec 4c, templates).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessTemplate {
    /// Its name, unique among the templates of users.
    pub name: String,
    /// What lists call it.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// The shelf on which it stands, such as `business`.
    pub category: String,
    /// How much there is to it: `simple`, `intermediate`, `advanced`.
    pub complexity: String,
    /// Its version.
    pub version: String,
    /// Who wrote it, for people.
    pub author: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What one would use it for.
    pub use_cases: Vec<String>,
    /// Who sees it.
    pub visibility: Visibility,
    /// What a process made from it is made with.
    pub parameters: InputSchema,
    /// The text.
    pub definition_yaml: String,
    /// The user to whom it belongs; `None` for one that comes with the program.
    pub owner: Option<String>,
    /// The same as people know that user: by e-mail address where there is one.
    pub created_by: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Who sees a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everyone.
    #[default]
    Shared,
    /// Whoever made it.
    Private,
}

/// How much there is to a template that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complexity {
    /// A few steps in a row.
    Simple,
    /// People, or several ways.
    Intermediate,
    /// All that and more.
    Advanced,
}

/// Stores templates of users.
///
/// Promises:
/// * names are unique: of two creations at once one succeeds;
/// * a template is read back as it was written.
#[async_trait]
pub trait TemplateStore: Send + Sync {
    /// Writes a new template. `false` if its name is taken.
    async fn create_template(&self, template: &ProcessTemplate) -> Result<bool, StoreError>;

    /// Writes a template in the place of the one of its name. `false` if there is none.
    async fn replace_template(&self, template: &ProcessTemplate) -> Result<bool, StoreError>;

    /// A template by name.
    async fn template(&self, name: &str) -> Result<Option<ProcessTemplate>, StoreError>;

    /// All templates, by name.
    async fn templates(&self) -> Result<Vec<ProcessTemplate>, StoreError>;

    /// Removes a template. `false` if there is none.
    async fn remove_template(&self, name: &str) -> Result<bool, StoreError>;
}

impl Complexity {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Intermediate => "intermediate",
            Self::Advanced => "advanced",
        }
    }
}
