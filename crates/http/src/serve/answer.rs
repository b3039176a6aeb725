//! What happens to each request between its connection and the routes: it keeps the connection busy until its answer is
//! out.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, Request},
    http::StatusCode,
    response::Response,
};
use hyper::body::{Frame, Incoming, SizeHint};
use tower::ServiceExt as _;

use super::connections::{Activity, Busy};
use crate::router::HealthOnly;

/// A connection as its requests see it.
#[derive(Clone)]
pub(super) struct Line {
    pub router: Router,
    pub peer: SocketAddr,
    pub activity: Arc<Activity>,
    /// Whether it may only ask how the server is.
    pub is_reserve: bool,
}

impl Line {
    /// Answers a request.
    pub async fn answer(self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let busy = self.activity.begin();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if self.is_reserve {
            request.extensions_mut().insert(HealthOnly);
        }
        let response = self.router.oneshot(request).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            busy.for_good();
            return Ok(response);
        }
        Ok(response.map(|body| Body::new(KeepsBusy { body, _busy: busy })))
    }
}

/// The body of an answer, until whose end the connection is busy.
struct KeepsBusy {
    body: Body,
    _busy: Busy,
}

impl HttpBody for KeepsBusy {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
