//! Query parameters: read by name, all problems at once; an empty value is as if it were absent (spec 4b 19).

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use procession_application::ports::{PageStart, Paging};
use procession_domain::value::Timestamp;
use utoipa::IntoParams;

use crate::problem::{Code, FieldError, Problem};

/// Query parameters of some shape.
pub(crate) struct Query<T>(pub T);

/// A shape of query parameters.
pub(crate) trait ReadParameters: Sized {
    /// Takes what it needs; what does not fit is noted in the parameters.
    fn read(parameters: &mut Parameters) -> Self;
}

/// The part of a list that is asked for.
#[derive(Debug, Clone, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParameters {
    /// How many at most.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// After so many.
    #[param(minimum = 0)]
    pub offset: Option<u64>,
    /// After the previous page, by its `next_cursor`; `offset` is then ignored.
    pub cursor: Option<String>,
}

/// The parameters of one request, with what is wrong about them so far.
pub(crate) struct Parameters {
    given: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Parameters {
    fn of(uri: &Uri) -> Self {
        let mut parameters = Self { given: Vec::new(), errors: Vec::new() };
        match axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri) {
            Ok(axum::extract::Query(given)) => parameters.given = given,
            Err(rejection) => parameters.refuse("", rejection.body_text()),
        }
        parameters
    }

    /// A text, if it is there and not empty; the last one if it is given several times.
    pub fn text(&self, name: &str) -> Option<String> {
        let mut values = self.given.iter().rev().filter(|(given, _)| given == name);
        values.next().map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    }

    /// A whole number within a range.
    pub fn number<N>(&mut self, name: &str, range: RangeInclusive<N>) -> Option<N>
    where
        N: FromStr + PartialOrd + Display,
    {
        let text = self.text(name)?;
        let number = text.trim().parse::<N>().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = (range.start(), range.end());
            self.refuse(name, format!("must be a whole number from {least} to {most}"));
        }
        number
    }

    /// A point in time.
    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        // A plus sign that was not encoded has become a space.
        let text = self.text(name)?.replace(' ', "+");
        match text.parse() {
            Ok(time) => Some(time),
            Err(error) => {
                self.refuse(name, format!("is not a valid time: {error}"));
                None
            }
        }
    }

    /// Notes that a parameter does not fit.
    pub fn refuse(&mut self, name: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(name, message));
    }
}

impl<A: ReadParameters, B: ReadParameters> ReadParameters for (A, B) {
    fn read(parameters: &mut Parameters) -> Self {
        (A::read(parameters), B::read(parameters))
    }
}

impl PageParameters {
    /// `limit` up to `most`, `offset` or `cursor`.
    pub fn read(parameters: &mut Parameters, most: u32) -> Self {
        Self {
            limit: parameters.number("limit", 1..=most),
            offset: parameters.number("offset", 0..=i64::MAX.unsigned_abs()),
            cursor: parameters.text("cursor"),
        }
    }

    /// The part, of so many rows where the client does not say.
    pub fn paging(&self, default: u32) -> Paging {
        let start = match &self.cursor {
            Some(cursor) => PageStart::Cursor(cursor.clone()),
            None => PageStart::Offset(self.offset.unwrap_or(0)),
        };
        Paging { limit: self.limit.unwrap_or(default), start }
    }
}

impl<S: Send + Sync, T: ReadParameters> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(&parts.uri);
        let read = T::read(&mut parameters);
        if parameters.errors.is_empty() {
            Ok(Self(read))
        } else {
            Err(Problem::fields(Code::InvalidQuery, "the query does not fit", &parameters.errors))
        }
    }
}
