//! `apply`.

use serde_json::json;

use super::{ASK, BROKEN, HELLO, World};

/// A process that runs `hello`.
const PARENT: &str = "\
name: a-parent
version: 1
steps:
  - {id: child, type: sub_process, process_name: hello}
";

/// What the plan says of each process: name, action, version.
fn plan(world: &World, arguments: &[&str]) -> Vec<(String, String, String)> {
    let said = world.run(&[&["apply", "processes", "--format", "json"], arguments].concat()).ends_with(0);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let processes = said.json()["processes"].as_array().unwrap().clone();
    processes.iter().map(|one| (text(&one["name"]), text(&one["action"]), text(&one["version"]))).collect()
}

fn owned(plan: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    plan.iter().map(|(name, action, version)| ((*name).into(), (*action).into(), (*version).into())).collect()
}

#[test]
fn what_is_new_is_published_and_the_same_again_changes_nothing() {
    let world = World::empty();
    world.place.write("processes/hello.yaml", HELLO);
    world.place.write("processes/more/ask.yml", ASK);
    for other in ["agents.yaml", ".hidden.yaml", ".git/x.yaml", "notes.txt"] {
        world.place.write(&format!("processes/{other}"), "no: process");
    }
    let said = world.words("apply processes --dry-run").ends_with(0);
    assert!(
        said.out.contains("+ ask 1  processes/more/ask.yml") && said.out.contains("2 new (nothing was changed"),
        "{said:?}"
    );
    assert!(said.out.contains("--dry-run"), "{said:?}");
    world.words("executions start hello").ends_with(1);

    let said = world.words("apply processes").ends_with(0);
    assert!(said.out.ends_with("2 new\n"), "{said:?}");
    world.words("executions start hello").ends_with(0);
    let said = world.words("apply processes").ends_with(0);
    assert_eq!(said.out, "nothing to do: 2 processes are unchanged\n");
}

#[test]
fn a_changed_text_becomes_a_new_version_and_its_difference_is_shown() {
    let world = World::new();
    world.place.write("processes/hello.yaml", &HELLO.replace("Hello {{", "Good day {{"));
    let said = world.words("apply processes --dry-run").ends_with(0);
    assert!(said.out.contains("~ hello 1 → 2  processes/hello.yaml"), "{said:?}");
    assert!(said.out.contains("    -version: 1\n    +version: 2\n"), "{said:?}");
    assert!(said.out.contains("agent: echo, message: 'Good day {{input.who}}'}\n"), "{said:?}");
    assert!(said.out.contains("1 changed, 2 unchanged"), "{said:?}");

    world.words("apply processes").ends_with(0);
    // The file still says 1, and is what runs as 2.
    assert_eq!(plan(&world, &[]), owned(&[("ask", "none", "1"), ("broken", "none", "1"), ("hello", "none", "2")]));
    // Back to the first text: that is a new version too, so that it is the newest one.
    world.place.write("processes/hello.yaml", HELLO);
    assert_eq!(plan(&world, &[])[2], ("hello".into(), "update".into(), "3".into()));
    world.place.write("processes/hello.yaml", &HELLO.replace("version: 1", "version: 3.5 # ours"));
    assert_eq!(plan(&world, &[])[2], ("hello".into(), "update".into(), "3.5".into()));
}

#[test]
fn continuous_integration_sees_by_the_exit_code_whether_something_would_change() {
    let world = World::new();
    world.words("apply processes --dry-run --exit-code").ends_with(0);
    world.place.write("processes/more.yaml", PARENT);
    world.words("apply processes --dry-run --exit-code").ends_with(5);
    world.words("apply processes --dry-run").ends_with(0);
    world.words("apply processes --exit-code").ends_with(2).complains("--dry-run");
}

