//! The ports of templates and notices.

use async_trait::async_trait;
use procession_application::ports::{
    NoticeMark, NoticeStore, ProcessTemplate, SavedView, StoreError, TemplateStore, ViewStore,
};
use uuid::Uuid;

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

#[async_trait]
impl ViewStore for MemoryStore {
    async fn views(&self, user: &str) -> Result<Vec<SavedView>, StoreError> {
        let mut views: Vec<SavedView> = self.tables().views.iter().filter(|view| view.user == user).cloned().collect();
        views.sort_by(|one, other| (&one.page, &one.name).cmp(&(&other.page, &other.name)));
        Ok(views)
    }

    async fn save_view(&self, view: &SavedView) -> Result<SavedView, StoreError> {
        let mut tables = self.tables();
        let is_same =
            |known: &&mut SavedView| known.user == view.user && known.page == view.page && known.name == view.name;
        if let Some(known) = tables.views.iter_mut().find(is_same) {
            known.filters = view.filters.clone();
            return Ok(known.clone());
        }
        tables.views.push(view.clone());
        Ok(view.clone())
    }

    async fn remove_view(&self, user: &str, id: Uuid) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let before = tables.views.len();
        tables.views.retain(|view| view.user != user || view.id != id);
        Ok(tables.views.len() < before)
    }
}
