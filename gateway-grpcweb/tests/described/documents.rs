use std::io::Read as _;

use serde_json::Value;

use crate::vault::gateway;
use crate::{send, text};

#[tokio::test]
async fn the_document_is_told_once_and_kept_by_callers() {
    let gateway = gateway(|_| {});
    let (status, headers, plain) = send(&gateway, "GET", "/openapi.json", &[], "").await;
    assert_eq!((status.as_u16(), text(&headers, "content-type")), (200, "application/json"));
    let document: Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!((&document["openapi"], &document["info"]["title"]), (&"3.1.0".into(), &"Tessera".into()));
    assert!(document["paths"]["/v1/boxes/{id}"]["delete"].is_object());

    let etag = text(&headers, "etag").to_owned();
    for same in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let (status, headers, body) =
            send(&gateway, "GET", "/openapi.json", &[("if-none-match", &same)], "").await;
        assert_eq!((status.as_u16(), body.len(), text(&headers, "etag")), (304, 0, &*etag));
    }
    let (status, ..) = send(&gateway, "GET", "/openapi.json", &[("if-none-match", "\"x\"")], "").await;
    assert_eq!(status, 200);

    let (_, headers, zipped) =
        send(&gateway, "GET", "/openapi.json", &[("accept-encoding", "br, gzip")], "").await;
    assert_eq!((text(&headers, "content-encoding"), text(&headers, "etag")), ("gzip", &*etag));
    let mut unzipped = Vec::new();
    flate2::read::GzDecoder::new(&*zipped).read_to_end(&mut unzipped).unwrap();
    assert!(unzipped == plain && zipped.len() < plain.len() / 2);
    let (_, headers, _) =
        send(&gateway, "GET", "/openapi.json", &[("accept-encoding", "gzip;q=0")], "").await;
    assert_eq!(text(&headers, "content-encoding"), "");

    let (status, headers, body) = send(&gateway, "HEAD", "/openapi.json", &[], "").await;
    assert_eq!((status.as_u16(), body.len(), text(&headers, "etag")), (200, 0, &*etag));
    let (status, headers, _) = send(&gateway, "POST", "/openapi.json", &[], "{}").await;
    assert_eq!((status.as_u16(), text(&headers, "allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn packages_have_documents_and_other_names_have_none() {
    let gateway = gateway(|_| {});
    for (path, expected) in [
        ("/openapi/test.vault.v1.json", 200),
        ("/openapi/test.json", 200),
        ("/openapi/test.vaul.json", 404),
        ("/openapi/.json", 404),
        ("/openapi/..%2f.json", 404),
        ("/openapi", 404),
    ] {
        let (status, _, body) = send(&gateway, "GET", path, &[], "").await;
        assert_eq!(status.as_u16(), expected, "{path}: {}", String::from_utf8_lossy(&body));
    }
}

#[tokio::test]
async fn a_new_set_has_a_new_document() {
    let gateway = gateway(|_| {});
    let etag = |headers: &http::HeaderMap| text(headers, "etag").to_owned();
    let (_, before, _) = send(&gateway, "GET", "/openapi.json", &[], "").await;
    gateway.reload(&crate::vault::descriptor_set()).unwrap();
    let (_, same, _) = send(&gateway, "GET", "/openapi.json", &[], "").await;
    assert_eq!(etag(&before), etag(&same), "the same contracts give the same bytes");
}

#[tokio::test]
async fn the_page_runs_only_its_own_script() {
    let gateway = gateway(|_| {});
    let (status, headers, body) = send(&gateway, "GET", "/docs", &[], "").await;
    assert_eq!((status.as_u16(), text(&headers, "content-type")), (200, "text/html; charset=utf-8"));
    let policy = text(&headers, "content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(text(&headers, "x-content-type-options"), "nosniff");
    let page = String::from_utf8(body.to_vec()).unwrap();
    for foreign in ["http://", "https://", "src=", "@import", "url("] {
        let at = page.find(foreign);
        assert!(
            at.is_none(),
            "{foreign} in the page: {:?}",
            at.map(|at| &page[at..(at + 60).min(page.len())])
        );
    }
}

#[tokio::test]
async fn nothing_is_told_where_the_operator_wants_that() {
    let gateway = gateway(|options| {
        options.docs = false;
        options.mcp = None;
    });
    for path in ["/openapi.json", "/docs", "/mcp"] {
        let (status, ..) = send(&gateway, "GET", path, &[], "").await;
        assert_eq!(status, 404, "{path}");
    }
}
