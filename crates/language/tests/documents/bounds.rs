//! How much is told of texts with very many problems, and how a check is given up.

use std::{cell::Cell, fmt::Write};

use procession_language::{Checked, Code, Nothing, Severity, check, check_while};

/// What a text of up to a mebibyte begins with, and lines that are made until it is full.
fn filled(head: &str, line: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for index in 0.. {
        let line = line(index);
        if text.len() + line.len() > 1_000_000 {
            break;
        }
        text.push_str(&line);
    }
    text
}

const LONG_MESSAGE: &str = "name: p\nsteps:\n  - id: a\n    type: agent_task\n    agent: w\n    message: |\n";

fn steps(count: usize, more: impl Fn(usize) -> String) -> String {
    let mut text = "name: p\nsteps:\n".to_owned();
    for index in 0..count {
        writeln!(text, "  - {{id: s{index}, type: timer, duration: 1s{}}}", more(index)).unwrap();
    }
    text
}

/// Checks that a text's problems are listed up to the bound and counted beyond it.
fn listed(what: &str, yaml: &str) -> Checked {
    let checked = check(yaml, &Nothing);
    let last = checked.diagnostics.last().unwrap();
    assert_eq!(checked.diagnostics.len(), 101, "{what}");
    assert_eq!(last.code, Code::TooManyProblems, "{what}");
    assert!(last.message.starts_with(&format!("{} more problem", checked.not_listed)), "{what}: {}", last.message);
    let places: Vec<(u32, u32)> = checked.diagnostics.iter().map(|found| (found.line, found.column)).collect();
    assert!(places.is_sorted(), "{what}");
    checked
}

#[test]
fn of_thousands_of_problems_the_first_hundred_are_listed_and_the_rest_is_counted() {
    let cases = [
        ("steps that do not exist", filled(LONG_MESSAGE, |i| format!("      {{{{steps.nix{i}.output}}}}\n"))),
        ("variables that do not exist", filled(LONG_MESSAGE, |i| format!("      {{{{inptu.x{i}}}}}\n"))),
        ("unknown keys", filled("name: p\nsteps: [{id: a, type: timer, duration: 1s}]\n", |i| format!("nix{i}: 1\n"))),
        ("dollars", filled(LONG_MESSAGE, |i| format!("      ${{nix{i}}}\n"))),
    ];
    for (what, yaml) in cases {
        let lines = yaml.lines().count();
        let checked = listed(what, &yaml);
        let found = checked.diagnostics.len() - 1 + checked.not_listed;
        assert!(found.abs_diff(lines) < 10, "{what}: {found} problems in {lines} lines");
    }
    let cases = [
        ("unquoted expressions", filled("name: p\nlabels:\n", |i| format!("  l{i}: {{{{x}}}}\n"))),
        ("unquoted colons", filled("name: p\nlabels:\n", |i| format!("  l{i}: see: this\n"))),
        ("reserved characters", filled("name: p\nlabels:\n", |i| format!("  l{i}: @x\n"))),
        ("tags of expressions", filled(LONG_MESSAGE, |i| format!("      {{{{ x | nofilter{i} }}}}\n"))),
        ("expressions that break off", filled(LONG_MESSAGE, |_| "      {{ x + }}\n".to_owned())),
        ("circles", steps(1_900, |i| format!(", depends_on: [s{}, s{}]", (i + 1) % 1_900, i * 7 % 1_900))),
        (
            "every step after every step",
            steps(400, |_| {
                let all: Vec<String> = (0..400).map(|step| format!("s{step}")).collect();
                format!(", depends_on: [{}]", all.join(","))
            }),
        ),
    ];
    for (what, yaml) in cases {
        listed(what, &yaml);
    }
}

#[test]
fn errors_are_listed_before_a_flood_of_warnings() {
    let head = "name: p\nsteps:\n  - {id: a, type: timer, duration: soon}\n  - {id: b, type: timer, duration: 1s, depends_on: c}\n";
    let yaml = filled(head, |i| format!("nix{i}: 1\n"));
    let checked = listed("warnings", &yaml);
    let errors: Vec<Code> = checked.errors().map(|found| found.code).collect();
    assert_eq!(errors, [Code::BadDuration, Code::UnknownStep]);
    assert_eq!(checked.warnings().filter(|found| found.severity == Severity::Warning).count(), 99);
}

#[test]
fn suggestions_end_with_their_work_but_problems_are_still_found() {
    let mut yaml = steps(1_990, |_| String::new());
    yaml.push_str("  - {id: last, type: timer, duration: 1s, depends_on: [");
    for index in 0..60_000 {
        write!(yaml, "sx{index},").unwrap();
    }
    yaml.push_str("]}\n");
    let checked = listed("misspelt steps", &yaml);
    assert_eq!(checked.not_listed, 59_900);
}

#[test]
fn a_circle_of_very_many_steps_is_named_by_its_ends() {
    let yaml = steps(1_900, |i| format!(", depends_on: s{}", (i + 1) % 1_900));
    let checked = check(&yaml, &Nothing);
    let [found] = checked.diagnostics.as_slice() else { panic!("{:?}", checked.diagnostics.first()) };
    assert_eq!(found.code, Code::DependencyCycle);
    assert!(found.message.contains("(1860 more)") && found.message.len() < 700, "{}", found.message);
}

#[test]
fn a_check_that_nobody_waits_for_any_more_is_given_up() {
    let large = [
        filled("name: p\nlabels:\n", |i| format!("  l{i}: x\n")),
        steps(2_000, |i| {
            if i > 0 { format!(", depends_on: s{}, condition: input.x == {i}", i - 1) } else { String::new() }
        }),
        filled("name: p\nsteps: [{id: a, type: timer, duration: 1s}]\ntriggers:\n", |i| {
            format!("  - {{id: t{i}, cron: daily}}\n")
        }),
    ];
    for yaml in large {
        let all_questions = Cell::new(0);
        let count = |more: bool, questions: &Cell<u32>| {
            questions.set(questions.get() + 1);
            more
        };
        assert!(check_while(&yaml, &Nothing, &|| count(true, &all_questions)).is_some());
        let all = all_questions.get();
        assert!(all > 10, "{all} questions");
        for patience in [0, 1, all / 2, all - 2] {
            let questions = Cell::new(0);
            let is_wanted = || count(questions.get() < patience, &questions);
            assert!(check_while(&yaml, &Nothing, &is_wanted).is_none(), "after {patience} of {all} questions");
            let after = questions.get() - patience;
            assert!(after < 12, "{after} questions after the answer");
        }
    }
}
