//! `serve`: starting, the first log-in, and stopping in order.

use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use super::support::{Place, said};

#[test]
fn a_server_starts_answers_and_stops_in_order() {
    let place = Place::new();
    let server = place.serve(&[]);
    assert_eq!(server.get("/healthz").0, 200);
    assert_eq!(server.get("/readyz").0, 200);
    assert_eq!(server.get("/api/processes").0, 401);
    let mode = |path: &str| std::fs::metadata(place.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("data"), mode("data/secret.key"), mode("data/procession.db")), (0o700, 0o600, 0o600));
    let said = server.stop().ends_with(0);
    assert!(said.err.contains("ready") && said.err.contains("stopping"), "{said:?}");
}

#[test]
fn a_taken_port_is_refused_with_the_flag_that_helps() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = Place::new().run(&["serve", "--data-dir", "data", "--listen", &address]).ends_with(2);
    assert!(said.err.contains("is already in use") && said.err.contains("--listen"), "{said:?}");
}

#[test]
fn a_second_server_is_kept_out_of_the_data_folder() {
    let place = Place::new();
    let server = place.serve(&[]);
    let said = place.run(&["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]).ends_with(2);
    assert!(said.err.contains("in use by another process (process "), "{said:?}");
    server.stop().ends_with(0);
}

#[test]
fn the_first_log_in_is_the_configured_password_and_is_not_logged() {
    let place = Place::new();
    let password = "correct horse battery";
    place.write("data/procession.yaml", &format!("auth: {{admin_password: {password}}}\nlog: {{filter: trace}}\n"));
    let server = place.serve(&[]);
    let (status, _) =
        server.post("/api/setup/admin-password", r#"{"password": "12345678", "confirm_password": "12345678"}"#);
    assert_eq!(status, 403);
    let said = server.stop().ends_with(0);
    assert!(said.out.contains("configured password"), "{said:?}");
    assert!(!said.err.contains(password) && !said.out.contains(password), "the password is shown");
}

#[test]
fn without_a_password_whoever_comes_first_sets_it_once() {
    let place = Place::new();
    let server = place.serve(&[]);
    let body = r#"{"password": "correct horse", "confirm_password": "correct horse"}"#;
    assert_eq!(server.post("/api/setup/admin-password", body).0, 200);
    assert_eq!(server.post("/api/setup/admin-password", body).0, 403);
    let said = server.stop().ends_with(0);
    assert!(said.out.contains("/api/setup/admin-password"), "{said:?}");
    // The next start has nothing to say about it.
    let said = place.serve(&[]).stop().ends_with(0);
    assert!(!said.out.contains("admin"), "{said:?}");
}

#[test]
fn the_demonstration_can_be_repeated() {
    let place = Place::new();
    for _ in 0..2 {
        let server = place.serve(&["--demo"]);
        let said = server.stop().ends_with(0);
        assert!(said.out.contains("6 sample processes") && said.out.contains("Try next"), "{said:?}");
        assert!(!said.out.contains("could not be published"), "{said:?}");
    }
    let listed = place.run(&["agents", "list", "--data-dir", "data", "--format", "json"]).ends_with(0).json();
    assert!(listed["agents"].as_array().unwrap().iter().any(|agent| agent["name"] == "researcher"));
}

#[test]
fn a_bad_file_of_agents_stops_the_start_with_its_line() {
    let place = Place::new();
    place.write("data/agents.yaml", "agents:\n  a: {kind: ehco}\n");
    let said = place.run(&["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]).ends_with(2);
    assert!(said.err.contains("agents.yaml:2:"), "{said:?}");
}

#[test]
fn agents_are_listed_and_tried() {
    let place = Place::new();
    place.write("agents.yaml", "agents:\n  echo: {kind: echo, description: Says it again}\n");
    let listed = place.run(&["agents", "list", "--agents", "agents.yaml"]).ends_with(0);
    assert!(listed.out.contains("echo") && listed.out.contains("Says it again"), "{listed:?}");
    let tried = place.run(&["agents", "test", "echo", "Hello?", "--agents", "agents.yaml"]).ends_with(0);
    assert_eq!(tried.out, "Hello?\n");
    place.run(&["agents", "test", "nobody", "Hello?", "--agents", "agents.yaml"]).ends_with(1).complains("nobody");
    let none = said(&mut place.program(&["agents", "list"])).ends_with(0);
    assert!(none.out.is_empty() && none.err.contains("there are no agents"), "{none:?}");
}

#[test]
fn a_stopped_agent_says_why() {
    let place = Place::new();
    let agents = "agents:\n  gpt: {kind: openai, base_url: 'https://h/v1', model: m, api_key: '${ENV:NO_SUCH_KEY}'}\n  \
         format: {kind: command, command: [./gone.sh], description: Formats}\n";
    place.write("agents.yaml", agents);
    let listed = place.run(&["agents", "list", "--agents", "agents.yaml"]).ends_with(0);
    assert!(listed.out.contains("stopped    the environment variable NO_SUCH_KEY is not set"), "{listed:?}");
    assert!(listed.out.contains("stopped    Formats (commands are disabled; set agents.allow_commands"), "{listed:?}");
    let allowed = ["--agents", "agents.yaml", "--set", "agents.allow_commands=true", "--format", "json"];
    let listed = place.run(&[&["agents", "list"], &allowed[..]].concat()).ends_with(0).json();
    let reason = listed["agents"][1]["reason"].as_str().unwrap();
    assert!(reason.starts_with("there is no program ") && reason.ends_with("gone.sh; check `command`"), "{reason}");
}

#[cfg(unix)]
#[test]
fn a_program_that_can_not_be_started_says_why_and_one_that_can_sees_no_secret() {
    let place = Place::new();
    let agents = "agents:\n  gone: {kind: command, command: [./gone.sh]}\n  plain: {kind: command, command: [./plain.txt]}\n  \
         env: {kind: command, command: [env]}\n";
    place.write("agents.yaml", agents);
    place.write("plain.txt", "no program");
    let ask = |agent: &str| {
        let allowed = ["--agents", "agents.yaml", "--set", "agents.allow_commands=true"];
        let mut program = place.program(&[&["agents", "test", agent, "x"], &allowed[..]].concat());
        said(program.env("OPENAI_API_KEY", "sk-secret").env("PROCESSION_AUTH__ADMIN_PASSWORD", "pa55word-of-admin"))
    };
    ask("gone").ends_with(1).complains("does not exist");
    ask("plain").ends_with(1).complains("is not executable");
    let variables = ask("env").ends_with(0).out;
    assert!(variables.contains("PATH=") && variables.contains("PROCESSION_KEY="), "{variables}");
    assert!(!variables.contains("secret") && !variables.contains("pa55word"), "{variables}");
}

#[test]
fn a_changed_file_of_agents_counts_while_the_server_runs() {
    let place = Place::new();
    place.run(&["db", "migrate", "--data-dir", "data"]).ends_with(0);
    place.run(&["user", "add", "root", "--role", "admin", "--data-dir", "data"]).ends_with(0);
    let key = place.run(&["key", "create", "test", "--user", "root", "--data-dir", "data"]).ends_with(0).out;
    place.write("data/agents.yaml", "agents:\n  early: {kind: echo}\n");
    let server = place.serve(&[]);
    let agents = || server.get_as(key.trim(), "/api/agents");
    assert!(agents().contains("early"), "{}", agents());
    place.write("data/agents.yaml", "agents:\n  early: {kind: echo}\n  newcomer: {kind: echo}\n");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !agents().contains("newcomer") {
        assert!(Instant::now() < deadline, "{}", agents());
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = server.stop().ends_with(0);
    assert!(said.err.contains("the agents were read again"), "{said:?}");
}
