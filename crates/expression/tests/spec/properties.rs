//! Properties: whatever authors write, nothing panics, and every place lies within their text.

use procession_domain::{
    definition::{Condition, Template, UndefinedRule},
    expressions::Expressions,
};
use procession_expression::{Names, check_condition, check_template};
use proptest::{prelude::*, test_runner::RngSeed};

use crate::support::{evaluator, names, now, scope};

const WORDS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{{-",
    "-}}",
    "{%-",
    "-%}",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ".",
    ",",
    ":",
    "|",
    "||",
    "??",
    "&&",
    "!",
    "!=",
    "==",
    "===",
    "=",
    "<",
    ">",
    "<=",
    ">=",
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
    "%",
    "~",
    "?",
    "&",
    "'",
    "\"",
    "\\",
    " ",
    "\n",
    "a",
    "b",
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "else",
    "elif",
    "endif",
    "for",
    "endfor",
    "set",
    "endset",
    "with",
    "endwith",
    "filter",
    "endfilter",
    "raw",
    "endraw",
    "break",
    "continue",
    "macro",
    "contains",
    "default",
    "default:",
    "upper",
    "length",
    "join",
    "defined",
    "none",
    "true",
    "FALSE",
    "null",
    "steps",
    "input",
    "trigger",
    "loop",
    "analyze",
    "quality-review",
    "output",
    "score",
    "topic",
    "max-count",
    "list",
    "items",
    "decision",
    "approve",
    "status",
    "comments",
    "now()",
    "range(3)",
    "1",
    "2.5",
    "1e3",
    "0",
    "'x'",
    "\"y\"",
    "ö",
    "→",
    "\u{a0}",
    "🦀",
    "input.topic",
    "steps.analyze.output",
    "steps.approve.decision",
    "input.list",
];

const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "~",
    "==",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "and",
    "or",
    "in",
    "not in",
    "||",
    "??",
    "&&",
    "contains",
    "not contains",
    "**",
];

const FILTERS: &[&str] = &[
    "default(1)",
    "upper",
    "length",
    "join(',')",
    "list",
    "string",
    "tojson",
    "first",
    "default:0",
    "trim",
    "reverse",
];

const TESTS: &[&str] = &["defined", "none", "string", "odd", "not defined", "iterable"];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(WORDS), 0..40).prop_map(|words| words.concat())
}

fn spaced_soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(WORDS), 0..25).prop_map(|words| words.join(" "))
}

/// An expression that can be read.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        [
            "1",
            "2.5",
            "'x'",
            "'5'",
            "true",
            "none",
            "input.topic",
            "input.count",
            "input.missing",
            "input.list",
            "input.digits",
            "steps.analyze.output.score",
            "steps.skipped.output.x",
            "steps.quality-review.output",
            "steps.approve.decision",
            "steps.analyze.status",
            "input.max-count",
            "nowhere",
            "[1, 'a']",
            "{'k': 1}",
            "input.items[0].name",
            "now()",
        ]
        .as_slice(),
    )
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(OPERATORS), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), prop::sample::select(FILTERS)).prop_map(|(a, filter)| format!("({a} | {filter})")),
            (inner.clone(), prop::sample::select(TESTS)).prop_map(|(a, test)| format!("({a} is {test})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            inner.clone().prop_map(|a| format!("(not {a})")),
            inner.clone().prop_map(|a| format!("(!{a})")),
            inner.clone().prop_map(|a| format!("[{a}]")),
            inner.prop_map(|a| format!("({a})[0:2]")),
        ]
    })
}

fn is_placed(text: &str, range: &std::ops::Range<usize>) -> bool {
    range.start <= range.end && text.get(range.clone()).is_some()
}

