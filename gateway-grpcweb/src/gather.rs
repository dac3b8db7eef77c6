//! Fewer and larger writes for HTTP/2.
//!
//! h2 gathers the short messages of many calls and writes them at once, but only for a stream that takes one buffer
//! at a time; to any other it writes each message beyond 256 bytes by itself. [`Gathered`] is such a stream, and
//! joins what h2 then hands over in two parts, the frames so far and a long message behind them. For HTTP/1.1, which
//! has one answer at a time and would copy it, all goes through as it comes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// No more than h2 buffers of frames waits for the rest.
const HELD_MAX: usize = 16 * 1024;
/// How a client of HTTP/2 begins, and none of HTTP/1.1.
const PREFACE: &[u8] = b"PRI";

/// A stream that HTTP is spoken on.
pub(crate) struct Gathered<S> {
    stream: S,
    held: Vec<u8>,
    peer: Peer,
}

enum Peer {
    /// Speaks HTTP/2 as far as these many bytes of the preface can tell.
    Begins(usize),
    Http1,
    Http2,
}

impl<S> Gathered<S> {
    /// A connection that somebody opened to speak one of the two.
    pub(crate) fn accepted(stream: S) -> Self {
        Self { stream, held: Vec::new(), peer: Peer::Begins(0) }
    }

    /// A connection that speaks HTTP/2.
    pub(crate) fn opened(stream: S) -> Self {
        Self { stream, held: Vec::new(), peer: Peer::Http2 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if let Peer::Begins(known) = self.peer {
            let (read, preface) = (&buffer.filled()[before..], &PREFACE[known..]);
            let len = read.len().min(preface.len());
            self.peer = match read[..len] == preface[..len] {
                false => Peer::Http1,
                true if len == preface.len() => Peer::Http2,
                true => Peer::Begins(known + len),
            };
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    fn poll_held(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.held))?;
            self.written(written)?;
        }
        // A connection at rest keeps nothing.
        self.held = Vec::new();
        Poll::Ready(Ok(()))
    }

    fn written(&mut self, len: usize) -> io::Result<()> {
        if len == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.held.drain(..len);
        Ok(())
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !matches!(this.peer, Peer::Http2) {
            return Pin::new(&mut this.stream).poll_write(context, bytes);
        }
        if this.held.len() + bytes.len() <= HELD_MAX {
            this.held.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        loop {
            let both = [IoSlice::new(&this.held), IoSlice::new(bytes)];
            let from = usize::from(this.held.is_empty());
            let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(context, &both[from..]))?;
            let held = this.held.len();
            if written > held || held == 0 {
                this.held.clear();
                return Poll::Ready(Ok(written - held));
            }
            this.written(written)?;
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Only HTTP/1.1 gets here, which nothing is held of.
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        !matches!(self.peer, Peer::Http2) && self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_held(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_held(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Reads some bytes, and takes a few at a time.
    struct Narrow {
        told: &'static [u8],
        taken: Vec<u8>,
        width: usize,
        writes: usize,
    }

    impl AsyncRead for Narrow {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let len = self.told.len().min(buffer.remaining()).min(2);
            let (now, rest) = self.told.split_at(len);
            buffer.put_slice(now);
            self.told = rest;
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(context, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            parts: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.writes += 1;
            if self.writes.is_multiple_of(3) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let (width, before) = (self.width, self.taken.len());
            let bytes = parts.iter().flat_map(|part| part.iter().copied());
            self.taken.extend(bytes.take(width));
            Poll::Ready(Ok(self.taken.len() - before))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    async fn connection(told: &'static [u8], width: usize) -> Gathered<Narrow> {
        let mut stream = Gathered::accepted(Narrow { told, taken: Vec::new(), width, writes: 0 });
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, told);
        stream
    }

    #[tokio::test]
    async fn what_is_written_arrives_whole_and_in_order() {
        // Parts of any length, over a stream that takes any number of bytes at a time and has to be waited for.
        for seed in 0..50 {
            let mut random = rand::rngs::StdRng::seed_from_u64(seed);
            let width = random.random_range(1..50_000);
            let mut stream = connection(b"PRI * HTTP/2.0", width).await;
            assert!(!stream.is_write_vectored());
            let mut written = Vec::new();
            for _ in 0..random.random_range(1..20) {
                let part: Vec<u8> = (0..random.random_range(0..40_000)).map(|_| random.random()).collect();
                stream.write_all(&part).await.unwrap();
                written.extend(part);
                if random.random_bool(0.3) {
                    stream.flush().await.unwrap();
                    assert!(stream.stream.taken == written, "seed {seed}");
                }
            }
            stream.shutdown().await.unwrap();
            assert!(stream.stream.taken == written, "seed {seed}");
        }
    }

    #[tokio::test]
    async fn short_parts_wait_for_the_flush_in_http2_alone() {
        // An answer of HTTP/1.1 must not wait, whichever letter its request began with.
        for (told, waits) in [
            (&b"PRI * HTTP/2.0"[..], true),
            (b"GET /", false),
            (b"POST /", false),
            (b"P", false),
            (b"", false),
        ] {
            let mut stream = connection(told, 1_000).await;
            for part in [&b"frame"[..], b"another"] {
                stream.write_all(part).await.unwrap();
            }
            assert_eq!(stream.stream.taken.is_empty(), waits, "{told:?}");
            assert_eq!(stream.is_write_vectored(), !waits, "{told:?}");
            stream.flush().await.unwrap();
            assert_eq!(stream.stream.taken, b"frameanother");
            assert_eq!(stream.stream.writes, if waits { 1 } else { 2 }, "{told:?}");
        }
    }
}
