//! What waits for people: notices in the bar of existing clients, and their queue of things to answer (spec 4b 13).

mod notices;
mod queue;

use procession_application::inbox::{InboxItem, Subject};
use utoipa_axum::router::OpenApiRouter;

use crate::HttpState;

pub(crate) fn routes() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().merge(notices::routes()).merge(queue::routes())
}

/// An item in words.
struct Words {
    /// Whose it is: the agent, or the process.
    source: String,
    title: String,
    text: String,
}

impl Words {
    fn of(item: &InboxItem) -> Self {
        match &item.subject {
            Subject::Approval(row) => {
                let request = row.approval.request();
                Self {
                    source: row.process_name.to_string(),
                    title: request.title.clone(),
                    text: request.description.clone(),
                }
            }
            Subject::Failure(row) => Self {
                source: row.process_name.to_string(),
                title: format!("{} failed", row.process_name),
                text: format!("The execution {} failed; its page says why. Retry it, or put it aside.", row.id),
            },
            Subject::Agent { name, reason } => {
                Self { source: name.clone(), title: format!("The agent {name} takes no work"), text: reason.clone() }
            }
        }
    }
}
