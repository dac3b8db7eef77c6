//! The contracts under load, and their messages.

use std::fmt::Write as _;
use std::path::Path;

use gateway_grpcweb::Snapshot;

/// A book of about 1 KB of JSON.
pub fn book_json() -> Vec<u8> {
    let author = |index: i32| {
        serde_json::json!({"name": format!("Author number {index} of the book"), "birthYear": 1900 + index,
            "tags": ["novelist", "essayist", "translator"]})
    };
    let book = serde_json::json!({
        "id": "0190a5f4-7c1e-7d55-9a55-3c1f3b8e2d11",
        "title": "A Rather Long Title of a Rather Long Book",
        "subtitle": "With \"quotes\" and an ümlaut",
        "genre": "GENRE_NOVEL",
        "price": {"currencyCode": "EUR", "units": "29", "nanos": 990_000_000},
        "publishTime": "2026-03-01T10:15:30.250Z",
        "readingTime": "36000s",
        "authors": (1..=4).map(author).collect::<Vec<_>>(),
        "labels": {"shelf": "north", "condition": "new", "colour": "blue"},
        "editor": author(9),
        "copies": "9007199254740993",
        "etag": "\"17\"",
    });
    book.to_string().into_bytes()
}

/// The same as protobuf.
pub fn book(set: &[u8]) -> Vec<u8> {
    let snapshot = Snapshot::compile(set).unwrap_or_else(|error| panic!("{error}"));
    match snapshot.json_to_protobuf("erp.library.v1.Book", &book_json()) {
        Some(Ok(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

/// The tests' library under a name that the gateway's process has a peer for.
pub fn library() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protos/library.proto");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}"));
    // Envoy has no `response_body` for fields like this.
    let text = text.replace("response_body: \"titles\"", "");
    compile(&text.replace("package test.library.v1;", "package erp.library.v1;"))
}

/// A service with this many routes, which answers books.
pub fn routes(count: usize) -> Vec<u8> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protos/library.proto");
    let text = std::fs::read_to_string(library).unwrap_or_else(|error| panic!("{error}"));
    let mut text = text.replace("package test.library.v1;", "package erp.library.v1;");
    text.push_str("service Many {\n");
    for index in 0..count {
        let _ = writeln!(
            text,
            "rpc M{index}(GetBookRequest) returns (Book) {{ option (google.api.http) = {{get: \"/v2/kinds/{{id}}/parts{index}\"}}; }}"
        );
    }
    text.push_str("}\n");
    compile(&text)
}

fn compile(text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(folder.path().join("bench.proto"), text).unwrap_or_else(|error| panic!("{error}"));
    let third_party = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/third_party");
    let compiler = protox::Compiler::new([folder.path().to_owned(), third_party]);
    let mut compiler = compiler.unwrap_or_else(|error| panic!("{error}"));
    let files = ["bench.proto", "google/rpc/error_details.proto"];
    compiler.include_imports(true).open_files(files).unwrap_or_else(|error| panic!("{error}"));
    compiler.encode_file_descriptor_set()
}
