//! Outgoing webhooks, and what they share with other keys: addresses, secrets, names of events (spec 1.1, 5.6, 8.2).

use procession_domain::definition::OutgoingWebhook;
use procession_yaml::{Kind, Node, Path, Span};

use super::{Field, Fields, Lowering};
use crate::{code::Code, keys::WEBHOOK, problem::Problem};

/// Every event of spec 3.11 by name, and that an attempt took too long, which roles and webhooks can ask for.
const EVENTS: [&str; 44] = [
    "ProcessCreated",
    "ProcessUpdated",
    "ProcessPublished",
    "ProcessArchived",
    "ExecutionCreated",
    "ProcessStarted",
    "ProcessPaused",
    "ProcessResumed",
    "ProcessCompleted",
    "ProcessFailed",
    "ProcessCancelled",
    "CompensationStarted",
    "BudgetWarning",
    "BudgetRaised",
    "CostRecorded",
    "StepStarted",
    "StepSubmitted",
    "StepCompleted",
    "StepFailed",
    "StepRetrying",
    "StepTimedOut",
    "StepSkipped",
    "StepWaiting",
    "StepWaitingApproval",
    "StepCancelled",
    "StepInterrupted",
    "StepResumed",
    "StepReset",
    "StepReused",
    "GatewayEvaluated",
    "CompensationStepStarted",
    "CompensationStepResumed",
    "CompensationStepSubmitted",
    "CompensationStepRetrying",
    "CompensationCompleted",
    "CompensationFailed",
    "ApprovalRequested",
    "ApprovalVoted",
    "ApprovalDecided",
    "ApprovalDelegated",
    "ApprovalEscalated",
    "ApprovalExpired",
    "ChildStarted",
    "ChildCompleted",
];

/// The `webhooks` list.
pub(super) fn lower_webhooks<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Vec<OutgoingWebhook> {
    let nodes: Vec<(&'d Node<'d>, Path<'_>)> = match &field.node.kind {
        Kind::List(items) => {
            items.iter().enumerate().map(|(index, item)| (item, Path::Item(&field.path, index))).collect()
        }
        Kind::Map(_) => vec![(field.node, field.path)],
        Kind::Scalar(_) | Kind::Broken => {
            cx.wrong_type(field.node, &field.path, "a list of webhooks");
            Vec::new()
        }
    };
    nodes.iter().filter_map(|(node, path)| lower_webhook(cx, node, path)).collect()
}

fn lower_webhook<'d>(cx: &mut Lowering<'d>, node: &'d Node<'d>, path: &Path<'_>) -> Option<OutgoingWebhook> {
    let mut fields = Fields::of(cx, node, path, &WEBHOOK)?;
    let url = fields.require(cx, "url").and_then(|field| {
        let url = cx.filled_text(&field)?.trim().to_owned();
        cx.check_url(&url, field.node.span, &field.path).then_some(url)
    });
    let events = fields.take(cx, "events").map_or_else(Vec::new, |field| lower_events(cx, &field));
    let secret = fields.read(cx, "secret", lower_secret);
    fields.finish(cx);
    Some(OutgoingWebhook { url: url?, events, secret })
}

/// The event that a text names, in whatever spelling: `step_completed`, `StepCompleted`.
pub fn event_named(text: &str) -> Option<&'static str> {
    let is_same = |event: &str| {
        let letters = text.bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
        letters.map(|byte| byte.to_ascii_lowercase()).eq(event.bytes().map(|byte| byte.to_ascii_lowercase()))
    };
    EVENTS.into_iter().find(|event| is_same(event))
}

/// Event types, in the spelling of spec 3.11 whichever one the author uses (`step_completed`). An unknown one is kept.
pub(super) fn lower_events<'d>(cx: &mut Lowering<'d>, field: &Field<'d, '_>) -> Vec<String> {
    cx.items(field.node, &field.path, "a list of event types", |cx, node, path| {
        let text = cx.text_of(node, path)?.trim();
        let bare = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
        if let Some(event) = event_named(text) {
            return Some(event.to_owned());
        }
        if !cx.problems.has_room_for(Code::UnknownEvent) {
            cx.problems.count();
            return Some(text.to_owned());
        }
        let meant = cx.closest(text, EVENTS).or_else(|| {
            let wanted = bare(text);
            EVENTS.into_iter().find(|event| cx.closest(&wanted, [bare(event).as_str()]).is_some())
        });
        let problem = Problem::new(Code::UnknownEvent, node.span, format!("no event is called `{text}`"));
        cx.problems.push(problem.at(path).suggest(meant));
        Some(text.to_owned())
    })
}

/// A secret: `${ENV:NAME}` for a name that the server allows, or a literal, with a warning. Never shown in a message.
pub(super) fn lower_secret(cx: &mut Lowering<'_>, field: &Field<'_, '_>) -> Option<String> {
    let Some(secret) = field.node.scalar_text() else {
        cx.wrong_type(field.node, &field.path, "a text");
        return None;
    };
    let name = secret.strip_prefix("${ENV:").and_then(|rest| rest.strip_suffix('}'));
    let problem = match (name, cx.surroundings.environment()) {
        (None, allowed) => {
            let message = "a secret in the text can be read by everyone who sees the process; keep it in the server's environment, and name it here as `${ENV:NAME}`";
            let mut allowed = allowed.into_iter().flatten();
            let only = allowed.next().filter(|_| allowed.next().is_none()).map(|name| format!("${{ENV:{name}}}"));
            Some(Problem::new(Code::LiteralSecret, field.node.span, message).suggest(only))
        }
        (Some(name), Some(allowed)) if !allowed.contains(name) => {
            let message = format!("the server's `environment.allow` does not name `{name}`, so no process may read it");
            let meant = cx.closest(name, allowed.iter().map(String::as_str)).map(|meant| format!("${{ENV:{meant}}}"));
            Some(Problem::new(Code::EnvironmentNotAllowed, field.node.span, message).suggest(meant))
        }
        (Some(_), _) => None,
    };
    if let Some(problem) = problem {
        cx.problems.push(problem.at(field.path));
    }
    Some(secret.to_owned())
}

impl Lowering<'_> {
    /// Whether a text is an address that can be called; reported if not.
    pub(super) fn check_url(&mut self, url: &str, span: Span, path: &Path<'_>) -> bool {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let has_host = rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '['));
        if has_host && !url.contains(char::is_whitespace) {
            return true;
        }
        let message = "an address begins with `https://` or `http://` and a host";
        self.problems.push(Problem::new(Code::BadUrl, span, message).at(path));
        false
    }
}
