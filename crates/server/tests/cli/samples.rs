//! The sample processes: valid without a warning, and each runs to its end.

use super::support::Place;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");

/// The path of a sample.
fn sample(name: &str) -> String {
    format!("{SAMPLES}/{name}.yaml")
}

/// Every sample but the file of agents.
fn all() -> Vec<String> {
    let files = std::fs::read_dir(SAMPLES).unwrap().map(|entry| entry.unwrap().path().display().to_string());
    files.filter(|path| !path.ends_with("/agents.yaml")).collect()
}

#[test]
fn samples_are_valid_without_a_warning_but_of_what_is_not_available_yet() {
    let files = all();
    assert!(files.len() >= 5);
    let agents = sample("agents");
    let mut arguments = vec!["validate", "--format", "json", "--agents", &agents];
    arguments.extend(files.iter().map(String::as_str));
    let said = Place::new().run(&arguments).ends_with(0).json();
    let found = said["files"].as_array().unwrap().iter().flat_map(|file| file["diagnostics"].as_array().unwrap());
    let odd: Vec<_> = found.filter(|found| found["code"] != "not_yet_available").collect();
    assert!(odd.is_empty(), "{odd:#?}");
}

/// Runs a sample to its end: its outputs.
fn outputs(name: &str, arguments: &[&str]) -> serde_json::Value {
    let (file, agents) = (sample(name), sample("agents"));
    let said = Place::new().run(&[&["run", &file, "--agents", &agents, "--format", "json"], arguments].concat());
    let result = said.ends_with(0).json();
    assert_eq!(result["status"], "completed");
    assert_eq!(result["warnings"], serde_json::json!([]));
    result["outputs"].clone()
}

#[test]
fn a_chain_hands_its_outputs_on() {
    let outputs = outputs("research-and-write", &["--input", "topic=tea"]);
    assert!(outputs["text"].is_string() && outputs["score"].is_number(), "{outputs}");
}

#[test]
fn branches_are_joined_and_a_failure_is_tried_again() {
    let outputs = outputs("market-analysis", &[]);
    assert_eq!(outputs["ratings"], serde_json::json!([5, 4, 3]));
}

#[test]
fn a_gateway_has_a_text_revised_or_not() {
    let revised = outputs("article-with-revision", &[]);
    assert_eq!(revised["score"], 91);
    let at_once = outputs("article-with-revision", &["--input", "good_enough=50"]);
    assert_eq!(at_once["score"], 64);
}

#[test]
fn a_person_asks_for_changes_and_approves() {
    let decisions = ["--decide", "approval=changes:Add a date", "--decide", "approval=approve:Good"];
    let outputs = outputs("contract-approval", &decisions);
    assert!(outputs["contract"].as_str().unwrap().contains("[revised]"), "{outputs}");
    assert!(outputs["signature"].as_str().unwrap().contains("ada"), "{outputs}");
}

#[test]
fn a_report_gathers_what_sub_processes_bring() {
    let collect = sample("collect-figures");
    let outputs = outputs("nightly-report", &[&collect]);
    assert!(outputs["report"].as_str().unwrap().contains("Revenue 96400"), "{outputs}");
}
