//! How failures of sending become codes, and sentences that hold no secrets.

use procession_application::ports::{DeliveryFailure, StoreError};
use procession_domain::value::{Duration, ErrorCode, RetryAfter, Timestamp};
use reqwest::StatusCode;

use crate::safe_http::{Answer, SendError};

/// The longest that a receiver is left alone, whatever it asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// How much of a receiver's answer is shown, in characters.
const SHOWN_OF_ANSWER: usize = 200;

/// A failure that asks for no pause.
pub(crate) fn failure(code: ErrorCode, message: impl Into<String>) -> DeliveryFailure {
    DeliveryFailure { code, message: message.into(), retry_after: None }
}

/// The settings can't be read. Trying again may help, so it has the channel's code.
pub(crate) fn settings_failure(code: ErrorCode, error: &StoreError) -> DeliveryFailure {
    failure(code, format!("the notification settings can't be read: {error}"))
}

/// No answer came.
pub(crate) fn send_failure(code: ErrorCode, error: &SendError) -> DeliveryFailure {
    let code = match error {
        SendError::BadAddress(_) | SendError::NotPublic { .. } => ErrorCode::InvalidConfig,
        SendError::Timeout { .. } => ErrorCode::Timeout,
        SendError::Unreachable { .. } => code,
    };
    failure(code, error.to_string())
}

/// The answer is no success. `refused` are further statuses that no repetition will change.
pub(crate) fn answer_failure(
    code: ErrorCode,
    answer: &Answer,
    refused: &[StatusCode],
    now: Timestamp,
) -> DeliveryFailure {
    let status = answer.status;
    let said = shown(&answer.body);
    let message =
        format!("{} answered {status}{}", answer.place, said.map(|said| format!(": {said}")).unwrap_or_default());
    if status.is_redirection() {
        let message = format!("{message}; redirects are not followed: use the address that it leads to");
        return failure(ErrorCode::InvalidConfig, message);
    }
    let code = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorCode::Unauthorized,
        refusal if refused.contains(&refusal) => ErrorCode::InvalidConfig,
        _ => code,
    };
    let asked = answer.retry_after.as_deref().and_then(|text| RetryAfter::read(text, now));
    let retry_after = asked.map(|asked| asked.delay().min(LONGEST_PAUSE));
    DeliveryFailure { code, message, retry_after }
}

/// The beginning of an answer on one line.
fn shown(body: &str) -> Option<String> {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().filter(|c| !c.is_control()).take(SHOWN_OF_ANSWER).collect();
    if line.chars().count() > SHOWN_OF_ANSWER {
        shown.push('…');
    }
    (!shown.is_empty()).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_all_forms_and_bounded() {
        let now: Timestamp = "2026-11-21T10:00:00+00:00".parse().unwrap();
        for (asked, expected) in [
            ("30", Some(Duration::from_secs(30))),
            ("1.5", Some(Duration::from_millis(1_500))),
            ("Saturday, 21-Nov-26 10:01:30 GMT", Some(Duration::from_secs(90))),
            ("Sat, 21 Nov 2026 09:00:00 GMT", Some(Duration::ZERO)),
            ("999999999", Some(LONGEST_PAUSE)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(LONGEST_PAUSE)),
            ("soon", None),
        ] {
            let answer = Answer {
                status: StatusCode::TOO_MANY_REQUESTS,
                retry_after: Some(asked.to_owned()),
                body: String::new(),
                place: "https://hooks.example".to_owned(),
            };
            assert_eq!(answer_failure(ErrorCode::SlackError, &answer, &[], now).retry_after, expected, "{asked}");
        }
    }

    #[test]
    fn an_answer_is_shown_on_one_bounded_line() {
        assert_eq!(shown(" no\n\tservice\u{7} "), Some("no service".into()));
        assert_eq!(shown(" \n"), None);
        let long = shown(&"ä".repeat(5_000)).unwrap();
        assert_eq!(long.chars().count(), SHOWN_OF_ANSWER + 1);
    }
}
