//! The codes of problems, and how a problem reads.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

macro_rules! codes {
    ($($name:ident, $text:literal, $meaning:literal;)*) => {
        /// What went wrong, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub(crate) enum Code {
            $(#[doc = $meaning] #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// The text and meaning of every code, for the document.
            pub const MEANINGS: &[(&'static str, &'static str)] = &[$(($text, $meaning)),*];
        }
    };
}

codes! {
    BadRequest, "bad_request", "The request can't be understood.";
    BadId, "bad_id", "The text is not an id.";
    BadFilter, "bad_filter", "The list has no such filter value.";
    NotAuthenticated, "not_authenticated", "There is no session, or it has ended.";
    WrongPassword, "wrong_password", "The user name or the password is wrong.";
    Forbidden, "forbidden", "The session is not allowed to do this.";
    CrossOrigin, "cross_origin", "A page of another origin may change nothing by the cookie.";
    SetupRequired, "setup_required", "No administrator has been set up yet.";
    SetupDone, "setup_done", "The one-time set-up is done already.";
    NotFound, "not_found", "It does not exist.";
    MethodNotAllowed, "method_not_allowed", "The path does not support this method.";
    RequestTimeout, "request_timeout", "The body did not arrive in time.";
    Conflict, "conflict", "Its state does not allow it.";
    Stale, "stale", "It was changed since it was read.";
    NameTaken, "name_taken", "The name is taken.";
    InUse, "in_use", "It is still in use by something that has not ended.";
    AlreadyDecided, "already_decided", "The approval is settled, or this person has voted.";
    CommandWaiting, "command_waiting", "The same command is already waiting.";
    KeyReused, "idempotency_key_reused", "The Idempotency-Key was used with another request.";
    TooLarge, "too_large", "The body or a value is too large.";
    MalformedJson, "malformed_json", "The body is not JSON.";
    InvalidBody, "invalid_body", "The body is JSON but not of the expected shape.";
    InvalidQuery, "invalid_query", "A query parameter or header is not of the expected shape.";
    InvalidDefinition, "invalid_definition", "The definition has errors.";
    InvalidInput, "invalid_input", "The input does not fit what the process asks for.";
    InvalidValue, "invalid_value", "A value is not valid.";
    Undelivered, "undelivered", "A test message did not arrive.";
    TooManyAttempts, "too_many_attempts", "Too many failed logins from one address, or at one account.";
    Busy, "busy", "Too much of this kind is under way; try again in a moment.";
    RateLimited, "rate_limited", "The user is starting too many executions.";
    QueueFull, "queue_full", "Too many executions are waiting to start.";
    Internal, "internal", "A defect of the server.";
    Starting, "starting", "The server is starting.";
    Draining, "draining", "The server is stopping.";
    StoreUnavailable, "store_unavailable", "The database can't be used at the moment.";
    AgentsUnavailable, "agents_unavailable", "The agents can't be reached at the moment.";
    AgentBusy, "agent_busy", "The agent takes nothing more for now.";
    WebhookSecretMissing, "webhook_secret_missing", "The secret of the webhook is not in the server's environment.";
    TimedOut, "timed_out", "The answer took too long.";
}

// By hand: what `#[serde(rename)]` says comes out of a macro here, where the derive does not see it.
impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("What went wrong, for programs."))
            .enum_values(Some(Self::MEANINGS.iter().map(|(text, _)| *text)))
            .into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        "ProblemCode".into()
    }
}

/// A problem (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDetails<'a> {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub kind: &'static str,
    /// The meaning of the status.
    #[schema(example = "Conflict")]
    pub title: &'a str,
    /// The status.
    #[schema(example = 409)]
    pub status: u16,
    /// What is wrong, as a sentence to show.
    #[schema(example = "Process is not published (status: draft)")]
    pub detail: &'a str,
    /// What went wrong, for programs.
    pub code: Code,
    /// The single problems, where there are several: diagnostics of a definition, or `{field, message}`.
    #[serde(skip_serializing_if = "<[Json]>::is_empty")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub errors: &'a [Json],
    /// The id under which the server's log knows this request.
    #[schema(example = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33")]
    pub request_id: &'a str,
}
