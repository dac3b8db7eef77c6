//! Answers of REST and Connect in fewer bytes, for those who accept it. Messages of gRPC are
//! compressed by the services themselves, frame by frame, and pass as they are.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;

use crate::Body;
use crate::heavy;

/// Shorter answers gain less than the work costs.
const SHORTEST: u64 = 1024;
/// A little work for most of the gain.
const GZIP_LEVEL: u32 = 4;
const ZSTD_LEVEL: i32 = 3;
const BROTLI_QUALITY: u32 = 4;
/// 2^19 bytes: what a compressor keeps in memory for each answer under way.
const BROTLI_WINDOW: u32 = 19;
const BROTLI_BUFFER: usize = 4096;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Zstd,
    Brotli,
}

impl Coding {
    /// In the order of our preference among those that a caller likes equally.
    const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
        }
    }

    /// Reads a token of `content-encoding` or `accept-encoding`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let gzip = text.eq_ignore_ascii_case("x-gzip").then_some(Self::Gzip);
        gzip.or_else(|| Self::ALL.into_iter().find(|one| text.eq_ignore_ascii_case(one.name())))
    }

    /// The coding that the caller likes best. None: the answer stays as it is.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        Self::best(headers, |_| true)
    }

    /// The same among those that there are.
    pub(crate) fn best(headers: &HeaderMap, there_is: impl Fn(Self) -> bool) -> Option<Self> {
        let mut weights = [None; 3];
        let (mut others, mut plain) = (0, 1);
        let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for item in lines.flat_map(|line| line.split(',')) {
            let (token, parameters) = item.split_once(';').unwrap_or((item, ""));
            let weight = weight(parameters);
            match token.trim() {
                "*" => others = weight,
                token if token.eq_ignore_ascii_case("identity") => plain = weight,
                token => {
                    let index = Self::parse(token).map(|coding| coding as usize);
                    if let Some(index) = index {
                        weights[index] = Some(weight);
                    }
                }
            }
        }
        let weight = |coding: Self| weights[coding as usize].unwrap_or(others);
        // Of equals `max_by_key` takes the last.
        let offers = Self::ALL.into_iter().rev().filter(|coding| there_is(*coding));
        let best = offers.max_by_key(|coding| weight(*coding))?;
        (weight(best) > 0 && weight(best) >= plain).then_some(best)
    }
}

/// A weight in thousandths; one that cannot be read refuses the coding.
fn weight(parameters: &str) -> u16 {
    let given = parameters.split(';').find_map(|one| {
        let (name, value) = one.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(given) = given else { return 1000 };
    given
        .parse::<f32>()
        .ok()
        .filter(|value| (0.0..=1.0).contains(value))
        .map_or(0, |value| (value * 1000.0) as u16)
}

/// Compresses an answer where that is worth it.
pub(crate) fn compress(response: Response<Body>, coding: Option<Coding>) -> Response<Body> {
    if !is_text(response.headers()) || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // Whoever keeps the answer must know that others get it in another form.
    if !head.headers.get_all(VARY).iter().any(|value| value == "accept-encoding") {
        head.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
    let known = http_body::Body::size_hint(&body).exact();
    let no_body = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let fixed = head.headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
    let fixed = fixed.is_some_and(|text| text.contains("no-transform"));
    let coding = coding.filter(|_| !no_body && !fixed && known.is_none_or(|size| size >= SHORTEST));
    let Some(encoder) = coding.and_then(|coding| Encoder::new(coding).ok()) else {
        return Response::from_parts(head, body);
    };
    if let Some(coding) = coding {
        head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(ACCEPT_RANGES);
    // The entity tag stays a strong one: it is the resource's own, which `if-match` must find again.
    Response::from_parts(head, Body::new(Packed { body, encoder: Some(encoder) }))
}

fn is_text(headers: &HeaderMap) -> bool {
    let Some(media) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let media = media.split(';').next().unwrap_or_default().trim();
    let kinds = ["application/json", "application/x-ndjson", "application/jsonl", "application/proto"];
    media.starts_with("text/")
        || kinds.contains(&media)
        || ["+json", "+xml"].iter().any(|suffix| media.ends_with(suffix)) && !media.contains("connect+")
        || media == "application/javascript"
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
}

impl Encoder {
    fn new(coding: Coding) -> io::Result<Self> {
        let out = Vec::new();
        Ok(match coding {
            Coding::Gzip => Self::Gzip(GzEncoder::new(out, Compression::new(GZIP_LEVEL))),
            Coding::Zstd => Self::Zstd(zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?),
            Coding::Brotli => Self::Brotli(Box::new(CompressorWriter::new(
                out,
                BROTLI_BUFFER,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            ))),
        })
    }

    /// What the caller can read of the data so far: streams are to arrive as they are told.
    fn add(&mut self, data: &[u8]) -> io::Result<Vec<u8>> {
        heavy::aside(data.len(), || self.write(data))
    }

    fn write(&mut self, data: &[u8]) -> io::Result<Vec<u8>> {
        let writer: &mut dyn Write = match self {
            Self::Gzip(writer) => writer,
            Self::Zstd(writer) => writer,
            Self::Brotli(writer) => writer,
        };
        writer.write_all(data)?;
        writer.flush()?;
        Ok(std::mem::take(match self {
            Self::Gzip(writer) => writer.get_mut(),
            Self::Zstd(writer) => writer.get_mut(),
            Self::Brotli(writer) => writer.get_mut(),
        }))
    }

    fn finish(self, last: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(mut writer) => {
                writer.write_all(last)?;
                writer.finish()
            }
            Self::Zstd(mut writer) => {
                writer.write_all(last)?;
                writer.finish()
            }
            Self::Brotli(mut writer) => {
                writer.write_all(last)?;
                Ok(writer.into_inner())
            }
        }
    }
}

/// A body on its way through a compressor.
struct Packed {
    body: Body,
    encoder: Option<Encoder>,
}

impl http_body::Body for Packed {
    type Data = Bytes;
    type Error = tonic::Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let Some(mut encoder) = self.encoder.take() else { return Poll::Ready(None) };
        let frame = match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                self.encoder = Some(encoder);
                return Poll::Pending;
            }
        };
        let packed = match frame {
            None => encoder.finish(&[]),
            Some(frame) => {
                // Trailers mean nothing to these protocols.
                let data = frame?.into_data().unwrap_or_default();
                if http_body::Body::is_end_stream(&self.body) {
                    encoder.finish(&data)
                } else {
                    let packed = encoder.add(&data);
                    self.encoder = Some(encoder);
                    packed
                }
            }
        };
        let packed = packed.map_err(|error| tonic::Status::internal(error.to_string()));
        Poll::Ready(Some(packed.map(|bytes| Frame::data(bytes.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_coding_is_chosen() {
        let cases = [
            ("", None),
            ("gzip", Some(Coding::Gzip)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("gzip;q=1.0, zstd;q=0.5", Some(Coding::Gzip)),
            ("br;q=0.8, gzip;q=0.8", Some(Coding::Brotli)),
            ("*", Some(Coding::Zstd)),
            ("zstd;q=0, *;q=0.5", Some(Coding::Brotli)),
            ("gzip;q=0", None),
            ("GZIP", Some(Coding::Gzip)),
            ("x-gzip", Some(Coding::Gzip)),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0.5, gzip", Some(Coding::Gzip)),
            ("gzip;q=much", None),
            ("deflate, compress", None),
        ];
        for (accept, chosen) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accept));
            assert_eq!(Coding::accepted(&headers), chosen, "{accept}");
        }
    }
}
