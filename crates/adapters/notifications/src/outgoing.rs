//! Outgoing webhooks: one signed request, sent once (spec 5.6). When it is sent again is the outbox's business.

use async_trait::async_trait;
use procession_application::ports::{DeliveryFailure, WebhookFailure, WebhookPost, WebhookSender};
use procession_domain::value::ErrorCode;
use reqwest::StatusCode;

use crate::{
    Notifications,
    failure::{answer_failure, send_failure},
    safe_http::Post,
    signature,
};

#[async_trait]
impl WebhookSender for Notifications {
    async fn post(&self, post: &WebhookPost) -> Result<u16, WebhookFailure> {
        let now = self.clock.now();
        let headers = signature::headers(post.secret.as_deref(), &post.id, now, &post.body).map_err(|error| {
            let message = format!("the request can't be signed: {error}; see the webhook's `secret`");
            WebhookFailure { status: None, message, retry_after: None, is_final: true }
        })?;
        let request = Post { url: &post.url, headers, body: post.body.clone(), timeout: post.timeout.to_std() };
        let answer = match self.http.post(request).await {
            Ok(answer) => answer,
            Err(error) => return Err(told(None, send_failure(ErrorCode::WebhookError, &error))),
        };
        let status = answer.status;
        if status.is_success() {
            return Ok(status.as_u16());
        }
        // A receiver that says it is gone wants no more (Standard Webhooks).
        let refused = [StatusCode::GONE];
        Err(told(Some(status), answer_failure(ErrorCode::WebhookError, &answer, &refused, now)))
    }
}

fn told(status: Option<StatusCode>, failure: DeliveryFailure) -> WebhookFailure {
    WebhookFailure {
        status: status.map(|status| status.as_u16()),
        message: failure.message,
        retry_after: failure.retry_after,
        is_final: failure.code == ErrorCode::InvalidConfig,
    }
}
