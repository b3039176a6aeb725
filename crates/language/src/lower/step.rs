//! A step: the keys of every step (spec 1.2); those of its type are in the file of that type.

use procession_domain::{
    definition::{OnError, Priority, RetryPolicy, Step, StepKind, StepType, Template},
    value::{Duration, StepId},
};
use procession_yaml::{Correction, Entry, Fix, Node, Path, Span};

use super::{
    Field, Fields, LoweredStep, Lowering, MentionKind, Owner, agent_task::lower_agent_task,
    compensation::lower_compensation, document::slug, gateway::lower_gateway, human_approval::lower_human_approval,
    notification::lower_notification, policies, roles::lower_roles, settings::lower_priority,
    sub_process::lower_sub_process, timer::lower_timer, values::listed,
};
use crate::{
    code::Code,
    keys::{self, Key, STEP, foreign},
    problem::Problem,
};

/// A step being lowered.
pub(super) struct Draft {
    pub index: usize,
    pub step: Step,
    pub lowered: Notes,
}

/// What is noted of a step for later checks.
#[derive(Default)]
pub(super) struct Notes {
    pub mentions: Vec<(MentionKind, super::Mention)>,
    pub on_reject: Option<procession_domain::definition::OnReject>,
    pub process_span: Span,
}

/// Reads one item of `steps`. Whatever is wrong with it, a step comes back, so that the others can be checked against it.
/// A step whose id is the key of its entry has that one.
pub(super) fn lower_step<'d>(
    cx: &mut Lowering<'d>,
    node: &'d Node<'d>,
    index: usize,
    path: &Path<'_>,
    entry: Option<&'d Entry<'d>>,
) -> LoweredStep {
    let config_path = path.key("config");
    let mut draft =
        Draft { index, step: Step::new(placeholder_id(index), placeholder_kind()), lowered: Notes::default() };
    let head = cx.first_line(node.span);
    let Some(mut fields) = Fields::of(cx, node, path, &STEP) else {
        return finished(draft, Some(String::new()), head, path, false);
    };
    if let Some(entries) = fields.take_map("config") {
        fields.absorb(entries, &config_path);
    } else if let Some(config) = fields.take(cx, "config") {
        cx.wrong_type(config.node, &config.path, "a mapping with keys of the step");
    }
    let step_type = lower_type(cx, &mut fields, node);
    if let Some(step_type) = step_type {
        fields.extend_places(keys::of_type(step_type));
    }
    let id_field = if entry.is_some() { fields.take(cx, "id") } else { fields.require(cx, "id") };
    let key = entry.map(|entry| (entry.key.as_ref(), entry.key_span));
    let id = id_field.map(|field| (field.node.scalar_text(), field.node.span));
    let id = id.or(key.map(|(key, span)| (Some(key), span)));
    let id_span = id.map_or(head, |(_, span)| span);
    let invalid_id = match (id, id_field) {
        (Some((Some(text), span)), _) => lower_id(cx, text, span, path, &mut draft.step),
        (Some((None, _)), Some(field)) => {
            cx.wrong_type(field.node, &field.path, "a text");
            Some(String::new())
        }
        (Some((None, _)) | None, _) => Some(String::new()),
    };
    let has_on_error = fields.has("on_error");
    lower_kind(cx, &mut fields, step_type, &mut draft);
    lower_common(cx, &mut fields, step_type, &mut draft);
    match step_type {
        Some(_) => fields.finish(cx),
        None => fields.finish_without_type(cx),
    }
    let mut lowered = finished(draft, invalid_id, id_span, path, has_on_error);
    lowered.room = cx.room_for_entry(node);
    lowered
}

fn finished(
    draft: Draft,
    invalid_id: Option<String>,
    id_span: Span,
    path: &Path<'_>,
    has_on_error: bool,
) -> LoweredStep {
    let Notes { mentions, on_reject, process_span } = draft.lowered;
    LoweredStep {
        step: draft.step,
        invalid_id,
        id_span,
        path: path.to_text(),
        mentions,
        on_reject,
        has_on_error,
        room: None,
        process_span,
    }
}

/// An id that no author writes by chance, for a step that has no valid one.
fn placeholder_id(index: usize) -> StepId {
    StepId::new(format!("step-{index}-without-a-valid-id")).unwrap_or_else(|_| StepId::budget())
}

fn placeholder_kind() -> StepKind {
    StepKind::Timer(procession_domain::definition::Timer::Duration(Template::unplaced("0s")))
}

