//! `run`: one process in this terminal.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use super::support::Place;

const AGENTS: &str = "\
agents:
  echo: {kind: echo}
  priced:
    kind: script
    replies:
      - {reply: 'Read: {{ message }}', cost: '0.0125', tokens: {input: 10, output: 5}}
  broken:
    kind: script
    replies:
      - {reply: never, fail: {code: AGENT_ERROR}}
";

const GREET: &str = "\
name: greet
version: 1
input:
  who: {type: string, default: world}
steps:
  - id: read
    type: agent_task
    agent: priced
    message: About {{input.who}}
  - id: greet
    type: agent_task
    depends_on: read
    agent: echo
    message: Hello {{input.who}}
outputs:
  - name: greeting
    source: '{{steps.greet.output.response}}'
";

const FAIL: &str = "\
name: fail
version: 1
steps:
  - id: break
    type: agent_task
    agent: broken
    message: Please
    retry: {max_attempts: 1}
";

const APPROVE: &str = "\
name: approve
version: 1
steps:
  - id: draft
    type: agent_task
    agent: echo
    message: '{% if steps.approval.feedback %}Draft, {{steps.approval.feedback}}{% else %}Draft{% endif %}'
  - id: approval
    type: human_approval
    depends_on: draft
    title: Publish?
    assignees: [editor@example.com]
    required_approvals: 1
    on_changes_requested: {rerun: draft, max: 2}
outputs:
  - name: text
    source: '{{steps.draft.output.response}}'
  - name: decision
    source: '{{steps.approval.output.decision}}'
";

/// A place with the processes and their agents.
fn place() -> Place {
    let place = Place::new();
    for (name, text) in [("agents.yaml", AGENTS), ("greet.yaml", GREET), ("fail.yaml", FAIL), ("approve.yaml", APPROVE)]
    {
        place.write(name, text);
    }
    place
}

