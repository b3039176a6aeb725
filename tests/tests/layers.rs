//! Keeps the layers: which of our crates may use which, and that the inner ones know nothing of the outside world
//! (docs/architecture.md).

#![cfg(test)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

/// What each of our crates may use of ours. A crate that is not listed here is not a part of the architecture.
const MAY_USE: [(&str, &[&str]); 14] = [
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
    ("procession-telemetry", &["procession-application", "procession-domain"]),
    ("procession-console", &[]),
    ("procession-http", &["procession-application", "procession-console", "procession-domain", "procession-language"]),
    (
        "procession",
        &[
            "procession-agents",
            "procession-application",
            "procession-domain",
            "procession-language",
            "procession-notifications",
            "procession-store-sqlite",
            "procession-testing",
        ],
    ),
    (
        "procession-server",
        &[
            "procession",
            "procession-agents",
            "procession-application",
            "procession-domain",
            "procession-expression",
            "procession-http",
            "procession-language",
            "procession-store-sqlite",
            "procession-telemetry",
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
        for dependency in used.iter().filter(|dependency| dependency.starts_with("procession")) {
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

/// The packages behind the library with these features, without what only its tests use.
fn behind_the_library(features: &str) -> BTreeSet<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--package", "procession", "--no-default-features", "--features", features])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    let found: BTreeSet<String> = tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(found.contains("procession-application"), "{}", String::from_utf8_lossy(&output.stderr));
    found
}

#[test]
fn the_library_brings_only_what_its_features_need() {
    for (features, has, has_not) in [
        ("", vec!["tokio"], vec!["sqlx", "axum", "reqwest", "rmcp", "lettre", "hyper", "procession-testing"]),
        ("sqlite", vec!["procession-store-sqlite"], vec!["axum", "reqwest", "rmcp", "lettre", "hyper"]),
        ("agents", vec!["rmcp", "reqwest"], vec!["axum", "sqlx", "lettre"]),
        ("notifications", vec!["lettre", "reqwest"], vec!["axum", "sqlx", "rmcp"]),
        ("testing", vec!["procession-testing"], vec!["axum", "sqlx", "reqwest", "rmcp", "lettre"]),
    ] {
        let found = behind_the_library(features);
        for package in has {
            assert!(found.contains(package), "`{features}` lacks {package}");
        }
        for package in has_not {
            assert!(!found.contains(package), "`{features}` brings {package}");
        }
    }
}

/// The sources below a folder of the workspace, with their paths from there.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

/// The words of a text, as far as they can be names.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[test]
fn handlers_go_through_the_use_cases_and_use_no_port() {
    let mut ports: BTreeSet<String> = BTreeSet::from(["Ports".to_owned(), "Stores".to_owned()]);
    for (_, text) in sources("crates/application/src/ports") {
        let traits = text.lines().filter_map(|line| line.strip_prefix("pub trait "));
        ports.extend(traits.filter_map(|line| words(line).next().map(str::to_owned)));
    }
    // How long an answer took is known to the shell alone; noting it decides nothing.
    ports.remove("Meter");
    assert!(ports.len() > 10, "{ports:?}");
    for (path, text) in sources("crates/http/src") {
        for word in words(&text) {
            assert!(!ports.contains(word), "{} names the port {word}", path.display());
        }
        assert!(!text.contains(".engine"), "{} goes past the use cases to the engine", path.display());
    }
}

/// The rooms of a crate: its modules, and which of them each one uses.
fn rooms(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let sources = sources(folder);
    let (_, lib) = sources.iter().find(|(path, _)| path == Path::new("lib.rs")).unwrap();
    let rooms: BTreeSet<&str> = lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    // What the crate's root hands out belongs to a room.
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for line in lib.lines().filter_map(|line| line.strip_prefix("pub use ")) {
        let (room, names) = line.split_once("::").unwrap();
        owners.extend(words(names).map(|name| (name, room)));
    }
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in &sources {
        let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = first.trim_end_matches(".rs");
        if !rooms.contains(room) {
            continue;
        }
        // Tests may reach further than what they test.
        let text = text.split("#[cfg(test)]").next().unwrap();
        let used = uses.entry(room.to_owned()).or_default();
        for name in from_the_root(text) {
            let other = rooms.get(name).or_else(|| owners.get(name)).copied();
            used.extend(other.filter(|other| *other != room).map(str::to_owned));
        }
    }
    uses
}

/// The first names of all paths that begin at the crate's root: `crate::a::…`, `crate::{a::…, B}`.
fn from_the_root(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            names.extend(words(rest).next());
            continue;
        };
        let (mut depth, mut expects_name) = (0_usize, true);
        for (place, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => expects_name = true,
                c if c.is_alphanumeric() && depth == 0 && expects_name => {
                    names.extend(words(&list[place..]).next());
                    expects_name = false;
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn the_rooms_of_the_http_shell_know_each_other_in_one_direction_only() {
    let mut left = rooms("crates/http/src");
    assert!(left.len() > 8 && left["resources"].contains("state"), "{left:?}");
    // Again and again those go that use none of the rest; what remains uses each other.
    loop {
        let free: Vec<String> = left
            .iter()
            .filter(|(_, used)| used.iter().all(|other| !left.contains_key(other)))
            .map(|(room, _)| room.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        for room in free {
            left.remove(&room);
        }
    }
    assert!(left.is_empty(), "these use each other: {left:#?}");
}
