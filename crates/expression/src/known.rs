//! The filters, tests, functions and methods that there are, and suggestions for names that are nearly right.

use crate::ast::{Function, Method};

/// The filters, `default` and `d` among them.
const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
    "zip",
];

/// The tests, `defined`, `undefined` and `none` among them.
const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// The functions.
const FUNCTIONS: &[(&str, Function)] = &[("now", Function::Now), ("range", Function::Range), ("dict", Function::Dict)];

/// The methods.
const METHODS: &[(&str, Method)] = &[
    ("items", Method::Items),
    ("keys", Method::Keys),
    ("values", Method::Values),
    ("get", Method::Get),
    ("join", Method::Join),
    ("cycle", Method::Cycle),
    ("changed", Method::Changed),
    ("upper", Method::Filter("upper")),
    ("lower", Method::Filter("lower")),
    ("title", Method::Filter("title")),
    ("capitalize", Method::Filter("capitalize")),
    ("strip", Method::Filter("trim")),
    ("split", Method::Filter("split")),
    ("splitlines", Method::Filter("lines")),
    ("replace", Method::Filter("replace")),
    ("startswith", Method::Test("startingwith")),
    ("endswith", Method::Test("endingwith")),
];

/// The names of the variables that every text sees.
pub const ROOTS: &[&str] = &["input", "steps", "trigger", "execution", "process", "error", "errors"];

/// Whether there is such a filter, or the sentence that there is none.
pub fn filter(name: &str) -> Result<(), String> {
    if FILTERS.contains(&name) {
        return Ok(());
    }
    Err(no_such("filter", name, FILTERS.iter().copied()))
}

/// Whether there is such a test, or the sentence that there is none.
pub fn test(name: &str) -> Result<(), String> {
    if TESTS.contains(&name) {
        return Ok(());
    }
    Err(no_such("test", name, TESTS.iter().copied()))
}

/// The function of this name, or the sentence that there is none.
pub fn function(name: &str) -> Result<Function, String> {
    let found = FUNCTIONS.iter().find(|(known, _)| *known == name);
    found.map(|(_, function)| *function).ok_or_else(|| {
        let names: Vec<&str> = FUNCTIONS.iter().map(|(known, _)| *known).collect();
        format!("There is no function `{name}`. There are: {}.", names.join(", "))
    })
}

/// The method of this name, or the sentence that there is none.
pub fn method(name: &str) -> Result<Method, String> {
    let found = METHODS.iter().find(|(known, _)| *known == name);
    let names = METHODS.iter().map(|(known, _)| *known);
    found.map(|(_, method)| *method).ok_or_else(|| no_such("method", name, names))
}

fn no_such<'k>(what: &str, name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    match closest(name, known.clone()) {
        Some(near) => format!("There is no {what} `{name}`. Did you mean `{near}`?"),
        None => format!("There is no {what} `{name}`. There are: {}.", known.collect::<Vec<_>>().join(", ")),
    }
}

/// The candidate nearest to a name, if it is within two changes of a letter and most of the name stays.
pub fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name: Vec<char> = name.chars().take(65).collect();
    let most = name.len().div_ceil(2).min(2);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other: Vec<char> = candidate.chars().take(65).collect();
            let is_near = name.len().abs_diff(other.len()) <= most;
            let distance = if is_near { distance(&name, &other) } else { usize::MAX };
            (distance <= most).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, inserted, removed or swapped with the next.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, a_char) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b_char) in b.iter().enumerate() {
            let changed = last[j] + usize::from(a_char != b_char);
            let mut least = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a_char == b[j - 1] && a[i - 1] == *b_char {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let names = ["analyze", "review", "publish"];
        let cases = [
            ("analyse", Some("analyze")),
            ("reveiw", Some("review")),
            ("publsh", Some("publish")),
            ("analysis", None),
            ("x", None),
        ];
        for (name, expected) in cases {
            assert_eq!(closest(name, names), expected, "{name}");
        }
        assert_eq!(closest("a", ["b"]), Some("b"));
    }
}
