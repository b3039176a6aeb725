//! Characters that can't be seen, or can't be told from others: white space that is no space, and what has no width.

use std::fmt::Write as _;

/// White space that is no plain space, as texts copied from web pages have it.
pub(crate) const fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// What has no width where it stands: zero-width spaces and joiners, marks of direction, soft hyphens, byte order marks.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}'
            | '\u{feff}'
    )
}

/// What a character is called, if it has a name that people know.
pub(crate) const fn name_of(c: char) -> &'static str {
    match c {
        '\t' => "a tab",
        '\u{a0}' | '\u{202f}' => "a no-break space",
        '\u{feff}' => "a byte order mark",
        '\u{ad}' => "a soft hyphen",
        '\u{200b}' => "a zero-width space",
        '“' | '”' | '„' | '‘' | '’' | '‚' | '«' | '»' => "a typographic quote",
        '\u{1b}' => "an escape character",
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => "a control character",
        c if is_invisible(c) => "an invisible character",
        c if is_odd_space(c) => "a space other than the plain one",
        _ => "a character",
    }
}

/// The text as messages show it: characters that can't be seen are written as `\u{a0}`.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_odd_space(c) || is_invisible(c) || (c.is_control() && !matches!(c, '\n' | '\t')) {
            // Writing to a `String` can't fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The text without what can't be seen in it, and with plain spaces; `None` if it is so already.
pub fn visible(text: &str) -> Option<String> {
    if text.is_ascii() || !text.chars().any(|c| is_odd_space(c) || is_invisible(c)) {
        return None;
    }
    let kept = text.chars().filter(|c| !is_invisible(*c)).map(|c| if is_odd_space(c) { ' ' } else { c });
    Some(kept.collect())
}

/// A character in words, and as it is written in messages: ``a no-break space (`\u{a0}`)``, `` `$` ``.
pub fn described(c: char) -> String {
    let written = shown(&c.to_string());
    match name_of(c) {
        "a character" => format!("`{written}`"),
        name => format!("{name} (`{}`)", if c == '\t' { "\\t" } else { &written }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_seen_is_written_out() {
        assert_eq!(shown("a\u{200b}b\u{a0}c é \u{feff}"), "a\\u{200b}b\\u{a0}c é \\u{feff}");
        assert_eq!(visible("a\u{200b}b\u{a0}c").as_deref(), Some("ab c"));
        assert_eq!(visible("a b é"), None);
        assert_eq!(described('\u{a0}'), "a no-break space (`\\u{a0}`)");
        assert_eq!(described('“'), "a typographic quote (`“`)");
        assert_eq!(described('$'), "`$`");
    }
}
