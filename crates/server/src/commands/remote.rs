//! A running server, spoken to over its API as any other client does.
//!
//! * [`ServerArguments`]: which server, and with which key or session.
//! * [`Remote`]: asks it something; `follow` listens to an execution.
//! * `errors`: what can go wrong on the way, as sentences that say what to do.
//! * `sessions`: what `procession login` has stored.
//! * Nothing that a server sends reaches a terminal with control characters in it: `terminal::text`.

mod choose;
mod errors;
mod follow;
mod place;
mod read;
mod sessions;

use std::time::Duration;

use procession_domain::value::Json;
use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};

pub(super) use choose::{Kind, choose};
pub(super) use errors::RemoteError;
pub(super) use follow::Listening;
pub(super) use place::{API_KEY, ServerArguments};
pub(super) use read::{count, duration, entries, instant, money, owned, shown, text};
pub(super) use sessions::{Session, Sessions};

use crate::{exit::Failure, terminal::text::clean_lines};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection may take to be made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How long a stream may be silent: the server sends a sign of life every 15 s.
const SILENCE: Duration = Duration::from_mins(1);

/// How many entries of a list are asked for at a time; the server gives no more.
const PAGE: usize = 100;

/// A running server, with what says who asks.
pub(super) struct Remote {
    client: Client,
    address: Address,
    credential: Credential,
}

/// The address of a server: where its API begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

/// What says who asks.
pub enum Credential {
    /// Nothing yet: someone is about to log in.
    Nothing,
    /// An API key from the environment.
    Key(SecretString),
    /// A session that `procession login` has stored.
    Session(SecretString),
}

impl Remote {
    /// The server at this address, with the key of the environment, or else the session of a log-in.
    pub fn at(url: &str) -> Result<Self, Failure> {
        let address = Address::read(url).map_err(|error| Failure::usage(format_args!("--server: {error}")))?;
        let credential = place::credential_for(&address)?;
        Self::with(address, credential)
    }

    /// The server at this address, asked by whoever this says.
    pub fn with(address: Address, credential: Credential) -> Result<Self, Failure> {
        let mut client = Client::builder()
            .connect_timeout(CONNECT_PATIENCE)
            .read_timeout(SILENCE)
            .redirect(Policy::none())
            .user_agent(concat!("procession/", env!("CARGO_PKG_VERSION")));
        if address.is_this_machine() {
            client = client.no_proxy();
        }
        if !address.uses_tls() {
            // Then the certificates of this system are not needed; a small container may have none.
            client = client.tls_certs_only([]);
        }
        let client = client.build();
        let client = client.map_err(|error| {
            let error = errors::innermost(&error);
            Failure::failed(format_args!("no connection can be made: {error}"))
        })?;
        Ok(Self { client, address, credential })
    }

    /// Its address.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Asks the server for something, at a path below its address. The answer is null when there is nothing to say.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Json>) -> Result<Json, RemoteError> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.answer(path, request.timeout(PATIENCE)).await
    }

    /// Reads something.
    pub async fn get(&self, path: &str) -> Result<Json, RemoteError> {
        self.ask(Method::GET, path, None).await
    }

    /// Sends something.
    pub async fn post(&self, path: &str, body: Json) -> Result<Json, RemoteError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Sends the fields of a form.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Json, RemoteError> {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", path_part(value))).collect();
        let request = self
            .request(Method::POST, path)
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(fields.join("&"));
        self.answer(path, request.timeout(PATIENCE)).await
    }

    /// Reads a list, page by page, until it ends or there are `most` entries; also how many there are in all. The query
    /// has no `?`.
    pub async fn list(
        &self,
        path: &str,
        query: &str,
        list: &str,
        most: usize,
    ) -> Result<(Vec<Json>, u64), RemoteError> {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let limit = most.saturating_sub(found.len()).clamp(1, PAGE);
            let behind = cursor.map_or_else(String::new, |cursor| format!("&cursor={}", path_part(&cursor)));
            let page = self.get(&format!("{path}?limit={limit}{behind}&{query}")).await?;
            let Some(rows) = page[list].as_array() else { return Err(self.unknown_answer()) };
            found.extend(rows.iter().cloned());
            cursor = owned(&page["next_cursor"]);
            if cursor.is_none() || found.len() >= most || rows.is_empty() {
                found.truncate(most);
                return Ok((found, page["total"].as_u64().unwrap_or_default()));
            }
        }
    }

    /// The error of an answer that no server of this kind gives.
    pub fn unknown_answer(&self) -> RemoteError {
        RemoteError::not_procession(&self.address, "its answer has none of the members of a Procession server's")
    }

    async fn answer(&self, path: &str, request: RequestBuilder) -> Result<Json, RemoteError> {
        let response = self.send(request).await?;
        let head = errors::Head::of(&response);
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        head.read(&self.address, &self.credential, path, &text)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.address.below(path));
        match &self.credential {
            Credential::Nothing => request,
            Credential::Key(secret) | Credential::Session(secret) => request.bearer_auth(secret.expose_secret()),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, RemoteError> {
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> RemoteError {
        RemoteError::unreachable(&self.address, error)
    }
}

impl Address {
    /// Reads an address; the error is a sentence about it.
    pub fn read(text: &str) -> Result<Self, String> {
        let shown = clean_lines(text);
        let mut url = match Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => url,
            Ok(_) | Err(_) => {
                return Err(format!("an address such as http://127.0.0.1:8000 is expected, not `{shown}`"));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("an address holds no name and password; {API_KEY} holds a key"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("an address ends before `?` and `#`, but `{shown}` does not"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    fn below(&self, path: &str) -> String {
        format!("{self}{path}")
    }

    fn uses_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether others on the way could read what is sent to it.
    pub fn is_open_to_listeners(&self) -> bool {
        !self.uses_tls() && !self.is_this_machine()
    }

    fn is_this_machine(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// A name as one part of a path, or of a query.
pub(super) fn path_part(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_part_of_a_path() {
        assert_eq!(path_part("ann@example.com"), "ann%40example.com");
        assert_eq!(path_part("a/b é"), "a%2Fb%20%C3%A9");
    }

    #[test]
    fn addresses_are_read_and_others_refused() {
        for (text, shown) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            (" https://Example.com/ ", "https://example.com"),
            ("https://example.com/processes/", "https://example.com/processes"),
        ] {
            assert_eq!(Address::read(text).unwrap().to_string(), shown);
        }
        for bad in ["", "127.0.0.1:8000", "ftp://h", "http://ann:secret@h", "http://h?x=1", "http://h/#top", "http://"]
        {
            let error = Address::read(bad).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        let is = |text: &str| Address::read(text).unwrap().is_this_machine();
        assert!(is("http://127.0.0.1:1") && is("http://[::1]:1") && is("http://localhost"));
        assert!(!is("http://10.0.0.1") && !is("http://example.com"));
    }
}
