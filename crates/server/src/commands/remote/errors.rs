//! What can go wrong between this program and a server, and what to do about it.

use std::{
    error::Error,
    fmt::{self, Write},
    time::Duration,
};

use procession_domain::value::Json;
use reqwest::{Response, StatusCode, header};

use super::{API_KEY, Address, Credential};
use crate::{
    exit::Failure,
    terminal::text::{clean_lines, fit},
};

/// Why a server could not be asked, or did not do what it was asked.
#[derive(Debug)]
pub enum RemoteError {
    /// No answer came.
    Unreachable(Failure),
    /// Something answered that is no Procession server.
    NotProcession(Failure),
    /// It said no.
    Refused(Box<Problem>),
}

/// How a server says no (RFC 9457).
#[derive(Debug)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong, for people, as it was sent.
    detail: String,
    hints: Vec<String>,
}

/// What counts of an answer besides its text.
pub struct Head {
    status: StatusCode,
    content_type: String,
    location: Option<String>,
    retry_after: Option<String>,
}

impl RemoteError {
    /// No answer came from this address.
    pub fn unreachable(address: &Address, error: &reqwest::Error) -> Self {
        let causes = causes(error).to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| causes.contains(word));
        let because = |why: &str| Failure::failed(format_args!("{address} can't be reached: {why}"));
        let hint = "--server is the address that `procession serve` prints";
        let failure = if error.is_timeout() {
            because("it did not answer in time").hint(hint)
        } else if has(&["certificate", "unknownissuer", "notvalidforname"]) {
            because(&format!("its certificate is not trusted ({})", innermost(error))).hint(
                "SSL_CERT_FILE can name a file with the certificate of your authority; the name in --server must be the \
                 one that the certificate is for",
            )
        } else if has(&["invalidcontenttype", "corrupt message", "received fatal alert", "tls handshake eof"]) {
            because("it does not speak TLS").hint("write http:// instead of https://, if that is meant")
        } else if has(&["dns error", "failed to lookup"]) {
            because("there is no host of this name").hint(hint)
        } else if has(&["connection refused"]) {
            because("nothing answers there").hint("is the server running? `procession serve` starts one").hint(hint)
        } else if has(&["invalid http", "incompletemessage", "connection closed before", "parse"]) {
            because("what answers there does not speak HTTP")
                .hint("write https:// instead of http://, if that is meant")
        } else {
            because(&innermost(error)).hint(hint)
        };
        Self::Unreachable(failure)
    }

    /// What answers at this address is something else.
    pub fn not_procession(address: &Address, why: &str) -> Self {
        Self::NotProcession(
            Failure::failed(format_args!("{address} is not a Procession server: {why}"))
                .hint("--server is where the API begins: without /api, and with the path that a proxy puts before it"),
        )
    }

    /// Whether the same may go well in a moment: the server is away, starts, or is about to stop.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::NotProcession(_) => false,
            Self::Refused(problem) => problem.status.is_server_error(),
        }
    }

    /// The problem, if the server said no.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            Self::Unreachable(_) | Self::NotProcession(_) => None,
        }
    }
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Unreachable(failure) | RemoteError::NotProcession(failure) => failure,
            RemoteError::Refused(problem) => {
                let failure = Self::failed(problem.sentence());
                problem.hints.into_iter().fold(failure, Self::hint)
            }
        }
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(failure) | Self::NotProcession(failure) => f.write_str(&failure.message),
            Self::Refused(problem) => f.write_str(&problem.sentence()),
        }
    }
}

impl Problem {
    /// What is wrong, for people.
    pub fn sentence(&self) -> String {
        clean_lines(&self.detail)
    }
}

