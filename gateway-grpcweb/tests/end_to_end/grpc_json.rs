//! JSON in the frames of gRPC and gRPC-Web.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::json;
use tonic::body::Body;
use tower::ServiceExt;

use crate::calls::frames;
use crate::connect::{GET_BOOK, WATCH, both, envelope, gzip, parse};
use crate::support::text;

#[tokio::test]
async fn json_travels_in_the_frames_of_grpc_and_grpc_web() {
    for gateway in both().await {
        for content_type in
            ["application/grpc-web+json", "application/grpc-web-text+json", "application/grpc+json"]
        {
            let call = async |path: &str, message: &str, encoding: &[(&str, &str)]| {
                let flags = u8::from(!encoding.is_empty());
                let message = if flags == 1 { gzip(message.as_bytes()) } else { message.as_bytes().to_vec() };
                let mut frame = envelope(flags, &message);
                let base64 = content_type.contains("text");
                if base64 {
                    frame = STANDARD.encode(frame).into_bytes();
                }
                let mut request = Request::post(path).header("content-type", content_type);
                for (name, value) in encoding {
                    request = request.header(*name, *value);
                }
                let request = request.body(Body::new(Full::new(Bytes::from(frame)))).unwrap();
                let response = gateway.clone().into_service().oneshot(request).await.unwrap();
                let (head, body) = response.into_parts();
                let whole = body.collect().await.unwrap();
                let trailers = whole.trailers().cloned().unwrap_or_else(|| head.headers.clone());
                let mut bytes = whole.to_bytes().to_vec();
                if base64 {
                    bytes = bytes.chunks(4).flat_map(|group| STANDARD.decode(group).unwrap()).collect();
                }
                let mut sent = frames(&bytes);
                let status = match sent.pop_if(|(flags, _)| *flags == 0x80) {
                    Some((_, web)) => {
                        let web = String::from_utf8(web).unwrap();
                        let status = web.lines().find_map(|line| line.strip_prefix("grpc-status: "));
                        status.unwrap().to_owned()
                    }
                    None => text(&trailers, "grpc-status"),
                };
                assert!(text(&head.headers, "content-type") == content_type, "{head:?}");
                (sent, status)
            };
            let (sent, status) = call(WATCH, r#"{"size": 2}"#, &[]).await;
            assert_eq!(
                (sent.len(), &*status, &parse(&sent[1].1)["note"]["kind"]),
                (2, "0", &json!("KIND_MEMO"))
            );
            let (sent, status) = call(GET_BOOK, r#"{"id": "1"}"#, &[("grpc-encoding", "gzip")]).await;
            assert_eq!((sent.len(), &*status, &parse(&sent[0].1)["id"]), (1, "0", &json!("1")));
            assert_eq!(call(GET_BOOK, r#"{"id": "missing"}"#, &[]).await.1, "5");
            assert_eq!(call(GET_BOOK, r#"{"nope": 1}"#, &[]).await.1, "3");
            assert_eq!(call("/test.library.v1.Library/Nope", "{}", &[]).await.1, "12");
        }
    }
}
