//! `config show`, `config check`, and how a bad configuration is refused.

use super::support::{Place, said};

#[test]
fn what_is_in_force_is_shown_with_its_origin() {
    let place = Place::new();
    place.write("data/procession.yaml", "engine:\n  queue_length: 7\nlimits: {body: 4MiB}\n");
    let mut command = place.program(&["config", "show", "engine", "limits.body", "listen", "--data-dir", "data"]);
    command.args(["--set", "engine.undefined=empty"]).env("PROCESSION_ENGINE__MAX_CONCURRENT_STEPS", "8");
    insta::assert_snapshot!(said(&mut command).ends_with(0).out);
}

#[test]
fn json_has_every_key_and_no_secret() {
    let place = Place::new();
    let mut command = place.program(&["config", "show", "--format", "json"]);
    command
        .env("PROCESSION_AUTH__ADMIN_PASSWORD", "hunter22")
        .env("PROCESSION_NOTIFICATIONS__CHANNELS", "ops=https://h/hunter22");
    let said = said(&mut command).ends_with(0);
    assert!(!said.out.contains("hunter22"), "{said:?}");
    let shown = said.json();
    assert_eq!(shown["auth.admin_password"]["origin"], "environment PROCESSION_AUTH__ADMIN_PASSWORD");
    assert_eq!(shown["notifications.channels"]["value"], "ops=********");
    assert_eq!(shown["listen"], serde_json::json!({"value": "127.0.0.1:8000", "origin": "default"}));
    assert_eq!(shown["database.url"]["value"], "sqlite://procession-data/procession.db");
}

#[test]
fn a_good_configuration_is_checked_without_a_word() {
    Place::new().run(&["config", "check"]).ends_with(0).says_nothing();
}

#[test]
fn every_problem_is_told_with_what_was_probably_meant() {
    let place = Place::new();
    place.write("own.yaml", "listne: 1\nlog: {format: xml}\n");
    let mut command = place.program(&["config", "check", "--config", "own.yaml"]);
    command.env("PROCESSION_LIMITS__BODDY", "1").env("PROCESSION_OUTGOING__ALLOW", "http://10.0.0.1");
    let said = said(&mut command).ends_with(2);
    for text in
        ["did you mean `listen`?", "log.format (own.yaml:2)", "did you mean PROCESSION_LIMITS__BODY?", "outgoing.allow"]
    {
        assert!(said.err.contains(text), "`{text}` is not in {said:?}");
    }
}

#[test]
fn the_file_of_agents_is_checked_too() {
    let place = Place::new();
    place.write("data/agents.yaml", "agents:\n  a: {kind: scrpt}\n");
    let said = place.run(&["config", "check", "--data-dir", "data"]).ends_with(2);
    assert!(said.err.contains("agents.yaml:2:"), "{said:?}");
}

#[test]
fn an_unknown_key_is_refused_everywhere() {
    let place = Place::new();
    place.run(&["config", "show", "engine.queue_lenght"]).ends_with(2).complains("did you mean `engine.queue_length`?");
    place.run(&["config", "show", "--set", "queue=1"]).ends_with(2).complains("unknown key `queue`");
    place.run(&["config", "show", "--set", "listen"]).ends_with(2).complains("KEY=VALUE");
}
