//! A running server, spoken to over its API as any other client does.

use std::time::Duration;

use procession_domain::value::Json;
use reqwest::{Client, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};

use crate::exit::Failure;

/// The variable that holds the key.
pub(super) const API_KEY: &str = "PROCESSION_API_KEY";

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server with a key to it.
pub(super) struct Remote {
    client: Client,
    url: String,
    key: SecretString,
}

impl Remote {
    /// The server at this address, with the key of the environment.
    pub fn at(url: &str) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/');
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::usage(format_args!(
                "--server takes an address such as http://127.0.0.1:8000, not `{url}`"
            )));
        }
        let key = std::env::var(API_KEY).ok().filter(|key| !key.trim().is_empty());
        let Some(key) = key else {
            return Err(Failure::usage(format_args!("--server needs an administrator's API key in {API_KEY}")).hint(
                "`procession key create NAME --user admin` makes one, in the server's data folder while it is stopped",
            ));
        };
        let client = Client::builder().timeout(PATIENCE).no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| Failure::failed(format_args!("no connection can be made: {error}")))?;
        Ok(Self { client, url: url.to_owned(), key: key.trim().into() })
    }

    /// Asks the server for something, at a path below its address. The answer is null when there is nothing to say.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Json>) -> Result<Json, Failure> {
        let url = format!("{}{path}", self.url);
        let mut request = self.client.request(method, url).bearer_auth(self.key.expose_secret());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        let answer = serde_json::from_str(&text).unwrap_or(Json::Null);
        if status.is_success() { Ok(answer) } else { Err(refused(status, &answer)) }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_timeout() { "it did not answer in time" } else { "nothing answers there" };
        Failure::failed(format_args!("{} can't be reached: {why}", self.url))
            .hint("--server is the address that `procession serve` prints")
    }
}

fn refused(status: StatusCode, answer: &Json) -> Failure {
    let detail = answer["detail"].as_str().map_or_else(|| format!("it answered {status}"), str::to_owned);
    let failure = Failure::failed(detail);
    match status {
        StatusCode::UNAUTHORIZED => failure.hint(format_args!("{API_KEY} is not a valid key for this server")),
        StatusCode::FORBIDDEN => failure.hint(format_args!("{API_KEY} must be the key of an administrator")),
        _ => failure,
    }
}

/// A name as one part of a path.
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
}
