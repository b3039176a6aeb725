//! `executions`.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use super::{ASK, World};

#[test]
fn an_execution_is_started_followed_and_shown() {
    let world = World::new();
    let said = world.run(&["executions", "start", "hello", "--input", "who=Ben", "--follow"]).ends_with(0);
    let id = said.out.lines().next().unwrap();
    assert!(said.out.contains("ProcessCompleted") && said.out.contains("greeting: Hello Ben"), "{said:?}");

    let shown = world.run(&["executions", "show", id]).ends_with(0);
    assert!(shown.out.starts_with("hello 1  completed\n"), "{shown:?}");
    assert!(shown.out.contains("by       root (cli)") && shown.out.contains("greeting: Hello Ben"), "{shown:?}");
    let shown = world.run(&["executions", "show", id, "--format", "json"]).ends_with(0).json();
    assert_eq!(shown["output_data"]["greeting"], "Hello Ben");

    let listed = world.run(&["executions", "list"]).ends_with(0);
    assert!(listed.out.contains(id) && listed.out.contains("hello 1"), "{listed:?}");
    let none = world.words("executions list --status failed --process hello --format json").ends_with(0).json();
    assert_eq!(none, serde_json::json!({"executions": [], "total": 0}));
    world.words("executions list --status failed").ends_with(0).complains("no such executions");
    world.words("executions list --limit 0").ends_with(2).complains("--limit");
}

#[test]
fn the_exit_code_of_following_is_that_of_the_execution() {
    let world = World::new();
    let said = world.words("executions start broken --follow").ends_with(1);
    assert!(said.out.contains("break: AGENT_ERROR"), "{said:?}");
    let id = said.out.lines().next().unwrap().to_owned();
    world.run(&["executions", "events", &id]).ends_with(0);
    world.run(&["executions", "events", &id, "--follow"]).ends_with(1);

    let again = world.run(&["executions", "retry", &id, "--from", "failed", "--follow"]).ends_with(1);
    assert_ne!(again.out.lines().next().unwrap(), id);

    let (asking, _) = world.start_and_be_asked();
    world.run(&["executions", "cancel", &asking, "--reason", "not needed"]).ends_with(0).complains("cancel");
    world.run(&["executions", "events", &asking, "--follow"]).ends_with(3);
    world.run(&["executions", "cancel", &asking]).ends_with(1);
}

#[test]
fn events_are_one_object_a_line_and_go_on_behind_a_sequence_number() {
    let world = World::new();
    let id = world.start_and_wait("hello");
    let all = world.run(&["executions", "events", &id, "--format", "json"]).ends_with(0);
    let sequences = |out: &str| -> Vec<u64> {
        let event = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"].as_u64().unwrap();
        out.lines().map(event).collect()
    };
    let numbers = sequences(&all.out);
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    let rest = world.run(&["executions", "events", &id, "--after", "2", "--follow", "--format", "json"]).ends_with(0);
    assert_eq!(sequences(&rest.out), numbers[2..]);
    let last = numbers.len().to_string();
    let none = world.run(&["executions", "events", &id, "--after", &last, "--follow"]).ends_with(0);
    assert!(none.out.is_empty(), "{none:?}");
    world.run(&["executions", "events", &id, "--after", "99"]).ends_with(2).complains("has no event 99 yet");
}

