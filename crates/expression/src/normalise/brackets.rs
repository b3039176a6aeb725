//! Brackets of an expression, the groups that placeholders are within a condition, and the values of `default:`.

use super::{
    lexer::Token,
    rewrite::{Before, PathRoot, Rewriter, Surroundings, error},
};
use crate::{Note, SyntaxError, limits};

/// An open bracket.
#[derive(Debug)]
pub struct Bracket {
    kind: BracketKind,
    start: usize,
    /// The path that goes on behind it.
    path: Option<PathRoot>,
}

/// What closes a bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BracketKind {
    Round,
    Square,
    Curly,
    /// The `{{` of a condition.
    Placeholder,
}

impl Rewriter<'_, '_> {
    pub(super) fn open(&mut self, token: Token, symbol: &str) -> Result<(), SyntaxError> {
        let is_subscript = symbol == "[" && self.before == Before::Operand;
        let path = self.path.filter(|_| is_subscript).and_then(PathRoot::deeper);
        let is_placeholder = symbol == "{"
            && self.surroundings == Surroundings::Condition
            && self.text[token.end..self.lexer.end].starts_with('{');
        let kind = match symbol {
            _ if is_placeholder => BracketKind::Placeholder,
            "(" => BracketKind::Round,
            "[" => BracketKind::Square,
            _ => BracketKind::Curly,
        };
        self.brackets.push(Bracket { kind, start: token.start, path });
        if self.brackets.len() > limits::BRACKETS {
            let message = format!("at most {} brackets may be open at once", limits::BRACKETS);
            return Err(error(message, token.start..token.end));
        }
        if is_placeholder {
            self.lexer.position = token.end + 1;
            self.replace(Token { end: token.end + 1, ..token }, "(");
            self.skip_trim_marker();
        } else {
            self.copy_to(token.end);
        }
        self.before = Before::Operator;
        Ok(())
    }

    pub(super) fn close(&mut self, token: Token, symbol: &str) -> Result<(), SyntaxError> {
        let is_end_of_group = symbol == "}" && self.innermost() == Some(BracketKind::Placeholder);
        let Some(bracket) = self.brackets.pop() else {
            let range = token.start..token.end;
            let message = format!("this `{symbol}` closes nothing");
            let ends_placeholder = symbol == "}" && self.surroundings == Surroundings::Placeholder;
            return Err(if ends_placeholder {
                SyntaxError::with("a placeholder ends with `}}`", range, "}}")
            } else {
                error(message, range)
            });
        };
        if is_end_of_group {
            if !self.text[token.end..self.lexer.end].starts_with('}') {
                return Err(error("a placeholder ends with `}}`", token.start..token.end));
            }
            if self.normal.text.ends_with('(') && self.before == Before::Operator {
                return Err(error("the placeholder is empty", bracket.start..token.end + 1));
            }
            self.lexer.position = token.end + 1;
            self.replace(Token { end: token.end + 1, ..token }, ")");
        } else {
            if bracket.kind.closer() != symbol {
                let closer = bracket.kind.closer();
                let message = format!("a `{closer}` is expected here, not `{symbol}`");
                return Err(error(message, token.start..token.end));
            }
            self.copy_to(token.end);
        }
        self.path = bracket.path;
        self.before = Before::Operand;
        Ok(())
    }

    /// Ends the values of `default:` that this token is no part of.
    pub(super) fn close_defaults(&mut self, token: Option<Token>) {
        while let Some(depth) = self.defaults.last() {
            let symbol = token.map_or("", |token| self.lexer.text_of(token));
            let goes_on = matches!(symbol, "." | "[" | "(");
            let is_closer = matches!(symbol, ")" | "]" | "}");
            let is_complete = self.before == Before::Operand && !goes_on;
            let is_inside = *depth < self.brackets.len() || !(is_complete || is_closer);
            if is_inside && token.is_some() {
                return;
            }
            self.defaults.pop();
            let end = self.copied_to;
            self.normal.write(")", end..end);
            if let Some(token) = token
                && matches!(symbol, "+" | "-" | "*" | "/" | "//" | "%" | "**" | "~")
            {
                self.normal.notes.push(Note {
                    message: format!("the value of `default:` ends before this `{symbol}`; parentheses make it clear"),
                    suggestion: None,
                    range: token.start..token.end,
                    approval: None,
                });
            }
        }
    }

    /// Whether this is the `-` of a `-}}` that closes a group of a condition.
    pub(super) fn is_end_of_group(&self, token: Token) -> bool {
        self.innermost() == Some(BracketKind::Placeholder) && self.text[token.end..].starts_with("}}")
    }

    pub(super) fn innermost(&self) -> Option<BracketKind> {
        self.brackets.last().map(|bracket| bracket.kind)
    }
}

impl Bracket {
    /// The error for a bracket that nothing closes.
    pub fn unclosed(&self) -> SyntaxError {
        let range = self.start..self.start + self.kind.opener().len();
        let closer = self.kind.closer();
        error(format!("this bracket is not closed: a `{closer}` is missing"), range)
    }
}

impl BracketKind {
    const fn opener(self) -> &'static str {
        match self {
            Self::Round => "(",
            Self::Square => "[",
            Self::Curly => "{",
            Self::Placeholder => "{{",
        }
    }

    const fn closer(self) -> &'static str {
        match self {
            Self::Round => ")",
            Self::Square => "]",
            Self::Curly => "}",
            Self::Placeholder => "}}",
        }
    }
}
