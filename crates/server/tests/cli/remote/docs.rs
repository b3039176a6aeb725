//! The page about the command line: its examples are run, in their order, and every command is among them.

#![cfg(unix)]

use std::process::Command;

use super::{World, table::commands};
use crate::support::{Place, Said, said};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/command-line.md");

/// Where the page says that the server listens.
const ADDRESS: &str = "127.0.0.1:8000";

/// The scripts on the page, in two parts: before and after the server is started.
fn scripts() -> (String, String) {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (mut before, mut after, mut is_serving) = (String::new(), String::new(), false);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let is_script = line == "```sh" || line == "```sh server";
        if !is_script {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let script = block.join("\n") + "\n";
        if line == "```sh server" {
            assert!(script.starts_with("procession serve --demo --data-dir data"), "{script}");
            is_serving = true;
        } else if is_serving {
            after.push_str(&script);
        } else {
            before.push_str(&script);
        }
    }
    assert!(is_serving, "no server is started on the page");
    (before, after)
}

/// Runs a script in a place where `procession` is the program under test.
fn run(place: &Place, script: &str) -> Said {
    let programs = place.path().join("bin");
    std::fs::create_dir_all(&programs).unwrap();
    let program = programs.join("procession");
    if !program.exists() {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_procession"), &program).unwrap();
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    place.settle(&mut command);
    command.args(["-eux", "-c", script]).env("PATH", path);
    said(&mut command)
}

#[test]
fn every_example_on_the_page_runs_and_every_command_is_among_them() {
    let (before, after) = scripts();
    let place = Place::new();
    run(&place, &before).ends_with(0);
    let server = place.serve(&["--demo"]);
    run(&place, &after.replace(ADDRESS, &server.address)).ends_with(0);

    let world = World::empty();
    // What needs a server's end, or another platform's files, is shown and not run.
    let is_run_here = |command: &&String| !["serve", "import trinity"].contains(&command.as_str());
    for command in commands(&world, "").iter().filter(is_run_here) {
        let example = format!("procession {command}");
        assert!(before.contains(&example) || after.contains(&example), "no example of `{example}` is on the page");
    }
}
