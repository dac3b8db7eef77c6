//! How long a call may take: read once at the edge, passed on to services, kept by the gateway.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use tokio::time::{Instant, Sleep};

use crate::Body;
use crate::error::ApiError;

pub(crate) const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const REQUEST_TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout");
const CONNECT_TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");

/// What the gateway keeps of a deadline for itself, so that a service's own answer to a passed
/// deadline still reaches the caller in time: a twentieth, at most this.
const MARGIN_MAX: Duration = Duration::from_millis(50);

/// Reads one form of a duration.
type Reader = fn(&str) -> Option<Duration>;

/// Replaces the headers by which a caller may name a deadline by one `grpc-timeout`: the shortest
/// of them, at most `longest`. Leaves nothing when the caller named none.
///
/// # Errors
/// INVALID_ARGUMENT naming the header that cannot be read.
pub(crate) fn settle(headers: &mut HeaderMap, longest: Duration) -> Result<(), ApiError> {
    let mut shortest: Option<Duration> = None;
    let readers: [(HeaderName, Reader, &str); 3] = [
        (GRPC_TIMEOUT, grpc_timeout, "up to eight digits and one of H, M, S, m, u, n"),
        (REQUEST_TIMEOUT, request_timeout, "seconds such as 2.5, or a number with ms, s or m"),
        (CONNECT_TIMEOUT, connect_timeout, "up to ten digits of milliseconds"),
    ];
    for (name, read, form) in readers {
        let Some(value) = headers.get(&name) else { continue };
        let asked = value.to_str().ok().and_then(read);
        let asked = asked.ok_or_else(|| ApiError::malformed(format!("the header {name} must be {form}")))?;
        shortest = Some(shortest.map_or(asked, |other| other.min(asked)));
    }
    let Some(shortest) = shortest else { return Ok(()) };
    headers.remove(REQUEST_TIMEOUT);
    headers.remove(CONNECT_TIMEOUT);
    headers.insert(GRPC_TIMEOUT, shown(shortest.min(longest)));
    Ok(())
}

/// Names a deadline to a service: what is left once the gateway's own margin is taken off.
pub(crate) fn pass_on(headers: &mut HeaderMap, deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => headers.insert(GRPC_TIMEOUT, shown(deadline.saturating_sub(margin(deadline)))),
        None => headers.remove(GRPC_TIMEOUT),
    };
}

/// What a service was told.
pub(crate) fn told(headers: &HeaderMap) -> Option<Duration> {
    grpc_timeout(headers.get(GRPC_TIMEOUT)?.to_str().ok()?)
}

fn margin(deadline: Duration) -> Duration {
    (deadline / 20).min(MARGIN_MAX)
}

/// The largest unit that loses nothing within eight digits.
fn shown(deadline: Duration) -> HeaderValue {
    let micros = deadline.as_micros();
    let text = match micros {
        0..=99_999_999 if !micros.is_multiple_of(1000) => format!("{micros}u"),
        _ if deadline.as_millis() <= 99_999_999 => format!("{}m", deadline.as_millis()),
        _ => format!("{}S", deadline.as_secs().min(99_999_999)),
    };
    HeaderValue::try_from(text).expect("digits and a letter")
}

