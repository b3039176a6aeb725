//! Who of a message's recipients has a mail address: addresses themselves, and known users.

use lettre::{Address, message::Mailbox};
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
    // A template may give several at once, as mail programs write them.
    let each = recipients.iter().flat_map(|recipient| recipient.split([',', ';'])).map(str::trim);
    for recipient in each.filter(|text| !text.is_empty() && !text.starts_with(['#', '@'])) {
        match mailbox(people, recipient).await? {
            Some(mailbox) if found.mailboxes.iter().any(|known| known.email == mailbox.email) => {}
            Some(mailbox) => found.mailboxes.push(mailbox),
            None => found.without_address.push(recipient.to_owned()),
        }
    }
    if found.mailboxes.is_empty() {
        return Err(nobody(&found.without_address));
    }
    Ok(found)
}

async fn mailbox(people: &dyn AccessStore, recipient: &str) -> Result<Option<Mailbox>, DeliveryFailure> {
    if let Ok(mailbox) = recipient.parse::<Mailbox>() {
        return Ok(Some(mailbox));
    }
    let user = people.user(recipient).await.map_err(|error| settings_failure(ErrorCode::EmailError, &error))?;
    let address = user.and_then(|user| user.email).and_then(|email| email.parse::<Address>().ok());
    Ok(address.map(|address| Mailbox::new(None, address)))
}

fn nobody(without_address: &[String]) -> DeliveryFailure {
    let message = if without_address.is_empty() {
        "the step names no `recipients` for the channel email: write mail addresses or names of users".to_owned()
    } else {
        let names = without_address.join("`, `");
        format!(
            "none of the recipients has a mail address (`{names}`): write addresses, or names of users that have one"
        )
    };
    failure(ErrorCode::InvalidConfig, message)
}
