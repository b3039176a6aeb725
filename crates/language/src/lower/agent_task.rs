//! `agent_task` (spec 1.3), also as a compensation.

use procession_domain::{
    definition::{AgentTask, Roles, Template},
    value::Json,
};
use procession_yaml::Node;

use super::{Field, Fields, Lowering, Owner};
use crate::{code::Code, output_schema, problem::Problem};

/// The keys of an agent_task. `roles` are the step's, with the place of the executor; a compensation has none.
pub(super) fn lower_agent_task<'d>(
    cx: &mut Lowering<'d>,
    fields: &mut Fields<'d, '_>,
    owner: Owner,
    roles: Option<(&Roles, Option<&'d Node<'d>>)>,
) -> AgentTask {
    let executor = roles.and_then(|(_, executor)| executor);
    let agent = match executor {
        Some(executor) => lower_executor(cx, fields, owner, executor),
        None => lower_agent(cx, fields, owner, roles.map(|(roles, _)| roles)),
    };
    let message = fields.require(cx, "message").and_then(|field| cx.filled_template(&field, owner));
    AgentTask {
        agent: agent.unwrap_or_else(|| Template::unplaced("")),
        message: message.unwrap_or_else(|| Template::unplaced("")),
        model: fields.read(cx, "model", Lowering::filled_text),
        temperature: fields.read(cx, "temperature", Lowering::number),
        max_cost: fields.read(cx, "max_cost", Lowering::money),
        output_schema: fields.read(cx, "output_schema", lower_output_schema),
        output_key: fields.read(cx, "output_key", Lowering::filled_text),
    }
}

/// The agent named by the step itself.
fn lower_agent<'d>(
    cx: &mut Lowering<'d>,
    fields: &mut Fields<'d, '_>,
    owner: Owner,
    roles: Option<&Roles>,
) -> Option<Template> {
    let field = fields.require(cx, "agent")?;
    let agent = cx.filled_template(&field, owner)?;
    let name = agent.text.trim();
    cx.check_agent(name, field.node.span, &field.path);
    let is_told = roles.is_some_and(|roles| {
        roles.monitors.iter().any(|monitor| monitor.as_str() == name)
            || roles.informed.iter().any(|informed| informed.agent.as_str() == name)
    });
    if is_told {
        let message = format!("the agent `{name}` does this step and is also told of it by `roles`");
        cx.problems.push(Problem::new(Code::SameAgent, field.node.span, message).at(field.path));
    }
    Some(agent)
}

/// `roles.executor`, which wins over `agent` (spec 1.7).
fn lower_executor<'d>(
    cx: &mut Lowering<'d>,
    fields: &mut Fields<'d, '_>,
    owner: Owner,
    executor: &'d Node<'d>,
) -> Option<Template> {
    let roles = fields.path.key("roles");
    let path = roles.key("executor");
    let template = cx.template_of(executor, &path, owner)?;
    cx.check_agent(&template.text, executor.span, &path);
    if let Some(field) = fields.take(cx, "agent")
        && let Some(agent) = cx.text_of(field.node, &field.path)
        && agent.trim() != template.text.trim()
    {
        let message =
            format!("`roles.executor` is `{}`, which does the work instead of this agent", template.text.trim());
        let problem = Problem::new(Code::ExecutorDiffers, field.node.span, message);
        cx.problems.push(problem.at(field.path));
    }
    Some(template)
}

/// A JSON Schema that can be used.
fn lower_output_schema<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<Json> {
    if field.node.entries().is_none() {
        cx.wrong_type(field.node, &field.path, "a mapping that is a JSON Schema");
        return None;
    }
    let schema = field.node.to_json();
    if let Err(message) = output_schema::check_schema(&schema) {
        let place = cx.first_line(field.node.span);
        let problem = Problem::new(Code::BadSchema, place, message);
        cx.problems.push(problem.at(field.path));
        return None;
    }
    Some(schema)
}
