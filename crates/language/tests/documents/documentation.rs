//! The tables of the documentation are those of the code, and its example of what validation says is what it says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use procession_domain::value::ErrorCode;
use procession_language::{Code, Nothing, check};

fn page(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/language").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the table with this head, without their head.
fn rows<'p>(page: &'p str, head: &str) -> Vec<&'p str> {
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("no table `{head}`"));
    table.lines().skip(2).take_while(|line| line.starts_with('|')).collect()
}

#[test]
fn every_error_code_is_in_the_table_of_the_documentation() {
    let expected: Vec<String> = ErrorCode::ALL
        .iter()
        .map(|code| {
            let retried = match (code.is_retried_by_default(), code.is_retried_by_own_policy()) {
                (true, _) => "yes",
                (false, true) => "with a `retry` of your own",
                (false, false) => "no",
            };
            format!("| `{code}` | {retried} | {} |", code.meaning())
        })
        .collect();
    assert_eq!(rows(&page("errors-and-retries.md"), "| code | tried again | meaning |"), expected);
}

#[test]
fn every_diagnostic_is_in_the_table_of_the_documentation() {
    let expected: Vec<String> =
        Code::ALL.iter().map(|code| format!("| `{code}` | {} | {} |", code.severity(), code.meaning())).collect();
    assert_eq!(rows(&page("diagnostics.md"), "| code | severity | meaning |"), expected);
}

#[test]
fn the_example_of_diagnostics_says_what_validation_says() {
    let page = page("diagnostics.md");
    let block = |fence: &str| {
        let (_, rest) = page.split_once(fence).unwrap();
        rest.split_once("```").unwrap().0
    };
    let diagnostics = check(block("```yaml invalid\n"), &Nothing).diagnostics;
    let said: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(block("```text\n").lines().collect::<Vec<_>>(), said);
}

/// The anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/language");
    let pages: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "md"))
        .collect();
    let index = page("README.md");
    for name in &pages {
        assert!(name == "README.md" || index.contains(&format!("({name})")), "README.md does not list {name}");
        for target in page(name).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { name.as_str() } else { file };
            assert!(pages.iter().any(|known| known == file), "{name} links to {target}");
            let target_page = page(file);
            let mut headings = target_page.lines().filter(|line| line.starts_with('#')).map(anchor);
            assert!(heading.is_empty() || headings.any(|known| known == heading), "{name} links to {target}");
        }
    }
}
