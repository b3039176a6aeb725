//! People who decide: user names, e-mail addresses and roles (spec 1.3, `assignees`).

use std::collections::HashSet;

use procession_domain::definition::Template;
use procession_yaml::{Kind, Node, Path, Span};

use super::{Field, Fields, Lowering, Owner};
use crate::{code::Code, keys::ROLE_ASSIGNEE, problem::Problem};

/// Who decides, and how many different people that can be at most; `None` if that can't be told.
pub(super) struct People {
    pub names: Vec<Template>,
    pub at_most: Option<usize>,
}

/// A list of people and roles, or one of them.
pub(super) fn lower_people<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>, owner: Owner) -> People {
    let names = if matches!(field.node.kind, Kind::Map(_)) {
        lower_role(cx, field.node, &field.path, owner).into_iter().collect()
    } else {
        cx.items(field.node, &field.path, "a list of people and roles", |cx, node, path| {
            lower_person(cx, node, path, owner)
        })
    };
    let at_most = count_people(cx, &names);
    People { names, at_most }
}

fn lower_person<'d>(cx: &mut Lowering<'d>, node: &'d Node<'d>, path: &Path<'_>, owner: Owner) -> Option<Template> {
    if matches!(node.kind, Kind::Map(_)) {
        return lower_role(cx, node, path, owner);
    }
    let mut name = cx.template_of(node, path, owner)?;
    if name.text.trim().is_empty() {
        let problem = Problem::new(Code::MissingKey, node.span, "the name of a person or role is missing here");
        cx.problems.push(problem.at(path));
        return None;
    }
    // Both words name a role; the engine knows one of them.
    if let Some(team) = name.text.trim().strip_prefix("team:") {
        name.text = format!("role:{}", team.trim());
    }
    check_person(cx, &name.text, node.span, path);
    Some(name)
}

/// `{role: NAME}` or `{team: NAME}`.
fn lower_role<'d>(cx: &mut Lowering<'d>, node: &'d Node<'d>, path: &Path<'_>, owner: Owner) -> Option<Template> {
    let mut fields = Fields::of(cx, node, path, &ROLE_ASSIGNEE)?;
    let role = fields.require(cx, "role").and_then(|field| Some((field, cx.filled_template(&field, owner)?)));
    fields.finish(cx);
    let (field, mut role) = role?;
    role.text = format!("role:{}", role.text.trim());
    check_person(cx, &role.text, field.node.span, &field.path);
    Some(role)
}

/// Says when the server knows no such person and no such role.
fn check_person(cx: &mut Lowering<'_>, name: &str, span: Span, path: &Path<'_>) {
    let name = name.trim();
    if name.contains("{{") || name.contains("{%") {
        return;
    }
    let (users, roles) = (cx.surroundings.users(), cx.surroundings.roles());
    let problem = if let Some(role) = name.strip_prefix("role:") {
        let Some(roles) = roles else { return };
        let role = role.trim();
        if roles.contains(role) {
            return;
        }
        let written = cx.source.slice(span).trim_start_matches(['"', '\'']);
        let prefix = ["role:", "team:"].into_iter().find(|prefix| written.starts_with(prefix)).unwrap_or("");
        let meant = cx.closest(role, roles.iter().map(String::as_str)).map(|role| format!("{prefix}{role}"));
        Problem::new(Code::UnknownAssignee, span, format!("the server knows no role `{role}`")).suggest(meant)
    } else {
        // A name that is no user is tried as a role, so both must be known to say that it is neither.
        let (Some(users), Some(roles)) = (users, roles) else { return };
        let is_user =
            users.contains(name) || name.contains('@') && users.iter().any(|user| user.eq_ignore_ascii_case(name));
        if is_user || roles.contains(name) {
            return;
        }
        let meant = cx.closest(name, users.iter().chain(roles).map(String::as_str)).map(str::to_owned);
        let message = format!("the server knows no user and no role `{name}`");
        Problem::new(Code::UnknownAssignee, span, message).suggest(meant)
    };
    cx.problems.push(problem.at(path));
}

/// How many different people these names can be: roles and placeholders may be any number, and so may be nobody, which
/// stands for everybody.
fn count_people(cx: &Lowering<'_>, names: &[Template]) -> Option<usize> {
    let (users, roles) = (cx.surroundings.users(), cx.surroundings.roles());
    let mut people: HashSet<&str> = HashSet::new();
    for name in names {
        let name = name.text.trim();
        let is_user = users.is_some_and(|users| users.contains(name));
        let is_role = name.starts_with("role:") || (!is_user && roles.is_some_and(|roles| roles.contains(name)));
        if is_role || name.contains("{{") || name.contains("{%") {
            return None;
        }
        people.insert(name);
    }
    (!people.is_empty()).then_some(people.len())
}
