//! Mails to who is asked to decide: when a request opens, before its deadline, when it is escalated or passed on.

use std::{fmt::Write as _, sync::Arc};

use procession_domain::{
    approval::{Approval, ApprovalStatus},
    event::{ApprovalEvent, Event, Recorded},
    value::{Duration, Timestamp},
};

use super::{
    links::{DecisionLinks, DecisionToken},
    planning::{Told, delivery_of, event_name},
};
use crate::{
    access::Principal,
    notifications::SettingsInForce,
    ports::{
        AccessStore, ApprovalRow, ApprovalStore, ApprovalWrite, DeliveryContent, DeliveryKind, IdGenerator, MailReason,
        NewDelivery, Role, StoreError, User,
    },
};

/// How long before the deadline a reminder comes; where the whole time is short, after three quarters of it.
const AHEAD: Duration = Duration::from_secs(3_600);

/// A request that is open for less has no reminder.
const SHORTEST: Duration = Duration::from_secs(600);

/// Plans and composes mails.
#[derive(Clone)]
pub(crate) struct Mails {
    people: Arc<dyn AccessStore>,
    approvals: Arc<dyn ApprovalStore>,
    settings: SettingsInForce,
    links: DecisionLinks,
}

/// Somebody who gets a mail.
struct Addressee {
    /// The name of a user, or an address.
    person: String,
    address: String,
}

/// A mail, composed.
pub(super) struct Composed {
    pub row: ApprovalRow,
    pub subject: String,
    pub text: String,
}

impl Mails {
    /// For these stores; `settings` say whether there is a mail server.
    pub fn new(
        people: Arc<dyn AccessStore>,
        approvals: Arc<dyn ApprovalStore>,
        settings: SettingsInForce,
        links: DecisionLinks,
    ) -> Self {
        Self { people, approvals, settings, links }
    }

    /// The mails that the events of a turn call for. Without a mail server there are none.
    pub(super) async fn plan(&self, told: &Told<'_>, ids: &dyn IdGenerator) -> Result<Vec<NewDelivery>, StoreError> {
        let mut deliveries = Vec::new();
        for recorded in told.events {
            let Event::Approval(_, id, event) = &recorded.event else { continue };
            let stored = |written: &ApprovalWrite| match written {
                ApprovalWrite::Open(approval) | ApprovalWrite::Settle(approval) if approval.id() == *id => {
                    Some((**approval).clone())
                }
                ApprovalWrite::Open(_) | ApprovalWrite::Settle(_) | ApprovalWrite::Cancel(_) => None,
            };
            let written = || told.approvals.iter().find_map(stored);
            let (approval, names, reason) = match event {
                ApprovalEvent::Requested { assignees, .. } => (written(), assignees.clone(), MailReason::Asked),
                ApprovalEvent::Escalated { assignees, .. } => (written(), assignees.clone(), MailReason::Escalated),
                ApprovalEvent::Delegated { to, .. } => {
                    let row = self.approvals.approval(*id).await?;
                    (row.map(|row| row.approval), vec![to.clone()], MailReason::Delegated)
                }
                ApprovalEvent::Voted { .. } | ApprovalEvent::Decided(_) | ApprovalEvent::Expired => continue,
            };
            let Some(approval) = approval.filter(|approval| approval.status() == ApprovalStatus::Pending) else {
                continue;
            };
            if !self.is_there_a_mail_server().await {
                return Ok(Vec::new());
            }
            for addressee in self.addressees(&names).await? {
                deliveries.extend(mails_to(&addressee, &approval, reason, told, recorded, ids));
            }
        }
        Ok(deliveries)
    }

    /// Settings that can't be read have been told of where they are changed and used; they hold no process up.
    async fn is_there_a_mail_server(&self) -> bool {
        match self.settings.read().await {
            Ok(settings) => settings.smtp.is_some(),
            Err(error) => {
                tracing::warn!(%error, "no mails are sent to who is asked to decide");
                false
            }
        }
    }

    /// Who has an address of those that these names mean, each once.
    async fn addressees(&self, names: &[String]) -> Result<Vec<Addressee>, StoreError> {
        let users = if names.is_empty() { Vec::new() } else { self.people.users().await? };
        let mut found: Vec<Addressee> = Vec::new();
        let mut add = |person: &str, address: &str| {
            let is_known = found.iter().any(|known| known.address.eq_ignore_ascii_case(address));
            if !is_known {
                found.push(Addressee { person: person.to_owned(), address: address.to_owned() });
            }
        };
        for name in names {
            let name = name.trim();
            let is_named = |user: &&User| {
                user.name == name || user.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(name))
            };
            let of_user = users.iter().find(is_named);
            let role = match (name.strip_prefix("role:"), of_user) {
                (Some(role), _) => role.trim(),
                (None, Some(user)) => {
                    user.email.iter().for_each(|email| add(&user.name, email));
                    continue;
                }
                (None, None) if name.contains('@') => {
                    add(name, name);
                    continue;
                }
                // A name that is no user is tried as a role (spec 1.3).
                (None, None) => name,
            };
            let has_role = |user: &&User| user.role == role || Role::of(&user.role).as_str() == role;
            for user in users.iter().filter(has_role) {
                user.email.iter().for_each(|email| add(&user.name, email));
            }
        }
        Ok(found)
    }

    /// A mail as it is to be sent now; `None` if nobody needs it any more.
    pub(super) async fn compose(
        &self,
        token: &DecisionToken,
        reason: MailReason,
        deadline: Option<Timestamp>,
    ) -> Result<Option<Composed>, StoreError> {
        let Some(row) = self.approvals.approval(token.approval_id).await? else { return Ok(None) };
        let Some(person) = person(&*self.people, &token.person).await? else { return Ok(None) };
        let is_needed = row.approval.status() == ApprovalStatus::Pending
            && row.approval.waits_for(&person.voter())
            && (deadline.is_none() || row.approval.request().deadline == deadline);
        if !is_needed {
            return Ok(None);
        }
        let subject = format!("{}: {}", opening(reason), row.approval.request().title);
        let text = text(&row, reason, self.links.link(token), self.links.page(token.approval_id));
        Ok(Some(Composed { row, subject, text }))
    }
}

