//! Every command: its help, a success, an error, and the exit codes of both.

use std::collections::BTreeSet;

use super::World;

/// A command with the rest of its arguments, how it ends, and what it says.
struct Row(&'static str, &'static str, i32, &'static str);

const TABLE: &[Row] = &[
    Row("serve", "--listen nowhere --data-dir other", 2, "listen"),
    Row("run", "processes/hello.yaml --agents data/agents.yaml --format json", 0, "completed"),
    Row("run", "processes/broken.yaml --agents data/agents.yaml", 1, "AGENT_ERROR"),
    Row("run", "processes/ask.yaml --agents data/agents.yaml", 4, "--decide review=approve"),
    Row("run", "none.yaml", 2, "can't be read"),
    Row("validate", "processes/hello.yaml", 0, "no problems"),
    Row("validate", "processes/hello.yaml --format sarif", 0, "2.1.0"),
    Row("validate", "bad.yaml", 1, "error"),
    Row("validate", "bad.yaml --format github", 1, "::error file=bad.yaml"),
    Row("validate", "none.yaml", 2, "can't be read"),
    Row("init", "first", 0, "wrote first/hello.yaml"),
    Row("init", "first", 2, "is there already"),
    Row("login", "--user admin", 2, "--password-stdin"),
    Row("logout", "", 0, "not logged in to"),
    Row("logout", "--server nowhere", 2, "is expected"),
    Row("apply", "processes", 0, "nothing to do"),
    Row("apply", "processes --dry-run --exit-code --format json", 0, "\"applied\": false"),
    Row("apply", "bad.yaml", 1, "nothing was changed"),
    Row("apply", "more --dry-run --exit-code", 5, "1 new"),
    Row("apply", "none", 2, "can't be read"),
    Row("executions list", "--limit 1", 0, "--limit shows more"),
    Row("executions list", "--status nonsense", 2, "an execution is pending"),
    Row("executions show", "{completed}", 0, "greeting: Hello world"),
    Row("executions show", "x", 2, "not an id"),
    Row("executions events", "{completed}", 0, "ProcessCompleted"),
    Row("executions events", "{failed} --follow", 1, "ProcessFailed"),
    Row("executions start", "hello", 0, "-"),
    Row("executions start", "nothing", 1, "no process `nothing`"),
    Row("executions start", "hello --input x", 2, "KEY=VALUE"),
    Row("executions cancel", "{asking}", 0, "cancel"),
    Row("executions cancel", "{completed}", 1, "error:"),
    Row("executions events", "{asking} --follow", 3, "ProcessCancelled"),
    Row("executions retry", "{failed} --from failed", 0, "-"),
    Row("executions retry", "{completed}", 1, "error:"),
    Row("approvals list", "", 0, "Is it good?"),
    Row("approvals list", "--status maybe", 2, "pending"),
    Row("approvals show", "{first}", 0, "A draft"),
    Row("approvals show", "ffffffff", 1, "no open approval"),
    Row("approvals request-changes", "{first} --comment Shorter", 0, "changes requested"),
    Row("approvals request-changes", "{second}", 2, "--comment"),
    Row("approvals reject", "{second}", 1, "--comment TEXT"),
    Row("approvals reject", "{second} --comment No", 0, "rejected"),
    Row("approvals approve", "{third}", 0, "approved"),
    Row("approvals approve", "{third}", 1, "error:"),
    Row("config show", "listen", 0, "127.0.0.1:8000"),
    Row("config show", "nonsense", 2, "nonsense"),
    Row("config check", "", 0, ""),
    Row("config check", "--set engine.queue_length=many", 2, "engine.queue_length"),
    Row("agents list", "--agents data/agents.yaml", 0, "echo"),
    Row("agents list", "--agents none.yaml", 2, "none.yaml"),
    Row("agents test", "echo Hello --agents data/agents.yaml", 0, "Hello"),
    Row("agents test", "nobody Hello --agents data/agents.yaml", 1, "nobody"),
    Row("db migrate", "--data-dir new", 0, ""),
    Row("db migrate", "--data-dir data", 2, "in use"),
    Row("db check", "--data-dir new", 0, ""),
    Row("db check", "--data-dir none", 2, "no database"),
    Row("db backup", "copy.db --data-dir new", 0, ""),
    Row("db backup", "copy.db --data-dir new", 2, "copy.db"),
    Row("db restore", "copy.db --data-dir new", 2, "--replace"),
    Row("db restore", "copy.db --replace --data-dir new", 0, ""),
    Row("db vacuum", "--data-dir new", 0, ""),
    Row("db vacuum", "--data-dir data", 2, "in use"),
    Row("export", "all.jsonl --data-dir data", 0, "exported"),
    Row("export", "all.jsonl --data-dir data", 2, "name a file that does not exist"),
    Row("import", "all.jsonl --data-dir imported", 0, "imported"),
    Row("import", "all.jsonl --data-dir data", 2, "in use"),
    Row(
        "import trinity",
        "--processes trinity.db --dry-run --data-dir none",
        0,
        "0 processes and 0 executions would be imported",
    ),
    Row("import trinity", "--processes none.db --data-dir imported", 2, "can't be read"),
    Row("import trinity", "--processes trinity.db --data-dir data", 2, "in use"),
    Row("audit verify", "--data-dir data", 0, "the audit trail is intact"),
    Row("audit verify", "--data-dir none", 2, "no database"),
    Row("deliveries list", "--state dead", 0, ""),
    Row("deliveries list", "--state nonsense", 2, "nonsense"),
    Row("user add", "ann --role viewer --server {url}", 0, "no password"),
    Row("user add", "ann --role viewer --server {url}", 1, "exists"),
    Row("user list", "--server {url}", 0, "ann"),
    Row("user list", "--data-dir data", 2, "--server"),
    Row("user role", "ann approver --server {url}", 0, ""),
    Row("user role", "ann king --server {url}", 1, "king"),
    Row("user password", "ann --server {url}", 2, "--password-stdin"),
    Row("key create", "mine --user ann --server {url}", 0, "procession_"),
    Row("key create", "mine --user ann --scope all --server {url}", 2, "process:read"),
    Row("key list", "--server {url}", 0, "mine"),
    Row("key list", "--server {url} --format xml", 2, "text"),
    Row("key revoke", "{key} --server {url}", 0, ""),
    Row("key revoke", "x --server {url}", 2, "UUID"),
    Row("user remove", "ann --server {url}", 0, ""),
    Row("user remove", "ann --server {url}", 1, "no such user"),
    Row("schema", "", 0, "steps"),
    Row("schema", "now", 2, "now"),
    Row("completions", "bash", 0, "executions"),
    Row("completions", "none", 2, "bash"),
];

/// Commands whose success is shown elsewhere: `serve` by every server of these tests, two by what they read from standard
/// input, and two since nothing was delivered here.
const SHOWN_ELSEWHERE: [&str; 5] = ["serve", "login", "user password", "deliveries show", "deliveries resend"];

#[test]
fn every_command_has_help_a_success_and_an_error() {
    let world = World::new();
    world.place.write("bad.yaml", "name: bad\nsteps: 5\n");
    let trinity = rusqlite::Connection::open(world.place.path().join("trinity.db")).unwrap();
    trinity.execute_batch("CREATE TABLE process_definitions (id TEXT PRIMARY KEY, created_at TEXT)").unwrap();
    world.place.write("more/more.yaml", &super::HELLO.replace("name: hello", "name: more"));
    let (completed, failed) = (world.start_and_wait("hello"), world.start_and_wait("broken"));
    let (asking, _) = world.start_and_be_asked();
    let (_, first) = world.start_and_be_asked();
    let (_, second) = world.start_and_be_asked();
    let (_, third) = world.start_and_be_asked();
    let known = [
        ("{completed}", completed),
        ("{failed}", failed),
        ("{asking}", asking),
        ("{first}", first),
        ("{second}", second),
        ("{third}", third),
        ("{url}", world.server.url()),
    ];
    for Row(command, rest, code, says) in TABLE {
        let mut words = format!("{command} {rest}");
        for (name, value) in &known {
            words = words.replace(name, value);
        }
        if words.contains("{key}") {
            let keys = world.words(&format!("key list --format json --server {}", world.server.url())).json();
            let keys = keys["keys"].as_array().unwrap().clone();
            let mine = keys.iter().find(|key| key["name"] == "mine").unwrap();
            words = words.replace("{key}", mine["id"].as_str().unwrap());
        }
        let said = world.words(&words);
        assert_eq!(said.code, Some(*code), "{words}: {said:?}");
        assert!(said.out.contains(says) || said.err.contains(says), "`{says}` is not said by {words}: {said:?}");
        let is_error = ![0, 3, 5].contains(code) && !words.contains("--format") && !words.contains("--follow");
        let tells = said.err.contains("error") || said.out.contains("error") || said.out.contains("failed");
        assert!(!is_error || tells, "{words}: {said:?}");
    }

    let ends = |wanted: bool| -> BTreeSet<&str> {
        TABLE.iter().filter(|row| (row.2 == 0) == wanted).map(|row| row.0).chain(SHOWN_ELSEWHERE).collect()
    };
    for command in commands(&world, "") {
        let help = world.words(&format!("{command} --help")).ends_with(0);
        assert!(help.out.contains("Usage: procession "), "{command}: {help:?}");
        assert!(ends(true).contains(command.as_str()), "no success of `{command}` is in the table");
        assert!(ends(false).contains(command.as_str()), "no error of `{command}` is in the table");
    }
}

/// Every command that does something, as the help lists them, with its words.
pub fn commands(world: &World, above: &str) -> Vec<String> {
    let help = world.words(&format!("{above} --help")).ends_with(0).out;
    let listed = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let listed = listed.lines().take_while(|line| !line.trim().is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names: Vec<&str> =
        names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    if names.is_empty() {
        return vec![above.trim().to_owned()];
    }
    names.iter().flat_map(|name| commands(world, &format!("{above} {name}"))).collect()
}
