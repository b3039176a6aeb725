//! As little of an HTTP/1.1 client as is needed, so that what is measured is the server: one connection, kept open.

use std::fmt::Write as _;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// A connection to a server.
pub struct Client {
    connection: BufReader<TcpStream>,
    token: Option<String>,
}

/// An answer.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body; null if it is no JSON.
    pub body: Value,
}

impl Client {
    /// Connects.
    pub async fn connect(address: &str) -> anyhow::Result<Self> {
        let connection = TcpStream::connect(address).await?;
        connection.set_nodelay(true)?;
        Ok(Self { connection: BufReader::new(connection), token: None })
    }

    /// The same with this token.
    pub fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// Logs in as `admin`; the token.
    pub async fn log_in(&mut self, password: &str) -> anyhow::Result<String> {
        let form = format!("username=admin&password={password}");
        let answer = self.send("POST", "/api/token", Some(("application/x-www-form-urlencoded", &form))).await?;
        let token = answer.body["access_token"].as_str();
        Ok(token.with_context(|| format!("no log-in: {} {}", answer.status, answer.body))?.to_owned())
    }

    /// Tries to log in; the status of the answer.
    pub async fn try_log_in(&mut self, name: &str, password: &str) -> anyhow::Result<u16> {
        let form = format!("username={name}&password={password}");
        Ok(self.send("POST", "/api/token", Some(("application/x-www-form-urlencoded", &form))).await?.status)
    }

    /// Asks for something.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.send("GET", path, None).await
    }

    /// Asks for a text that must be there.
    pub async fn get_text(&mut self, path: &str) -> anyhow::Result<String> {
        self.request("GET", path, None, None).await?;
        let (status, body) = self.read().await?;
        ensure!(status == 200, "GET {path}: {status}");
        Ok(String::from_utf8(body)?)
    }

    /// Sends JSON that must be taken.
    pub async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send_json("POST", path, body).await
    }

    /// Sends JSON with this header; whatever is answered.
    pub async fn post_with(&mut self, path: &str, header: (&str, &str), body: &Value) -> anyhow::Result<Answer> {
        self.request("POST", path, Some(("application/json", &body.to_string())), Some(header)).await?;
        self.answer().await
    }

    /// The same, without waiting for an answer: the connection is closed as soon as all is sent.
    pub async fn send_and_leave(mut self, path: &str, header: (&str, &str), body: &Value) -> anyhow::Result<()> {
        self.request("POST", path, Some(("application/json", &body.to_string())), Some(header)).await
    }

    /// Puts JSON that must be taken.
    pub async fn put(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send_json("PUT", path, body).await
    }

    async fn send_json(&mut self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.send(method, path, Some(("application/json", &body.to_string()))).await?;
        ensure!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    async fn send(&mut self, method: &str, path: &str, body: Option<(&str, &str)>) -> anyhow::Result<Answer> {
        self.request(method, path, body, None).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> anyhow::Result<Answer> {
        let (status, body) = self.read().await?;
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    async fn request(
        &mut self,
        method: &str,
        path: &str,
        body: Option<(&str, &str)>,
        header: Option<(&str, &str)>,
    ) -> anyhow::Result<()> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        if let Some(token) = &self.token {
            let _ = write!(request, "authorization: Bearer {token}\r\n");
        }
        if let Some((name, value)) = header {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        if let Some((kind, content)) = body {
            let _ = write!(request, "content-type: {kind}\r\ncontent-length: {}\r\n", content.len());
        }
        request.push_str("\r\n");
        request.push_str(body.map_or("", |(_, content)| content));
        self.connection.get_mut().write_all(request.as_bytes()).await?;
        Ok(())
    }

    /// The status and the body of an answer.
    async fn read(&mut self) -> anyhow::Result<(u16, Vec<u8>)> {
        let status_line = self.line().await?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("no answer of HTTP: {status_line}"))?;
        let (mut length, mut chunked) = (None, false);
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            match line.split_once(':') {
                None if line.is_empty() => break,
                Some(("content-length", value)) => length = Some(value.trim().parse::<usize>()?),
                Some(("transfer-encoding", value)) => chunked = value.contains("chunked"),
                _ => {}
            }
        }
        let body = match length {
            Some(length) => self.bytes(length).await?,
            None if chunked => self.chunks().await?,
            None if status == 204 => Vec::new(),
            None => bail!("an answer of unknown length"),
        };
        Ok((status, body))
    }

    async fn chunks(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(self.line().await?.trim(), 16)?;
            body.extend(self.bytes(length).await?);
            self.line().await?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    async fn bytes(&mut self, length: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.connection.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let read = self.connection.read_line(&mut line).await?;
        ensure!(read > 0, "the server has closed the connection");
        Ok(line.trim_end().to_owned())
    }
}
