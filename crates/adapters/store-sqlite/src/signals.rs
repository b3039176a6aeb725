//! Signals from outside: commands of people, checked against the committed state (spec 3.7).

use async_trait::async_trait;
use procession_application::ports::SignalError;
use procession_domain::{
    execution::{Life, Signal},
    value::{ExecutionId, Timestamp},
};
use sqlx::{Row, SqliteConnection};

use crate::{
    codec::{json, to_json},
    error::Failure,
    writer::Change,
};

/// A signal for one execution.
pub(crate) struct Send {
    pub to: ExecutionId,
    pub signal: Signal,
    pub now: Timestamp,
}

#[async_trait]
impl Change for Send {
    type Outcome = Result<(), SignalError>;

    async fn apply(&self, connection: &mut SqliteConnection) -> Result<Self::Outcome, Failure> {
        const LOOK: &str = "
            SELECT
                state -> 'life' AS life,
                EXISTS (SELECT 1 FROM execution_inbox WHERE execution_id = ?1 AND kind = ?2) AS waits
            FROM process_executions
            WHERE id = ?1";
        let row = sqlx::query(LOOK)
            .bind(self.to.to_string())
            .bind(self.signal.name())
            .fetch_optional(&mut *connection)
            .await?;
        let Some(row) = row else {
            return Ok(Err(SignalError::Unknown));
        };
        let life: Life = json(&row, "life")?;
        if let Err(error) = life.check(&self.signal) {
            return Ok(Err(error.into()));
        }
        if life.status().is_ended() {
            // It is no command of a person, and nobody will read it.
            return Ok(Ok(()));
        }
        if self.signal.is_command() && row.try_get("waits")? {
            return Ok(Err(SignalError::Waiting));
        }
        self.put(connection).await?;
        Ok(Ok(()))
    }
}

impl Send {
    async fn put(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        const PUT: &str = "INSERT INTO execution_inbox (execution_id, kind, signal) VALUES (?1, ?2, ?3)";
        const CALL_ATTENTION: &str = "
            UPDATE process_executions SET attention_at = min(coalesce(attention_at, ?2), ?2) WHERE id = ?1";
        let to = self.to.to_string();
        sqlx::query(PUT)
            .bind(&to)
            .bind(self.signal.name())
            .bind(to_json(&self.signal)?)
            .execute(&mut *connection)
            .await?;
        sqlx::query(CALL_ATTENTION).bind(&to).bind(self.now.as_micros()).execute(connection).await?;
        Ok(())
    }
}
