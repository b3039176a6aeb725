//! Properties: whatever is written, the check ends, and every place that it names lies within the text.

use procession_language::{Checked, Diagnostic, Nothing, check, set_version};
use proptest::{prelude::*, test_runner::RngSeed};

const VALID: &str = include_str!("../diagnostics/examples/every-step-type.yaml");

/// What is written into a valid text.
const SPLINTERS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    ": ",
    ":",
    "- ",
    "-",
    "\n",
    "\n  ",
    "\n\t",
    "#",
    " #",
    "|",
    ">",
    "&a ",
    "*a",
    "!x ",
    "? ",
    "<<: ",
    "null",
    "true",
    "0",
    "-1",
    "1e9",
    "é",
    "\u{1F600}",
    "\u{0}",
    ",",
    "${x}",
    "steps.write.output",
    "input.topic",
    "depends_on: [tell]",
    "type: gateway",
    "id: write",
    "default: true",
    "---\n",
    "\\",
];

/// A change of a text: at a place, so much is taken out, and this is put in.
fn mutation() -> impl Strategy<Value = (prop::sample::Index, usize, &'static str)> {
    (any::<prop::sample::Index>(), 0_usize..40, prop::sample::select(SPLINTERS))
}

fn mutated(changes: &[(prop::sample::Index, usize, &'static str)]) -> String {
    let mut text: Vec<char> = VALID.chars().collect();
    for (at, taken, put) in changes {
        let start = at.index(text.len());
        let end = (start + taken).min(text.len());
        text.splice(start..end, put.chars());
    }
    text.into_iter().collect()
}

fn assert_in_order(text: &str) {
    let Checked { definition, diagnostics, .. } = check(text, &Nothing);
    assert_eq!(definition.is_none(), diagnostics.iter().any(Diagnostic::is_error), "{text}");
    let lines: Vec<usize> = text.split('\n').map(|line| line.chars().count()).collect();
    for found in &diagnostics {
        assert!((found.line, found.column) <= (found.end_line, found.end_column), "{found}\n{text}");
        let line = lines.get(usize::try_from(found.line).unwrap() - 1).copied().unwrap_or(0);
        assert!(usize::try_from(found.column).unwrap() <= line + 1, "{found}\n{text}");
        assert!(!found.message.is_empty());
    }
    if definition.is_some() {
        let version = procession_domain::value::Version::new(9, 0).unwrap();
        let next = set_version(text, version).unwrap();
        let next = check(&next, &Nothing).definition.unwrap_or_else(|| panic!("{text}\n{next}"));
        assert_eq!(next.version(), version, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_text_is_checked_to_its_end(changes in prop::collection::vec(mutation(), 1..8)) {
        assert_in_order(&mutated(&changes));
    }

    #[test]
    fn so_is_a_heap_of_splinters(parts in prop::collection::vec(prop::sample::select(SPLINTERS), 0..60)) {
        assert_in_order(&parts.concat());
    }
}
