//! `validate` for continuous integration, and `validate --watch`.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use super::{support::Place, validate::GOOD};

const BAD: &str = "\
name: bad
version: 1
steps: 5
";

#[test]
fn github_shows_each_problem_beside_its_line() {
    let place = Place::new();
    place.write("a folder/bad.yaml", BAD);
    place.write("good.yaml", GOOD);
    let said = place.run(&["validate", "a folder/bad.yaml", "good.yaml", "--format", "github"]).ends_with(1);
    let first = said.out.lines().next().unwrap();
    assert!(first.starts_with("::error file=a folder/bad.yaml,line=3,endLine=3,col=8,endColumn=9,title="), "{said:?}");
    assert!(said.out.lines().all(|line| line.starts_with("::error ") || line.starts_with("::warning ")), "{said:?}");
    place.run(&["validate", "good.yaml", "--format", "github"]).ends_with(0).says_nothing();
}

#[test]
fn sarif_names_rules_places_and_levels() {
    let place = Place::new();
    place.write("a folder/bad.yaml", BAD);
    let report = place.run(&["validate", "a folder/bad.yaml", "--format", "sarif"]).ends_with(1).json();
    assert_eq!(report["version"], "2.1.0");
    let run = &report["runs"][0];
    let result = &run["results"][0];
    let place_of = &result["locations"][0]["physicalLocation"];
    assert_eq!(place_of["artifactLocation"]["uri"], "a%20folder/bad.yaml");
    assert_eq!((&place_of["region"]["startLine"], &place_of["region"]["startColumn"]), (&3.into(), &8.into()));
    assert_eq!(result["level"], "error");
    let rules: Vec<_> = run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    assert!(rules.contains(&&result["ruleId"]), "{report}");
    place.write("good.yaml", GOOD);
    let report = place.run(&["validate", "good.yaml", "--format", "sarif"]).ends_with(0).json();
    assert_eq!(report["runs"][0]["results"], serde_json::json!([]));
}

#[cfg(unix)]
#[test]
fn a_watched_file_is_checked_again_when_it_changes_until_it_is_stopped() {
    let place = Place::new();
    place.write("it.yaml", GOOD);
    let mut command = place.program(&["validate", "it.yaml", "--watch"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut summary = || loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "it ended");
        if line.starts_with("1 file: ") {
            return line;
        }
    };
    assert_eq!(summary(), "1 file: no problems\n");
    place.write("it.yaml", BAD);
    assert!(summary().contains("error"));
    place.write("it.yaml", GOOD);
    assert_eq!(summary(), "1 file: no problems\n");
    rustix::process::kill_process(rustix::process::Pid::from_child(&process), rustix::process::Signal::INT).unwrap();
    assert_eq!(process.wait().unwrap().code(), Some(130));
}

#[test]
fn standard_input_can_not_be_watched() {
    Place::new().run(&["validate", "-", "--watch"]).ends_with(2).complains("--watch needs files");
}
