//! Small things that many answers hold: times, money, diagnostics, pages.

use std::borrow::Cow;

use procession_domain::value::{Cost, Json, Money, Timestamp};
use procession_language::{Diagnostic, Fix, Severity};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

/// A point in time as the API writes it: RFC 3339, six digits, `+00:00`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(transparent)]
pub(crate) struct Time(Timestamp);

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339 with six digits and the offset +00:00"))
            .examples([Json::from("2026-11-21T02:57:59.880423+00:00")])
            .into()
    }
}

impl ToSchema for Time {
    fn name() -> Cow<'static, str> {
        "Time".into()
    }
}

/// An exact amount, beside the rounded text that existing clients show.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ExactCost {
    /// The amount, as a decimal.
    #[schema(example = "0.0123")]
    pub amount: String,
    /// ISO 4217.
    #[schema(example = "USD")]
    pub currency: String,
    /// Whether the cost of every call is known; calls of unknown cost count 0.
    pub complete: bool,
}

impl From<Cost> for ExactCost {
    fn from(cost: Cost) -> Self {
        Self { complete: cost.complete, ..cost.amount.into() }
    }
}

impl From<Money> for ExactCost {
    fn from(amount: Money) -> Self {
        Self { amount: amount.amount(), currency: amount.currency().to_string(), complete: true }
    }
}

/// An amount as a number, where existing clients want one; `exact_cost` beside it loses nothing.
pub(crate) fn dollars(amount: Money) -> f64 {
    amount.amount().parse().unwrap_or_default()
}

/// What is wrong or odd about a definition, and where.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Issue {
    /// Its kind.
    #[schema(example = "unknown_step")]
    code: &'static str,
    /// `error` or `warning`.
    #[schema(example = "error")]
    severity: &'static str,
    /// The same, under the name that existing clients read.
    #[schema(example = "error")]
    level: &'static str,
    /// What is wrong and what to do, as a sentence.
    #[schema(example = "step `publish`: no step is called `reviw`")]
    message: String,
    /// Where in the document; null for the document as a whole.
    #[schema(example = "steps[2].depends_on[0]")]
    path: Option<String>,
    /// The line on which it starts, from 1.
    #[schema(example = 13)]
    line: u32,
    /// The column at which it starts, from 1.
    #[schema(example = 9)]
    column: u32,
    /// The line on which it ends.
    #[schema(example = 13)]
    end_line: u32,
    /// The column after its end.
    #[schema(example = 14)]
    end_column: u32,
    /// What to write instead.
    #[schema(example = "review")]
    suggestion: Option<String>,
    /// The id of the step that it is about.
    #[schema(example = "publish")]
    step_id: Option<String>,
    /// The change of the text that does what is suggested.
    fix: Option<IssueFix>,
}

/// A change of a text that makes an issue go away.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct IssueFix {
    /// The line on which the part to replace starts.
    #[schema(example = 13)]
    line: u32,
    /// The column at which it starts.
    #[schema(example = 9)]
    column: u32,
    /// The line on which it ends.
    #[schema(example = 13)]
    end_line: u32,
    /// The column behind its end.
    #[schema(example = 14)]
    end_column: u32,
    /// What takes its place.
    #[schema(example = "review")]
    text: String,
}

impl Issue {
    pub fn of(diagnostic: &Diagnostic) -> Self {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        Self {
            code: diagnostic.code.as_str(),
            severity,
            level: severity,
            message: diagnostic.message.clone(),
            path: Some(diagnostic.path.clone()).filter(|path| !path.is_empty()),
            line: diagnostic.line,
            column: diagnostic.column,
            end_line: diagnostic.end_line,
            end_column: diagnostic.end_column,
            suggestion: diagnostic.suggestion.clone(),
            step_id: diagnostic.step_id.clone(),
            fix: diagnostic.fix.as_ref().map(IssueFix::of),
        }
    }
}

impl IssueFix {
    fn of(fix: &Fix) -> Self {
        let Fix { line, column, end_line, end_column, text } = fix.clone();
        Self { line, column, end_line, end_column, text }
    }
}
