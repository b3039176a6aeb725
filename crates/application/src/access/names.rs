//! What users may be called: names that people can tell apart, in lists and in the assignees of approvals.

use unicode_security::{GeneralSecurityProfile as _, MixedScript as _, confusable_detection::skeleton};

use crate::ports::{Role, User};

/// The most characters of a name.
const LONGEST: usize = 128;

/// What else than letters and digits may stand in a name; addresses of e-mail are names, too.
const MARKS: [char; 5] = ['.', '_', '-', '@', '+'];

/// The one name of a role that a user may have: that of the set-up, who may decide everything anyway.
const OF_THE_SETUP: &str = "admin";

/// What else than roles means something where people are named: the program itself, and everyone.
const TAKEN: [&str; 3] = ["user", "system", "anonymous"];

/// Why a name is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is not made of what names are made of.
    #[error("a user name has 1 to 128 letters, digits and `. _ - @ +`, and begins with a letter or digit")]
    Characters,
    /// It mixes scripts, such as Latin with Cyrillic letters.
    #[error("a user name must be written in one script")]
    MixedScripts,
    /// It means something else.
    #[error("`{0}` is no user name: it names a role or the program itself")]
    Reserved(String),
    /// People could take one for the other.
    #[error("`{name}` looks like the user `{like}`")]
    LooksLike {
        /// The name.
        name: String,
        /// The user there is.
        like: String,
    },
}

/// Checks the name of a new user.
pub(super) fn check(name: &str) -> Result<(), NameError> {
    let fits = name.chars().all(|c| MARKS.contains(&c) || (c.is_alphanumeric() && c.identifier_allowed()))
        && name.chars().next().is_some_and(char::is_alphanumeric)
        && name.chars().count() <= LONGEST;
    if !fits {
        return Err(NameError::Characters);
    }
    if !name.is_single_script() {
        return Err(NameError::MixedScripts);
    }
    let looks = looks(name);
    let mut taken = Role::NAMES.into_iter().filter(|role| *role != OF_THE_SETUP).chain(TAKEN);
    if taken.any(|taken| self::looks(taken) == looks) {
        return Err(NameError::Reserved(name.to_owned()));
    }
    Ok(())
}

/// Refuses a name that people could take for one of these users'. The same name is another matter: it is taken.
pub(super) fn check_looks(name: &str, users: &[User]) -> Result<(), NameError> {
    let (lower, looks) = (name.to_lowercase(), looks(name));
    let like = users.iter().find(|user| user.name.to_lowercase() != lower && self::looks(&user.name) == looks);
    like.map_or(Ok(()), |like| Err(NameError::LooksLike { name: name.to_owned(), like: like.name.clone() }))
}

/// What a name looks like at a glance, whatever its case: a capital looks like other letters than a small one does.
fn looks(name: &str) -> String {
    let as_written: String = skeleton(name).collect();
    skeleton(&as_written.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_a_few_marks_of_one_script() {
        for name in ["ann", "Ann.Lee", "ann+x@example.com", "7of9", "J\u{f6}rg", "\u{65e5}\u{672c}", "admin"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        let long = "x".repeat(129);
        for name in ["", " ann", "Ann Lee", "ann/b", ".ann", "role:viewer", "a\u{200b}nn", "a\u{202e}nn", "a\nb", &long]
        {
            assert_eq!(check(name), Err(NameError::Characters), "{name:?}");
        }
        // With a Cyrillic a.
        assert_eq!(check("\u{430}nn"), Err(NameError::MixedScripts));
        for name in ["viewer", "Approver", "SYSTEM", "process_admin", "0perator"] {
            assert_eq!(check(name), Err(NameError::Reserved(name.to_owned())), "{name}");
        }
    }

    #[test]
    fn a_name_that_looks_like_another_is_refused() {
        let user = |name: &str| crate::ports::NewUser {
            id: procession_domain::value::UserId::new(uuid::Uuid::nil()),
            name: name.to_owned(),
            email: None,
            role: "viewer".to_owned(),
            password_hash: None,
            created_at: procession_domain::value::Timestamp::from_micros(0),
        };
        let users: Vec<User> = ["alice", "bob1"].map(|name| user(name).into()).into();
        for (name, like) in [("aIice", "alice"), ("a1ice", "alice"), ("B0B1", "bob1"), ("bobl", "bob1")] {
            let refused = NameError::LooksLike { name: name.to_owned(), like: like.to_owned() };
            assert_eq!(check_looks(name, &users), Err(refused), "{name}");
        }
        for name in ["ALICE", "bob2", "alicia"] {
            assert_eq!(check_looks(name, &users), Ok(()), "{name}");
        }
    }
}
