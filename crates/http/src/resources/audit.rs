//! The audit trail: who did what (spec 4, audit; 4b 10; 4c).

use std::collections::BTreeMap;

use axum::Json;
use procession_application::{
    access::UseCase,
    audit::AuditVerdict,
    ports::{AuditFilter, AuditOutcome, KeptAuditEntry, Paging},
};
use procession_domain::value::{Duration, Timestamp, UserId};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    HttpState,
    extract::{NamePath, PageParameters, Parameters, Query, ReadParameters},
    problem::{Code, Problem},
    session::Session,
    state::App,
    wire::Time,
};

/// How many entries a list shows that does not say.
const DEFAULT: u32 = 50;

/// How many it shows at most (spec 4b 10).
const MOST: u32 = 1_000;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list_audit_entries))
        .routes(routes!(verify_audit_trail))
        .routes(routes!(get_audit_entry))
}

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
struct AuditListResponse {
    /// The newest first.
    entries: Vec<AuditEntryResponse>,
    /// How many the filter leaves in all.
    #[schema(example = 1)]
    total: u64,
    #[schema(example = 50)]
    limit: u32,
    #[schema(example = 0)]
    offset: u64,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Something that someone did, or was refused.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "3f2a9c1e-019a-86f0-a340-5c3e7d31a7c5", "number": 17, "at": "2026-11-21T03:05:00.000000+00:00",
    "timestamp": "2026-11-21T03:05:00.000000+00:00", "actor": "ann", "via": "session", "key_id": null,
    "address": "192.0.2.1", "ip_address": "192.0.2.1", "user_agent": "Mozilla/5.0", "action": "process.publish",
    "resource": {"kind": "process", "id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "name": "hello"},
    "resource_type": "process", "resource_id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33", "outcome": "done", "reason": null,
    "request_id": "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c34", "details": {"outcome": "done", "via": "session", "name": "hello"},
    "hash": "5e1f0b6c0e6b1f6e3a8f6f2f0d1c9b7a5e1f0b6c0e6b1f6e3a8f6f2f0d1c9b7a",
    "previous": "0000000000000000000000000000000000000000000000000000000000000000",
}))]
struct AuditEntryResponse {
    id: Uuid,
    /// From 1, without gaps.
    number: u64,
    at: Time,
    /// The same, under the name that existing clients read.
    timestamp: Time,
    /// The user, or `system`.
    actor: String,
    /// By what they came in: `session`, `key`, `cookie`, `webhook`, `schedule`, `agent`, `link`, `library` or `system`.
    via: String,
    /// The API key, if it was one.
    key_id: Option<Uuid>,
    /// From where; null where no request asked for it.
    address: Option<String>,
    /// The same, under the name that existing clients read.
    ip_address: Option<String>,
    user_agent: Option<String>,
    /// What, as `noun.verb`.
    action: String,
    resource: AuditedResourceResponse,
    /// The kind of the resource, under the name that existing clients read.
    resource_type: String,
    /// The id of the resource, where one is known.
    resource_id: Option<String>,
    /// `done` or `refused`.
    outcome: &'static str,
    /// Why it was refused.
    reason: Option<String>,
    request_id: Option<String>,
    /// What existing clients show besides: outcome, reason, credential, name.
    #[schema(value_type = HashMap<String, String>)]
    details: BTreeMap<&'static str, String>,
    /// A hash over the entry and `previous`.
    hash: String,
    /// The hash of the entry before; zeros in the first one.
    previous: String,
}

/// What something was done to.
#[derive(Debug, Serialize, ToSchema)]
struct AuditedResourceResponse {
    kind: String,
    id: Option<String>,
    name: Option<String>,
}

/// Whether the trail is whole.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"intact": true, "entries": 1042, "purged": 0, "first_broken": null}))]
struct AuditVerdictResponse {
    /// Whether every entry is there and is what was written.
    intact: bool,
    /// How many entries there are.
    entries: u64,
    /// Up to this number entries were purged, since their time was over; 0 if none were.
    purged: u64,
    /// The number of the first entry that was changed, removed or put in.
    first_broken: Option<u64>,
}

