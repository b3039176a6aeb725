//! Triggers (spec 1.8).

use std::collections::HashSet;

use indexmap::IndexMap;
use procession_domain::{
    definition::{Misfire, Overlap, Schedule, Trigger, TriggerKind},
    value::{Duration, Json, ProcessName, TriggerId},
};
use procession_yaml::{Kind, Node, Path, Span};

use super::{Field, Fields, LoweredTrigger, Lowering, document::slug, webhooks::lower_secret};
use crate::{
    code::Code,
    keys::{DST, TRIGGER},
    problem::Problem,
    schedule,
};

const WEBHOOK_KEYS: [&str; 2] = ["secret", "dedupe_header"];
const SCHEDULE_KEYS: [&str; 8] = ["cron", "timezone", "input", "misfire", "misfire_grace", "overlap", "dst", "jitter"];

/// The `triggers` list, or one trigger. Ids are unique.
pub(super) fn lower_triggers<'d>(
    cx: &mut Lowering<'d>,
    field: &Field<'d, '_>,
    process: Option<&ProcessName>,
) -> Vec<LoweredTrigger> {
    let nodes: Vec<(&'d Node<'d>, Path<'_>)> = match &field.node.kind {
        Kind::List(items) => {
            items.iter().enumerate().map(|(index, item)| (item, Path::Item(&field.path, index))).collect()
        }
        Kind::Map(_) => vec![(field.node, field.path)],
        Kind::Scalar(_) | Kind::Broken => {
            cx.wrong_type(field.node, &field.path, "a list of triggers");
            Vec::new()
        }
    };
    let mut triggers: Vec<LoweredTrigger> = Vec::with_capacity(nodes.len());
    for (node, path) in &nodes {
        if cx.is_given_up() {
            break;
        }
        triggers.extend(lower_trigger(cx, node, path, process));
    }
    let mut ids = HashSet::new();
    for lowered in &triggers {
        let id = &lowered.trigger.id;
        if !ids.insert(id.clone()) {
            let message = format!("there are two triggers with the id `{id}`; give this one another `id`");
            cx.problems.push(Problem::new(Code::DuplicateName, lowered.span, message).at(&lowered.path));
        }
    }
    triggers
}

fn lower_trigger<'d>(
    cx: &mut Lowering<'d>,
    node: &'d Node<'d>,
    path: &Path<'_>,
    process: Option<&ProcessName>,
) -> Option<LoweredTrigger> {
    let schedule_path = path.key("schedule");
    let mut fields = Fields::of(cx, node, path, &TRIGGER)?;
    if let Some(entries) = fields.take_map("schedule") {
        fields.absorb(entries, &schedule_path);
    }
    let span = fields.head;
    let type_field = fields.take(cx, "type");
    let trigger_type = match type_field {
        Some(field) => cx.word(&field),
        None if fields.has("cron") => Some("schedule"),
        None => Some("webhook"),
    };
    let id_field = fields.take(cx, "id");
    let enabled = fields.read(cx, "enabled", Lowering::boolean).unwrap_or(true);
    let description = fields.read(cx, "description", Lowering::text);
    let Some(trigger_type) = trigger_type else {
        // Without its type nothing can be said of the other keys.
        for name in WEBHOOK_KEYS.iter().chain(&SCHEDULE_KEYS) {
            fields.take(cx, name);
        }
        fields.finish(cx);
        return None;
    };
    let id = match id_field {
        Some(field) => lower_id(cx, &field),
        None => default_id(trigger_type, process),
    };
    let kind = match trigger_type {
        "manual" => {
            refuse_keys(cx, &mut fields, &[&WEBHOOK_KEYS, &SCHEDULE_KEYS], trigger_type);
            Some(TriggerKind::Manual)
        }
        "webhook" => {
            refuse_keys(cx, &mut fields, &[&SCHEDULE_KEYS], trigger_type);
            if let (Some(id), Some(process)) = (&id, process) {
                warn_of_moving(cx, id, process, id_field.map_or(span, |field| field.node.span), path);
            }
            Some(TriggerKind::Webhook {
                secret: fields.read(cx, "secret", lower_secret),
                dedupe_header: fields.read(cx, "dedupe_header", lower_header),
            })
        }
        _ => {
            refuse_keys(cx, &mut fields, &[&WEBHOOK_KEYS], trigger_type);
            lower_schedule(cx, &mut fields).map(TriggerKind::Schedule)
        }
    };
    fields.finish(cx);
    Some(LoweredTrigger {
        trigger: Trigger { id: id?, enabled, description, kind: kind? },
        span: id_field.map_or(span, |field| field.node.span),
        path: path.to_text(),
    })
}

/// Publishing the process takes the short address of its webhook away from another one (spec 1.8).
fn warn_of_moving(cx: &mut Lowering<'_>, id: &TriggerId, process: &ProcessName, span: Span, path: &Path<'_>) {
    let Some(owner) = cx.surroundings.webhook_owner(id).filter(|owner| owner != process) else { return };
    let message = format!(
        "`/api/triggers/webhook/{id}` leads to the process `{owner}` now, and to this one when it is published; \
         `/api/triggers/webhook/{owner}/{id}` will lead there still, or choose another `id`"
    );
    cx.problems.push(Problem::new(Code::MovesWebhook, span, message).at(path.key("id")));
}

