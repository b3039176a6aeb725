//! Agents of a step: who does it, who is told of it (spec 1.7), and whether the server knows them.

use std::collections::HashSet;

use procession_domain::{
    definition::{Informed, Roles},
    value::AgentName,
};
use procession_yaml::{Kind, Node, Path, Span};

use super::{Field, Fields, Lowering, webhooks::lower_events};
use crate::{
    code::Code,
    keys::{INFORMED, ROLES},
    problem::Problem,
    surroundings::AgentState,
};

/// The `roles` mapping, and where its executor stands. Whether the executor is the step's agent is looked at where that
/// is read.
pub(super) fn lower_roles<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<(Roles, Option<&'d Node<'d>>)> {
    let mut fields = Fields::of(cx, field.node, &field.path, &ROLES)?;
    let executor_field = fields.take(cx, "executor");
    let executor = executor_field.and_then(|field| cx.filled_text(&field));
    let executor = executor.map(|name| name.trim().to_owned());
    let mut told: HashSet<String> = executor.iter().cloned().collect();
    let monitors = fields.take(cx, "monitors").map_or_else(Vec::new, |field| {
        cx.items(field.node, &field.path, "a list of agents", |cx, node, path| {
            let text = cx.text_of(node, path)?;
            let name = lower_agent_name(cx, text, node.span, path)?;
            note_role(cx, &mut told, &name, node.span, path);
            Some(name)
        })
    });
    let informed = fields.take(cx, "informed").map_or_else(Vec::new, |field| lower_informed(cx, &field, &mut told));
    fields.finish(cx);
    let executor_node = executor_field.filter(|_| executor.is_some()).map(|field| field.node);
    let roles = Roles { executor, monitors, informed };
    Some((roles, executor_node))
}

fn lower_informed<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>, told: &mut HashSet<String>) -> Vec<Informed> {
    if matches!(field.node.kind, Kind::Map(_)) {
        let informed = lower_informed_agent(cx, field.node, &field.path, told);
        return informed.into_iter().collect();
    }
    cx.items(field.node, &field.path, "a list of agents", |cx, node, path| lower_informed_agent(cx, node, path, told))
}

/// An agent's name, or a mapping of the agent and the events it wants.
fn lower_informed_agent<'d>(
    cx: &mut Lowering<'d>,
    node: &'d Node<'d>,
    path: &Path<'_>,
    told: &mut HashSet<String>,
) -> Option<Informed> {
    if !matches!(node.kind, Kind::Map(_)) {
        let text = cx.text_of(node, path)?;
        let agent = lower_agent_name(cx, text, node.span, path)?;
        note_role(cx, told, &agent, node.span, path);
        return Some(Informed { agent, events: Vec::new() });
    }
    let mut fields = Fields::of(cx, node, path, &INFORMED)?;
    let agent = fields.require(cx, "agent").and_then(|field| {
        let text = cx.text_of(field.node, &field.path)?;
        let agent = lower_agent_name(cx, text, field.node.span, &field.path)?;
        note_role(cx, told, &agent, field.node.span, &field.path);
        Some(agent)
    });
    let events = fields.take(cx, "events").map_or_else(Vec::new, |field| lower_events(cx, &field));
    fields.finish(cx);
    Some(Informed { agent: agent?, events })
}

/// A name by which an agent can be called.
fn lower_agent_name(cx: &mut Lowering<'_>, text: &str, span: Span, path: &Path<'_>) -> Option<AgentName> {
    match AgentName::new(text) {
        Ok(name) => {
            cx.check_agent(&name, span, path);
            Some(name)
        }
        Err(error) => {
            cx.problems.push(Problem::new(Code::BadName, span, error.to_string()).at(path));
            None
        }
    }
}

/// Notes that an agent has a role, and says so if it has one already.
fn note_role(cx: &mut Lowering<'_>, told: &mut HashSet<String>, agent: &str, span: Span, path: &Path<'_>) {
    if !told.insert(agent.to_owned()) {
        let message = format!("the agent `{agent}` has another role on this step already");
        cx.problems.push(Problem::new(Code::SameAgent, span, message).at(path));
    }
}

impl Lowering<'_> {
    /// Says when the server does not know an agent, or when it does not run. Names made by placeholders are left alone.
    pub(super) fn check_agent(&mut self, name: &str, span: Span, path: &Path<'_>) {
        let Some(agents) = self.surroundings.agents() else { return };
        if name.contains("{{") || name.contains("{%") {
            return;
        }
        let problem = match agents.get(name.trim()) {
            Some(AgentState::Running) => return,
            Some(AgentState::Stopped) => {
                Problem::new(Code::StoppedAgent, span, format!("the agent `{name}` is not running"))
            }
            None => {
                let meant = self.closest(name, agents.keys().map(String::as_str)).map(str::to_owned);
                let message = format!("there is no agent called `{name}`");
                Problem::new(Code::UnknownAgent, span, message).suggest(meant)
            }
        };
        self.problems.push(problem.at(path));
    }
}
