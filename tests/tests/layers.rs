//! Keeps the layers: which of our crates may use which, and that the inner ones know nothing of the outside world
//! (docs/architecture.md).

use std::{collections::BTreeMap, process::Command};

use serde::Deserialize;

/// What each of our crates may use of ours. A crate that is not listed here is not a part of the architecture.
const MAY_USE: [(&str, &[&str]); 11] = [
    ("procession-domain", &[]),
    ("procession-yaml", &[]),
    ("procession-expression", &["procession-domain"]),
    ("procession-language", &["procession-domain", "procession-expression", "procession-yaml"]),
    ("procession-application", &["procession-domain", "procession-expression", "procession-language"]),
    (
        "procession-testing",
        &["procession-application", "procession-domain", "procession-expression", "procession-language"],
    ),
    ("procession-store-sqlite", &["procession-application", "procession-domain"]),
    ("procession-agents", &["procession-application", "procession-domain", "procession-yaml"]),
    ("procession-notifications", &["procession-application", "procession-domain"]),
    ("procession-http", &["procession-application", "procession-domain", "procession-language"]),
    (
        "procession-server",
        &[
            "procession-agents",
            "procession-application",
            "procession-domain",
            "procession-expression",
            "procession-http",
            "procession-language",
            "procession-notifications",
            "procession-store-sqlite",
            "procession-yaml",
        ],
    ),
];

/// What the domain may use besides: nothing that reads a clock, draws a number, or talks to anything.
const DOMAIN_MAY_USE: [&str; 8] =
    ["indexmap", "petgraph", "serde", "serde_json", "strsim", "thiserror", "time", "uuid"];

/// What only an outer layer may use.
const OUTSIDE: [&str; 9] = ["axum", "clap", "lettre", "reqwest", "rmcp", "sqlx", "tokio", "tower", "tower-http"];

fn dependencies() -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let used = |package: Package| {
        let used = package.dependencies.into_iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
        (package.name, used.map(|dependency| dependency.name).collect())
    };
    Ok(metadata.packages.into_iter().map(used).collect())
}

/// What is read of cargo's description of the workspace.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

#[test]
fn crates_know_only_the_layers_below_them() {
    let all = dependencies().unwrap();
    for (name, allowed) in MAY_USE {
        let used = all.get(name).unwrap_or_else(|| panic!("{name} is not there"));
        for dependency in used.iter().filter(|dependency| dependency.starts_with("procession-")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not use {dependency}");
        }
    }
}

#[test]
fn every_crate_has_its_place_in_the_architecture() {
    let outside = ["procession-tests", "procession-bench", "xtask"];
    for name in dependencies().unwrap().keys().filter(|name| !outside.contains(&name.as_str())) {
        assert!(MAY_USE.iter().any(|(known, _)| known == name), "{name} has no place in the table");
    }
}

#[test]
fn the_domain_uses_nothing_that_reaches_outside() {
    for dependency in &dependencies().unwrap()["procession-domain"] {
        assert!(DOMAIN_MAY_USE.contains(&dependency.as_str()), "the domain must not use {dependency}");
    }
}

#[test]
fn what_is_written_and_what_is_evaluated_is_understood_without_the_outside() {
    let all = dependencies().unwrap();
    for name in ["procession-expression", "procession-language", "procession-yaml"] {
        for dependency in &all[name] {
            assert!(!OUTSIDE.contains(&dependency.as_str()), "{name} must not use {dependency}");
        }
    }
    for dependency in &all["procession-application"] {
        let is_allowed = dependency == "tokio" || !OUTSIDE.contains(&dependency.as_str());
        assert!(is_allowed, "the application must not use {dependency}");
    }
}

#[test]
fn the_architecture_page_lists_every_crate() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/architecture.md")).unwrap();
    for (name, _) in MAY_USE {
        let folder = name.trim_start_matches("procession-");
        assert!(page.contains(&format!("/{folder}`")), "docs/architecture.md does not mention {folder}");
    }
}
