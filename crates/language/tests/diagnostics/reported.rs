//! Whole files as people wrote them, and all that is said of them: each in `reported/`, with what is found in the snapshot
//! beside it. What is suggested must help and do no harm.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use procession_language::{Code, Diagnostic, Nothing, check};

fn files() -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics/reported");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.file_stem().unwrap().to_string_lossy().into(), fs::read_to_string(&path).unwrap())).collect()
}

fn diagnostics(yaml: &str) -> Vec<Diagnostic> {
    check(yaml, &Nothing).diagnostics
}

#[test]
fn what_people_wrote_is_told_of_in_these_words() {
    let mut told = String::new();
    for (name, yaml) in files() {
        writeln!(told, "{name}").unwrap();
        for found in diagnostics(&yaml) {
            let help = found.suggestion.as_ref().map(|text| format!(" => {text:?}")).unwrap_or_default();
            writeln!(told, "  {found}{help}").unwrap();
        }
    }
    insta::assert_snapshot!(told);
}

/// How often each thing is said, wherever it stands: a correction may move lines.
fn counted(diagnostics: &[Diagnostic]) -> BTreeMap<(Code, String), usize> {
    let mut counts = BTreeMap::new();
    for found in diagnostics {
        *counts.entry((found.code, found.message.clone())).or_default() += 1;
    }
    counts
}

#[test]
fn every_suggestion_solves_its_problem_and_brings_no_other() {
    let mut harmful = Vec::new();
    for (name, yaml) in files() {
        let before = diagnostics(&yaml);
        let counts = counted(&before);
        for found in before.iter().filter(|found| found.code != Code::NotYetAvailable) {
            let Some(fix) = &found.fix else { continue };
            let fixed = fix.apply(&yaml).expect("a fix stands in the text");
            let after = counted(&diagnostics(&fixed));
            let said = (found.code, found.message.clone());
            let remains = after.get(&said) >= counts.get(&said);
            let new: Vec<_> = after.iter().filter(|(said, count)| counts.get(*said) < Some(*count)).collect();
            if remains || !new.is_empty() {
                harmful.push(format!("{name}: {found}\n  fix: {fix:?}\n  remains: {remains}\n  new: {new:?}"));
            }
        }
    }
    assert!(harmful.is_empty(), "{}", harmful.join("\n\n"));
}
