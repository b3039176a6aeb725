//! Spec 2.2: templates, and what works in them as in Jinja2.

use procession_domain::{definition::Template, expressions::Expressions};
use serde_json::json;

use crate::support::{error, evaluator, scope, scope_with, text, text_or_error, value};

/// Templates and what they expand to.
const TEXTS: &[(&str, &str)] = &[
    // Text without placeholders is itself, byte for byte.
    ("", ""),
    ("plain\n", "plain\n"),
    ("a { b } c % d # e }} %} $ {x}", "a { b } c % d # e }} %} $ {x}"),
    ("${input.topic} and $HOME", "${input.topic} and $HOME"),
    // Placeholders anywhere.
    ("About {{ input.topic }}.", "About tides."),
    ("{{input.topic}}{{input.count}}", "tides3"),
    ("Line\n{{ input.topic }}\n", "Line\ntides\n"),
    // Literal braces next to placeholders.
    (r#"{"a": {{input.count}}}"#, r#"{"a": 3}"#),
    (r#"{"a": {"b": {{input.count}}}}"#, r#"{"a": {"b": 3}}"#),
    ("{{{input.topic}}}", "{tides}"),
    ("{{{{input.topic}}}}", "{{tides}}"),
    (
        "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{ input.count }}",
        "{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{3",
    ),
    ("{{{ input.missing | default:3 }}}", "{3}"),
    (r#"{{{"a": 1}}}"#, r#"{"a":1}"#),
    (r#"{{ {"a": {"b": 1}} }}"#, r#"{"a":{"b":1}}"#),
    ("{{ '{{' }}{{ '{%' }}{{ '}}' }}", "{{{%}}"),
    // What prints as JSON.
    ("{{ true }} {{ input.yes }} {{ none }} {{ input.nothing }}", "true true null null"),
    ("{{ [1, 'a', none, true] }}", r#"[1,"a",null,true]"#),
    ("{{ input.list }} {{ input.nested.deep }}", r#"[1,2,3] {"x":1}"#),
    ("{{ (1, 2) }}", "[1,2]"),
    ("{{ input.price }} {{ 1.0 }} {{ 10 / 4 }} {{ 4 / 2 }}", "2.5 1.0 2.5 2.0"),
    ("{{ 9007199254740993 }} {{ 2 ** 70 }}", "9007199254740993 1180591620717411303424"),
    // An agent's whole reply is its text; comments are their lines.
    ("{{ steps.write.output }}", "Looks fine to me."),
    ("{{ steps.analyze.output }}", r#"{"score": 85, "verdict": "good"}"#),
    ("{{ steps.write.output | upper }}", "LOOKS FINE TO ME."),
    ("{{ steps.write.output ~ '!' }}", "Looks fine to me.!"),
    ("{{ steps.write.output | truncate(10) }}", "Looks..."),
    ("{{ steps.write.output[:5] }}", "Looks"),
    ("{% set reply = steps.write.output %}{{ reply }}", "Looks fine to me."),
    ("{{ steps.analyze.output.json.score }}", "85"),
    ("{{ steps.approve.output.comments }}", "first\nsecond"),
    ("{{ steps.approve.comments | join(', ') }}", "first, second"),
    ("{{ steps.choose.output }}", r#"{"route":"publish","gateway_type":"exclusive","is_default":false}"#),
    // Shorthands.
    ("{{ steps.approve.decision }}, {{ steps.approve.comment }}", "approved, second"),
    ("{{ steps.rework.feedback }}", "shorter"),
    ("[{{ steps.ask-later.feedback }}{{ steps.ask-later.decision }}]", "[]"),
    ("{{ steps.analyze.score }} {{ steps.write.summary }}", "85 Looks fine to me."),
    // What was not run prints as nothing, so that a join may name all its branches.
    ("[{{ steps.skipped.output }}{{ steps.skipped.output.a.b }}{{ steps.skipped.a }}]", "[]"),
    ("[{{ steps.skipped.output.name | upper }}{{ steps.skipped.output.list | join(', ') }}]", "[]"),
    ("[{% for x in steps.skipped.output.items %}{{ x }}{% endfor %}]", "[]"),
    ("{{ steps.skipped.output.x | default('none') }}", "none"),
    ("{{ 'yes' if steps.skipped.output.x else 'no' }}", "no"),
    ("{{ steps.skipped.output.items | length }}", "0"),
    ("[{{ steps.analyze.error }}{{ steps.skipped.started_at }}{{ steps.skipped.cost }}]", "[]"),
    ("{{ steps.write.output ~ steps.skipped.output }}", "Looks fine to me."),
    // Other variables.
    ("{{ steps.analyze.status }} {{ steps.analyze.attempt }}", "completed 2"),
    ("{{ steps.analyze.duration }} {{ steps.analyze.cost }}", "90.5 0.0123"),
    ("{{ steps.analyze.started_at }}", "2026-11-21T09:00:00.000000+00:00"),
    ("{{ steps.broken.error.code }}: {{ steps.broken.error.message }}", "TIMEOUT: took too long"),
    ("{{ error.step_id }} {{ errors | length }} {{ errors[0].code }}", "broken 1 TIMEOUT"),
    ("{{ trigger.type }} {{ trigger.id }} {{ trigger.payload.pull.number }}", "webhook hook 7"),
    ("{{ trigger.payload }}", r#"{"ref":"main","pull":{"number":7}}"#),
    ("{{ trigger.fired_at }}", "2026-11-21T08:59:59.000000+00:00"),
    ("{{ execution.id }}", "00000000-0000-0000-0000-000000000001"),
    ("[{{ execution.retry_of }}]{{ execution.parent_id }}", "[]00000000-0000-0000-0000-000000000002"),
    ("{{ process.name }} {{ process.version }}", "weekly-report 1.2"),
    ("{{ now() }}", "2026-11-21T09:30:00.000000+00:00"),
    ("{{ steps[input.step_name].output.score }}", "85"),
    ("{{ steps.items() | length }}", "10"),
    // `default` replaces undefined, none and empty text, and what stands left of it may be undefined at any level.
    ("{{ input.missing | default('x') }}", "x"),
    ("{{ input.missing.deep.er | default('x') }}", "x"),
    ("{{ nowhere.at.all | default('x') }}", "x"),
    ("{{ input.nothing | default('x') }}{{ input.empty | default('y') }}", "xy"),
    ("{{ input.zero | default(5) }}{{ input.no | default(true) }}", "0false"),
    ("{{ input.zero | default(5, true) }}{{ input.no | d(true, boolean=true) }}", "5true"),
    ("{{ input.none_in_list | default('x') }}", "[]"),
    ("{{ input.missing | default }}", ""),
    ("{{ input.missing | upper | default('x') }}", "x"),
    ("{{ (input.missing ~ ' ' ~ input.topic) | default('x') }}", "x"),
    ("{{ (input.missing + 1) | default(7) }}", "7"),
    ("{{ input.list[input.missing] | default('x') }}", "x"),
    ("{{ input.missing | default(input.topic) }}", "tides"),
    ("{{ input.topic | default(input.missing) }}", "tides"),
    ("{{ [none, '', 'a'] | map('default', 'x') | join }}", "xxa"),
    ("{{ input.missing.items | first | default('none') }}", "none"),
    ("{{ [] | first | default('none') }}", "none"),
    // Jinja's comparison, truth and logic.
    ("{{ 'yes' if input.count > 2 else 'no' }}", "yes"),
    ("{{ '85' == 85 }} {{ 85 == 85.0 }}", "false true"),
    ("{{ steps.approve.decision == 'approve' }}", "false"),
    ("{{ steps.analyze.status == 'COMPLETED' }}", "false"),
    ("{{ input.empty or 'x' }} {{ input.topic and input.count }}", "x 3"),
    ("{{ 'false' and 1 }}", "1"),
    ("{{ 'a' if input.no }}|", "|"),
    ("{{ 1 if input.no else 2 if input.no else 3 }}", "3"),
    ("{{ 2 in input.list }} {{ 'x' in input.nested.deep }} {{ 'id' in input.topic }}", "true true true"),
    // Arithmetic.
    ("{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 2 ** 10 }} {{ -2 }}", "3 -4 2 -2 1024 -2"),
    ("{{ 1.5 + 1 }} {{ 2 * 'ab' }} {{ [1] * 2 + [2] }} {{ 'a' + 'b' }}", "2.5 abab [1,1,2] ab"),
    ("{{ 'n' ~ 1 ~ none ~ [1] }}", "n1null[1]"),
    // Slices and indexes.
    ("{{ input.list[1:] }}{{ input.list[::-1] }}{{ input.list[-2:] }}{{ input.list[:1] }}", "[2,3][3,2,1][2,3][1]"),
    ("{{ input.topic[1:3] }}{{ input.topic[-1:] }}{{ input.topic[::2] }}", "idstds"),
    ("{{ input.items[-1].name }} {{ input.items.0.tags[0] }}", "apple x"),
    // Statements.
    ("{% if input.yes %}a{% elif input.no %}b{% else %}c{% endif %}", "a"),
    ("{% if input.no %}a{% elif input.zero %}b{% else %}c{% endif %}", "c"),
    ("{% if input.no %}a{% else %}{% if input.yes %}b{% endif %}{% endif %}", "b"),
    ("{% for i in input.items %}{{ i.name }}{% if not loop.last %}, {% endif %}{% endfor %}", "pear, apple"),
    ("{% for i in input.items if i.price > 2 %}{{ loop.length }}{{ i.name }}{% endfor %}", "1apple"),
    ("{% for i in input.none_in_list %}x{% else %}none{% endfor %}", "none"),
    ("{% for k in input.nested.deep %}{{ k }}{% endfor %}", "x"),
    ("{% for k, v in input.nested.deep | items %}{{ k }}={{ v }}{% endfor %}", "x=1"),
    ("{% for k, v in input.nested.deep.items() %}{{ k }}={{ v }}{% endfor %}", "x=1"),
    ("{% for a, (b, c) in [[1, [2, 3]]] %}{{ a + b + c }}{% endfor %}", "6"),
    ("{% for c in 'abc' %}{{ c }}.{% endfor %}", "a.b.c."),
    (
        "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
        "02",
    ),
    (
        "{% for i in [7, 8, 8] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}\
             {{ loop.first }}{{ loop.last }}{{ loop.cycle('a', 'b') }}{{ loop.changed(i) }}{{ loop.previtem }} {% endfor %}",
        "1032truefalseatrue 2121falsefalsebtrue7 3210falsetrueafalse8 ",
    ),
    ("{% for i in [1, 2] %}{% for j in [1] %}{{ loop.depth }}{% endfor %}{{ loop.depth }}{% endfor %}", "2121"),
    ("{% for i in [1] %}{% set x = i %}{{ x }}{% endfor %}{{ x | default('gone') }}", "1gone"),
    ("{% set a, b = [1, 2] %}{{ a }}{{ b }}", "12"),
    ("{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "2"),
    ("{% set t %}a{{ input.count }}{% endset %}{{ t }}{{ t }}", "a3a3"),
    ("{% set t | upper %}a{% endset %}{{ t }}", "A"),
    ("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a | default('gone') }}", "3gone"),
    ("{% filter upper | replace('B', 'x') %}ab{{ input.topic }}{% endfilter %}", "AxTIDES"),
    ("a{# a comment, with {{ anything #}b", "ab"),
    ("{% raw %}{{ input.topic }}{% endraw %}", "{{ input.topic }}"),
    ("{%- raw -%} {{ x }} {%- endraw -%} a", "{{ x }}a"),
    ("a  {{- input.count -}}  b", "a3b"),
    ("a\n{%- if true %}\nb\n{%- endif %}\nc", "a\nb\nc"),
    // Filters.
    ("{{ input.items | map(attribute='name') | join(', ') }}", "pear, apple"),
    ("{{ input.items | sort(attribute='name') | map(attribute='name') | first }}", "apple"),
    ("{% for g in input.items | groupby('price') %}{{ g.grouper }}:{{ g.list | length }} {% endfor %}", "2:1 3:1 "),
    ("{% for p, list in input.items | groupby('price') %}{{ p }}:{{ list[0].name }} {% endfor %}", "2:pear 3:apple "),
    ("{{ input.items | sum(attribute='price') }} {{ [[1], [2]] | sum(start=[]) }} {{ [1.5, 2] | sum }}", "5 [1,2] 3.5"),
    ("{{ [true, none, [1]] | join(',') }}", "true,null,[1]"),
    ("{{ input.list | tojson }} {{ input.nested.deep | tojson }}", r#"[1, 2, 3] {"x": 1}"#),
    ("{{ input.nested.deep | tojson(indent=2) }}", "{\n  \"x\": 1\n}"),
    ("{{ true | string }}{{ [1] | string }}", "true[1]"),
    ("{{ [true] | upper }}", "[TRUE]"),
    ("{{ 'a,b' | split(',') | reverse | list }}", r#"["b","a"]"#),
    ("{{ 'a\\nb' | indent(2) }}", "a\n  b"),
    ("{{ 'a\\nb' | lines | length }}", "2"),
    ("{{ '%s is %d' | format('x', 5) }} {{ '%5.2f|' | format(1.5) }}", "x is 5  1.50|"),
    ("{{ 'a b&c' | urlencode }}", "a%20b%26c"),
    ("{{ 'one two three' | wordcount }} {{ 'one two three four' | truncate(9, leeway=0) }}", "3 one..."),
    ("{{ 'one two three four' | truncate(9, true, '…', 0) }}", "one two …"),
    ("{{ 2.567 | round(1) }} {{ '7' | int + 1 }} {{ -3 | abs }}", "2.6 8 3"),
    ("{{ [3, 1, 2] | sort | last }}{{ [3, 1] | max }}{{ [1, 1, 2] | unique | list }}", "33[1,2]"),
    ("{{ [1, 2, 3] | batch(2) | list }}{{ [1, 2] | zip(['a', 'b']) | list }}", r#"[[1,2],[3]][[1,"a"],[2,"b"]]"#),
    ("{{ {'a': 1} | chain({'b': 2}) }}{{ {'b': 1, 'a': 2} | dictsort }}", r#"{"a":1,"b":2}[["a",2],["b",1]]"#),
    ("{{ [1, 2, 3, 4] | select('even') | list }}{{ [1, none] | reject('none') | list }}", "[2,4][1]"),
    ("{{ '<b>' | escape }}{{ '<b>' | safe }}", "&lt;b&gt;<b>"),
    // Methods that templates in the wild use.
    ("{{ input.topic.upper() }}{{ ' x '.strip() }}{{ 'a,b'.split(',') }}", r#"TIDESx["a","b"]"#),
    ("{{ input.nested.get('x', 'none') }}{{ input.nested.deep.get('x') }}", "none1"),
    ("{{ ', '.join(['a', 'b']) }} {{ 'abc'.startswith('a') }} {{ input.nested.deep.keys() }}", r#"a, b true ["x"]"#),
    // Functions.
    ("{{ range(3) }}{{ range(1, 4) }}{{ range(4, 0, -2) }}{{ range(0) }}", "[0,1,2][1,2,3][4,2][]"),
    ("{{ dict(a=1, b='x') }}", r#"{"a":1,"b":"x"}"#),
    // Letters of other alphabets.
    ("Größe: {{ '…ß' }}", "Größe: …ß"),
];

#[test]
fn templates_expand_to_these_texts() {
    let failed: Vec<String> = TEXTS
        .iter()
        .filter_map(|(source, expected)| {
            let found = text_or_error(source);
            (found != *expected).then(|| format!("{source}\n  gave     {found}\n  expected {expected}"))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn one_placeholder_keeps_its_type_where_json_is_wanted() {
    let cases = [
        ("{{ input.count }}", json!(3)),
        (" {{ input.list }}\n", json!([1, 2, 3])),
        ("{{ input.yes }}", json!(true)),
        ("{{ input.nothing }}", json!(null)),
        ("{{ input.nested.deep }}", json!({"x": 1})),
        ("{{ input.digits }}", json!("85")),
        ("{{ input.count + 1 }}", json!(4)),
        ("{{ 9007199254740993 }}", json!(9_007_199_254_740_993_i64)),
        ("{{ {'a': input.list, 1: none} }}", json!({"a": [1, 2, 3], "1": null})),
        ("{{ steps.analyze.cost }}", json!(0.0123)),
        ("{{ steps.analyze.duration }}", json!(90.5)),
        ("{{ input.missing | default([]) }}", json!([])),
        ("{{ steps.choose.output.is_default }}", json!(false)),
        ("{{ '}}' }}", json!("}}")),
        // Anything more is text.
        ("{{ input.count }}!", json!("3!")),
        ("{{ input.count }}{{ input.count }}", json!("33")),
        ("{{{ input.count }}}", json!("{3}")),
        ("{% if true %}{{ input.count }}{% endif %}", json!("3")),
        ("3", json!("3")),
        ("", json!("")),
    ];
    for (source, expected) in cases {
        assert_eq!(value(source), expected, "{source}");
    }
    assert_eq!(value("{{ steps.write.output }}")["agent"], "writer", "in outputs an agent's output stays the object");
    assert_eq!(value("{{ steps.analyze }}")["status"], "completed");
}

#[test]
fn text_is_never_taken_for_a_template_twice() {
    let scope = scope_with(json!({"a": "{{ input.b }}", "b": "x"}));
    let expanded = evaluator().text(
        &Template::unplaced("{{ input.a }}"),
        &scope,
        procession_domain::definition::UndefinedRule::Error,
    );
    assert_eq!(expanded.unwrap().value, "{{ input.b }}");
}

#[test]
fn what_can_not_be_evaluated_is_an_error_with_its_line_and_without_values() {
    let cases = [
        (
            "\n\n{{ input.topic + 1 }}",
            "`input.topic + 1` can't be evaluated (line 12): `+` does not go with a text and a number.",
        ),
        (
            "{{ input.topic | abs }}",
            "`input.topic | abs` can't be evaluated (line 10): the filter `abs` does not go with a text and what it is given.",
        ),
        (
            "{{ 'secret' | int }}",
            "`'secret' | int` can't be evaluated (line 10): the filter `int` does not go with a text and what it is given.",
        ),
        (
            "{{ input.topic | replace }}",
            "`input.topic | replace` can't be evaluated (line 10): the filter `replace` needs another argument.",
        ),
        (
            "{{ input.list | map('nope') }}",
            "`input.list | map('nope')` can't be evaluated (line 10): the filter `map` is given the name of a filter that does not exist.",
        ),
        ("{% for x in 5 %}{% endfor %}", "`5` can't be evaluated (line 10): a number can't be looped over."),
        (
            "{% for x in input.nothing %}{% endfor %}",
            "`input.nothing` can't be evaluated (line 10): none can't be looped over.",
        ),
        ("{% set a, b = [1] %}", "`[1]` can't be evaluated (line 10): a list can't be taken apart into 2 names."),
        ("{{ 5 in 5 }}", "`5 in 5` can't be evaluated (line 10): nothing can be in a number."),
        ("{{ input.list[::0] }}", "`input.list[::0]` can't be evaluated (line 10): a slice has a step other than 0."),
        ("{{ 5[1:] }}", "`5[1:]` can't be evaluated (line 10): only texts and lists can be sliced, not a number."),
        (
            "{{ steps.skipped.output.n + 1 }}",
            "`steps.skipped.output.n + 1` can't be evaluated (line 10): `+` does not go with none and a number.",
        ),
        ("{{ 1e308 * 10 }}", "`1e308 * 10` can't be evaluated (line 10): the result is not a finite number."),
        (
            "{{ range(1, 2, 0) }}",
            "`range(1, 2, 0)` can't be evaluated (line 10): `range` takes one to three whole numbers, and steps other than 0.",
        ),
        (
            "{{ input.topic.items() }}",
            "`input.topic.items()` can't be evaluated (line 10): only a mapping has this method, not a text.",
        ),
        (
            "{{ input.topic.cycle(1) }}",
            "`input.topic.cycle(1)` can't be evaluated (line 10): only `loop` has this method.",
        ),
        ("{{ {[1]: 2} }}", "never"),
    ];
    for (source, message) in cases {
        if message == "never" {
            assert_eq!(text(source), r#"{"[1]":2}"#);
            continue;
        }
        assert_eq!(error(source), message, "{source}");
    }
}

#[test]
fn a_text_evaluated_twice_gives_the_same() {
    let evaluator = evaluator();
    let template = Template::unplaced("{{ input.topic }} {% for i in input.list %}{{ i }}{% endfor %}");
    for _ in 0..3 {
        let rule = procession_domain::definition::UndefinedRule::Error;
        assert_eq!(evaluator.text(&template, &scope(), rule).unwrap().value, "tides 123");
    }
}
