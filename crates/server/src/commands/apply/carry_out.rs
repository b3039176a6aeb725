//! Doing what the plan says, in its order; the first refusal ends it.

use procession_domain::value::Json;
use reqwest::Method;
use serde_json::json;

use super::plan::{Action, Entry, Plan};
use crate::{
    commands::remote::{Remote, RemoteError, owned},
    exit::Failure,
    terminal::text::clean_lines,
};

pub(super) async fn carry_out(server: &Remote, plan: &Plan) -> Result<(), Failure> {
    let all = plan.changes().count();
    for (done, entry) in plan.changes().enumerate() {
        change(server, entry).await.map_err(|error| {
            let mut failure = Failure::from(error);
            failure.message = format!("`{}` {}: {}", clean_lines(&entry.name), entry.version, failure.message);
            failure.hint(format_args!("{done} of {all} changes were made; the same command goes on with the rest"))
        })?;
    }
    Ok(())
}

async fn change(server: &Remote, entry: &Entry) -> Result<(), RemoteError> {
    match &entry.action {
        Action::Nothing => Ok(()),
        Action::Publish { draft: Some(id), .. } => publish(server, id).await.map(drop),
        Action::Publish { text, draft: None } => {
            let draft = server.post("/api/processes", json!({"yaml_content": text})).await?;
            let id = owned(&draft["id"]).ok_or_else(|| server.unknown_answer())?;
            let published = publish(server, &id).await;
            if published.as_ref().is_err_and(|error| error.problem().is_some()) {
                // What can't be published is not left lying about; if it can't be removed either, the draft does no harm.
                let _ = server.ask(Method::DELETE, &format!("/api/processes/{id}"), None).await;
            }
            published.map(drop)
        }
        Action::Archive { id } => server.post(&format!("/api/processes/{id}/archive"), json!({})).await.map(drop),
    }
}

async fn publish(server: &Remote, id: &str) -> Result<Json, RemoteError> {
    server.post(&format!("/api/processes/{id}/publish"), json!({})).await
}
