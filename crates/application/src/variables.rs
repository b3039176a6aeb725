//! Variables of the server's environment that definitions may read (spec 8.2, `environment.allow`).

use std::{fmt, sync::Arc};

type Read = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The variables that `${ENV:NAME}` may read, by name. Their values are never shown.
#[derive(Clone)]
pub struct Variables(Arc<Read>);

impl Variables {
    /// Variables that this function knows.
    pub fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The value of a secret as it stands in a definition: a literal, or that of the variable that `${ENV:NAME}` names.
    ///
    /// # Errors
    /// The name of a variable that has no value here, or may not be read.
    pub(crate) fn resolve(&self, secret: &str) -> Result<String, String> {
        let name = secret.strip_prefix("${ENV:").and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) => (self.0)(name).filter(|value| !value.is_empty()).ok_or_else(|| name.to_owned()),
            None => Ok(secret.to_owned()),
        }
    }
}

impl Default for Variables {
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}
