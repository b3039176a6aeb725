//! The keys of one mapping: found by any of their spellings, each used once, and those that are left over reported.

use procession_domain::definition::StepType;
use procession_yaml::{Correction, Entry, Fix, Node, Path, Span};

use super::{Lowering, comments};
use crate::{
    code::Code,
    keys::{self, Key, Place, foreign},
    problem::Problem,
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
    /// The key that is probably meant by an unknown one.
    meant: Guess,
    taken: bool,
}

/// What is known of the key that is probably meant by an unknown one.
#[derive(Clone, Copy)]
enum Guess {
    NotMade,
    Nothing,
    Key(Meant),
}

/// A key that is probably meant by an unknown one.
#[derive(Clone, Copy)]
struct Meant {
    key: &'static Key,
    spelling: &'static str,
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
            cx.no_mapping(node, path, place);
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
            given.meant = Guess::NotMade;
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
    /// of an absorbed mapping. Null is as if the key were not there. Without the key, an unknown one that probably means
    /// it is reported, and read in its place.
    pub fn take(&mut self, cx: &mut Lowering<'d>, name: &'static str) -> Option<Field<'d, 'p>> {
        if let Some(field) = self.take_exact(cx, name) {
            return Some(field);
        }
        self.report_swallowed(cx, name);
        let (field, meant) = self.take_meant(cx, name)?;
        let problem = self.unknown_key(field.spelling, field.key_span).suggest(Some(meant.spelling));
        cx.problems.push(problem.at(field.path));
        Some(Field { spelling: meant.spelling, ..field })
    }

    /// The value of a key that must be there.
    pub fn require(&mut self, cx: &mut Lowering<'d>, name: &'static str) -> Option<Field<'d, 'p>> {
        if let Some(field) = self.take_needed(cx, name) {
            return Some(field);
        }
        match self.foreign_of_another_kind(name).filter(|_| !self.given.iter().any(|given| given.is(name))) {
            // What it holds can't be read as what the key takes.
            Some(index) => {
                self.given[index].taken = true;
                let given = &self.given[index];
                let message = format!("`{}` is not a key of {}, which needs `{name}`", given.entry.key, self.title());
                let problem = Problem::new(Code::MissingKey, given.entry.key_span, message);
                cx.problems.push(problem.at(Path::Key(given.around, &given.entry.key)));
            }
            None => self.report_missing(cx, name),
        }
        None
    }

    /// The value of a key without which there will be an error, if it is there or if an unknown key means it.
    pub fn take_needed(&mut self, cx: &mut Lowering<'d>, name: &'static str) -> Option<Field<'d, 'p>> {
        if let Some(field) = self.take_exact(cx, name) {
            return Some(field);
        }
        let (field, meant) = self.take_meant(cx, name)?;
        let message = format!("`{}` is not a key of {}, which needs `{name}`", field.spelling, self.title());
        let problem = Problem::new(Code::MissingKey, field.key_span, message).suggest(Some(meant.spelling));
        cx.problems.push(problem.at(field.path));
        Some(Field { spelling: meant.spelling, ..field })
    }

    /// The value of a key that is there in one of its spellings.
    fn take_exact(&mut self, cx: &mut Lowering<'d>, name: &'static str) -> Option<Field<'d, 'p>> {
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
        Some(winner.field(winner.key?))
    }

    /// The value of an unknown key that probably means this one, if there is no such key.
    fn take_meant(&mut self, cx: &mut Lowering<'d>, name: &'static str) -> Option<(Field<'d, 'p>, Meant)> {
        if !cx.reads_what_is_meant || self.given.iter().any(|given| given.is(name)) {
            return None;
        }
        for index in 0..self.given.len() {
            let given = &self.given[index];
            if given.taken || given.key.is_some() || given.entry.value.is_null() {
                continue;
            }
            let guess = match given.meant {
                Guess::NotMade => self.key_meant(cx, given).map_or(Guess::Nothing, Guess::Key),
                made => made,
            };
            self.given[index].meant = guess;
            if let Guess::Key(meant) = guess
                && meant.key.name == name
            {
                let given = &mut self.given[index];
                given.taken = true;
                cx.has_read_what_is_meant = true;
                return Some((given.field(meant.key), meant));
            }
        }
        None
    }

    /// The key that is probably meant by an unknown one: none that is there already, and none if the unknown one belongs
    /// to another type of step.
    fn key_meant(&self, cx: &Lowering<'d>, given: &Given<'d, 'p>) -> Option<Meant> {
        let word = given.entry.key.as_ref();
        // A key of some type of step is no slip of the pen, whether this step's type is known yet or not.
        if self.is_step() && type_with(word).is_some() {
            return None;
        }
        if foreign::entry_meant(word, &given.entry.value).is_some() && self.is_step() {
            return None;
        }
        let find = |name: &str| self.places.iter().find_map(|place| place.find(name));
        let foreign = self.places.iter().find_map(|place| foreign::key_meant(place, word));
        if let Some((key, spelling)) = foreign.and_then(|name| Some((find(name)?, name))) {
            let fits = foreign::fits(key.shape, &given.entry.value);
            return (fits && !self.is_given(key.name)).then_some(Meant { key, spelling });
        }
        // While the type of a step is open, the keys of all types may be meant.
        let is_open = self.is_step() && self.places.len() == 1;
        let types = StepType::ALL.into_iter().map(keys::of_type).filter(|_| is_open);
        let spellings = self.places.iter().copied().chain(types).flat_map(|place| place.keys).flat_map(Key::spellings);
        let spelling = cx.closest(word, spellings)?;
        let key = find(spelling)?;
        (!self.is_given(key.name)).then_some(Meant { key, spelling })
    }

