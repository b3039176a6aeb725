//! Programs of agents (kind `command`) whose server is killed: the system ends them, and what they have left behind is
//! ended by the server's successor.
#![cfg(test)]
#![cfg(target_os = "linux")]

use std::{fs, path::Path, time::Duration};

use procession_tests::{
    client::Client,
    server::{Server, ServerOptions},
};
use serde_json::json;

const PROCESS: &str = "\
name: long-work
steps:
  - {id: work, type: agent_task, agent: worker, message: begin}
";

/// A program that notes its id and that of another one, which leaves its group and its session, and never ends.
const AGENTS: &str = r#"
agents:
  worker:
    kind: command
    command: [sh, -c, "setsid sleep 1000 & echo $! >> escaped; echo $$ >> leaders; exec sleep 1000"]
"#;

fn options(data: &Path) -> ServerOptions {
    ServerOptions::on(data).with("agents.allow_commands", "true")
}

/// The first id that a file of the folder holds, once it does.
async fn first_id(folder: &Path, file: &str) -> u32 {
    for _ in 0..6_000 {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        if let Some((id, _)) = text.split_once('\n') {
            return id.parse().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing is in {file} after a minute");
}

fn is_alive(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A zombie has ended; only its parent has not asked yet.
    !stat.is_empty() && !stat.contains(") Z ")
}

async fn until_gone(process: u32) {
    for _ in 0..6_000 {
        if !is_alive(process) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{process} is there after a minute");
}

/// A server with the agent at work: it, the agent's program, and the one that this has started.
async fn at_work(data: &Path) -> (Server, u32, u32) {
    fs::create_dir_all(data).unwrap();
    fs::write(data.join("agents.yaml"), AGENTS).unwrap();
    let server = options(data).start().unwrap();
    let client = Client::log_in(server.url()).await.unwrap();
    let process = client.publish(PROCESS).await.unwrap();
    client.execute(&process, &json!({})).await.unwrap();
    let (leader, escaped) = (first_id(data, "leaders").await, first_id(data, "escaped").await);
    assert!(is_alive(leader) && is_alive(escaped));
    (server, leader, escaped)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_does_not_outlive_its_server_and_its_successor_ends_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (server, leader, escaped) = at_work(&data).await;
    server.kill().unwrap();
    until_gone(leader).await;
    assert!(is_alive(escaped), "what has left its session is not the system's business");

    let successor = options(&data).start().unwrap();
    until_gone(escaped).await;
    assert!(successor.log().contains("had outlived the server before this one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_folder_leaves_them_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, leader, escaped) = at_work(&folder.path().join("data")).await;
    let _other = options(&folder.path().join("other")).start().unwrap();
    assert!(is_alive(leader) && is_alive(escaped));
}
