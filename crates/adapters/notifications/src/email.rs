//! The channel `email`: a text mail through the SMTP server of the settings (spec 5.5).

mod recipients;
mod smtp;

use std::time::SystemTime;

use lettre::{
    Message as Mail,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue, MimeVersion},
    },
};
use procession_application::{
    notifications::SmtpSettings,
    ports::{AccessStore, DeliveryFailure, Message},
};
use procession_domain::value::{ErrorCode, Json, Timestamp};
use serde_json::json;

use crate::failure::failure;

/// The longest subject, in characters: longer ones are cut, since servers refuse very long header lines.
const LONGEST_SUBJECT: usize = 400;

/// Sends the message to those of its recipients that have an address.
pub(crate) async fn send(
    people: &dyn AccessStore,
    smtp: &SmtpSettings,
    authority: Option<&[u8]>,
    message: &Message,
    now: Timestamp,
) -> Result<Json, DeliveryFailure> {
    let recipients = recipients::find(people, &message.recipients).await?;
    let mail = compose(smtp, &recipients.mailboxes, message, now)?;
    let status = smtp::deliver(smtp, authority, &mail, message).await?;
    let mut delivery = json!({"status": "sent", "status_code": status});
    if !recipients.without_address.is_empty() {
        delivery["not_reached"] = json!(recipients.without_address);
    }
    Ok(delivery)
}

fn compose(
    smtp: &SmtpSettings,
    recipients: &[Mailbox],
    message: &Message,
    now: Timestamp,
) -> Result<Mail, DeliveryFailure> {
    let from: Mailbox = smtp.from.parse().map_err(|error| {
        failure(
            ErrorCode::InvalidConfig,
            format!("`smtp.from` in the notification settings is not a valid email address: {error}"),
        )
    })?;
    let id = message_id(&message.delivery_id, from.email.domain());
    let mut mail = Mail::builder()
        .from(from)
        .date(SystemTime::from(now.to_offset_date_time()))
        .message_id(Some(id))
        .subject(on_one_line(&message.subject))
        // So that nobody's absence is announced to a program (RFC 3834).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into()))
        .header(MimeVersion::new(1, 0))
        .header(ContentType::TEXT_PLAIN);
    for recipient in recipients {
        mail = mail.to(recipient.clone());
    }
    mail.body(message.message.clone())
        .map_err(|error| failure(ErrorCode::InvalidConfig, format!("the email can't be composed: {error}")))
}

/// The id of a mail: that of its delivery, so that a mail sent twice can be told by it.
fn message_id(delivery_id: &str, domain: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let local: String = delivery_id.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    format!("<{local}@{domain}>")
}

/// A subject without what would begin another header.
fn on_one_line(subject: &str) -> String {
    let line = subject.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    line.collect::<Vec<_>>().join(" ").chars().take(LONGEST_SUBJECT).collect()
}

#[cfg(test)]
mod tests;
