//! "Did you mean": the known name that is closest to an unknown one.

/// Names farther away than this are no misspellings (spec 1.11).
const FARTHEST: usize = 2;

/// The closest candidate within an edit distance of 2; of several equally close ones the first. Very short names must be
/// closer, since any two of them are two edits apart.
pub(crate) fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = name.chars().count();
    let farthest = match length {
        0 | 1 => return None,
        2 | 3 => 1,
        _ => FARTHEST,
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let limit = best.map_or(farthest, |(distance, _)| distance - 1);
        if let Some(distance) = edit_distance_at_most(name, candidate, limit) {
            if distance == 0 {
                return Some(candidate);
            }
            best = Some((distance, candidate));
            if distance == 1 {
                // Nothing but the name itself is closer, and that is not a misspelling.
                break;
            }
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The number of letters to add, drop, change or swap with their neighbour, ignoring case, if it is at most `limit`.
fn edit_distance_at_most(a: &str, b: &str, limit: usize) -> Option<usize> {
    // Characters have one to four bytes, which is enough to pass over most candidates at once.
    let (longer, shorter) = (a.len().max(b.len()), a.len().min(b.len()));
    let bytes_per_character = if a.is_ascii() && b.is_ascii() { 1 } else { 4 };
    if longer > (shorter + limit) * bytes_per_character {
        return None;
    }
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let changed = previous[j] + usize::from(from != to);
            let mut distance = changed.min(previous[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                distance = distance.min(before[j - 1] + 1);
            }
            row.push(distance);
        }
        if row.iter().all(|distance| *distance > limit) {
            return None;
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous.last().copied().filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_within_two_edits_are_suggested() {
        let known = ["depends_on", "description", "message", "agent", "id"];
        let cases = [
            ("depend_on", Some("depends_on")),
            ("dependson", Some("depends_on")),
            ("messgae", Some("message")),
            ("Agent", Some("agent")),
            ("agnts", Some("agent")),
            ("depends", None),
            ("x", None),
            ("di", Some("id")),
            ("xy", None),
        ];
        for (name, expected) in cases {
            assert_eq!(closest(name, known), expected, "{name}");
        }
    }

    #[test]
    fn the_closest_wins_over_the_first() {
        assert_eq!(closest("reviw", ["revi", "review"]), Some("revi"));
        assert_eq!(closest("reviws", ["revi", "reviews"]), Some("reviews"));
    }
}
