//! The port of what people have done with notices.

use async_trait::async_trait;
use procession_application::ports::{Mark, NoticeMark, NoticeStore, StoreError};
use rusqlite::Connection;
use sqlx::{Row, sqlite::SqliteRow};

use crate::{SqliteStore, codec::time, error::Failure, writer::Change};

/// A mark to write.
struct MarkNotice(NoticeMark);

#[async_trait]
impl NoticeStore for SqliteStore {
    async fn notice_marks(&self, user: &str) -> Result<Vec<NoticeMark>, StoreError> {
        Ok(self.read_notice_marks(user).await?)
    }

    async fn mark_notice(&self, mark: &NoticeMark) -> Result<(), StoreError> {
        self.writer.change(MarkNotice(mark.clone())).await
    }
}

impl SqliteStore {
    async fn read_notice_marks(&self, user: &str) -> Result<Vec<NoticeMark>, Failure> {
        const READ: &str = "
            SELECT user_name, notice, mark, at FROM notice_marks WHERE user_name = ?1 ORDER BY at DESC LIMIT 10000";
        let rows = sqlx::query(READ).bind(user.to_owned()).fetch_all(&self.readers).await?;
        rows.iter().map(mark).collect()
    }
}

fn mark(row: &SqliteRow) -> Result<NoticeMark, Failure> {
    let mark: &str = row.try_get("mark")?;
    Ok(NoticeMark {
        user: row.try_get("user_name")?,
        notice: row.try_get("notice")?,
        mark: Mark::of(mark).ok_or_else(|| Failure::corrupt(format!("column mark: `{mark}`")))?,
        at: time(row, "at")?,
    })
}

impl Change for MarkNotice {
    type Outcome = ();

    fn apply(&self, connection: &Connection) -> Result<(), Failure> {
        const MARK: &str = "
            INSERT INTO notice_marks (user_name, notice, mark, at) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (user_name, notice) DO UPDATE SET mark = excluded.mark, at = excluded.at";
        let NoticeMark { user, notice, mark, at } = &self.0;
        connection.prepare_cached(MARK)?.execute((user, notice, mark.as_str(), at.as_micros()))?;
        Ok(())
    }

    fn is_done((): &()) -> bool {
        true
    }
}