/// Reads `grpc-timeout`: up to eight digits and a unit.
pub(crate) fn grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let value = number(digits, 8)?;
    match unit {
        "H" => Some(Duration::from_secs(value * 3600)),
        "M" => Some(Duration::from_secs(value * 60)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

/// Reads `x-request-timeout`: seconds, with a fraction if need be, or a number and `ms`, `s`, `m`.
fn request_timeout(text: &str) -> Option<Duration> {
    if let Some(millis) = text.strip_suffix("ms") {
        return Some(Duration::from_millis(number(millis, 10)?));
    }
    if let Some(minutes) = text.strip_suffix('m') {
        return Some(Duration::from_secs(number(minutes, 8)? * 60));
    }
    let seconds = text.strip_suffix('s').unwrap_or(text);
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let scale = 10_u64.pow(9 - u32::try_from(fraction.len()).ok().filter(|len| *len <= 9)?);
    Some(Duration::from_secs(number(whole, 10)?) + Duration::from_nanos(number(fraction, 9)? * scale))
}

/// Reads `connect-timeout-ms`.
fn connect_timeout(text: &str) -> Option<Duration> {
    number(text, 10).map(Duration::from_millis)
}

fn number(digits: &str, longest: usize) -> Option<u64> {
    let fits = (1..=longest).contains(&digits.len()) && digits.bytes().all(|one| one.is_ascii_digit());
    fits.then(|| digits.parse().ok())?
}

/// Runs a call until the deadline that its service was told: one that passes it ends as a service would end it, with the
/// status DEADLINE_EXCEEDED, in its headers or, once these are sent, in its trailers. Dropping the
/// future or the body drops the call.
pub(crate) async fn keep<E>(
    told: Option<Duration>,
    call: impl Future<Output = Result<Response<Body>, E>>,
) -> Result<Response<Body>, E> {
    let Some(told) = told else { return call.await };
    let begun = Instant::now();
    let until = begun + told + margin(told);
    let passed = || {
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = ApiError::deadline().metadata();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        response
    };
    match tokio::time::timeout_at(until, call).await {
        // Servers cut off by their deadline tend to call it a cancellation, which nobody asked for.
        Ok(Ok(answer)) if is_cancelled(&answer) && begun.elapsed() >= told => Ok(passed()),
        // Channels that read the deadline give up with an error of their own.
        Ok(Err(_)) if begun.elapsed() >= told => Ok(passed()),
        Ok(answer) => Ok(answer?.map(|body| {
            if http_body::Body::is_end_stream(&body) {
                return body;
            }
            Body::new(Until { body, until, alarm: None, done: false })
        })),
        Err(_) => Ok(passed()),
    }
}

fn is_cancelled(answer: &Response<Body>) -> bool {
    answer.headers().get("grpc-status").is_some_and(|status| status == "1")
}

/// A body that ends with its deadline.
struct Until {
    body: Body,
    until: Instant,
    /// Set only once there is something to wait for.
    alarm: Option<Pin<Box<Sleep>>>,
    done: bool,
}

impl http_body::Body for Until {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        if self.done {
            return Poll::Ready(None);
        }
        if let ready @ Poll::Ready(_) = Pin::new(&mut self.body).poll_frame(context) {
            return ready;
        }
        let until = self.until;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if alarm.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.done = true;
        // The call to the service ends here, not when the caller has read what is left.
        self.body = Body::empty();
        Poll::Ready(Some(Ok(Frame::trailers(ApiError::deadline().metadata()))))
    }

    fn is_end_stream(&self) -> bool {
        self.done || http_body::Body::is_end_stream(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn timeouts_are_read() {
        let read = |text| grpc_timeout(text);
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for bad in ["", "m", "1", "1x", "-1S", "123456789S", "1ü"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        for (text, millis) in [("2", 2000), ("0.25", 250), ("2.5s", 2500), ("300ms", 300), ("3m", 180_000)] {
            assert_eq!(request_timeout(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "s", ".5", "1.", "-1", "1e3", "1 s", "1.0000000001", "12345678901"] {
            assert_eq!(request_timeout(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_shortest_deadline_counts_and_is_capped() {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static("5S"));
        headers.insert(REQUEST_TIMEOUT, HeaderValue::from_static("1.5"));
        headers.insert(CONNECT_TIMEOUT, HeaderValue::from_static("1600"));
        settle(&mut headers, Duration::from_secs(300)).unwrap();
        assert_eq!((headers.len(), &headers[GRPC_TIMEOUT]), (1, &HeaderValue::from_static("1500m")));
        settle(&mut headers, Duration::from_secs(1)).unwrap();
        assert_eq!(headers[GRPC_TIMEOUT], "1000m");
        headers.insert(REQUEST_TIMEOUT, HeaderValue::from_static("soon"));
        let refused = settle(&mut headers, Duration::from_secs(1)).unwrap_err();
        assert_eq!(refused.code, Code::InvalidArgument);
        assert!(refused.message.contains("x-request-timeout"), "{}", refused.message);
    }

    #[test]
    fn services_get_a_little_less() {
        for (deadline, told) in [(10_000_000, "9950m"), (200_000, "190m"), (1_000, "950u"), (0, "0m")] {
            let mut headers = HeaderMap::new();
            pass_on(&mut headers, Some(Duration::from_micros(deadline)));
            assert_eq!(headers[GRPC_TIMEOUT], told);
            let told = super::told(&headers).unwrap();
            assert!(told + margin(told) <= Duration::from_micros(deadline), "the deadline is kept");
        }
    }
}
