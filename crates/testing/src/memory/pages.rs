//! The ports of templates, thresholds and notices.

use async_trait::async_trait;
use procession_application::ports::{
    NoticeMark, NoticeStore, ProcessTemplate, StoreError, TemplateStore, Threshold, ThresholdKind, ThresholdStore,
};
use procession_domain::value::ProcessId;

use super::MemoryStore;

#[async_trait]
impl TemplateStore for MemoryStore {
    async fn create_template(&self, template: &ProcessTemplate) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let is_free = !tables.templates.contains_key(&template.name);
        if is_free {
            tables.templates.insert(template.name.clone(), template.clone());
        }
        Ok(is_free)
    }

    async fn replace_template(&self, template: &ProcessTemplate) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let known = tables.templates.get_mut(&template.name);
        Ok(known.map(|known| *known = template.clone()).is_some())
    }

    async fn template(&self, name: &str) -> Result<Option<ProcessTemplate>, StoreError> {
        Ok(self.tables().templates.get(name).cloned())
    }

    async fn templates(&self) -> Result<Vec<ProcessTemplate>, StoreError> {
        Ok(self.tables().templates.values().cloned().collect())
    }

    async fn remove_template(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.tables().templates.remove(name).is_some())
    }
}

#[async_trait]
impl ThresholdStore for MemoryStore {
    async fn thresholds(&self, process: Option<ProcessId>) -> Result<Vec<Threshold>, StoreError> {
        let tables = self.tables();
        let mut thresholds: Vec<Threshold> =
            tables.thresholds.iter().filter(|known| known.process_id == process).copied().collect();
        thresholds.sort_by_key(|threshold| threshold.kind);
        Ok(thresholds)
    }

    async fn set_threshold(&self, threshold: &Threshold) -> Result<Threshold, StoreError> {
        let mut tables = self.tables();
        let is_same = |known: &&mut Threshold| known.process_id == threshold.process_id && known.kind == threshold.kind;
        if let Some(known) = tables.thresholds.iter_mut().find(is_same) {
            *known = Threshold { id: known.id, created_at: known.created_at, ..*threshold };
            return Ok(*known);
        }
        tables.thresholds.push(*threshold);
        Ok(*threshold)
    }

    async fn remove_threshold(&self, process: Option<ProcessId>, kind: ThresholdKind) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let before = tables.thresholds.len();
        tables.thresholds.retain(|known| known.process_id != process || known.kind != kind);
        Ok(tables.thresholds.len() < before)
    }
}

#[async_trait]
impl NoticeStore for MemoryStore {
    async fn notice_marks(&self, user: &str) -> Result<Vec<NoticeMark>, StoreError> {
        Ok(self.tables().notice_marks.iter().filter(|mark| mark.user == user).cloned().collect())
    }

    async fn mark_notice(&self, mark: &NoticeMark) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.notice_marks.retain(|known| known.user != mark.user || known.notice != mark.notice);
        tables.notice_marks.insert(0, mark.clone());
        Ok(())
    }
}
