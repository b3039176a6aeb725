//! Every kind of problem: a text with it, the place at which it is reported, and what is suggested.
//!
//! In the texts `«` and `»` enclose the place. Each text has just the problems that its case names, so that these tables
//! also say what is *not* reported.
#![cfg(test)]

mod document;
mod expressions;
mod lost;
mod meant;
mod people;
mod reported;
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

const TABLES: [&[Case]; 8] = [
    syntax::CASES,
    document::CASES,
    values::CASES,
    expressions::CASES,
    steps::CASES,
    people::CASES,
    meant::CASES,
    lost::CASES,
];

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

/// What is wrong with the check of a text that has just this problem; its fix must leave nothing of it.
fn failure(code: Code, marked: &str, suggestion: Option<&str>) -> Option<String> {
    let office = support::office();
    let (yaml, expected) = unmarked(marked);
    // What is not available yet says nothing of how it is written.
    let problems = |yaml: &str| -> Vec<Diagnostic> {
        let listed = check(yaml, &office).diagnostics.into_iter();
        listed.filter(|found| found.code != Code::NotYetAvailable || code == Code::NotYetAvailable).collect()
    };
    let diagnostics = problems(&yaml);
    let listed = |diagnostics: &[Diagnostic]| {
        let lines = diagnostics.iter().map(|found| format!("{found} (to {}:{})", found.end_line, found.end_column));
        lines.collect::<Vec<_>>().join("\n  ")
    };
    let fits = |found: &Diagnostic| {
        found.code == code && place(found) == expected && found.suggestion.as_deref() == suggestion
    };
    let [diagnostic] = diagnostics.as_slice() else {
        return Some(format!("{code}, suggesting {suggestion:?}, in\n{marked}\nfound:\n  {}\n", listed(&diagnostics)));
    };
    if !fits(diagnostic) {
        let found = listed(&diagnostics);
        return Some(format!("{code} at {expected:?}, suggesting {suggestion:?}, in\n{marked}\nfound:\n  {found}\n"));
    }
    let Some(fix) = &diagnostic.fix else {
        return suggestion.map(|suggestion| format!("{diagnostic} suggests {suggestion:?} without a fix"));
    };
    let fixed = fix.apply(&yaml).expect("a fix stands in the text");
    let left = problems(&fixed);
    (!left.is_empty()).then(|| format!("{diagnostic}\nfixed:\n{fixed}\nleft:\n  {}\n", listed(&left)))
}

#[test]
fn every_problem_is_reported_where_it_is_and_nothing_else_and_its_fix_leaves_none() {
    let cases = TABLES.iter().copied().flatten();
    let failures: Vec<String> = cases.filter_map(|case| failure(case.code, case.yaml, case.suggestion)).collect();
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
