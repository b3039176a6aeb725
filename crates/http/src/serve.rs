//! The web server: accepts connections and lets them end in order.
//!
//! The loop is our own because the framework's sets no time-outs for the heads of requests, and waits for idle
//! connections without end when it stops. Which connections there may be is told in `connections`.

mod answer;
mod connections;
mod socket;

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use self::{
    answer::Line,
    connections::{Connections, Place},
    socket::Socket,
};
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
    watching: JoinHandle<()>,
}

/// Answers requests on `listener` from now on. While `state` holds no services they are answered with 503.
///
/// Must be called within a Tokio runtime.
pub fn serve(listener: TcpListener, state: HttpState) -> WebServer {
    let (stopping, stopped) = watch::channel(false);
    let settings = &state.shell().settings;
    let (limits, connections) = (settings.time_limits, Connections::new(settings.connections()));
    let watched = state.clone();
    let watching = tokio::spawn(async move { watched.shell().pulse.beat().await });
    let accepting = tokio::spawn(accept(listener, router(state), connections, limits, stopped));
    WebServer { stopping, accepting, watching }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.accepting.abort();
        self.watching.abort();
    }
}

impl WebServer {
    /// Takes no more connections, lets requests under way be answered for at most `patience`, and then ends the rest.
    pub async fn stop(mut self, patience: Duration) {
        self.stopping.send_replace(true);
        let Ok(mut connections) = (&mut self.accepting).await else { return };
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
    connections: Connections,
    limits: TimeLimits,
    mut stopped: watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            () = stop_of(&mut stopped) => return open,
            _ = open.join_next(), if !open.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = connections.admit(peer.ip()) {
                        open.spawn(connection(stream, peer, place, router.clone(), limits, stopped.clone()));
                    }
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
    place: Place,
    router: Router,
    limits: TimeLimits,
    mut stopped: watch::Receiver<bool>,
) {
    // Small answers must not wait for more to send.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let activity = Arc::clone(&place.activity);
    let line = Line { router, peer, activity: Arc::clone(&activity), is_reserve: place.is_reserve };
    let builder = builder(limits);
    let socket = TokioIo::new(Socket::new(stream, place));
    let connection =
        builder.serve_connection_with_upgrades(socket, service_fn(move |request| line.clone().answer(request)));
    let mut connection = pin!(connection);
    tokio::select! {
        // Clients that break off are nothing to report.
        _ = connection.as_mut() => {}
        // From the accept on, and whatever has come of a request's head.
        () = activity.ends(limits.header) => {}
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
