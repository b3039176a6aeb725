//! Taking over the data of a Trinity platform by the real program: files made here as that engine makes them, with rows
//! among them that are broken in every way that its tables allow.

#![cfg(test)]

use std::path::{Path, PathBuf};

use procession_tests::{
    client::Client,
    server::{ServerOptions, procession},
};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

/// The tables of that engine, without the keys that would keep some broken rows out.
const PROCESSES: &str = "
CREATE TABLE process_definitions (
    id TEXT, name TEXT, version_major INTEGER, version_minor INTEGER DEFAULT 0, status TEXT, description TEXT,
    definition_json TEXT, created_by TEXT, created_at TEXT, updated_at TEXT, published_at TEXT)";
const EXECUTIONS: &str = "
CREATE TABLE process_executions (
    id TEXT, process_id TEXT, process_version TEXT, process_name TEXT, status TEXT, triggered_by TEXT DEFAULT 'manual',
    input_data TEXT DEFAULT '{}', output_data TEXT DEFAULT '{}', total_cost_amount INTEGER DEFAULT 0,
    total_cost_currency TEXT DEFAULT 'USD', started_at TEXT, completed_at TEXT, created_at TEXT, updated_at TEXT);
CREATE TABLE step_executions (
    execution_id TEXT, step_id TEXT, status TEXT, input_data TEXT DEFAULT '{}', output_data TEXT DEFAULT '{}',
    error_data TEXT DEFAULT '{}', cost_amount INTEGER DEFAULT 0, cost_currency TEXT DEFAULT 'USD', started_at TEXT,
    completed_at TEXT, retry_count INTEGER DEFAULT 0)";

const REPORT: &str = "00000000-0000-4000-8000-000000000001";
const PARENT: &str = "00000000-0000-4000-8000-000000000002";

/// An id of an execution.
fn run_id(number: u32) -> String {
    format!("10000000-0000-4000-8000-{number:012}")
}

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder };
        Connection::open(world.processes()).unwrap().execute_batch(PROCESSES).unwrap();
        Connection::open(world.executions()).unwrap().execute_batch(EXECUTIONS).unwrap();
        world
    }

    fn processes(&self) -> PathBuf {
        self.folder.path().join("processes.db")
    }

    fn executions(&self) -> PathBuf {
        self.folder.path().join("executions.db")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn insert(file: &Path, table: &str, cells: &Value) {
        let cells = cells.as_object().unwrap();
        let names: Vec<_> = cells.keys().map(String::as_str).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let texts = cells.values().map(|cell| match cell {
            Value::Null => rusqlite::types::Value::Null,
            Value::Number(number) => rusqlite::types::Value::Integer(number.as_i64().unwrap()),
            Value::String(text) => rusqlite::types::Value::Text(text.clone()),
            other => rusqlite::types::Value::Text(other.to_string()),
        });
        let insert = format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", "));
        Connection::open(file).unwrap().execute(&insert, rusqlite::params_from_iter(texts)).unwrap();
    }

    /// A version, with changes to its row.
    fn process(&self, id: &str, name: &str, steps: &Value, changes: &Value) {
        let mut row = json!({
            "id": id, "name": name, "version_major": 1, "version_minor": 0, "status": "published", "description": "",
            "definition_json": {"id": id, "name": name, "version": "1", "status": "published", "steps": steps, "outputs": [], "triggers": []},
            "created_by": "ann@example.com", "created_at": "2026-01-01T08:00:00+00:00",
            "updated_at": "2026-01-01T08:00:00+00:00", "published_at": "2026-01-01T09:00:00+00:00",
        });
        row.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Self::insert(&self.processes(), "process_definitions", &row);
    }

    /// An execution that completed on a day of January, with changes to its row.
    fn run(&self, number: u32, changes: &Value) {
        let day = number % 28 + 1;
        let mut row = json!({
            "id": run_id(number), "process_id": REPORT, "process_version": "1", "process_name": "report",
            "status": "completed", "triggered_by": "api", "input_data": {"topic": "ants"},
            "output_data": {"text": {"response": "done"}},
            "started_at": format!("2026-01-{day:02}T10:00:00.5+00:00"), "completed_at": format!("2026-01-{day:02}T10:01:40.5+00:00"),
            "created_at": format!("2026-01-{day:02}T10:00:01+00:00"), "updated_at": format!("2026-01-{day:02}T10:01:40+00:00"),
        });
        row.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Self::insert(&self.executions(), "process_executions", &row);
    }

    /// A step of it.
    fn step(&self, number: u32, step: &str, changes: &Value) {
        let day = number % 28 + 1;
        let mut row = json!({
            "execution_id": run_id(number), "step_id": step, "status": "completed",
            "output_data": {"response": "done", "agent": "analyst"},
            "started_at": format!("2026-01-{day:02}T10:00:10+00:00"), "completed_at": format!("2026-01-{day:02}T10:00:40+00:00"),
        });
        row.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Self::insert(&self.executions(), "step_executions", &row);
    }

    /// Runs the import; its exit code, and what it said.
    fn import(&self, more: &[&str]) -> (i32, String, String) {
        let mut command = procession().unwrap();
        command.args(["import", "trinity", "--processes"]).arg(self.processes());
        command.arg("--executions").arg(self.executions()).arg("--data-dir").arg(self.data()).args(more);
        let done = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
    }

    /// The same; its exit code, and its report.
    fn report(&self, more: &[&str]) -> (i32, Value) {
        let (code, out, err) = self.import(&[more, &["--format", "json"]].concat());
        (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
    }

    async fn client(&self) -> (procession_tests::server::Server, Client) {
        let options = ServerOptions::on(&self.data()).with("retention.executions", "0").with("retention.events", "0");
        let server = options.with("retention.outputs", "0").start().unwrap();
        let client = Client::log_in(server.url()).await.unwrap();
        (server, client)
    }
}

