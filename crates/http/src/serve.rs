//! The web server: accepts connections and lets them end in order.
//!
//! The loop is our own because the framework's sets no time-outs for the heads of requests, and waits for idle
//! connections without end when it stops.

use std::{io, net::SocketAddr, pin::pin, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tower::ServiceExt;

use crate::{HttpState, TimeLimits, router};

/// How long the server rests when it can't accept connections, such as when no file handles are left.
const BREATHER: Duration = Duration::from_millis(100);

/// The most fields in the head of a request.
const MOST_HEADERS: usize = 100;

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;

/// A running web server. Dropping it cuts all connections.
pub struct WebServer {
    stopping: watch::Sender<bool>,
    accepting: JoinHandle<JoinSet<()>>,
}

/// Answers requests on `listener` from now on. While `state` holds no services they are answered with 503.
///
/// Must be called within a Tokio runtime.
pub fn serve(listener: TcpListener, state: HttpState) -> WebServer {
    let (stopping, stopped) = watch::channel(false);
    let limits = state.shell().settings.time_limits;
    let accepting = tokio::spawn(accept(listener, router(state), limits, stopped));
    WebServer { stopping, accepting }
}

impl WebServer {
    /// Takes no more connections, lets requests under way be answered for at most `patience`, and then ends the rest.
    pub async fn stop(self, patience: Duration) {
        self.stopping.send_replace(true);
        let Ok(mut connections) = self.accepting.await else { return };
        let ended = timeout(patience, async { while connections.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tracing::warn!(connections = connections.len(), "some connections did not end in time and were cut");
        }
        connections.shutdown().await;
    }
}

/// Accepts connections until the server stops; returns those that are still open.
async fn accept(
    listener: TcpListener,
    router: Router,
    limits: TimeLimits,
    mut stopped: watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop_of(&mut stopped) => return connections,
            _ = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, router.clone(), limits, stopped.clone()));
                }
                Err(error) => recover(&error).await,
            },
        }
    }
}

/// Returns when the server stops.
async fn stop_of(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

/// What fails of a single connection is nothing; anything else may pass.
async fn recover(error: &io::Error) {
    let is_of_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !is_of_connection {
        tracing::error!(%error, "connections can't be accepted at the moment");
        tokio::time::sleep(BREATHER).await;
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: TimeLimits,
    mut stopped: watch::Receiver<bool>,
) {
    // Small answers must not wait for more to send.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let builder = builder(limits);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    tokio::select! {
        // Clients that break off are nothing to report.
        _ = connection.as_mut() => {}
        () = stop_of(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

fn builder(limits: TimeLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.header)
        .keep_alive_timeout(limits.header)
        .enable_connect_protocol();
    builder
}
