//! `notification` (spec 1.3), also as a compensation.

use std::collections::HashSet;

use procession_domain::definition::{Notification, Template};
use procession_yaml::Span;

use super::{Field, Fields, Lowering, Owner};
use crate::{code::Code, problem::Problem};

/// The channels that every server knows.
const CHANNELS: [&str; 3] = ["slack", "email", "webhook"];

/// The keys of a notification.
pub(super) fn lower_notification<'d>(cx: &mut Lowering<'d>, fields: &mut Fields<'d, '_>, owner: Owner) -> Notification {
    let channels = fields.require(cx, "channel").map_or_else(Vec::new, |field| lower_channels(cx, &field));
    let message = fields.require(cx, "message").and_then(|field| cx.filled_template(&field, owner));
    let url_field = fields.take(cx, "url");
    let url = url_field.and_then(|field| lower_url(cx, &field, owner));
    let recipients_field = fields.take(cx, "recipients");
    let recipients = recipients_field.map_or_else(Vec::new, |field| cx.templates(&field, owner));
    let subject = fields.read(cx, "subject", |cx, field| cx.template(field, owner));
    for (channel, span) in &channels {
        let missing = match channel.as_str() {
            "slack" if url_field.is_none() => "`url`, the address of an incoming webhook",
            "webhook" if url_field.is_none() => "`url`",
            "email" if recipients_field.is_none() => "`recipients`",
            _ => continue,
        };
        let message = format!("{channel} has no {missing}; without a default of the server the step will fail");
        let problem = Problem::new(Code::NoDestination, *span, message);
        cx.problems.push(problem.at(fields.path));
    }
    Notification {
        channels: channels.into_iter().map(|(channel, _)| channel).collect(),
        message: message.unwrap_or_else(|| Template::unplaced("")),
        url,
        recipients,
        subject,
    }
}

/// Each channel once, with its place.
fn lower_channels<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Vec<(String, Span)> {
    let mut channels: Vec<(String, Span)> = Vec::new();
    let mut seen = HashSet::new();
    for (text, span) in cx.texts(field) {
        let channel = text.trim();
        let known_here = CHANNELS.contains(&channel);
        let mapped = cx.surroundings.notification_channels().is_some_and(|names| names.contains(channel));
        if channel.is_empty() {
            let problem = Problem::new(Code::MissingKey, span, "the name of a channel is missing here");
            cx.problems.push(problem.at(field.path));
            continue;
        }
        if !known_here && !mapped {
            let message = format!(
                "`{channel}` is none of slack, email and webhook; unless the server maps it to a webhook, nothing is delivered there"
            );
            let problem = Problem::new(Code::UnknownChannel, span, message);
            cx.problems.push(problem.at(field.path).suggest(cx.closest(channel, CHANNELS)));
        }
        if seen.insert(channel) {
            channels.push((channel.to_owned(), span));
        }
    }
    channels
}

/// An address, or a text that gives one when it is filled in.
fn lower_url<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>, owner: Owner) -> Option<Template> {
    let url = cx.filled_template(field, owner)?;
    // `${…}` is reported as what it is when the texts are looked at.
    let is_literal = !url.text.contains("{{") && !url.text.contains("{%") && !url.text.contains("${");
    if is_literal && !cx.check_url(url.text.trim(), field.node.span, &field.path) {
        return None;
    }
    Some(url)
}
