use procession_expression::*;
use std::time::Instant;
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

fn filled(before: &str, part: &str, after: &str, bytes: usize) -> String {
    let count = (bytes - before.len() - after.len()) / part.len();
    format!("{before}{}{after}", part.repeat(count))
}
#[test]
fn timing() {
    let names = Names::default();
    for bytes in [4000usize, 10_000, 100_000] {
        for (before, part, after) in CHAINS {
            let chain = filled(before, part, after, bytes);
            let s = Instant::now();
            let _ = check_condition(&chain, &names);
            let c = s.elapsed();
            let t = format!("{{{{ {chain} }}}}");
            let s = Instant::now();
            let _ = check_template(&t, &names);
            let e = s.elapsed();
            let s = Instant::now();
            let _ = single_placeholder(&t);
            let f = s.elapsed();
            if c.as_millis() + e.as_millis() + f.as_millis() > 40 {
                eprintln!("{bytes} {before:?} {part:?} {after:?}: {c:?} {e:?} {f:?}");
            }
        }
    }
}
