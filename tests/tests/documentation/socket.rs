//! What the page about the API says of WebSockets is said there.

use std::{fs, time::Duration};

use futures::{SinkExt as _, StreamExt as _};
use procession_tests::{client::Client, server::ServerOptions};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::page::Page;

/// How long an expected message may take.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_web_socket_says_what_the_page_about_the_api_says() {
    let page = Page::read("docs/http-api.md");
    let file = |name: &str| &page.blocks.iter().find(|block| block.file() == Some(name)).unwrap().text;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/agents.yaml"), file("data/agents.yaml")).unwrap();
    let server = ServerOptions::on(&folder.path().join("data")).start().unwrap();
    let client = Client::log_in(server.url()).await.unwrap();
    let process = client.publish(file("letter.yaml")).await.unwrap();
    let execution = client.execute(&process, &json!({"to": "Ann"})).await.unwrap();

    let address = format!("{}/ws", server.url().replace("http://", "ws://"));
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    let mut exchanged = 0;
    for block in page.blocks.iter().filter(|block| block.is("send") || block.is("receive")) {
        let text = block.text.trim().replace("TOKEN", client.token()).replace("EXECUTION", &execution);
        if block.is("send") {
            socket.send(Message::text(text)).await.unwrap();
        } else {
            let wanted: Value = serde_json::from_str(&text).unwrap();
            let heard = async {
                loop {
                    let message = socket.next().await.unwrap().unwrap();
                    let heard: Value = serde_json::from_str(message.to_text().unwrap()).unwrap_or_default();
                    if holds(&heard, &wanted) {
                        return;
                    }
                }
            };
            let waited = timeout(PATIENCE, heard).await;
            assert!(waited.is_ok(), "line {}: {text} was not said", block.line);
        }
        exchanged += 1;
    }
    assert!(exchanged >= 7, "only {exchanged} messages are on the page");
}

/// Whether a message has all that is wanted of it.
fn holds(heard: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|wanted| wanted.iter().all(|(key, value)| heard.get(key) == Some(value)))
}
