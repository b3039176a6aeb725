//! What operators do with the program: read its measurements, take executions out and bring them back, check the audit trail.

use serde_json::Value as Json;

use super::support::Place;

/// A data folder with some history, and the key of an administrator.
fn seeded() -> (Place, String) {
    let place = Place::new();
    place.run(&["dev", "seed", "--data-dir", "data", "--password", "correct horse"]).ends_with(0);
    place.run(&["user", "add", "root", "--role", "admin", "--data-dir", "data"]).ends_with(0);
    let key = place.run(&["key", "create", "operator", "--user", "root", "--data-dir", "data"]).ends_with(0).out;
    (place, key.trim().to_owned())
}

#[test]
fn what_a_server_measures_is_shown_to_who_may_read_it() {
    let (place, key) = seeded();
    let server = place.serve(&[]);
    assert_eq!(server.get("/metrics").0, 401);
    let page = server.get_as(&key, "/metrics");
    for line in ["procession_build_info{version=", "procession_executions{state=\"paused\"}"] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
    let value = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        line.unwrap_or_else(|| panic!("{name} is not in {page}"))
    };
    assert!(value("procession_store_commit_seconds_count") >= 1.0);
    assert!(value("procession_store_batch_size_sum") >= 1.0);
    assert!(page.contains("procession_http_request_seconds_count{method=\"GET\",route=\"/metrics\",status=\"401\"} 1"));
    server.stop().ends_with(0);
    let public = place.serve(&["--set", "metrics.public=true"]);
    assert_eq!(public.get("/metrics").0, 200);
}

#[test]
fn executions_are_exported_beside_a_server_and_imported_elsewhere_and_once() {
    let (place, key) = seeded();
    let server = place.serve(&[]);
    place.run(&["export", "all.jsonl", "--data-dir", "data"]).ends_with(0).complains("exported");
    place.run(&["export", "all.jsonl", "--data-dir", "data"]).ends_with(2).complains("name a file that does not exist");
    let refused = place.run(&["import", "all.jsonl", "--data-dir", "data"]).ends_with(2);
    assert!(refused.err.contains("in use by another process"), "{refused:?}");
    let listed: Json = serde_json::from_str(&server.get_as(&key, "/api/executions?status=completed")).unwrap();
    let id = listed["executions"][0]["id"].as_str().unwrap().to_owned();
    let steps = |server: &super::support::Server, key: &str| -> Json {
        serde_json::from_str(&server.get_as(key, &format!("/api/executions/{id}"))).unwrap()
    };
    let before = steps(&server, &key);
    server.stop().ends_with(0);

    for (executions, known) in [(true, "0 were there already"), (false, "were there already")] {
        let said = place.run(&["import", "all.jsonl", "--data-dir", "other"]).ends_with(0);
        assert!(said.out.contains(known) && said.out.contains("0 executions") != executions, "{said:?}");
    }
    place.run(&["user", "add", "root", "--role", "admin", "--data-dir", "other"]).ends_with(0);
    let key = place.run(&["key", "create", "operator", "--user", "root", "--data-dir", "other"]).ends_with(0).out;
    let other =
        super::support::Place::serve_by(place.program(&["serve", "--listen", "127.0.0.1:0", "--data-dir", "other"]));
    let after = steps(&other, key.trim());
    assert_eq!((&after["status"], &after["steps"]), (&before["status"], &before["steps"]));
    assert_eq!(after["output_data"], before["output_data"]);
}

#[test]
fn lines_that_cannot_come_are_told_and_the_others_come() {
    let (place, _) = seeded();
    place.run(&["export", "all.jsonl", "--data-dir", "data"]).ends_with(0);
    let mut lines = std::fs::read_to_string(place.path().join("all.jsonl")).unwrap();
    lines.push_str("{\"execution\": 7}\n");
    place.write("broken.jsonl", &lines);
    let said = place.run(&["import", "broken.jsonl", "--data-dir", "other", "--format", "json"]).ends_with(1);
    let report: Json = serde_json::from_str(&said.out).unwrap();
    assert!(report["executions"].as_u64().unwrap() > 0, "{report}");
    let left_out = report["left_out"].as_array().unwrap();
    assert_eq!(left_out.len(), 1, "{report}");
    assert_eq!(left_out[0]["line"], lines.lines().count());
}

#[test]
fn a_changed_entry_of_the_audit_trail_shows() {
    let (place, _) = seeded();
    let verify = || place.run(&["audit", "verify", "--data-dir", "data"]);
    assert!(verify().ends_with(0).out.contains("the audit trail is intact"));
    let database = rusqlite::Connection::open(place.path().join("data/procession.db")).unwrap();
    let changed = database.execute_batch(
        "DROP TRIGGER audit_entries_never_change; UPDATE audit_entries SET actor = 'eve' WHERE number = 3;",
    );
    changed.unwrap();
    drop(database);
    assert!(verify().ends_with(1).out.contains("broken at entry 3"));
}
