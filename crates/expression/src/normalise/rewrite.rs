//! Rewrites one expression or tag, token by token: foreign operators, words and filters become Jinja's, names with
//! hyphens become subscripts, and what is certainly a mistake is reported with what to write instead.

use std::ops::Range;

use procession_domain::value::Decimal;

use super::{
    Normal, Operator,
    brackets::{Bracket, BracketKind},
    hyphens::{end_of_field, end_of_step},
    lexer::{Kind, Lexer, Token},
    too_long,
};
use crate::{Names, Note, SyntaxError, limits};

/// Where an expression stands, which decides where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surroundings {
    /// It is the whole text; placeholders within are groups.
    Condition,
    /// It ends with `}}`.
    Placeholder,
    /// It ends with `%}`.
    Statement,
}

/// What was rewritten.
#[derive(Debug, Default)]
pub struct Tag {
    /// The end in the author's text, braces included.
    pub end: usize,
    /// The first word of a statement.
    pub keyword: String,
    /// Whether an `=` stands outside of brackets.
    pub has_assignment: bool,
}

/// Rewrites one expression or tag.
pub struct Rewriter<'a, 't> {
    pub(super) text: &'t str,
    names: &'a Names,
    pub(super) normal: &'a mut Normal,
    pub(super) lexer: Lexer<'t>,
    pub(super) surroundings: Surroundings,
    start: usize,
    pub(super) copied_to: usize,
    pub(super) before: Before,
    pub(super) path: Option<PathRoot>,
    pub(super) brackets: Vec<Bracket>,
    /// For each `default:` whose value is being read, how many brackets were open at its start.
    pub(super) defaults: Vec<usize>,
    signs: usize,
    tag: Tag,
}

/// What the last token was, as far as it matters to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Start,
    Operand,
    Dot,
    Pipe,
    Operator,
}

/// A path in which names may have hyphens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathRoot {
    Steps,
    Input { is_top_level: bool },
}

impl<'a, 't> Rewriter<'a, 't> {
    /// A rewriter for what starts at `start`, behind the opening braces.
    pub fn new(
        text: &'t str,
        start: usize,
        names: &'a Names,
        surroundings: Surroundings,
        normal: &'a mut Normal,
    ) -> Self {
        Self {
            text,
            names,
            normal,
            lexer: Lexer::new(text, start),
            surroundings,
            start,
            copied_to: start,
            before: Before::Start,
            path: None,
            brackets: Vec::new(),
            defaults: Vec::new(),
            signs: 0,
            tag: Tag::default(),
        }
    }

    /// Rewrites up to the end, closing braces included.
    pub fn run(mut self) -> Result<Tag, SyntaxError> {
        self.skip_trim_marker();
        if !self.read()? && self.surroundings != Surroundings::Condition {
            return Err(unclosed(self.surroundings, self.start.saturating_sub(2)));
        }
        if let Some(bracket) = self.brackets.last() {
            return Err(bracket.unclosed());
        }
        if self.surroundings == Surroundings::Condition {
            self.copy_to(self.text.len());
        }
        Ok(self.tag)
    }

    /// Reads tokens to the end: `true` if that was the closing braces.
    fn read(&mut self) -> Result<bool, SyntaxError> {
        while let Some(token) = self.lexer.next_token() {
            if let Some(end) = self.closing_braces(token) {
                self.close_defaults(None);
                if self.before == Before::Start {
                    let what = if self.surroundings == Surroundings::Statement { "tag" } else { "placeholder" };
                    return Err(error(format!("the {what} is empty"), self.start.saturating_sub(2)..end));
                }
                self.copy_to(end);
                self.tag.end = end;
                return Ok(true);
            }
            self.check_length(token)?;
            self.close_defaults(Some(token));
            self.token(token)?;
        }
        self.close_defaults(None);
        Ok(false)
    }

    /// Reads no further than a tag may be long, so that a text costs no more than its length.
    fn check_length(&self, token: Token) -> Result<(), SyntaxError> {
        let (what, closer) = match self.surroundings {
            Surroundings::Condition => return Ok(()),
            Surroundings::Placeholder => ("the placeholder", "}}"),
            Surroundings::Statement => ("the tag", "%}"),
        };
        let start = self.start.saturating_sub(2);
        if token.end - start <= limits::EXPRESSION_BYTES {
            return Ok(());
        }
        Err(match self.text[token.start..].find(closer) {
            Some(length) => too_long(what, start..token.start + length + closer.len()),
            None => unclosed(self.surroundings, start),
        })
    }

