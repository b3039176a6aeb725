//! What newcomers have met, each kind by the name of what is right.

use std::{
    io::{BufRead, BufReader, Read},
    process::{ChildStdout, Stdio},
};

use super::support::{Place, Said};

const AGENTS: &str = r#"
agents:
  researcher: {kind: script, replies: [{reply: "It is wide.", cost: "0.002"}]}
  poet: {kind: script, replies: [{reply: "O wide …", delay: 300ms, cost: "0.010"}]}
"#;

const HELLO: &str = r#"
name: hello
version: 1
input:
  topic: {type: string, default: the sea}
steps:
  - {id: facts, type: agent_task, agent: researcher, message: "Facts about {{input.topic}}."}
  - {id: poem, type: agent_task, agent: poet, depends_on: [facts], message: "A poem, with {{steps.facts.output.response}}"}
  - {id: check, type: human_approval, depends_on: [poem], title: Is this poem good enough?}
outputs:
  - {name: poem, source: "{{steps.poem.output.response}} on {{input.topic}}"}
"#;

/// A place with a process and its agents.
fn place() -> Place {
    let place = Place::new();
    place.write("hello.yaml", HELLO);
    place.write("agents.yaml", AGENTS);
    place
}

/// Starts a run whose poet never answers, and interrupts it as soon as it has asked the poet. Its id, and what was said.
fn interrupted(place: &Place, arguments: &[&str]) -> (String, Said) {
    let agents = AGENTS.replace("delay: 300ms", "delay: 10m");
    let path = place.write("agents.yaml", &agents);
    let mut command = place.program(arguments);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let out = read_until(&mut output, "▸ poem");
    let pid = rustix::process::Pid::from_child(&process);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    let mut err = String::new();
    process.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let said = Said { code: process.wait().unwrap().code(), out: out + &rest, err }.ends_with(130);
    std::fs::write(path, AGENTS).unwrap();
    let id = said.err.split("--resume ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    (id, said)
}

fn read_until(output: &mut BufReader<ChildStdout>, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "{text} was never said: {read}");
        read.push_str(&line);
    }
    read
}

/// The words of the command that a hint offers.
fn pasted(said: &Said) -> Vec<String> {
    let (_, hint) = said.err.split_once("go on with: procession ").unwrap_or_else(|| panic!("no hint in {said:?}"));
    hint.lines().next().unwrap().split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()
}

const DECIDED: [&str; 4] = ["--decide", "check=approve", "--format", "json"];

#[test]
fn n01_resume_finds_the_agents_and_the_definition_again() {
    let place = place();
    let start = ["run", "hello.yaml", "--agents", "agents.yaml", "--data-dir", "try", "--input", "topic=tea"];
    let (id, said) = interrupted(&place, &start);

    // The hint as it is, in another folder, in which neither file is.
    let hint = pasted(&said);
    assert_eq!(hint, ["run", "--resume", &id, "--data-dir", "try"]);
    let words: Vec<&str> = hint.iter().map(String::as_str).collect();
    let done = place.run(&[&words[..], &DECIDED].concat()).ends_with(0).json();
    assert_eq!(done["outputs"]["poem"], "O wide … on tea");
    assert_eq!(done["execution_id"], id.as_str());

    // The README's own words.
    let (id, _) = interrupted(&place, &start);
    let resume = ["run", "hello.yaml", "--data-dir", "try", "--resume", &id];
    let done = place.run(&[&resume[..], &DECIDED].concat()).ends_with(0);
    assert!(!done.err.contains("warning"), "{done:?}");
}

#[test]
fn n01_the_hint_has_the_flags_that_the_next_run_needs_but_no_secret() {
    let place = place();
    place.write("procession.yaml", "log: {filter: warn}\n");
    let folder = "my runs";
    let (id, said) = interrupted(
        &place,
        &[
            "run",
            "hello.yaml",
            "--data-dir",
            folder,
            "--config",
            "procession.yaml",
            "--set",
            "engine.queue_length=7",
            "--set",
            "auth.secret_key=correct-horse-battery-staple-and-saddle",
        ],
    );
    let hint = format!(
        "procession run --resume {id} --data-dir 'my runs' --config procession.yaml --set engine.queue_length=7"
    );
    assert!(said.err.contains(&hint), "{said:?}");
    assert!(!said.err.contains("correct-horse"), "{said:?}");
}

