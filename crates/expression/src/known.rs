//! The filters, tests, functions and methods that there are, and suggestions for names that are nearly right.

use procession_domain::suggest::closest;

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
const FUNCTIONS: &[(&str, Function)] =
    &[("now", Function::Now), ("time", Function::Time), ("range", Function::Range), ("dict", Function::Dict)];

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

/// Whether there is such a filter.
pub fn is_filter(name: &str) -> bool {
    FILTERS.contains(&name)
}

/// The sentence that there is no such filter.
pub fn no_such_filter(name: &str) -> String {
    no_such("filter", name, FILTERS.iter().copied())
}

/// Whether there is such a test.
pub fn is_test(name: &str) -> bool {
    TESTS.contains(&name)
}

/// The sentence that there is no such test.
pub fn no_such_test(name: &str) -> String {
    no_such("test", name, TESTS.iter().copied())
}

/// The function of this name.
pub fn function(name: &str) -> Option<Function> {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

/// The sentence that there is no such function.
pub fn no_such_function(name: &str) -> String {
    let names: Vec<&str> = FUNCTIONS.iter().map(|(known, _)| *known).collect();
    format!("There is no function `{name}`. There are: {}.", names.join(", "))
}

/// The method of this name.
pub fn method(name: &str) -> Option<Method> {
    METHODS.iter().find(|(known, _)| *known == name).map(|(_, method)| *method)
}

/// The sentence that there is no such method.
pub fn no_such_method(name: &str) -> String {
    no_such("method", name, METHODS.iter().map(|(known, _)| *known))
}

fn no_such<'k>(what: &str, name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    match closest(name, known.clone()) {
        Some(near) => format!("There is no {what} `{name}`. Did you mean `{near}`?"),
        None => format!("There is no {what} `{name}`. There are: {}.", known.collect::<Vec<_>>().join(", ")),
    }
}
