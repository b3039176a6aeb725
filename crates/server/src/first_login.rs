//! The first log-in of a new server (spec 8.2, `auth.admin_password`).

use procession_application::access::{Access, AccessFailure, one_time_password};
use secrecy::{ExposeSecret, SecretString};

/// How people log in for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstLogin {
    /// It has been settled before.
    Settled,
    /// As `admin`, with the configured password.
    Configured,
    /// As `admin`, with this password, which is shown once and kept nowhere.
    OneTimePassword(String),
    /// Whoever comes first chooses the password of `admin` on the set-up page.
    Open,
}

/// Settles the first log-in, if that has not been done.
pub async fn settle(
    access: &Access,
    configured: Option<&SecretString>,
    on_terminal: bool,
) -> Result<FirstLogin, AccessFailure> {
    if access.is_set_up().await? {
        return Ok(FirstLogin::Settled);
    }
    match configured {
        Some(password) => {
            access.set_up_as_configured(password.expose_secret()).await?;
            Ok(FirstLogin::Configured)
        }
        None if on_terminal => {
            let password = one_time_password();
            access.set_up(&password).await?;
            Ok(FirstLogin::OneTimePassword(password))
        }
        None => Ok(FirstLogin::Open),
    }
}
