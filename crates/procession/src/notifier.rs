//! Where messages go of which nobody has said where they go.

use async_trait::async_trait;
use procession_application::ports::{DeliveryFailure, Message, Notifier};
use procession_domain::value::{ErrorCode, Json};

/// Sends nothing, and says so.
pub(crate) struct NoNotifier;

#[async_trait]
impl Notifier for NoNotifier {
    async fn send(&self, message: &Message) -> Result<Json, DeliveryFailure> {
        let message = format!(
            "nothing sends messages to `{}`: give the engine a way with `.notifier(…)` or `.notifications(…)`",
            message.channel
        );
        Err(DeliveryFailure { code: ErrorCode::InvalidConfig, message, retry_after: None })
    }
}