    /// The end of the closing braces, if they start at this token.
    fn closing_braces(&self, token: Token) -> Option<usize> {
        let closer = match self.surroundings {
            Surroundings::Condition => return None,
            Surroundings::Placeholder => "}}",
            Surroundings::Statement => "%}",
        };
        if !self.brackets.is_empty() {
            return None;
        }
        let rest = &self.text[token.start..self.lexer.end];
        let trimmed = rest.strip_prefix(['-', '+']).unwrap_or(rest);
        let is_end = trimmed.starts_with(closer);
        is_end.then(|| token.start + (rest.len() - trimmed.len()) + closer.len())
    }

    fn token(&mut self, token: Token) -> Result<(), SyntaxError> {
        let signs = std::mem::take(&mut self.signs);
        match token.kind {
            Kind::Name => self.name(token, signs),
            Kind::Number => {
                check_number(self.lexer.text_of(token)).map_err(|what| error(what, token.start..token.end))?;
                self.operand(token);
                Ok(())
            }
            Kind::Text => self.quoted(token),
            Kind::OpenText => {
                let range = token.start..token.start + 1;
                Err(error("the text that starts with this quote has no closing quote", range))
            }
            Kind::Symbol => self.symbol(token, signs),
        }
    }

    fn operand(&mut self, token: Token) {
        self.copy_to(token.end);
        self.path = None;
        self.before = Before::Operand;
    }

    fn name(&mut self, token: Token, signs: usize) -> Result<(), SyntaxError> {
        let word = self.lexer.text_of(token);
        let after = self.before;
        self.path = None;
        if after == Before::Start && self.surroundings == Surroundings::Statement {
            self.tag.keyword = word.to_owned();
            self.copy_to(token.end);
            self.before = Before::Operator;
            return Ok(());
        }
        if after == Before::Pipe {
            return self.filter_name(token);
        }
        self.before = Before::Operand;
        if after == Before::Operand {
            return self.word_operator(token);
        }
        match word {
            "not" => {
                self.before = Before::Operator;
                self.sign(token, signs)?;
                self.copy_to(token.end);
            }
            "true" | "True" | "TRUE" => self.replace(token, "true"),
            "false" | "False" | "FALSE" => self.replace(token, "false"),
            "null" | "Null" | "NULL" | "none" | "None" | "NONE" => self.replace(token, "none"),
            _ => {
                self.path = match word {
                    "steps" => Some(PathRoot::Steps),
                    "input" => Some(PathRoot::Input { is_top_level: true }),
                    _ => None,
                };
                self.copy_to(token.end);
            }
        }
        Ok(())
    }

    /// A word after an operand: an operator, or part of a statement.
    fn word_operator(&mut self, token: Token) -> Result<(), SyntaxError> {
        let word = self.lexer.text_of(token);
        self.before = Before::Operator;
        match word {
            "contains" => self.operator(token, "in", Operator::Contains),
            "not" => {
                let next = self.lexer.peek().filter(|next| self.lexer.text_of(*next) == "contains");
                match next {
                    Some(contains) => {
                        self.lexer.position = contains.end;
                        let both = Token { end: contains.end, ..token };
                        self.operator(both, "not in", Operator::Contains);
                    }
                    None => self.copy_to(token.end),
                }
            }
            "AND" | "OR" | "NOT" | "IN" | "IS" => {
                let lower = word.to_ascii_lowercase();
                let message = format!("`{word}` is written in lower case here");
                return Err(SyntaxError::with(message, token.start..token.end, lower));
            }
            "and" | "or" | "in" | "is" | "if" | "else" => self.copy_to(token.end),
            _ => {
                self.before = Before::Operand;
                self.copy_to(token.end);
            }
        }
        Ok(())
    }

    /// The name of a filter; `default: x` is `default(x)`.
    fn filter_name(&mut self, token: Token) -> Result<(), SyntaxError> {
        let word = self.lexer.text_of(token);
        self.copy_to(token.end);
        self.before = Before::Operand;
        let Some(colon) = self.lexer.peek().filter(|next| self.lexer.text_of(*next) == ":") else {
            return Ok(());
        };
        if matches!(word, "default" | "d") {
            self.lexer.position = colon.end;
            self.replace(Token { start: token.end, ..colon }, "(");
            self.defaults.push(self.brackets.len());
            self.before = Before::Operator;
        } else if !matches!(self.innermost(), Some(BracketKind::Square | BracketKind::Curly)) {
            let message = format!("what is given to a filter stands in parentheses: `{word}(…)`, not `{word}: …`");
            return Err(error(message, token.start..colon.end));
        }
        Ok(())
    }

