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

/// Words of other languages for what a filter does here.
const FOREIGN_FUNCTIONS: &[(&str, &str)] =
    &[("len", "length"), ("size", "length"), ("str", "string"), ("number", "float"), ("json", "tojson")];

/// Words of other languages for methods.
const FOREIGN_METHODS: &[(&str, &str)] = &[
    ("toLowerCase", "lower"),
    ("toUpperCase", "upper"),
    ("trim", "strip"),
    ("startsWith", "startswith"),
    ("endsWith", "endswith"),
    ("starts_with", "startswith"),
    ("ends_with", "endswith"),
];

/// A name that there is not.
pub struct NoSuch {
    /// That, and which names there are if none is near.
    pub message: String,
    /// The one that was probably meant.
    pub meant: Option<&'static str>,
}

/// What is said of a filter that there is not.
pub fn no_such_filter(name: &str) -> NoSuch {
    no_such("filter", name, FILTERS.iter().copied())
}

/// Whether there is such a test.
pub fn is_test(name: &str) -> bool {
    TESTS.contains(&name)
}

/// What is said of a test that there is not.
pub fn no_such_test(name: &str) -> NoSuch {
    no_such("test", name, TESTS.iter().copied())
}

/// The function of this name.
pub fn function(name: &str) -> Option<Function> {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

/// What is said of a function that there is not.
pub fn no_such_function(name: &str) -> NoSuch {
    no_such("function", name, FUNCTIONS.iter().map(|(known, _)| *known))
}

/// The filter that does what a function of this name does elsewhere.
pub fn filter_for_function(name: &str) -> Option<&'static str> {
    let same = FILTERS.iter().find(|filter| **filter == name);
    let foreign = || FOREIGN_FUNCTIONS.iter().find(|(foreign, _)| *foreign == name).map(|(_, filter)| *filter);
    same.copied().or_else(foreign)
}

/// The method of this name.
pub fn method(name: &str) -> Option<Method> {
    METHODS.iter().find(|(known, _)| *known == name).map(|(_, method)| *method)
}

/// What is said of a method that there is not.
pub fn no_such_method(name: &str) -> NoSuch {
    let foreign = FOREIGN_METHODS.iter().find(|(foreign, _)| *foreign == name);
    match foreign {
        Some((_, ours)) => NoSuch { message: format!("there is no method `{name}`"), meant: Some(ours) },
        None => no_such("method", name, METHODS.iter().map(|(known, _)| *known)),
    }
}

fn no_such(what: &str, name: &str, known: impl Iterator<Item = &'static str> + Clone) -> NoSuch {
    let message = format!("there is no {what} `{name}`");
    let meant = closest(name, known.clone());
    if meant.is_some() {
        return NoSuch { message, meant };
    }
    let names: Vec<&str> = known.collect();
    NoSuch { message: format!("{message}: there are {}", names.join(", ")), meant }
}
