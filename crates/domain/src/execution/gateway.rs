//! `gateway`: the process branches (spec 3.2).

use indexmap::IndexMap;
use serde_json::{Map, json};

use super::{advance::Progress, scope::Viewpoint, turn::Turn};
use crate::{
    definition::{Gateway, GatewayType, StepIndex, StepKind},
    event::{AttemptStart, Event, GatewayDecision, RouteEvaluation, Shown, StepError, Usage},
    expressions::{Expressions, Scope},
    value::{ErrorCode, Json},
};

impl Turn<'_, '_> {
    pub fn start_gateway(&mut self, step: StepIndex) -> Progress {
        let StepKind::Gateway(gateway) = &self.step(step).kind else {
            return Progress::Done;
        };
        let (gateway, reads) = (gateway.clone(), self.step(step).reads.clone());
        let Some(scope) = self.scope(Viewpoint::Step(step), &reads) else {
            return Progress::NeedsValues;
        };
        let decided = evaluate(&gateway, self.context.expressions, &scope);
        let condition = self.take_passed(step);
        let start = AttemptStart { condition, ..self.blank_start(step) };
        self.emit(Event::StepStarted(Box::new(start)));
        match decided {
            Err(error) => self.fail_attempt(step, error, Usage::default(), None),
            Ok(decision) => {
                let output = gateway_output(&decision);
                self.emit(Event::GatewayEvaluated { step_id: self.id(step), decision });
                self.complete(step, output, Usage::default());
            }
        }
        Progress::Done
    }

    /// The output of a gateway that was skipped and takes its default route.
    pub fn gateway_output(&mut self, step: StepIndex, decision: &GatewayDecision) -> Option<Shown> {
        self.keep_output(step, gateway_output(decision)).ok()
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
    let mut output = Map::new();
    match decision.gateway_type {
        GatewayType::Exclusive => output.insert("route".into(), json!(decision.taken.first())),
        GatewayType::Parallel | GatewayType::Inclusive => output.insert("routes".into(), json!(decision.taken)),
    };
    output.insert("gateway_type".into(), json!(decision.gateway_type));
    output.insert("is_default".into(), json!(decision.is_default));
    output.insert("evaluated_conditions".into(), json!(decision.evaluated_conditions));
    Json::Object(output)
}
