//! The channel `slack`: an incoming webhook gets the whole message as text and in blocks (spec 5.5).

use procession_application::ports::{DeliveryFailure, Message};
use procession_domain::value::{ErrorCode, Json, Timestamp};
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use crate::{
    failure::{answer_failure, send_failure},
    safe_http::{Post, SafeHttp},
    timeout_of,
};

/// The longest text of a block that Slack takes.
const LONGEST_BLOCK: usize = 3_000;
/// The longest text beside the blocks, for notifications and old clients.
const LONGEST_TEXT: usize = 3_000;
/// The most blocks of a message, less one for its recipients.
const MOST_BLOCKS: usize = 49;
/// What Slack answers for good: the webhook or its channel is gone, or was never there.
const GONE: [StatusCode; 2] = [StatusCode::NOT_FOUND, StatusCode::GONE];

/// Posts the message.
pub(crate) async fn send(
    http: &SafeHttp,
    message: &Message,
    url: &str,
    now: Timestamp,
) -> Result<Json, DeliveryFailure> {
    let body = payload(message).to_string().into_bytes();
    let answer = http.post(Post { url, headers: HeaderMap::new(), body, timeout: timeout_of(message) }).await;
    let answer = answer.map_err(|error| send_failure(ErrorCode::SlackError, &error))?;
    if answer.status.is_success() {
        Ok(json!({"status": "sent", "status_code": answer.status.as_u16()}))
    } else {
        Err(answer_failure(ErrorCode::SlackError, &answer, &GONE, now))
    }
}

fn payload(message: &Message) -> Value {
    let text = escaped(&message.message);
    let mut parts = parts(&text, LONGEST_BLOCK);
    let is_too_long = parts.len() > MOST_BLOCKS;
    if is_too_long {
        parts.truncate(MOST_BLOCKS - 1);
    }
    let mut blocks: Vec<Value> =
        parts.iter().map(|part| json!({"type": "section", "text": {"type": "mrkdwn", "text": part}})).collect();
    if is_too_long {
        let note = "_The message is longer than Slack allows; the rest is left out._";
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": note}}));
    }
    let recipients: Vec<&str> =
        message.recipients.iter().map(|text| text.trim()).filter(|text| is_slacks(text)).collect();
    if !recipients.is_empty() {
        let whom = recipients.iter().map(|recipient| mention(recipient)).collect::<Vec<_>>().join(" ");
        let whom = format!("For {whom}");
        let shown = self::parts(&whom, LONGEST_BLOCK)[0];
        blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": shown}]}));
    }
    let mut payload = json!({"text": short(&text), "blocks": blocks});
    // Slack's own webhooks go to their one channel; those of compatible servers can be told another.
    if let [only] = recipients.as_slice() {
        payload["channel"] = json!(only);
    }
    payload
}

/// Whether a recipient is one for Slack: `#channel` or `@name`.
fn is_slacks(recipient: &str) -> bool {
    recipient.strip_prefix(['#', '@']).is_some_and(|name| !name.is_empty())
}

/// A recipient as Slack shows it; ids of members and channels become mentions.
fn mention(recipient: &str) -> String {
    let id = &recipient[1..];
    let is_id = id.len() >= 9 && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    match (recipient.starts_with('@'), id.chars().next()) {
        (true, Some('U' | 'W')) if is_id => format!("<@{id}>"),
        (false, Some('C' | 'G')) if is_id => format!("<#{id}>"),
        _ => escaped(recipient),
    }
}

/// The text for Slack: its control characters mean themselves, so that nobody is called by what an agent wrote; links
/// stay links.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.find(['&', '<', '>']) {
        escaped.push_str(&rest[..next]);
        rest = &rest[next..];
        if let Some(link) = link_at_start(rest) {
            escaped.push_str(&link.replace('&', "&amp;"));
            rest = &rest[link.len()..];
            continue;
        }
        escaped.push_str(match rest.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            _ => "&gt;",
        });
        rest = &rest[1..];
    }
    escaped.push_str(rest);
    escaped
}

/// The link with which the text begins: `<https://…>` or `<https://…|words>`.
fn link_at_start(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('<')?;
    let end = inside.find('>')?;
    let is_link = ["https://", "http://", "mailto:"].iter().any(|scheme| inside.starts_with(scheme))
        && !inside[..end].contains(['<', '\n'])
        && end < LONGEST_BLOCK / 2;
    is_link.then(|| &text[..end + 2])
}

/// The text in parts of at most `longest` UTF-16 units, cut at ends of lines or words where there are some, and never
/// within a link or an escaped character.
fn parts(text: &str, longest: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let fits = fitting(rest, longest);
        if fits == rest.len() {
            if !rest.trim().is_empty() {
                parts.push(rest);
            }
            break;
        }
        let cut = cut(&rest[..fits]);
        let (part, after) = rest.split_at(cut);
        if !part.trim().is_empty() {
            parts.push(part);
        }
        rest = after;
    }
    if parts.is_empty() {
        parts.push("(empty message)");
    }
    parts
}

/// How many bytes of the text are at most so many UTF-16 units.
fn fitting(text: &str, longest: usize) -> usize {
    let mut units = 0;
    for (index, c) in text.char_indices() {
        units += c.len_utf16();
        if units > longest {
            return index;
        }
    }
    text.len()
}

/// Where to cut off a text that is full: after the last line or word of its second half, if there is one.
fn cut(full: &str) -> usize {
    let in_second_half = |index: &usize| *index > full.len() / 2;
    let line = full.rfind('\n').map(|index| index + 1).filter(in_second_half);
    let word = || full.rfind(' ').map(|index| index + 1).filter(in_second_half);
    let mut cut = line.or_else(word).unwrap_or(full.len());
    for (open, close) in [('<', '>'), ('&', ';')] {
        if let Some(opened) = full[..cut].rfind(open)
            && opened > 0
            && !full[opened..cut].contains(close)
        {
            cut = opened;
        }
    }
    cut
}

fn short(text: &str) -> String {
    let parts = parts(text, LONGEST_TEXT - 1);
    if parts.len() > 1 { format!("{}…", parts[0]) } else { parts[0].to_owned() }
}

#[cfg(test)]
mod tests;
