//! How a process is offered to agents (spec 7).

use procession_domain::definition::Expose;

use super::{Field, Fields, Lowering, not_yet::NotYet};
use crate::{
    code::Code,
    keys::{EXPOSE, EXPOSE_MCP},
    problem::Problem,
};

/// Clients cut longer names, and they add a prefix of their own.
const LONGEST_TOOL_NAME: usize = 40;

/// The `expose` mapping.
pub(super) fn lower_expose<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Option<Expose> {
    let mut fields = Fields::of(cx, field.node, &field.path, &EXPOSE)?;
    let mcp = fields.take(cx, "mcp");
    fields.finish(cx);
    let mcp = mcp?;
    let mut fields = Fields::of(cx, mcp.node, &mcp.path, &EXPOSE_MCP)?;
    let expose = Expose {
        mcp_enabled: fields.read(cx, "enabled", Lowering::boolean).unwrap_or(false),
        tool_name: fields.read(cx, "tool_name", lower_tool_name),
        description: fields.read(cx, "description", Lowering::text),
    };
    fields.finish(cx);
    if expose.mcp_enabled {
        cx.not_yet(NotYet::Expose, field.key_span, &field.path);
    }
    Some(expose)
}

fn lower_tool_name(cx: &mut Lowering<'_>, field: &Field<'_, '_>) -> Option<String> {
    let Some(name) = field.node.scalar_text() else {
        cx.wrong_type(field.node, &field.path, "a text");
        return None;
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if (1..=LONGEST_TOOL_NAME).contains(&name.len()) && name.chars().all(fits) {
        return Some(name.to_owned());
    }
    let message = format!("a tool's name has 1 to {LONGEST_TOOL_NAME} letters, digits, `_` and `-`");
    let problem = Problem::new(Code::BadName, field.node.span, message);
    cx.problems.push(problem.at(field.path));
    None
}
