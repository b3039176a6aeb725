//! Settings that hold secrets are sealed before they are written, so that neither the database nor a backup of it shows
//! them to anyone without the key (XChaCha20-Poly1305; the key is derived from a secret of the server's).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use procession_application::ports::{AccessStore as _, Setting, StoreError};
use uuid::Uuid;

use crate::{SqliteStore, error::Failure};

/// What sealed values begin with: a mark, and the number of the way they are sealed.
const MARK: &str = "sealed:1:";

/// What the key is for, so that no other use of the secret gives the same one.
const PURPOSE: &str = "procession 2026-11 settings at rest";

/// Seals and opens settings.
#[derive(Clone)]
pub(crate) struct Seal(XChaCha20Poly1305);

impl Seal {
    fn of(secret: &str) -> Self {
        Self(XChaCha20Poly1305::new(&blake3::derive_key(PURPOSE, secret.as_bytes()).into()))
    }

    /// A value sealed as that of this setting and no other.
    fn close(&self, setting: Setting, value: &str) -> Option<String> {
        let mut nonce = [0; 24];
        nonce[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        nonce[16..].copy_from_slice(&Uuid::new_v4().as_bytes()[..8]);
        let payload = Payload { msg: value.as_bytes(), aad: setting.name().as_bytes() };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some(format!("{MARK}{}", STANDARD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// The value, if it was sealed with this key as that of this setting.
    fn open(&self, setting: Setting, sealed: &str) -> Option<String> {
        let bytes = STANDARD.decode(sealed.strip_prefix(MARK)?).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<24>()?;
        let payload = Payload { msg: sealed, aad: setting.name().as_bytes() };
        let value = self.0.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(value).ok()
    }
}

/// A key is no part of what is logged.
impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl SqliteStore {
    /// Seals settings that hold secrets from now on, with a key made from this secret; those that are there in clear are
    /// sealed at once. What was sealed with another key can't be read, and counts as not set.
    pub async fn seal_with(&self, secret: &str) -> Result<(), StoreError> {
        // A second secret for the same store would be a defect of the caller; the first one stays.
        let _ = self.seal.set(Seal::of(secret));
        for setting in [Setting::Notifications] {
            let stored = self.stored_setting(setting).await?;
            if let Some(in_clear) = stored.filter(|value| !value.starts_with(MARK)) {
                self.set_setting(setting, &in_clear).await?;
            }
        }
        Ok(())
    }

    /// A setting's value as it is to be written.
    pub(crate) fn sealed(&self, setting: Setting, value: &str) -> Result<String, StoreError> {
        match self.seal.get().filter(|_| holds_secrets(setting)) {
            Some(seal) => {
                let refused = || StoreError::Unavailable(format!("the setting {} can't be sealed", setting.name()));
                seal.close(setting, value).ok_or_else(refused)
            }
            None => Ok(value.to_owned()),
        }
    }

    /// A setting's value as it was before it was sealed.
    pub(crate) fn opened(&self, setting: Setting, stored: String) -> Option<String> {
        if !holds_secrets(setting) || !stored.starts_with(MARK) {
            return Some(stored);
        }
        let opened = self.seal.get().and_then(|seal| seal.open(setting, &stored));
        if opened.is_none() {
            tracing::error!(
                setting = setting.name(),
                "this setting was sealed with another key: put the old secret key back, or set it again"
            );
        }
        opened
    }

    /// A setting's value as it is stored.
    pub(crate) async fn stored_setting(&self, setting: Setting) -> Result<Option<String>, StoreError> {
        const READ: &str = "SELECT value FROM settings WHERE name = ?1";
        let value = sqlx::query_scalar(READ).bind(setting.name()).fetch_optional(&self.readers).await;
        Ok(value.map_err(Failure::from)?)
    }
}

const fn holds_secrets(setting: Setting) -> bool {
    match setting {
        Setting::Notifications => true,
        Setting::SetupCompleted | Setting::Retention | Setting::TracesExported => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    const SECRET: &str = "{\"webhook_secret\":\"hunter2\"}";

    async fn store(folder: &std::path::Path) -> SqliteStore {
        SqliteStore::open(Options::new(folder.join("procession.db"))).await.unwrap()
    }

    #[tokio::test]
    async fn a_setting_is_sealed_on_the_disk_and_read_back_with_its_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path()).await;
        first.set_setting(Setting::Notifications, SECRET).await.unwrap();
        assert_eq!(first.stored_setting(Setting::Notifications).await.unwrap().as_deref(), Some(SECRET));
        first.seal_with("one key").await.unwrap();
        let sealed = first.stored_setting(Setting::Notifications).await.unwrap().unwrap();
        assert!(sealed.starts_with(MARK) && !sealed.contains("hunter2"), "{sealed}");
        assert_eq!(first.setting(Setting::Notifications).await.unwrap().as_deref(), Some(SECRET));
        first.close().await;
        drop(first);

        let again = store(folder.path()).await;
        assert_eq!(again.setting(Setting::Notifications).await.unwrap(), None, "without a key");
        again.seal_with("another key").await.unwrap();
        assert_eq!(again.setting(Setting::Notifications).await.unwrap(), None, "with another key");
        again.set_setting(Setting::Notifications, "{}").await.unwrap();
        assert_eq!(again.setting(Setting::Notifications).await.unwrap().as_deref(), Some("{}"));
        again.set_setting(Setting::SetupCompleted, "true").await.unwrap();
        assert_eq!(again.stored_setting(Setting::SetupCompleted).await.unwrap().as_deref(), Some("true"));
    }

    #[test]
    fn a_sealed_value_is_that_of_its_setting_and_can_not_be_changed() {
        let seal = Seal::of("a key");
        let sealed = seal.close(Setting::Notifications, SECRET).unwrap();
        assert_eq!(seal.open(Setting::Notifications, &sealed).as_deref(), Some(SECRET));
        assert_ne!(seal.close(Setting::Notifications, SECRET).unwrap(), sealed, "each time another");
        assert_eq!(seal.open(Setting::SetupCompleted, &sealed), None);
        let mut damaged = STANDARD.decode(sealed.strip_prefix(MARK).unwrap()).unwrap();
        *damaged.last_mut().unwrap() ^= 1;
        for bad in [format!("{MARK}{}", STANDARD.encode(damaged)), MARK.to_owned(), "sealed:1:AAAA".to_owned()] {
            assert_eq!(seal.open(Setting::Notifications, &bad), None, "{bad}");
        }
    }
}
