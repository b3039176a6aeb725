//! Agents of kind `command`: real programs, and what is left of them when a call ends.

use std::{fs, path::Path, sync::Arc, time::Duration as StdDuration};

use crate::support::{ManualClock, TRACE, ask, attempt, failure, router, task, traced};
use procession_agents::{AgentsFile, Router, Surroundings};
use procession_application::ports::{AgentFailure, AgentGateway, AgentReply, AgentStatus};
use procession_domain::value::{Duration, ErrorCode};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A folder with the program `agent.sh` and an agent `worker` that is this program.
fn worker(script: &str) -> (TempDir, Arc<ManualClock>, Router) {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), script);
    let clock = ManualClock::new();
    let text = "agents: {worker: {kind: command, command: [./agent.sh, first, second], timeout: 1m}}";
    let router = router(&clock, folder.path(), text, &[]);
    (folder, clock, router)
}

/// Another process writes the program: while one thread of this one has it open for writing and another starts a
/// child, the program would be "busy".
fn program(folder: &Path, script: &str) {
    let write = "printf '#!/bin/sh\n%s\n' \"$1\" > agent.sh && chmod 755 agent.sh";
    let written = std::process::Command::new("sh").args(["-c", write, "sh", script]).current_dir(folder).status();
    assert!(written.unwrap().success());
}

/// Waits until something is true; the test fails if that takes a minute.
async fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if is_true() {
            return;
        }
        tokio::time::sleep(StdDuration::from_millis(10)).await;
    }
    panic!("{what}: not within a minute");
}

fn is_alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
    // A zombie has ended; only its parent has not asked yet.
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test]
async fn the_message_goes_in_and_the_reply_comes_out() {
    let (_folder, _, router) = worker("echo \"args: $1 $2\"; cat; printf '\\n\\n'");
    let reply = ask(&router, &task("worker", "héllo\nworld")).await.unwrap();
    assert_eq!(reply.text, "args: first second\nhéllo\nworld");
    assert_eq!((reply.usage.cost, reply.usage.token_usage), (None, None));
}

#[tokio::test]
async fn a_program_that_reads_nothing_answers_all_the_same() {
    let (_folder, _, router) = worker("echo done");
    let large = "x".repeat(4 * 1024 * 1024);
    assert_eq!(ask(&router, &task("worker", &large)).await.unwrap().text, "done");
}

#[tokio::test]
async fn a_large_message_comes_back_whole() {
    let (_folder, _, router) = worker("cat");
    let large = "0123456789".repeat(500_000);
    assert_eq!(ask(&router, &task("worker", &large)).await.unwrap().text, large);
}

#[tokio::test]
async fn the_program_runs_in_the_files_folder_and_knows_its_task() {
    let (folder, _, router) =
        worker("pwd; echo $PROCESSION_KEY $PROCESSION_EXECUTION_ID $PROCESSION_STEP_ID $PROCESSION_ATTEMPT");
    let task = attempt("worker", "x", 4);
    let reply = ask(&router, &task).await.unwrap();
    let expected =
        format!("{}\n{} {} draft 4", folder.path().canonicalize().unwrap().display(), task.key, task.execution_id);
    assert_eq!(reply.text, expected);
}

#[tokio::test]
async fn the_program_goes_on_with_the_trace() {
    let (_folder, _, router) = worker("echo trace: $TRACEPARENT");
    assert_eq!(ask(&router, &task("worker", "x")).await.unwrap().text, "trace:");
    assert_eq!(ask(&router, &traced(task("worker", "x"))).await.unwrap().text, format!("trace: {TRACE}"));
}

#[tokio::test]
async fn a_bad_end_shows_the_end_of_what_was_said() {
    let (_folder, _, router) = worker("seq 1 5000 >&2; echo 'no such customer' >&2; exit 3");
    let (code, message) = failure(ask(&router, &task("worker", "x")).await);
    assert_eq!(code, ErrorCode::AgentError);
    assert!(message.contains("exit status: 3") && message.ends_with("no such customer"), "{message}");
    assert!(message.len() < 2_500);
}

