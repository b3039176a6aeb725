//! Passwords: argon2 hashes, made and checked off the runtime's threads, since that takes time and memory on purpose.
//!
//! Two at a time, in memory that goes on to whoever waits, and a short line before them: strangers decide how often this
//! is asked for, so it must cost the server no more than that whatever they do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
    /// One of those that are tried first.
    #[error("Password is too easy to guess: use several words that do not belong together, or a longer one")]
    TooCommon,
    /// The two entries differ.
    #[error("Passwords do not match")]
    Mismatch,
    /// Too many wait to be hashed or checked.
    #[error("too many passwords are being checked at the moment; try again in a second")]
    Busy,
    /// Hashing failed.
    #[error("the password can't be hashed: {0}")]
    Hashing(String),
}

/// How many passwords are hashed or checked at once.
const MOST_AT_WORK: usize = 2;

/// How many are at work or wait for it; who comes then is sent away at once.
const MOST_IN_LINE: usize = 16;

/// The longest password, in bytes.
const LONGEST: usize = 1_024;

/// Passwords are refused that are guessed within this power of ten of guesses.
const LEAST_GUESSES: f64 = 6.0;

/// A hash to check against when there is no user, so that the answer takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5$NmXG1mYyUWqEP1cXc0a0m8YzI9vWm2qOvmY9bQJ0m1w";

/// The few places where passwords are hashed and checked. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(super) struct Passwords {
    line: Arc<Semaphore>,
    places: Arc<Semaphore>,
    memories: Arc<Mutex<Vec<Vec<Block>>>>,
}

/// A place at which one password is hashed or checked.
pub(super) struct Place {
    line: Arc<Semaphore>,
    memories: Arc<Mutex<Vec<Vec<Block>>>>,
    held: Option<[OwnedSemaphorePermit; 2]>,
}

/// The last one to leave gives back the memory that was kept for others.
impl Drop for Place {
    fn drop(&mut self) {
        self.held = None;
        if self.line.available_permits() == MOST_IN_LINE {
            self.lock().clear();
        }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            line: Arc::new(Semaphore::new(MOST_IN_LINE)),
            places: Arc::new(Semaphore::new(MOST_AT_WORK)),
            memories: Arc::default(),
        }
    }
}

impl Passwords {
    /// Waits for a place, unless too many wait already.
    pub async fn place(&self) -> Result<Place, PasswordError> {
        let in_line = Arc::clone(&self.line).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        // Neither semaphore is ever closed.
        let at_work = Arc::clone(&self.places).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        Ok(Place { line: Arc::clone(&self.line), memories: Arc::clone(&self.memories), held: Some([in_line, at_work]) })
    }

    /// The hash of a new password, if it does. What the user is called makes no good password.
    pub async fn hash(&self, password: &str, called: &[&str]) -> Result<String, PasswordError> {
        if password.chars().count() < 8 {
            return Err(PasswordError::TooShort);
        }
        if password.len() > LONGEST {
            return Err(PasswordError::TooLong);
        }
        let place = self.place().await?;
        let password = password.to_owned();
        let called: Vec<String> = called.iter().map(|name| (*name).to_owned()).collect();
        let hashed = tokio::task::spawn_blocking(move || {
            if is_common(&password, &called) {
                return Err(PasswordError::TooCommon);
            }
            place.make(password.as_bytes())
        });
        hashed.await.unwrap_or_else(|error| Err(PasswordError::Hashing(error.to_string())))
    }
}

impl Place {
    /// Whether a password fits a hash. Without a hash nothing fits, after the same work.
    pub async fn fits(self, password: &str, hash: Option<String>) -> bool {
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        // What is longer was never taken as a password; its beginning fits nothing either.
        let password: Vec<u8> = password.bytes().take(LONGEST + 1).collect();
        // Awaited in any case: what is not would go on behind the back of whoever counts those at work.
        let fits = tokio::task::spawn_blocking(move || self.check(&password, &hash)).await;
        exists && fits.unwrap_or(false)
    }

