//! Pages of lists that are ordered by a time and then by id.

use procession_application::ports::{Page, PageStart, Paging, RowPlace};
use sqlx::{QueryBuilder, Sqlite, SqlitePool, sqlite::SqliteRow};

use crate::{
    codec::{blob, column, count, place},
    error::Failure,
};

/// A list: what it shows of which rows, and their order.
pub(crate) struct List {
    /// The columns, `id` and the time among them.
    pub columns: &'static str,
    /// The tables, and how they are joined.
    pub tables: &'static str,
    /// The column of the time, as the conditions call it.
    pub at: &'static str,
    /// The same as the row calls it.
    pub at_column: &'static str,
    /// The column of the id, as the conditions call it.
    pub id: &'static str,
    /// Whether the latest comes first.
    pub newest_first: bool,
}

impl List {
    /// Reads a page. `conditions` adds ` AND …` for what the filter asks.
    pub async fn page<T>(
        &self,
        paging: &Paging,
        readers: &SqlitePool,
        conditions: impl Fn(&mut QueryBuilder<Sqlite>),
        to_row: impl Fn(&SqliteRow) -> Result<T, Failure>,
    ) -> Result<Page<T>, Failure> {
        self.page_counted(paging, readers, (self.tables, &conditions), &conditions, to_row).await
    }

    /// The same where all rows are counted by other tables and conditions, which leave as many.
    pub async fn page_counted<T>(
        &self,
        paging: &Paging,
        readers: &SqlitePool,
        (counted_tables, counted_conditions): (&'static str, impl Fn(&mut QueryBuilder<Sqlite>)),
        conditions: impl Fn(&mut QueryBuilder<Sqlite>),
        to_row: impl Fn(&SqliteRow) -> Result<T, Failure>,
    ) -> Result<Page<T>, Failure> {
        let after = match &paging.start {
            PageStart::Offset(_) => None,
            PageStart::Cursor(cursor) => Some(cursor.parse::<RowPlace>()?),
        };
        let mut counted = QueryBuilder::new("SELECT count(*) AS total FROM ");
        counted.push(counted_tables);
        let mut asked = QueryBuilder::<Sqlite>::new("");
        counted_conditions(&mut asked);
        // Without any condition, rows are counted without looking at them.
        if !asked.sql().as_str().is_empty() {
            counted.push(" WHERE true");
            counted_conditions(&mut counted);
        }
        // Both in one transaction would be of one moment, but hold up the log; a total may be a little newer.
        let total = count(&counted.build().fetch_one(readers).await?, "total")?;
        let mut query = QueryBuilder::new("SELECT ");
        query.push(self.columns).push(" FROM ").push(self.tables).push(" WHERE true");
        conditions(&mut query);
        let (relation, order) = if self.newest_first { (" < ", "DESC") } else { (" > ", "ASC") };
        if let Some(after) = after {
            query.push(format_args!(" AND ({}, {}){relation}(", self.at, self.id));
            query.push_bind(after.at.as_micros()).push(", ").push_bind(blob(after.id)).push(")");
        }
        query.push(format_args!(" ORDER BY {} {order}, {} {order} LIMIT ", self.at, self.id));
        // One more than asked for tells whether there are more.
        query.push_bind(i64::from(paging.limit) + 1);
        if let PageStart::Offset(offset) = paging.start {
            query.push(" OFFSET ").push_bind(column(offset));
        }
        let rows = query.build().fetch_all(readers).await?;
        let shown = &rows[..rows.len().min(paging.limit as usize)];
        let next_cursor = match shown.last() {
            Some(last) if rows.len() > shown.len() => Some(place(last, self.at_column)?.to_string()),
            Some(_) | None => None,
        };
        Ok(Page { rows: shown.iter().map(to_row).collect::<Result<_, _>>()?, total, next_cursor })
    }
}
