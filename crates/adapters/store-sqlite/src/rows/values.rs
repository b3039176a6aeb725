//! New rows of `execution_values`.

use procession_application::ports::{Content, NewValue};
use procession_domain::value::ExecutionId;
use serde::Serialize;

use crate::codec::column;

/// Values are kept by their content, so that what is there already is the same.
pub(super) const INSERT: &str = "
    INSERT INTO execution_values (execution_id, key, size, content)
    SELECT value ->> 'execution_id', value ->> 'key', value ->> 'size', value ->> 'content'
    FROM jsonb_each(?1)
    WHERE true
    ON CONFLICT (execution_id, key) DO NOTHING";

/// A value.
#[derive(Serialize)]
pub(crate) struct ValueRow<'a> {
    execution_id: ExecutionId,
    key: &'a str,
    size: i64,
    content: Option<&'a str>,
}

impl<'a> ValueRow<'a> {
    /// The row of a value.
    pub fn new(execution_id: ExecutionId, value: &'a NewValue) -> Self {
        Self {
            execution_id,
            key: &value.key,
            size: column(value.value.size),
            content: match &value.content {
                Content::Inline(text) => Some(text),
                Content::Blob => None,
            },
        }
    }
}
