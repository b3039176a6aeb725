//! Settings of traces (`telemetry.otlp.*`).

use procession_application::traces::TraceSampling;
use procession_telemetry::{OtlpHeader, TraceSettings};
use secrecy::{ExposeSecret as _, SecretString};

use super::values::{Given, MASK, Setting, WebAddress, choice};

/// Settings of what is told of executions to other systems.
#[derive(Debug, Clone, Default)]
pub struct Telemetry {
    /// The collector of OpenTelemetry.
    pub otlp: Otlp,
}

/// The collector of OpenTelemetry.
#[derive(Debug, Clone, Default)]
pub struct Otlp {
    /// Its address; without one nothing is exported.
    pub endpoint: Option<WebAddress>,
    /// Headers of each request.
    pub headers: Option<OtlpHeaders>,
    /// How it is spoken to.
    pub protocol: OtlpProtocol,
    /// The share of executions that are exported.
    pub sample: Share,
}

/// Headers, of which any may hold a secret: `name=value`, several separated by commas.
#[derive(Debug, Clone)]
pub struct OtlpHeaders(SecretString);

/// A part of a whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(f64);

choice! {
    /// How a collector is spoken to.
    OtlpProtocol {
        /// Protobuf over HTTP.
        #[default]
        HttpProtobuf = "http/protobuf"
    } takes "`http/protobuf`"
}

impl Telemetry {
    /// How executions are sampled, where traces are exported.
    pub fn sampling(&self) -> Option<TraceSampling> {
        self.otlp.endpoint.as_ref().map(|_| TraceSampling::of_share(self.otlp.sample.0))
    }

    /// Where traces go, if they do.
    pub fn traces(&self) -> Option<TraceSettings> {
        let endpoint = self.otlp.endpoint.as_ref()?.as_str().to_owned();
        let headers = self.otlp.headers.as_ref().map(OtlpHeaders::all).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Some(TraceSettings { endpoint, headers, sampling: self.sampling()?, version })
    }
}

impl OtlpHeaders {
    fn all(&self) -> Vec<OtlpHeader> {
        let header = |(name, value): (&str, &str)| OtlpHeader { name: name.to_owned(), value: value.into() };
        parts(self.0.expose_secret()).filter_map(Result::ok).map(header).collect()
    }
}

/// The names and values; what is neither is its place.
fn parts(text: &str) -> impl Iterator<Item = Result<(&str, &str), usize>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.enumerate().map(|(index, part)| match part.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim(), value.trim())),
        Some(_) | None => Err(index + 1),
    })
}

impl Setting for OtlpHeaders {
    const TAKES: &'static str = "`name=value`, several separated by commas";

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        // What is wrong is told by its place, since it may be a secret.
        match parts(text).find_map(Result::err) {
            Some(place) => Err(format!("header {place} has no name; it takes {}", Self::TAKES)),
            None => Ok(Self(text.into())),
        }
    }

    fn show(&self) -> String {
        MASK.to_owned()
    }
}

impl Setting for Share {
    const TAKES: &'static str = "a number from 0 to 1";

    fn read(given: &Given) -> Result<Self, String> {
        let text = given.text(Self::TAKES)?;
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| format!("`{text}` is not {}", Self::TAKES))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

impl Default for Share {
    fn default() -> Self {
        Self(1.0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{super::values::GivenValue, *};

    fn given(text: &str) -> Given {
        Given { value: GivenValue::Text(text.to_owned()), base: PathBuf::new() }
    }

    #[test]
    fn headers_are_read_and_never_shown() {
        let headers = OtlpHeaders::read(&given("authorization=Bearer a=b, x-tenant = one,")).unwrap();
        let read: Vec<(String, String)> =
            headers.all().into_iter().map(|header| (header.name, header.value.expose_secret().to_owned())).collect();
        let expected = [("authorization", "Bearer a=b"), ("x-tenant", "one")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(headers.show(), MASK);
        assert!(!format!("{headers:?}").contains("Bearer"));
        let error = OtlpHeaders::read(&given("a=b,s3cret")).unwrap_err();
        assert_eq!(error, "header 2 has no name; it takes `name=value`, several separated by commas");
    }

    #[test]
    fn a_share_is_from_nothing_to_all() {
        for (text, share) in [("0", 0.0), ("0.25", 0.25), ("1", 1.0)] {
            assert_eq!(Share::read(&given(text)).unwrap(), Share(share));
        }
        for text in ["-0.1", "1.5", "NaN", "all", ""] {
            assert_eq!(Share::read(&given(text)).unwrap_err(), format!("`{text}` is not a number from 0 to 1"));
        }
    }
}