    fn make(self, password: &[u8]) -> Result<String, PasswordError> {
        let failed = |error: &dyn std::fmt::Display| PasswordError::Hashing(error.to_string());
        let (algorithm, version, params) = (Algorithm::default(), Version::default(), Params::default());
        let salt = Uuid::new_v4().into_bytes();
        let hash = PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&params).map_err(|error| failed(&error))?,
            salt: Some(Salt::new(&salt).map_err(|error| failed(&error))?),
            hash: Some(self.work(algorithm, version, params, password, &salt).map_err(|error| failed(&error))?),
        };
        Ok(hash.to_string())
    }

    fn check(self, password: &[u8], hash: &str) -> bool {
        let expected = PasswordHash::new(hash).ok();
        let computed = expected.as_ref().and_then(|hash| {
            let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
            let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
            let params = Params::try_from(hash).ok()?;
            self.work(algorithm, version, params, password, hash.salt?.as_ref()).ok()
        });
        // Outputs compare in constant time.
        computed.is_some() && computed == expected.and_then(|hash| hash.hash)
    }

    /// Hashes in the memory of an earlier hash, if there is some.
    fn work(
        self,
        algorithm: Algorithm,
        version: Version,
        params: Params,
        password: &[u8],
        salt: &[u8],
    ) -> Result<Output, argon2::Error> {
        let mut buffer = [0; Output::MAX_LENGTH];
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let out = buffer.get_mut(..length).ok_or(argon2::Error::OutputTooLong)?;
        let blocks = params.block_count();
        let mut memory = self.lock().pop().unwrap_or_default();
        memory.resize(blocks.max(memory.len()), Block::new());
        let argon2 = Argon2::new(algorithm, version, params);
        let done = argon2.hash_password_into_with_memory(password, salt, out, &mut memory[..blocks]);
        // A hash that asks for more than ours do must not keep it for good.
        if memory.len() <= Params::default().block_count() {
            self.lock().push(memory);
        }
        done?;
        Output::new(out).map_err(|_| argon2::Error::OutputTooShort)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a password is among those that are tried first: common words and names, patterns of the keyboard, dates, the
/// user's own names, and what is made of them.
fn is_common(password: &str, called: &[String]) -> bool {
    let called: Vec<&str> = called.iter().map(String::as_str).chain(["procession"]).collect();
    zxcvbn::zxcvbn(password, &called).guesses_log10() < LEAST_GUESSES
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

    async fn fits(passwords: &Passwords, password: &str, hash: Option<&str>) -> bool {
        passwords.place().await.unwrap().fits(password, hash.map(str::to_owned)).await
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse", &["ann"]).await.unwrap();
        assert!(fits(&passwords, "correct horse", Some(&hash)).await);
        assert!(!fits(&passwords, "battery staple", Some(&hash)).await);
        assert!(!fits(&passwords, "anything", None).await);
        assert!(!fits(&passwords, "anything", Some("no hash")).await);
    }

    #[tokio::test]
    async fn hashes_of_the_library_itself_fit_and_ours_are_such() {
        use argon2::{PasswordHasher, PasswordVerifier};
        let passwords = Passwords::default();
        let foreign = Argon2::default().hash_password(b"correct horse").unwrap().to_string();
        assert!(fits(&passwords, "correct horse", Some(&foreign)).await);
        let own = passwords.hash("correct horse", &[]).await.unwrap();
        let own = PasswordHash::new(&own).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &own).is_ok());
    }

    #[tokio::test]
    async fn passwords_that_are_tried_first_are_refused() {
        let passwords = Passwords::default();
        for common in ["password", "        ", "12345678", "qwertzui", "Passw0rd!", "procession1", "ann.miller"] {
            let refused = passwords.hash(common, &["ann.miller"]).await;
            assert_eq!(refused, Err(PasswordError::TooCommon), "{common}");
        }
        assert_eq!(passwords.hash("short", &[]).await, Err(PasswordError::TooShort));
        assert_eq!(passwords.hash(&"x".repeat(1_025), &[]).await, Err(PasswordError::TooLong));
    }

    #[tokio::test]
    async fn memory_is_kept_while_someone_waits_for_it_and_then_given_back() {
        let passwords = Passwords::default();
        let kept = || passwords.memories.lock().unwrap().len();
        let waiting = passwords.place().await.unwrap();
        let checks = (0..10).map(|_| fits(&passwords, "anything", None));
        futures::future::join_all(checks).await;
        assert!((1..=MOST_AT_WORK).contains(&kept()), "{}", kept());
        drop(waiting);
        assert_eq!(kept(), 0);
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_sent_away_at_once() {
        let passwords = Passwords::default();
        let mut held = Vec::new();
        for _ in 0..MOST_AT_WORK {
            held.push(passwords.place().await.unwrap());
        }
        let mut waiting: Vec<_> = (MOST_AT_WORK..MOST_IN_LINE).map(|_| Box::pin(passwords.place())).collect();
        for place in &mut waiting {
            assert!(futures::poll!(place).is_pending());
        }
        assert_eq!(passwords.place().await.err(), Some(PasswordError::Busy));
        drop(waiting);
        held.pop();
        assert!(passwords.place().await.is_ok(), "who stops waiting leaves the line");
    }

    #[test]
    fn a_check_without_a_user_is_awaited_like_any_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (free, busy) = std::sync::mpsc::channel::<()>();
            let occupied = tokio::task::spawn_blocking(move || {
                let _ = busy.recv();
            });
            let passwords = Passwords::default();
            for hash in [None, Some(NOBODY.to_owned())] {
                let place = passwords.place().await.unwrap();
                let mut check = std::pin::pin!(place.fits("anything", hash));
                assert!(futures::poll!(&mut check).is_pending());
            }
            drop(free);
            occupied.await.unwrap();
        });
    }

    #[test]
    fn the_hash_of_nobody_costs_what_ours_cost() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        let (own, cost) = (Params::default(), |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost()));
        assert_eq!(cost(&params), cost(&own));
        assert_eq!(nobody.hash.unwrap().len(), Params::DEFAULT_OUTPUT_LEN);
    }

    #[test]
    fn random_texts_are_long_enough_and_differ() {
        let (one, other) = (random_text(32), random_text(32));
        assert_eq!(one.len(), 52);
        assert_ne!(one, other);
    }
}
