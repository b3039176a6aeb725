//! Spec 2.3: conditions.

use serde_json::json;

use crate::support::{condition_error, evaluation, holds};

/// Each of these is true.
const TRUE: &[&str] = &[
    // Braces are optional.
    "steps.analyze.output.score > 80",
    "{{steps.analyze.output.score}} > 80",
    "{{ steps.analyze.output.score }} >= 80 and not steps.analyze.output.flag",
    "{{ steps.analyze.output.score > 80 }}",
    "{{- steps.analyze.output.score -}} > 80",
    "{{steps.analyze.output.score}} >= {{input.count}}",
    // Precedence as in Jinja2: or < and < not < comparison < arithmetic.
    "true or false and false",
    "not false and true",
    "not input.count == 4",
    "1 + 2 * 3 == 7",
    "2 + 3 > 4",
    "(true or false) and not (false and true)",
    "1 < 2 < 3",
    "not (1 < 3 < 2)",
    // Undefined is none.
    "input.missing == none",
    "none == input.missing",
    "input.missing is none",
    "input.missing is not defined",
    "input.missing.deeper.still == none",
    "nowhere == none",
    "steps.nobody.output.x == none",
    "input.missing != 5",
    "input.nothing == none",
    "not input.missing",
    "not (input.missing > 1)",
    "not (input.missing < 1)",
    "not (input.missing >= none)",
    "input.missing == input.other_missing",
    // Steps without an output.
    "steps.skipped.output == none",
    "steps.skipped.output.score == none",
    "steps.skipped.output.score is not defined",
    "steps.skipped.score == none",
    "not (steps.skipped.output.score > 3)",
    "steps.skipped.output.list | length == 0",
    "input.missing | length == 0",
    // A status ignores case.
    "steps.analyze.status == 'completed'",
    "steps.analyze.status == 'COMPLETED'",
    "'Completed' == steps.analyze.status",
    "steps.analyze.status != 'FAILED'",
    "steps.analyze.status in ['Completed', 'Failed']",
    "steps['analyze'].status == 'Completed'",
    // A decision has other words.
    "steps.approve.decision == 'approved'",
    "steps.approve.decision == 'approve'",
    "steps.approve.output.decision == 'APPROVE'",
    "'approve' == steps.approve.decision",
    "steps.approve.decision != 'reject'",
    "steps.approve.decision in ['approve', 'skip']",
    "steps.approve.decision not in ['reject']",
    "steps.rework.decision == 'revision_requested'",
    "steps.rework.decision == 'changes_requested'",
    "steps.rework.output.decision == 'request_changes'",
    "steps.ask-later.decision == none",
    // … but not for an agent that answers with such a field.
    "steps.quality-review.output.decision == 'approve'",
    "steps.quality-review.output.decision != 'approved'",
    // Texts and booleans.
    "input.text_true == true",
    "true == input.text_true",
    "input.text_false != true",
    "input.text_false == false",
    "not input.text_false",
    "input.yes == 'true'",
    "input.topic != true",
    // Numbers and texts that read as numbers.
    "input.digits == 85",
    "input.digits > 80",
    "80 < input.digits",
    "input.digits < 100",
    "'2.50' == 2.5",
    "' 7 ' >= 7",
    "'1e2' == 100",
    "'-3' < 0",
    "3 == 3.0",
    "9007199254740993 > 9007199254740992",
    // Texts compare as texts.
    "'10' < '9'",
    "'a' < 'b'",
    "input.topic == 'tides'",
    "input.topic != 'Tides'",
    // Mixed types don't order.
    "not ('abc' > 5)",
    "not ('abc' <= 5)",
    "not (true > 0)",
    "not (input.list > 1)",
    "true != 1",
    "'' != none",
    "0 != none",
    "false != none",
    // Lists and mappings.
    "input.list == [1, 2, 3]",
    "input.nested.deep == {'x': 1}",
    "input.list != [1, 2]",
    "input.list[0] == 1",
    "input.list[-1] == 3",
    "input.items[1].name == 'apple'",
    "input.items.1.name == 'apple'",
    "input['topic'] == 'tides'",
    "steps.analyze.output[input.key] == 85",
    // Membership.
    "2 in input.list",
    "'2' in input.list",
    "5 not in input.list",
    "'tid' in input.topic",
    "'deep' in input.nested",
    "'x' not in input.nested",
    "'good' in ['bad', 'good']",
    "not ('a' in input.missing)",
    "'a' not in input.missing",
    "'a' not in steps.skipped.output",
    // Filters and tests.
    "input.topic | upper == 'TIDES'",
    "input.list | length > 2",
    "input.items | map(attribute='price') | sum == 5",
    "input.items | selectattr('price', 'ge', 3) | list | length == 1",
    "input.count is odd",
    "input.topic is startingwith 'ti'",
    "input.topic is string and input.list is iterable",
    "input.missing | default(5) == 5",
    "input.empty | default('x') == 'x'",
    "input.zero | default(5) == 0",
    // Ternaries.
    "(5 if input.yes else 3) == 5",
    "input.count > 2 if input.yes else false",
    // An agent's whole reply is its text.
    "'fine' in steps.write.output",
    "steps.write.output == 'Looks fine to me.'",
    "steps.analyze.output contains 'good'",
    // Comments are their lines.
    "steps.approve.comments contains 'first'",
    "steps.approve.comment == 'second'",
    // Other variables.
    "trigger.type == 'webhook' and trigger.payload.ref == 'main'",
    "process.version == '1.2' and process.name == 'weekly-report'",
    "execution.retry_of == none",
    "error.code == 'TIMEOUT' and errors[0].step_id == 'broken'",
    "steps.broken.error.code == 'TIMEOUT'",
    "steps.analyze.error == none",
    "steps.analyze.attempt == 2",
    "steps.analyze.duration == 90.5",
    "steps.analyze.cost < 0.02",
    "steps.skipped.cost == none and steps.skipped.duration == none",
    "now() > '2026-11-21'",
    "steps.choose.output.route == 'publish'",
    "steps.write.summary == steps.write.output.response",
    // Literals.
    "true",
    "'text'",
    "1",
    "[0]",
];

