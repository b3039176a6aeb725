//! What is undefined: how it is called, what may have been meant, and what the rule in force makes of it. Nothing here
//! shows the value of a variable, not even one that was used as a name.

use std::{fmt::Write as _, ops::Range};

use minijinja::value::ValueKind;
use procession_domain::{
    definition::UndefinedRule,
    suggest::closest,
    value::{Json, StepId},
};

use super::{
    Mode, Run, Stop,
    path::{Key, Trail},
    print::items_of,
    value::Val,
};
use crate::{ast::Segment, known};

/// Where a path leads nowhere.
pub enum Gap<'a> {
    /// There is no such variable.
    Root,
    /// There is no such step.
    Step,
    /// The text gave this name to something undefined.
    Unset,
    /// The name at this place is none of the available ones.
    Field { at: usize, available: Vec<&'a str> },
    /// The value has nothing of the name or number at this place.
    Within { at: usize, value: Val<'a> },
}

/// What is undefined, and what may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The path up to what is missing, or the expression.
    pub subject: String,
    /// More sentences, each with a space before it; empty if there is nothing to say.
    pub hint: String,
}

/// How many names a message lists.
const MOST_NAMES: usize = 15;

/// Among how many names a suggestion is looked for.
const MOST_CANDIDATES: usize = 2_000;

impl<'a> Run<'a> {
    /// Takes note of something undefined as the rule in force says.
    pub fn undefined(&mut self, missing: Missing, range: &Range<usize>, is_lenient: bool) -> Result<Val<'a>, Stop> {
        if is_lenient {
            return Ok(Val::Undefined);
        }
        let Missing { subject, hint } = missing;
        let what = format!("`{subject}` is not defined{}", self.place(range.start));
        match self.mode {
            Mode::Condition => self.warn(format!("{what}: it counts as none.{hint}")),
            Mode::Template(UndefinedRule::Empty) => self.warn(format!("{what}: nothing stands in its place.{hint}")),
            Mode::Template(UndefinedRule::Error | UndefinedRule::Keep) => return Err(Stop::Undefined { what, hint }),
        }
        Ok(Val::Absent)
    }

    /// Says where a path leads nowhere, and what there is.
    pub fn explain(&self, trail: &Trail<'a>, gap: Gap<'a>) -> Missing {
        let (known, hint) = match gap {
            Gap::Root => {
                let mut names: Vec<&str> = self.local_names();
                names.extend(known::ROOTS);
                (0, available("There are", trail.root, &names))
            }
            Gap::Step => (1, self.explain_step(&trail.keys[0])),
            Gap::Unset => (0, String::new()),
            Gap::Field { at, available: names } => {
                let place = format!("`{}` has", self.source(trail, at));
                (at + 1, available(&place, trail.name(at).unwrap_or_default(), &names))
            }
            Gap::Within { at, value } => {
                let place = format!("`{}`", self.source(trail, at));
                (at + 1, what_there_is(&value, &place, &trail.keys[at]))
            }
        };
        let subject = self.source(trail, known.min(trail.keys.len()));
        Missing { subject, hint }
    }

    fn explain_step(&self, id: &Key<'_>) -> String {
        let id = id.to_text();
        if self.names.steps.contains(id.as_ref()) {
            return " That step does not come before this text.".to_owned();
        }
        let in_scope = self.scope.steps.keys().map(StepId::as_str);
        let mut names: Vec<&str> = self.names.steps.iter().map(String::as_str).chain(in_scope).collect();
        names.sort_unstable();
        names.dedup();
        available("`steps` has", &id, &names)
    }

    /// The first parts of a path as the author wrote them.
    fn source(&self, trail: &Trail<'a>, parts: usize) -> String {
        let mut text = trail.root.to_owned();
        for segment in &trail.segments[..parts] {
            match segment {
                Segment::Name(name) => {
                    text.push('.');
                    text.push_str(name);
                }
                Segment::Index(index) => drop(write!(text, "[{index}]")),
                Segment::Computed(expression) => drop(write!(text, "[{}]", self.excerpt(&expression.range))),
            }
        }
        text
    }
}

/// What may have been meant, where a key leads nowhere in a value.
pub fn what_there_is(value: &Val<'_>, place: &str, key: &Key<'_>) -> String {
    let names: Vec<String> = match value {
        Val::Json(Json::Object(fields), _) => fields.keys().take(MOST_CANDIDATES).cloned().collect(),
        Val::Made(value) if value.kind() == ValueKind::Map => {
            items_of(value).take(MOST_CANDIDATES).filter_map(|key| key.as_str().map(str::to_owned)).collect()
        }
        Val::Json(Json::Array(items), _) => return format!(" {place} is a list of {}.", items.len()),
        Val::Made(value) if value.kind() == ValueKind::Seq => {
            return format!(" {place} is a list of {}.", value.len().unwrap_or(0));
        }
        other => return format!(" {place} is {}.", other.kind()),
    };
    if names.is_empty() {
        return format!(" {place} is empty.");
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    available(&format!("{place} has"), &key.to_text(), &names)
}

/// The names that there are, after the one that was probably meant.
fn available(there_are: &str, wanted: &str, names: &[&str]) -> String {
    let near = closest(wanted, names.iter().copied());
    let near = near.map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
    let mut listed: Vec<String> = names.iter().take(MOST_NAMES).map(|name| name.chars().take(60).collect()).collect();
    if names.len() > MOST_NAMES {
        listed.push(format!("and {} more", names.len() - MOST_NAMES));
    }
    format!("{near} {there_are}: {}.", listed.join(", "))
}