#[tokio::test]
async fn a_reply_without_end_is_cut_off() {
    let (_folder, _, router) = worker("exec cat /dev/zero");
    let (code, message) = failure(ask(&router, &task("worker", "x")).await);
    assert_eq!(code, ErrorCode::OutputTooLarge);
    assert!(message.contains("more than 16 MiB"), "{message}");
}

#[tokio::test]
async fn a_missing_program_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let text = "agents: {worker: {kind: command, command: [./gone.sh]}, plain: {kind: command, command: [./agent.sh]}}";
    let router = router(&ManualClock::new(), folder.path(), text, &[]);
    let (code, message) = failure(ask(&router, &task("worker", "x")).await);
    assert_eq!(code, ErrorCode::AgentUnavailable);
    assert!(message.contains("gone.sh") && message.contains("check `command`"), "{message}");
    assert_eq!(router.health("worker").await, Ok(AgentStatus::Stopped));

    fs::write(folder.path().join("agent.sh"), "#!/bin/sh\n").unwrap();
    let (_, message) = failure(ask(&router, &task("plain", "x")).await);
    assert!(message.contains("chmod +x"), "{message}");
}

#[tokio::test]
async fn commands_are_off_until_they_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "touch ran");
    let surroundings = Surroundings {
        clock: ManualClock::new(),
        environment: Arc::new(|_| None),
        allow_commands: false,
        price_list: false,
    };
    let router = Router::new(surroundings, None);
    let file = AgentsFile::parse("agents: {worker: {kind: command, command: [./agent.sh]}}").unwrap();
    router.put_in_force(file, folder.path());
    let (code, message) = failure(ask(&router, &task("worker", "x")).await);
    assert_eq!(code, ErrorCode::AccessDenied);
    assert!(message.contains("agents.allow_commands"), "{message}");
    let listed = &router.list().await.unwrap()[0];
    let reason = "commands are disabled; set agents.allow_commands to true to enable them";
    assert_eq!((listed.status, listed.reason.as_deref()), (AgentStatus::Stopped, Some(reason)));
    assert!(!folder.path().join("ran").exists());
}

/// A program that starts another one, notes both, and waits for ever.
const FAMILY: &str = "sleep 1000 & echo $! > child; echo $$ > parent.new; mv parent.new parent; wait";

type Call = JoinHandle<Result<AgentReply, AgentFailure>>;

/// Starts the family, ends the call by `end`, and checks that both are gone.
async fn family_is_gone_after(end: impl AsyncFnOnce(&ManualClock, &Router, Call)) {
    let (folder, clock, router) = worker(FAMILY);
    let router = Arc::new(router);
    let call = tokio::spawn({
        let router = Arc::clone(&router);
        async move { ask(&router, &task("worker", "x")).await }
    });
    let parent = folder.path().join("parent");
    until("the program starts", || parent.exists()).await;
    let processes = [parent, folder.path().join("child")].map(|path| fs::read_to_string(path).unwrap());
    assert!(processes.iter().all(|process| is_alive(process)));
    end(&clock, &router, call).await;
    until("the programs end", || !processes.iter().any(|process| is_alive(process))).await;
}

#[tokio::test]
async fn a_program_over_its_time_is_killed_with_all_it_started() {
    family_is_gone_after(async |clock, _, call| {
        clock.advance(Duration::from_secs(60));
        assert_eq!(failure(call.await.unwrap()).0, ErrorCode::Timeout);
    })
    .await;
}

