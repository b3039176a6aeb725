//! A connection's socket, with its place among the others for as long as it is open, whatever it has become.
//!
//! A socket that is closed while its client still sends would be reset by the system, and the client might never see the
//! answer that says why. So what still comes is read and thrown away for a moment.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

use super::connections::Place;

/// How long, and how much, is read of what a client still sends after the last answer.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// A socket with its place.
pub(super) struct Socket {
    /// Present until it is dropped.
    open: Option<(TcpStream, Place)>,
    /// Whether the client has said that nothing more comes.
    at_end: bool,
    /// Whether the last answer is out.
    is_shut: bool,
}

impl Socket {
    pub const fn new(stream: TcpStream, place: Place) -> Self {
        Self { open: Some((stream, place)), at_end: false, is_shut: false }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        let (stream, _) = self.open.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        Ok(Pin::new(stream))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some((stream, place)) = self.open.take()
            && self.is_shut
            && !self.at_end
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(linger(stream, place));
        }
    }
}

async fn linger(mut stream: TcpStream, place: Place) {
    let mut rest = vec![0; 16 * 1024];
    let mut left = LINGER_BYTES;
    let drain = async {
        while let Ok(read @ 1..) = stream.read(&mut rest).await {
            let Some(less) = left.checked_sub(read) else { return };
            left = less;
        }
    };
    let _ = timeout(LINGER, drain).await;
    drop(place);
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (before, has_room) = (into.filled().len(), into.remaining() > 0);
        ready!(self.stream()?.poll_read(context, into))?;
        self.at_end |= has_room && into.filled().len() == before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.open.as_ref().is_some_and(|(stream, _)| stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_shut = true;
        self.stream()?.poll_shutdown(context)
    }
}
