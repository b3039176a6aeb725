//! The channel `webhook`, and channels of one's own that are mapped to a webhook: signed JSON (spec 5.5).

use procession_application::ports::{DeliveryFailure, Message};
use procession_domain::value::{ErrorCode, Json, Timestamp};
use serde_json::json;

use crate::{
    failure::{answer_failure, failure, send_failure},
    safe_http::{Post, SafeHttp},
    signature, timeout_of,
};

/// What the channel `webhook` posts.
pub(crate) fn body(message: &Message) -> Json {
    json!({
        "message": message.message,
        "process_name": message.process_name,
        "execution_id": message.execution_id,
        "step_id": message.step_id,
    })
}

/// What a mapped channel posts: the same, and what its receiver needs to pass it on.
pub(crate) fn body_with_channel(message: &Message) -> Json {
    let mut body = body(message);
    body["channel"] = json!(message.channel);
    body["subject"] = json!(message.subject);
    body["recipients"] = json!(message.recipients);
    body
}

/// Posts a body, signed if there is a secret.
pub(crate) async fn send(
    http: &SafeHttp,
    message: &Message,
    url: &str,
    secret: Option<&str>,
    body: &Json,
    now: Timestamp,
) -> Result<Json, DeliveryFailure> {
    let body = body.to_string().into_bytes();
    let headers = signature::headers(secret, &message.delivery_id, now, &body).map_err(|error| {
        failure(ErrorCode::InvalidConfig, format!("the message can't be signed: {error}; see `webhook_secret`"))
    })?;
    let answer = http.post(Post { url, headers, body, timeout: timeout_of(message) }).await;
    let answer = answer.map_err(|error| send_failure(ErrorCode::WebhookError, &error))?;
    if answer.status.is_success() {
        Ok(json!({"status": "sent", "status_code": answer.status.as_u16()}))
    } else {
        Err(answer_failure(ErrorCode::WebhookError, &answer, &[], now))
    }
}
