//! Values of keys, read as the types that the tables of keys give them.

use std::str::FromStr;

use procession_domain::{
    definition::{Condition, Template},
    value::{Decimal, Duration, Money, StepId, Version},
};
use procession_yaml::{Correction, Fix, Kind, Node, Path, Resolved, Scalar, Span, Style};
use serde::de::DeserializeOwned;

use super::{Field, Lowering, Mention, Owner, TextKind, TextUse, comments, durations};
use crate::{
    code::Code,
    keys::{Shape, foreign},
    problem::Problem,
};

/// Reading of single values. What is wrong is reported, and `None` comes back.
impl<'d> Lowering<'d> {
    /// Plain text; numbers and booleans are taken as they are written.
    pub(super) fn text(&mut self, field: &Field<'d, '_>) -> Option<String> {
        let text = self.text_of(field.node, &field.path)?;
        if matches!(field.key.name, "name" | "description") {
            self.check_comment(field.node, &field.path.to_text(), TextKind::Template);
        }
        Some(text.to_owned())
    }

    /// Plain text that is not empty.
    pub(super) fn filled_text(&mut self, field: &Field<'d, '_>) -> Option<String> {
        let text = self.text(field)?;
        if text.trim().is_empty() {
            self.report_empty(field);
            return None;
        }
        Some(text)
    }

    pub(super) fn text_of(&mut self, node: &'d Node<'d>, path: &Path<'_>) -> Option<&'d str> {
        if let Some(text) = node.scalar_text() {
            return Some(text);
        }
        self.wrong_type(node, path, "a text");
        None
    }

    /// A text in which placeholders are filled in.
    pub(super) fn template(&mut self, field: &Field<'d, '_>, owner: Owner) -> Option<Template> {
        self.template_of(field.node, &field.path, owner)
    }

    /// The same, if it is not empty.
    pub(super) fn filled_template(&mut self, field: &Field<'d, '_>, owner: Owner) -> Option<Template> {
        let template = self.template(field, owner)?;
        if template.text.trim().is_empty() {
            self.report_empty(field);
            return None;
        }
        Some(template)
    }

    pub(super) fn template_of(&mut self, node: &'d Node<'d>, path: &Path<'_>, owner: Owner) -> Option<Template> {
        let text = self.text_of(node, path)?.to_owned();
        let line = self.text_line(node);
        self.note_text(node, path, TextKind::Template, owner);
        Some(Template { text, line })
    }

    /// A list of templates, or one of them.
    pub(super) fn templates(&mut self, field: &Field<'d, '_>, owner: Owner) -> Vec<Template> {
        self.items(field.node, &field.path, "a list of texts", |cx, node, path| cx.template_of(node, path, owner))
    }

    /// A list of texts, or one of them.
    pub(super) fn texts(&mut self, field: &Field<'d, '_>) -> Vec<(&'d str, Span)> {
        self.items(field.node, &field.path, "a list of texts", |cx, node, path| {
            Some((cx.text_of(node, path)?, node.span))
        })
    }

    /// The items of a list, or the one value that stands for a list of one. Empty items are reported.
    pub(super) fn items<T>(
        &mut self,
        node: &'d Node<'d>,
        path: &Path<'_>,
        expected: &str,
        mut read: impl FnMut(&mut Self, &'d Node<'d>, &Path<'_>) -> Option<T>,
    ) -> Vec<T> {
        match &node.kind {
            Kind::List(items) => {
                let mut read_items = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let path = Path::Item(path, index);
                    if item.is_null() {
                        let place = self.empty_place(item.span);
                        let (hint, correction) = self.swallowed(place.start + 1).unzip();
                        let hint = hint.map_or("", |_| comments::HINT);
                        let problem = Problem::new(Code::MissingKey, place, format!("this list item is empty{hint}"));
                        self.problems.push(problem.correct(correction.flatten()).at(path));
                    } else {
                        read_items.extend(read(self, item, &path));
                    }
                }
                read_items
            }
            Kind::Scalar(_) => read(self, node, path).into_iter().collect(),
            Kind::Map(_) | Kind::Broken => {
                self.wrong_type(node, path, expected);
                Vec::new()
            }
        }
    }

    /// A condition: a text, or a boolean.
    pub(super) fn condition(&mut self, field: &Field<'d, '_>, owner: Owner) -> Option<Condition> {
        let Some(text) = field.node.scalar_text() else {
            self.wrong_type(field.node, &field.path, "a condition in quotes, or true or false");
            return None;
        };
        if text.trim().is_empty() {
            self.report_empty(field);
            return None;
        }
        let line = self.text_line(field.node);
        self.note_text(field.node, &field.path, TextKind::Condition, owner);
        Some(Condition { text: text.to_owned(), line })
    }

    /// A boolean. What YAML 1.1 takes for one, and quoted booleans, are taken too, with a warning.
    pub(super) fn boolean(&mut self, field: &Field<'d, '_>) -> Option<bool> {
        let Kind::Scalar(scalar) = &field.node.kind else {
            self.wrong_type(field.node, &field.path, "true or false");
            return None;
        };
        if let Resolved::Bool(value) = scalar.resolved {
            return Some(value);
        }
        let value = match scalar.text.trim().to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" | "true" => true,
            "no" | "off" | "n" | "false" => false,
            _ => {
                self.wrong_type(field.node, &field.path, "true or false");
                return None;
            }
        };
        let message = format!("`{}` is taken for {value}", scalar.text.trim());
        let fix = Fix { span: field.node.span, text: value.to_string() };
        let correction = Correction { shown: value.to_string(), fix };
        let problem = Problem::new(Code::LooseBoolean, field.node.span, message).correct(Some(correction));
        self.problems.push(problem.at(field.path));
        Some(value)
    }

