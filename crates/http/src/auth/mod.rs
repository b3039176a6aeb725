//! Who asks: tokens, API keys, the cookie of same-origin pages (spec 4, auth; 4b 2.2).

mod cookie;
mod session;
mod sessions;
mod start_limit;
mod tokens;

pub(crate) use cookie::{cookie_token, renew_cookie};
pub(crate) use session::{Session, bearer};
pub(crate) use sessions::{Known, Sessions};
pub(crate) use start_limit::StartLimit;
pub(crate) use tokens::Tokens;
