//! Problems as SARIF 2.1.0, which code scanning and editors read.

use std::collections::BTreeSet;

use procession_language::{Code, Diagnostic, Severity};
use serde_json::{Value, json};

use super::{CheckedFile, in_words};
use crate::commands::remote::path_part;

/// The report of one run.
pub(super) fn report(files: &[CheckedFile]) -> Value {
    let codes: BTreeSet<Code> = files.iter().flat_map(|file| &file.diagnostics).map(|found| found.code).collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(*code)).collect();
    let results =
        files.iter().flat_map(|file| file.diagnostics.iter().map(|diagnostic| result(&file.name, diagnostic)));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "procession",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": {"text": code.meaning()},
        "defaultConfiguration": {"level": level(code.severity())},
    })
}

fn result(file: &str, diagnostic: &Diagnostic) -> Value {
    json!({
        "ruleId": diagnostic.code.as_str(),
        "level": level(diagnostic.severity),
        "message": {"text": in_words(diagnostic)},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(file)},
            "region": {
                "startLine": diagnostic.line,
                "startColumn": diagnostic.column,
                "endLine": diagnostic.end_line,
                "endColumn": diagnostic.end_column,
            },
        }}],
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A path as a URI: relative ones stay relative.
fn uri(file: &str) -> String {
    let parts: Vec<String> = file.replace('\\', "/").split('/').map(path_part).collect();
    let path = parts.join("/");
    if path.starts_with('/') { format!("file://{path}") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        assert_eq!(uri("/tmp/x.yaml"), "file:///tmp/x.yaml");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }
}
