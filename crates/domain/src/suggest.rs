//! "Did you mean": the known word that is nearest to one that is not known. There is one rule for the whole program
//! (spec 1.11): what it suggests is a slip of the pen, never just another word.

use std::{borrow::Cow, cell::Cell};

/// Longer words are no names that someone could mistype.
const LONGEST_WORD: usize = 64;

/// The word that was probably meant, if one of the candidates is near enough; of several equally near ones the first.
pub fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    Guesses::at_most(usize::MAX).closest(word, candidates)
}

/// The words as the end of a message: `` ; did you mean `x`? ``, or nothing.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    closest(word, candidates).map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

/// Guesses of which there may be many in a row: together they compare no more words than they are allowed to.
#[derive(Debug)]
pub struct Guesses {
    comparisons_left: Cell<usize>,
}

impl Guesses {
    /// So many comparisons; when they are used up, nothing is suggested any more.
    pub const fn at_most(comparisons: usize) -> Self {
        Self { comparisons_left: Cell::new(comparisons) }
    }

    /// How many comparisons are left.
    pub const fn left(&self) -> usize {
        self.comparisons_left.get()
    }

    /// The word that was probably meant, as [`closest`] finds it.
    pub fn closest<'c>(&self, word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
        let sought = Sought::new(word)?;
        let mut best: Option<(usize, &str)> = None;
        for candidate in candidates {
            let left = self.comparisons_left.get().checked_sub(1)?;
            self.comparisons_left.set(left);
            let limit = best.map_or(usize::MAX, |(distance, _)| distance - 1);
            if let Some(distance) = sought.distance(candidate).filter(|distance| *distance <= limit) {
                best = Some((distance, candidate));
                if distance == 0 {
                    break;
                }
            }
        }
        best.map(|(_, candidate)| candidate)
    }
}

/// A word that is compared with many.
struct Sought<'w> {
    word: Cow<'w, str>,
    letters: usize,
}

impl<'w> Sought<'w> {
    fn new(word: &'w str) -> Option<Self> {
        let word = lower_case(word.trim());
        let letters = word.chars().count();
        (2..=LONGEST_WORD).contains(&letters).then_some(Self { word, letters })
    }

    /// How many letters were added, left out, changed, or swapped with the next one, whatever their case; `None` if that
    /// is too much for a slip.
    fn distance(&self, candidate: &str) -> Option<usize> {
        let letters = if candidate.is_ascii() { candidate.len() } else { candidate.chars().count() };
        if self.letters.abs_diff(letters) > 2 || letters > LONGEST_WORD {
            return None;
        }
        let candidate = lower_case(candidate);
        let is_same_start = self.word.chars().next() == candidate.chars().next();
        let shorter = self.letters.min(letters);
        let most = match shorter {
            0 | 1 => return None,
            2 => return self.distance_of_two_letters(&candidate),
            3 | 4 => 1,
            _ if is_same_start => 2,
            _ => 1,
        };
        if self.letters.abs_diff(letters) > most {
            return None;
        }
        Some(strsim::osa_distance(&self.word, &candidate)).filter(|distance| *distance <= most)
    }

    /// Of two letters, both must be there: only their order, or a letter behind them, can be a slip.
    fn distance_of_two_letters(&self, candidate: &str) -> Option<usize> {
        let word: &str = &self.word;
        let has_one_more = |longer: &str, shorter: &str| {
            let rest = longer.strip_prefix(shorter).map(|rest| rest.chars().collect::<Vec<_>>());
            rest.is_some_and(|rest| matches!(rest.as_slice(), [letter] if letter.is_alphabetic()))
        };
        let is_swapped = candidate.chars().rev().eq(word.chars());
        let is_near = is_swapped || has_one_more(word, candidate) || has_one_more(candidate, word);
        if word == candidate { Some(0) } else { is_near.then_some(1) }
    }
}

fn lower_case(word: &str) -> Cow<'_, str> {
    let is_lower = word.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_lower { Cow::Borrowed(word) } else { Cow::Owned(word.to_lowercase()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_found() {
        let known = ["depends_on", "description", "message", "agent", "id", "analyze", "review", "publish", "echo-bot"];
        let cases = [
            ("depend_on", "depends_on"),
            ("dependson", "depends_on"),
            ("Depends-On", "depends_on"),
            ("messgae", "message"),
            ("mesage", "message"),
            ("Agent", "agent"),
            ("agnts", "agent"),
            ("di", "id"),
            ("ids", "id"),
            ("analyse", "analyze"),
            ("reveiw", "review"),
            ("publsh", "publish"),
            ("Echo-Bot", "echo-bot"),
        ];
        for (word, expected) in cases {
            assert_eq!(closest(word, known), Some(expected), "{word}");
        }
    }

    #[test]
    fn other_words_are_no_slips() {
        let cases: [(&str, &[&str]); 12] = [
            ("date", &["safe"]),
            ("json", &["join"]),
            ("price", &["slice"]),
            ("later", &["safer"]),
            ("if", &["id"]),
            ("xy", &["id"]),
            ("a1", &["b1", "a2", "a12"]),
            ("x", &["y", "x1"]),
            ("depends", &["depends_on"]),
            ("analysis", &["analyze"]),
            ("translator", &["transistors"]),
            ("", &["a"]),
        ];
        for (word, known) in cases {
            assert_eq!(closest(word, known.iter().copied()), None, "{word}");
        }
    }

    #[test]
    fn the_nearest_wins_over_the_first_and_the_first_over_equals() {
        assert_eq!(closest("reviw", ["revi", "review"]), Some("revi"));
        assert_eq!(closest("reviws", ["revi", "reviews"]), Some("reviews"));
        assert_eq!(closest("reviews", ["reviewed", "review"]), Some("review"));
    }

    #[test]
    fn guesses_end_with_their_comparisons() {
        let guesses = Guesses::at_most(3);
        assert_eq!(guesses.closest("reviw", ["a", "review"]), Some("review"));
        assert_eq!(guesses.left(), 1);
        assert_eq!(guesses.closest("reviw", ["a", "review"]), None);
        assert_eq!(guesses.left(), 0);
    }
}
