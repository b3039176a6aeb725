//! "Did you mean": the key that was probably meant.

use procession_domain::suggest::closest;

use super::KEYS;

/// The key nearest to a name that is none: a slip of the pen, or its last part without the sections before it.
pub(super) fn nearest_key(name: &str) -> Option<&'static str> {
    let by_last_part = KEYS.iter().find(|key| key.name.rsplit('.').next() == Some(name));
    if let Some(key) = by_last_part {
        return Some(key.name);
    }
    closest(name, KEYS.iter().map(|key| key.name))
}
