//! `--help`, `--version`, `schema`, `completions`.

use super::support::Place;

const COMMANDS: [&[&str]; 16] = [
    &[],
    &["serve"],
    &["run"],
    &["validate"],
    &["init"],
    &["login"],
    &["logout"],
    &["apply"],
    &["executions"],
    &["approvals"],
    &["config"],
    &["agents"],
    &["db"],
    &["user"],
    &["key"],
    &["completions"],
];

#[test]
fn help_of_every_command_shows_examples() {
    let place = Place::new();
    for command in COMMANDS {
        let said = place.run(&[command, &["--help"]].concat()).ends_with(0);
        assert!(said.out.contains("Examples:\n  "), "{command:?}: {said:?}");
        assert!(said.err.is_empty(), "{command:?}: {said:?}");
    }
}

#[test]
fn what_only_developers_need_is_not_in_the_help() {
    let said = Place::new().run(&["--help"]).ends_with(0);
    assert!(!said.out.contains("\n  dev"), "{said:?}");
}

#[test]
fn wrong_usage_ends_with_2() {
    let place = Place::new();
    for arguments in [&["serv"][..], &[], &["run"], &["validate"], &["user", "add", "ann"], &["db", "explode"]] {
        place.run(arguments).ends_with(2);
    }
    place.run(&["serv"]).complains("serve");
}

#[test]
fn the_version_is_that_of_the_package() {
    let said = Place::new().run(&["--version"]).ends_with(0);
    assert_eq!(said.out, format!("procession {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_schema_is_json() {
    let said = Place::new().run(&["schema"]).ends_with(0);
    assert!(said.json()["properties"]["steps"].is_object());
}

#[test]
fn completions_are_written_for_each_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let said = place.run(&["completions", shell]).ends_with(0);
        assert!(said.out.contains("validate"), "{shell}");
    }
}
