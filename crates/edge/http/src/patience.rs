//! A connection whose other end takes nothing is given up.
//!
//! What is written to a client that reads nothing waits in the operating system, then in here, and its connection would
//! stay until the client leaves: nobody asks a body, or a WebSocket that was let go, for more. So the clock runs while a
//! write waits, whatever is written: an answer, a piece of a stream, a close. TCP's own keep-alive does not help: a
//! client that reads nothing acknowledges well.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A connection on which a write fails with [`io::ErrorKind::TimedOut`] once nothing was taken for so long.
#[derive(Debug)]
pub(crate) struct Patience<S> {
    inner: S,
    patience: Duration,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Patience<S> {
    pub(crate) const fn new(inner: S, patience: Duration) -> Self {
        Self { inner, patience, waiting: None }
    }

    /// What a write came to: something was taken, or it still waits, or has waited too long.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        ready!(self.waiting.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, pieces);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// TCP flushes nothing: what has not gone out has not been written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::Instant,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_after_the_time_and_not_before() {
        let (client, server) = duplex(10);
        let mut server = Patience::new(server, PATIENCE);
        let begun = Instant::now();
        let error = server.write_all(&[0; 11]).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, PATIENCE));
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_little_now_and_then_is_waited_for() {
        let (mut client, server) = duplex(10);
        let mut server = Patience::new(server, PATIENCE);
        let begun = Instant::now();
        let reading = async {
            for _ in 0..20 {
                sleep(PATIENCE - Duration::from_millis(1)).await;
                client.read_exact(&mut [0; 10]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(server.write_all(&[0; 200]), reading);
        written.unwrap();
        assert!(begun.elapsed() > PATIENCE * 19);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_is_written_may_be_silent() {
        let (mut client, server) = duplex(10);
        let mut server = Patience::new(server, PATIENCE);
        let mut byte = [0];
        let (read, written) = tokio::join!(server.read_exact(&mut byte), async {
            sleep(PATIENCE * 10).await;
            client.write_all(b"x").await
        });
        assert_eq!((read.unwrap(), written.is_ok(), byte), (1, true, *b"x"));
        // Nor does the time of one write count for the next.
        server.write_all(&[0; 10]).await.unwrap();
        sleep(PATIENCE * 10).await;
        client.read_exact(&mut [0; 10]).await.unwrap();
        server.write_all(&[0; 10]).await.unwrap();
    }
}
