//! The port of schedules.

use std::cmp::Reverse;

use async_trait::async_trait;
use procession_application::ports::{KeptSchedule, ScheduleChange, ScheduleStore, StoreError};
use procession_domain::{
    definition::Process,
    value::{ExecutionId, ProcessId, ScheduleId, Timestamp},
};
use uuid::Uuid;

use super::{MemoryStore, Tables};

#[async_trait]
impl ScheduleStore for MemoryStore {
    async fn schedules(&self) -> Result<Vec<KeptSchedule>, StoreError> {
        let tables = self.tables();
        Ok(tables.by_change(tables.schedules.iter().map(|kept| (kept.process_id, kept.clone())).collect()))
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<KeptSchedule>, StoreError> {
        Ok(self.tables().schedules.iter().find(|kept| kept.id == id).cloned())
    }

    async fn due_schedules(&self, now: Timestamp, most: u32) -> Result<Vec<KeptSchedule>, StoreError> {
        let tables = self.tables();
        let mut due: Vec<&KeptSchedule> =
            tables.schedules.iter().filter(|kept| kept.standing.attention_at.is_some_and(|at| at <= now)).collect();
        due.sort_by_key(|kept| kept.standing.attention_at);
        Ok(due.into_iter().take(most as usize).cloned().collect())
    }

    async fn next_schedule_attention(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.tables().schedules.iter().filter_map(|kept| kept.standing.attention_at).min())
    }

    async fn change_schedule(&self, change: &ScheduleChange) -> Result<bool, StoreError> {
        Ok(self.tables().stand(change))
    }

    async fn runs_under_way(&self, id: ScheduleId) -> Result<Vec<ExecutionId>, StoreError> {
        let tables = self.tables();
        let runs = tables.schedule_runs.iter().filter(|(schedule, _)| *schedule == id).map(|(_, execution)| *execution);
        let is_live =
            |execution: &ExecutionId| tables.executions.get(execution).is_some_and(|stored| !stored.is_ended());
        Ok(runs.filter(is_live).collect())
    }
}

impl Tables {
    /// Writes a new standing, if the schedule is as it was when that was decided.
    pub(super) fn stand(&mut self, change: &ScheduleChange) -> bool {
        let is_meant = |kept: &&mut KeptSchedule| kept.id == change.id && kept.revision == change.revision;
        let Some(kept) = self.schedules.iter_mut().find(is_meant) else { return false };
        kept.revision += 1;
        kept.standing = change.standing.clone();
        true
    }

    /// Gives the schedules of a process to the version that has just become active, or takes them from one that no
    /// longer is.
    pub(super) fn follow_schedules(&mut self, process: &Process) {
        if !process.is_active() {
            self.schedules.retain(|kept| kept.process_id != process.id());
            return;
        }
        let name = process.definition().name();
        let (before, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.schedules).into_iter().partition(|kept: &KeptSchedule| kept.process_name == *name);
        self.schedules = others;
        self.schedules.extend(KeptSchedule::registered(&before, process, || ScheduleId::new(Uuid::new_v4())));
    }

    /// What belongs to versions, the last changed version's first, each one's in its order.
    pub(super) fn by_change<T>(&self, mut rows: Vec<(ProcessId, T)>) -> Vec<T> {
        let mut places: Vec<ProcessId> = Vec::new();
        for (process, _) in &rows {
            if !places.contains(process) {
                places.push(*process);
            }
        }
        let changed_at = |id: ProcessId| self.definitions.get(&id).map(|stored| stored.process.updated_at());
        let place = |id: ProcessId| places.iter().position(|known| *known == id);
        rows.sort_by_key(|(process, _)| Reverse((changed_at(*process), place(*process))));
        rows.into_iter().map(|(_, row)| row).collect()
    }
}
