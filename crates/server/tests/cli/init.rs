//! `init`: what it writes runs at once.

use super::support::Place;

#[test]
fn the_first_process_is_valid_and_runs_at_once() {
    let place = Place::new();
    let said = place.run(&["init"]).ends_with(0).complains("procession run hello.yaml");
    assert_eq!(said.out, "wrote hello.yaml\nwrote agents.yaml\n");
    let strict = ["validate", "hello.yaml", "--agents", "agents.yaml", "--deny", "warnings"];
    place.run(&strict).ends_with(0);
    let ran = place.run(&["run", "hello.yaml", "--input", "topic=tea", "--format", "json"]).ends_with(0).json();
    assert_eq!(ran["status"], "completed");
    assert!(ran["outputs"]["text"].as_str().unwrap().contains("seasons"), "{ran}");
}

#[test]
fn the_approval_that_the_first_process_offers_works_once_its_marks_are_taken_away() {
    let place = Place::new();
    place.run(&["init", "first"]).ends_with(0);
    let text = std::fs::read_to_string(place.path().join("first/hello.yaml")).unwrap();
    let (before, offered) = text.split_once("  # - id: check").unwrap();
    let offered = format!("  # - id: check{offered}").replace("\n  # ", "\n  ").replacen("  # ", "  ", 1);
    place.write("first/hello.yaml", &format!("{before}{offered}"));
    let strict = ["validate", "first/hello.yaml", "--agents", "first/agents.yaml", "--deny", "warnings"];
    place.run(&strict).ends_with(0);
    place.run(&["run", "first/hello.yaml", "--decide", "check=approve", "--format", "json"]).ends_with(0);
}

#[test]
fn files_that_are_there_are_never_changed() {
    let place = Place::new();
    place.write("here/agents.yaml", "mine");
    place.run(&["init", "here"]).ends_with(2).complains("agents.yaml is there already");
    assert_eq!(std::fs::read_to_string(place.path().join("here/agents.yaml")).unwrap(), "mine");
    assert!(!place.path().join("here/hello.yaml").exists(), "half was written");
    place.write("file", "");
    place.run(&["init", "file"]).ends_with(1).complains("can't be made");
}
