//! "Did you mean": the key that was probably meant.

use super::KEYS;

/// The key nearest to a name that is none: a slip of the pen, or its last part without the sections before it.
pub(super) fn nearest_key(name: &str) -> Option<&'static str> {
    let by_last_part = KEYS.iter().find(|key| key.name.rsplit('.').next() == Some(name));
    if let Some(key) = by_last_part {
        return Some(key.name);
    }
    let longest_distance = (name.chars().count() / 4).clamp(1, 4);
    let distance = |key: &str| strsim::damerau_levenshtein(&name.to_lowercase(), key);
    let near = KEYS.iter().map(|key| (distance(key.name), key.name)).min()?;
    (near.0 <= longest_distance).then_some(near.1)
}