/// The mails to one of those who are asked: at once, and before the deadline.
fn mails_to(
    addressee: &Addressee,
    approval: &Approval,
    reason: MailReason,
    told: &Told<'_>,
    recorded: &Recorded,
    ids: &dyn IdGenerator,
) -> Vec<NewDelivery> {
    let mail = |reason, event: String, deadline| {
        let content = DeliveryContent::ApprovalMail {
            approval_id: approval.id(),
            person: addressee.person.clone(),
            address: addressee.address.clone(),
            reason,
            deadline,
        };
        let new_id = || ids.new_id();
        NewDelivery {
            receiver: "mail".to_owned(),
            target: addressee.address.clone(),
            ..delivery_of(told, recorded, DeliveryKind::Mail, event, content, &new_id)
        }
    };
    let mut mails = vec![mail(reason, event_name(recorded), None)];
    if let Some(deadline) = approval.request().deadline
        && let Some(due_at) = reminder_at(recorded.at, deadline)
    {
        let reminder = mail(MailReason::Reminder, "approval_reminder".to_owned(), Some(deadline));
        mails.push(NewDelivery { due_at, ..reminder });
    }
    mails
}

/// When a reminder comes of a deadline.
fn reminder_at(now: Timestamp, deadline: Timestamp) -> Option<Timestamp> {
    let left = deadline.since(now);
    if left < SHORTEST {
        return None;
    }
    let ahead = AHEAD.min(left.scale(0.25));
    Some(now.saturating_add(Duration::from_millis(left.as_millis() - ahead.as_millis())))
}

/// The person that a link or a mail names: a user, or somebody of whom only the address is known.
pub(crate) async fn person(people: &dyn AccessStore, name: &str) -> Result<Option<Principal>, StoreError> {
    let of_user = |user: User| Principal::of_library(&user.name, [user.role.as_str()]).with_email(user.email.clone());
    if let Some(user) = people.user(name).await? {
        return Ok(Some(of_user(user)));
    }
    if !name.contains('@') {
        return Ok(None);
    }
    // Who has become a user meanwhile has one voice, not two.
    let mut users = people.users().await?.into_iter();
    let has_address = |user: &User| user.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(name));
    Ok(Some(match users.find(has_address) {
        Some(user) => of_user(user),
        None => Principal::of_library(name, ["viewer"]).with_email(Some(name.to_owned())),
    }))
}

const fn opening(reason: MailReason) -> &'static str {
    match reason {
        MailReason::Asked => "Decision needed",
        MailReason::Reminder => "Reminder",
        MailReason::Escalated => "Escalated",
        MailReason::Delegated => "Passed on to you",
    }
}

fn text(row: &ApprovalRow, reason: MailReason, link: Option<String>, page: Option<String>) -> String {
    let (request, process) = (row.approval.request(), &row.process_name);
    let why = match reason {
        MailReason::Asked => format!("the process {process} asks for your decision:"),
        MailReason::Reminder => format!("the process {process} still waits for your decision:"),
        MailReason::Escalated => format!("nobody has decided in time, so the process {process} asks you too:"),
        MailReason::Delegated => format!("somebody has passed a decision of the process {process} on to you:"),
    };
    // Writing to a text does not fail.
    let mut text = format!("Hello,\n\n{why}\n\n{}\n", request.title);
    if !request.description.trim().is_empty() {
        let _ = write!(text, "\n{}\n", request.description.trim());
    }
    for artifact in &request.artifacts {
        let _ = write!(text, "\n{artifact}\n");
    }
    if let Some(deadline) = request.deadline {
        let _ = write!(text, "\nUntil: {}\n", in_words(deadline));
    }
    if let Some(link) = link {
        let _ = write!(
            text,
            "\nDecide on this page. The link is for you alone, and works until you have decided or nobody needs the \
             decision any more:\n{link}\n"
        );
    }
    if let Some(page) = page {
        let _ = write!(text, "\nThe request with everything around it, after logging in:\n{page}\n");
    }
    let _ = write!(text, "\nExecution {}, step {}\n", request.execution_id, request.step_id);
    text
}

/// A time for people: `2026-11-21 10:00 UTC`.
pub fn in_words(time: Timestamp) -> String {
    let text = time.to_string();
    let (day, rest) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", rest.get(..5).unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_reminder_comes_an_hour_ahead_or_in_the_last_quarter() {
        assert_eq!(reminder_at(at(0), at(86_400)), Some(at(86_400 - 3_600)));
        assert_eq!(reminder_at(at(0), at(4_000)), Some(at(3_000)));
        assert_eq!(reminder_at(at(0), at(599)), None);
    }
}
