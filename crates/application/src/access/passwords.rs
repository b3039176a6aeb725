//! Passwords: argon2 hashes, made and checked off the runtime's threads, since that takes a while on purpose.

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use uuid::Uuid;

/// Why a password is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("Password must be at least 8 characters")]
    TooShort,
    /// Longer than anyone types; hashing it would only cost time.
    #[error("Password must be at most 1024 bytes")]
    TooLong,
    /// The two entries differ.
    #[error("Passwords do not match")]
    Mismatch,
    /// Hashing failed.
    #[error("the password can't be hashed: {0}")]
    Hashing(String),
}

/// A hash to check against when there is no user, so that the answer takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$NmXG1mYyUWqEP1cXc0a0m8YzI9vWm2qOvmY9bQJ0m1w";

pub(super) async fn hash(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < 8 {
        return Err(PasswordError::TooShort);
    }
    if password.len() > 1_024 {
        return Err(PasswordError::TooLong);
    }
    let password = password.to_owned();
    let hashed = tokio::task::spawn_blocking(move || {
        Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
    });
    match hashed.await {
        Ok(Ok(hash)) => Ok(hash),
        Ok(Err(error)) => Err(PasswordError::Hashing(error.to_string())),
        Err(error) => Err(PasswordError::Hashing(error.to_string())),
    }
}

/// Whether a password fits a hash. Without a hash nothing fits, after the same time.
pub(super) async fn verify(password: &str, hash: Option<String>) -> bool {
    let exists = hash.is_some();
    let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
    let password: String = password.chars().take(1_024).collect();
    let fits = tokio::task::spawn_blocking(move || {
        let parsed = PasswordHash::new(&hash);
        parsed.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    });
    // Awaited in any case: what is not would go on behind the back of whoever counts the checks at work.
    let fits = fits.await.unwrap_or(false);
    exists && fits
}

/// Random text of so many bytes of randomness, in letters and digits.
pub(super) fn random_text(bytes: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut text = String::new();
    while text.len() * 5 < bytes * 8 {
        let (_, random) = Uuid::new_v4().as_u64_pair();
        // The upper bits of the lower half carry the UUID's variant; the lower 60 are random.
        for place in 0..11 {
            let letter = (random >> (place * 5)) & 31;
            text.push(char::from(LETTERS[usize::try_from(letter).unwrap_or(0)]));
        }
    }
    text.truncate((bytes * 8).div_ceil(5));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let hash = hash("correct horse").await.unwrap();
        assert!(verify("correct horse", Some(hash.clone())).await);
        assert!(!verify("battery staple", Some(hash)).await);
        assert!(!verify("anything", None).await);
    }

    #[test]
    fn a_check_without_a_user_is_awaited_like_any_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (free, busy) = std::sync::mpsc::channel::<()>();
            let occupied = tokio::task::spawn_blocking(move || {
                let _ = busy.recv();
            });
            for hash in [None, Some(NOBODY.to_owned())] {
                let mut check = std::pin::pin!(verify("anything", hash));
                assert!(futures::poll!(&mut check).is_pending());
            }
            drop(free);
            occupied.await.unwrap();
        });
    }

    #[test]
    fn the_hash_of_nobody_is_well_formed() {
        assert!(PasswordHash::new(NOBODY).is_ok());
    }

    #[test]
    fn random_texts_are_long_enough_and_differ() {
        let (one, other) = (random_text(32), random_text(32));
        assert_eq!(one.len(), 52);
        assert_ne!(one, other);
    }
}
