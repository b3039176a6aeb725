//! `validate`.

use super::support::Place;

pub const GOOD: &str = "\
name: good
version: 1
steps:
  - id: greet
    type: agent_task
    agent: echo
    message: Hello
";

const BAD: &str = "\
name: bad
version: 1
steps:
  - id: draft
    type: agent_task
    agnet: writer
    message: Write
  - id: review
    type: agent_task
    agent: echo
    depends_on: draf
    message: Review it
";

/// A definition that is valid, with something odd.
const ODD: &str = "\
name: odd
version: 1
steps:
  - id: greet
    type: agent_task
    agent: echo
    message: Hello {{input.who}}
    colour: red
";

const AGENTS: &str = "agents:\n  echo: {kind: echo}\n";

#[test]
fn problems_are_drawn_as_a_compiler_does() {
    let place = Place::new();
    place.write("bad.yaml", BAD);
    let said = place.run(&["validate", "bad.yaml"]).ends_with(1);
    insta::assert_snapshot!(said.out);
}

#[test]
fn json_names_each_file_with_its_diagnostics() {
    let place = Place::new();
    place.write("good.yaml", GOOD);
    place.write("bad.yaml", BAD);
    let said = place.run(&["validate", "good.yaml", "bad.yaml", "--format", "json"]).ends_with(1);
    let files = said.json()["files"].as_array().unwrap().clone();
    assert_eq!(files.len(), 2);
    assert_eq!((files[0]["file"].as_str(), files[0]["valid"].as_bool()), (Some("good.yaml"), Some(true)));
    assert_eq!(files[0]["diagnostics"], serde_json::json!([]));
    assert_eq!((files[1]["file"].as_str(), files[1]["valid"].as_bool()), (Some("bad.yaml"), Some(false)));
    insta::assert_json_snapshot!(files[1]["diagnostics"]);
}

#[test]
fn a_dash_reads_standard_input() {
    let place = Place::new();
    let said = place.run_with_input(&["validate", "-"], GOOD).ends_with(0);
    assert_eq!(said.out, "1 file: no problems\n");
    let said = place.run_with_input(&["validate", "-", "--format", "json"], BAD).ends_with(1);
    assert_eq!(said.json()["files"][0]["file"], "-");
}

#[test]
fn warnings_fail_only_when_they_are_denied() {
    let place = Place::new();
    place.write("odd.yaml", ODD);
    place.write("agents.yaml", AGENTS);
    let said = place.run(&["validate", "odd.yaml", "--agents", "agents.yaml"]);
    let warned = place.run(&["validate", "odd.yaml", "--agents", "agents.yaml", "--deny", "warnings"]).ends_with(1);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains("warning") && warned.out == said.out, "{said:?}");
}

#[test]
fn agents_that_do_not_exist_are_found_where_agents_are_known() {
    let place = Place::new();
    place.write("good.yaml", &GOOD.replace("agent: echo", "agent: ecoh"));
    place.write("agents.yaml", AGENTS);
    let without = place.run(&["validate", "good.yaml"]).ends_with(0);
    assert!(without.out.contains("no problems"), "{without:?}");
    let with = place.run(&["validate", "good.yaml", "--agents", "agents.yaml"]);
    assert!(with.out.contains("ecoh") && with.out.contains("echo"), "{with:?}");
}

#[test]
fn a_bad_file_of_agents_is_refused_with_its_line() {
    let place = Place::new();
    place.write("good.yaml", GOOD);
    place.write("agents.yaml", "agents:\n  echo: {kind: ehco}\n");
    let said = place.run(&["validate", "good.yaml", "--agents", "agents.yaml"]).ends_with(2);
    assert!(said.err.contains("agents.yaml:2:"), "{said:?}");
}

#[test]
fn a_file_that_can_not_be_read_is_wrong_usage_and_the_others_are_checked() {
    let place = Place::new();
    place.write("good.yaml", GOOD);
    let said = place.run(&["validate", "none.yaml", "good.yaml"]).ends_with(2).complains("none.yaml can't be read");
    assert_eq!(said.out, "1 file: no problems\n");
}

#[test]
fn files_given_together_know_each_other() {
    let place = Place::new();
    for (name, other) in [("ping", "pong"), ("pong", "ping")] {
        let text = format!(
            "name: {name}\nversion: 1\nsteps:\n  - id: run\n    type: sub_process\n    process_name: {other}\n"
        );
        place.write(&format!("{name}.yaml"), &text);
    }
    place.run(&["validate", "ping.yaml"]).ends_with(0);
    let together = place.run(&["validate", "ping.yaml", "pong.yaml"]).ends_with(1);
    assert!(together.out.contains("`ping` → `pong` → `ping`"), "{together:?}");
}
