//! The pages that tell people what to type: every block on them is run, in order, against the real program, and what a page
//! shows as output is what came out.
//!
//! How a block is run stands in its fence; `page` explains the words. Pages about the language and about agents have
//! tests of their own (`language_docs`, `agents_docs`).
#![cfg(test)]

mod model;
mod page;
mod shell;
mod socket;
mod unit;

use page::{Block, Page};
use shell::Session;

/// Pages that are a session in a shell from top to bottom.
const SESSIONS: [&str; 5] =
    ["README.md", "docs/tutorial.md", "docs/http-api.md", "docs/recipes.md", "docs/operations/README.md"];

/// Plays a page from top to bottom.
async fn play(name: &str) {
    if !shell::tools_are_here() {
        return;
    }
    Session::begin().await.play(&Page::read(name));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_does_what_it_says() {
    play("README.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_does_what_it_says() {
    play("docs/tutorial.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_the_api_does_what_it_says() {
    play("docs/http-api.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recipes_do_what_they_say() {
    play("docs/recipes.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_operations_does_what_it_says() {
    play("docs/operations/README.md").await;
}

/// A block that nothing runs or reads would rot in silence.
#[test]
fn every_block_says_how_it_is_tested() {
    for name in SESSIONS {
        for block in Page::read(name).blocks {
            let known = match block.language.as_str() {
                "sh" => block.words.iter().all(|word| ["background", "fails", "elsewhere"].contains(&word.as_str())),
                "text" => block.words.iter().all(|word| word == "send"),
                "yaml" => block.file().is_some() || is_read_elsewhere(name, &block),
                "json" => block.words.iter().any(|word| word == "send" || word == "receive"),
                "rust" => is_of_the_library(&block),
                // Read by the tests of `unit`.
                "caddyfile" | "nginx" => true,
                _ => false,
            };
            assert!(known, "{name}, line {}: nothing tests this block", block.line);
        }
    }
}

/// The recipes that are whole processes are run by `language_docs`.
fn is_read_elsewhere(page: &str, block: &Block) -> bool {
    page == "docs/recipes.md" && block.text.starts_with("name:")
}

/// The library's own documentation is compiled and run, so what is copied from there is right.
fn is_of_the_library(block: &Block) -> bool {
    let library = std::fs::read_to_string(page::root().join("crates/procession/src/lib.rs")).unwrap();
    let known: Vec<&str> = library.lines().filter_map(|line| line.strip_prefix("//! ")).collect();
    block.text.lines().filter(|line| !line.is_empty()).all(|line| known.contains(&line))
}

#[test]
fn every_link_of_these_pages_leads_to_a_file() {
    for name in SESSIONS {
        Page::read(name).follow_links();
    }
}

/// The example on the page about notifications is a step of a process like any other.
#[test]
fn the_example_of_a_notification_is_a_step() {
    let page = Page::read("docs/notifications.md");
    let step = &page.blocks.iter().find(|block| block.language == "yaml").unwrap().text;
    let before =
        "name: wrapped\ninput: {topic: {type: string}}\nsteps:\n- {id: write, agent: writer, message: Write}\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wrapped.yaml"), format!("{before}{step}")).unwrap();
    let mut validate = procession_tests::server::procession().unwrap();
    let said = validate.arg("validate").arg(folder.path().join("wrapped.yaml")).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}