#[test]
fn n01_agents_of_which_the_file_is_gone_are_missed_before_anything_fails() {
    let place = place();
    let (id, _) = interrupted(&place, &["run", "hello.yaml", "--agents", "agents.yaml", "--data-dir", "try"]);
    std::fs::rename(place.path().join("agents.yaml"), place.path().join("moved.yaml")).unwrap();
    let resume = ["run", "--resume", &id, "--data-dir", "try", "--decide", "check=approve"];
    let said = place.run(&resume).ends_with(2).complains("is gone").complains("--agents names another file");
    assert!(said.err.contains("`poem` calls the agent `poet`, which does not exist"), "{said:?}");
    // Nothing has failed: with the file it goes on.
    place.run(&[&resume[..], &["--agents", "moved.yaml"]].concat()).ends_with(0);
}

#[test]
fn n02_another_run_leaves_the_interrupted_one_alone_and_says_that_it_waits() {
    let place = place();
    let (id, _) = interrupted(&place, &["run", "hello.yaml", "--agents", "agents.yaml", "--data-dir", "dd"]);
    place.write("other/agents.yaml", "agents: {e: {kind: echo}}\n");
    place.write(
        "other/other.yaml",
        "name: other\nsteps: [{id: e, type: agent_task, agent: e, message: hi}, {id: w, type: timer, duration: 1s}]\n",
    );
    let said = place.run(&["run", "other/other.yaml", "--data-dir", "dd"]).ends_with(0);
    assert!(said.err.contains("another execution of this data folder is under way and waits"), "{said:?}");
    // With the same agents it would have gone on, and spent money.
    let other = ["run", "other/other.yaml", "--data-dir", "dd", "--agents", "agents.yaml", "--allow-missing-agents"];
    place.run(&other).ends_with(1);
    let resumed =
        place.run(&[&["run", "--resume", &id, "--data-dir", "dd"][..], &DECIDED].concat()).ends_with(0).json();
    assert_eq!(resumed["steps"][1]["attempts"], 1);
    assert_eq!(resumed["cost"]["amount"], "0.012");
    let said = place.run(&["run", "other/other.yaml", "--data-dir", "dd"]).ends_with(0);
    assert!(!said.err.contains("waits"), "{said:?}");
}

#[test]
fn n02_a_run_takes_its_own_sub_processes_along() {
    let place = place();
    interrupted(&place, &["run", "hello.yaml", "--data-dir", "dd"]);
    place.write("child.yaml", "name: child\nsteps: [{id: facts, type: agent_task, agent: researcher, message: hi}]\n");
    place.write("parent.yaml", "name: parent\nsteps: [{id: part, type: sub_process, process: child}]\n");
    let said = place.run(&["run", "parent.yaml", "child.yaml", "--data-dir", "dd"]).ends_with(0);
    assert!(said.out.contains("✓ part/facts") && !said.out.contains("poem"), "{said:?}");
}

#[test]
fn n13_what_resume_does_not_heed_is_said() {
    let place = place();
    let (id, _) = interrupted(&place, &["run", "hello.yaml", "--data-dir", "try", "--input", "topic=tea"]);
    place.write("other.yaml", &HELLO.replace("A poem", "A limerick"));
    let resume = |arguments: &[&str]| {
        let flags = ["--resume", &id, "--data-dir", "try", "--format", "json"];
        place.run(&[&["run"], arguments, &flags].concat())
    };
    let said = resume(&["other.yaml", "--input", "topic=coffee"]).ends_with(4);
    said.complains(
        "other.yaml holds another text; the execution goes on with the text that it was started with, hello 1",
    )
    .complains("--input and --input-file have no effect");
    place.write("hello.yaml", &HELLO.replace("A poem", "A limerick"));
    let said = resume(&["--decide", "check=approve"]).ends_with(0).complains("hello.yaml has changed since");
    assert_eq!(said.json()["outputs"]["poem"], "O wide … on tea");
}

#[test]
fn n13_resume_makes_no_folder() {
    let place = place();
    let id = "0199a6f0-5c3e-7d31-a7c5-0b9d4a1f2c33";
    let said = place.run(&["run", "--resume", id, "--data-dir", "nonexist"]).ends_with(2);
    said.complains("there is no database").complains("--data-dir");
    assert!(!place.path().join("nonexist").exists());
}