impl Head {
    pub fn of(response: &Response) -> Self {
        let read = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            status: response.status(),
            content_type: read(header::CONTENT_TYPE).unwrap_or_default(),
            location: read(header::LOCATION),
            retry_after: read(header::RETRY_AFTER),
        }
    }

    /// The JSON of an answer with this head, or what its status means.
    pub fn read(self, address: &Address, credential: &Credential, path: &str, text: &str) -> Result<Json, RemoteError> {
        let status = self.status;
        if status == StatusCode::NO_CONTENT {
            return Ok(Json::Null);
        }
        if let Some(location) = self.location.as_ref().filter(|_| status.is_redirection()) {
            let why = format!("it sends on to {}", fit(location, 200));
            return Err(RemoteError::not_procession(address, &why));
        }
        let not_procession = |why: &str| Err(RemoteError::not_procession(address, why));
        let Ok(json) = serde_json::from_str::<Json>(text) else {
            return if is_gateway(status) {
                let failure = format!("{address} can't be reached: a proxy before it answers {status}");
                Err(RemoteError::Unreachable(Failure::failed(failure).hint("is the server behind the proxy running?")))
            } else {
                not_procession(&self.what_came(text))
            };
        };
        if status.is_success() {
            return Ok(json);
        }
        match json["detail"].as_str() {
            // This is what servers say of addresses that they don't have.
            Some("Not Found") if status == StatusCode::NOT_FOUND => {
                not_procession(&format!("it has no {}", path.split('?').next().unwrap_or(path)))
            }
            Some(detail) => Err(RemoteError::Refused(Box::new(self.problem(&json, detail, address, credential, path)))),
            None => not_procession(&format!("it answers {status} without saying why")),
        }
    }

    /// What came instead of JSON.
    fn what_came(&self, text: &str) -> String {
        let is_page = self.content_type.starts_with("text/html") || text.trim_start().starts_with('<');
        let what = match (is_page, text.trim().is_empty()) {
            (true, _) => "a web page",
            (false, true) => "nothing",
            (false, false) => "something that is not JSON",
        };
        match self.status {
            StatusCode::OK => format!("it answers with {what}"),
            status => format!("it answers {status} with {what}"),
        }
    }

    fn problem(&self, json: &Json, detail: &str, address: &Address, credential: &Credential, path: &str) -> Problem {
        let mut hints = Vec::new();
        match self.status {
            StatusCode::UNAUTHORIZED => hints.extend(match credential {
                Credential::Nothing => None,
                Credential::Key(_) => Some(format!("{API_KEY} is not a valid key for this server")),
                Credential::Session(_) => {
                    Some(format!("the session has ended; `procession login --server {address}` begins another one"))
                }
            }),
            StatusCode::FORBIDDEN if json["code"] == "setup_required" => {
                hints.push("what `procession serve` printed says how to set the password of `admin`".to_owned());
            }
            StatusCode::FORBIDDEN => hints.extend(match credential {
                Credential::Nothing => None,
                Credential::Key(_) if is_for_administrators(path) => {
                    Some(format!("{API_KEY} must be the key of an administrator"))
                }
                Credential::Session(_) if is_for_administrators(path) => Some("log in as an administrator".to_owned()),
                Credential::Key(_) => Some(format!("{API_KEY} must be the key of someone who may do this")),
                Credential::Session(_) => Some("log in as someone who may do this".to_owned()),
            }),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                hints.extend(self.retry_after.as_deref().and_then(wait).map(|wait| format!("try again in {wait}")));
            }
            _ => {}
        }
        Problem { status: self.status, detail: detail.to_owned(), hints }
    }
}

/// The seconds of `Retry-After` for people.
fn wait(retry_after: &str) -> Option<String> {
    let seconds = retry_after.trim().parse().ok()?;
    let wait = Duration::from_secs(seconds).min(Duration::from_hours(24));
    Some(procession_domain::value::Duration::from_secs(wait.as_secs()).to_string())
}

const fn is_gateway(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

fn is_for_administrators(path: &str) -> bool {
    path.starts_with("/api/users") || path.starts_with("/api/keys")
}

/// What caused an error, all the way down. The error itself is left out: it names the address, whose words mean nothing.
fn causes(error: &dyn Error) -> String {
    let mut said = String::new();
    let mut next = error.source();
    while let Some(cause) = next {
        // Writing to a text does not fail.
        let _ = writeln!(said, "{cause} {cause:?}");
        next = cause.source();
    }
    said
}

/// What lies at the bottom of an error.
pub fn innermost(error: &dyn Error) -> String {
    let mut innermost: &dyn Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    clean_lines(&innermost.to_string())
}