/// The query of the audit trail.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditParameters {
    /// By this user.
    #[param(example = "ann")]
    actor: Option<String>,
    /// Of this action.
    #[param(example = "process.publish")]
    action: Option<String>,
    /// On a thing of this kind.
    #[param(example = "process")]
    resource_type: Option<String>,
    /// On the thing with this id or name; `resource` is the same.
    resource_id: Option<String>,
    /// On the thing with this id or name.
    resource: Option<String>,
    /// `done` or `refused`.
    outcome: Option<String>,
    /// At or after this time or day; `since` is the same.
    #[param(example = "2026-11-21")]
    from_date: Option<String>,
    /// Up to this time, or to the end of this day; `until` is the same.
    to_date: Option<String>,
    /// At or after this time or day.
    since: Option<String>,
    /// Up to this time, or to the end of this day.
    until: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// After so many.
    #[param(minimum = 0)]
    offset: Option<u64>,
    /// Behind the last page, by its `next_cursor`; then `offset` does not count.
    cursor: Option<String>,
}

/// Lists who did what, the newest first.
#[utoipa::path(
    get, path = "/api/audit", tag = "audit", params(AuditParameters),
    responses(
        (status = 200, description = "A page", body = AuditListResponse),
        (status = 400, description = "A filter can't be read"),
        (status = 422, description = "A parameter does not fit"),
    ),
)]
async fn list_audit_entries(
    app: App,
    session: Session,
    Query(parameters): Query<AuditParameters>,
) -> Result<Json<AuditListResponse>, Problem> {
    session.check(UseCase::ReadAudit)?;
    let paging = parameters.paging();
    let page = app.audit.list(&session.principal, &parameters.filter()?, &paging).await?;
    Ok(Json(AuditListResponse {
        entries: page.rows.into_iter().map(AuditEntryResponse::of).collect(),
        total: page.total,
        limit: paging.limit,
        offset: paging.offset(),
        next_cursor: page.next_cursor,
    }))
}

/// Whether every entry of the audit trail is there and is what was written.
#[utoipa::path(
    get, path = "/api/audit/verify", tag = "audit",
    responses((status = 200, description = "Whether it is", body = AuditVerdictResponse)),
)]
async fn verify_audit_trail(app: App, session: Session) -> Result<Json<AuditVerdictResponse>, Problem> {
    let AuditVerdict { entries, purged, first_broken } = app.audit.verify(&session.principal).await?;
    Ok(Json(AuditVerdictResponse { intact: first_broken.is_none(), entries, purged, first_broken }))
}

/// Shows an entry of the audit trail.
#[utoipa::path(
    get, path = "/api/audit/{audit_id}", tag = "audit",
    params(("audit_id" = String, Path, description = "The entry")),
    responses(
        (status = 200, description = "The entry", body = AuditEntryResponse),
        (status = 404, description = "No such entry"),
    ),
)]
async fn get_audit_entry(
    app: App,
    session: Session,
    NamePath(id): NamePath,
) -> Result<Json<AuditEntryResponse>, Problem> {
    Ok(Json(AuditEntryResponse::of(app.audit.get(&session.principal, &id).await?)))
}

impl ReadParameters for AuditParameters {
    fn read(parameters: &mut Parameters) -> Self {
        let PageParameters { limit, offset, cursor } = PageParameters::read(parameters, MOST);
        Self {
            actor: parameters.text("actor"),
            action: parameters.text("action"),
            resource_type: parameters.text("resource_type"),
            resource_id: parameters.text("resource_id"),
            resource: parameters.text("resource"),
            outcome: parameters.text("outcome"),
            from_date: parameters.text("from_date"),
            to_date: parameters.text("to_date"),
            since: parameters.text("since"),
            until: parameters.text("until"),
            limit,
            offset,
            cursor,
        }
    }
}

