//! The JSON in the text of an agent's reply (spec 1.3, 2.4).

use std::borrow::Cow;

use super::{Json, json::parse_exact};

/// The character that stands for what can't be one.
const REPLACEMENT: &str = "\\ufffd";

/// The JSON value that a reply is, or that it holds in a fenced block.
///
/// A reply that is JSON as a whole is that value, whatever its kind. Else its fenced blocks are read: the only object in
/// them, or, where there is no object, the only value.
pub fn json_of(text: &str) -> Option<Json> {
    if let Some(value) = read_json(text) {
        return Some(value);
    }
    let (objects, others): (Vec<Json>, Vec<Json>) =
        fenced_blocks(text).iter().filter_map(|block| read_json(block)).partition(Json::is_object);
    let mut candidates = if objects.is_empty() { others } else { objects };
    if candidates.len() == 1 { candidates.pop() } else { None }
}

/// A text that is one JSON value and nothing else. A byte order mark before it is no part of it, and half a surrogate
/// pair, which a model leaves when it stops in the middle of a character, is U+FFFD.
pub fn read_json(text: &str) -> Option<Json> {
    let text = text.trim_start_matches('\u{feff}').trim();
    parse_exact(text).ok().or_else(|| match mend_surrogates(text) {
        Cow::Owned(mended) => parse_exact(&mended).ok(),
        Cow::Borrowed(_) => None,
    })
}

/// JSON text in which every half of a surrogate pair that stands alone (`\ud83d`) is `\ufffd`.
pub fn mend_surrogates(text: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        let escape = at + found;
        at = match code_unit(text, escape) {
            Some(0xd800..=0xdbff) if matches!(code_unit(text, escape + 6), Some(0xdc00..=0xdfff)) => escape + 12,
            Some(0xd800..=0xdfff) => {
                mended.push_str(&text[kept..escape]);
                mended.push_str(REPLACEMENT);
                kept = escape + 6;
                kept
            }
            Some(_) => escape + 6,
            // Another escape: what follows the backslash is no beginning of one.
            None => escape + 1 + text[escape + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(&text[kept..]);
    Cow::Owned(mended)
}

/// The code unit of an escape `\uXXXX` that begins here, if one does.
fn code_unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
    u16::from_str_radix(digits, 16).ok()
}

/// A fence as CommonMark knows it.
struct Fence<'a> {
    mark: char,
    marks: usize,
    indentation: usize,
    info: &'a str,
}

impl<'a> Fence<'a> {
    /// The opening fence that a line is: at most three spaces, at least three backticks or tildes, and an info string,
    /// in which backticks would make the line inline code.
    fn opened_by(line: &'a str) -> Option<Self> {
        let (indentation, rest) = indented(line)?;
        let mark = rest.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = rest.trim_start_matches(mark);
        let marks = rest.len() - info.len();
        (marks >= 3 && !(mark == '`' && info.contains('`'))).then_some(Self { mark, marks, indentation, info })
    }

    /// Whether a line holds nothing but at least as many of the same marks.
    fn is_closed_by(&self, line: &str) -> bool {
        let Some((_, rest)) = indented(line) else { return false };
        let after = rest.trim_start_matches(self.mark);
        rest.len() - after.len() >= self.marks && after.trim_matches([' ', '\t']).is_empty()
    }

    /// Whether the block says that it is JSON, or nothing.
    fn may_hold_json(&self) -> bool {
        self.info.split_whitespace().next().is_none_or(|word| word.eq_ignore_ascii_case("json"))
    }

    /// A line of the block: it loses the indentation of the fence.
    fn inside<'l>(&self, line: &'l str) -> &'l str {
        let spaces = line.bytes().take(self.indentation).take_while(|byte| *byte == b' ').count();
        &line[spaces..]
    }
}

/// A line without the spaces before it, and how many they are; `None` if they make it code.
fn indented(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start_matches(' ');
    let spaces = line.len() - rest.len();
    (spaces <= 3).then_some((spaces, rest))
}

