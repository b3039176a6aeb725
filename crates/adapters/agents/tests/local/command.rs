//! Agents of kind `command`: real programs, and what is left of them when a call ends.

use std::{fs, path::Path, sync::Arc, time::Duration as StdDuration};

use crate::support::{ManualClock, ask, attempt, failure, router, task};
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
    let surroundings =
        Surroundings { clock: ManualClock::new(), environment: Arc::new(|_| None), allow_commands: false };
    let router = Router::new(surroundings, None);
    let file = AgentsFile::parse("agents: {worker: {kind: command, command: [./agent.sh]}}").unwrap();
    router.put_in_force(file, folder.path());
    let (code, message) = failure(ask(&router, &task("worker", "x")).await);
    assert_eq!(code, ErrorCode::AccessDenied);
    assert!(message.contains("agents.allow_commands"), "{message}");
    assert_eq!(router.list().await.unwrap()[0].status, AgentStatus::Stopped);
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
