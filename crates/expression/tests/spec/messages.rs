//! Messages name the expression, its line, and what is available there — never the value of a variable.

use procession_domain::{definition::UndefinedRule, expressions::Expressions};
use serde_json::json;

use crate::support::{error, evaluator, scope_with, text_under};

#[test]
fn what_is_undefined_is_named_with_what_may_be_meant() {
    let cases = [
        (
            "{{ input.topc }}",
            "`input.topc` is not defined (line 10). Did you mean `topic`? `input` has: topic, count, zero, price, digits, empty, nothing, yes, no, text_true, text_false, list, none_in_list, no_fields, items, and 4 more.",
        ),
        (
            "first\nsecond {{ steps.analyze.output.scor }}",
            "`steps.analyze.output.scor` is not defined (line 11). Did you mean `score`? `steps.analyze.output` has: score, verdict, flag, issues, json, response, agent, cost.",
        ),
        (
            "{{ steps.analize.output.score }}",
            "`steps.analize` is not defined (line 10). Did you mean `analyze`? `steps` has: analyze, approve, ask-later, broken, choose, notify, quality-review, rework, skipped, write.",
        ),
        (
            "{{ steps.analyze.statu }}",
            "`steps.analyze.statu` is not defined (line 10). Did you mean `status`? `steps.analyze` has: output, status, error, started_at, completed_at, duration, cost, attempt, score, verdict, flag, issues, json, response, agent.",
        ),
        (
            "{{ imput.topic }}",
            "`imput` is not defined (line 10). Did you mean `input`? There are: input, steps, trigger, execution, process, error, errors.",
        ),
        (
            "{{ trigger.typ }}",
            "`trigger.typ` is not defined (line 10). Did you mean `type`? `trigger` has: type, id, payload, fired_at, schedule_id, due_at, actual_at.",
        ),
        (
            "{{ trigger.payload.pull.nummer }}",
            "`trigger.payload.pull.nummer` is not defined (line 10). Did you mean `number`? `trigger.payload.pull` has: number.",
        ),
        ("{{ process.title }}", "`process.title` is not defined (line 10). `process` has: id, name, version."),
        (
            "{{ error.mesage }}",
            "`error.mesage` is not defined (line 10). Did you mean `message`? `error` has: code, message, step_id.",
        ),
        ("{{ input.list[7] }}", "`input.list[7]` is not defined (line 10). `input.list` is a list of 3."),
        ("{{ input.topic.length }}", "`input.topic.length` is not defined (line 10). `input.topic` is a text."),
        ("{{ input.nothing.x }}", "`input.nothing.x` is not defined (line 10). `input.nothing` is none."),
        ("{{ input.no_fields.x }}", "`input.no_fields.x` is not defined (line 10). `input.no_fields` is empty."),
        (
            "{% for item in input.items %}{{ item.nam }}{% endfor %}",
            "`item.nam` is not defined (line 10). Did you mean `name`? `item` has: name, price, tags.",
        ),
        (
            "{% for item in input.items %}{{ loop.idx }}{% endfor %}",
            "`loop.idx` is not defined (line 10). `loop` has: index, index0, revindex, revindex0, first, last, length, depth, depth0, previtem, nextitem.",
        ),
        (
            "{% for item in input.items %}{{ itm }}{% endfor %}",
            "`itm` is not defined (line 10). Did you mean `item`? There are: loop, item, input, steps, trigger, execution, process, error, errors.",
        ),
        (
            "{{ (input.items | first).nam }}",
            "`(input.items | first).nam` is not defined (line 10). Did you mean `name`? What stands before it has: name, price, tags.",
        ),
        (
            "{{ steps[input.topic].output }}",
            "`steps[input.topic]` is not defined (line 10). `steps` has: analyze, approve, ask-later, broken, choose, notify, quality-review, rework, skipped, write.",
        ),
    ];
    for (source, message) in cases {
        assert_eq!(error(source), message, "{source}");
    }
}

