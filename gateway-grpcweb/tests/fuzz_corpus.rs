//! Replays the corpora of the fuzz targets, and some thousand changed inputs of each, as an ordinary test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "../fuzz/targets.rs"]
mod targets;

#[path = "../fuzz/jwt.rs"]
mod jwt;

use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Changed inputs of each target.
const CHANGED: usize = 20_000;

fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        corpus.push(std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(!corpus.is_empty(), "{} is empty", folder.display());
    corpus.sort();
    for input in &corpus {
        target(input);
    }
    let seed = std::env::var("FUZZ_SEED").map_or_else(|_| rand::random(), |text| text.parse().unwrap());
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..CHANGED {
        let input = changed(&corpus, &mut random);
        let ran = std::panic::catch_unwind(|| target(&input));
        assert!(ran.is_ok(), "FUZZ_SEED={seed}, round {round}: {:?}", String::from_utf8_lossy(&input));
    }
}

/// An input with a few bytes changed, taken away, or taken from another.
fn changed(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = corpus[random.random_range(0..corpus.len())].clone();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=input.len());
        match random.random_range(0..4) {
            0 if at < input.len() => input[at] = random.random(),
            1 if at < input.len() => drop(input.remove(at)),
            2 => input.insert(at, random.random()),
            _ => {
                let other = &corpus[random.random_range(0..corpus.len())];
                let from = random.random_range(0..=other.len());
                let to = random.random_range(from..=other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    input.truncate(4096);
    input
}

#[test]
fn template() {
    replay("template", targets::template);
}

#[test]
fn request() {
    replay("request", targets::request);
}

#[test]
fn json() {
    replay("json", targets::json);
}

#[test]
fn protobuf() {
    replay("protobuf", targets::protobuf);
}

#[test]
fn response() {
    replay("response", targets::response);
}

#[test]
fn frames() {
    replay("frames", targets::frames);
}

#[test]
fn jwt() {
    replay("jwt", jwt::jwt);
}