#[tokio::test]
async fn an_abandoned_program_is_killed_with_all_it_started() {
    family_is_gone_after(async |_, router, call| {
        assert_eq!(router.abandon("worker", &task("worker", "x").key, None).await, None);
        assert_eq!(failure(call.await.unwrap()).0, ErrorCode::Cancelled);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_call_kills_the_program_with_all_it_started() {
    family_is_gone_after(async |_, _, call| {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    })
    .await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_hold_its_reply() {
    let (folder, _, router) = worker("sleep 1000 & echo $! > child; echo answered");
    let reply = ask(&router, &task("worker", "x")).await.unwrap();
    assert_eq!(reply.text, "answered");
    let child = fs::read_to_string(folder.path().join("child")).unwrap();
    until("the child ends", || !is_alive(&child)).await;
}

#[tokio::test]
async fn a_program_gets_a_clean_environment_and_what_its_agent_names() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"
agents:
  worker:
    kind: command
    command: [/usr/bin/env]
    env: {TOKEN: "${ENV:ITS_TOKEN}", MODE: fast, EMPTY: "", COUNT: 5, BOTH: "a-${ENV:ITS_TOKEN}-b"}
    inherit: [REGION, NOT_SET]
"#;
    let variables = [
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/home/ann"),
        ("LANG", "en"),
        ("LC_TIME", "de"),
        ("TZ", "UTC"),
        ("TMPDIR", "/tmp"),
        ("REGION", "north"),
        ("ITS_TOKEN", "t0ken"),
        ("OPENAI_API_KEY", "sk-secret"),
        ("SECRET_KEY", "s3cret"),
        ("PROCESSION_AUTH__SECRET_KEY", "s3cret"),
        ("USER", "ann"),
    ];
    let router = router(&ManualClock::new(), folder.path(), text, &variables);
    let reply = ask(&router, &task("worker", "x")).await.unwrap();
    let mut lines: Vec<&str> = reply.text.lines().filter(|line| !line.starts_with("PROCESSION_")).collect();
    lines.sort_unstable();
    let expected = [
        "BOTH=a-t0ken-b",
        "COUNT=5",
        "EMPTY=",
        "HOME=/home/ann",
        "LANG=en",
        "LC_TIME=de",
        "MODE=fast",
        "PATH=/usr/bin:/bin",
        "REGION=north",
        "TMPDIR=/tmp",
        "TOKEN=t0ken",
        "TZ=UTC",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_secret_that_a_program_complains_about_is_masked() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "echo \"*** bad token: $TOKEN ***\" >&2; exit 1");
    let text = "agents: {worker: {kind: command, command: [./agent.sh], env: {TOKEN: '${ENV:ITS_TOKEN}'}}}";
    let router = router(&ManualClock::new(), folder.path(), text, &[("ITS_TOKEN", "t0ken")]);
    let (_, message) = failure(ask(&router, &task("worker", "x")).await);
    assert!(message.ends_with("*** bad token: [secret] ***"), "{message}");
}

#[tokio::test]
async fn a_stopped_program_says_why() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path(), "true");
    let text = r"
agents:
  there: {kind: command, command: [./agent.sh]}
  named: {kind: command, command: [sh, -c, 'true']}
  gone: {kind: command, command: [./gone.sh]}
  plain: {kind: command, command: [./plain.txt]}
  unknown: {kind: command, command: [no-such-program-anywhere]}
  keyless: {kind: command, command: [./agent.sh], env: {TOKEN: '${ENV:ITS_TOKEN}'}}
";
    fs::write(folder.path().join("plain.txt"), "no program").unwrap();
    let router = router(&ManualClock::new(), folder.path(), text, &[("PATH", "/usr/bin:/bin")]);
    let listed = router.list().await.unwrap();
    let reasons: Vec<Option<&str>> = listed.iter().map(|agent| agent.reason.as_deref()).collect();
    let gone = format!("there is no program {}; check `command`", folder.path().join("gone.sh").display());
    let plain = folder.path().join("plain.txt");
    let plain = format!("the program {} is not executable; run `chmod +x` on it", plain.display());
    let expected = [
        None,
        None,
        Some(gone.as_str()),
        Some(plain.as_str()),
        Some("there is no program `no-such-program-anywhere` in the search path (PATH); check `command`"),
        Some("the environment variable ITS_TOKEN is not set; set it and start the server again"),
    ];
    assert_eq!(reasons, expected);
    let (code, message) = failure(ask(&router, &task("keyless", "x")).await);
    assert_eq!(code, ErrorCode::InvalidConfig);
    assert!(message.contains("ITS_TOKEN is not set"), "{message}");
}
