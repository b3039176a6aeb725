//! What handlers take out of requests. A request is refused in the order of spec 4b 1.3: malformed JSON, session, shape
//! of body and query, and then, by the handler, permission, ids, existence, state, meaning.

mod body;
mod form;
mod headers;
mod ids;
mod query;

pub(crate) use body::{Public, Sent, SentOrNothing, read_body};
pub(crate) use form::Form;
pub(crate) use headers::{Address, IdempotencyHeader, IfMatch, Origin};
pub(crate) use ids::{IdPath, NamePath, Parsed, StepPath, TwoNamesPath};
pub(crate) use query::{PageParameters, Parameters, Query, ReadParameters};
