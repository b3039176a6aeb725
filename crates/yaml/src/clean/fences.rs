//! The fences of Markdown, which come along when a file is copied from a chat: ```` ```yaml ```` and ```` ``` ````.

use super::{Cleaned, Writer};
use crate::{
    problem::{Fault, Fix, Problem},
    source::Span,
};

/// A longer file is not repeated as a correction.
const LONGEST_CORRECTION: usize = 16 * 1024;

/// Makes comments of the lines with fences, and of the prose before and behind them; `None` if there are none. A fence can
/// stand in no YAML at the beginning of a line.
pub(super) fn take_fences_away(text: &str) -> Option<Cleaned> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_fence = |line: &str| line.starts_with("```") || line.starts_with("~~~");
    let first = lines.iter().position(|line| is_fence(line))?;
    let (opening, closing) = match lines.iter().skip(first + 1).position(|line| is_fence(line)) {
        Some(distance) => (Some(first), Some(first + 1 + distance)),
        // A single one closes what has begun already, or else opens all that follows.
        None if lines[..first].iter().any(|line| is_top_level_key(line)) => (None, Some(first)),
        None => (Some(first), None),
    };
    let is_outside = |index: usize| {
        opening.is_some_and(|opening| index <= opening) || closing.is_some_and(|closing| index >= closing)
    };
    let mut writer = Writer::default();
    let (mut at, mut inside) = (0, String::new());
    let mut fence = Span::default();
    for (index, line) in lines.iter().enumerate() {
        if index == first {
            let here = writer.text.len();
            fence = Span::new(here, here + 1 + line.trim_end().len().saturating_sub(1));
        }
        if is_outside(index) && !line.trim().is_empty() {
            let first_character = line.chars().next().map_or(0, char::len_utf8);
            writer.replace("#", at);
            writer.copy(&line[first_character..], at + first_character);
        } else {
            writer.copy(line, at);
        }
        if !is_outside(index) {
            inside.push_str(line);
        }
        at += line.len();
    }
    let message = "a fence of Markdown is no part of the file; leave out the lines with it and all outside of them";
    let mut problem = Problem::new(Fault::Syntax, fence, message);
    if inside.len() <= LONGEST_CORRECTION {
        problem.fix = Some(Fix { span: Span::new(0, writer.text.len()), text: inside });
    }
    Some(Cleaned { text: writer.text, shifts: writer.shifts, problems: vec![problem] })
}

fn is_top_level_key(line: &str) -> bool {
    let key = line.split(':').next().unwrap_or("");
    line.contains(':')
        && !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(text: &str) -> (String, String) {
        let cleaned = take_fences_away(text).unwrap();
        (cleaned.text.clone(), cleaned.problems[0].fix.as_ref().unwrap().text.clone())
    }

    #[test]
    fn what_is_inside_of_fences_is_the_file() {
        let cases = [
            ("```yaml\nname: x\n```\n", "#``yaml\nname: x\n#``\n", "name: x\n"),
            ("Here it is:\n\n~~~\nname: x\n~~~\nEnjoy!", "#ere it is:\n\n#~~\nname: x\n#~~\n#njoy!", "name: x\n"),
            ("```\nname: x", "#``\nname: x", "name: x"),
            ("name: x\n```", "name: x\n#``", "name: x\n"),
            ("Gönn dir:\n```yml\r\nname: x\r\n```\r\n", "#önn dir:\n#``yml\r\nname: x\r\n#``\r\n", "name: x\r\n"),
        ];
        for (text, commented, inside) in cases {
            assert_eq!(cleaned(text), (commented.to_owned(), inside.to_owned()), "{text:?}");
        }
        for text in ["name: x\n", "message: |\n  ```\n  code\n  ```\n", ""] {
            assert!(take_fences_away(text).is_none(), "{text:?}");
        }
    }
}