impl AuditParameters {
    fn filter(self) -> Result<AuditFilter, Problem> {
        let bad = |detail: String| Problem::bad_request(Code::BadFilter, detail);
        let outcome =
            self.outcome.map(|text| text.parse::<AuditOutcome>().map_err(|()| bad(format!("Invalid outcome: {text}"))));
        let time = |name: &str, text: Option<String>, is_end: bool| match text {
            Some(text) => read_time(&text, is_end).map(Some).ok_or_else(|| bad(format!("Invalid {name} format"))),
            None => Ok(None),
        };
        let (from, to) = (time("from_date", self.from_date, false)?, time("to_date", self.to_date, true)?);
        Ok(AuditFilter {
            actor: self.actor,
            action: self.action,
            resource_kind: self.resource_type,
            resource: self.resource_id.or(self.resource),
            outcome: outcome.transpose()?,
            since: from.max(time("since", self.since, false)?),
            until: to.into_iter().chain(time("until", self.until, true)?).min(),
        })
    }

    fn paging(&self) -> Paging {
        let Self { limit, offset, cursor, .. } = self;
        PageParameters { limit: *limit, offset: *offset, cursor: cursor.clone() }.paging(DEFAULT)
    }
}

/// A time, or a day: its beginning, or its end. A time without an offset is in UTC.
fn read_time(text: &str, is_end: bool) -> Option<Timestamp> {
    const DAY: Duration = Duration::from_secs(86_400);
    // A plus sign that was not encoded has become a space.
    let text = text.trim().replace(' ', "+");
    if let Ok(time) = text.parse().or_else(|_| format!("{text}+00:00").parse()) {
        return Some(time);
    }
    let midnight: Timestamp = format!("{text}T00:00:00+00:00").parse().ok()?;
    let last = |end: Timestamp| Timestamp::from_micros(end.as_micros() - 1);
    Some(if is_end { last(midnight.saturating_add(DAY)) } else { midnight })
}

impl AuditEntryResponse {
    fn of(kept: KeptAuditEntry) -> Self {
        let KeptAuditEntry { number, entry, previous, hash } = kept;
        let mut details = BTreeMap::from([("outcome", entry.outcome.to_string()), ("via", entry.via.clone())]);
        details.extend(entry.reason.clone().map(|reason| ("reason", reason)));
        details.extend(entry.resource.name.clone().map(|name| ("name", name)));
        Self {
            id: entry.id,
            number,
            at: entry.at.into(),
            timestamp: entry.at.into(),
            actor: entry.actor,
            via: entry.via,
            key_id: entry.key_id.map(UserId::uuid),
            ip_address: entry.origin.address.clone(),
            address: entry.origin.address,
            user_agent: entry.origin.user_agent,
            action: entry.action,
            resource_type: entry.resource.kind.clone(),
            resource_id: entry.resource.id.clone(),
            resource: AuditedResourceResponse {
                kind: entry.resource.kind,
                id: entry.resource.id,
                name: entry.resource.name,
            },
            outcome: entry.outcome.as_str(),
            reason: entry.reason,
            request_id: entry.origin.request_id,
            details,
            hash: hash.to_string(),
            previous: previous.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_and_a_time_without_an_offset_is_in_utc() {
        let time = |text: &str, is_end| read_time(text, is_end).map(|time| time.to_string());
        let at = |text: &str| Some(text.to_owned());
        assert_eq!(time("2026-11-21", false), at("2026-11-21T00:00:00.000000+00:00"));
        assert_eq!(time("2026-11-21", true), at("2026-11-21T23:59:59.999999+00:00"));
        assert_eq!(time("2026-11-21T10:00:00", true), at("2026-11-21T10:00:00.000000+00:00"));
        assert_eq!(time("2026-11-21T10:00:00 01:00", true), at("2026-11-21T09:00:00.000000+00:00"));
        assert_eq!(time("yesterday", false), None);
    }
}