fn report_steps() -> Value {
    json!([
        {"id": "research", "name": "research", "type": "agent_task", "agent": "analyst", "message": "Find {{input.topic}}.",
         "timeout": "5m", "retry": {"max_attempts": 3, "initial_delay": "5s", "backoff_multiplier": 2.0},
         "on_error": {"action": "fail_process"}},
        {"id": "ask", "name": "Ask", "type": "human_approval", "title": "Good?", "description": null, "assignees": [],
         "timeout": "24h", "depends_on": ["research"]},
        {"id": "write", "name": "write", "type": "agent_task", "agent": "writer", "message": "Write.\nBe short.",
         "depends_on": ["ask"]},
    ])
}

/// A platform's data without anything wrong in it.
fn good() -> World {
    let world = World::new();
    world.process(REPORT, "report", &report_steps(), &json!({}));
    let again = json!({"version_major": 2, "status": "draft", "published_at": null});
    world.process("00000000-0000-4000-8000-000000000003", "report", &report_steps(), &again);
    let nested = json!([{"id": "sub", "type": "sub_process", "process_name": "report", "output_key": "result"}]);
    world.process(PARENT, "parent", &nested, &json!({"status": "archived"}));

    world.run(1, &json!({"total_cost_amount": 5}));
    let research = json!({"cost_amount": 3, "retry_count": 1, "error_data": {"message": "it was busy", "code": "AGENT_ERROR", "attempt": 1,
        "failed_at": "2026-01-02T10:00:20+00:00"},
        "output_data": {"response": "ants", "agent": "analyst", "token_usage": {"input_tokens": 100, "output_tokens": 20, "model": "m"}}});
    world.step(1, "research", &research);
    let asked = json!({"started_at": "2026-01-02T10:00:40+00:00", "completed_at": "2026-01-02T10:01:00+00:00",
        "output_data": {"approval_id": "20000000-0000-4000-8000-000000000001", "decision": "approved", "decided_by": "admin", "comment": "fine"}});
    world.step(1, "ask", &asked);
    world.step(1, "write", &json!({"cost_amount": 1, "started_at": "2026-01-02T10:01:00+00:00", "completed_at": "2026-01-02T10:01:30+00:00"}));

    world.run(2, &json!({"status": "failed", "output_data": {"error": "no luck"}}));
    world.step(2, "research", &json!({"status": "failed", "retry_count": 3, "output_data": {}, "error_data": {"message": "no luck", "code": "UNEXPECTED_ERROR"}}));
    world.step(2, "ask", &json!({"status": "pending", "output_data": {}, "started_at": null, "completed_at": null}));

    world.run(3, &json!({"status": "running", "completed_at": null}));
    world.step(3, "research", &json!({"status": "running", "output_data": {}, "completed_at": null}));

    world.run(4, &json!({"status": "cancelled", "output_data": {"cancelled_reason": "Cancelled by ann"}}));

    let parent = json!({"process_id": PARENT, "process_name": "parent", "started_at": "2026-01-06T09:00:00+00:00",
        "completed_at": "2026-01-06T11:00:00+00:00", "total_cost_amount": 7});
    world.run(5, &parent);
    let child = json!({"child_execution_id": run_id(6), "child_process_name": "report", "child_process_version": "1",
        "child_duration_seconds": 100, "child_cost": "$0.07", "result": {}});
    world.step(5, "sub", &json!({"output_data": child, "started_at": "2026-01-06T09:00:01+00:00", "completed_at": "2026-01-06T10:59:00+00:00"}));
    world.run(6, &json!({"triggered_by": "sub_process", "started_at": "2026-01-06T09:00:02+00:00", "completed_at": "2026-01-06T10:58:00+00:00", "total_cost_amount": 7}));
    world.step(6, "research", &json!({"cost_amount": 7, "started_at": "2026-01-06T09:00:03+00:00", "completed_at": "2026-01-06T10:50:00+00:00"}));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_and_executions_come_once_and_are_shown_by_the_api() {
    let world = good();
    let before = std::fs::read(world.executions()).unwrap();

    let (code, _, said) = world.import(&["--dry-run"]);
    assert!(code == 0 && said.contains("retention.executions"), "what would be removed again is told: {said}");
    let (code, rehearsed) = world.report(&["--dry-run"]);
    assert_eq!((code, &rehearsed["left_out"]), (0, &json!([])), "{rehearsed:#}");
    assert!(!world.data().exists(), "a rehearsal makes nothing");
    let (code, first) = world.report(&[]);
    assert_eq!(code, 0, "{first:#}");
    assert_eq!(first["processes"], json!({"imported": 3, "known": 0}));
    assert_eq!(first["executions"], json!({"imported": 6, "cancelled": 1, "known": 0}));
    assert_eq!(
        json!([rehearsed["processes"], rehearsed["executions"]]),
        json!([first["processes"], first["executions"]])
    );
    let (code, second) = world.report(&[]);
    assert_eq!(code, 0, "{second:#}");
    assert_eq!(second["processes"], json!({"imported": 0, "known": 3}));
    assert_eq!(second["executions"], json!({"imported": 0, "cancelled": 0, "known": 6}));
    assert_eq!(std::fs::read(world.executions()).unwrap(), before, "nothing changes there");

    let (_server, client) = world.client().await;
    let process = client.get(&format!("/api/processes/{REPORT}")).await.unwrap();
    assert_eq!(
        json!([process["name"], process["version"], process["status"], process["created_by"]]),
        json!(["report", "1", "published", "ann@example.com"])
    );
    assert!(
        process["yaml_content"].as_str().unwrap().contains("    message: |-\n      Write.\n      Be short.\n"),
        "{process:#}"
    );
    let listed = client.get("/api/executions?limit=100").await.unwrap();
    assert_eq!(listed["total"], 6, "{listed:#}");

    let detail = client.get(&format!("/api/executions/{}", run_id(1))).await.unwrap();
    assert_eq!(
        json!([detail["status"], detail["duration_seconds"], detail["triggered_by"]]),
        json!(["completed", 100, "api"])
    );
    assert_eq!(detail["started_at"], "2026-01-02T10:00:00.500000+00:00");
    assert_eq!(
        json!([detail["input_data"], detail["output_data"]]),
        json!([{"topic": "ants"}, {"text": {"response": "done"}}])
    );
    // The steps have cost four cents; what was cut off of them stands in the sum. What the failed attempt cost, nobody knows.
    assert_eq!(detail["exact_cost"], json!({"amount": "0.05", "currency": "USD", "complete": false}));
    let steps = detail["steps"].as_array().unwrap();
    let shown: Vec<_> =
        steps.iter().map(|step| json!([step["step_id"], step["status"], step["retry_count"]])).collect();
    assert_eq!(json!(shown), json!([["research", "completed", 1], ["ask", "completed", 0], ["write", "completed", 0]]));
    let output = client.get(&format!("/api/executions/{}/steps/research/output", run_id(1))).await.unwrap();
    assert_eq!(output["output"]["response"], "ants");
    let approval = client.get("/api/approvals/20000000-0000-4000-8000-000000000001").await.unwrap();
    assert_eq!(
        json!([approval["status"], approval["decided_by"], approval["decision_comment"]]),
        json!(["approved", "admin", "fine"])
    );
    let kinds: Vec<_> =
        client.events(&run_id(1)).await.unwrap().iter().map(|event| event["event_type"].clone()).collect();
    for kind in ["ProcessStarted", "StepRetrying", "ApprovalRequested", "ApprovalDecided", "ProcessCompleted"] {
        assert!(kinds.contains(&json!(kind)), "{kind}: {kinds:?}");
    }

    let failed = client.get(&format!("/api/executions/{}", run_id(2))).await.unwrap();
    assert_eq!(
        json!([failed["status"], failed["steps"][0]["error"]["code"], failed["steps"][1]["status"]]),
        json!(["failed", "AGENT_ERROR", "skipped"]),
        "{failed:#}"
    );
    assert_eq!(failed["steps"][0]["error"]["message"], "UNEXPECTED_ERROR: no luck");
    let live = client.get(&format!("/api/executions/{}", run_id(3))).await.unwrap();
    assert_eq!(live["status"], "cancelled");
    assert!(live.to_string().contains("it was running in Trinity when it was imported"), "{live:#}");
    let child = client.get(&format!("/api/executions/{}", run_id(6))).await.unwrap();
    assert_eq!(json!([child["parent_execution_id"], child["parent_step_id"]]), json!([run_id(5), "sub"]));
    let parent = client.get(&format!("/api/executions/{}", run_id(5))).await.unwrap();
    assert_eq!(json!([parent["child_execution_ids"], parent["total_cost"]]), json!([[run_id(6)], "$0.07"]));

    // What was imported can be repeated, and is exported as anything else.
    let retried = client.post(&format!("/api/executions/{}/retry", run_id(2)), &json!({})).await.unwrap();
    assert_eq!(retried["retry_of"], run_id(2));
    let exported = client.get(&format!("/api/executions/{}/export", run_id(1))).await.unwrap();
    assert_eq!(exported["execution"]["id"], run_id(1), "{exported:#}");
}

#[test]
fn broken_rows_are_left_out_with_their_reasons_and_the_others_come() {
    let world = good();
    let id = |number: u32| format!("30000000-0000-4000-8000-{number:012}");
    let steps = json!([{"id": "a", "type": "agent_task", "agent": "x", "message": "m"}]);
    let bad_steps = json!([{"id": "a", "type": "agent_task", "agent": "x", "message": "m", "depends_on": ["b"]}]);
    for (number, changes, steps) in [
        (1, json!({"definition_json": "{\"steps\": ["}), &steps),
        (2, json!({"status": "live"}), &steps),
        (3, json!({}), &bad_steps),
        (4, json!({"created_at": "yesterday"}), &steps),
        (5, json!({"id": null}), &steps),
        (6, json!({"id": "seven"}), &steps),
        (7, json!({"id": REPORT}), &steps),
        (8, json!({"name": "report"}), &steps),
        (9, json!({"definition_json": null}), &steps),
    ] {
        world.process(&id(number), &format!("broken-{number}"), steps, &changes);
    }
    for (number, changes) in [
        (101, json!({"status": "frozen"})),
        (102, json!({"input_data": "{"})),
        (103, json!({"started_at": "soon", "created_at": null, "completed_at": null, "updated_at": null})),
        (104, json!({"id": null})),
        (105, json!({"id": "five"})),
        (106, json!({"id": run_id(1)})),
        (107, json!({"process_id": id(99), "process_name": "gone"})),
        (108, json!({"process_id": id(3), "process_name": "broken-3"})),
        (109, json!({"status": null})),
    ] {
        world.run(number, &changes);
    }
    // These come, as far as they can be read.
    world.run(201, &json!({"process_id": id(98)}));
    world.run(202, &json!({"completed_at": "2020-01-01T00:00:00+00:00"}));
    world.run(203, &json!({"started_at": null}));
    world.run(204, &json!({}));
    world.step(204, "research", &json!({"output_data": "{", "started_at": "2026-01-09T10:00:00+00:00"}));
    world.step(204, "nowhere", &json!({}));
    world.step(204, "ask", &json!({"status": "odd"}));
    world.step(204, "write", &json!({"started_at": "late", "completed_at": null}));
    world.step(999, "write", &json!({}));

    let (code, report) = world.report(&[]);
    assert_eq!(code, 1, "{report:#}");
    assert_eq!(
        json!([report["processes"]["imported"], report["executions"]["imported"]]),
        json!([3, 10]),
        "{report:#}"
    );
    let left_out: Vec<String> = report["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| format!("{}: {}", left["what"].as_str().unwrap(), left["why"].as_str().unwrap()))
        .collect();
    for expected in [
        "process broken-1 1: `definition_json` holds no JSON",
        "process broken-2 1: its status is `live`",
        "process broken-3 1: its text has errors",
        "process broken-4 1: `created_at` holds no time: `yesterday`",
        "process broken-5 1: it has no id",
        "process broken-6 1: its id is no UUID",
        "process broken-7 1: there is another row of its id",
        "process report 1: there is another row of its name and version",
        "process broken-9 1: it holds no definition",
        &format!("execution {}: its status is `frozen`", run_id(101)),
        &format!("execution {}: `input_data` holds no JSON", run_id(102)),
        &format!("execution {}: `started_at` holds no time: `soon`", run_id(103)),
        "execution without an id: it has no id",
        "execution five: its id is no UUID",
        &format!("execution {}: there is another row of its id", run_id(1)),
        &format!("execution {}: its process is not in the file of processes", run_id(107)),
        &format!("execution {}: its process did not come", run_id(108)),
        &format!("execution {}: it has no status", run_id(109)),
        &format!("step `research` of execution {}: `output_data` holds no JSON", run_id(204)),
        &format!("step `nowhere` of execution {}: its process has no step of this id", run_id(204)),
        &format!("step `ask` of execution {}: its status is `odd`", run_id(204)),
        &format!("step `write` of execution {}: `started_at` holds no time: `late`", run_id(204)),
    ] {
        assert!(left_out.iter().any(|said| said.starts_with(expected)), "{expected}\n{left_out:#?}");
    }
    assert_eq!(left_out.len(), 22, "{left_out:#?}");
    let of_text =
        report["left_out"].as_array().unwrap().iter().find(|left| left["what"] == "process broken-3 1").unwrap();
    assert_eq!(of_text["diagnostics"][0]["path"], "steps[0].depends_on[0]", "{of_text:#}");

    let (code, out, err) = world.import(&[]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(!err.contains("retention"), "nothing came that could go: {err}");
    assert!(
        out.contains("0 processes and 0 executions imported\n3 processes and 10 executions here already\n"),
        "{out}"
    );
    assert!(out.contains("  steps[0].depends_on[0]: "), "{out}");
}

#[test]
fn the_documented_form_of_the_tables_is_read_too() {
    let world = World::new();
    let processes = Connection::open(world.processes()).unwrap();
    let yaml = "# kept\nname: report\nversion: \"1.0\"\nsteps:\n  - {id: a, type: human_approval, title: Good?}\n";
    processes
        .execute_batch(
            "DROP TABLE process_definitions;
             CREATE TABLE process_definitions (
                 id TEXT PRIMARY KEY, name TEXT, description TEXT, version TEXT, status TEXT, yaml_content TEXT,
                 steps_json TEXT, created_by TEXT, created_at TEXT, updated_at TEXT, published_at TEXT)",
        )
        .unwrap();
    processes
        .execute(
            "INSERT INTO process_definitions (id, name, version, status, yaml_content, created_at, updated_at)
             VALUES (?1, 'report', '1.0', 'published', ?2, '2026-01-01T00:00:00', '2026-01-01T00:00:00')",
            params![REPORT, yaml],
        )
        .unwrap();
    let executions = Connection::open(world.executions()).unwrap();
    executions.pragma_update(None, "journal_mode", "wal").unwrap();
    executions
        .execute_batch(
            "DROP TABLE process_executions; DROP TABLE step_executions;
             CREATE TABLE process_executions (
                 id TEXT PRIMARY KEY, process_id TEXT, process_name TEXT, process_version TEXT, status TEXT, input_data TEXT,
                 output_data TEXT, step_executions TEXT, triggered_by TEXT, started_at TEXT, completed_at TEXT,
                 total_cost TEXT, retry_of TEXT, parent_execution_id TEXT, parent_step_id TEXT, child_execution_ids TEXT);
             CREATE TABLE approval_requests (
                 id TEXT PRIMARY KEY, execution_id TEXT, step_id TEXT, title TEXT, description TEXT, assignees TEXT,
                 status TEXT, deadline TEXT, created_at TEXT, decided_at TEXT, decided_by TEXT, decision_comment TEXT)",
        )
        .unwrap();
    let steps = json!({"a": {"step_id": "a", "status": "completed", "output": {"decision": "approved"},
        "started_at": "2026-01-02T10:00:00", "completed_at": "2026-01-02T11:00:00"}});
    executions
        .execute(
            "INSERT INTO process_executions VALUES (?1, ?2, 'report', '1', 'completed', '{}', '{}', ?3, 'retry',
                 '2026-01-02T10:00:00', '2026-01-02T11:00:00', '$0.00', ?4, NULL, NULL, '[]')",
            params![run_id(1), REPORT, steps.to_string(), run_id(2)],
        )
        .unwrap();
    executions
        .execute(
            "INSERT INTO approval_requests VALUES ('20000000-0000-4000-8000-000000000002', ?1, 'a', 'Good?', 'Look',
                 '[\"ann\", \"bob\"]', 'approved', '2026-01-03T10:00:00', '2026-01-02T10:00:00', '2026-01-02T10:59:00',
                 'bob', 'well done')",
            params![run_id(1)],
        )
        .unwrap();
    // The program reads beside a writer that has the file open.
    let (code, report) = world.report(&[]);
    assert_eq!((code, &report["executions"]["imported"]), (0, &json!(1)), "{report:#}");

    let exported = world.folder.path().join("all.jsonl");
    let mut export = procession().unwrap();
    assert!(export.arg("export").arg(&exported).arg("--data-dir").arg(world.data()).status().unwrap().success());
    let lines = std::fs::read_to_string(exported).unwrap();
    for expected in ["# kept", "well done", &run_id(2), "\"assignees\":[\"ann\",\"bob\"]"] {
        assert!(lines.contains(expected), "{expected}: {lines}");
    }
}

#[test]
fn files_that_are_not_that_engines_are_refused() {
    let world = World::new();
    let refused = |processes: &Path| {
        let mut command = procession().unwrap();
        command.args(["import", "trinity", "--processes"]).arg(processes).arg("--data-dir").arg(world.data());
        let done = command.output().unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let (code, said) = refused(&world.executions());
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("no table `process_definitions`"), "{said}");
    let text = world.folder.path().join("text");
    std::fs::write(&text, "a text, and no database, which has a header of a hundred bytes".repeat(20)).unwrap();
    let (code, said) = refused(&text);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("is no SQLite database"), "{said}");
    let (code, said) = refused(&world.folder.path().join("none.db"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("can't be read"), "{said}");
}

#[test]
fn an_id_that_another_execution_has_here_is_replaced_by_the_same_one_each_time() {
    let (mine, theirs) = (good(), World::new());
    assert_eq!(mine.report(&[]).0, 0);
    // Another platform has used the same id for something else.
    let other = "00000000-0000-4000-8000-000000000009";
    theirs.process(
        other,
        "other",
        &json!([{"id": "a", "type": "agent_task", "agent": "x", "message": "m"}]),
        &json!({}),
    );
    theirs.run(1, &json!({"process_id": other, "process_name": "other"}));
    let import = || {
        let mut command = procession().unwrap();
        command.args(["import", "trinity", "--format", "json", "--processes"]).arg(theirs.processes());
        command.arg("--executions").arg(theirs.executions()).arg("--data-dir").arg(mine.data());
        serde_json::from_slice::<Value>(&command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(import()["executions"], json!({"imported": 1, "cancelled": 0, "known": 0}));
    assert_eq!(import()["executions"], json!({"imported": 0, "cancelled": 0, "known": 1}));
}
