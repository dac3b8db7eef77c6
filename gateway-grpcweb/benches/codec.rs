//! The codec on a message of about 1 KB, beside prost-reflect's: `cargo bench -p gateway-grpcweb`.
//!
//! Both are measured in turns within one run, so that a busy machine slows both. The best and the
//! median of the rounds are printed, in nanoseconds a message, and how often each message asks for
//! memory: also when a vector grows, for that moves what is in it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gateway_grpcweb::{JsonOptions, Snapshot};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

const MESSAGE: &str = "test.library.v1.Book";
const ROUNDS: usize = 21;
const EACH: u32 = 2000;

/// The allocator of the system, and how often it was asked.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one passes everything on")]
// SAFETY: what is asked goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the trait's contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// What a round took: nanoseconds and allocations, both a message.
#[derive(Clone, Copy)]
struct Figure {
    nanos: f64,
    allocations: f64,
}

fn main() {
    let set = descriptor_set();
    let snapshot = Snapshot::compile(&set).unwrap_or_else(|error| panic!("{error}"));
    let pool = DescriptorPool::decode(&*set).unwrap_or_else(|error| panic!("{error}"));
    let descriptor = pool.get_message_by_name(MESSAGE).unwrap_or_else(|| panic!("no {MESSAGE}"));
    let json = book();
    let bytes = plan_in(&snapshot, &json);
    assert_eq!(reflect_out(&descriptor, &bytes), plan_out_value(&snapshot, &bytes), "the two codecs differ");
    println!("message: {} bytes of JSON, {} bytes of protobuf", json.len(), bytes.len());
    let mut figures: [Vec<Figure>; 5] = Default::default();
    for _ in 0..ROUNDS {
        figures[0]
            .push(time(|| drop(black_box(serde_json::from_slice::<serde_json::Value>(black_box(&json))))));
        figures[1].push(time(|| drop(black_box(plan_in(&snapshot, black_box(&json))))));
        figures[2].push(time(|| drop(black_box(reflect_in(&descriptor, black_box(&json))))));
        figures[3].push(time(|| {
            drop(black_box(snapshot.protobuf_to_json(MESSAGE, black_box(&bytes), JsonOptions::default())))
        }));
        figures[4].push(time(|| drop(black_box(reflect_text(&descriptor, black_box(&bytes))))));
    }
    let names = [
        "JSON to a serde_json::Value (for comparison)",
        "JSON to protobuf, plan",
        "JSON to protobuf, prost-reflect",
        "protobuf to JSON, plan",
        "protobuf to JSON, prost-reflect",
    ];
    for (name, rounds) in names.iter().zip(&mut figures) {
        rounds.sort_by(|one, other| one.nanos.total_cmp(&other.nanos));
        let (best, median) = (rounds[0], rounds[ROUNDS / 2]);
        println!(
            "{name:<46} best {:>7.0} ns   median {:>7.0} ns   {:>5.1} allocations",
            best.nanos, median.nanos, median.allocations
        );
    }
}

fn time(mut work: impl FnMut()) -> Figure {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let start = Instant::now();
    for _ in 0..EACH {
        work();
    }
    let nanos = start.elapsed().as_nanos() as f64 / f64::from(EACH);
    let allocations = (ALLOCATIONS.load(Ordering::Relaxed) - before) as f64 / f64::from(EACH);
    Figure { nanos, allocations }
}

fn plan_in(snapshot: &Snapshot, json: &[u8]) -> Vec<u8> {
    match snapshot.json_to_protobuf(MESSAGE, json) {
        Some(Ok(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

fn plan_out_value(snapshot: &Snapshot, bytes: &[u8]) -> serde_json::Value {
    match snapshot.protobuf_to_json(MESSAGE, bytes, JsonOptions::default()) {
        Some(Ok(text)) => serde_json::from_slice(&text).unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

fn reflect_in(descriptor: &MessageDescriptor, json: &[u8]) -> Vec<u8> {
    let mut source = serde_json::Deserializer::from_slice(json);
    let message = DynamicMessage::deserialize(descriptor.clone(), &mut source);
    message.unwrap_or_else(|error| panic!("{error}")).encode_to_vec()
}

fn reflect_text(descriptor: &MessageDescriptor, bytes: &[u8]) -> Vec<u8> {
    let message = DynamicMessage::decode(descriptor.clone(), bytes).unwrap_or_else(|error| panic!("{error}"));
    serde_json::to_vec(&message).unwrap_or_else(|error| panic!("{error}"))
}

fn reflect_out(descriptor: &MessageDescriptor, bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(&reflect_text(descriptor, bytes)).unwrap_or_default()
}

fn book() -> Vec<u8> {
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

fn descriptor_set() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let compiled = protox::Compiler::new([root.join("tests/protos"), root.join("../proto/third_party")]);
    let mut compiler = compiled.unwrap_or_else(|error| panic!("{error}"));
    compiler.include_imports(true).open_file("library.proto").unwrap_or_else(|error| panic!("{error}"));
    compiler.encode_file_descriptor_set()
}