/// Runs the program while its reader goes away after the first line.
fn with_a_reader_who_leaves(place: &Place, arguments: &[&str]) -> Option<i32> {
    let mut command = place.program(arguments);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    drop(output);
    process.wait().unwrap().code()
}

#[test]
fn n14_a_closed_pipe_ends_with_the_code_that_the_run_deserves() {
    let place = place();
    place.write(
        "two.yaml",
        &HELLO.replace(
            "  - {id: check, type: human_approval, depends_on: [poem], title: Is this poem good enough?}\n",
            "",
        ),
    );
    assert_eq!(with_a_reader_who_leaves(&place, &["run", "two.yaml", "--data-dir", "d"]), Some(0));
    // It was not left behind.
    let said = place.run(&["run", "two.yaml", "--data-dir", "d"]).ends_with(0);
    assert!(!said.err.contains("waits"), "{said:?}");
    assert_eq!(with_a_reader_who_leaves(&place, &["run", "hello.yaml"]), Some(4));
    let rejected = ["run", "hello.yaml", "--decide", "check=reject:no"];
    assert_eq!(with_a_reader_who_leaves(&place, &rejected), Some(1));
    let step = |number: u32| format!("  - {{id: s{number}, type: agent_taks, agent: a, message: x}}\n");
    let bad = format!("name: bad\nsteps:\n{}", (0..200).map(step).collect::<String>());
    place.write("bad.yaml", &bad);
    assert_eq!(with_a_reader_who_leaves(&place, &["validate", "bad.yaml"]), Some(1));
}

#[test]
fn n15_a_run_is_refused_before_it_pays_when_an_agent_is_missing() {
    let place = place();
    place.write("typo.yaml", &HELLO.replace("agent: poet", "agent: poett"));
    let run = ["run", "typo.yaml", "--data-dir", "d", "--decide", "check=approve"];
    let said = place.run(&run).ends_with(2).complains("`poem` calls the agent `poett`, which does not exist");
    let said = said.complains("poet, researcher").complains("--allow-missing-agents");
    assert!(!said.out.contains("facts"), "{said:?}");
    let json = place.run(&[&run[..], &["--format", "json"]].concat()).ends_with(2).json();
    assert_eq!((json["status"].as_str(), json["error"]["code"].as_str()), (Some("refused"), Some("AGENT_NOT_FOUND")));
    let told = place.run(&[&run[..], &["--allow-missing-agents"]].concat()).ends_with(1);
    assert!(told.out.contains("✓ facts") && told.out.contains("AGENT_NOT_FOUND"), "{told:?}");
}

#[test]
fn n15_a_run_is_refused_when_an_agent_is_known_not_to_work() {
    let place = place();
    place.write(
        "agents.yaml",
        &AGENTS.replace("poet: {kind: script", "poet: {kind: command, command: [cat]}\n  other: {kind: script"),
    );
    let said = place.run(&["run", "hello.yaml"]).ends_with(2);
    said.complains("`poem` calls the agent `poet`, which is stopped").complains("allow_commands");
}

#[test]
fn n15_an_agent_that_only_may_be_called_is_no_reason_to_refuse() {
    let place = place();
    place.write(
        "maybe.yaml",
        "name: maybe\nsteps:\n  - {id: a, type: agent_task, agent: researcher, message: x}\n  - {id: b, type: agent_task, agent: nobody, message: x, depends_on: a, condition: \"{{ steps.a.output.response == 'no' }}\"}\n",
    );
    place.run(&["run", "maybe.yaml"]).ends_with(0).complains("nobody");
}

#[test]
fn agents_that_are_not_there_are_not_said_to_run() {
    let place = Place::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let agents = format!(
        "agents:\n  echo: {{kind: echo}}\n  gone: {{kind: mcp, url: 'http://{closed}/mcp', tool: x}}\n  model: {{kind: openai, base_url: 'http://{closed}/v1', model: m}}\n"
    );
    place.write("agents.yaml", &agents);
    let said = place.run(&["agents", "list", "--agents", "agents.yaml"]).ends_with(0);
    let states: Vec<String> =
        said.out.lines().map(|line| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(states[0], "echo echo running");
    assert!(states[1].starts_with("gone mcp no answer") && said.out.contains("can't be reached"), "{said:?}");
    assert_eq!(states[2], "model openai not asked");
    assert!(!said.err.contains("rmcp"), "{said:?}");
}
