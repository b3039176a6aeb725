//! What happens to an execution, in words.

use procession_domain::{
    event::{
        Decision, Event, GatewayDecision, PauseReason, ProcessEvent, RollBackCause, SkipReason, Skipped, StepError,
        Verdict, Wait,
    },
    value::{Duration, Json, Money},
};

/// So many of the values that a condition read are shown,
const MOST_VALUES: usize = 3;

/// and so many characters of each.
const LONGEST_VALUE: usize = 40;

/// What happened to the execution as a whole, as a sentence; nothing for what its steps or the end tell anyway.
pub(super) fn note(event: &Event) -> Option<String> {
    let Event::Process(event) = event else { return None };
    Some(match event {
        ProcessEvent::Paused(PauseReason::Operator { by }) => format!("paused by {by}"),
        ProcessEvent::Resumed { by: Some(by) } => format!("resumed by {by}"),
        ProcessEvent::RollBackStarted { count, cause } => {
            let cause = match cause {
                RollBackCause::Failure(error) => format!("{}: {}", error.code, error.message),
                RollBackCause::Cancel(cancellation) => format!("cancelled by {}", cancellation.cancelled_by),
            };
            format!("rolls back, {count} steps at most ({cause})")
        }
        ProcessEvent::BudgetWarning { spent, limit } => {
            format!("{} of the budget of {} is spent", money(*spent), money(*limit))
        }
        ProcessEvent::BudgetRaised { limit, by } => {
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            format!("the budget is raised to {}{by}", money(*limit))
        }
        _ => return None,
    })
}

/// Why a step does not run.
pub(super) fn skipped(skipped: &Skipped) -> String {
    let why = match skipped.reason {
        SkipReason::ConditionFalse => "its condition is false",
        SkipReason::RouteNotTaken => "its gateway went elsewhere",
        SkipReason::DeadPath => "nothing leads to it",
        SkipReason::HandlerNotNeeded => "no error to handle",
        SkipReason::UpstreamFailed => "not reached",
        SkipReason::SkippedAfterError => "passed over after its error",
        SkipReason::ApprovalTimeout => "nobody decided in time",
    };
    let read: Vec<String> = skipped
        .condition
        .iter()
        .flat_map(|condition| &condition.values)
        .take(MOST_VALUES)
        .map(|(path, value)| format!("{path} is {}", shown(value)))
        .collect();
    if read.is_empty() { why.to_owned() } else { format!("{why}: {}", read.join(", ")) }
}

/// A value that was read, on one line and cut if it is long.
fn shown(value: &Json) -> String {
    let text = if value.is_null() { "none".to_owned() } else { value.to_string() };
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// For what a step waits.
pub(super) fn waits(wait: &Wait) -> String {
    let (what, reason) = match wait {
        Wait::Timer { .. } => ("waits", None),
        Wait::Child { .. } => ("waits for its process", None),
        Wait::BackOff { .. } => ("waits for the next attempt", None),
        Wait::AgentBusy { reason, .. } => ("its agent is busy", reason.as_ref()),
        Wait::RateLimit { reason, .. } => ("its agent takes no calls for a while", reason.as_ref()),
        Wait::Breaker { .. } => ("its agent failed too often and is left alone", None),
    };
    match reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    }
}

/// Where a gateway goes.
pub(super) fn goes_to(decision: &GatewayDecision) -> String {
    let targets: Vec<String> = decision.taken.iter().map(ToString::to_string).collect();
    let targets = if targets.is_empty() { "nowhere".to_owned() } else { targets.join(", ") };
    let default = if decision.is_default { " (default)" } else { "" };
    format!("→ {targets}{default}")
}

/// Why a step failed.
pub(super) fn failed(error: &StepError) -> String {
    format!("{}: {}", error.code, error.message)
}

/// How an approval was settled.
pub(super) fn settled(verdict: &Verdict) -> String {
    let said = match verdict.decision {
        Decision::Approved => "approved",
        Decision::Rejected => "rejected",
        Decision::ChangesRequested => "changes requested",
        Decision::Expired => "not decided in time",
        Decision::Skipped => "skipped, not decided in time",
    };
    let by = verdict.decided_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let comment = verdict.comments.last().map(|comment| format!(": {comment}")).unwrap_or_default();
    format!("{said}{by}{comment}")
}

/// What a step brought: the text of a reply, else its JSON.
pub(super) fn brought(output: &Json) -> String {
    match output {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Object(fields) => match fields.get("response") {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Null) => String::new(),
            Some(response) => response.to_string(),
            None => output.to_string(),
        },
        Json::Bool(_) | Json::Number(_) | Json::Array(_) => output.to_string(),
    }
}

/// An amount of money, exact.
pub(super) fn money(money: Money) -> String {
    match money.currency().as_str() {
        "USD" => format!("${}", money.amount()),
        currency => format!("{} {currency}", money.amount()),
    }
}

/// A length of time, as short as it can be read.
pub(super) fn lasted(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 => format!("{}.{}s", millis / 1_000, millis % 1_000 / 100),
        60_000..3_600_000 => whole(duration, 1),
        3_600_000..86_400_000 => whole(duration, 60),
        _ => whole(duration, 3_600),
    }
}

/// A length of time in whole units of so many seconds.
fn whole(duration: Duration, unit: u64) -> String {
    Duration::from_secs(duration.as_secs() / unit * unit).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_short() {
        let cases = [
            (0, "0ms"),
            (999, "999ms"),
            (1_234, "1.2s"),
            (59_999, "59.9s"),
            (61_500, "1m1s"),
            (3_661_000, "1h1m"),
            (259_199_000, "2d23h"),
        ];
        for (millis, shown) in cases {
            assert_eq!(lasted(Duration::from_millis(millis)), shown);
        }
    }

    #[test]
    fn outputs_are_shown_by_their_reply() {
        let cases = [
            (json!({"response": "Read."}), "Read."),
            (json!({"response": {"score": 1}}), r#"{"score":1}"#),
            (json!({"status": "sent"}), r#"{"status":"sent"}"#),
            (json!("text"), "text"),
            (Json::Null, ""),
        ];
        for (output, shown) in cases {
            assert_eq!(brought(&output), shown);
        }
    }
}
