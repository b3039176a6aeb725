//! Texts that nobody should write: each ends in order, in a thread with a small stack, with an error that says why.

use std::fmt::Write;

use procession_language::{Checked, Code, Diagnostic, Nothing, check};

/// Checks a text in a thread with a stack of 2 MiB, as a server's are.
fn checked(yaml: String) -> Vec<Diagnostic> {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let Checked { definition, diagnostics, .. } = check(&yaml, &Nothing);
        assert_eq!(definition.is_none(), diagnostics.iter().any(Diagnostic::is_error));
        let lines = u32::try_from(yaml.lines().count()).unwrap() + 1;
        for found in &diagnostics {
            assert!((1..=lines).contains(&found.line) && found.column >= 1, "{found}");
            assert!((found.line, found.column) <= (found.end_line, found.end_column), "{found}");
        }
        diagnostics
    });
    thread.unwrap().join().expect("the check ends in an orderly way")
}

/// A process around the value of a step's key.
fn with_message(value: &str) -> String {
    format!("name: p\nsteps:\n  - id: a\n    type: agent_task\n    agent: w\n    message: {value}\n")
}

/// Nine lists, each of nine times the one before: a billion items, written in a few hundred bytes.
fn alias_bomb() -> String {
    let mut text = "name: p\na: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (outer, inner) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        let list = vec![format!("*{inner}"); 9].join(", ");
        writeln!(text, "{outer}: &{outer} [{list}]").unwrap();
    }
    text
}

fn many_steps(count: usize) -> String {
    let mut text = "name: p\nsteps:\n".to_owned();
    for index in 0..count {
        writeln!(text, "- {{id: s{index}, type: timer, duration: 1s}}").unwrap();
    }
    text
}

#[test]
fn what_is_too_much_is_refused_with_its_reason() {
    let lines: Vec<String> = (0..300).map(|depth| " ".repeat(depth) + "k:\n").collect();
    let cases: Vec<(&str, String, Code)> = vec![
        ("lists in lists", format!("a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000)), Code::NestedTooDeep),
        ("open brackets", format!("a: {}", "[".repeat(500_000)), Code::NestedTooDeep),
        ("open braces", format!("a: {}", "{a: ".repeat(200_000)), Code::NestedTooDeep),
        ("lists by dashes", "- ".repeat(300_000), Code::NestedTooDeep),
        ("mappings by indentation", lines.concat(), Code::NestedTooDeep),
        ("explicit keys", "? ".repeat(300_000), Code::NestedTooDeep),
        ("aliases of aliases", alias_bomb(), Code::TooManyNodes),
        ("an alias within its anchor", "a: &a [*a]\n".to_owned(), Code::UnknownAnchor),
        ("a large text", format!("name: {}\n", "x".repeat(1 << 20)), Code::DocumentTooLarge),
        ("many items", format!("name: p\nlabels: [{}]\n", "1,".repeat(300_000)), Code::TooManyNodes),
        ("many steps", many_steps(2_001), Code::TooManySteps),
        ("a long expression", with_message(&format!("\"{{{{ 1{} }}}}\"", "+1".repeat(5_000))), Code::ExpressionSyntax),
        (
            "a long condition",
            format!(
                "name: p\nsteps:\n  - {{id: a, type: timer, duration: 1s, condition: \"1{}\"}}\n",
                "+1".repeat(5_000)
            ),
            Code::ExpressionSyntax,
        ),
        ("many open placeholders", with_message(&format!("'{}'", "{{".repeat(400_000))), Code::ExpressionSyntax),
        (
            "many brackets in an expression",
            with_message(&format!("'{{{{ {} }}}}'", "(".repeat(2_000))),
            Code::ExpressionSyntax,
        ),
        ("many open blocks", with_message(&format!("'{}'", "{% if a %}".repeat(50_000))), Code::ExpressionSyntax),
        ("many raw blocks", with_message(&format!("'{}'", "{% raw %}".repeat(90_000))), Code::ExpressionSyntax),
        ("an unclosed quote", with_message(&format!("\"{}", "x ".repeat(400_000))), Code::YamlSyntax),
        ("a null byte", "name: p\0q\n".to_owned(), Code::YamlSyntax),
        ("control characters", "name: \u{1}\u{2}\u{7f}\n".to_owned(), Code::YamlSyntax),
    ];
    for (what, yaml, code) in cases {
        let diagnostics = checked(yaml);
        let found = diagnostics.iter().find(|found| found.code == code);
        let listed = || diagnostics.iter().take(3).map(ToString::to_string).collect::<Vec<_>>();
        assert!(found.is_some_and(|found| !found.message.is_empty()), "{what}: {:?}", listed());
    }
}

#[test]
fn what_is_much_but_allowed_is_read() {
    let long = with_message(&format!("\"{}\"", "Größe {{input.x}} ".repeat(20_000)));
    let padded = format!("{}{}", with_message("x"), "# a comment\n".repeat(80_000));
    let wide = with_message(&format!("x\n    description: {}", "word ".repeat(100_000)));
    for (what, yaml) in
        [("a long text", long), ("comments", padded), ("a long line", wide), ("steps", many_steps(2_000))]
    {
        let diagnostics = checked(yaml);
        assert!(diagnostics.is_empty(), "{what}: {}", diagnostics[0]);
    }
}

#[test]
fn odd_texts_are_reported_and_not_fatal() {
    let steps = "steps: [{id: a, type: timer, duration: 1s}]\n";
    let cases = [
        "",
        " ",
        "\n",
        "\t",
        "\u{feff}",
        "---",
        "...",
        "--- ---",
        "%YAML 1.2",
        "%TAG ! x",
        "!",
        "&",
        "*",
        "|",
        ">",
        "?",
        ":",
        "-",
        "- -",
        "? ?",
        ": :",
        "{",
        "}",
        "[",
        "]",
        "{{",
        "}}",
        "\"",
        "'",
        "#",
        "@",
        "`",
        "\\",
        "<<: *x",
        "<<: 1",
        "~",
        "null",
        "\r",
        "a\rb",
        "a:\r\n\tb",
        "\u{2028}",
        "\u{85}",
        "é: è",
        "\u{1F600}: \u{1F600}",
        "a: \"\\ud83d\"",
        "a: \"\\U0011FFFF\"",
        "a: !!binary x",
        "a: !!float x",
        "a: 1e999999",
        "? [a]\n: b",
        "? |\n  a\n: b",
        "a: &x\nb: *x",
        "a: &x *x",
        "- &a\n- *a",
    ];
    for text in cases {
        let diagnostics = checked(text.to_owned());
        assert!(diagnostics.iter().any(Diagnostic::is_error), "{text:?}");
        let _ = checked(format!("name: p\n{text}\n{steps}"));
        let _ = checked(format!("name: p\ndescription: {text}\n{steps}"));
        let _ = checked(format!("name: p\n{steps}{text}"));
        let _ = checked(with_message(text));
    }
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let yaml = include_str!("../diagnostics/examples/every-step-type.yaml");
    let expected = super::valid(yaml);
    assert_eq!(super::valid(&format!("\u{feff}{yaml}")), expected);
    assert_eq!(super::valid(&yaml.replace('\n', "\r\n")), expected);
}
