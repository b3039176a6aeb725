//! The page about agents: every block is a file that the real reader takes, and every key that the reader knows is on it.
#![cfg(test)]

use std::{collections::BTreeSet, fs};

use procession_agents::AgentsFile;

fn page() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/agents.md")).unwrap()
}

/// The blocks of YAML on the page.
fn blocks() -> Vec<String> {
    let page = page();
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line == "```yaml" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push(block.join("\n") + "\n");
        }
    }
    found
}

/// The keys that may stand in a mapping, by what the reader says about one that may not.
fn known_keys(text: &str) -> BTreeSet<String> {
    let error = AgentsFile::parse(text).unwrap_err().to_string();
    let (_, listed) = error.split_once("has no key `qqqqqqqqqqqq`; it may have: ").unwrap_or_else(|| panic!("{error}"));
    let listed = listed.lines().next().unwrap_or_default();
    listed.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_block_is_a_file_of_agents() {
    let blocks = blocks();
    let agents: usize = blocks
        .iter()
        .map(|block| AgentsFile::parse(block).unwrap_or_else(|error| panic!("{block}\n{error}")).names().count())
        .sum();
    assert!(blocks.len() >= 6 && agents >= 9, "only {} blocks with {agents} agents were found", blocks.len());
}

#[test]
fn every_kind_has_an_example() {
    let all = blocks().concat();
    for kind in ["echo", "script", "command", "openai", "mcp"] {
        assert!(all.contains(&format!("kind: {kind}")), "{kind}");
    }
}

#[test]
fn every_key_is_explained_and_shown() {
    let wrong = "qqqqqqqqqqqq: x";
    let files = [
        format!("agents: {{a: {{kind: echo, {wrong}}}}}"),
        format!("agents: {{a: {{kind: script, replies: [{{reply: x}}], {wrong}}}}}"),
        format!("agents: {{a: {{kind: script, replies: [{{reply: x, {wrong}}}]}}}}"),
        format!("agents: {{a: {{kind: script, replies: [{{reply: x, tokens: {{{wrong}}}}}]}}}}"),
        format!("agents: {{a: {{kind: script, replies: [{{fail: {{code: TIMEOUT, {wrong}}}}}]}}}}"),
        format!("agents: {{a: {{kind: command, command: [x], {wrong}}}}}"),
        format!("agents: {{a: {{kind: openai, base_url: 'http://x', model: m, {wrong}}}}}"),
        format!(
            "agents: {{a: {{kind: openai, base_url: 'http://x', model: m, price: {{input: 1, output: 1, {wrong}}}}}}}"
        ),
        format!("agents: {{a: {{kind: mcp, url: 'http://x', tool: t, {wrong}}}}}"),
    ];
    let (page, all) = (page(), blocks().concat());
    for file in files {
        for key in known_keys(&file) {
            assert!(page.contains(&format!("`{key}`")), "`{key}` is not explained ({file})");
            assert!(all.contains(&format!("{key}:")), "`{key}` is in no example ({file})");
        }
    }
}
