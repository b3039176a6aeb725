//! Outgoing webhooks: which hear of an event, and what they are told (spec 5.6, 4c).

use procession_domain::{
    definition::OutgoingWebhook,
    event::{Event, ProcessEvent, Recorded, ValueRef},
    execution::{Execution, Life},
    value::{Cost, ExecutionId, Json},
};
use serde_json::json;

use super::{
    events::{facts, names, names_of, step_name, told_name},
    planning::{NewId, Told, delivery_of},
    settings::ServerWebhook,
};
use crate::{
    notifications::{host_of, masked_address},
    ports::{DeliveryContent, DeliveryKind, Endpoint, NewDelivery},
};

/// Of what a webhook hears that does not say.
const USUAL: [&str; 4] = ["ProcessCompleted", "ProcessFailed", "ProcessCancelled", "ApprovalRequested"];

/// A webhook, whoever named it.
struct Hook<'a> {
    endpoint: Endpoint,
    url: &'a str,
    events: &'a [String],
}

/// What webhooks are told of the events of a turn, in their order.
pub(super) fn plan(told: &Told<'_>, of_server: &[ServerWebhook], new_id: NewId<'_>) -> Vec<NewDelivery> {
    let process_id = told.execution.creation().process.id;
    let of_process = told.execution.definition().content().webhooks.iter().enumerate();
    let of_process = of_process.map(|(index, hook): (usize, &OutgoingWebhook)| Hook {
        endpoint: Endpoint::Process { process_id, index },
        url: &hook.url,
        events: &hook.events,
    });
    let of_server = of_server.iter().map(|hook| Hook {
        endpoint: Endpoint::Server(digest(hook.url.reveal())),
        url: hook.url.reveal(),
        events: &hook.events,
    });
    let hooks: Vec<Hook<'_>> = of_process.chain(of_server).collect();
    if hooks.is_empty() {
        return Vec::new();
    }
    let mut deliveries = Vec::new();
    for recorded in told.events {
        for name in names_of(&recorded.event) {
            let hearing = hooks.iter().filter(|hook| hook.hears_of(name));
            deliveries.extend(hearing.map(|hook| hook.delivery(told, recorded, name, new_id)));
        }
    }
    deliveries
}

/// What stands for the address of a server's webhook in rows.
pub(super) fn digest(url: &str) -> String {
    blake3::hash(url.as_bytes()).to_hex().to_string()
}

impl Hook<'_> {
    fn hears_of(&self, event: &str) -> bool {
        if self.events.is_empty() { USUAL.contains(&event) } else { names(self.events, event) }
    }

    fn delivery(&self, told: &Told<'_>, recorded: &Recorded, name: &str, new_id: NewId<'_>) -> NewDelivery {
        let event = told_name(name);
        let content = DeliveryContent::Webhook {
            endpoint: self.endpoint.clone(),
            body: body(told.execution, recorded, &event),
            outputs: outputs(&recorded.event),
        };
        NewDelivery {
            receiver: host_of(self.url),
            target: masked_address(self.url),
            ..delivery_of(told, recorded, DeliveryKind::Webhook, event, content, new_id)
        }
    }
}

/// The value that is sent along.
fn outputs(event: &Event) -> Option<ValueRef> {
    event.shown().map(|shown| shown.value)
}

/// The body, without what is added when it is sent.
fn body(execution: &Execution, recorded: &Recorded, event: &str) -> Json {
    let mut body = json!({"event": event, "timestamp": recorded.at, "execution": context(execution)});
    if let Some(step_id) = recorded.event.step_id() {
        let mut step = facts(recorded);
        let definition = execution.definition();
        step.insert("id".to_owned(), json!(step_id));
        step.insert("name".to_owned(), json!(step_name(definition, step_id)));
        if let Some(position) = definition.position(step_id) {
            step.insert("type".to_owned(), json!(definition.step(position).step_type().as_str()));
        }
        body["step"] = Json::Object(step);
    }
    if let Event::Approval(_, id, event) = &recorded.event {
        // The fields of the event, whose type's name stands around them.
        let named = serde_json::to_value(event).unwrap_or_default();
        let fields = named.as_object().and_then(|named| named.values().next()).and_then(Json::as_object);
        let mut approval = fields.cloned().unwrap_or_default();
        approval.insert("id".to_owned(), json!(id));
        body["approval"] = Json::Object(approval);
    }
    if let Event::Child(_, child, _) = &recorded.event {
        body["child"] = json!({"id": child});
    }
    if let Event::Process(event) = &recorded.event
        && let Some(details) = details(event)
    {
        body["details"] = details;
    }
    body
}

/// What an event of the process says that its execution does not show.
fn details(event: &ProcessEvent) -> Option<Json> {
    match event {
        ProcessEvent::Paused(reason) => Some(json!(reason)),
        ProcessEvent::Resumed { by } => Some(json!({"by": by})),
        ProcessEvent::Cancelled(cancellation) => Some(json!(cancellation)),
        ProcessEvent::RollBackStarted { count, .. } => Some(json!({"compensation_count": count})),
        ProcessEvent::BudgetWarning { spent, limit } => {
            Some(json!({"spent": spent.to_string(), "limit": limit.to_string()}))
        }
        ProcessEvent::BudgetRaised { limit, by } => Some(json!({"limit": limit.to_string(), "by": by})),
        ProcessEvent::Created(_)
        | ProcessEvent::Started { .. }
        | ProcessEvent::Completed { .. }
        | ProcessEvent::Failed { .. } => None,
    }
}

/// The execution as it is after the event.
fn context(execution: &Execution) -> Json {
    let (creation, state) = (execution.creation(), execution.state());
    let error = match &state.life {
        Life::Failed(error) => json!({"code": error.code, "message": error.message, "step_id": error.step_id}),
        Life::Pending
        | Life::Running
        | Life::Paused(_)
        | Life::Compensating(_)
        | Life::Completed { .. }
        | Life::Cancelled(_) => Json::Null,
    };
    json!({
        "id": execution.id(),
        "process_id": creation.process.id,
        "process_name": creation.process.name,
        "process_version": creation.process.version.to_string(),
        "status": execution.status().as_str(),
        "started_at": state.started_at,
        "completed_at": state.completed_at,
        "triggered_by": creation.triggered_by,
        "labels": creation.labels,
        "total_cost": state.cost.amount.to_string(),
        "exact_cost": exact(&state.cost),
        "error": error,
    })
}

fn exact(cost: &Cost) -> Json {
    let currency = cost.amount.currency();
    json!({"amount": cost.amount.amount(), "currency": currency.as_str(), "complete": cost.complete})
}

/// Where an execution is found.
pub(super) fn links(public_url: Option<&str>, execution: ExecutionId) -> Json {
    let base = public_url.unwrap_or_default();
    json!({
        "execution": format!("{base}/executions/{execution}"),
        "api": format!("{base}/api/executions/{execution}"),
    })
}
