//! Settings of the whole process: `config`, `labels` (spec 1.1, 3.9).

use indexmap::IndexMap;
use procession_domain::definition::{Budget, BudgetAction, Config, CostAlertRule, Priority};
use procession_yaml::{Kind, Path};

use super::{Field, Fields, Lowering};
use crate::{
    code::Code,
    keys::{BUDGET, CONFIG, COST_ALERT},
    problem::Problem,
};

/// The `config` mapping.
pub(super) fn lower_config<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<Config> {
    let mut fields = Fields::of(cx, field.node, &field.path, &CONFIG)?;
    let mut config = Config {
        max_concurrent_instances: fields.read(cx, "max_concurrent_instances", Lowering::integer),
        max_concurrent_steps: fields.read(cx, "max_concurrent_steps", Lowering::integer),
        timeout: fields.read(cx, "timeout", Lowering::time_limit),
        undefined: fields.read(cx, "undefined", Lowering::word_as),
        cost_alert: fields.read(cx, "cost_alert", lower_cost_alert),
        ..Config::default()
    };
    if let Some(priority) = fields.read(cx, "priority", lower_priority) {
        config.priority = priority;
    }
    if let Some(stop) = fields.read(cx, "stop_on_failure", Lowering::boolean) {
        config.stop_on_failure = stop;
    }
    let limit = fields.take(cx, "max_cost");
    let budget = fields.take(cx, "budget");
    config.budget = match (budget, limit) {
        (None, None) => None,
        (None, Some(limit)) => cx.money(&limit).map(|max_cost| Budget { max_cost, action: BudgetAction::Stop }),
        (Some(budget), limit) => {
            if let Some(limit) = limit {
                let message = "`max_cost` means the same as `budget`, which wins; leave one of them out";
                let problem = Problem::new(Code::OverriddenKey, limit.key_span, message);
                cx.problems.push(problem.at(limit.path));
            }
            lower_budget(cx, &budget)
        }
    };
    fields.finish(cx);
    Some(config)
}

fn lower_budget<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<Budget> {
    let mut fields = Fields::of(cx, field.node, &field.path, &BUDGET)?;
    let max_cost = fields.require(cx, "max_cost").and_then(|field| cx.money(&field));
    let action = fields.read(cx, "action", Lowering::word_as).unwrap_or(BudgetAction::Stop);
    fields.finish(cx);
    Some(Budget { max_cost: max_cost?, action })
}

/// From which costs on an alert is raised; an amount alone is that of an execution (spec 4c).
fn lower_cost_alert<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<CostAlertRule> {
    if !matches!(field.node.kind, Kind::Map(_)) {
        return cx.money(field).map(|amount| CostAlertRule { per_execution: Some(amount), ..CostAlertRule::default() });
    }
    let mut fields = Fields::of(cx, field.node, &field.path, &COST_ALERT)?;
    let rule = CostAlertRule {
        per_execution: fields.read(cx, "per_execution", |cx, field| cx.money(field)),
        daily: fields.read(cx, "daily", |cx, field| cx.money(field)),
        weekly: fields.read(cx, "weekly", |cx, field| cx.money(field)),
        channel: fields.read(cx, "channel", |cx, field| cx.text(field)),
    };
    fields.finish(cx);
    Some(rule)
}

/// A place in queues; `critical` is `high`.
pub(super) fn lower_priority<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<Priority> {
    match cx.word(field)? {
        "high" | "critical" => Some(Priority::High),
        "low" => Some(Priority::Low),
        _ => Some(Priority::Normal),
    }
}

/// Labels: a mapping of names to texts.
pub(super) fn lower_labels<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<IndexMap<String, String>> {
    let Some(entries) = field.node.entries() else {
        cx.wrong_type(field.node, &field.path, "a mapping of labels to texts");
        return None;
    };
    cx.check_comments_within(field.node, &field.path);
    let mut labels = IndexMap::new();
    for entry in entries {
        let path = Path::Key(&field.path, &entry.key);
        let value = if entry.value.is_null() { Some("") } else { cx.text_of(&entry.value, &path) };
        if let Some(value) = value {
            labels.insert(entry.key.clone().into_owned(), value.to_owned());
        }
    }
    Some(labels)
}