#[test]
fn what_happens_while_it_is_followed_is_printed_once_and_in_order() {
    let world = World::new();
    let (execution, approval) = world.start_and_be_asked();
    let mut command = world.place.program(&["executions", "events", &execution, "--follow", "--format", "json"]);
    command.env("PROCESSION_SERVER", world.server.url()).env("PROCESSION_API_KEY", &world.key);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut event = || {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        serde_json::from_str::<serde_json::Value>(&line).ok()
    };
    let mut seen = Vec::new();
    while let Some(event) = event() {
        let is_asking = event["event_type"] == "ApprovalRequested";
        seen.push(event["sequence"].as_u64().unwrap());
        if is_asking {
            world.run(&["approvals", "approve", &approval]).ends_with(0);
        }
    }
    assert_eq!(process.wait().unwrap().code(), Some(0));
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_server_that_goes_away_for_a_while_is_waited_for_and_nothing_is_missed() {
    let world = World::new();
    let (execution, approval) = world.start_and_be_asked();
    let mut command = world.place.program(&["executions", "events", &execution, "--follow", "--format", "json"]);
    command.env("PROCESSION_SERVER", world.server.url()).env("PROCESSION_API_KEY", &world.key);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut messages = BufReader::new(process.stderr.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();

    let World { place, server, key } = world;
    let address = server.address.clone();
    server.stop().ends_with(0);
    let mut message = String::new();
    messages.read_line(&mut message).unwrap();
    assert!(message.contains("trying again"), "{message}");
    let server = place.serve_at(&address, &[]);
    let world = World { place, server, key };
    world.run(&["approvals", "approve", &approval]).ends_with(0);

    let rest: Vec<String> = output.lines().map(Result::unwrap).collect();
    assert_eq!(process.wait().unwrap().code(), Some(0));
    let lines = std::iter::once(first).chain(rest);
    let events: Vec<serde_json::Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let sequences: Vec<u64> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(events.last().unwrap()["event_type"], "ProcessCompleted");
}

#[cfg(unix)]
#[test]
fn following_can_be_interrupted_and_the_execution_goes_on() {
    let world = World::new();
    let (execution, _) = world.start_and_be_asked();
    let mut command = world.place.program(&["executions", "events", &execution, "--follow"]);
    command.env("PROCESSION_SERVER", world.server.url()).env("PROCESSION_API_KEY", &world.key);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&process), rustix::process::Signal::INT).unwrap();
    let ended = process.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains(&format!("procession executions events {execution} --follow")), "{said}");
    let shown = world.run(&["executions", "show", &execution, "--format", "json"]).ends_with(0).json();
    assert_eq!(shown["status"], "paused");
}

#[test]
fn ids_may_be_cut_short() {
    let world = World::new();
    let id = world.start_and_wait("hello");
    let short = &id[..id.len() - 1];
    world.run(&["executions", "show", short]).ends_with(0);
    // What is too short could be the beginning of several; ids differ from their first characters on.
    world.run(&["executions", "show", &id[..8]]).ends_with(0);
    world.run(&["executions", "show", "ffffffff"]).ends_with(1).complains("no execution has an id that begins");
    world.run(&["executions", "show", "my-run"]).ends_with(2).complains("procession executions list");
    world.run(&["executions", "show", "ffffffff-ffff-7fff-bfff-ffffffffffff"]).ends_with(1);
}

#[test]
fn the_newest_version_is_started_unless_another_one_is_named() {
    let world = World::new();
    world.place.write("processes/ask.yaml", &ASK.replace("version: 1", "version: 2"));
    world.run(&["apply", "processes"]).ends_with(0);
    let version = |arguments: &[&str]| {
        let started =
            world.run(&[&["executions", "start", "ask", "--format", "json"], arguments].concat()).ends_with(0);
        started.json()["process_version"].as_str().unwrap().to_owned()
    };
    assert_eq!(version(&[]), "2");
    assert_eq!(version(&["--version", "1"]), "1");
    world.words("executions start ask --version 3").ends_with(1).complains("no process `ask` 3 is published");
    world.words("executions start nothing").ends_with(1).complains("procession apply");
    world.run(&["executions", "start", "hello", "--input", "who"]).ends_with(2).complains("KEY=VALUE");
}

#[test]
fn what_a_list_does_not_take_is_refused_with_what_it_takes() {
    let world = World::empty();
    let refused = world.run(&["executions", "list", "--status", "bogus"]).ends_with(2);
    refused.complains("an execution is pending, running, paused, completed, failed, cancelled");
    world.run(&["executions", "list", "--status", "failed,done"]).ends_with(2).complains("'done'");
    world.run(&["executions", "list", "--limit", "0"]).ends_with(2).complains("a whole number from 1 on");
    world.run(&["executions", "list", "--status", "failed,completed"]).ends_with(0);
}

#[test]
fn an_input_that_a_process_does_not_know_is_warned_of_at_its_start() {
    let world = World::new();
    let said = world.run(&["executions", "start", "hello", "--input", "whom=you"]).ends_with(0);
    said.complains("the process declares no input `whom`");
}