/// The contents of the fenced blocks that may hold JSON. One that is not closed goes to the end of the text.
fn fenced_blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.split(['\n', '\r']);
    while let Some(line) = lines.next() {
        let Some(fence) = Fence::opened_by(line) else { continue };
        let block: Vec<&str> =
            lines.by_ref().take_while(|line| !fence.is_closed_by(line)).map(|line| fence.inside(line)).collect();
        if fence.may_hold_json() {
            found.push(block.join("\n"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reply_that_is_json_is_that_value() {
        for (text, expected) in [
            (r#" {"score": 85} "#, json!({"score": 85})),
            ("[\"tea\", \"rice\"]\n", json!(["tea", "rice"])),
            ("[]", json!([])),
            ("90", json!(90)),
            ("-1.5", json!(-1.5)),
            ("{\"id\": 12345678901234567890123}", json!({"id": "12345678901234567890123"})),
            ("true", json!(true)),
            ("\"hello\"", json!("hello")),
            ("null", json!(null)),
            ("\u{feff}{\"a\": 1}", json!({"a": 1})),
        ] {
            assert_eq!(json_of(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn text_is_not_json() {
        for text in ["", " \n", "plain", "90 %", "{\"a\": 1", "{\"a\": 1} and more", "True", "'a'"] {
            assert_eq!(json_of(text), None, "{text}");
        }
    }

    #[test]
    fn fences_are_those_of_markdown() {
        let found = json!({"score": 85});
        for text in [
            "Here:\n```json\n{\"score\": 85}\n```\nDone.",
            "```\n{\"score\": 85}\n```",
            "```JSON title=\"x\"\n{\"score\": 85}\n```",
            "~~~json\n{\"score\": 85}\n~~~",
            "````json\n{\"score\": 85}\n````",
            "```json\n{\"score\": 85}",
            "```json\n{\"score\": 85}\n`````  ",
            "   ```json\n   {\"score\": 85}\n ```",
            "```json\r\n{\"score\": 85}\r\n```\r\n",
            "~~~ json `x`\n{\"score\": 85}\n~~~",
            "```text\n~~~\n```\n```json\n{\"score\": 85}\n```",
        ] {
            assert_eq!(json_of(text), Some(found.clone()), "{text}");
        }
    }

    #[test]
    fn what_is_no_fence_of_markdown_holds_no_json() {
        for text in [
            "``\n{\"score\": 85}\n``",
            "```json {\"score\": 85}```",
            "    ```json\n    {\"score\": 85}\n    ```",
            "```yaml\n{\"score\": 85}\n```",
            "```python\nx\n```\n{\"score\": 85}\n",
            "```json\n{\"score\": 85}\n~~~",
            "```json\n{\"score\": 85}\n``` and more",
        ] {
            assert_eq!(json_of(text), None, "{text}");
        }
    }

    #[test]
    fn backticks_within_a_json_text_do_not_end_its_block() {
        let text = "```json\n{\"code\": \"```sh\\nls\\n```\", \"score\": 85}\n```";
        assert_eq!(json_of(text).unwrap()["score"], 85);
        let longer = "````json\n{\"code\":\n\"```\"\n, \"score\": 85}\n````";
        assert_eq!(json_of(longer).unwrap()["score"], 85);
    }

    #[test]
    fn exactly_one_value_is_looked_for_and_an_object_comes_first() {
        assert_eq!(json_of("A list:\n```json\n[1, 2]\n```"), Some(json!([1, 2])));
        assert_eq!(json_of("A number:\n```\n7\n```"), Some(json!(7)));
        let object_and_list = "```json\n{\"a\": 1}\n```\nand a list\n```json\n[1]\n```";
        assert_eq!(json_of(object_and_list), Some(json!({"a": 1})));
        let object_and_code = "```sh\nls\n```\n```json\n{\"a\": 1}\n```";
        assert_eq!(json_of(object_and_code), Some(json!({"a": 1})));
        assert_eq!(json_of("```json\n{\"a\": 1}\n```\n```\n{\"b\": 1}\n```"), None);
        assert_eq!(json_of("```json\n[1]\n```\n```\n[2]\n```"), None);
    }

    #[test]
    fn half_a_pair_becomes_a_replacement_character() {
        for (text, expected) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""a \ud83d b""#, "a \u{fffd} b"),
            (r#""\ude00""#, "\u{fffd}"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\n\u00e4""#, "\u{fffd}\n\u{e4}"),
            (r#""\\ud83d\uD83D""#, "\\ud83d\u{fffd}"),
        ] {
            assert_eq!(read_json(text), Some(json!(expected)), "{text}");
        }
        assert_eq!(json_of("```json\n{\"face\": \"\\ud83d\"}\n```"), Some(json!({"face": "\u{fffd}"})));
        assert!(matches!(mend_surrogates(r#""\\ud83d \u0041 ä""#), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in r#"(\\u[dD][89abcdefAB][0-9a-f]{2}|\\|ä|`{2,4}|~{3}|json|[\[\]{}:",0-9 \n\r])*"#) {
            let _ = json_of(&text);
        }

        #[test]
        fn what_is_valid_json_is_left_as_it_is(text in any::<String>()) {
            let json = json!({ "text": text }).to_string();
            prop_assert!(matches!(mend_surrogates(&json), Cow::Borrowed(_)));
            prop_assert_eq!(&json_of(&json).unwrap()["text"], text.as_str());
            let fenced = format!("Here:\n~~~~json\n{json}\n~~~~\n");
            prop_assert_eq!(&json_of(&fenced).unwrap()["text"], text.as_str());
        }
    }
}
