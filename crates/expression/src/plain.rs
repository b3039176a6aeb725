//! Templates that are text and plain paths, `{{ a.b }}`, as most are: they are read at once, in a tenth of the time that
//! normalising and parsing take. Whatever is more than that is left to the parser, which makes the same tree of these.

use std::ops::Range;

use crate::{
    ast::{Expression, Kind, Path, Segment, Statement},
    limits,
};

/// Words that are no variables, in any of their spellings.
const WORDS: [&str; 19] = [
    "true", "True", "TRUE", "false", "False", "FALSE", "none", "None", "NONE", "null", "Null", "NULL", "not", "and",
    "or", "in", "is", "if", "else",
];

/// The template's statements; `None` if something else than text and plain paths is in it.
pub fn read_plain_template(text: &str) -> Option<Vec<Statement>> {
    if text.len() > limits::TEMPLATE_BYTES {
        return None;
    }
    let mut statements = Vec::new();
    let (mut text_start, mut position) = (0, 0);
    while let Some(found) = text[position..].find('{') {
        let start = position + found;
        match text.as_bytes().get(start + 1) {
            Some(b'{') => {
                let placeholder = plain_placeholder(text, start)?;
                push_text(&mut statements, &text[text_start..start]);
                position = placeholder.range.end;
                text_start = position;
                let range = placeholder.range;
                statements.push(Statement::Placeholder { value: placeholder.value, range });
            }
            Some(b'%' | b'#') => return None,
            Some(_) | None => position = start + 1,
        }
    }
    push_text(&mut statements, &text[text_start..]);
    Some(statements)
}

fn push_text(statements: &mut Vec<Statement>, text: &str) {
    if !text.is_empty() {
        statements.push(Statement::Text(text.to_owned()));
    }
}

struct PlainPlaceholder {
    value: Expression,
    range: Range<usize>,
}

/// The placeholder whose braces open at `start`, if a plain path is all that it holds.
fn plain_placeholder(text: &str, start: usize) -> Option<PlainPlaceholder> {
    let bytes = text.as_bytes();
    let skip_space = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    let path_start = skip_space(start + 2);
    let (root, mut end) = name(text, path_start)?;
    if WORDS.contains(&root) {
        return None;
    }
    let mut segments = Vec::new();
    while bytes.get(end) == Some(&b'.') {
        let (segment, segment_end) = name(text, end + 1)?;
        segments.push(Segment::Name(segment.to_owned()));
        end = segment_end;
    }
    let closing = skip_space(end);
    let range = start..closing + 2;
    if !text[closing..].starts_with("}}") || range.len() > limits::EXPRESSION_BYTES {
        return None;
    }
    let path = Path { root: root.to_owned(), segments };
    Some(PlainPlaceholder { value: Expression { kind: Kind::Path(path), range: path_start..end }, range })
}

/// The name at a place, of plain letters, digits and underscores, and where it ends.
fn name(text: &str, start: usize) -> Option<(&str, usize)> {
    let bytes = &text.as_bytes()[start..];
    let length = bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let begins_well = bytes.first().is_some_and(|b| !b.is_ascii_digit());
    // Hyphens and letters of other alphabets may go on with it.
    let ends_well = bytes.get(length).is_some_and(|b| b.is_ascii() && *b != b'-');
    (length > 0 && begins_well && ends_well).then(|| (&text[start..start + length], start + length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Names, compile::parse_template};

    /// What the parser makes of the text.
    fn parsed(text: &str) -> String {
        let names = Names { steps: ["a", "quality-review"].map(str::to_owned).into(), inputs: None };
        format!("{:?}", parse_template(text, &names).map(|compiled| (compiled.tree, compiled.notes)))
    }

    fn plain(text: &str) -> Option<String> {
        let notes: Vec<crate::Note> = Vec::new();
        read_plain_template(text).map(|tree| format!("{:?}", Ok::<_, Vec<crate::SyntaxError>>((tree, notes))))
    }

    #[test]
    fn plain_templates_are_read_as_the_parser_reads_them() {
        for text in [
            "",
            "just text",
            "{{input.topic}}",
            "a {{ steps.a.output.score }} b { c } {{\n x\t}} é",
            "{\"topic\": \"{{input.topic}}\"}",
            "{{a}}{{b}}}",
            "{{ loop.index }} {{ self }} {{ a.if.true }}\n",
            "{{ steps.a.output }}\r\n",
        ] {
            assert_eq!(plain(text), Some(parsed(text)), "{text:?}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_parser() {
        for text in [
            "{{ true }}",
            "{{ not }}",
            "{{ a-b }}",
            "{{ steps.quality-review }}",
            "{{ a[0] }}",
            "{{ a|b }}",
            "{{ a.0 }}",
            "{{- a }}",
            "{{ a -}}",
            "{{ größe }}",
            "{{ a.é }}",
            "{% if a %}{% endif %}",
            "{# a #}",
            "{{{a}}}",
            "{{ }}",
            "{{",
            "{{ a",
            "{{ a }",
            "{{ 1a }}",
            "{{ a b }}",
            "{{ a. }}",
            "{{ a\u{a0}}}",
        ] {
            assert_eq!(plain(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_taken_for_plain_is_what_the_parser_makes_of_it(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "{{", "}}", " ", "a", "steps", ".", "input", "x_1", "{", "}", "-", "é", "1", "true", "\n", "text ", "%", "#", "{{ a.b }}",
                ]),
                0..12,
            ),
        ) {
            let text = parts.concat();
            if let Some(plain) = plain(&text) {
                prop_assert_eq!(plain, parsed(&text), "{:?}", text);
            }
        }
    }
}
