//! Tokens of an expression as authors write them: Jinja's, and those of the foreign spellings (spec 2.1).

/// What a token is; its text tells the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name or a word such as `and`.
    Name,
    /// A number.
    Number,
    /// A text in quotes.
    Text,
    /// A text whose closing quote is missing.
    OpenText,
    /// An operator, a bracket, or a character that means nothing.
    Symbol,
}

/// A token: where it stands, in bytes of the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// Reads tokens from a part of a text. Its position may be set, to read on elsewhere.
#[derive(Debug, Clone)]
pub struct Lexer<'t> {
    pub text: &'t str,
    pub position: usize,
    pub end: usize,
}

/// Symbols of more than one character, the longer ones first.
const SYMBOLS: [&str; 12] = ["===", "!==", "||", "??", "&&", "==", "!=", ">=", "<=", "<>", "//", "**"];

impl<'t> Lexer<'t> {
    /// Reads `text` from `position` to its end.
    pub const fn new(text: &'t str, position: usize) -> Self {
        Self { text, position, end: text.len() }
    }

    /// The next token, which stays the next.
    pub fn peek(&self) -> Option<Token> {
        self.clone().next_token()
    }

    /// The text of a token.
    pub fn text_of(&self, token: Token) -> &'t str {
        &self.text[token.start..token.end]
    }

    /// Reads the next token.
    pub fn next_token(&mut self) -> Option<Token> {
        let after_dot = self.position > 0 && self.text.as_bytes().get(self.position - 1) == Some(&b'.');
        let rest = &self.text[self.position..self.end];
        let rest = rest.trim_start();
        let start = self.end - rest.len();
        let first = rest.chars().next()?;
        let (kind, length) = if is_name_start(first) {
            (Kind::Name, name_length(rest))
        } else if first.is_ascii_digit() {
            (Kind::Number, number_length(rest, after_dot))
        } else if first == '"' || first == '\'' {
            text_length(rest)
        } else {
            (Kind::Symbol, symbol_length(rest, first))
        };
        self.position = start + length;
        Some(Token { kind, start, end: start + length })
    }
}

fn symbol_length(rest: &str, first: char) -> usize {
    let may_be_long = matches!(first, '=' | '!' | '|' | '?' | '&' | '>' | '<' | '/' | '*');
    let long = || SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
    let symbol = if may_be_long { long() } else { None };
    symbol.map_or(first.len_utf8(), |symbol| symbol.len())
}

/// Whether a name can start so.
pub fn is_name_start(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (!c.is_ascii() && c.is_alphabetic())
}

/// Whether a name can go on so.
pub fn is_name_part(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphanumeric())
}

fn name_length(rest: &str) -> usize {
    let plain = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    match rest.as_bytes().get(plain) {
        Some(byte) if !byte.is_ascii() => rest.find(|c| !is_name_part(c)).unwrap_or(rest.len()),
        Some(_) | None => plain,
    }
}

/// A number after a dot is an index, which has no decimals.
fn number_length(rest: &str, after_dot: bool) -> usize {
    let bytes = rest.as_bytes();
    let digits_from = |from: usize| {
        let part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        from + bytes[from..].iter().take_while(|b| part(b)).count()
    };
    let mut length = digits_from(0);
    let is_digit_at = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    if !after_dot && bytes.get(length) == Some(&b'.') && is_digit_at(length + 1) {
        length = digits_from(length + 1);
    }
    let ends_with_exponent = matches!(bytes.get(length - 1), Some(b'e' | b'E')) && !rest.starts_with("0x");
    if ends_with_exponent && matches!(bytes.get(length), Some(b'+' | b'-')) && is_digit_at(length + 1) {
        length = digits_from(length + 1);
    }
    length
}

fn text_length(rest: &str) -> (Kind, usize) {
    let quote = rest.as_bytes().first().copied();
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            byte if Some(byte) == quote => return (Kind::Text, at + 1),
            _ => {}
        }
    }
    (Kind::OpenText, rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<&str> {
        let mut lexer = Lexer::new(text, 0);
        let mut found = Vec::new();
        while let Some(token) = lexer.next_token() {
            found.push(lexer.text_of(token));
        }
        found
    }

    #[test]
    fn expressions_fall_into_tokens() {
        let cases: [(&str, &[&str]); 8] = [
            ("a.b||c ?? d", &["a", ".", "b", "||", "c", "??", "d"]),
            ("!x && y!=1", &["!", "x", "&&", "y", "!=", "1"]),
            ("1.5e-3-2", &["1.5e-3", "-", "2"]),
            ("items.0.name", &["items", ".", "0", ".", "name"]),
            ("x.1.5", &["x", ".", "1", ".", "5"]),
            (r#"'it\'s' "ok""#, &[r"'it\'s'", r#""ok""#]),
            ("a<=b**2//3", &["a", "<=", "b", "**", "2", "//", "3"]),
            ("größe≥1", &["größe", "≥", "1"]),
        ];
        for (text, expected) in cases {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }
}
