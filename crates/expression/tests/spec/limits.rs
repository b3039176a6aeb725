//! Spec 2: nothing that an author writes overflows the stack, eats the memory or runs for long. Everything here is run in
//! a thread with a stack of 2 MiB, as the engine's are.

use procession_domain::{
    definition::{Condition, Template, UndefinedRule},
    expressions::{Expressions, Scope},
    value::Json,
};
use procession_expression::{check_condition, check_template, limits, single_placeholder};
use serde_json::json;

use crate::support::{evaluator, names, scope, scope_with};

fn in_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap();
    thread.join().expect("the thread ended in an orderly way");
}

/// Evaluates a text in every way there is, and gives the outcome as a template.
fn everything(text: &str, scope: &Scope) -> Result<String, String> {
    let names = names();
    let _ = (check_template(text, &names), check_condition(text, &names), single_placeholder(text));
    let evaluator = evaluator();
    let condition = Condition { text: text.to_owned(), line: 1 };
    let _ = evaluator.condition(&condition, scope);
    let template = Template { text: text.to_owned(), line: 1 };
    let _ = evaluator.value(&template, scope, UndefinedRule::Keep);
    let _ = evaluator.handed_over(&template, scope, UndefinedRule::Empty);
    let expanded = evaluator.text(&template, scope, UndefinedRule::Error);
    expanded.map(|expanded| expanded.value).map_err(|error| error.to_string())
}

/// As many repetitions of `part` as fit a tag of `bytes`, between `before` and `after`.
fn filled(before: &str, part: &str, after: &str, bytes: usize) -> String {
    let count = (bytes - before.len() - after.len()) / part.len();
    format!("{before}{}{after}", part.repeat(count))
}

/// What chains and nests, as (before, part, after).
const CHAINS: &[(&str, &str, &str)] = &[
    ("", "not ", "true"),
    ("", "!", "true"),
    ("", "-", "1"),
    ("", "- ", "1"),
    ("1", "+1", ""),
    ("1", "-1", ""),
    ("1", "*1", ""),
    ("1", "**1", ""),
    ("'a'", "~'a'", ""),
    ("1", "==1", ""),
    ("1", "<2", ""),
    ("true", " and true", ""),
    ("false", " or false", ""),
    ("a", "||a", ""),
    ("a", "??a", ""),
    ("a", "&&a", ""),
    ("a", ".b", ""),
    ("input", "[0]", ""),
    ("input.list", "[:]", ""),
    ("'x'", "|d", ""),
    ("'x'", "|upper", ""),
    ("'x'", "|default:1", ""),
    ("x", "|default:x", ""),
    ("'x'", ".upper()", ""),
    ("1", " is odd", ""),
    ("1", " is not odd", ""),
    ("1", " in [1]", ""),
    ("[1]", " contains 1", ""),
    ("[1]", " not contains 1", ""),
    ("", "1 if true else ", "1"),
    ("", "1 if false else ", "1"),
    ("1", " if true", ""),
    ("1", " if true else 1", ""),
    ("'a'", " 'a'", ""),
    ("range(1)", "()", ""),
    ("", "[", ""),
    ("", "(", ""),
    ("", "{", ""),
    ("", "{'a':", ""),
    ("", "dict(a=", ""),
    ("a", "[a", ""),
    ("", "steps.a-", "b"),
    ("steps.", "a-", "b"),
    ("input.", "a-", "b"),
    ("'", "\\\\", "'"),
    ("", "{{", ""),
    ("", "}}", ""),
    ("", "|", ""),
    ("", ".", ""),
    ("", "'", ""),
    ("a ", "is ", "a"),
    ("", "default:", ""),
    ("x|default:", "x|default:", "x"),
    ("x", "|default:-", "1"),
];

#[test]
fn chains_at_the_limit_of_length_end_in_order() {
    in_a_small_stack(|| {
        let scope = scope();
        for (before, part, after) in CHAINS {
            let chain = filled(before, part, after, limits::EXPRESSION_BYTES - 8);
            let _ = everything(&chain, &scope);
            for (open, close) in [
                ("{{ ", " }}"),
                ("{% if ", " %}{% endif %}"),
                ("{% set x = ", " %}"),
                ("{% for x in ", " %}{% endfor %}"),
            ] {
                let _ = everything(&format!("{open}{chain}{close}"), &scope);
            }
        }
    });
}

