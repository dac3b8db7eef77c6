//! How fast long bodies are read that become one message.

use std::pin::Pin;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Body;

/// From here on a body is long. Few calls are: a message of a hundred rows is a tenth of it.
const LONG: usize = 256 * 1024;

/// What all long bodies together are read with in a second, for each core. To check and to write such messages takes the
/// services behind longer; but whoever sends faster than that would keep the gateway's cores from other callers with the
/// copying alone. At twice as much, two strangers can more than double what others wait (docs/figures.md).
const PER_CORE: u32 = 4 * 1024 * 1024;

static SHARED: LazyLock<Pace> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
    Pace::new(PER_CORE.saturating_mul(cores))
});

/// So many bytes a second for everybody together, in the order in which they come.
struct Pace {
    bytes_per_second: u32,
    free: Mutex<Option<Instant>>,
}

impl Pace {
    const fn new(bytes_per_second: u32) -> Self {
        Self { bytes_per_second, free: Mutex::new(None) }
    }

    /// When whoever has read so many bytes may read on.
    fn take(&self, bytes: usize) -> Instant {
        let cost =
            Duration::from_nanos(bytes as u64 * 1_000_000_000 / u64::from(self.bytes_per_second.max(1)));
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = free.map_or_else(Instant::now, |free| free.max(Instant::now()));
        *free.insert(begin + cost)
    }
}

/// A body that is read at the shared pace from where it is long. Its sender is held up by what is not read.
pub(crate) struct Paced {
    body: Body,
    pace: &'static Pace,
    read: usize,
    rest: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, pace: &SHARED, read: 0, rest: None }
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(context));
            self.rest = None;
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        self.read += bytes;
        if self.read > LONG && bytes > 0 {
            self.rest = Some(Box::pin(sleep_until(self.pace.take(bytes))));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    const CHUNK: usize = 64 * 1024;

    async fn read(pace: &'static Pace, chunks: usize) -> Duration {
        let frames =
            (0..chunks).map(|_| Ok::<_, tonic::Status>(Frame::data(Bytes::from_static(&[b' '; CHUNK]))));
        let body = tonic::body::Body::new(StreamBody::new(tokio_stream::iter(frames)));
        let begun = Instant::now();
        let paced = Paced { pace, ..Paced::new(body) };
        assert_eq!(paced.collect().await.unwrap().to_bytes().len(), chunks * CHUNK);
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn long_bodies_share_a_pace_and_short_ones_have_none() {
        // However many send without pause, they take no more of the gateway together than one of them would.
        static PACE: Pace = Pace::new(CHUNK as u32 * 10);
        let short = LONG / CHUNK;
        assert_eq!(read(&PACE, short).await, Duration::ZERO);
        let near = |time: Duration, seconds: f64| (time.as_secs_f64() - seconds).abs() < 0.05;
        let alone = read(&PACE, short + 20).await;
        assert!(near(alone, 2.0), "{alone:?}");
        let (one, other) = tokio::join!(read(&PACE, short + 20), read(&PACE, short + 20));
        assert!(near(one.max(other), 4.0) && near(one.min(other), 3.9), "{one:?} {other:?}");
        // What nobody used in between is not saved up.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let later = read(&PACE, short + 20).await;
        assert!(near(later, 2.0), "{later:?}");
    }
}
