//! Every kind of problem: a text with it, the place at which it is reported, and what is suggested.
//!
//! In the texts `«` and `»` enclose the place. Each text has just the problems that its case names, so that these tables
//! also say what is *not* reported.
#![cfg(test)]

mod document;
mod expressions;
mod people;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod syntax;
mod together;
mod values;

use std::collections::BTreeSet;

use procession_language::{Code, Diagnostic, check};

/// A text with one problem.
struct Case {
    code: Code,
    yaml: &'static str,
    suggestion: Option<&'static str>,
}

const fn case(code: Code, yaml: &'static str) -> Case {
    Case { code, yaml, suggestion: None }
}

impl Case {
    const fn suggests(mut self, suggestion: &'static str) -> Self {
        self.suggestion = Some(suggestion);
        self
    }
}

const TABLES: [&[Case]; 6] =
    [syntax::CASES, document::CASES, values::CASES, expressions::CASES, steps::CASES, people::CASES];

/// The text without its marks, and the place between them as lines and columns.
fn unmarked(marked: &str) -> (String, (u32, u32, u32, u32)) {
    let (mut text, mut line, mut column) = (String::new(), 1, 1);
    let (mut start, mut end) = (None, None);
    for character in marked.chars() {
        match character {
            '«' => start = Some((line, column)),
            '»' => end = Some((line, column)),
            _ => {
                text.push(character);
                column += 1;
                if character == '\n' {
                    (line, column) = (line + 1, 1);
                }
            }
        }
    }
    let (start, end) = (start.unwrap_or((1, 1)), end.unwrap_or((1, 1)));
    (text, (start.0, start.1, end.0, end.1))
}

const fn place(diagnostic: &Diagnostic) -> (u32, u32, u32, u32) {
    (diagnostic.line, diagnostic.column, diagnostic.end_line, diagnostic.end_column)
}

#[test]
fn every_problem_is_reported_where_it_is_and_nothing_else() {
    let office = support::office();
    let mut failures = Vec::new();
    for case in TABLES.iter().copied().flatten() {
        let (yaml, expected) = unmarked(case.yaml);
        let diagnostics = check(&yaml, &office).diagnostics;
        let found = diagnostics.iter().find(|found| found.code == case.code && place(found) == expected);
        let fits = found.is_some_and(|found| found.suggestion.as_deref() == case.suggestion);
        if !fits || diagnostics.len() != 1 {
            let listed: Vec<String> = diagnostics
                .iter()
                .map(|found| {
                    format!("{found} to {}:{}, suggests {:?}", found.end_line, found.end_column, found.suggestion)
                })
                .collect();
            failures.push(format!(
                "{} at {expected:?}, suggesting {:?}, in\n{}\nfound:\n  {}\n",
                case.code,
                case.suggestion,
                case.yaml,
                listed.join("\n  ")
            ));
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_code_is_in_a_table() {
    let mut tested: BTreeSet<Code> = TABLES.iter().copied().flatten().map(|case| case.code).collect();
    for (yaml, code) in syntax::too_much() {
        let diagnostics = check(&yaml, &procession_language::Nothing).diagnostics;
        let found = diagnostics.iter().any(|found| found.code == code);
        assert!(found, "{code}: {:?}", diagnostics.first());
        tested.insert(code);
    }
    // The domain's last guard has nothing to find: what it looks at is checked, with places, before.
    tested.insert(Code::Refused);
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !tested.contains(code)).collect();
    assert!(missing.is_empty(), "not in any table: {missing:?}");
}