#[test]
fn long_flat_chains_are_evaluated() {
    in_a_small_stack(|| {
        let scope = scope();
        let cases = [
            (("1", "+1", ""), "2044"),
            (("'a'", "~'a'", ""), &"a".repeat(1022)),
            (("false", " or false", ""), "false"),
            (("a", "||a", " || 1"), "1"),
            (("input.list", "[:]", ""), "[1,2,3]"),
            (("'x'", "|upper", ""), "X"),
            (("'x'", ".upper()", ""), "X"),
            (("", "1 if false else ", "1"), "1"),
            (("a.b", ".b", " | default(1)"), "1"),
        ];
        for ((before, part, after), expected) in cases {
            let chain = filled(before, part, after, limits::EXPRESSION_BYTES - 8);
            let found = everything(&format!("{{{{ {chain} }}}}"), &scope);
            assert_eq!(found.as_deref(), Ok(expected), "{part}");
        }
    });
}

#[test]
fn nesting_up_to_the_limit_is_evaluated_and_beyond_it_an_error() {
    in_a_small_stack(|| {
        let scope = scope();
        let nested =
            |count: usize, open: &str, close: &str| format!("{{{{ {}1{} }}}}", open.repeat(count), close.repeat(count));
        for (open, close, expected) in
            [("(", ")", "1"), ("(1+", ")", "41"), ("(0 or 1 and 0 == 0 + 0 ~ 0 * 1 ** (", "))", "")]
        {
            let most = limits::BRACKETS / open.matches('(').count();
            let found = everything(&nested(most, open, close), &scope);
            if !expected.is_empty() {
                assert_eq!(found.as_deref(), Ok(expected), "{open}");
            }
            assert!(everything(&nested(most + 1, open, close), &scope).is_err(), "{open}");
        }
        let list = nested(limits::BRACKETS, "[", "]");
        assert_eq!(everything(&list, &scope), Ok(list[3..list.len() - 3].to_owned()));

        let blocks = |count: usize, tag: &str, end: &str| format!("{}x{}", tag.repeat(count), end.repeat(count));
        for (tag, end) in [
            ("{% if true %}", "{% endif %}"),
            ("{% for i in [1] %}", "{% endfor %}"),
            ("{% with a = 1 %}", "{% endwith %}"),
            ("{% filter trim %}", "{% endfilter %}"),
        ] {
            assert_eq!(everything(&blocks(limits::BLOCKS, tag, end), &scope).as_deref(), Ok("x"), "{tag}");
            assert!(everything(&blocks(limits::BLOCKS + 1, tag, end), &scope).is_err(), "{tag}");
            assert!(everything(&blocks(20_000, tag, end), &scope).is_err(), "{tag}");
            assert!(everything(&tag.repeat(20_000), &scope).is_err(), "{tag}");
            assert!(everything(&end.repeat(20_000), &scope).is_err(), "{tag}");
        }
        let branches =
            |count: usize| format!("{{% if false %}}{}{{% else %}}x{{% endif %}}", "{% elif false %}".repeat(count));
        assert_eq!(everything(&branches(limits::BRANCHES), &scope).as_deref(), Ok("x"));
        assert!(everything(&branches(limits::BRANCHES + 1), &scope).is_err());
        assert!(everything(&branches(50_000), &scope).is_err());
        let elses = "{% else %}".repeat(50_000);
        assert!(everything(&format!("{{% if true %}}{elses}"), &scope).is_err());
    });
}