/// The type of the step. Without one, a step with `agent` is an agent_task. Where it is missing or wrong, the one that is
/// probably meant, so that the step's other keys are checked.
fn lower_type<'d>(cx: &mut Lowering<'d>, fields: &mut Fields<'d, '_>, node: &Node<'_>) -> Option<StepType> {
    let of_name = |name: &str| StepType::ALL.into_iter().find(|step_type| step_type.as_str() == name);
    let types = StepType::ALL.map(StepType::as_str);
    if let Some(field) = fields.take(cx, "type") {
        let unknown = field.node.scalar_text().filter(|word| of_name(word.trim()).is_none());
        if let Some(gateway_type) = unknown.and_then(foreign::gateway_meant) {
            report_type_of_gateway(cx, &field, gateway_type, fields.has("gateway_type"));
            let is_told = gateway_type == "exclusive" || fields.has("gateway_type");
            // A gateway of another type than the one that is read would be checked for what it is not.
            return is_told.then_some(StepType::Gateway);
        }
        let word = cx.word(&field).or_else(|| cx.closest(field.node.scalar_text()?.trim(), types));
        return word.and_then(of_name);
    }
    let config = node.get("config").map(|entry| &entry.value);
    let given = |key: &str| node.get(key).or_else(|| config?.get(key)).is_some();
    if given("agent") {
        let message = "the step has no `type`; since it has `agent`, it is taken for an agent_task";
        let problem = Problem::new(Code::TypeAssumed, fields.head, message);
        cx.problems.push(problem.at(fields.path).correct(cx.insertion(cx.room_for_entry(node), "type: agent_task")));
        return Some(StepType::AgentTask);
    }
    let has_own_key = |step_type: &StepType| {
        keys::of_type(*step_type).keys.iter().flat_map(Key::spellings).any(|key| {
            let owners = StepType::ALL.into_iter().filter(|owner| keys::of_type(*owner).find(key).is_some());
            given(key) && owners.count() == 1
        })
    };
    let guess = StepType::ALL.into_iter().find(has_own_key);
    let message = format!("a step needs a `type`: {}", listed(&types));
    let problem = Problem::new(Code::MissingKey, fields.head, message);
    let correction = guess.and_then(|guess| cx.insertion(cx.room_for_entry(node), &format!("type: {guess}")));
    cx.problems.push(problem.at(fields.path).correct(correction));
    guess
}

/// Says that a type of gateway is no type of step, and what is: exclusive is what gateways are without `gateway_type`.
fn report_type_of_gateway(cx: &mut Lowering<'_>, field: &Field<'_, '_>, gateway_type: &str, has_type: bool) {
    let written = field.node.scalar_text().unwrap_or("").trim();
    let message =
        format!("`{}` takes {}, not `{written}`", field.spelling, listed(&StepType::ALL.map(StepType::as_str)));
    let text = if gateway_type == "exclusive" || has_type {
        "gateway".to_owned()
    } else {
        let key = field.key_span.start;
        let before = cx.source.slice(Span::new(cx.source.line_start(cx.source.line(key)), key));
        let indentation = " ".repeat(cx.source.column_index(key));
        let between = if before.contains('{') { ", ".to_owned() } else { format!("\n{indentation}") };
        format!("gateway{between}gateway_type: {gateway_type}")
    };
    let correction = Correction { shown: text.clone(), fix: Fix { span: field.node.span, text } };
    let problem = Problem::new(Code::InvalidValue, field.node.span, message).correct(Some(correction));
    cx.problems.push(problem.at(field.path));
}

/// Sets the id; an invalid one comes back, so that mentions of it are not reported as well.
fn lower_id(cx: &mut Lowering<'_>, text: &str, span: Span, path: &Path<'_>, step: &mut Step) -> Option<String> {
    let path = path.key("id");
    match StepId::new(text) {
        // This id is the engine's own (spec 3.9).
        Ok(id) if id != StepId::budget() => {
            id.as_str().clone_into(&mut step.name);
            step.id = id;
            None
        }
        Ok(_) => {
            let message =
                "`_budget` is not a step id: a lower-case letter, then lower-case letters, digits, `_` and `-`";
            let problem = Problem::new(Code::BadStepId, span, message);
            cx.problems.push(problem.at(path).suggest(Some("budget")));
            Some(text.trim().to_owned())
        }
        Err(error) => {
            let suggestion = slug(text).map(|slug| slug.replace('.', "-")).filter(|slug| StepId::new(slug).is_ok());
            let problem = Problem::new(Code::BadStepId, span, error.to_string());
            cx.problems.push(problem.at(path).suggest(suggestion));
            Some(text.trim().to_owned())
        }
    }
}