    /// A text in quotes. In a condition it may be one placeholder, as in engines that fill in texts first.
    fn quoted(&mut self, token: Token) -> Result<(), SyntaxError> {
        let inner = token.start + 1..token.end - 1;
        let content = &self.text[inner.clone()];
        if self.surroundings != Surroundings::Condition || !content.contains("{{") {
            self.operand(token);
            return Ok(());
        }
        let trimmed = content.trim();
        let expression = trimmed.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        let is_plain = |inside: &&str| !inside.contains("{{") && !inside.trim().is_empty() && !content.contains('\\');
        let Some(expression) = expression.filter(is_plain) else {
            let message = "a text within a condition has no placeholders; join texts with `~`, as in \
                           `\"id-\" ~ input.number`";
            return Err(error(message, token.start..token.end));
        };
        self.normal.notes.push(Note {
            message: "the quotes around this placeholder are not needed".to_owned(),
            suggestion: Some(expression.trim().to_owned()),
            range: token.start..token.end,
            approval: None,
        });
        let end = (token.end, self.lexer.end);
        let start = inner.start + (content.len() - content.trim_start().len()) + 2;
        self.replace(Token { end: start, ..token }, "((");
        (self.lexer.position, self.lexer.end) = (start, start + expression.len());
        let open = std::mem::take(&mut self.brackets);
        let defaults = std::mem::take(&mut self.defaults);
        self.before = Before::Operator;
        self.read()?;
        if let Some(bracket) = self.brackets.first() {
            return Err(bracket.unclosed());
        }
        (self.brackets, self.defaults) = (open, defaults);
        (self.lexer.position, self.lexer.end) = end;
        self.replace(Token { start: self.copied_to, ..token }, ") ~ \"\")");
        self.before = Before::Operand;
        self.path = None;
        Ok(())
    }

    fn symbol(&mut self, token: Token, signs: usize) -> Result<(), SyntaxError> {
        let symbol = self.lexer.text_of(token);
        match symbol {
            "." => self.dot(token),
            "(" | "[" | "{" => self.open(token, symbol)?,
            ")" | "]" | "}" => return self.close(token, symbol),
            "||" => self.spaced_operator(token, "or", Some(Operator::FirstTrue)),
            "??" => self.spaced_operator(token, "or", Some(Operator::FirstPresent)),
            "&&" => self.spaced_operator(token, "and", None),
            "!" => {
                self.sign(token, signs)?;
                self.replace(token, "not ");
                self.before = Before::Operator;
            }
            "-" if self.is_end_of_group(token) => self.copied_to = token.end,
            "-" if self.before != Before::Operand => {
                self.sign(token, signs)?;
                self.copy_to(token.end);
                self.before = Before::Operator;
            }
            "|" => {
                self.copy_to(token.end);
                self.before = Before::Pipe;
            }
            "=" if self.brackets.is_empty() => {
                self.tag.has_assignment = true;
                if !matches!(self.tag.keyword.as_str(), "set" | "with") {
                    let is_first = self.text[..token.start].trim().is_empty();
                    let range = token.start..token.end;
                    return Err(if is_first {
                        let rest = self.text[token.end..].trim();
                        let message = "an expression does not begin with `=` here";
                        if rest.contains('$') {
                            error(message, range)
                        } else {
                            SyntaxError::with(message, token.start..self.text.len(), rest)
                        }
                    } else if self.text[token.end..].starts_with(['>', '<']) {
                        error("`=` does not compare; `>=` and `<=` do", range)
                    } else {
                        SyntaxError::with("`=` does not compare", range, "==")
                    });
                }
                self.copy_to(token.end);
                self.before = Before::Operator;
            }
            _ => return self.plain_symbol(token, symbol),
        }
        if symbol != "." {
            self.path = None;
        }
        Ok(())
    }

    /// Symbols that are copied, and those of other languages, for which the right one is named.
    fn plain_symbol(&mut self, token: Token, symbol: &str) -> Result<(), SyntaxError> {
        let range = token.start..token.end;
        let unknown = |meant| SyntaxError::with(format!("`{symbol}` is no operator here"), range.clone(), meant);
        Err(match symbol {
            "===" => unknown("=="),
            "!==" | "<>" => unknown("!="),
            "&" => unknown("and"),
            "?" => error("`a ? b : c` is written `b if a else c`", range),
            "%" if self.surroundings == Surroundings::Condition && self.text[token.end..].starts_with('}') => {
                error("a condition is one expression, without `{% … %}`", range)
            }
            _ => {
                self.copy_to(token.end);
                self.before = Before::Operator;
                self.path = None;
                return Ok(());
            }
        })
    }