    /// A whole number within the range of the key.
    pub(super) fn integer(&mut self, field: &Field<'d, '_>) -> Option<u32> {
        let Shape::Integer { least, most } = field.key.shape else { return None };
        let whole = match &field.node.kind {
            Kind::Scalar(Scalar { text, resolved: Resolved::Integer | Resolved::Float, .. }) => {
                Decimal::parse(text).filter(Decimal::is_whole)
            }
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) | Kind::Broken => None,
        };
        let Some(whole) = whole else {
            self.wrong_type(field.node, &field.path, "a whole number");
            return None;
        };
        let number = whole.whole_digits().and_then(|digits| digits.parse::<u32>().ok());
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let range = if most == u32::MAX {
                format!("a whole number from {least} on")
            } else {
                format!("a whole number from {least} to {most}")
            };
            self.out_of_range(field, &range);
        }
        number
    }

    /// A number within the range of the key, or of its alias.
    pub(super) fn number(&mut self, field: &Field<'d, '_>) -> Option<f64> {
        let alias = field.key.aliases.iter().find(|alias| alias.name == field.spelling);
        let shape = alias.and_then(|alias| alias.shape).unwrap_or(field.key.shape);
        let Shape::Number { least, most } = shape else { return None };
        let Kind::Scalar(Scalar { text, resolved: Resolved::Integer | Resolved::Float, .. }) = &field.node.kind else {
            self.wrong_type(field.node, &field.path, "a number");
            return None;
        };
        let number = text.parse::<f64>().ok().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.out_of_range(field, &format!("a number from {least} to {most}"));
        }
        number
    }

    /// A duration; placeholders are not filled in.
    pub(super) fn duration(&mut self, field: &Field<'d, '_>) -> Option<Duration> {
        let text = self.value_text(field, "a duration")?;
        let meant = durations::meant(text);
        match (text.parse::<Duration>(), meant) {
            (Err(error), Some(meant)) => {
                let problem = Problem::new(Code::BadDuration, field.node.span, error.to_string());
                self.problems.push(problem.at(field.path).suggest(Some(meant.to_string())));
                None
            }
            _ => self.parsed(field, text, Code::BadDuration),
        }
    }

    /// A duration that is longer than nothing.
    pub(super) fn time_limit(&mut self, field: &Field<'d, '_>) -> Option<Duration> {
        let duration = self.duration(field)?;
        if duration == Duration::ZERO {
            self.out_of_range(field, "a duration longer than 0");
            return None;
        }
        Some(duration)
    }

    /// An amount in the server's currency, read from its characters and never from a binary number.
    pub(super) fn money(&mut self, field: &Field<'d, '_>) -> Option<Money> {
        let text = self.value_text(field, "an amount of money")?;
        let money: Money = self.parsed(field, text, Code::BadMoney)?;
        let server = self.surroundings.currency();
        let names_currency = text.contains(|c: char| c == '$' || c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E'))
            || text.split_whitespace().count() > 1;
        if !names_currency {
            return Some(Money::from_nanos(money.nanos(), server));
        }
        if money.currency() != server {
            let message = format!("this server counts in {server}; write the amount in {server}");
            let problem = Problem::new(Code::WrongCurrency, field.node.span, message);
            self.problems.push(problem.at(field.path));
            return None;
        }
        Some(money)
    }

    /// A version. A third part is dropped, with a warning.
    pub(super) fn version(&mut self, field: &Field<'d, '_>) -> Option<Version> {
        let text = self.value_text(field, "a version such as 1 or 1.2")?;
        let parts: Vec<&str> = text.trim().split('.').collect();
        let has_patch = parts.len() == 3 && parts[2].bytes().all(|b| b.is_ascii_digit()) && !parts[2].is_empty();
        if !has_patch {
            return self.parsed(field, text, Code::BadVersion);
        }
        let kept = format!("{}.{}", parts[0], parts[1]);
        let version: Version = self.parsed(field, &kept, Code::BadVersion)?;
        let message = format!("a version has two parts; `{}` is taken for {version}", text.trim());
        let problem = Problem::new(Code::VersionPatchDropped, field.node.span, message);
        self.problems.push(problem.at(field.path).suggest(Some(version.to_string())));
        Some(version)
    }

    /// One of the words of the key, canonical or alias.
    pub(super) fn word(&mut self, field: &Field<'d, '_>) -> Option<&'static str> {
        let text = self.text_of(field.node, &field.path)?;
        self.word_in(field, text, field.node.span)
    }

    pub(super) fn word_in(&mut self, field: &Field<'d, '_>, text: &str, span: Span) -> Option<&'static str> {
        let Shape::Word { words, others } = field.key.shape else { return None };
        let mut all = words.iter().chain(others).copied();
        if let Some(word) = all.clone().find(|word| *word == text.trim()) {
            return Some(word);
        }
        let foreign = foreign::word_meant(words, text).or_else(|| foreign::word_meant(others, text));
        let meant = foreign.or_else(|| self.closest(text.trim(), &mut all));
        let message = format!("`{}` takes {}, not `{}`", field.spelling, listed(words), shortened(text));
        let problem = Problem::new(Code::InvalidValue, span, message);
        self.problems.push(problem.at(field.path).suggest(meant));
        // The rest is checked as it is meant.
        meant
    }

    /// A word of the key as the domain's type of the same words.
    pub(super) fn word_as<T: DeserializeOwned>(&mut self, field: &Field<'d, '_>) -> Option<T> {
        let word = self.word(field)?;
        serde_json::from_value(word.into()).ok()
    }

    /// The mention of a step. Whether the step exists is looked at when all are known.
    pub(super) fn mention(&mut self, field: &Field<'d, '_>) -> Option<Mention> {
        self.mention_of(field.node, &field.path)
    }

    pub(super) fn mention_of(&mut self, node: &'d Node<'d>, path: &Path<'_>) -> Option<Mention> {
        let text = self.text_of(node, path)?.trim();
        if text.is_empty() {
            let problem = Problem::new(Code::MissingKey, node.span, "the id of a step is missing here");
            self.problems.push(problem.at(path));
            return None;
        }
        Some(Mention { text: text.to_owned(), id: StepId::new(text).ok(), span: node.span, path: path.to_text() })
    }

    /// The characters of a number or text; a boolean, list or mapping is reported.
    fn value_text(&mut self, field: &Field<'d, '_>, expected: &str) -> Option<&'d str> {
        if let Kind::Scalar(scalar) = &field.node.kind
            && matches!(scalar.resolved, Resolved::Integer | Resolved::Float | Resolved::Text)
        {
            return Some(&scalar.text);
        }
        self.wrong_type(field.node, &field.path, expected);
        None
    }

    /// The text as a value object.
    pub(super) fn parsed<T>(&mut self, field: &Field<'d, '_>, text: &str, code: Code) -> Option<T>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let problem = if text.contains("{{") {
                    let message = format!(
                        "`{}` is fixed when the process is written; placeholders are not filled in here",
                        field.spelling
                    );
                    Problem::new(code, field.node.span, message)
                } else {
                    Problem::new(code, field.node.span, error.to_string())
                };
                self.problems.push(problem.at(field.path));
                None
            }
        }
    }

    fn out_of_range(&mut self, field: &Field<'d, '_>, expected: &str) {
        let found = field.node.scalar_text().unwrap_or("");
        let message = format!("`{}` takes {expected}, not {}", field.spelling, shortened(found));
        let problem = Problem::new(Code::OutOfRange, field.node.span, message);
        self.problems.push(problem.at(field.path));
    }

    fn report_empty(&mut self, field: &Field<'d, '_>) {
        let problem = Problem::new(Code::MissingKey, field.node.span, format!("`{}` is empty", field.spelling));
        self.problems.push(problem.at(field.path));
    }

    /// Keeps a text for the checks that need all steps to be known.
    pub(super) fn note_text(&mut self, node: &'d Node<'d>, path: &Path<'_>, kind: TextKind, owner: Owner) {
        self.texts.push(TextUse { node, kind, owner, path: path.to_text() });
    }

    /// The line of the file that the first line of a text is.
    pub(super) fn text_line(&self, node: &Node<'_>) -> u32 {
        let line = self.source.line(node.span.start);
        let Kind::Scalar(scalar) = &node.kind else { return line };
        // A block text's span begins at its first line that is not blank.
        let blank = match scalar.style {
            Style::Block => scalar.text.bytes().take_while(|b| *b == b'\n').count(),
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted | Style::Repaired => 0,
        };
        line.saturating_sub(u32::try_from(blank).unwrap_or(0)).max(1)
    }
}

/// `a, b or c`, each in backticks.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}

/// At most so much of a value as fits into a message.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    let mut short: String = text.trim().chars().take(MOST).collect();
    if text.trim().chars().count() > MOST {
        short.push('…');
    }
    short
}
