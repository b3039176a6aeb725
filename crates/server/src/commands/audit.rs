//! `audit`: whether the audit trail is whole.

use clap::{Args, Subcommand};
use procession_application::{
    access::Principal,
    audit::{Audit, AuditFailure, AuditVerdict},
};
use serde_json::json;

use super::{GlobalArguments, block_on, config::Format};
use crate::{
    exit::{Exit, Failure},
    terminal,
    wiring::stores_to_read,
};

const EXAMPLES: &str = "\
Examples:
  procession audit verify
  procession audit verify --data-dir /var/lib/procession --format json

Each entry holds a hash over itself and the hash of the one before, so that what is changed, removed or put in shows. It is
safe beside a running server, and exits with 1 if the trail is broken.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AuditArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check that every entry of the audit trail is there and is what was written.
    Verify {
        /// How the verdict is written.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

pub(super) fn run(arguments: &AuditArguments, global: &GlobalArguments) -> Result<Exit, Failure> {
    let Action::Verify { format } = arguments.action;
    let configuration = global.configuration(Vec::new())?.configuration;
    block_on(async {
        let stores = stores_to_read(&configuration).await?;
        let verdict = Audit::new(stores.audit).verify(&Principal::system()).await?;
        tell(verdict, format)
    })
}

fn tell(verdict: AuditVerdict, format: Format) -> Result<Exit, Failure> {
    let AuditVerdict { entries, purged, first_broken } = verdict;
    match format {
        Format::Json => terminal::say_json(&json!({
            "intact": first_broken.is_none(), "entries": entries, "purged": purged, "first_broken": first_broken,
        }))?,
        Format::Text => {
            let counted = format!("{entries} {}", if entries == 1 { "entry" } else { "entries" });
            match first_broken {
                None => terminal::say(format_args!("the audit trail is intact: {counted}"))?,
                Some(number) => terminal::say(format_args!(
                    "the audit trail is broken at entry {number}: it was changed, removed or put in ({counted} read)"
                ))?,
            }
            if purged > 0 {
                terminal::note(format_args!("entries up to {purged} were purged, as retention.audit says"));
            }
        }
    }
    Ok(if first_broken.is_none() { Exit::Done } else { Exit::Failed })
}

impl From<AuditFailure> for Failure {
    fn from(error: AuditFailure) -> Self {
        match error {
            AuditFailure::Store(error) => error.into(),
            AuditFailure::Forbidden(_) | AuditFailure::NotFound => Self::failed(error),
        }
    }
}
