//! The address of a server. What follows its `?` often holds a key, so it is sent and never shown.

use std::fmt;

use reqwest::Url;

/// A web address, checked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(Url);

impl Address {
    /// Reads an address; the error is a sentence that shows nothing of what follows a `?`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let shown = text.split(['?', '#']).next().unwrap_or_default();
        let mut url = Url::parse(text.trim()).map_err(|error| format!("`{shown}` is not a valid URL ({error})"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`{shown}` must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address must not contain a user name or password; use `api_key`".to_owned());
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// The whole address.
    pub(crate) const fn url(&self) -> &Url {
        &self.0
    }

    /// The address with this at the end of its path; its query stays. A path that ends so already is taken as it is.
    pub(crate) fn ending_in(&self, end: &str) -> Url {
        let mut url = self.0.clone();
        let path = url.path().trim_end_matches('/').to_owned();
        if !path.ends_with(&format!("/{end}")) {
            url.set_path(&format!("{path}/{end}"));
        }
        url
    }

    /// What of it may be a secret: the query, and its values as they are written and as they are meant.
    pub(crate) fn possible_secrets(&self) -> Vec<String> {
        let written = self.0.query().unwrap_or_default();
        let parts = written.split('&').filter_map(|part| part.split_once('=')).map(|(_, value)| value.to_owned());
        let meant = self.0.query_pairs().map(|(_, value)| value.into_owned());
        std::iter::once(written.to_owned()).chain(parts).chain(meant).collect()
    }
}

/// The address without its query.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_put_before_the_query() {
        for (base, expected) in [
            ("https://h/v1", "https://h/v1/chat/completions"),
            ("https://h/v1/", "https://h/v1/chat/completions"),
            ("https://h", "https://h/chat/completions"),
            ("https://h/d?api-version=2024-06-01", "https://h/d/chat/completions?api-version=2024-06-01"),
            ("https://h/d/?a=1&b=%2F", "https://h/d/chat/completions?a=1&b=%2F"),
            ("https://h/?a=/x/", "https://h/chat/completions?a=/x/"),
            ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
            ("https://h/v1/chat/completions/", "https://h/v1/chat/completions/"),
            ("https://h/v1/chat/completions?a=1", "https://h/v1/chat/completions?a=1"),
            ("https://h/v1/mychat/completions", "https://h/v1/mychat/completions/chat/completions"),
            ("https://h/v1#part", "https://h/v1/chat/completions"),
        ] {
            let address = Address::parse(base).unwrap();
            assert_eq!(address.ending_in("chat/completions").as_str(), expected, "{base}");
        }
    }

    #[test]
    fn a_query_is_never_shown() {
        let address = Address::parse("https://h/mcp?api_key=TOP%2DSECRET&x").unwrap();
        assert_eq!(address.to_string(), "https://h/mcp");
        assert_eq!(format!("{address:?}"), "Address(https://h/mcp)");
        assert_eq!(address.possible_secrets(), ["api_key=TOP%2DSECRET&x", "TOP%2DSECRET", "TOP-SECRET", ""]);
        for bad in ["h/mcp?api_key=TOPSECRET", "ftp://h/?api_key=TOPSECRET", "http://u:p@h/?api_key=TOPSECRET"] {
            let error = Address::parse(bad).unwrap_err();
            assert!(!error.contains("TOPSECRET"), "{error}");
        }
    }
}