#[test]
fn json_is_one_object_and_nothing_else() {
    let said = place().run(&["run", "greet.yaml", "--input", "who=Ada", "--format", "json"]).ends_with(0);
    let result = said.json();
    assert_eq!(result["status"], "completed");
    assert_eq!(result["outputs"], serde_json::json!({"greeting": "Hello Ada"}));
    assert_eq!(result["cost"], serde_json::json!({"amount": "0.0125", "currency": "USD", "complete": true}));
    assert_eq!(result["error"], serde_json::Value::Null);
    let ids: Vec<_> = result["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["read", "greet"]);
    assert_eq!(result["steps"][0]["output"]["response"], "Read: About Ada");
    assert!(uuid_like(result["execution_id"].as_str().unwrap()));
}

fn uuid_like(text: &str) -> bool {
    text.len() == 36 && text.split('-').count() == 5
}

#[test]
fn lines_tell_each_step_and_the_outputs_where_there_is_no_terminal() {
    let said = place().run(&["run", "greet.yaml"]).ends_with(0);
    for text in ["greet 1 ", "▸ read", "✓ read", "$0.0125", "✓ greet", "completed", "greeting: Hello world"] {
        assert!(said.out.contains(text), "`{text}` is not in {said:?}");
    }
    assert!(!said.out.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_failed_process_ends_with_1_and_its_error() {
    let said = place().run(&["run", "fail.yaml", "--format", "json"]).ends_with(1);
    let result = said.json();
    assert_eq!((result["status"].as_str(), result["error"]["step_id"].as_str()), (Some("failed"), Some("break")));
    assert_eq!(result["steps"][0]["status"], "failed");
}

#[test]
fn a_file_with_errors_does_not_run() {
    let place = place();
    place.write("bad.yaml", &GREET.replace("depends_on: read", "depends_on: reed"));
    let said = place.run(&["run", "bad.yaml"]).ends_with(1).complains("reed");
    assert!(said.err.contains("bad.yaml:"), "{said:?}");
    let said = place.run(&["run", "bad.yaml", "--format", "json"]).ends_with(1);
    assert_eq!(said.json()["status"], "invalid");
}

#[test]
fn input_comes_from_a_file_and_from_fields() {
    let place = place();
    place.write("input.yaml", "who: file\n");
    let greeting = |arguments: &[&str]| {
        let said = place.run(&[&["run", "greet.yaml", "--format", "json"], arguments].concat());
        said.json()["outputs"]["greeting"].as_str().unwrap().to_owned()
    };
    assert_eq!(greeting(&["--input-file", "input.yaml"]), "Hello file");
    assert_eq!(greeting(&["--input-file", "input.yaml", "--input", "who=field"]), "Hello field");
}

#[test]
fn input_that_does_not_fit_is_wrong_usage() {
    let place = place();
    place.write(
        "typed.yaml",
        &GREET.replace("who: {type: string, default: world}", "who: {type: integer, required: true}"),
    );
    place.run(&["run", "typed.yaml"]).ends_with(2).complains("who");
    place.run(&["run", "typed.yaml", "--input", "who=many"]).ends_with(2).complains("--input");
    place.run(&["run", "greet.yaml", "--input", "who"]).ends_with(2).complains("KEY=VALUE");
    place.run(&["run", "none.yaml"]).ends_with(2).complains("none.yaml can't be read");
}

#[test]
fn a_decision_that_nobody_can_give_ends_with_4_and_says_how_to_give_it() {
    let said = place().run(&["run", "approve.yaml", "--format", "json"]).ends_with(4);
    assert_eq!(said.json()["status"], "paused");
    assert!(said.err.contains("`approval`") && said.err.contains("--decide approval=approve"), "{said:?}");
}

#[test]
fn decisions_are_given_in_their_order() {
    let place = place();
    let run = |decisions: &[&str]| {
        let decisions: Vec<&str> = decisions.iter().flat_map(|decision| ["--decide", decision]).collect();
        place.run(&[&["run", "approve.yaml", "--format", "json"][..], &decisions].concat())
    };
    let approved = run(&["approval=approve:fine"]).ends_with(0).json();
    assert_eq!(approved["outputs"], serde_json::json!({"text": "Draft", "decision": "approved"}));
    let changed = run(&["approval=changes:shorter", "approval=approve"]).ends_with(0).json();
    assert_eq!(changed["outputs"]["text"], "Draft, shorter");
    let rejected = run(&["approval=reject:no"]).ends_with(1).json();
    assert_eq!(rejected["error"]["code"], "APPROVAL_REJECTED");
    run(&["approvl=approve"]).ends_with(4).complains("no approval `approvl` was asked for");
    run(&["approval=perhaps"]).ends_with(2).complains("approval=perhaps");
}

#[test]
fn what_was_left_goes_on_in_its_data_folder() {
    let place = place();
    let left = place.run(&["run", "approve.yaml", "--format", "json", "--data-dir", "runs"]).ends_with(4);
    let id = left.json()["execution_id"].as_str().unwrap().to_owned();
    assert!(left.err.contains(&format!("--resume {id}")), "{left:?}");
    let resume = ["run", "--resume", &id, "--agents", "agents.yaml", "--format", "json"];
    place.run(&resume).ends_with(2).complains("--data-dir");
    let resume = [&resume[..], &["--data-dir", "runs", "--decide", "approval=approve"]].concat();
    let done = place.run(&resume).ends_with(0).json();
    assert_eq!((done["execution_id"].as_str(), done["status"].as_str()), (Some(id.as_str()), Some("completed")));
    // It has ended; its result can be read again.
    assert_eq!(place.run(&resume[..resume.len() - 2]).ends_with(0).json()["outputs"]["text"], "Draft");
}

#[test]
fn a_changed_file_runs_beside_its_earlier_text() {
    let place = place();
    let run = || {
        place
            .run(&["run", "greet.yaml", "--agents", "agents.yaml", "--data-dir", "runs", "--format", "json"])
            .ends_with(0)
            .json()
    };
    assert_eq!(run()["version"], "1");
    assert_eq!(run()["version"], "1");
    place.write("greet.yaml", &GREET.replace("Hello", "Good day"));
    let changed = run();
    assert_eq!(
        (changed["version"].as_str(), changed["outputs"]["greeting"].as_str()),
        (Some("2"), Some("Good day world"))
    );
    assert_eq!(run()["version"], "2");
}

#[test]
fn ctrl_c_ends_with_130_and_says_how_to_go_on() {
    let place = place();
    place.write(
        "agents.yaml",
        "agents:\n  priced: {kind: script, replies: [{reply: never, delay: 10m}]}\n  echo: {kind: echo}\n",
    );
    let mut command = place.program(&["run", "greet.yaml", "--data-dir", "runs"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().contains("▸ read")), "the step did not begin");
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = process.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{errors}");
    assert!(errors.contains("interrupted") && errors.contains("procession run --resume"), "{errors}");
    assert!(rest.iter().any(|line| line.contains("not finished")), "{rest:?}");

    // An agent that answers, and the run goes on where it was.
    place.write("agents.yaml", AGENTS);
    let id = errors.split("--resume ").nth(1).unwrap().split_whitespace().next().unwrap();
    let resumed =
        place.run(&["run", "--resume", id, "--data-dir", "runs", "--agents", "agents.yaml", "--format", "json"]);
    assert_eq!(resumed.ends_with(0).json()["outputs"]["greeting"], "Hello world");
}

#[test]
fn changes_that_no_round_follows_are_not_asked_for() {
    let place = Place::new();
    place.write(
        "ask.yaml",
        "name: ask\nsteps: [{id: check, type: human_approval, title: Good?, timeout: 2h, timeout_action: approve}]\n",
    );
    let said = place.run(&["run", "ask.yaml", "--decide", "check=changes:shorter"]).ends_with(4);
    assert!(said.out.contains("no further round") || said.err.contains("no further round"), "{said:?}");
}
