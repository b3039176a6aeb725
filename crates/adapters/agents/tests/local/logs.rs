//! What is logged, by this crate and by every library under it, at every level: no address with what follows its `?`.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

use procession_agents::{Platform, PlatformSettings};
use procession_application::ports::AgentGateway;
use serde_json::Value;
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    support::{ManualClock, ask, router, task},
    tool_server::{Refusal, ToolServer},
};

/// The key in the addresses.
const KEY: &str = "TOP5ECRETKEY";

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Asks every kind of agent with an address at this one, and the platform; whatever they say is right here.
async fn ask_all(url: &str, variables: &[(&str, &str)]) {
    let text = format!(
        "agents:\n  tool: {{kind: mcp, url: '{url}?api_key={KEY}', tool: ask, argument: prompt}}\n  \
           model: {{kind: openai, base_url: '{url}?api_key={KEY}', model: m}}\n"
    );
    let clock = ManualClock::new();
    let router = router(&clock, Path::new("."), &text, variables);
    for agent in ["tool", "model", "tool"] {
        for outcome in [ask(&router, &task(agent, "hello")).await.err(), router.health(agent).await.err()] {
            let shown = outcome.map(|failure| format!("{failure} {failure:?}")).unwrap_or_default();
            assert!(!shown.contains(KEY), "{shown}");
        }
    }
    let settings = PlatformSettings::new(&format!("{url}?api_key={KEY}"), None).unwrap();
    assert!(!format!("{settings:?}").contains(KEY));
    let failure = Platform::new(settings, clock).list().await.unwrap_err();
    assert!(!format!("{failure} {failure:?}").contains(KEY), "{failure}");
}

/// A server that ends every connection with these bytes.
async fn server_of(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move { stream.write_all(bytes).await });
        }
    });
    format!("http://{address}/mcp")
}

#[tokio::test]
async fn a_key_in_an_address_is_never_logged() {
    let kept = Kept::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(kept.clone()).init();

    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    ask_all(&format!("http://{address}/mcp"), &[]).await;
    ask_all("http://nowhere.invalid/mcp", &[]).await;
    let proxy = format!("http://user:{KEY}@{address}");
    ask_all("http://nowhere.invalid/mcp", &[("HTTP_PROXY", &proxy)]).await;
    for answer in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\ndata: {",
        b"HTTP/1.1 307 x\r\nlocation: /mcp?api_key=TOP5ECRETKEY\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 404 x\r\ncontent-length: 32\r\n\r\nno POST /mcp?api_key=TOP5ECRETKEY",
        b"HTTP/1.1 500 x\r\ncontent-length: 4\r\n\r\nboom",
        b"nonsense\r\n\r\n",
    ] {
        ask_all(&server_of(answer).await, &[]).await;
    }
    let server = ToolServer::default();
    let url = server.start().await;
    let text = format!("agents: {{tool: {{kind: mcp, url: '{url}?api_key={KEY}', tool: ask, argument: prompt}}}}");
    let router = router(&ManualClock::new(), Path::new("."), &text, &[]);
    ask(&router, &task("tool", "hello")).await.unwrap();
    server.forget_sessions(Refusal::json(400, Some(Value::Null)));
    ask(&router, &task("tool", "hello")).await.unwrap_err();
    ask(&router, &task("tool", "hello")).await.unwrap();

    let logged = String::from_utf8_lossy(&kept.0.lock().unwrap()).into_owned();
    for library in ["rmcp", "hyper_util", "reqwest", "nowhere.invalid"] {
        assert!(logged.contains(library), "{library} is heard");
    }
    let lines: Vec<&str> = logged.lines().filter(|line| line.contains(KEY)).collect();
    assert!(lines.is_empty(), "{lines:#?}");
}
