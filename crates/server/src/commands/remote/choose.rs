//! Ids as people give them: whole, or the beginning of one.

use procession_domain::value::{ExecutionId, Json};

use super::{Remote, owned, path_part};
use crate::{exit::Failure, terminal::text::clean_lines};

/// What has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A run of a process.
    Execution,
    /// A question to people that is still open.
    OpenApproval,
    /// Something that is told outside.
    Delivery,
}

/// How many characters the beginning of an id must have.
const SHORTEST: usize = 4;

/// The length of a whole id.
const WHOLE: usize = 36;

/// The id that begins with this text.
pub async fn choose(server: &Remote, kind: Kind, given: &str) -> Result<String, Failure> {
    let given = given.trim().to_lowercase();
    if given.len() == WHOLE && given.parse::<ExecutionId>().is_ok() {
        return Ok(given);
    }
    let is_part = given.len() >= SHORTEST && given.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if !is_part {
        let shown = clean_lines(&given);
        return Err(Failure::usage(format_args!("`{shown}` is not an id, nor the beginning of one"))
            .hint(format_args!("`{}` shows the ids", kind.lister())));
    }
    let ids = candidates(server, kind, &given).await?;
    let mut ids = ids.iter().filter(|id| id.starts_with(&given));
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(id.clone()),
        (Some(_), Some(_)) => Err(Failure::usage(format_args!("`{given}` is the beginning of several ids"))
            .hint("give more characters of it")),
        (None, _) => Err(Failure::failed(format_args!("no {} has an id that begins with `{given}`", kind.name()))
            .hint(format_args!("`{}` shows the ids", kind.lister()))),
    }
}

async fn candidates(server: &Remote, kind: Kind, given: &str) -> Result<Vec<String>, Failure> {
    let rows: Vec<Json> = match kind {
        Kind::Execution => {
            let query = format!("q={}", path_part(given));
            server.list("/api/executions", &query, "executions", 100).await?.0
        }
        // Those that someone would name: what failed, and what came lately.
        Kind::Delivery => {
            let mut rows = server.list("/api/deliveries", "state=dead", "deliveries", 1_000).await?.0;
            rows.extend(server.list("/api/deliveries", "state=undeliverable", "deliveries", 1_000).await?.0);
            let named: Vec<String> = rows.iter().filter_map(|row| owned(&row["id"])).collect();
            let latest = server.list("/api/deliveries", "", "deliveries", 1_000).await?.0;
            rows.extend(latest.into_iter().filter(|row| !named.iter().any(|id| row["id"] == **id)));
            rows
        }
        Kind::OpenApproval => match server.get("/api/approvals?status=pending").await? {
            Json::Array(rows) => rows,
            _ => return Err(server.unknown_answer().into()),
        },
    };
    Ok(rows.iter().filter_map(|row| owned(&row["id"])).collect())
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Execution => "execution",
            Self::OpenApproval => "open approval",
            Self::Delivery => "delivery",
        }
    }

    const fn lister(self) -> &'static str {
        match self {
            Self::Execution => "procession executions list",
            Self::OpenApproval => "procession approvals list",
            Self::Delivery => "procession deliveries list",
        }
    }
}
