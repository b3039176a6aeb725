//! `gateway` (spec 1.3, 3.2).

use procession_domain::definition::{Condition, Gateway, GatewayType, Route};
use procession_yaml::{Kind, Node, Path, Span};

use super::{Field, Fields, Lowering, Mention, MentionKind, Owner, step::Draft};
use crate::{code::Code, keys::ROUTE, problem::Problem};

/// An entry of `routes`.
struct LoweredRoute {
    condition: Option<Condition>,
    target: Mention,
    name: Option<String>,
    is_default: bool,
    span: Span,
    path: String,
}

/// The keys of a gateway. Its targets are noted as mentions, in the order of its routes, the default last.
pub(super) fn lower_gateway<'d>(cx: &mut Lowering<'d>, fields: &mut Fields<'d, '_>, draft: &mut Draft) -> Gateway {
    let gateway_type = fields.read(cx, "gateway_type", Lowering::word_as).unwrap_or(GatewayType::Exclusive);
    let routes_field = fields.take_needed(cx, "routes");
    let routes = routes_field.map_or_else(Vec::new, |field| lower_routes(cx, &field, Owner::Step(draft.index)));
    let default_field = fields.take(cx, "default_route");
    let mut default = default_field.and_then(|field| cx.mention(&field));
    let was_written =
        !routes.is_empty() || default_field.is_some() || routes_field.is_some_and(|field| !is_empty(field.node));
    if !was_written {
        let (span, path) =
            routes_field.map_or((fields.head, fields.path.to_text()), |field| (field.key_span, field.path.to_text()));
        let message = "a gateway needs `routes`: a list of `{condition, target}`";
        cx.problems.push(Problem::new(Code::NoRoutes, span, message).at(path));
    }
    let (defaults, routes): (Vec<LoweredRoute>, Vec<LoweredRoute>) =
        routes.into_iter().partition(|route| route.is_default);
    for route in defaults {
        if default.as_ref().is_some_and(|default| default.text != route.target.text) {
            let message = "the gateway has another default route already, which wins";
            let problem = Problem::new(Code::OverriddenKey, route.span, message);
            cx.problems.push(problem.at(&route.path));
        } else {
            default.get_or_insert(route.target);
        }
    }
    report_hidden_routes(cx, gateway_type, &routes);
    let mentions = &mut draft.lowered.mentions;
    mentions.extend(routes.iter().map(|route| (MentionKind::Route, route.target.clone())));
    mentions.extend(default.clone().map(|default| (MentionKind::DefaultRoute, default)));
    Gateway {
        gateway_type,
        routes: routes
            .into_iter()
            .filter_map(|route| Some(Route { condition: route.condition, target: route.target.id?, name: route.name }))
            .collect(),
        default_route: default.and_then(|default| default.id),
    }
}

fn is_empty(node: &Node<'_>) -> bool {
    matches!(&node.kind, Kind::List(items) if items.is_empty())
}

fn lower_routes<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>, owner: Owner) -> Vec<LoweredRoute> {
    let Kind::List(items) = &field.node.kind else {
        cx.wrong_type(field.node, &field.path, "a list of routes");
        return Vec::new();
    };
    items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| lower_route(cx, item, &Path::Item(&field.path, index), owner))
        .collect()
}

fn lower_route<'d>(cx: &mut Lowering<'d>, node: &'d Node<'d>, path: &Path<'_>, owner: Owner) -> Option<LoweredRoute> {
    let mut fields = Fields::of(cx, node, path, &ROUTE)?;
    let is_default = fields.read(cx, "default", Lowering::boolean).unwrap_or(false);
    if is_default {
        fields.refuse(cx, "condition", |spelling| {
            format!("the default route is taken when no other is true; its `{spelling}` is not looked at")
        });
    }
    let condition = fields.read(cx, "condition", |cx, field| cx.condition(field, owner));
    let condition = condition.filter(|_| !is_default);
    let target = fields.require(cx, "target").and_then(|field| cx.mention(&field));
    let name = fields.read(cx, "name", Lowering::text);
    let span = fields.head;
    fields.finish(cx);
    Some(LoweredRoute { condition, target: target?, name, is_default, span, path: path.to_text() })
}

/// An exclusive gateway looks no further than its first route that is always true.
fn report_hidden_routes(cx: &mut Lowering<'_>, gateway_type: GatewayType, routes: &[LoweredRoute]) {
    if gateway_type != GatewayType::Exclusive {
        return;
    }
    let always = |route: &LoweredRoute| match &route.condition {
        None => true,
        Some(condition) => condition.text.trim().eq_ignore_ascii_case("true"),
    };
    let first_always = routes.iter().position(always);
    if let Some(index) = first_always.filter(|index| index + 1 < routes.len()) {
        let message =
            "this route is always taken, so those after it never are: give it a condition, or move it to the end";
        let route = &routes[index];
        let problem = Problem::new(Code::AlwaysTrueRoute, route.span, message);
        cx.problems.push(problem.at(&route.path));
    }
}