#[test]
fn an_expression_over_4_kib_is_a_clean_error() {
    in_a_small_stack(|| {
        let names = names();
        for length in [limits::EXPRESSION_BYTES + 1, 10_000, 100_000] {
            for (before, part, after) in CHAINS {
                let chain = filled(before, part, after, length.max(10_000));
                let _ = everything(&format!("{{{{ {chain} }}}}"), &scope_with(json!({})));
            }
            let long = "1".repeat(length);
            let errors = check_condition(&long, &names).unwrap_err();
            assert_eq!(errors[0].range, 0..length);
            assert_eq!(
                errors[0].message,
                format!(
                    "the condition is {length} bytes long, and at most 4096 are allowed; split it up, or work part of it out in a step before"
                )
            );
            let errors = check_template(&format!("a {{{{{long}}}}} {{{{ b c }}}}"), &names).unwrap_err();
            assert_eq!(errors.len(), 2, "and the others are found too");
            assert!(errors[0].message.starts_with("the placeholder is "), "{}", errors[0].message);
            assert_eq!(errors[0].range, 2..length + 6);
            let errors = check_template(&format!("{{% if {long} %}}{{% endif %}}"), &names).unwrap_err();
            assert!(errors[0].message.starts_with("the tag is "), "{}", errors[0].message);
        }
        let exactly = format!("{{{{{}}}}}", "1".repeat(limits::EXPRESSION_BYTES - 4));
        assert_eq!(exactly.len(), limits::EXPRESSION_BYTES);
        let errors = check_template(&exactly, &names).unwrap_err();
        assert!(errors[0].message.contains("too many digits"), "{}", errors[0].message);
        let errors = check_template(&"x".repeat(limits::TEMPLATE_BYTES + 1), &names).unwrap_err();
        assert_eq!(errors[0].message, "the text is 1048577 bytes long; a template has at most 1048576");
    });
}

fn nested_json(depth: usize) -> Json {
    (0..depth).fold(json!(1), |inner, at| match at % 2 {
        0 => Json::Array(vec![inner]),
        _ => Json::Object([("a".to_owned(), inner)].into_iter().collect()),
    })
}

#[test]
fn deeply_nested_values_are_printed_up_to_the_limit() {
    in_a_small_stack(|| {
        for depth in [limits::VALUE_DEPTH, limits::VALUE_DEPTH + 1, 2_000] {
            let scope = scope_with(Json::Object([("deep".to_owned(), nested_json(depth))].into_iter().collect()));
            for source in [
                "{{ input.deep }}",
                "{{ input.deep | tojson }}",
                "{{ input.deep | tojson(indent=1) | length }}",
                "{{ [1] + [input.deep] }}",
                "{{ input.deep == input.deep }}",
                "{{ input.deep ~ 1 }}",
                "{{ [input.deep] | join }}",
                "{{ input.deep | string | length }}",
                "{{ [input.deep] | unique | list }}",
                "{{ [input.deep, input.deep] | sort }}",
                "{{ input.deep | upper }}",
                "{{ input.deep | urlencode }}",
                "{{ input.deep | escape }}",
                "{{ input.deep | pprint }}",
                "{% for x in [input.deep] %}{{ x }}{% endfor %}",
            ] {
                let outcome = everything(source, &scope);
                if depth > limits::VALUE_DEPTH {
                    assert!(outcome.is_err(), "{source} at {depth}");
                }
            }
            let printed = everything("{{ input.deep }}", &scope);
            match depth {
                limits::VALUE_DEPTH => assert!(printed.is_ok(), "{printed:?}"),
                _ => assert_eq!(
                    printed.unwrap_err(),
                    "`input.deep` can't be evaluated (line 1): the value is nested more than 160 levels deep."
                ),
            }
            // Only the part that a path reaches matters.
            let path =
                format!("{{{{ input.deep{} }}}}", if depth.is_multiple_of(2) { ".a[0]" } else { "[0].a" }.repeat(20));
            let _ = everything(&path, &scope);
            // The scope itself is taken apart without recursion, which is not ours to test.
            std::mem::forget(scope);
        }
    });
}

#[test]
fn values_that_nest_ever_deeper_are_an_error() {
    in_a_small_stack(|| {
        for step in [
            "{% set a = [a] %}",
            "{% set a = {'a': a} %}",
            "{% set a = [a, a] %}",
            "{% set a = a | zip(a) | list %}",
            "{% set a = a + a %}",
            "{% set a = a | batch(1) | list %}",
        ] {
            let source = format!(
                "{{% set a = [1] %}}{}{{{{ a }}}}{{{{ a == a }}}}{{{{ a | string | length }}}}",
                step.repeat(limits::VALUE_DEPTH + 40)
            );
            assert!(everything(&source, &scope_with(json!({}))).is_err(), "{step}");
        }
        for step in
            ["{% set a = a[:] %}", "{% set a = a | chain([]) %}", "{% set a = a | reverse %}", "{% set a = a | list %}"]
        {
            let source = format!("{{% set a = [1] %}}{}{{{{ a | list }}}}", step.repeat(limits::VALUE_DEPTH + 40));
            assert_eq!(everything(&source, &scope_with(json!({}))).as_deref(), Ok("[1]"), "{step}");
        }
    });
}

