//! Bodies of REST and Connect that come compressed.

use std::io::{self, Write};

use brotli::DecompressorWriter;
use flate2::write::MultiGzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tonic::Code;

use crate::Body;
use crate::edge::compress::Coding;
use crate::edge::pace::Paced;
use crate::error::ApiError;
use crate::heavy;

/// 2^23 bytes: what a decompressor may keep, by the advice of RFC 8878.
const ZSTD_WINDOW: u32 = 23;
const BROTLI_BUFFER: usize = 4096;
/// What is taken, as headers list it.
pub(crate) const TAKEN: &str = "gzip, zstd, br";

/// How a body comes.
///
/// # Errors
/// 415 with the codings that are taken, for any other and for several at once.
pub(crate) fn coding(headers: &HeaderMap) -> Result<Option<Coding>, ApiError> {
    let mut given = headers.get_all(CONTENT_ENCODING).iter();
    let Some(first) = given.next() else { return Ok(None) };
    let text = first.to_str().unwrap_or_default().trim();
    if given.next().is_none() {
        if text.eq_ignore_ascii_case("identity") {
            return Ok(None);
        }
        if let Some(coding) = Coding::parse(text) {
            return Ok(Some(coding));
        }
    }
    Err(ApiError::new(Code::Unimplemented, format!("the body must come as one of {TAKEN}, or as it is"))
        .status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        .reason("UNSUPPORTED_COMPRESSION")
        .header(ACCEPT_ENCODING, HeaderValue::from_static(TAKEN)))
}

/// Reads the whole body and puts what was compressed in its place. Neither side of it may be
/// longer than the limit, so that a few bytes cannot become many.
///
/// # Errors
/// 413 beyond the limit, INVALID_ARGUMENT for a body that is not what its header says.
pub(crate) async fn unpack(
    request: Request<Body>,
    coding: Coding,
    limit: usize,
) -> Result<Request<Body>, ApiError> {
    let (mut head, body) = request.into_parts();
    let packed = Limited::new(Paced::new(body), limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return ApiError::too_large(limit);
        }
        ApiError::new(Code::Cancelled, "the body could not be read to its end")
    })?;
    let packed = packed.to_bytes();
    // It may be as long as is allowed, however short it is now.
    let plain = heavy::in_turn(limit, || plain(coding, &packed, limit)).await?;
    head.headers.remove(CONTENT_ENCODING);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(plain.len()));
    Ok(Request::from_parts(head, crate::body(plain)))
}

/// Unpacks what is of at most the limit when it is unpacked.
///
/// # Errors
/// 413 beyond the limit, INVALID_ARGUMENT for what is not of the coding.
pub(crate) fn plain(coding: Coding, packed: &[u8], limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut plain = Bounded { out: Vec::new(), limit, beyond: false };
    let unpacked = if packed.is_empty() { Ok(()) } else { write(coding, packed, &mut plain) };
    if plain.beyond {
        return Err(ApiError::too_large(limit));
    }
    unpacked.map_err(|_| ApiError::malformed(format!("the body is no {}", coding.name())))?;
    Ok(plain.out)
}

fn write(coding: Coding, packed: &[u8], plain: &mut Bounded) -> io::Result<()> {
    match coding {
        Coding::Gzip => {
            let mut writer = MultiGzDecoder::new(plain);
            writer.write_all(packed)?;
            writer.finish().map(|_| ())
        }
        Coding::Zstd => {
            let mut decoder = zstd::stream::raw::Decoder::new()?;
            decoder.set_parameter(zstd::stream::raw::DParameter::WindowLogMax(ZSTD_WINDOW))?;
            let mut writer = zstd::stream::zio::Writer::new(plain, decoder);
            writer.write_all(packed)?;
            writer.finish()
        }
        Coding::Brotli => {
            let mut writer = DecompressorWriter::new(plain, BROTLI_BUFFER);
            writer.write_all(packed)?;
            writer.close()
        }
    }
}

/// Takes so much and no more.
struct Bounded {
    out: Vec<u8>,
    limit: usize,
    beyond: bool,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.out.len() + data.len() > self.limit {
            self.beyond = true;
            return Err(io::Error::other("too long"));
        }
        self.out.extend_from_slice(data);
        // Whoever waits for this core goes first, rather than when the system next looks, milliseconds later.
        std::thread::yield_now();
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(coding: Coding, plain: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Gzip => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                writer.write_all(plain).unwrap();
                writer.finish().unwrap()
            }
            Coding::Zstd => zstd::stream::encode_all(plain, 3).unwrap(),
            Coding::Brotli => {
                let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
                writer.write_all(plain).unwrap();
                writer.into_inner()
            }
        }
    }

    async fn unpacked(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, ApiError> {
        let request = Request::new(crate::body(body.to_vec()));
        let request = unpack(request, coding, limit).await?;
        Ok(request.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    #[tokio::test]
    async fn bodies_are_unpacked_within_their_limit() {
        // What is beyond the limit is refused before it takes memory, and what is torn is refused.
        const LIMIT: usize = 1 << 20;
        for coding in [Coding::Gzip, Coding::Zstd, Coding::Brotli] {
            let plain = b"{\"title\": \"a\"}".repeat(100);
            let small = packed(coding, &plain);
            assert_eq!(unpacked(coding, &small, LIMIT).await.unwrap(), plain);
            let bomb = packed(coding, &vec![b' '; 8 << 20]);
            assert!(bomb.len() < LIMIT / 8, "{coding:?} packs it to {}", bomb.len());
            let refused = unpacked(coding, &bomb, LIMIT).await.unwrap_err();
            assert_eq!(refused.http_status(), StatusCode::PAYLOAD_TOO_LARGE, "{coding:?}");
            let torn = unpacked(coding, &small[..small.len() / 2], LIMIT).await.unwrap_err();
            assert_eq!(torn.http_status(), StatusCode::BAD_REQUEST, "{coding:?}");
            let other = unpacked(coding, b"{\"title\": \"no such coding\"}", LIMIT).await.unwrap_err();
            assert_eq!(other.http_status(), StatusCode::BAD_REQUEST, "{coding:?}");
            assert!(unpacked(coding, b"", LIMIT).await.unwrap().is_empty());
        }
    }
}
