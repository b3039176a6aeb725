//! Spans and their parts as OTLP has them, with the names of OpenTelemetry's conventions for generative AI.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Link, SpanKind},
        status::StatusCode,
    },
};
use procession_application::traces::{SpanName, span_id, trace_id};
use procession_domain::{
    event::{Decision, Usage},
    value::{ExecutionId, Money, Timestamp},
};

/// How much of an error's message a span shows, in characters.
const SHOWN_OF_ERROR: usize = 256;

/// In the flags of spans and links: the trace is recorded.
const SAMPLED: u32 = 1;

/// A span of an execution, below the execution's own unless it is that one.
pub(super) fn span(execution: ExecutionId, name: SpanName<'_>, shown: String, kind: SpanKind) -> Span {
    let parent = match name {
        SpanName::Root => Vec::new(),
        SpanName::Attempt(_) | SpanName::Wait(_) | SpanName::People(_) => span_id(execution, SpanName::Root).to_vec(),
    };
    Span {
        trace_id: trace_id(execution).to_vec(),
        span_id: span_id(execution, name).to_vec(),
        parent_span_id: parent,
        flags: SAMPLED,
        name: shown,
        kind: kind.into(),
        ..Span::default()
    }
}

/// Ends a span; an error is its type and what it says.
pub(super) fn end(span: &mut Span, at: Timestamp, error: Option<(&str, &str)>) {
    // A clock that was set back makes no span that ends before it began.
    span.end_time_unix_nano = nanos(at).max(span.start_time_unix_nano);
    if let Some((kind, message)) = error {
        span.attributes.push(text("error.type", kind));
        let message = message.chars().take(SHOWN_OF_ERROR).collect();
        span.status = Some(Status { message, code: StatusCode::Error.into() });
    }
}

/// What a call has cost, as far as that is known.
pub(super) fn add_usage(span: &mut Span, usage: &Usage) {
    span.attributes.extend(usage.cost.into_iter().flat_map(cost));
    if let Some(tokens) = &usage.token_usage {
        // By the conventions, what came from the cache or went into it counts as input too.
        let parts = [tokens.input_tokens, tokens.cached_input_tokens, tokens.cache_write_tokens];
        let input = parts.iter().flatten().copied().reduce(u64::saturating_add);
        let counts = [
            ("gen_ai.usage.input_tokens", input),
            ("gen_ai.usage.cache_read.input_tokens", tokens.cached_input_tokens),
            ("gen_ai.usage.cache_creation.input_tokens", tokens.cache_write_tokens),
            ("gen_ai.usage.output_tokens", tokens.output_tokens),
        ];
        span.attributes.extend(counts.into_iter().filter_map(|(name, known)| Some(count(name, known?))));
        if let Some(model) = &tokens.model {
            if !span.attributes.iter().any(|attribute| attribute.key == "gen_ai.request.model") {
                span.attributes.push(text("gen_ai.request.model", model.as_str()));
            }
            span.attributes.push(text("gen_ai.response.model", model.as_str()));
        }
    }
    if let Some(reason) = &usage.finish_reason {
        let values = vec![AnyValue { value: Some(Value::StringValue(reason.as_str().to_owned())) }];
        span.attributes.push(attribute("gen_ai.response.finish_reasons", Value::ArrayValue(ArrayValue { values })));
    }
}

/// Another span to which one belongs.
pub(super) fn link(trace_id: [u8; 16], span_id: [u8; 8], is_sampled: bool) -> Link {
    let flags = if is_sampled { SAMPLED } else { 0 };
    Link { trace_id: trace_id.to_vec(), span_id: span_id.to_vec(), flags, ..Link::default() }
}

/// A cost, in its currency. It is a floating-point number, since that is what traces are added up by; costs are exact
/// elsewhere.
#[expect(clippy::cast_precision_loss, reason = "beyond nine million dollars a span may be wrong by a billionth")]
pub(super) fn cost(amount: Money) -> [KeyValue; 2] {
    [
        attribute("procession.cost.amount", Value::DoubleValue(amount.nanos() as f64 / 1e9)),
        text("procession.cost.currency", amount.currency().as_str()),
    ]
}

pub(super) fn text(name: &str, value: impl Into<String>) -> KeyValue {
    attribute(name, Value::StringValue(value.into()))
}

pub(super) fn flag(name: &str, value: bool) -> KeyValue {
    attribute(name, Value::BoolValue(value))
}

pub(super) fn count(name: &str, value: u64) -> KeyValue {
    attribute(name, Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn attribute(name: &str, value: Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// A decision's name.
pub(super) const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Approved => "approved",
        Decision::Rejected => "rejected",
        Decision::ChangesRequested => "changes_requested",
        Decision::Expired => "expired",
        Decision::Skipped => "skipped",
    }
}

/// A moment as OTLP counts it.
pub(super) fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(0).saturating_mul(1_000)
}

/// A request that brings spans to a collector.
pub(super) fn request(version: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource {
        attributes: vec![text("service.name", "procession"), text("service.version", version)],
        ..Resource::default()
    };
    let scope =
        InstrumentationScope { name: "procession".to_owned(), version: version.to_owned(), ..Default::default() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, schema_url: String::new() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource: Some(resource), scope_spans, schema_url: String::new() }],
    }
}
