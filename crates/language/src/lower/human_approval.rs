//! `human_approval` (spec 1.3, 3.5).

use procession_domain::definition::{HumanApproval, OnReject, Rerun, Template, TimeoutAction};

use super::{
    Field, Fields, Lowering, Mention, MentionKind, Owner, TextKind,
    people::{People, lower_people},
    step::Draft,
};
use crate::{code::Code, keys::RERUN, problem::Problem};

/// How often changes may be requested, if the author does not say.
const DEFAULT_ROUNDS: u32 = 3;

/// The keys of an approval. What a rejection does is derived later, when all steps are known.
pub(super) fn lower_human_approval<'d>(
    cx: &mut Lowering<'d>,
    fields: &mut Fields<'d, '_>,
    draft: &mut Draft,
    name: Option<Field<'d, '_>>,
) -> HumanApproval {
    let owner = Owner::Step(draft.index);
    let title = fields.read(cx, "title", |cx, field| cx.filled_template(field, owner));
    let title = title.unwrap_or_else(|| default_title(cx, draft, name, owner));
    let description = fields.take(cx, "description");
    let description = description.and_then(|field| cx.template(&field, owner));
    let people = fields.take(cx, "assignees").map(|field| lower_people(cx, &field, owner));
    let people = people.unwrap_or(People { names: Vec::new(), at_most: None });
    let timeout_action = fields.read(cx, "timeout_action", lower_timeout_action).unwrap_or(TimeoutAction::Reject);
    let escalate_to = lower_escalate_to(cx, fields, timeout_action, owner);
    let required_approvals = lower_required(cx, fields, &people, &escalate_to);
    draft.lowered.on_reject = fields.read(cx, "on_reject", Lowering::word_as);
    let artifacts = fields.take(cx, "artifacts").map_or_else(Vec::new, |field| cx.templates(&field, owner));
    let rerun = fields.read(cx, "on_changes_requested", lower_rerun);
    if let Some((mention, _)) = &rerun {
        draft.lowered.mentions.push((MentionKind::Rerun, mention.clone()));
    }
    HumanApproval {
        title,
        description,
        assignees: people.names,
        timeout_action,
        on_reject: draft.lowered.on_reject.unwrap_or(OnReject::Fail),
        escalate_to: escalate_to.names,
        required_approvals,
        artifacts,
        on_changes_requested: rerun.and_then(|(mention, max)| Some(Rerun { rerun: mention.id?, max })),
        allow_comments: fields.read(cx, "allow_comments", Lowering::boolean).unwrap_or(true),
        require_reason_on_reject: fields.read(cx, "require_reason_on_reject", Lowering::boolean).unwrap_or(true),
        self_approval: fields.read(cx, "self_approval", Lowering::boolean).unwrap_or(true),
    }
}

/// The step's name, which is evaluated like any other title.
fn default_title<'d>(cx: &mut Lowering<'d>, draft: &Draft, name: Option<Field<'d, '_>>, owner: Owner) -> Template {
    match name {
        Some(field) if field.node.scalar_text().is_some() => {
            cx.note_text(field.node, &field.path, TextKind::Template, owner);
            Template { text: draft.step.name.clone(), line: cx.text_line(field.node) }
        }
        Some(_) | None => Template::unplaced(draft.step.name.clone()),
    }
}

fn lower_timeout_action<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<TimeoutAction> {
    match cx.word(field)? {
        "approve" | "auto_approve" => Some(TimeoutAction::Approve),
        "skip" => Some(TimeoutAction::Skip),
        "escalate" => Some(TimeoutAction::Escalate),
        _ => Some(TimeoutAction::Reject),
    }
}

/// Whom the deadline adds; needed with `escalate`, and without effect otherwise.
fn lower_escalate_to<'d>(
    cx: &mut Lowering<'d>,
    fields: &mut Fields<'d, '_>,
    action: TimeoutAction,
    owner: Owner,
) -> People {
    let none = People { names: Vec::new(), at_most: Some(0) };
    match (fields.take(cx, "escalate_to"), action) {
        (Some(field), TimeoutAction::Escalate) => lower_people(cx, &field, owner),
        (Some(field), TimeoutAction::Reject | TimeoutAction::Approve | TimeoutAction::Skip) => {
            let message = "`escalate_to` has no effect without `timeout_action: escalate`";
            let problem = Problem::new(Code::KeyWithoutEffect, field.key_span, message);
            cx.problems.push(problem.at(field.path));
            lower_people(cx, &field, owner)
        }
        (None, TimeoutAction::Escalate) => {
            let message = "`timeout_action: escalate` needs `escalate_to`, the people whom the deadline adds";
            let problem = Problem::new(Code::MissingKey, fields.head, message);
            cx.problems.push(problem.at(fields.path));
            none
        }
        (None, TimeoutAction::Reject | TimeoutAction::Approve | TimeoutAction::Skip) => none,
    }
}

/// How many must approve: no more than there are people named (spec 3.5).
fn lower_required<'d>(
    cx: &mut Lowering<'d>,
    fields: &mut Fields<'d, '_>,
    people: &People,
    escalated_to: &People,
) -> u32 {
    let Some(field) = fields.take(cx, "required_approvals") else { return 1 };
    let required = cx.integer(&field).unwrap_or(1);
    let named = match (people.at_most, escalated_to.at_most) {
        (Some(assigned), Some(added)) => Some(assigned + added),
        (None, _) | (_, None) => None,
    };
    if let Some(named) = named
        && usize::try_from(required).is_ok_and(|required| required > named)
    {
        let people = if named == 1 { "person is" } else { "people are" };
        let message = format!("{required} approvals are required, but only {named} {people} named");
        let problem = Problem::new(Code::TooManyApprovals, field.node.span, message);
        cx.problems.push(problem.at(field.path));
    }
    required
}

fn lower_rerun<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<(Mention, u32)> {
    let mut fields = Fields::of(cx, field.node, &field.path, &RERUN)?;
    let rerun = fields.require(cx, "rerun").and_then(|field| cx.mention(&field));
    let max = fields.read(cx, "max", Lowering::integer).unwrap_or(DEFAULT_ROUNDS);
    fields.finish(cx);
    Some((rerun?, max))
}