#[test]
fn work_and_memory_are_bounded() {
    in_a_small_stack(|| {
        let scope = scope_with(json!({
            "text": "a".repeat(1 << 20),
            "lines": "a\n".repeat(1 << 19),
            "list": vec!["a"; 50_000],
        }));
        let sources = [
            "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
            "{% for a in range(100000) %}{{ a }}{{ a }}{% endfor %}",
            "{{ range(1000000000) }}",
            "{{ range(100001) }}",
            "{{ range(0, 9223372036854775807, 4611686018427387904) | length }}{{ range(100000000) }}",
            "{{ 'x' * 1000000000 }}",
            "{{ 1000000000000 * 'xy' }}",
            "{{ [1] * 1000000000 }}",
            "{{ [1] * 100001 }}",
            "{{ 2 ** 1000000 }}",
            "{{ 10 ** 400 }}",
            "{{ 170141183460469231731687303715884105727 + 1 }}",
            "{{ input.text * 17 }}",
            "{{ input.text | replace('a', input.text) }}",
            "{{ input.text | replace('', input.text) }}",
            "{{ input.list | join(input.text) }}",
            "{{ input.list | map('replace', 'a', input.text) | list }}",
            "{{ input.text | indent(1000000000000) }}",
            "{{ input.lines | indent(1000) }}",
            "{{ '%1000000000d' | format(1) }}",
            "{{ '%*d' | format(1000000000, 1) }}",
            "{{ '%.1000000000f' | format(1) }}",
            "{{ ('%s' * 20000) | format(input.text) }}",
            "{{ ('%(a)s' * 20000) | format(a=input.text) }}",
            "{{ input.text | list }}",
            "{{ input.text | split('a') }}",
            "{{ input.text | split('') }}",
            "{{ input.text | batch(2) }}",
            "{{ input.text | sort }}",
            "{{ input.text | unique }}",
            "{{ input.text | map('upper') }}",
            "{{ input.lines | lines }}",
            "{% for c in input.text %}{% endfor %}",
            "{{ [1] | batch(1000000000, 'x') }}",
            "{{ [1] | slice(1000000000, 'x') }}",
            "{{ input.list | map('list') | map('list') | list | sum(start=[]) | map('list') }}{{ input.list * 100 }}",
            "{{ input.list | sum(start='') }}",
            "{{ input.list | tojson(indent=1000000000000) }}",
            "{% set a = input.text %}{% set a = a ~ a ~ a ~ a %}{% set a = a ~ a ~ a ~ a %}{{ a ~ a }}",
            "{% set a %}{{ input.text * 10 }}{% endset %}{{ a }}{{ a }}",
            "{% filter replace('a', 'aaaa') %}{{ input.text * 5 }}{% endfilter %}",
            "{% for a in range(1000) %}{{ input.text | upper | length }}{% endfor %}",
            "{% for a in range(1000) %}{{ input.list | sort | length }}{% endfor %}",
            "{% for a in range(90000) %}{% if input.text == input.text ~ '' %}{% endif %}{% endfor %}",
            "{% for a in range(90000) %}{{ 'b' in input.list }}{% endfor %}",
            "{{ range(100000) | map('format', input.text) | list }}",
        ];
        for source in sources {
            let outcome = everything(source, &scope);
            assert!(outcome.is_err(), "{source} gave {} bytes", outcome.unwrap().len());
        }
    });
}

#[test]
fn what_is_large_but_within_the_limits_works() {
    let scope = scope_with(json!({"text": "a".repeat(8 << 20), "items": vec![json!({"a": 1}); 2_000]}));
    let text = everything("{{ input.text }}{{ input.text }}", &scope).unwrap();
    assert_eq!(text.len(), 16 << 20);
    assert!(everything("{{ input.text }}{{ input.text }}!", &scope).unwrap_err().contains("longer than 16 MiB"));
    let looped = everything(
        "{% for i in input.items %}{{ i.a }},{{ loop.index }}{% if i.a > 5 %}x{% endif %};{% endfor %}",
        &scope,
    );
    assert!(looped.unwrap().ends_with("1,2000;"));
    let placeholders = "{{ input.items | length }}".repeat(20_000);
    assert_eq!(everything(&placeholders, &scope).unwrap().len(), 80_000);
}
