//! The port of webhooks.

use async_trait::async_trait;
use procession_application::ports::{KeptWebhook, ShownWebhook, StoreError, WebhookAddress, WebhookCall, WebhookStore};
use procession_domain::{
    definition::Process,
    value::{ProcessName, TriggerId},
};
use uuid::Uuid;

use super::{MemoryStore, Tables};

#[async_trait]
impl WebhookStore for MemoryStore {
    async fn webhooks(&self) -> Result<Vec<ShownWebhook>, StoreError> {
        let tables = self.tables();
        let shown = |kept: &KeptWebhook| {
            let short = WebhookAddress { process: None, trigger: kept.trigger_id.to_string() };
            let owner = tables.webhook_of(&short).map(|owner| owner.process_name.clone());
            ShownWebhook {
                webhook: kept.clone(),
                has_short_address: owner.as_ref() == Some(&kept.process_name),
                calls: tables.calls_of(&kept.process_name, &kept.trigger_id).count() as u64,
            }
        };
        let webhooks = tables.webhooks.iter().map(|(_, kept)| (kept.process_id, shown(kept)));
        Ok(tables.by_change(webhooks.collect()))
    }

    async fn webhook(&self, address: &WebhookAddress) -> Result<Option<KeptWebhook>, StoreError> {
        Ok(self.tables().webhook_of(address).cloned())
    }

    async fn switch_webhook(&self, process: &ProcessName, trigger: &TriggerId, on: bool) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let found = tables.webhooks.iter_mut().find(|(_, kept)| is_of(kept, process, trigger));
        Ok(found.map(|(_, kept)| kept.switched = Some(on)).is_some())
    }

    async fn note_call(&self, call: &WebhookCall, kept: u32) -> Result<(), StoreError> {
        self.tables().note_call(call, kept);
        Ok(())
    }

    async fn calls(
        &self,
        process: &ProcessName,
        trigger: &TriggerId,
        limit: u32,
    ) -> Result<Vec<WebhookCall>, StoreError> {
        let tables = self.tables();
        Ok(tables.calls_of(process, trigger).take(limit as usize).cloned().collect())
    }

    async fn count_calls(&self, process: &ProcessName, trigger: &TriggerId) -> Result<u64, StoreError> {
        Ok(self.calls(process, trigger, u32::MAX).await?.len() as u64)
    }

    async fn call(
        &self,
        process: &ProcessName,
        trigger: &TriggerId,
        id: Uuid,
    ) -> Result<Option<WebhookCall>, StoreError> {
        let calls = self.calls(process, trigger, u32::MAX).await?;
        Ok(calls.into_iter().find(|call| call.id == id))
    }
}

fn is_of(kept: &KeptWebhook, process: &ProcessName, trigger: &TriggerId) -> bool {
    kept.process_name == *process && kept.trigger_id == *trigger
}

impl Tables {
    /// The webhook of an address.
    fn webhook_of(&self, address: &WebhookAddress) -> Option<&KeptWebhook> {
        let is_meant = |kept: &KeptWebhook| {
            kept.trigger_id.as_str() == address.trigger
                && address.process.as_ref().is_none_or(|process| *process == *kept.process_name)
        };
        // Of those of one moment the one written last.
        let found = self.webhooks.iter().filter(|(_, kept)| is_meant(kept)).max_by_key(|(since, _)| *since);
        found.map(|(_, webhook)| webhook)
    }

    /// The calls of a trigger, the newest first.
    fn calls_of(&self, process: &ProcessName, trigger: &TriggerId) -> impl Iterator<Item = &WebhookCall> {
        let of_trigger = move |call: &&WebhookCall| call.process_name == *process && call.trigger_id == *trigger;
        self.webhook_calls.iter().rev().filter(of_trigger)
    }

    /// Remembers a call, and forgets the oldest one of its trigger beyond so many.
    pub(super) fn note_call(&mut self, call: &WebhookCall, kept: u32) {
        self.webhook_calls.push(call.clone());
        let is_same =
            |other: &WebhookCall| other.process_name == call.process_name && other.trigger_id == call.trigger_id;
        let count = self.webhook_calls.iter().filter(|other| is_same(other)).count();
        let mut surplus = count.saturating_sub(kept as usize);
        self.webhook_calls.retain(|other| {
            let goes = surplus > 0 && is_same(other);
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// Gives the webhooks of a process to the version that has just become active, or takes them from one that no longer
    /// is.
    pub(super) fn follow_webhooks(&mut self, process: &Process) {
        if !process.is_active() {
            self.webhooks.retain(|(_, kept)| kept.process_id != process.id());
            return;
        }
        let name = process.definition().name();
        let (before, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.webhooks).into_iter().partition(|(_, kept)| kept.process_name == *name);
        let before: Vec<KeptWebhook> = before.into_iter().map(|(_, kept)| kept).collect();
        self.webhooks = others;
        let since = process.updated_at();
        self.webhooks.extend(KeptWebhook::registered(&before, process).into_iter().map(|webhook| (since, webhook)));
    }
}
