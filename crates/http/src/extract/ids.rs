//! Ids in paths. A text that is no UUID is 400; one in another spelling than ours names nothing (spec 4b 1.2).

use std::{marker::PhantomData, str::FromStr};

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use procession_domain::value::{ApprovalId, ExecutionId, ProcessId, StepId, UserId};

use crate::problem::{Code, Problem};

/// The id in a path, as text: what it names is looked up after the permission was checked.
pub(crate) struct IdPath<T>(String, PhantomData<T>);

/// The execution and the step in a path, as texts.
pub(crate) struct StepPath {
    execution: IdPath<ExecutionId>,
    step: String,
}

/// A name in a path.
pub(crate) struct NamePath(pub String);

/// Two names in a path.
pub(crate) struct TwoNamesPath(pub String, pub String);

/// An id that can stand in a path or a query.
pub(crate) trait Parsed: FromStr + ToString {
    /// What is said of a text that is none; `None` if that only names nothing.
    const ILL_FORMED: Option<&'static str>;
    /// What is said when it names nothing.
    const NOT_FOUND: &'static str;

    /// Reads a text from a client.
    fn read(text: &str) -> Result<Self, Problem> {
        if let Some(detail) = Self::ILL_FORMED
            && !is_uuid(text)
        {
            return Err(Problem::bad_request(Code::BadId, detail));
        }
        let id = text.parse::<Self>().ok().filter(|id| id.to_string() == text);
        id.ok_or_else(|| Problem::not_found(Self::NOT_FOUND))
    }
}

impl Parsed for ProcessId {
    const ILL_FORMED: Option<&'static str> = Some("Invalid process ID format");
    const NOT_FOUND: &'static str = "Process not found";
}

impl Parsed for ExecutionId {
    const ILL_FORMED: Option<&'static str> = Some("Invalid execution ID format");
    const NOT_FOUND: &'static str = "Execution not found";
}

impl Parsed for ApprovalId {
    const ILL_FORMED: Option<&'static str> = None;
    const NOT_FOUND: &'static str = "Approval not found";
}

impl Parsed for UserId {
    const ILL_FORMED: Option<&'static str> = Some("Invalid key ID format");
    const NOT_FOUND: &'static str = "Key not found";
}

impl<T: Parsed> IdPath<T> {
    /// The id.
    pub fn id(&self) -> Result<T, Problem> {
        T::read(&self.0)
    }
}

impl StepPath {
    /// The execution.
    pub fn execution(&self) -> Result<ExecutionId, Problem> {
        self.execution.id()
    }

    /// The step.
    pub fn step(&self) -> Result<StepId, Problem> {
        let step = StepId::new(&self.step).ok().filter(|step| step.as_str() == self.step);
        step.ok_or_else(|| Problem::bad_request(Code::BadId, "Invalid step ID format"))
    }
}

impl<S: Send + Sync, T> FromRequestParts<S> for IdPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| unreadable())?;
        Ok(Self(text, PhantomData))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StepPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| unreadable())?;
        let Path((execution, step)) = path;
        Ok(Self { execution: IdPath(execution, PhantomData), step })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NamePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(name) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| unreadable())?;
        Ok(Self(name))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for TwoNamesPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await.map_err(|_| unreadable())?;
        let Path((first, second)) = path;
        Ok(Self(first, second))
    }
}

fn unreadable() -> Problem {
    Problem::bad_request(Code::BadId, "the path can't be read: it must be UTF-8")
}

/// Whether the reference API takes a text for a UUID: 32 hexadecimal digits, whatever dashes and braces around them.
fn is_uuid(text: &str) -> bool {
    let bare = text.replace("urn:", "").replace("uuid:", "");
    let digits: Vec<u8> = bare.trim_matches(['{', '}']).bytes().filter(|byte| *byte != b'-').collect();
    digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn ids_in_other_spellings_name_nothing_and_other_texts_are_ill_formed() {
        let id = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
        assert_eq!(ProcessId::read(id).unwrap().to_string(), id);
        for other in [id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}")] {
            assert_eq!(ProcessId::read(&other).unwrap_err().status, StatusCode::NOT_FOUND, "{other}");
        }
        for bad in ["", "x", "0199a6f0", "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c3g", "ä"] {
            assert_eq!(ProcessId::read(bad).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
            assert_eq!(ApprovalId::read(bad).unwrap_err().status, StatusCode::NOT_FOUND, "{bad}");
        }
    }
}