#[test]
fn warnings_say_what_happened_instead() {
    let warnings =
        |rule| text_under("{{ input.topc }}{% if input.x %}{% endif %}{% set y = input.z %}", rule).unwrap().warnings;
    let all = [warnings(UndefinedRule::Empty), warnings(UndefinedRule::Keep)].concat();
    let expected = [
        "`input.topc` is not defined (line 10): nothing stands in its place. Did you mean `topic`? `input` has: topic, count, zero, price, digits, empty, nothing, yes, no, text_true, text_false, list, none_in_list, no_fields, items, and 4 more.",
        "`input.x` is not defined (line 10): nothing stands in its place. `input` has: topic, count, zero, price, digits, empty, nothing, yes, no, text_true, text_false, list, none_in_list, no_fields, items, and 4 more.",
        "`input.z` is not defined (line 10): nothing stands in its place. `input` has: topic, count, zero, price, digits, empty, nothing, yes, no, text_true, text_false, list, none_in_list, no_fields, items, and 4 more.",
        "`input.topc` is not defined (line 10): its placeholder stays in the text. Did you mean `topic`? `input` has: topic, count, zero, price, digits, empty, nothing, yes, no, text_true, text_false, list, none_in_list, no_fields, items, and 4 more.",
        "`input.x` is not defined (line 10): it counts as false. `input` has: topic, count, zero, price, digits, empty, nothing, yes, no, text_true, text_false, list, none_in_list, no_fields, items, and 4 more.",
        "`input.z` is not defined (line 10): it counts as nothing. `input` has: topic, count, zero, price, digits, empty, nothing, yes, no, text_true, text_false, list, none_in_list, no_fields, items, and 4 more.",
    ];
    assert_eq!(all, expected);
}

#[test]
fn a_text_that_stands_in_no_file_has_no_line() {
    let template = procession_domain::definition::Template::unplaced("a\n{{ input.b }}");
    let error = evaluator().text(&template, &scope_with(json!({"a": 1})), UndefinedRule::Error).unwrap_err();
    assert_eq!(error.to_string(), "`input.b` is not defined. `input` has: a.");
}

#[test]
fn no_message_holds_a_value() {
    let secret = "hunter2-hunter2";
    let scope = scope_with(json!({"secret": secret, "list": [secret, {"a": secret}], "n": 123_454_321}));
    let sources = [
        "{{ input.secret + 1 }}",
        "{{ input.secret | int }}",
        "{{ input.secret | float }}",
        "{{ input.secret.x }}",
        "{{ input.secret | abs }}",
        "{{ input.list | sum }}",
        "{{ input.list.x }}",
        "{{ input.list[input.secret] }}",
        "{{ input.list | map(input.secret) }}",
        "{{ input.list | attr(input.secret) }}",
        "{{ input.secret | round }}",
        "{{ input.list | join(attribute='x') | int }}",
        "{{ steps[input.secret].output }}",
        "{{ input[input.secret] }}",
        "{{ input.n / 0 }}",
        "{{ input.n ** 1000 }}",
        "{{ input.n % 0 }}",
        "{{ -input.secret }}",
        "{{ input.secret | format }}",
        "{{ '%d' | format(input.secret) }}",
        "{{ input.secret | replace(1) }}",
        "{{ input.list | groupby(input.secret) | first | abs }}",
        "{{ input.list | select(input.secret) }}",
        "{{ input.secret is divisibleby input.secret }}",
        "{{ range(input.secret) }}",
        "{{ input.list[input.secret:] }}",
        "{{ input.secret * input.secret }}",
        "{% for x in input.n %}{% endfor %}",
        "{% set a, b = input.secret %}",
        "{{ input.list | batch(input.secret) }}",
        "{{ input.secret | tojson(input.secret) }}",
        "{{ {'a': 1}[input.list] }}",
        "{{ input.list | sort(attribute=input.secret) | abs }}",
        "{{ input.n in input.n }}",
        "{{ input.secret | truncate(input.secret) }}",
        "{{ input.list | join(input.list) | abs }}",
    ];
    let mut failures = 0;
    for source in sources {
        let template = procession_domain::definition::Template::unplaced(source);
        if let Err(error) = evaluator().text(&template, &scope, UndefinedRule::Error) {
            let message = error.to_string();
            assert!(!message.contains("hunter2") && !message.contains("123454321"), "{source}: {message}");
            failures += 1;
        }
    }
    assert!(failures > 25, "only {failures} failed");
}
