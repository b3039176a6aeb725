//! Listening to an execution: the server says when something has happened.

use reqwest::{Response, StatusCode};

use super::{Remote, RemoteError, errors::Head};

/// Whether there is something to listen to.
pub enum Listening {
    /// The execution goes on.
    GoesOn(Updates),
    /// It has ended, and everything that happened to it is known.
    HasEnded,
}

/// What happens to an execution.
pub struct Updates {
    response: Response,
}

/// What the server sends to show that it is there.
const SIGN_OF_LIFE: &[u8] = b":";

impl Remote {
    /// Listens to an execution, for what comes behind this event.
    pub async fn listen(&self, execution: &str, after: u64) -> Result<Listening, RemoteError> {
        let path = format!("/api/executions/{execution}/stream?after={after}");
        let response = self.send(self.request(reqwest::Method::GET, &path)).await?;
        match response.status() {
            StatusCode::NO_CONTENT => Ok(Listening::HasEnded),
            StatusCode::OK => Ok(Listening::GoesOn(Updates { response })),
            _ => {
                let head = Head::of(&response);
                let text = response.text().await.map_err(|error| self.unreachable(&error))?;
                match head.read(&self.address, &self.credential, &path, &text) {
                    Ok(_) => Err(self.unknown_answer()),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

impl Updates {
    /// Waits until something has happened. `false` when the connection has ended, for whatever reason.
    pub async fn next(&mut self) -> bool {
        loop {
            match self.response.chunk().await {
                Ok(Some(chunk)) if chunk.trim_ascii() == SIGN_OF_LIFE => {}
                Ok(Some(_)) => return true,
                Ok(None) | Err(_) => return false,
            }
        }
    }
}
