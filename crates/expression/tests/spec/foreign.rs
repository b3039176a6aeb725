//! Spec 2.1: spellings of other languages that existing definitions use.

use procession_expression::{check_condition, check_template};

use crate::support::{evaluation, holds, names, text};

#[test]
fn foreign_spellings_mean_what_they_mean_elsewhere() {
    let cases = [
        // `| default:x`, with any expression.
        ("{{ input.missing | default:'x' }}", "x"),
        ("{{ input.missing|default:\"x\" }}", "x"),
        ("{{ input.missing | default: 5 }}", "5"),
        ("{{ input.missing | default: -5 }}", "-5"),
        ("{{ input.missing | d:5 }}", "5"),
        ("{{ input.missing | default:input.topic }}", "tides"),
        ("{{ input.missing | default: input.items[0].name | upper }}", "PEAR"),
        ("{{ input.missing | default: steps.quality-review.output.score }}", "9"),
        ("{{ input.missing | default:[1, {'a': 2}] }}", r#"[1,{"a":2}]"#),
        ("{{ input.missing | default:(1 + 2) }}", "3"),
        ("{{ input.missing | default:range(3) }}", "[0,1,2]"),
        ("{{ input.missing | default:input.other | default:'x' }}", "x"),
        ("{{ input.missing | default:'a' ~ 'b' }}", "ab"),
        ("{{ (input.missing | default:2) + 1 }}", "3"),
        ("{{ [input.missing | default:2, 3] }}", "[2,3]"),
        ("{{ 'x' if input.missing | default:false else 'y' }}", "y"),
        ("{{ input.list[input.missing | default:1] }}", "2"),
        ("{% if input.missing | default:true %}yes{% endif %}", "yes"),
        // `||` and `??`: the first that is defined and not empty.
        ("{{ input.missing || 'x' }}", "x"),
        ("{{ input.missing.deep || input.empty || input.topic }}", "tides"),
        ("{{ input.missing ?? 'x' }}", "x"),
        ("{{ input.nothing ?? input.empty ?? 'x' }}", "x"),
        ("{{ input.topic||'x' }}", "tides"),
        ("{{ input.zero || 5 }} {{ input.zero ?? 5 }}", "0 0"),
        ("{{ input.no ?? true }}", "false"),
        ("{{ input.none_in_list || 'x' }}", "[]"),
        ("{{ input.missing || 'x' | upper }}", "X"),
        ("{{ (input.missing || 'x') | upper }}", "X"),
        ("{{ nowhere || steps.nobody.output.x || 'last' }}", "last"),
        ("{{ steps.skipped.output.x || 'x' }}", "x"),
        ("{{ input.missing or input.nowhere || 'x' }}", "x"),
        // `||` of truths is an `or`.
        ("{{ 'yes' if input.zero || input.yes else 'no' }}", "yes"),
        ("{% if input.no || input.count > 2 %}yes{% endif %}", "yes"),
        ("{% set t = 1 > 2 || 2 > 1 %}{{ t }}", "true"),
        ("{{ not (input.no || input.zero) }}", "true"),
        // `&&`, `!`, `contains`.
        ("{{ input.yes && !input.no }}", "true"),
        ("{{ !input.missing || 'x' }}", "true"),
        ("{% if !input.no&&input.yes %}yes{% endif %}", "yes"),
        ("{{ input.topic contains 'id' }} {{ input.list contains 2 }}", "true true"),
        ("{{ input.list not contains 2 }} {{ not input.list contains 5 }}", "false true"),
        ("{{ input.topic|upper contains 'TID' }}", "true"),
        ("{{ 'contains' }}{{ input.missing | default('contains') }}", "containscontains"),
        // Literals.
        ("{{ True }}{{ TRUE }}{{ true }}{{ False }}{{ FALSE }}", "truetruetruefalsefalse"),
        ("{{ null }}{{ None }}{{ NULL }}{{ none }}", "nullnullnullnull"),
        ("{{ input.nothing is null }}{{ input.yes is True }}", "truetrue"),
        // All of this only where it is no part of a text.
        ("a || b ?? !c && d contains e | default:x null", "a || b ?? !c && d contains e | default:x null"),
        ("{{ 'a || b | default:x' }}", "a || b | default:x"),
        ("{{ {'true': 1, 'contains': 2}.contains }}", "2"),
    ];
    let failed: Vec<String> = cases
        .into_iter()
        .filter_map(|(source, expected)| {
            let found = crate::support::text_or_error(source);
            (found != expected).then(|| format!("{source}\n  gave     {found}\n  expected {expected}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn foreign_spellings_work_in_conditions() {
    let cases = [
        "steps.analyze.output.score > 80 && !steps.analyze.output.flag",
        "steps.nobody.output.x == 1 || input.count == 3",
        "input.no || input.zero || input.yes",
        "!(input.no || input.zero)",
        "(input.missing ?? 90) > 80",
        "(input.zero || 50) < 30",
        "!(input.no ?? true)",
        "steps.analyze.output.issues contains 'a'",
        "steps.analyze.output.issues not contains 'z'",
        "not steps.analyze.output.issues contains 'z'",
        "input.topic contains 'id' && input.list contains '2'",
        "steps.analyze.output.verdict contains \"oo\"",
        "{{ input.missing | default:90 }} > 80",
        "input.missing | default:90 > 80",
        "{{input.topic}} contains 'tid'",
        "!{{input.no}}",
        "input.nothing == null && input.yes == TRUE && input.no == False",
        "'a' in ['a'] contains 'a' || true",
    ];
    for source in cases {
        assert!(holds(source), "{source}");
    }
}

#[test]
fn nothing_to_the_left_of_a_default_is_noted_as_undefined() {
    assert!(evaluation("(input.missing || 1) == 1").notes.is_empty());
    assert!(evaluation("input.a.b.c | default(1) == 1").notes.is_empty());
    assert_eq!(evaluation("(1 || input.missing) == 2 or input.missing").notes.len(), 1);
}

#[test]
fn a_quoted_placeholder_in_a_condition_is_its_text() {
    for source in [
        "\"{{ steps.analyze.output.verdict }}\" == \"good\"",
        "'{{steps.analyze.output.score}}' == '85'",
        "'{{ steps.analyze.output.score }}' > 80",
        "'{{ input.yes }}' == 'true'",
        "'{{ steps.skipped.output.x }}' == ''",
        "'{{ input.list[0] }}' == 1 and input.yes",
    ] {
        assert!(holds(source), "{source}");
        let notes = check_condition(source, &names()).unwrap().notes;
        assert_eq!(notes[0].message, "the quotes around this placeholder are not needed", "{source}");
    }
}

#[test]
fn where_a_default_ends_is_remarked_on_if_it_may_surprise() {
    let source = "{{ input.a | default:1 + 2 }}";
    let notes = check_template(source, &names()).unwrap().notes;
    assert_eq!(notes[0].message, "the value of `default:` ends before this `+`; parentheses make it clear");
    assert_eq!(&source[notes[0].range.clone()], "+");
    assert_eq!(text("{{ input.missing | default:1 + 2 }}"), "3");
}