    /// Whether a key is there, or was read in the place of an unknown one.
    fn is_given(&self, name: &str) -> bool {
        let was_meant = |given: &Given<'_, '_>| {
            given.taken && given.key.is_none() && matches!(given.meant, Guess::Key(meant) if meant.key.name == name)
        };
        self.given.iter().any(|given| given.is(name) || was_meant(given))
    }

    /// Says so if a comment is all that follows a key that may be left out.
    fn report_swallowed(&self, cx: &mut Lowering<'d>, name: &str) {
        for given in self.given.iter().filter(|given| given.is(name)) {
            if let Some((comment, correction)) = cx.swallowed(given.entry.key_span.end) {
                let problem = comments::problem(cx.source, comment).correct(correction);
                cx.problems.push(problem.at(Path::Key(given.around, &given.entry.key)));
            }
        }
    }

    /// An unknown key that means this one in other tools, whatever it holds.
    fn foreign_of_another_kind(&self, name: &str) -> Option<usize> {
        self.given.iter().position(|given| {
            let is_foreign = || self.places.iter().find_map(|place| foreign::key_meant(place, &given.entry.key));
            !given.taken && given.key.is_none() && is_foreign() == Some(name)
        })
    }

    /// Says that a key is missing, at the key if it stands there without a value.
    pub fn report_missing(&self, cx: &mut Lowering<'d>, name: &str) {
        let title = self.title();
        let empty = self.given.iter().find(|given| given.is(name));
        let problem = match empty {
            Some(given) => {
                let (hint, correction) = cx.swallowed(given.entry.key_span.end).unzip();
                let hint = hint.map_or("", |_| comments::HINT);
                let message = format!("`{}` has no value, and {title} needs one{hint}", given.entry.key);
                Problem::new(Code::MissingKey, given.entry.key_span, message).correct(correction.flatten())
            }
            None => Problem::new(Code::MissingKey, self.head, format!("{title} needs `{name}`")),
        };
        cx.problems.push(problem.at(self.path));
    }

    /// Takes a key that is known but has no use here, and says so in the given words.
    pub fn refuse(&mut self, cx: &mut Lowering<'d>, name: &'static str, words: impl FnOnce(&str) -> String) {
        if let Some(field) = self.take_exact(cx, name) {
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
            if self.is_left_alone(key) {
                continue;
            }
            let problem = self.unused_key(cx, given);
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

    fn title(&self) -> &'static str {
        self.places.last().map_or("the document", |place| place.title)
    }

    fn is_step(&self) -> bool {
        self.places.iter().any(|place| std::ptr::eq(*place, &raw const keys::STEP))
    }

    /// Keys at the top that only hold anchors are other tools' custom.
    fn is_left_alone(&self, key: &str) -> bool {
        let is_document = self.places.iter().any(|place| std::ptr::eq(*place, &raw const keys::DOCUMENT));
        is_document && (key.starts_with("x-") || key.starts_with('.'))
    }

    /// The type of step that has this key, if this step is of another one.
    fn owner_among_types(&self, key: &str) -> Option<&'static Place> {
        let is_typed_step = self.is_step() && self.places.len() > 1;
        type_with(key).filter(|_| is_typed_step)
    }

    fn unknown_key(&self, key: &str, span: Span) -> Problem {
        Problem::new(Code::UnknownKey, span, format!("{} has no key `{key}`", self.title()))
    }

    fn unused_key(&self, cx: &Lowering<'d>, given: &Given<'d, 'p>) -> Problem {
        let Entry { key, key_span, value } = given.entry;
        let title = self.title();
        let misplaced = |owner: &str| {
            let message = format!("`{key}` belongs to {owner}; {title} has no use for it");
            Problem::new(Code::MisplacedKey, *key_span, message)
        };
        if let Some((name, entry)) = foreign::entry_meant(key, value).filter(|_| self.is_step())
            && !self.is_given(name)
        {
            let fix = Fix { span: Span::new(key_span.start, value.span.end), text: entry.clone() };
            return self.unknown_key(key, *key_span).correct(Some(Correction { shown: entry, fix }));
        }
        if let Some(place) = self.owner_among_types(key) {
            return misplaced(place.title);
        }
        if let Some(meant) = self.key_meant(cx, given) {
            return self.unknown_key(key, *key_span).suggest(Some(meant.spelling));
        }
        if let Some(name) = self.places.iter().find_map(|place| foreign::key_meant(place, key)) {
            let problem = self.unknown_key(key, *key_span);
            let message = format!("{}; what it means is called `{name}` here", problem.message);
            return Problem { message, ..problem };
        }
        match keys::place_with(key) {
            Some(place) => misplaced(place.title),
            None => Problem::new(Code::UnknownKey, *key_span, format!("{title} has no key `{key}`; it is ignored")),
        }
    }
}

/// The type of step that has a key.
fn type_with(key: &str) -> Option<&'static Place> {
    StepType::ALL.into_iter().map(keys::of_type).find(|place| place.find(key).is_some())
}

impl<'d: 'p, 'p> Given<'d, 'p> {
    const fn new(entry: &'d Entry<'d>, around: &'p Path<'p>, key: Option<&'static Key>) -> Self {
        Self { entry, around, key, meant: Guess::NotMade, taken: false }
    }

    fn field(&self, key: &'static Key) -> Field<'d, 'p> {
        let (entry, around) = (self.entry, self.around);
        Field {
            key,
            spelling: &entry.key,
            key_span: entry.key_span,
            node: &entry.value,
            path: Path::Key(around, &entry.key),
        }
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
