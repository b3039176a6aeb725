//! Mails of the real program to who is asked to decide: sent through a mail server that first puts them off, and the link in
//! them decides by its form only.

#![cfg(test)]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use procession_tests::{
    client::{Client, http},
    server::ServerOptions,
};
use reqwest::StatusCode;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Where mails say that the server is.
const PUBLIC: &str = "http://procession.test";

const PROCESS: &str = "
name: release
steps:
  - id: decide
    type: human_approval
    title: Release it?
    assignees: [ann@example.org]
    timeout: 2s
    timeout_action: escalate
    escalate_to: [bob@example.org]
  - {id: after, type: timer, depends_on: decide, duration: 1ms}
";

/// A mail server on this machine that keeps what it takes, and puts the first mail off.
struct Post {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// Recipient and text of each mail.
    taken: Vec<(String, String)>,
    /// How many mails were put off.
    put_off: usize,
}

impl Post {
    async fn open() -> anyhow::Result<Self> {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let of_task = Arc::clone(&kept);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(talk(connection, Arc::clone(&of_task)));
            }
        });
        Ok(Self { address, kept })
    }

    /// The text of the mail to an address, as soon as it is there.
    async fn to(&self, address: &str) -> anyhow::Result<String> {
        for _ in 0..600 {
            let found = self.kept.lock().unwrap().taken.iter().find(|(to, _)| to == address).cloned();
            if let Some((_, text)) = found {
                return Ok(text);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::bail!("no mail came to {address}")
    }
}

/// One connection of SMTP (RFC 5321), as far as it is needed.
async fn talk(connection: TcpStream, kept: Arc<Mutex<Kept>>) -> anyhow::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut to = String::new();
    connection.get_mut().write_all(b"220 post.test ESMTP\r\n").await?;
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let command = line.trim().to_ascii_uppercase();
        let reply = if command.starts_with("RCPT TO:") {
            to = line.trim()["RCPT TO:".len()..].trim_matches(['<', '>']).to_owned();
            let mut kept = kept.lock().unwrap();
            if kept.put_off == 0 {
                kept.put_off += 1;
                "451 4.7.1 come back later\r\n"
            } else {
                "250 ok\r\n"
            }
        } else if command == "DATA" {
            connection.get_mut().write_all(b"354 go on\r\n").await?;
            let text = text_of(&mut connection).await?;
            kept.lock().unwrap().taken.push((to.clone(), text));
            "250 taken\r\n"
        } else if command == "QUIT" {
            "221 bye\r\n"
        } else {
            "250 ok\r\n"
        };
        connection.get_mut().write_all(reply.as_bytes()).await?;
    }
}

/// A mail's text, its long lines put together again (quoted-printable).
async fn text_of(connection: &mut BufReader<TcpStream>) -> anyhow::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        if line.trim_end() == "." || line.is_empty() {
            return Ok(text.replace("=\r\n", "").replace("=3D", "="));
        }
        text.push_str(&line);
    }
}

#[tokio::test]
async fn a_mail_that_is_put_off_comes_and_its_link_decides_by_its_form_only() -> anyhow::Result<()> {
    let post = Post::open().await?;
    let folder = tempfile::tempdir()?;
    let server = ServerOptions::on(folder.path())
        .with("http.public_url", PUBLIC)
        .with("notifications.smtp.host", "127.0.0.1")
        .with("notifications.smtp.port", &post.address.port().to_string())
        .with("notifications.smtp.security", "none")
        .with("notifications.smtp.from", "procession@example.org")
        .with("outgoing.allow", &post.address.to_string())
        .with("deliveries.delays", "50ms")
        .start()?;
    let client = Client::log_in(server.url()).await?;
    let process = client.publish(PROCESS).await?;
    let execution = client.execute(&process, &json!({})).await?;

    // The server had put it off, and a try after that was taken.
    let asked = post.to("ann@example.org").await?;
    assert!(asked.contains("asks for your decision") && asked.contains("Release it?"), "{asked}");
    assert_eq!(post.kept.lock().unwrap().put_off, 1);
    let mail = &client.get("/api/deliveries?kind=mail&state=delivered").await?["deliveries"][0];
    assert_eq!((&mail["target"], &mail["attempts"]), (&json!("ann@example.org"), &json!(2)), "{mail}");
    let escalated = post.to("bob@example.org").await?;
    assert!(escalated.contains("nobody has decided in time"), "{escalated}");

    let start = escalated.find(&format!("{PUBLIC}/decide?link=")).expect("a link");
    let link = escalated[start + PUBLIC.len()..].split_whitespace().next().unwrap_or_default();
    let token = link.rsplit('=').next().unwrap_or_default();
    let http = http()?;
    for _ in 0..3 {
        let page = http.get(format!("{}{link}", server.url())).send().await?;
        assert_eq!(page.status(), StatusCode::OK);
        assert!(page.text().await?.contains("Release it?"));
    }
    let by_address = format!("{}{link}&decision=approve", server.url());
    assert_eq!(http.get(by_address).send().await?.status(), StatusCode::OK);
    let waiting = client.get(&format!("/api/executions/{execution}")).await?;
    assert_eq!(waiting["status"], "paused", "looking decides nothing: {waiting}");

    let form = format!("link={token}&decision=approve");
    let request = http.post(format!("{}/decide", server.url()));
    let decided = request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await?;
    assert!(decided.status().is_success() || decided.status().is_redirection(), "{}", decided.status());
    assert_eq!(client.ended(&execution).await?["status"], "completed");
    assert!(server.stop()?.success());
    Ok(())
}
