//! The descriptor set for programs that learn the contracts when they start.

use std::io::Read as _;

use bytes::Bytes;
use gateway_grpcweb::Gateway;
use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::vault::{descriptor_set, gateway};
use crate::{send, text};

const POINTER: &str = "/console/descriptors";

async fn url(gateway: &Gateway) -> String {
    let (status, headers, body) = send(gateway, "GET", POINTER, &[], "").await;
    assert_eq!((status.as_u16(), text(&headers, "cache-control")), (200, "no-cache"));
    let pointer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    pointer["url"].as_str().unwrap().to_owned()
}

async fn fetched(gateway: &Gateway) -> Bytes {
    let (status, _, body) = send(gateway, "GET", &url(gateway).await, &[], "").await;
    assert_eq!(status, 200);
    body
}

/// A file of a pool without its source, options and all.
fn bare(pool: &DescriptorPool, name: &str) -> Vec<u8> {
    let file = pool.get_file_by_name(name).unwrap();
    let source = file.file_descriptor_proto().source_code_info.clone();
    let mut bytes = file.encode_to_vec();
    if let Some(source) = source {
        // It is the last but one of the fields, so that its bytes are found by themselves.
        let source = source.encode_to_vec();
        let at = bytes.windows(source.len()).rposition(|window| window == source).unwrap();
        let mut record = Vec::new();
        prost::encoding::encode_key(9, prost::encoding::WireType::LengthDelimited, &mut record);
        prost::encoding::encode_varint(source.len() as u64, &mut record);
        bytes.drain(at - record.len()..at + source.len());
    }
    bytes
}

#[tokio::test]
async fn the_set_is_the_one_that_is_served_with_every_option() {
    let pool = DescriptorPool::decode(&*fetched(&gateway(|_| {})).await).unwrap();
    let original = DescriptorPool::decode(&*descriptor_set()).unwrap();
    for file in original.files() {
        assert_eq!(bare(&pool, file.name()), bare(&original, file.name()), "{}", file.name());
    }
    let method = pool.get_service_by_name("test.vault.v1.VaultService").unwrap();
    let method = method.methods().find(|method| method.name() == "GetBox").unwrap();
    assert!(method.options().extensions().any(|(option, _)| option.full_name() == "erp.v1.access"));
}

#[tokio::test]
async fn comments_of_declarations_are_kept_for_our_own_files() {
    let set = FileDescriptorSet::decode(fetched(&gateway(|_| {})).await).unwrap();
    let comments = |file: &FileDescriptorProto| -> Vec<String> {
        let info = file.source_code_info.as_ref();
        let places = info.iter().flat_map(|info| &info.location);
        places.map(|place| place.leading_comments().to_owned()).collect()
    };
    for file in &set.file {
        match file.package().starts_with("test.") {
            true => assert!(comments(file).iter().all(|text| !text.is_empty()), "{}", file.name()),
            false => assert!(comments(file).is_empty(), "{}", file.name()),
        }
    }
    let vault = set.file.iter().find(|file| file.name() == "vault.proto").unwrap();
    let info = vault.source_code_info.as_ref().unwrap();
    assert!(info.location.iter().any(|place| matches!(place.path[..], [6, 0, 2, _])));
    assert!(info.location.iter().any(|place| matches!(place.path[..], [4, _, 2, _])));
}

#[tokio::test]
async fn the_set_is_kept_for_ever_and_comes_packed() {
    let gateway = gateway(|_| {});
    let (url, plain) = (url(&gateway).await, fetched(&gateway).await);
    for coding in ["br", "gzip"] {
        let (_, headers, packed) = send(&gateway, "GET", &url, &[("accept-encoding", coding)], "").await;
        assert_eq!(text(&headers, "content-encoding"), coding);
        assert_eq!(text(&headers, "cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(text(&headers, "content-type"), "application/protobuf");
        assert_eq!(text(&headers, "vary"), "accept-encoding");
        let mut unpacked = Vec::new();
        match coding {
            "br" => brotli::Decompressor::new(&*packed, 4096).read_to_end(&mut unpacked).unwrap(),
            _ => flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap(),
        };
        assert!(unpacked == plain && packed.len() < plain.len() / 2, "{coding}");
    }
    let (_, headers, _) = send(&gateway, "GET", POINTER, &[], "").await;
    let etag = text(&headers, "etag").to_owned();
    let (status, ..) = send(&gateway, "GET", POINTER, &[("if-none-match", &etag)], "").await;
    assert_eq!(status, 304);
}

#[tokio::test]
async fn another_set_has_another_name() {
    let gateway = gateway(|_| {});
    let before = url(&gateway).await;
    gateway.reload(&descriptor_set()).unwrap();
    assert_eq!(url(&gateway).await, before, "the same contracts have the same name");
    let mut changed = FileDescriptorSet::decode(&*descriptor_set()).unwrap();
    let file = FileDescriptorProto { name: Some("more.proto".into()), ..FileDescriptorProto::default() };
    changed.file.push(file);
    gateway.reload(&changed.encode_to_vec()).unwrap();
    let after = url(&gateway).await;
    assert_ne!(after, before);
    for (path, expected) in
        [(&*after, 200), (&*before, 404), ("/descriptors/", 404), ("/descriptors/x.binpb", 404)]
    {
        let (status, headers, _) = send(&gateway, "GET", path, &[], "").await;
        assert_eq!(status.as_u16(), expected, "{path}");
        assert!(expected == 200 || text(&headers, "content-type") == "application/json", "{path}");
    }
}

#[tokio::test]
async fn the_set_is_told_where_the_document_or_the_console_is() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("index.html"), "console").unwrap();
    let console = Some(folder.path().to_owned());
    for (docs, console, expected) in [(true, None, 200), (false, None, 404), (false, console, 200)] {
        let gateway = gateway(|options| (options.docs, options.console) = (docs, console));
        let (status, ..) = send(&gateway, "GET", POINTER, &[], "").await;
        assert_eq!(status.as_u16(), expected, "docs: {docs}");
        let (status, ..) = send(&gateway, "GET", "/openapi.json", &[], "").await;
        assert_eq!(status == 200, docs);
    }
}