#[test]
fn what_no_file_has_is_archived_only_when_asked() {
    let world = World::new();
    std::fs::remove_file(world.place.path().join("processes/broken.yaml")).unwrap();
    let said = world.words("apply processes").ends_with(0);
    assert!(said.out.contains("nothing to do"), "{said:?}");
    let said = world.words("apply processes --prune --dry-run").ends_with(0);
    assert!(said.out.contains("- broken 1  no file has it") && said.out.contains("1 archived"), "{said:?}");
    world.words("executions start broken").ends_with(0);
    world.words("apply processes --prune").ends_with(0);
    world.words("executions start broken").ends_with(1);
    // It can come back.
    world.place.write("processes/broken.yaml", BROKEN);
    assert_eq!(plan(&world, &["--prune"])[1], ("broken".into(), "create".into(), "2".into()));
}

#[test]
fn a_folder_without_processes_prunes_nothing() {
    let world = World::new();
    world.place.write("empty/agents.yaml", "agents: {}\n");
    world.words("apply empty --prune").ends_with(2).complains("there are no process files");
    world.words("apply nowhere --prune").ends_with(2).complains("nowhere can't be read");
    world.words("executions start hello").ends_with(0);
}

#[test]
fn sub_processes_come_first_and_nothing_is_said_against_them() {
    let world = World::empty();
    world.place.write("processes/a.yaml", PARENT);
    world.place.write("processes/b.yaml", HELLO);
    let said = world.words("apply processes").ends_with(0);
    assert!(said.err.is_empty(), "{said:?}");
    let places = ["+ hello 1", "+ a-parent 1"].map(|one| said.out.find(one).unwrap());
    assert!(places.is_sorted(), "{said:?}");
    world.words("executions start a-parent --follow").ends_with(0);
}

#[test]
fn a_file_with_errors_stops_everything() {
    let world = World::empty();
    world.place.write("processes/a.yaml", HELLO);
    world.place.write("processes/b.yaml", "name: b\nsteps: 5\n");
    let said = world.words("apply processes").ends_with(1).complains("1 file has errors; nothing was changed");
    assert!(said.err.contains("b.yaml:2:"), "{said:?}");
    world.words("executions start hello").ends_with(1);
    world.place.write("processes/b.yaml", HELLO);
    world.words("apply processes").ends_with(1).complains("both version 1 of `hello`");
}

#[test]
fn files_of_several_versions_of_a_process_stand_for_their_own() {
    let world = World::empty();
    world.place.write("processes/one.yaml", HELLO);
    world.place.write("processes/two.yaml", &HELLO.replace("version: 1", "version: 2"));
    let both = [("hello", "create", "1"), ("hello", "create", "2")];
    assert_eq!(plan(&world, &[]), owned(&both));
    assert_eq!(plan(&world, &["--prune"]), owned(&both.map(|(name, _, version)| (name, "none", version))));
    world.place.write("processes/one.yaml", &HELLO.replace("Hello", "Hi"));
    world.words("apply processes").ends_with(1).complains("a published version never changes");
}

#[test]
fn who_may_not_publish_is_told_before_anything_is_changed() {
    let world = World::new();
    let key = world.key_of("olga", "operator");
    world.place.write("processes/more.yaml", PARENT);
    let said = world.run_as(&key, &["apply", "processes"]).ends_with(1);
    assert!(said.err.contains("process:create"), "{said:?}");
    let designer = world.key_of("dan", "designer");
    world.run_as(&designer, &["apply", "processes"]).ends_with(0);
}

#[test]
fn the_plan_for_programs_holds_the_differences() {
    let world = World::new();
    world.place.write("processes/hello.yaml", &HELLO.replace("Hello {{", "Good day {{"));
    let said = world.words("apply processes --dry-run --format json").ends_with(0).json();
    assert_eq!(said["applied"], json!(false));
    let hello = &said["processes"][2];
    assert_eq!((&hello["version_before"], &hello["version"]), (&json!("1"), &json!("2")));
    assert!(hello["difference"].as_str().unwrap().contains("\n+version: 2\n"), "{hello}");
}