fn check_everything(text: &str) {
    let schemaless = Names::default();
    for names in [&names(), &schemaless] {
        for checked in [check_template(text, names), check_condition(text, names)] {
            match checked {
                Ok(checked) => {
                    for reference in checked.references {
                        assert!(is_placed(text, &reference.range), "{text:?}: {reference:?}");
                        let words = &text[reference.range.clone()];
                        assert!(words.starts_with(&reference.root), "{text:?}: {reference:?} is {words:?}");
                    }
                    for note in checked.notes {
                        assert!(is_placed(text, &note.range), "{text:?}: {note:?}");
                    }
                }
                Err(errors) => {
                    assert!(!errors.is_empty());
                    for error in errors {
                        assert!(is_placed(text, &error.range), "{text:?}: {error:?}");
                        assert!(!error.message.ends_with(['.', '?']), "{text:?}: {error:?}");
                        if let Some(meant) = error.instead {
                            assert!(is_placed(text, &meant.range), "{text:?}: {meant:?}");
                        }
                    }
                }
            }
        }
    }
    let (evaluator, scope) = (evaluator(), scope());
    let template = Template { text: text.to_owned(), line: 3 };
    for rule in [UndefinedRule::Error, UndefinedRule::Empty, UndefinedRule::Keep] {
        let _ = evaluator.text(&template, &scope, rule);
        let _ = evaluator.value(&template, &scope, rule);
        let _ = evaluator.handed_over(&template, &scope, rule);
    }
    let _ = evaluator.condition(&Condition { text: text.to_owned(), line: 3 }, &scope);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn no_soup_of_words_panics(text in soup()) {
        check_everything(&text);
    }

    #[test]
    fn no_soup_of_spaced_words_panics(text in spaced_soup()) {
        check_everything(&text);
        check_everything(&format!("{{{{ {text} }}}}"));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        check_everything(&text);
        check_everything(&format!("{{{{{text}}}}}"));
        let _ = evaluator().time_of(&text, Some("Europe/Berlin"), now());
    }

    #[test]
    fn what_can_be_read_can_be_evaluated_or_fails_in_order(text in expression()) {
        check_everything(&text);
        check_everything(&format!("a {{{{ {text} }}}} b"));
        prop_assert!(check_condition(&text, &names()).is_ok(), "{}", text);
    }

    #[test]
    fn a_condition_and_its_brace_form_agree(text in expression()) {
        let (evaluator, scope) = (evaluator(), scope());
        let plain = evaluator.condition(&Condition::unplaced(text.clone()), &scope);
        let braced = evaluator.condition(&Condition::unplaced(format!("{{{{ {text} }}}}")), &scope);
        let grouped = evaluator.condition(&Condition::unplaced(format!("({text})")), &scope);
        match (plain, braced, grouped) {
            (Ok(plain), Ok(braced), Ok(grouped)) => {
                prop_assert_eq!(plain.result, braced.result);
                prop_assert_eq!(&plain.values, &braced.values);
                prop_assert_eq!(plain.notes, braced.notes);
                prop_assert_eq!(plain.result, grouped.result);
            }
            (Err(plain), Err(braced), Err(grouped)) => {
                prop_assert_eq!(plain.to_string(), braced.to_string());
                prop_assert_eq!(plain.to_string(), grouped.to_string());
            }
            (plain, braced, _) => prop_assert!(false, "{:?} but {:?}", plain, braced),
        }
    }

    #[test]
    fn not_equal_is_the_negation_of_equal(a in expression(), b in expression()) {
        let (evaluator, scope) = (evaluator(), scope());
        let holds = |text: String| evaluator.condition(&Condition::unplaced(text), &scope).map(|kept| kept.result);
        if let Ok(equal) = holds(format!("{a} == {b}")) {
            prop_assert_eq!(holds(format!("{a} != {b}")), Ok(!equal));
            prop_assert_eq!(holds(format!("{b} == {a}")), Ok(equal));
        }
    }

    #[test]
    fn an_optional_reference_never_fails_a_text(text in expression()) {
        let source = format!("{{{{ ({text}) | default('x') }}}}");
        let template = Template::unplaced(source.clone());
        let outcome = evaluator().text(&template, &scope(), UndefinedRule::Error);
        if let Err(procession_domain::expressions::ExpressionError::Undefined { message }) = outcome {
            prop_assert!(false, "{}: {}", source, message);
        }
    }

    #[test]
    fn under_the_rules_empty_and_keep_nothing_undefined_fails(text in expression()) {
        for source in [format!("{{{{ {text} }}}}"), format!("{{% if {text} %}}a{{% endif %}}{{% set x = {text} %}}{{{{ x }}}}")] {
            for rule in [UndefinedRule::Empty, UndefinedRule::Keep] {
                let outcome = evaluator().text(&Template::unplaced(source.clone()), &scope(), rule);
                if let Err(procession_domain::expressions::ExpressionError::Undefined { message }) = outcome {
                    prop_assert!(false, "{}: {}", source, message);
                }
            }
        }
    }
}
