//! The store of what people have done with notices: each user's own.

use async_trait::async_trait;
use procession_domain::value::Timestamp;

use super::StoreError;

/// What a user has done with a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeMark {
    /// The user.
    pub user: String,
    /// The notice's id.
    pub notice: String,
    /// What was done.
    pub mark: Mark,
    /// When.
    pub at: Timestamp,
}

/// What can be done with a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It was seen.
    Acknowledged,
    /// It was put aside.
    Dismissed,
}

/// Stores marks of notices.
///
/// Promises:
/// * a user has one mark on a notice: a later one takes the place of the earlier one.
#[async_trait]
pub trait NoticeStore: Send + Sync {
    /// The marks of a user, the newest 10,000 of them.
    async fn notice_marks(&self, user: &str) -> Result<Vec<NoticeMark>, StoreError>;

    /// Writes a mark.
    async fn mark_notice(&self, mark: &NoticeMark) -> Result<(), StoreError>;
}

impl Mark {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Dismissed => "dismissed",
        }
    }

    /// The mark of this name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Acknowledged, Self::Dismissed].into_iter().find(|mark| mark.as_str() == name)
    }
}
