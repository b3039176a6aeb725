//! A client that follows all executions by a WebSocket.

use anyhow::Context as _;
use futures::StreamExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// A WebSocket that hears of everything.
pub struct Follower {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Follower {
    /// Connects, as whoever the token belongs to.
    pub async fn connect(address: &str, token: &str) -> anyhow::Result<Self> {
        let (socket, _) = tokio_tungstenite::connect_async(format!("ws://{address}/ws?token={token}")).await?;
        Ok(Self { socket })
    }

    /// Until an execution has completed.
    pub async fn until_completed(&mut self) -> anyhow::Result<()> {
        while !self.next().await?.contains("\"process_completed\"") {}
        Ok(())
    }

    /// Reads whatever comes, until the connection ends.
    pub async fn follow(mut self) {
        while self.next().await.is_ok() {}
    }

    async fn next(&mut self) -> anyhow::Result<String> {
        loop {
            let message = self.socket.next().await.context("the server has closed the WebSocket")??;
            if let Message::Text(text) = message {
                return Ok(text.to_string());
            }
        }
    }
}