    /// A dot and the name after it, which may have hyphens under `steps.` and `input.`.
    fn dot(&mut self, dot: Token) {
        let next = self.lexer.peek().filter(|_| self.before == Before::Operand);
        let Some(next) = next.filter(|next| matches!(next.kind, Kind::Name | Kind::Number)) else {
            self.copy_to(dot.end);
            self.before = Before::Dot;
            return;
        };
        let end = match self.path {
            _ if next.kind == Kind::Number => next.end,
            Some(PathRoot::Steps) => end_of_step(self.text, next.start, self.names),
            Some(PathRoot::Input { is_top_level }) => end_of_field(self.text, next.start, self.names, is_top_level),
            None => next.end,
        };
        let name = &self.text[next.start..end];
        self.lexer.position = end;
        if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.copy_to(end);
        } else {
            self.replace(Token { end, ..dot }, &format!("[\"{name}\"]"));
        }
        self.path = self.path.and_then(PathRoot::deeper);
        self.before = Before::Operand;
    }

    /// Counts signs in a row: the parser follows each by calling itself.
    fn sign(&mut self, token: Token, signs: usize) -> Result<(), SyntaxError> {
        self.signs = signs + 1;
        if self.signs > limits::SIGNS {
            let message = format!("at most {} signs may follow each other", limits::SIGNS);
            return Err(error(message, token.start..token.end));
        }
        Ok(())
    }

    /// The `-` or `+` right behind opening braces belongs to them.
    pub(super) fn skip_trim_marker(&mut self) {
        let rest = &self.text[self.lexer.position..self.lexer.end];
        if self.surroundings == Surroundings::Condition {
            let has_marker = !self.brackets.is_empty() && rest.starts_with('-');
            self.lexer.position += usize::from(has_marker);
            self.copied_to = self.copied_to.max(self.lexer.position);
        } else if rest.starts_with(['-', '+']) {
            self.lexer.position += 1;
            self.copy_to(self.lexer.position);
        }
    }

    fn operator(&mut self, token: Token, word: &str, operator: Operator) {
        self.copy_to(token.start);
        self.normal.operators.push((self.normal.text.len(), operator));
        self.replace(token, word);
    }

    fn spaced_operator(&mut self, token: Token, word: &str, operator: Option<Operator>) {
        self.copy_to(token.start);
        self.normal.write(" ", token.start..token.start);
        if let Some(operator) = operator {
            self.normal.operators.push((self.normal.text.len(), operator));
        }
        self.replace(token, word);
        self.normal.write(" ", token.end..token.end);
        self.before = Before::Operator;
    }

    pub(super) fn replace(&mut self, token: Token, written: &str) {
        self.copy_to(token.start);
        self.normal.write(written, token.start..token.end);
        self.copied_to = token.end;
    }

    /// Copies up to here what was not copied yet. Space of other alphabets, which the parser does not know, becomes plain.
    pub(super) fn copy_to(&mut self, end: usize) {
        let range: Range<usize> = self.copied_to..end;
        self.copied_to = end;
        let bytes = &self.text.as_bytes()[range.clone()];
        let is_plain = bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_none_or(u8::is_ascii);
        if is_plain {
            self.normal.copy(self.text, range);
            return;
        }
        let gap = self.text[range.clone()].len() - self.text[range.clone()].trim_start().len();
        let space = range.start..range.start + gap;
        if self.text[space.clone()].is_ascii() {
            self.normal.copy(self.text, range);
        } else {
            self.normal.write(" ", space.clone());
            self.normal.copy(self.text, space.end..end);
        }
    }
}

/// The error for opening braces at `start` that nothing closes.
pub fn unclosed(surroundings: Surroundings, start: usize) -> SyntaxError {
    let (opener, closer) = match surroundings {
        Surroundings::Statement => ("{%", "%}"),
        Surroundings::Placeholder | Surroundings::Condition => ("{{", "}}"),
    };
    let message =
        format!("`{opener}` has no closing `{closer}`; to write these characters, use `{{{{ '{opener}' }}}}`");
    error(message, start..start + 2)
}

impl PathRoot {
    /// What it is behind one more name.
    pub const fn deeper(self) -> Option<Self> {
        match self {
            Self::Steps => None,
            Self::Input { .. } => Some(Self::Input { is_top_level: false }),
        }
    }
}

/// Whether a number is kept with all its digits; the error says what to write instead.
fn check_number(number: &str) -> Result<(), &'static str> {
    let digits = number.replace('_', "");
    let Some(exact) = Decimal::parse(&digits) else { return Ok(()) };
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return match digits.parse::<i128>() {
            Ok(_) => Ok(()),
            Err(_) => {
                Err("this number has too many digits to calculate with; write it in quotes to compare it as a text")
            }
        };
    }
    let is_kept =
        digits.parse::<f64>().is_ok_and(|binary| Decimal::parse(&binary.to_string()).as_ref() == Some(&exact));
    if exact.is_whole() && !is_kept {
        return Err("this number would lose digits; write it without a point and without an exponent");
    }
    Ok(())
}

/// An error at a place.
pub fn error(message: impl Into<String>, range: Range<usize>) -> SyntaxError {
    SyntaxError::new(message, range)
}
