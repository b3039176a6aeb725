//! `db`: safe beside a server, or refused while one has the database.

use super::support::Place;

#[test]
fn a_database_is_made_checked_copied_and_rewritten() {
    let place = Place::new();
    let db = |arguments: &[&str]| place.run(&[&["db", "--data-dir", "data"], arguments].concat());
    db(&["check"]).ends_with(2).complains("there is no database");
    assert!(db(&["migrate"]).ends_with(0).out.contains("applied"));
    db(&["migrate"]).ends_with(0).says_nothing();
    db(&["check"]).ends_with(0).complains("no problems");
    db(&["vacuum"]).ends_with(0).says_nothing();
    db(&["backup", "copy.db"]).ends_with(0).says_nothing();
    assert!(place.path().join("copy.db").is_file());
    db(&["backup", "copy.db"]).ends_with(2).complains("already exists");
    let of_copy = format!("database.url=sqlite://{}", place.path().join("copy.db").display());
    place.run(&["db", "check", "--set", &of_copy]).ends_with(0);
}

#[test]
fn beside_a_server_only_what_reads_is_allowed() {
    let place = Place::new();
    let server = place.serve(&[]);
    let db = |arguments: &[&str]| place.run(&[&["db", "--data-dir", "data"], arguments].concat());
    for refused in ["migrate", "vacuum"] {
        db(&[refused]).ends_with(2).complains("in use by another process");
    }
    db(&["check"]).ends_with(0);
    db(&["backup", "copy.db"]).ends_with(0);
    server.stop().ends_with(0);
    db(&["vacuum"]).ends_with(0);
}
