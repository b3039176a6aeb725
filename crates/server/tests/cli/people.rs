//! `user` and `key`: in a data folder, and at a running server.

use super::support::{Place, said};

/// A place with an empty database.
fn place() -> Place {
    let place = Place::new();
    place.run(&["db", "migrate", "--data-dir", "data"]).ends_with(0);
    place
}

#[test]
fn users_are_managed_in_a_data_folder() {
    let place = place();
    let user = |arguments: &[&str]| place.run(&[&["user", "--data-dir", "data"], arguments].concat());
    user(&["add", "ann", "--role", "designer", "--email", "ann@example.com"]).ends_with(0).complains("no password");
    let added = place.run_with_input(
        &["user", "add", "bob", "--role", "admin", "--password-stdin", "--data-dir", "data"],
        "correct horse\n",
    );
    added.ends_with(0).says_nothing();
    user(&["role", "ann", "viewer"]).ends_with(0).says_nothing();
    let listed = user(&["list", "--format", "json"]).ends_with(0).json();
    let shown: Vec<_> = listed["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| {
            (
                user["username"].as_str().unwrap(),
                user["role"].as_str().unwrap(),
                user["has_password"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(shown, [("ann", "viewer", false), ("bob", "admin", true)]);
    user(&["remove", "ann"]).ends_with(0).says_nothing();
    let listed = user(&["list"]).ends_with(0);
    assert!(listed.out.contains("bob") && !listed.out.contains("ann"), "{listed:?}");
}

#[test]
fn what_does_not_do_is_refused_with_a_sentence() {
    let place = place();
    let user = |arguments: &[&str]| place.run(&[&["user", "--data-dir", "data"], arguments].concat());
    user(&["add", "ann", "--role", "king"]).ends_with(1).complains("`king` is not a role");
    user(&["add", "ann", "--role", "viewer"]).ends_with(0);
    user(&["add", "ann", "--role", "viewer"]).ends_with(1).complains("already exists");
    user(&["role", "ben", "viewer"]).ends_with(1).complains("no such user");
    user(&["password", "ann"]).ends_with(2).complains("--password-stdin");
    let short = place.run_with_input(&["user", "password", "ann", "--password-stdin", "--data-dir", "data"], "short\n");
    short.ends_with(1).complains("at least 8 characters");
    place.run(&["user", "list", "--data-dir", "nowhere"]).ends_with(2).complains("there is no database");
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let place = place();
    place.run(&["user", "add", "bot", "--role", "operator", "--data-dir", "data"]).ends_with(0);
    let key = |arguments: &[&str]| place.run(&[&["key", "--data-dir", "data"], arguments].concat());
    let made = key(&["create", "import", "--user", "bot", "--scope", "execution:view"]).ends_with(0);
    let secret = made.out.trim();
    assert!(secret.starts_with("procession_") && secret.len() > 40, "{made:?}");
    let listed = key(&["list", "--format", "json"]).ends_with(0);
    assert!(!listed.out.contains(secret), "{listed:?}");
    let listed = listed.json()["keys"][0].clone();
    assert_eq!((listed["name"].as_str(), listed["scopes"][0].as_str()), (Some("import"), Some("execution:view")));
    key(&["revoke", listed["id"].as_str().unwrap()]).ends_with(0).says_nothing();
    assert!(key(&["list"]).ends_with(0).out.contains("revoked"));
    key(&["create", "x", "--user", "nobody"]).ends_with(1).complains("no such user");
    key(&["create", "x", "--user", "bot", "--scope", "everything"]).ends_with(2).complains("process:read");
}

#[test]
fn a_running_server_is_asked_over_its_api() {
    let place = place();
    place.run(&["user", "add", "root", "--role", "admin", "--data-dir", "data"]).ends_with(0);
    let key = place.run(&["key", "create", "cli", "--user", "root", "--data-dir", "data"]).ends_with(0).out;
    let server = place.serve(&[]);
    let url = server.url();

    // The data folder belongs to the server.
    place.run(&["user", "list", "--data-dir", "data"]).ends_with(2).complains("--server");

    place.run(&["user", "list", "--server", &url]).ends_with(2).complains("PROCESSION_API_KEY");
    let remote = |arguments: &[&str], key: &str| {
        let mut command = place.program(&[arguments, &["--server", &url]].concat());
        said(command.env("PROCESSION_API_KEY", key))
    };
    remote(&["user", "list"], "procession_wrong").ends_with(1).complains("is not a valid key");
    let key = key.trim();
    remote(&["user", "add", "ann", "--role", "viewer"], key).ends_with(0);
    remote(&["user", "role", "ann", "designer"], key).ends_with(0);
    let listed = remote(&["user", "list"], key).ends_with(0);
    assert!(listed.out.contains("ann   designer"), "{listed:?}");
    let made = remote(&["key", "create", "of ann", "--user", "ann"], key).ends_with(0);
    // Whose key it is may not manage users.
    remote(&["user", "list"], made.out.trim()).ends_with(1).complains("administrator");
    assert!(remote(&["key", "list"], key).ends_with(0).out.contains("of ann"));
    remote(&["user", "remove", "ann"], key).ends_with(0);
    server.stop().ends_with(0);
    remote(&["user", "list"], key).ends_with(1).complains("can't be reached");
}

#[test]
fn the_hint_to_set_a_password_names_the_same_place() {
    let place = Place::new();
    place.run(&["db", "migrate", "--data-dir", "data"]).ends_with(0);
    let said = place.run(&["user", "add", "ann", "--role", "viewer", "--data-dir", "data"]).ends_with(0);
    said.complains("`procession user password ann --data-dir data` sets one");
}
