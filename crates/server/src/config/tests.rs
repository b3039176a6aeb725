use std::{ffi::OsString, path::Path};

use super::*;

/// What a test gives: environment and flags as `(name, value)`, a file's text.
#[derive(Default)]
struct Given<'a> {
    file: Option<&'a str>,
    environment: &'a [(&'a str, &'a str)],
    flags: &'a [(&'static str, &'a str, &'a str)],
}

/// Loads from a folder in which `procession.yaml` of the data folder `data` has the file's text.
fn load_from(folder: &Path, given: &Given<'_>) -> Result<Loaded, ConfigurationError> {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).unwrap();
    if let Some(text) = given.file {
        std::fs::write(data.join("procession.yaml"), text).unwrap();
    }
    let of_test = ("PROCESSION_DATA_DIR".to_owned(), data.into_os_string());
    let of_given = given.environment.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
    let environment = std::iter::once(of_test).chain(of_given).map(|(name, value)| (name.into(), value)).collect();
    let flags = given.flags.iter().map(|(flag, key, value)| FlagValue {
        flag,
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    load(&Sources { file: None, environment, flags: flags.collect() })
}

/// The problems, with the folder's path left out.
fn problems(given: &Given<'_>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    match load_from(folder.path(), given) {
        Ok(_) => Vec::new(),
        Err(ConfigurationError(problems)) => {
            let path = format!("{}/", folder.path().display());
            problems.into_iter().map(|problem| problem.replace(&path, "")).collect()
        }
    }
}

#[test]
fn flags_beat_the_environment_beats_the_file_beats_the_default() {
    let file = Some("engine: {queue_length: 2}");
    let environment = [("PROCESSION_ENGINE__QUEUE_LENGTH", "3")];
    let flags = [("--set", "engine.queue_length", "4")];
    let cases = [
        (Given::default(), 10_000, "default"),
        (Given { file, ..Given::default() }, 2, "data/procession.yaml:1"),
        (
            Given { file, environment: &environment, ..Given::default() },
            3,
            "environment PROCESSION_ENGINE__QUEUE_LENGTH",
        ),
        (Given { file, environment: &environment, flags: &flags }, 4, "flag --set"),
    ];
    for (given, expected, origin) in cases {
        let folder = tempfile::tempdir().unwrap();
        let loaded = load_from(folder.path(), &given).unwrap();
        assert_eq!(loaded.configuration.engine.queue_length.get(), expected);
        assert!(loaded.origin("engine.queue_length").to_string().ends_with(origin), "{origin}");
    }
}

#[test]
fn values_are_read_in_every_spelling() {
    let file = "
# A comment.
listen: 8080
limits:
  body: 4MiB
  output: 1_000KB
engine.max_concurrent_instances: none
engine: {undefined: keep, currency: EUR}
environment: {allow: [A, B]}
auth: {admin_password: 007}
agents: {file: local/agents.yaml, allow_commands: yes}
database:
";
    let environment = [
        ("PROCESSION_OUTGOING__ALLOW", "localhost:9000, 10.0.0.1"),
        ("PROCESSION_LOG__FILTER", "warn,procession=debug"),
        ("PROCESSION_AUTH__TOKEN_LIFETIME", ""),
        ("HOME", "/nowhere"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let given = Given { file: Some(file), environment: &environment, ..Given::default() };
    let Loaded { configuration, .. } = load_from(folder.path(), &given).unwrap();
    assert_eq!(configuration.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(configuration.limits.body, ByteSize(4 * 1024 * 1024));
    assert_eq!(configuration.limits.output, ByteSize(1_000_000));
    assert_eq!(configuration.engine.max_concurrent_instances, None);
    assert_eq!(configuration.engine.undefined, Some(UndefinedRule::Keep));
    assert_eq!(configuration.engine.currency.as_str(), "EUR");
    assert_eq!(configuration.environment.allow, ["A", "B"]);
    assert_eq!(configuration.outgoing.allow, ["localhost:9000", "10.0.0.1"]);
    assert_eq!(configuration.auth.token_lifetime.to_string(), "7d");
    assert!(configuration.agents.allow_commands);
    assert_eq!(configuration.agents_file(), folder.path().join("data/local/agents.yaml"));
    let password = secrecy::ExposeSecret::expose_secret(configuration.auth.admin_password.as_ref().unwrap());
    assert_eq!(password, "007");
}

#[test]
fn every_problem_is_reported_with_its_place_and_what_to_do() {
    let file = "listne: 1\nengine:\n  queue_length: many\n  max_concurrent_step: 5\nlog: loud\nlisten: {port: 1}\ndata_dir: x\n";
    let environment = [("PROCESSION_LIMIT__BODY", "1"), ("PROCESSION_DATABASE__SYNCHRONOUS", "off")];
    let flags = [("--listen", "listen", "nowhere"), ("--set", "queue_length", "5")];
    let found = problems(&Given { file: Some(file), environment: &environment, flags: &flags });
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn bad_values_are_refused_with_a_sentence() {
    let cases = [
        ("PROCESSION_LISTEN", "localhost:99999"),
        ("PROCESSION_LIMITS__BODY", "2 mebi"),
        ("PROCESSION_LIMITS__BODY", "0"),
        ("PROCESSION_LIMITS__DEFINITION", "2MiB"),
        ("PROCESSION_LIMITS__INLINE_OUTPUT", "1GiB"),
        ("PROCESSION_ENGINE__MAX_CONCURRENT_STEPS", "0"),
        ("PROCESSION_ENGINE__CURRENCY", "dollar"),
        ("PROCESSION_ENGINE__UNDEFINED", "maybe"),
        ("PROCESSION_DATABASE__URL", "postgres://user:hunter2@host/db"),
        ("PROCESSION_DATABASE__URL", "procession.db"),
        ("PROCESSION_AGENTS__MCP__URL", "localhost:8080/mcp"),
        ("PROCESSION_AGENTS__MCP__URL", "http://user:hunter2@host/mcp"),
        ("PROCESSION_AGENTS__ALLOW_COMMANDS", "perhaps"),
        ("PROCESSION_AUTH__TOKEN_LIFETIME", "a week"),
        ("PROCESSION_LOG__FILTER", "procession=loud"),
        ("PROCESSION_LOG__FORMAT", "xml"),
    ];
    let sentences = cases.map(|case| {
        let found = problems(&Given { environment: &[case], ..Given::default() });
        assert_eq!(found.len(), 1, "{case:?} gives {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?} shows a password");
        found[0].clone()
    });
    insta::assert_snapshot!(sentences.join("\n"));
}

#[test]
fn notifications_are_checked_when_the_server_starts() {
    let cases = [
        ("PROCESSION_NOTIFICATIONS__SLACK_WEBHOOK_URL", "hunter2", "`slack_webhook_url` must be an address"),
        ("PROCESSION_NOTIFICATIONS__CHANNELS", "https://hunter2", "it takes a list of `name=address`"),
        ("PROCESSION_NOTIFICATIONS__CHANNELS", "slack=https://hunter2", "can't be a channel of its own"),
        ("PROCESSION_NOTIFICATIONS__SMTP__HOST", "mail.internal", "`smtp.from` must be an email address"),
        ("PROCESSION_NOTIFICATIONS__SMTP__FROM", "a@example.org", "notifications.smtp.host is missing"),
        ("PROCESSION_NOTIFICATIONS__SMTP__PORT", "0", "`0` is not a port"),
        ("PROCESSION_NOTIFICATIONS__SMTP__SECURITY", "ssl", "it takes `starttls`, `tls` or `none`"),
        ("PROCESSION_OUTGOING__ALLOW", "http://10.0.0.1", "is not a valid host for outgoing.allow"),
    ];
    for (variable, value, expected) in cases {
        let found = problems(&Given { environment: &[(variable, value)], ..Given::default() });
        assert!(found.len() == 1 && found[0].contains(expected), "{variable}={value} gives {found:?}");
        assert!(!found[0].contains("hunter2"), "{found:?} shows a secret");
    }
}

#[test]
fn a_file_that_is_no_yaml_is_refused_with_its_line() {
    let cases = ["listen: [", "listen: 1\nlisten: 2\n", "- listen", "a: b: c"];
    let found = cases.map(|text| problems(&Given { file: Some(text), ..Given::default() }).join("\n"));
    insta::assert_snapshot!(found.join("\n---\n"));
}

#[test]
fn variables_that_are_not_ours_are_left_alone() {
    let environment = [
        ("PROCESSION_API_KEY", "procession_x"),
        ("PROCESSION_EXECUTION_ID", "x"),
        // What Kubernetes sets for a service of this name.
        ("PROCESSION_SERVICE_HOST", "10.0.0.1"),
        ("PROCESSION_PORT", "tcp://10.0.0.1:8000"),
        ("PROCESSION_PORT_8000_TCP_ADDR", "10.0.0.1"),
    ];
    assert_eq!(problems(&Given { environment: &environment, ..Given::default() }), [] as [String; 0]);
}

const OURS: &str = "ours-0123456789abcdef0123456789ab";
const THEIRS: &str = "theirs-0123456789abcdef0123456789";

#[test]
fn a_secret_key_that_can_be_guessed_is_refused() {
    for (key, is_refused) in [("a", true), (&OURS[..31], true), (OURS, false)] {
        let found = problems(&Given { environment: &[("SECRET_KEY", key)], ..Given::default() });
        assert_eq!(found.iter().any(|problem| problem.contains("auth.secret_key is too short")), is_refused, "{key}");
    }
}

#[test]
fn the_platforms_name_for_the_secret_key_is_read_unless_ours_is_set() {
    let both = [("PROCESSION_AUTH__SECRET_KEY", OURS), ("SECRET_KEY", THEIRS)];
    for (environment, expected) in [(&both[..], "PROCESSION_AUTH__SECRET_KEY"), (&both[1..], "SECRET_KEY")] {
        let folder = tempfile::tempdir().unwrap();
        let loaded = load_from(folder.path(), &Given { environment, ..Given::default() }).unwrap();
        assert_eq!(loaded.origin("auth.secret_key"), Origin::Environment(expected.to_owned()));
    }
}

#[test]
fn secrets_are_never_shown() {
    let environment = [
        ("PROCESSION_AUTH__SECRET_KEY", "hunter2-hunter2-hunter2-hunter2-hunter2"),
        ("PROCESSION_AUTH__ADMIN_PASSWORD", "hunter2"),
        ("PROCESSION_AGENTS__MCP__API_KEY", "hunter2"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let loaded = load_from(folder.path(), &Given { environment: &environment, ..Given::default() }).unwrap();
    let shown: String = KEYS.iter().map(|key| key.show(&loaded.configuration)).collect();
    assert!(shown.contains("********") && !shown.contains("hunter2"));
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn every_key_is_shown_as_it_can_be_written() {
    let defaults = Configuration::default();
    for key in KEYS {
        let shown = key.show(&defaults);
        if shown.is_empty() {
            continue;
        }
        let variable = key.variable();
        let found = problems(&Given { environment: &[(&variable, &shown)], ..Given::default() });
        assert_eq!(found, [] as [String; 0], "{}", key.name);
    }
}

#[test]
fn the_page_of_keys_is_the_one_in_the_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == configuration_page(), "docs/configuration.md is out of date: run `cargo xtask docs`");
}
