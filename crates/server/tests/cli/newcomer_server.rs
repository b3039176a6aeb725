//! What newcomers have met around a server and its data, each kind by the name of what is right.

use std::{
    fs::{self, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, prlimit};

use super::support::{Place, Server};

/// A place whose data folder has an administrator with a key.
fn place() -> (Place, String) {
    let place = Place::new();
    place.run(&["user", "add", "ann", "--role", "admin", "--data-dir", "data"]).ends_with(0);
    let key = place.run(&["key", "create", "test", "--user", "ann", "--data-dir", "data"]).ends_with(0);
    (place, key.out.trim().to_owned())
}

/// Publishes a process and starts it: the execution's id.
fn started(server: &Server, key: &str, yaml: &str) -> String {
    let body = serde_json::json!({"yaml_content": yaml}).to_string();
    let created = server.post_as(key, "/api/processes", &body);
    let id = created["id"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
    server.post_as(key, &format!("/api/processes/{id}/publish"), "{}");
    let started = server.post_as(key, &format!("/api/processes/{id}/execute"), r#"{"input_data": {}}"#);
    started["id"].as_str().unwrap_or_else(|| panic!("{started}")).to_owned()
}

#[test]
fn n11_the_first_page_is_for_people() {
    let server = Place::new().serve(&[]);
    let (status, page) = server.get("/");
    assert_eq!(status, 200);
    for part in ["<title>Procession</title>", "<div id=\"app\">"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert_eq!(server.get("/nowhere.txt").0, 404);
    for link in page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        let (status, _) = server.get(link);
        assert!(matches!(status, 200 | 303 | 307 | 308), "{link}: {status}");
    }
}

#[test]
fn n16_a_damaged_database_is_told_with_what_to_do() {
    let (place, _) = place();
    let path = place.path().join("data/procession.db");
    let check = || place.run(&["db", "check", "--data-dir", "data"]);
    check().ends_with(0);
    let size = fs::metadata(&path).unwrap().size();
    for from in [0, 100, size / 3] {
        let whole = fs::read(&path).unwrap();
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        file.seek(SeekFrom::Start(from)).unwrap();
        file.write_all(&vec![0xa5; 20_000]).unwrap();
        drop(file);
        let said = check().ends_with(1).complains("db restore FILE --replace").complains(".recover");
        assert!(!said.err.contains("(code: ") || said.err.contains("is damaged"), "{said:?}");
        fs::write(&path, whole).unwrap();
    }
    check().ends_with(0);
}

#[test]
fn n16_a_schema_that_others_have_changed_is_a_problem() {
    let (place, _) = place();
    let path = place.path().join("data/procession.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch("DROP INDEX process_executions_owned; CREATE TABLE mine (a)").unwrap();
    let said = place.run(&["db", "check", "--data-dir", "data"]).ends_with(1).complains("db restore");
    assert!(said.out.contains("the index process_executions_owned is missing"), "{said:?}");
    assert!(said.out.contains("the table mine is not procession's"), "{said:?}");
    database.execute_batch("UPDATE _sqlx_migrations SET checksum = x'00'").unwrap();
    let said = place.run(&["db", "check", "--data-dir", "data"]).ends_with(1);
    assert!(said.out.contains("migration 1 is not the one that this program knows"), "{said:?}");
    place.run(&["user", "list", "--data-dir", "data"]).ends_with(2).complains("restore");
}

#[test]
fn n16_a_new_folder_gets_its_database_from_the_first_user() {
    let place = Place::new();
    let said = place.run(&["user", "add", "ann", "--role", "admin", "--data-dir", "new"]).ends_with(0);
    said.complains("made the database new/procession.db");
    let listed = place.run(&["user", "list", "--data-dir", "new"]).ends_with(0);
    assert!(listed.out.contains("ann"), "{listed:?}");
    // What only reads makes nothing.
    place.run(&["user", "list", "--data-dir", "other"]).ends_with(2).complains("there is no database");
    assert!(!place.path().join("other").exists());
}

#[test]
fn a_backup_takes_large_values_too_and_both_are_restored() {
    let place = Place::new();
    place.write("agents.yaml", "agents: {echo: {kind: echo}}\n");
    place.write(
        "large.yaml",
        "name: large\ninput: {text: {type: string}}\nsteps: [{id: a, type: agent_task, agent: echo, message: '{{input.text}}'}]\noutputs: {text: '{{steps.a.output.response}}'}\n",
    );
    let text = "a long story ".repeat(20_000);
    place.write("input.json", &serde_json::json!({"text": text}).to_string());
    let run = ["run", "large.yaml", "--input-file", "input.json", "--data-dir", "data", "--format", "json"];
    let done = place.run(&run).ends_with(0).json();
    let id = done["execution_id"].as_str().unwrap();
    let result = || {
        let said = place.run(&["run", "--resume", id, "--data-dir", "data", "--format", "json"]);
        said.ends_with(0).json()["outputs"]["text"].as_str().map(str::len)
    };
    let expected = text.trim_end().len();
    assert!(result().is_some_and(|length| length >= expected));

    let db = |arguments: &[&str]| place.run(&[&["db", "--data-dir", "data"], arguments].concat());
    db(&["backup", "copies/monday.db"]).ends_with(0).complains("copies/monday.db.blobs");
    db(&["restore", "copies/monday.db"]).ends_with(2).complains("--replace");
    fs::remove_dir_all(place.path().join("data")).unwrap();
    db(&["restore", "copies/monday.db"]).ends_with(0);
    assert!(result().is_some_and(|length| length >= expected));

    // What is there already is put aside, whole.
    let said = db(&["restore", "copies/monday.db", "--replace"]).ends_with(0);
    let aside = said.out.split("before is in ").nth(1).unwrap().trim();
    assert!(place.path().join(aside).join("procession.db").is_file(), "{said:?}");
    assert!(place.path().join(aside).join("blobs").is_dir(), "{said:?}");
    db(&["check"]).ends_with(0);

    // A copy that is damaged changes nothing.
    place.write("copies/bad.db", "no database at all, but long enough to be looked at by whoever reads it");
    db(&["restore", "copies/bad.db", "--replace"]);
    assert!(result().is_some_and(|length| length >= expected));
    db(&["restore", "copies/none.db"]).ends_with(2).complains("there is no backup");
}

#[test]
fn large_values_that_are_missing_or_damaged_are_named() {
    let place = Place::new();
    place.write("agents.yaml", "agents: {echo: {kind: echo}}\n");
    place.write(
        "large.yaml",
        "name: large\ninput: {text: {type: string}}\nsteps: [{id: a, type: agent_task, agent: echo, message: '{{input.text}}'}]\n",
    );
    place.write("input.json", &serde_json::json!({"text": "a long story ".repeat(20_000)}).to_string());
    place.run(&["run", "large.yaml", "--input-file", "input.json", "--data-dir", "data"]).ends_with(0);
    let db = |arguments: &[&str]| place.run(&[&["db", "--data-dir", "data"], arguments].concat());
    db(&["check"]).ends_with(0);
    db(&["backup", "sound.db"]).ends_with(0).complains("keep both together");
    let backup = format!("database.url=sqlite://{}", place.path().join("sound.db").display());
    place.run(&["db", "check", "--data-dir", "elsewhere", "--set", &backup]).ends_with(0);

    let file = some_file(&place.path().join("data/blobs"));
    fs::write(&file, "something else").unwrap();
    let said = db(&["check"]).ends_with(1).complains("db restore FILE --replace");
    assert!(
        said.out.contains(&format!("{} is damaged", file.strip_prefix(place.path()).unwrap().display())),
        "{said:?}"
    );
    fs::remove_file(&file).unwrap();
    assert!(db(&["check"]).ends_with(1).out.contains("is missing"));
    db(&["backup", "lacking.db"]).ends_with(0).complains("the backup lacks 1 large value");

    fs::remove_dir_all(place.path().join("sound.db.blobs")).unwrap();
    let restore = ["db", "restore", "sound.db", "--data-dir", "new"];
    let said = place.run(&restore).ends_with(1).complains("sound.db.blobs belongs to the backup");
    assert!(said.out.contains("is missing"), "{said:?}");
    assert!(!place.path().join("new").exists(), "nothing was changed");
    let all_the_same = [restore.as_slice(), &["--incomplete"]].concat();
    place.run(&all_the_same).ends_with(0).complains("is missing");
}

/// A file somewhere below a folder.
fn some_file(folder: &std::path::Path) -> std::path::PathBuf {
    let mut path = folder.to_owned();
    while path.is_dir() {
        let mut entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        path = entries.find(|path| !path.ends_with(".unfinished")).unwrap();
    }
    path
}

#[test]
fn a_restore_is_refused_while_a_server_has_the_database() {
    let (place, _) = place();
    place.run(&["db", "backup", "copy.db", "--data-dir", "data"]).ends_with(0);
    let server = place.serve(&[]);
    let restore = ["db", "restore", "copy.db", "--replace", "--data-dir", "data"];
    place.run(&restore).ends_with(2).complains("in use by another process");
    assert_eq!(server.get("/readyz").0, 200);
    server.stop().ends_with(0);
}

#[test]
fn n17_a_stopped_agent_is_listed_with_the_reason() {
    let place = Place::new();
    place.write(
        "agents.yaml",
        "agents:\n  tool: {kind: command, command: [cat]}\n  model: {kind: openai, base_url: 'https://models.example/v1', model: m, api_key: '${ENV:NOT_SET_HERE}'}\n",
    );
    let list = |more: &[&str]| place.run(&[&["agents", "list", "--agents", "agents.yaml"], more].concat()).ends_with(0);
    let line = |out: &str, name: &str| out.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let listed = list(&[]).out;
    assert!(line(&listed, "tool").contains("stopped") && line(&listed, "tool").contains("allow_commands"), "{listed}");
    assert!(line(&listed, "model").contains("stopped") && line(&listed, "model").contains("NOT_SET_HERE"), "{listed}");
    place.write("agents.yaml", "agents: {tool: {kind: command, command: [./none.sh]}}\n");
    let listed = list(&["--set", "agents.allow_commands=true"]).out;
    assert!(line(&listed, "tool").contains("stopped") && line(&listed, "tool").contains("none.sh"), "{listed}");
}

#[test]
fn a_server_logs_starts_ends_failures_and_decisions_without_what_was_said() {
    let (place, key) = place();
    place.write(
        "data/agents.yaml",
        "agents:\n  echo: {kind: echo}\n  broken: {kind: script, replies: [{reply: never, fail: {code: AGENT_ERROR}}]}\n",
    );
    let server = place.serve(&[]);
    let good = "name: good\nsteps:\n  - {id: a, type: agent_task, agent: echo, message: hush-hush}\n  - {id: ask, type: human_approval, depends_on: a, title: hush-hush}\n";
    let bad = "name: bad\nsteps: [{id: a, type: agent_task, agent: broken, message: hush-hush, retry: {max_attempts: 2, initial_delay: 1ms, retry_on: [AGENT_ERROR]}}]\n";
    let id = started(&server, &key, good);
    let failed = started(&server, &key, bad);
    eventually("an approval", || server.get_as(&key, "/api/approvals").contains("pending"));
    let listed: serde_json::Value = serde_json::from_str(&server.get_as(&key, "/api/approvals")).unwrap();
    let asked = listed[0]["id"].as_str().unwrap_or_else(|| panic!("{listed}"));
    let path = format!("/api/approvals/{asked}/approve");
    server.post_as(&key, &path, r#"{"comment": "hush-hush"}"#);
    let ended = |id: &str| server.get_as(&key, &format!("/api/executions/{id}"));
    eventually("the ends", || ended(&id).contains("completed") && ended(&failed).contains("\"failed\""));
    let said = server.stop().ends_with(0);
    let lines = |text: &str, id: &str| said.err.lines().filter(|line| line.contains(text) && line.contains(id)).count();
    for (text, id) in [
        ("execution started", &id),
        ("execution completed", &id),
        ("decided", &id),
        ("execution started", &failed),
        ("attempt failed; another one follows", &failed),
        ("step failed", &failed),
        ("execution failed", &failed),
    ] {
        assert_eq!(lines(text, id), 1, "{text} {id}: {said:?}");
    }
    assert!(said.err.contains("decision=\"approved\"") && said.err.contains("by=\"ann\""), "{said:?}");
    assert!(!said.err.contains("hush"), "{said:?}");
}

#[test]
fn a_disk_that_takes_nothing_is_one_clear_line_and_the_server_is_not_ready_meanwhile() {
    let place = Place::new();
    // As a full disk does, a limit on the size of files makes each write fail.
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#, env!("CARGO_BIN_EXE_procession")]);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
    place.settle(&mut command);
    let server = Place::serve_by(command);
    assert_eq!(server.get("/readyz").0, 200);
    let limit = |current| {
        let maximum = rustix::process::getrlimit(Resource::Fsize).maximum;
        prlimit(Some(server.pid()), Resource::Fsize, Rlimit { current, maximum }).unwrap();
    };
    limit(Some(0));
    eventually("not being ready", || server.get("/readyz").0 == 503);
    assert_eq!(server.get("/healthz").0, 200);
    // As long as it takes for several tries.
    sleep(Duration::from_secs(6));
    assert_eq!(server.get("/readyz").0, 503);
    limit(None);
    eventually("being ready again", || server.get("/readyz").0 == 200);
    let said = server.stop().ends_with(0);
    let errors: Vec<&str> = said.err.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{said:?}");
    assert!(errors[0].contains("the disk of the database can't be used"), "{errors:?}");
    assert!(said.err.contains("can be written again"), "{said:?}");
}

/// Waits until something is so.
#[track_caller]
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        sleep(Duration::from_millis(20));
    }
}
