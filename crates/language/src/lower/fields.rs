//! The keys of one mapping: found by any of their spellings, each used once, and those that are left over reported.

use procession_domain::definition::StepType;
use procession_yaml::{Entry, Node, Path, Span};

use super::Lowering;
use crate::{
    code::Code,
    diagnostic::Problem,
    keys::{self, Key, Place},
};

/// The keys of a mapping, read by the tables of one or more places.
pub(super) struct Fields<'d: 'p, 'p> {
    given: Vec<Given<'d, 'p>>,
    places: Vec<&'static Place>,
    /// Where to say that something is missing: the mapping's first line.
    pub head: Span,
    pub path: &'p Path<'p>,
}

struct Given<'d, 'p> {
    entry: &'d Entry<'d>,
    around: &'p Path<'p>,
    /// The known key that the author's spelling stands for.
    key: Option<&'static Key>,
    taken: bool,
}

/// The value of a key.
#[derive(Clone, Copy)]
pub(super) struct Field<'d, 'p> {
    pub key: &'static Key,
    /// The key as the author spells it.
    pub spelling: &'d str,
    pub key_span: Span,
    pub node: &'d Node<'d>,
    pub path: Path<'p>,
}

impl<'d: 'p, 'p> Fields<'d, 'p> {
    /// The keys of a mapping; anything else is reported as such.
    pub fn of(cx: &mut Lowering<'d>, node: &'d Node<'d>, path: &'p Path<'p>, place: &'static Place) -> Option<Self> {
        let Some(entries) = node.entries() else {
            cx.wrong_type(node, path, "a mapping");
            return None;
        };
        Some(Self {
            given: entries.iter().map(|entry| Given::new(entry, path, place.find(&entry.key))).collect(),
            places: vec![place],
            head: cx.first_line(node.span),
            path,
        })
    }

    /// Reads by the keys of another place, too.
    pub fn extend_places(&mut self, place: &'static Place) {
        self.places.push(place);
        for given in self.given.iter_mut().filter(|given| given.key.is_none()) {
            given.key = place.find(&given.entry.key);
        }
    }

    /// Reads the entries of another mapping as if they stood here; where both have a key, this mapping's wins.
    pub fn absorb(&mut self, entries: &'d [Entry<'d>], around: &'p Path<'p>) {
        let key_of = |entry: &Entry<'_>| self.places.iter().find_map(|place| place.find(&entry.key));
        self.given.extend(entries.iter().map(|entry| Given::new(entry, around, key_of(entry))));
    }

    /// Whether a key is given in any spelling.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|given| given.is(name) && !given.entry.value.is_null())
    }

    /// The value of a key in any of its spellings. Of several, the canonical one wins, and one of this mapping over one
    /// of an absorbed mapping. Null is as if the key were not there.
    pub fn take(&mut self, cx: &mut Lowering<'d>, name: &'static str) -> Option<Field<'d, 'p>> {
        let mut winner: Option<(bool, usize, &Given<'d, 'p>)> = None;
        for given in self.given.iter_mut().filter(|given| !given.taken && given.is(name)) {
            given.taken = true;
            if given.entry.value.is_null() {
                continue;
            }
            let candidate = (!std::ptr::eq(given.around, self.path), given.rank(), &*given);
            winner = Some(match winner {
                None => candidate,
                Some(best) => {
                    let (better, worse) = if (candidate.0, candidate.1) < (best.0, best.1) {
                        (candidate, best)
                    } else {
                        (best, candidate)
                    };
                    cx.problems.push(overridden(better.2, worse.2));
                    better
                }
            });
        }
        let (_, _, winner) = winner?;
        Some(Field {
            key: winner.key?,
            spelling: &winner.entry.key,
            key_span: winner.entry.key_span,
            node: &winner.entry.value,
            path: Path::Key(winner.around, &winner.entry.key),
        })
    }

    /// The value of a key that must be there.
    pub fn require(&mut self, cx: &mut Lowering<'d>, name: &'static str) -> Option<Field<'d, 'p>> {
        let field = self.take(cx, name);
        if field.is_none() {
            self.report_missing(cx, name);
        }
        field
    }

    /// Says that a key is missing, at the key if it stands there without a value.
    pub fn report_missing(&self, cx: &mut Lowering<'d>, name: &str) {
        let title = self.places.last().map_or("", |place| place.title);
        let empty = self.given.iter().find(|given| given.is(name));
        let problem = match empty {
            Some(given) => {
                let (_, hint) = cx.empty_place(given.entry.value.span);
                let message = format!("`{}` has no value, and {title} needs one{hint}", given.entry.key);
                Problem::new(Code::MissingKey, given.entry.key_span, message)
            }
            None => Problem::new(Code::MissingKey, self.head, format!("{title} needs `{name}`")),
        };
        cx.problems.push(problem.at(self.path));
    }

    /// Takes a key that is known but has no use here, and says so in the given words.
    pub fn refuse(&mut self, cx: &mut Lowering<'d>, name: &'static str, words: impl FnOnce(&str) -> String) {
        if let Some(field) = self.take(cx, name) {
            let problem = Problem::new(Code::KeyWithoutEffect, field.key_span, words(field.spelling));
            cx.problems.push(problem.at(field.path));
        }
    }

    /// Takes the value of a key, if it is there, and reads it.
    pub fn read<T>(
        &mut self,
        cx: &mut Lowering<'d>,
        name: &'static str,
        how: impl FnOnce(&mut Lowering<'d>, &Field<'d, 'p>) -> Option<T>,
    ) -> Option<T> {
        let field = self.take(cx, name)?;
        how(cx, &field)
    }

    /// The same for a step whose type is not known: only keys that no type has are reported.
    pub fn finish_without_type(mut self, cx: &mut Lowering<'d>) {
        let of_some_type = |key: &str| StepType::ALL.into_iter().any(|owner| keys::of_type(owner).find(key).is_some());
        self.given.retain(|given| !of_some_type(&given.entry.key));
        self.finish(cx);
    }

    /// Reports the keys that nothing has asked for.
    pub fn finish(self, cx: &mut Lowering<'d>) {
        for given in self.given.iter().filter(|given| !given.taken) {
            if !cx.problems.has_room_for(Code::UnknownKey) {
                cx.problems.count();
                continue;
            }
            let key = given.entry.key.as_ref();
            debug_assert!(given.key.is_none(), "the known key `{key}` was not read");
            let problem = self.unknown_key(cx, key, given.entry.key_span);
            cx.problems.push(problem.at(Path::Key(given.around, key)));
        }
    }

    /// The entries of a key that is spelled just so and whose value is a mapping.
    pub fn take_map(&mut self, spelling: &str) -> Option<&'d [Entry<'d>]> {
        let given = self.given.iter_mut().find(|given| given.entry.key == spelling)?;
        let entries = given.entry.value.entries()?;
        given.taken = true;
        Some(entries)
    }

    fn unknown_key(&self, cx: &Lowering<'d>, key: &str, span: Span) -> Problem {
        let title = self.places.last().map_or("the document", |place| place.title);
        let misplaced = |owner: &str| {
            let message = format!("`{key}` belongs to {owner}; {title} has no use for it");
            Problem::new(Code::MisplacedKey, span, message)
        };
        let is_step = self.places.iter().any(|place| std::ptr::eq(*place, &raw const keys::STEP));
        let of_other_type = StepType::ALL.into_iter().map(keys::of_type).find(|place| place.find(key).is_some());
        if let Some(place) = of_other_type.filter(|_| is_step) {
            return misplaced(place.title);
        }
        let known = self.places.iter().flat_map(|place| place.keys).flat_map(Key::spellings);
        if let Some(meant) = cx.closest(key, known) {
            let message = format!("{title} has no key `{key}`; did you mean `{meant}`?");
            return Problem::new(Code::UnknownKey, span, message).suggest(Some(meant));
        }
        match keys::place_with(key) {
            Some(place) => misplaced(place.title),
            None => Problem::new(Code::UnknownKey, span, format!("{title} has no key `{key}`; it is ignored")),
        }
    }
}

impl<'d, 'p> Given<'d, 'p> {
    const fn new(entry: &'d Entry<'d>, around: &'p Path<'p>, key: Option<&'static Key>) -> Self {
        Self { entry, around, key, taken: false }
    }

    /// Whether it is this key in one of its spellings.
    fn is(&self, name: &str) -> bool {
        self.key.is_some_and(|key| key.name == name)
    }

    /// How canonical its spelling is; 0 is best.
    fn rank(&self) -> usize {
        let position = |key: &Key| key.spellings().position(|spelling| spelling == self.entry.key);
        self.key.and_then(position).unwrap_or(usize::MAX)
    }
}

fn overridden(winner: &Given<'_, '_>, loser: &Given<'_, '_>) -> Problem {
    let (won, lost) = (Path::Key(winner.around, &winner.entry.key), &loser.entry.key);
    let message = format!("`{lost}` means the same as `{won}`, which wins; leave one of them out");
    Problem::new(Code::OverriddenKey, loser.entry.key_span, message).at(Path::Key(loser.around, lost))
}
