//! Files that no author should write: `validate`, `run` and the API refuse each with a clear error, and keep nothing.

use std::process::Output;

use procession_tests::{
    client::Client,
    server::{ServerOptions, procession},
};
use reqwest::{Method, StatusCode};
use serde_json::json;

/// What the file is, and the file.
fn hostile_files() -> Vec<(&'static str, String)> {
    let step = "steps: [{id: a, type: timer, duration: 1s}]";
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let alias = |n: u32| format!("x{n}: &x{n} [{}]\n", vec![format!("*x{}", n - 1); 9].join(", "));
    let bomb = (1..12).map(alias).collect::<Vec<_>>().concat();
    let long_expression = format!("a{}", " + a".repeat(2_600));
    vec![
        ("nothing", String::new()),
        ("no mapping", "- a\n- b\n".to_owned()),
        ("no YAML", "name: [a\nsteps: }".to_owned()),
        ("a key twice", format!("name: a\nname: b\n{step}")),
        ("deep YAML", format!("name: deep\ndescription: {}\n{step}", nested(5_000))),
        ("an alias bomb", format!("name: bomb\nx0: &x0 lol\n{bomb}{step}")),
        ("too many bytes", format!("name: big\ndescription: {}\n{step}", "x".repeat(1024 * 1024))),
        (
            "a long expression",
            format!("name: long\nsteps:\n  - {{id: a, type: timer, duration: \"{{{{ {long_expression} }}}}\"}}"),
        ),
        (
            "deep brackets",
            format!("name: n\nsteps:\n  - {{id: a, type: timer, duration: \"{{{{ {} }}}}\"}}", "(".repeat(3_000)),
        ),
        ("wrong types", "name: 5.5\nversion: [1]\nsteps: {a: b}\n".to_owned()),
        ("a cycle", "name: c\nsteps:\n  - {id: a, type: timer, duration: 1s, depends_on: [a]}\n".to_owned()),
        ("control characters", "name: \"a\\0b\"\nsteps: [{id: a, type: timer, duration: 1s}]".to_owned()),
    ]
}

#[test]
fn validate_and_run_refuse_hostile_files_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hostile.yaml");
    let data = folder.path().join("data");
    for (what, text) in hostile_files() {
        std::fs::write(&file, text).unwrap();
        let validated = procession().unwrap().arg("validate").arg(&file).output().unwrap();
        let ran = procession().unwrap().arg("run").arg(&file).arg("--data-dir").arg(&data).output().unwrap();
        for (command, output) in [("validate", validated), ("run", ran)] {
            let said = said(&output);
            assert_eq!(output.status.code(), Some(1), "{command}, {what}: {said}");
            assert!(said.contains("error"), "{command}, {what}: {said}");
            assert!(!said.contains("panicked"), "{command}, {what}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_refuses_hostile_files_and_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerOptions::on(folder.path()).start().unwrap();
    let client = Client::log_in(server.url()).await.unwrap();
    for (what, text) in hostile_files() {
        let body = json!({"yaml_content": text});
        let (status, answer) = client.send(Method::POST, "/api/processes", Some(&body)).await.unwrap();
        let expected =
            if what == "too many bytes" { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::UNPROCESSABLE_ENTITY };
        assert_eq!(status, expected, "{what}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{what}: {answer}");
    }
    let kept = client.get("/api/processes").await.unwrap();
    assert_eq!(kept["processes"], json!([]));
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