/// The keys of the step's type.
fn lower_kind<'d>(cx: &mut Lowering<'d>, fields: &mut Fields<'d, '_>, step_type: Option<StepType>, draft: &mut Draft) {
    let name = fields.take(cx, "name");
    if let Some(name) = name.and_then(|field| cx.filled_text(&field)) {
        name.trim().clone_into(&mut draft.step.name);
    }
    let owner = Owner::Step(draft.index);
    let (roles, executor) = fields.read(cx, "roles", lower_roles).unwrap_or_default();
    draft.step.roles = roles;
    draft.step.kind = match step_type {
        None => return,
        Some(StepType::AgentTask) => {
            let roles = (&draft.step.roles, executor);
            StepKind::AgentTask(lower_agent_task(cx, fields, owner, Some(roles)))
        }
        Some(StepType::HumanApproval) => StepKind::HumanApproval(lower_human_approval(cx, fields, draft, name)),
        Some(StepType::Gateway) => StepKind::Gateway(lower_gateway(cx, fields, draft)),
        Some(StepType::Timer) => StepKind::Timer(lower_timer(cx, fields, draft.index)),
        Some(StepType::Notification) => StepKind::Notification(lower_notification(cx, fields, owner)),
        Some(StepType::SubProcess) => match lower_sub_process(cx, fields, draft) {
            Some(sub_process) => StepKind::SubProcess(sub_process),
            None => placeholder_kind(),
        },
    };
    if let Some(executor) = executor.filter(|_| step_type != Some(StepType::AgentTask)) {
        let message = "only an agent_task has an executor";
        let problem = Problem::new(Code::KeyWithoutEffect, executor.span, message);
        cx.problems.push(problem.at(fields.path.key("roles").key("executor")));
    }
}

/// The keys of every step.
fn lower_common<'d>(
    cx: &mut Lowering<'d>,
    fields: &mut Fields<'d, '_>,
    step_type: Option<StepType>,
    draft: &mut Draft,
) {
    let owner = Owner::Step(draft.index);
    let step = &mut draft.step;
    step.description = fields.read(cx, "description", Lowering::text);
    if let Some(field) = fields.take(cx, "depends_on") {
        let mentions = cx.items(field.node, &field.path, "a list of step ids", Lowering::mention_of);
        step.depends_on = mentions.iter().filter_map(|mention| mention.id.clone()).collect();
        let noted = mentions.into_iter().map(|mention| (MentionKind::DependsOn, mention));
        draft.lowered.mentions.extend(noted);
    }
    step.run_if_skipped = fields.read(cx, "run_if_skipped", Lowering::boolean).unwrap_or(false);
    step.condition = fields.read(cx, "condition", |cx, field| cx.condition(field, owner));
    let attempts = step_type.map_or(1, StepType::default_attempts);
    step.retry = fields
        .read(cx, "retry", |cx, field| policies::lower_retry(cx, field, attempts))
        .unwrap_or_else(|| RetryPolicy::default_with(attempts));
    if let Some(field) = fields.take(cx, "on_error") {
        let (on_error, handler) = policies::lower_on_error(cx, &field);
        step.on_error = on_error.unwrap_or(OnError::FailProcess);
        draft.lowered.mentions.extend(handler.map(|handler| (MentionKind::Handler, handler)));
    }
    step.compensation = fields.read(cx, "compensation", |cx, field| lower_compensation(cx, field, draft.index));
    step.timeout = fields.read(cx, "timeout", lower_timeout).or_else(|| step_type.and_then(StepType::default_timeout));
    step.priority = fields.read::<Priority>(cx, "priority", lower_priority);
}

/// A time limit; `timeout_hours` counts in hours.
fn lower_timeout<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<Duration> {
    if field.spelling != "timeout_hours" {
        return cx.time_limit(field);
    }
    let hours = cx.number(field)?;
    let limit = Duration::from_secs(3_600).scale(hours);
    if limit == Duration::ZERO {
        let problem = Problem::new(Code::OutOfRange, field.node.span, "`timeout_hours` takes a number above 0");
        cx.problems.push(problem.at(field.path));
        return None;
    }
    Some(limit)
}