#[test]
fn these_conditions_hold_and_their_negations_do_not() {
    for source in TRUE {
        assert!(holds(source), "{source}");
        assert!(!holds(&format!("not ({source})")), "not ({source})");
    }
}

#[test]
fn a_condition_and_its_brace_form_agree() {
    for source in TRUE.iter().filter(|source| !source.contains("{{")) {
        assert!(holds(&format!("{{{{ {source} }}}}")), "{{{{ {source} }}}}");
    }
}

#[test]
fn the_literal_false_and_everything_empty_is_false() {
    for source in
        ["false", "False", "FALSE", "{{ false }}", "0", "''", "[]", "{}", "none", "null", "'false'", "input.no"]
    {
        assert!(!holds(source), "{source}");
    }
}

#[test]
fn not_equal_is_always_the_negation_of_equal() {
    let values = [
        "none",
        "true",
        "false",
        "0",
        "1",
        "1.0",
        "'1'",
        "'true'",
        "''",
        "'a'",
        "[1]",
        "{'a': 1}",
        "input.missing",
        "steps.skipped.output",
        "steps.write.output",
        "steps.approve.comments",
        "steps.approve.decision",
    ];
    for left in values {
        for right in values {
            let equal = holds(&format!("{left} == {right}"));
            assert_eq!(holds(&format!("{left} != {right}")), !equal, "{left} and {right}");
            assert_eq!(holds(&format!("{right} == {left}")), equal, "{left} and {right}");
        }
    }
}

