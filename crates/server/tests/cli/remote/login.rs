//! `login` and `logout`.

use crate::support::{Place, Server, said};

const PASSWORD: &str = "correct horse battery";

/// A server whose `admin` has the password.
fn server(place: &Place) -> Server {
    place.write("data/procession.yaml", &format!("auth: {{admin_password: {PASSWORD}}}\n"));
    place.serve(&[])
}

#[test]
fn a_session_is_remembered_for_its_server_until_it_is_forgotten() {
    let place = Place::new();
    let server = server(&place);
    let url = server.url();
    place.run(&["executions", "list"]).ends_with(2).complains("no server is given");
    place.run(&["executions", "list", "--server", &url]).ends_with(2).complains("procession login --server");

    let login = ["login", "--server", &url, "--user", "admin", "--password-stdin"];
    place.run_with_input(&login, "wrong\n").ends_with(1).complains("knows no such user name with this password");
    let said = place.run_with_input(&login, &format!("{PASSWORD}\n")).ends_with(0).complains("as admin");
    assert!(said.out.is_empty() && !said.err.contains(PASSWORD), "{said:?}");

    // The server that was logged in to last is the one that is asked.
    place.run(&["executions", "list"]).ends_with(0);
    place.run(&["user", "list", "--server", &url]).ends_with(0);
    place.run(&["logout"]).ends_with(0).complains("logged out of");
    place.run(&["executions", "list"]).ends_with(2).complains("no server is given");
    place.run(&["logout"]).ends_with(0).complains("not logged in");
    place.run(&["logout", "--server", &url]).ends_with(0).complains("not logged in to");
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_a_session() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let server = server(&place);
    let login = ["login", "--server", &server.url(), "--user", "admin", "--password-stdin"];
    place.run_with_input(&login, &format!("{PASSWORD}\n")).ends_with(0);
    let file = place.path().join("config/procession/sessions.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let stored = std::fs::read_to_string(&file).unwrap();
    assert!(!stored.contains(PASSWORD), "the password is stored");

    std::fs::write(&file, "{").unwrap();
    place.run(&["executions", "list"]).ends_with(2).complains("log in again");
}

#[test]
fn a_session_that_has_ended_is_told_apart_from_a_wrong_key() {
    let place = Place::new();
    let server = server(&place);
    let url = server.url();
    let sessions = format!(r#"{{"current": "{url}", "servers": {{"{url}": {{"user": "admin", "token": "old"}}}}}}"#);
    place.write("config/procession/sessions.json", &sessions);
    place.run(&["executions", "list"]).ends_with(1).complains("the session has ended");
    let mut with_key = place.program(&["executions", "list"]);
    said(with_key.env("PROCESSION_API_KEY", "procession_wrong"))
        .ends_with(1)
        .complains("PROCESSION_API_KEY is not a valid key for this server");
}

#[test]
fn without_a_terminal_name_and_password_must_be_given() {
    let place = Place::new();
    let url = "http://127.0.0.1:1";
    place.run(&["login"]).ends_with(2).complains("no server is given");
    place.run(&["login", "--server", url]).ends_with(2).complains("--user NAME");
    place.run(&["login", "--server", url, "--user", "ann"]).ends_with(2).complains("--password-stdin");
    place.run_with_input(&["login", "--server", url, "--user", "ann", "--password-stdin"], "").ends_with(2);
}
