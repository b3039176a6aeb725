//! `gateway`: the process branches (spec 3.2).

use indexmap::IndexMap;
use serde_json::{Map, json};

use super::{advance::Progress, boundary::Failure, turn::Turn};
use crate::{
    definition::{Gateway, GatewayType, StepIndex, StepKind},
    event::{Direction, Event, GatewayDecision, RouteEvaluation, Shown, StepError, StepEvent, Usage},
    expressions::{Expressions, Scope},
    value::{ErrorCode, Json},
};

impl Turn<'_, '_> {
    pub fn start_gateway(&mut self, step: StepIndex) -> Progress {
        let StepKind::Gateway(gateway) = &self.step(step).kind else {
            return Progress::Done;
        };
        let gateway = gateway.clone();
        let Some(scope) = self.scope_of(step) else {
            return Progress::NeedsValues;
        };
        let decided = evaluate(&gateway, self.context.expressions, &scope);
        self.start_without_call(step, Vec::new());
        match decided {
            Err(error) => self.fail_attempt(step, Direction::Do, Failure::of(error)),
            Ok(decision) => {
                let output = gateway_output(&decision);
                self.emit(Event::Step(self.id(step), StepEvent::GatewayEvaluated(Box::new(decision))));
                self.complete(step, output, Usage::default());
            }
        }
        Progress::Done
    }

    /// The output of a gateway that was skipped and takes its default route.
    pub fn default_output(&mut self, step: StepIndex, decision: &GatewayDecision) -> Option<Shown> {
        let mut output = routes(decision);
        output.insert("is_default".into(), json!(decision.is_default));
        self.keep_output(step, Json::Object(output)).ok()
    }
}

/// Which routes are taken; an error if that can't be decided, or if none is and one must be.
fn evaluate(gateway: &Gateway, expressions: &dyn Expressions, scope: &Scope) -> Result<GatewayDecision, StepError> {
    let mut evaluated = Vec::new();
    let mut taken = Vec::new();
    for route in &gateway.routes {
        let stopped = gateway.gateway_type == GatewayType::Exclusive && !taken.is_empty();
        let evaluation = match &route.condition {
            Some(condition) if !stopped => {
                let failed = |error| StepError { code: ErrorCode::ConditionError, message: format!("{error}") };
                Some(expressions.condition(condition, scope).map_err(failed)?)
            }
            _ => None,
        };
        let result = match (&evaluation, stopped) {
            (_, true) => None,
            (Some(evaluation), false) => Some(evaluation.result),
            (None, false) => Some(true),
        };
        if result == Some(true) && !taken.contains(&route.target) {
            taken.push(route.target.clone());
        }
        let (values, notes) = evaluation.map_or_else(|| (IndexMap::new(), Vec::new()), |e| (e.values, e.notes));
        let condition = route.condition.as_ref().map(|condition| condition.text.clone());
        evaluated.push(RouteEvaluation { condition, target: route.target.clone(), result, values, notes });
    }
    let is_default = taken.is_empty() && gateway.default_route.is_some();
    if taken.is_empty() {
        taken.extend(gateway.default_route.clone());
    }
    if taken.is_empty() && gateway.gateway_type != GatewayType::Parallel {
        let message = "no route is true, and the gateway has no default_route".to_owned();
        return Err(StepError { code: ErrorCode::NoMatchingRoute, message });
    }
    Ok(GatewayDecision { gateway_type: gateway.gateway_type, taken, is_default, evaluated_conditions: evaluated })
}

/// The output of a gateway (spec 2.4).
fn gateway_output(decision: &GatewayDecision) -> Json {
    let mut output = routes(decision);
    output.insert("condition".into(), json!(chosen_by(decision)));
    output.insert("gateway_type".into(), json!(decision.gateway_type));
    output.insert("is_default".into(), json!(decision.is_default));
    output.insert("evaluated_conditions".into(), json!(decision.evaluated_conditions));
    Json::Object(output)
}

/// The condition of the one route that an exclusive gateway took; nothing if it took its default, or has no condition.
fn chosen_by(decision: &GatewayDecision) -> Option<&str> {
    let is_exclusive = decision.gateway_type == GatewayType::Exclusive;
    let taken = decision.evaluated_conditions.iter().find(|route| is_exclusive && route.result == Some(true));
    taken.and_then(|route| route.condition.as_deref())
}

/// Where a gateway leads, under the name that its type has for it.
fn routes(decision: &GatewayDecision) -> Map<String, Json> {
    let (name, routes) = match decision.gateway_type {
        GatewayType::Exclusive => ("route", json!(decision.taken.first())),
        GatewayType::Parallel | GatewayType::Inclusive => ("routes", json!(decision.taken)),
    };
    Map::from_iter([(name.to_owned(), routes)])
}
