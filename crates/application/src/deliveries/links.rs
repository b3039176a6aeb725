//! Links by which one person decides one request: signed, so that nobody can make one, and good only while the request
//! waits for that person.

use std::fmt;

use procession_domain::value::ApprovalId;
use uuid::Uuid;

use super::DeliverySettings;

/// What the key is for, so that no other use of the secret gives the same one.
const PURPOSE: &str = "procession 2026-11 links to decide";

/// How long the signature is, in bytes.
const SIGNATURE: usize = 32;

/// Signs links.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkKey([u8; 32]);

/// Makes and reads links. By default there are none.
#[derive(Debug, Clone, Default)]
pub(crate) struct DecisionLinks {
    key: Option<LinkKey>,
    public_url: Option<String>,
}

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecisionToken {
    /// The request.
    pub approval_id: ApprovalId,
    /// Who decides: the name of a user, or an address.
    pub person: String,
}

impl LinkKey {
    /// The key that belongs to a secret of the server.
    pub fn of_secret(secret: &str) -> Self {
        Self(blake3::derive_key(PURPOSE, secret.as_bytes()))
    }

    fn sign(&self, message: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.0, message)
    }
}

/// A key is no part of what is logged.
impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey")
    }
}

impl DecisionLinks {
    /// Links as the settings say.
    pub fn of(settings: &DeliverySettings) -> Self {
        Self { key: settings.link_key.clone(), public_url: settings.public_url.clone() }
    }

    /// The link by which a person decides a request; none where nothing signs them, or nobody knows this server's address.
    pub fn link(&self, token: &DecisionToken) -> Option<String> {
        let (key, base) = (self.key.as_ref()?, self.public_url.as_ref()?);
        Some(format!("{base}/decide?link={}", token.signed_with(key)))
    }

    /// What the text of a link says, if it is one of ours.
    pub fn read(&self, text: &str) -> Option<DecisionToken> {
        let key = self.key.as_ref()?;
        let bytes = hex::decode(text).ok()?;
        let (message, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        let signature: [u8; SIGNATURE] = signature.try_into().ok()?;
        // Hashes compare in constant time.
        (key.sign(message) == blake3::Hash::from_bytes(signature)).then_some(())?;
        let (id, person) = message.split_first_chunk::<16>()?;
        let person = String::from_utf8(person.to_vec()).ok()?;
        Some(DecisionToken { approval_id: ApprovalId::new(Uuid::from_bytes(*id)), person })
    }

    /// Where the request stands in the console, for who logs in.
    pub fn page(&self, approval: ApprovalId) -> Option<String> {
        self.public_url.as_ref().map(|base| format!("{base}/approvals?tab=open&open={approval}"))
    }
}

impl DecisionToken {
    fn signed_with(&self, key: &LinkKey) -> String {
        let mut bytes = self.approval_id.uuid().as_bytes().to_vec();
        bytes.extend_from_slice(self.person.as_bytes());
        let signature = key.sign(&bytes);
        bytes.extend_from_slice(signature.as_bytes());
        hex::encode(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(secret: &str) -> DecisionLinks {
        DecisionLinks {
            key: Some(LinkKey::of_secret(secret)),
            public_url: Some("https://procession.example".to_owned()),
        }
    }

    fn token(person: &str) -> DecisionToken {
        DecisionToken { approval_id: ApprovalId::new(Uuid::from_u128(7)), person: person.to_owned() }
    }

    fn text(secret: &str, token: &DecisionToken) -> String {
        links(secret).link(token).unwrap().split_once("link=").unwrap().1.to_owned()
    }

    #[test]
    fn a_link_says_who_decides_what() {
        for person in ["ada", "ädä@example.org", ""] {
            assert_eq!(links("a secret").read(&text("a secret", &token(person))), Some(token(person)));
        }
    }

    #[test]
    fn a_link_that_was_changed_or_signed_by_another_key_says_nothing() {
        let good = text("a secret", &token("ada"));
        assert_eq!(links("another").read(&good), None);
        for place in 0..good.len() {
            let mut changed = good.clone().into_bytes();
            changed[place] = if changed[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(links("a secret").read(&String::from_utf8(changed).unwrap()), None, "{place}");
        }
        for bad in ["", "0", "zz", "00", &good[..good.len() - 2], &format!("{good}00")] {
            assert_eq!(links("a secret").read(bad), None, "{bad}");
        }
    }

    #[test]
    fn without_a_key_or_an_address_there_are_no_links() {
        assert_eq!(DecisionLinks::default().link(&token("ada")), None);
        assert_eq!(DecisionLinks::default().read(&text("a secret", &token("ada"))), None);
    }
}
