//! `dev seed`, which `cargo xtask seed` runs.

use super::support::{Place, said};

#[test]
fn a_data_folder_and_then_a_running_server_are_seeded() {
    let place = Place::new();
    let seeded = place.run(&["dev", "seed", "--data-dir", "data", "--password", "correct horse"]).ends_with(0);
    for text in ["6 samples, 6 of them new", "history: 8 executions", "dora (designer)", "victor (viewer)"] {
        assert!(seeded.out.contains(text), "`{text}` is not in {seeded:?}");
    }
    place.run(&["user", "add", "root", "--role", "admin", "--data-dir", "data"]).ends_with(0);
    let key = place.run(&["key", "create", "seed", "--user", "root", "--data-dir", "data"]).ends_with(0).out;

    let server = place.serve(&[]);
    let mut command = place.program(&["dev", "seed", "--server", &server.url()]);
    let again = said(command.env("PROCESSION_API_KEY", key.trim())).ends_with(0);
    for text in ["6 samples, 0 of them new", "history: 8 executions", "users: all there already"] {
        assert!(again.out.contains(text), "`{text}` is not in {again:?}");
    }
    server.stop().ends_with(0);
}
