//! What belongs to operations beside shell: the unit of systemd, the container, and the tables of roles and limits.

use std::{fs, process::Command};

use procession_application::{
    access::{Permission, Reach},
    ports::Role,
};
use procession_tests::server::procession;

use crate::page::{Page, root};

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The values of a setting of the unit.
fn settings<'u>(unit: &'u str, name: &str) -> Vec<&'u str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[test]
fn the_unit_starts_the_program_with_settings_that_it_knows() {
    let unit = read("docs/operations/procession.service");
    let [start] = settings(&unit, "ExecStart")[..] else { panic!("one ExecStart is expected") };
    let arguments: Vec<&str> = start.split_whitespace().collect();
    assert_eq!(arguments[..4], ["/usr/local/bin/procession", "serve", "--data-dir", "/var/lib/procession"]);
    assert_eq!(settings(&unit, "StateDirectory"), ["procession"]);
    let folder = tempfile::tempdir().unwrap();
    let mut check = procession().unwrap();
    check.args(["config", "check", "--data-dir"]).arg(folder.path());
    for setting in settings(&unit, "Environment") {
        let (name, value) = setting.split_once('=').unwrap();
        check.env(name, value);
    }
    let said = check.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

/// Where systemd is not installed, CI elsewhere has it.
#[test]
fn systemd_understands_the_unit() {
    let unit = read("docs/operations/procession.service");
    let folder = tempfile::tempdir().unwrap();
    let program = procession().unwrap();
    // The program and the user of an installation are not here.
    let here = unit
        .replace("/usr/local/bin/procession", &program.get_program().to_string_lossy())
        .replace("User=procession\nGroup=procession\n", "");
    let path = folder.path().join("procession.service");
    fs::write(&path, here).unwrap();
    let Ok(said) = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output() else { return };
    let words = String::from_utf8_lossy(&said.stderr);
    let about_it: Vec<&str> = words.lines().filter(|line| line.contains("procession.service")).collect();
    assert!(about_it.is_empty(), "{about_it:#?}");
}

#[test]
fn the_container_is_not_root_and_looks_after_its_health() {
    let file = read("Dockerfile");
    let last_stage = file.rsplit("\nFROM ").next().unwrap();
    for line in ["USER 65532:65532", "HEALTHCHECK", "EXPOSE 8000", "VOLUME /data", "/readyz"] {
        assert!(last_stage.contains(line), "`{line}` is missing");
    }
    let toolchain = read("Cargo.toml");
    let (_, rest) = toolchain.split_once("rust-version = \"").unwrap();
    let version = rest.split('"').next().unwrap();
    assert!(file.contains(&format!("rust:{version}")), "the container is built with another toolchain than {version}");
}

/// The rows of the table with this head.
fn rows(page: &str, head: &str) -> Vec<Vec<String>> {
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("no table `{head}`"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect())
        .collect()
}

#[test]
fn the_table_of_roles_is_that_of_the_program() {
    let page = read("docs/operations/README.md");
    let rows = rows(&page, "| permission | admin | designer | operator | approver | viewer |");
    let roles = [Role::Admin, Role::Designer, Role::Operator, Role::Approver, Role::Viewer];
    assert_eq!(rows.len(), Permission::ALL.len());
    for (row, permission) in rows.iter().zip(Permission::ALL) {
        assert_eq!(row[0], permission.as_str());
        for (cell, role) in row[1..].iter().zip(roles) {
            let reach = match cell.as_str() {
                "yes" => Reach::All,
                "own" => Reach::Own,
                _ => Reach::Nothing,
            };
            assert_eq!(reach, role.reach(permission), "{} {role:?}", row[0]);
        }
    }
}

#[test]
fn the_table_of_limits_has_the_defaults_of_the_configuration() {
    let configuration = read("docs/configuration.md");
    for row in rows(&read("docs/operations/README.md"), "| limit | default | key |") {
        let [_, default, key] = &row[..] else { panic!("{row:?}") };
        let known = configuration.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
        let known = known.unwrap_or_else(|| panic!("{key} is no key")).split('|').nth(2).unwrap().trim();
        let plain = match default.as_str() {
            "no limit" => "0".to_owned(),
            other => other.replace([',', ' '], ""),
        };
        assert_eq!(known.trim_matches('`'), plain, "{key}");
    }
}

#[test]
fn the_proxies_of_the_page_lead_to_the_address_at_which_the_server_listens() {
    let page = Page::read("docs/operations/README.md");
    for language in ["caddyfile", "nginx"] {
        let block = page.blocks.iter().find(|block| block.language == language).unwrap();
        assert!(block.text.contains("127.0.0.1:8000"), "{language}");
        assert_eq!(block.text.matches('{').count(), block.text.matches('}').count(), "{language}");
    }
}