fn lower_id(cx: &mut Lowering<'_>, field: &Field<'_, '_>) -> Option<TriggerId> {
    let Some(text) = field.node.scalar_text() else {
        cx.wrong_type(field.node, &field.path, "a text");
        return None;
    };
    match TriggerId::new(text) {
        Ok(id) => Some(id),
        Err(error) => {
            let problem = Problem::new(Code::BadName, field.node.span, error.to_string());
            cx.problems.push(problem.at(field.path).suggest(slug(text)));
            None
        }
    }
}

/// The type's name; for a webhook the process's name as it can stand in an address.
fn default_id(trigger_type: &str, process: Option<&ProcessName>) -> Option<TriggerId> {
    let id = match trigger_type {
        "webhook" => process.and_then(|name| slug(name)),
        _ => None,
    };
    TriggerId::new(id.as_deref().unwrap_or(trigger_type)).ok()
}

fn refuse_keys<'d>(cx: &mut Lowering<'d>, fields: &mut Fields<'d, '_>, others: &[&[&'static str]], trigger_type: &str) {
    for name in others.iter().copied().flatten().copied() {
        fields.refuse(cx, name, |spelling| format!("a {trigger_type} trigger has no use for `{spelling}`"));
    }
}

/// A name of an HTTP header.
fn lower_header<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<String> {
    let name = cx.filled_text(field)?;
    let name = name.trim();
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) {
        return Some(name.to_owned());
    }
    let problem = Problem::new(Code::BadName, field.node.span, "this is no name of an HTTP header");
    cx.problems.push(problem.at(field.path));
    None
}

fn lower_schedule<'d>(cx: &mut Lowering<'d>, fields: &mut Fields<'d, '_>) -> Option<Schedule> {
    let cron = fields.require(cx, "cron").and_then(|field| lower_cron(cx, &field));
    let timezone = fields.take(cx, "timezone");
    let timezone = timezone.map_or_else(|| Some("UTC".to_owned()), |field| lower_zone(cx, &field));
    let input = fields.read(cx, "input", lower_schedule_input).unwrap_or_default();
    let misfire = fields.read(cx, "misfire", Lowering::word_as);
    let misfire_grace = fields.read(cx, "misfire_grace", Lowering::duration);
    let overlap = fields.read(cx, "overlap", Lowering::word_as);
    let jitter = fields.read(cx, "jitter", Lowering::duration);
    let (shift_missing, fire_repeated_twice) = fields.read(cx, "dst", lower_dst).unwrap_or((true, false));
    let (cron, cron_expression) = cron?;
    Some(Schedule {
        cron,
        cron_expression,
        timezone: timezone?,
        input,
        misfire: misfire.unwrap_or(Misfire::FireOnce),
        misfire_grace: misfire_grace.unwrap_or(Duration::from_secs(3_600)),
        overlap: overlap.unwrap_or(Overlap::Allow),
        shift_missing,
        fire_repeated_twice,
        jitter: jitter.unwrap_or(Duration::ZERO),
    })
}

/// The line as written, and its five fields.
fn lower_cron<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<(String, String)> {
    let text = cx.filled_text(field)?.trim().to_owned();
    if !cx.problems.has_room() {
        // Reading it costs more than another problem is worth when so much is wrong already.
        return None;
    }
    match schedule::expand(&text) {
        Ok(line) => Some((text, line)),
        Err(error) => {
            let problem = Problem::new(Code::BadCron, field.node.span, error.message);
            cx.problems.push(problem.at(field.path).suggest(error.suggestion));
            None
        }
    }
}

/// The name of a time zone.
pub(super) fn lower_zone<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<String> {
    let text = cx.filled_text(field)?;
    match schedule::zone_with_guesses(&text, cx.guesses()) {
        Ok(zone) => Some(zone),
        Err(error) => {
            let problem = Problem::new(Code::BadTimezone, field.node.span, error.message);
            cx.problems.push(problem.at(field.path).suggest(error.suggestion));
            None
        }
    }
}

fn lower_schedule_input<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<IndexMap<String, Json>> {
    let Some(entries) = field.node.entries() else {
        cx.wrong_type(field.node, &field.path, "a mapping of input names to values");
        return None;
    };
    cx.check_comments_within(field.node, &field.path);
    Some(entries.iter().map(|entry| (entry.key.clone().into_owned(), entry.value.to_json())).collect())
}

/// Whether missing times are shifted, and whether repeated ones fire twice.
fn lower_dst<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<(bool, bool)> {
    let mut fields = Fields::of(cx, field.node, &field.path, &DST)?;
    let missing = fields.read(cx, "missing", Lowering::word).unwrap_or("shift");
    let repeated = fields.read(cx, "repeated", Lowering::word).unwrap_or("first");
    fields.finish(cx);
    Some((missing == "shift", repeated == "both"))
}
