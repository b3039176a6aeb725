//! Webhooks: seeing them, switching them on and off, their calls, and repeating one by hand.

use procession_domain::value::{Json, ProcessName, TriggerId};
use uuid::Uuid;

use super::{TriggerFailure, Triggers, receiving::Received};
use crate::{
    access::{Permission, Principal, UseCase},
    audit,
    ports::{CallOutcome, KeptWebhook, ShownWebhook, WebhookAddress, WebhookCall},
};

/// The history of a webhook.
#[derive(Debug, Clone)]
pub struct WebhookAnswer {
    /// The webhook.
    pub webhook: ShownWebhook,
    /// Its calls, the newest first; without executions for who may not see all of them.
    pub calls: Vec<WebhookCall>,
}

impl Triggers {
    /// The webhooks of the active version of each process, the last changed first.
    pub async fn webhooks(&self, by: &Principal) -> Result<Vec<ShownWebhook>, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        Ok(self.0.incoming.webhooks().await?)
    }

    /// The webhook of an address.
    pub async fn webhook(&self, by: &Principal, address: &WebhookAddress) -> Result<ShownWebhook, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        let webhook = self.kept_webhook(address).await?;
        self.shown_webhook(webhook).await
    }

    /// The newest calls of a webhook.
    pub async fn calls(
        &self,
        by: &Principal,
        address: &WebhookAddress,
        limit: u32,
    ) -> Result<WebhookAnswer, TriggerFailure> {
        by.check(UseCase::ReadTriggers)?;
        let webhook = self.kept_webhook(address).await?;
        let mut calls = self.0.incoming.calls(&webhook.process_name, &webhook.trigger_id, limit).await?;
        if !by.may(Permission::ExecutionView) {
            for call in &mut calls {
                call.execution_id = None;
            }
        }
        Ok(WebhookAnswer { webhook: self.shown_webhook(webhook).await?, calls })
    }

    /// Switches a webhook on or off, whatever its definition says; the next version takes that over.
    pub async fn switch(
        &self,
        by: &Principal,
        address: &WebhookAddress,
        on: bool,
    ) -> Result<ShownWebhook, TriggerFailure> {
        let use_case = if on { UseCase::EnableTrigger } else { UseCase::DisableTrigger };
        let (this, address) = (self.clone(), address.clone());
        let switch = async move {
            let webhook = this.kept_webhook(&address).await?;
            note(&webhook.process_name, &webhook.trigger_id);
            if !this.0.incoming.switch_webhook(&webhook.process_name, &webhook.trigger_id, on).await? {
                return Err(TriggerFailure::NoWebhook(address));
            }
            this.shown_webhook(KeptWebhook { switched: Some(on), ..webhook }).await
        };
        self.0.door.change(by, use_case, switch).await
    }

    /// Repeats a call: starts the process with the same body once more.
    pub async fn replay(
        &self,
        by: &Principal,
        address: &WebhookAddress,
        call: Uuid,
    ) -> Result<Received, TriggerFailure> {
        let (this, address, user) = (self.clone(), address.clone(), by.user().map(str::to_owned));
        let replay = async move {
            let webhook = this.kept_webhook(&address).await?;
            note(&webhook.process_name, &webhook.trigger_id);
            let kept = this.0.incoming.call(&webhook.process_name, &webhook.trigger_id, call).await?;
            let payload = this.payload_of(&kept.ok_or(TriggerFailure::NoCall)?).await?;
            let started = this.start_with(&webhook, payload, user).await?;
            Ok(Received { execution: started.execution, is_repeated: false, is_signed: false })
        };
        self.0.door.change(by, UseCase::ReplayCall, replay).await
    }

    /// What a call brought: as its execution has it, or as it was remembered.
    async fn payload_of(&self, call: &WebhookCall) -> Result<Json, TriggerFailure> {
        if let (Some(execution), CallOutcome::Started | CallOutcome::Duplicate) = (call.execution_id, call.outcome)
            && let Some(payload) = self.0.executions.trigger_payload(execution).await?
        {
            return Ok(payload);
        }
        let body = call.body.as_ref().ok_or(TriggerFailure::NotReplayable("its body was not kept"))?;
        if body.len() as u64 != call.size {
            return Err(TriggerFailure::NotReplayable("its body was too large to be kept whole"));
        }
        if body.trim().is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_str(body).map_err(|_| TriggerFailure::NotReplayable("its body is not JSON"))
    }

    pub(super) async fn kept_webhook(&self, address: &WebhookAddress) -> Result<KeptWebhook, TriggerFailure> {
        let found = self.0.incoming.webhook(address).await?;
        found.ok_or_else(|| TriggerFailure::NoWebhook(address.clone()))
    }

    async fn shown_webhook(&self, webhook: KeptWebhook) -> Result<ShownWebhook, TriggerFailure> {
        let short = WebhookAddress { process: None, trigger: webhook.trigger_id.to_string() };
        let owner = self.0.incoming.webhook(&short).await?;
        let has_short_address = owner.is_some_and(|owner| owner.process_name == webhook.process_name);
        let calls = self.0.incoming.count_calls(&webhook.process_name, &webhook.trigger_id).await?;
        Ok(ShownWebhook { webhook, has_short_address, calls })
    }
}

fn note(process: &ProcessName, trigger: &TriggerId) {
    audit::about_named(&format!("{process}/{trigger}"), process);
}