#[test]
fn every_evaluation_keeps_what_it_read() {
    let kept =
        evaluation("steps.analyze.output.score > 80 and input.items[0].name == 'pear' and input.missing == none");
    assert!(kept.result);
    assert_eq!(
        json!(kept.values),
        json!({"steps.analyze.output.score": 85, "input.items[0].name": "pear", "input.missing": null})
    );
    assert_eq!(
        kept.expression,
        "steps.analyze.output.score > 80 and input.items[0].name == 'pear' and input.missing == none"
    );
    assert_eq!(
        kept.notes,
        [
            "`input.missing` is not defined (line 10): it counts as none. `input` has: topic, count, zero, price, digits, \
             empty, nothing, yes, no, text_true, text_false, list, none_in_list, no_fields, items, and 4 more."
        ]
    );
}

#[test]
fn what_is_not_reached_is_not_read() {
    let kept = evaluation("input.no and input.topic == 'tides'");
    assert_eq!(json!(kept.values), json!({"input.no": false}));
    assert!(kept.notes.is_empty());
}

#[test]
fn long_values_are_cut_to_a_preview() {
    let long = "x".repeat(1_000);
    let source = format!("(input.list | length) + ('{long}' | length) == 1003 and steps.analyze.output != none");
    let kept = evaluation(&source);
    let preview = kept.values["steps.analyze.output"].as_str().unwrap().to_owned();
    assert_eq!(preview, r#"{"score": 85, "verdict": "good"}"#, "a whole reply is its text");
    let scope = crate::support::scope_with(json!({"text": "ö".repeat(500), "list": vec![1; 500], "short": [1, 2]}));
    let condition =
        procession_domain::definition::Condition::unplaced("input.text != input.list and input.short != none");
    let kept = procession_domain::expressions::Expressions::condition(&crate::support::evaluator(), &condition, &scope)
        .unwrap();
    assert_eq!(kept.values["input.text"], format!("{}…", "ö".repeat(200)));
    assert_eq!(kept.values["input.list"], format!("[{}…", "1,".repeat(99) + "1"));
    assert_eq!(kept.values["input.short"], json!([1, 2]));
}

#[test]
fn mixed_orderings_are_noted() {
    let cases = [
        ("'abc' > 5", "`'abc' > 5` (line 10) compares a text with a number: it counts as false."),
        ("input.list < 5", "`input.list < 5` (line 10) compares a list with a number: it counts as false."),
        ("input.nothing < 5", "`input.nothing < 5` (line 10) compares none with a number: it counts as false."),
        ("'a' in 5", "`'a' in 5` (line 10) looks into a number: it counts as false."),
    ];
    for (source, note) in cases {
        let kept = evaluation(source);
        assert!(!kept.result, "{source}");
        assert_eq!(kept.notes, [note], "{source}");
    }
}

#[test]
fn what_can_not_be_evaluated_is_an_error_without_values() {
    let cases = [
        (
            "input.topic + 1 > 2",
            "`input.topic + 1` can't be evaluated (line 10): `+` does not go with a text and a number.",
        ),
        (
            "input.missing + 1 > 2",
            "`input.missing + 1` can't be evaluated (line 10): `+` does not go with none and a number.",
        ),
        ("1 / input.zero > 1", "`1 / input.zero` can't be evaluated (line 10): nothing can be divided by zero."),
        (
            "input.topic | abs > 1",
            "`input.topic | abs` can't be evaluated (line 10): the filter `abs` does not go with a text and what it is given.",
        ),
        (
            "input.list[input.list] == 1",
            "`input.list` can't be evaluated (line 10): a list is no name or index of anything.",
        ),
        (
            "input.topic | nofilter",
            "there is no filter `nofilter`: there are abs, attr, batch, bool, capitalize, chain, count, d, default, dictsort, e, escape, first, float, format, groupby, indent, int, items, join, last, length, lines, list, lower, map, max, min, reject, rejectattr, replace, reverse, round, safe, select, selectattr, slice, sort, split, string, sum, title, tojson, trim, truncate, unique, upper, urlencode, wordcount, zip (line 10)",
        ),
    ];
    for (source, message) in cases {
        assert_eq!(condition_error(source), message, "{source}");
    }
}
