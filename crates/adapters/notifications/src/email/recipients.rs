//! Who of a message's recipients has a mail address: addresses themselves, and known users.

use lettre::{
    Address,
    message::{Mailbox, Mailboxes},
};
use procession_application::ports::{AccessStore, DeliveryFailure};
use procession_domain::value::ErrorCode;

use crate::failure::{failure, settings_failure};

/// Recipients, told apart.
#[derive(Debug)]
pub(super) struct Recipients {
    /// Those with an address, each once.
    pub mailboxes: Vec<Mailbox>,
    /// Those that a mail can't reach, and are not another channel's.
    pub without_address: Vec<String>,
}

/// Finds the addresses.
///
/// # Errors
/// When there is none at all.
pub(super) async fn find(people: &dyn AccessStore, recipients: &[String]) -> Result<Recipients, DeliveryFailure> {
    let mut found = Recipients { mailboxes: Vec::new(), without_address: Vec::new() };
    for recipient in recipients {
        if let Ok(several) = recipient.parse::<Mailboxes>() {
            several.into_iter().for_each(|mailbox| found.add(mailbox));
            continue;
        }
        // A template may give several at once.
        let each = recipient.split([',', ';']).map(str::trim);
        for name in each.filter(|text| !text.is_empty() && !text.starts_with(['#', '@'])) {
            match mailbox(people, name).await? {
                Some(mailbox) => found.add(mailbox),
                None => found.without_address.push(name.to_owned()),
            }
        }
    }
    if found.mailboxes.is_empty() {
        return Err(nobody(&found.without_address));
    }
    Ok(found)
}

impl Recipients {
    fn add(&mut self, mailbox: Mailbox) {
        let address = |mailbox: &Mailbox| mailbox.email.to_string().to_lowercase();
        if !self.mailboxes.iter().any(|known| address(known) == address(&mailbox)) {
            self.mailboxes.push(mailbox);
        }
    }
}

async fn mailbox(people: &dyn AccessStore, name: &str) -> Result<Option<Mailbox>, DeliveryFailure> {
    if let Ok(mailbox) = name.parse::<Mailbox>() {
        return Ok(Some(mailbox));
    }
    let user = people.user(name).await.map_err(|error| settings_failure(ErrorCode::EmailError, &error))?;
    let address = user.and_then(|user| user.email).and_then(|email| email.parse::<Address>().ok());
    Ok(address.map(|address| Mailbox::new(None, address)))
}

fn nobody(without_address: &[String]) -> DeliveryFailure {
    let message = if without_address.is_empty() {
        "the step has no `recipients` for the channel `email`: add email addresses or user names".to_owned()
    } else {
        let names = without_address.join("`, `");
        format!(
            "none of the recipients has an email address (`{names}`): use email addresses, or names of users who have one"
        )
    };
    failure(ErrorCode::InvalidConfig, message)
}
