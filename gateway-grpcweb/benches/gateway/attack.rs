//! What strangers do to the gateway, and what another client feels of it: its p99 beside that of a calm
//! time and that of the same bytes sent to a program that throws them away, which is the machine's own share
//! of it; and the memory that is held. The strangers share the second core with that client and the service,
//! but stand back behind them: what is to be felt is the gateway, not the strangers' own use of a core.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::load::{self, Load};
use super::processes::{self, Bin, Proxy};

const TURN: Duration = Duration::from_secs(4);
/// What one client may feel of an attack.
const GOAL: f64 = 2.0;
/// As many as the gateway takes by itself on two cores, though it has one here.
const WORKERS: usize = 2;
const IDLE: usize = 10_000;
const SLOW: usize = 1_000;

/// One kind of attack.
struct Attack {
    name: &'static str,
    /// Strangers at a time.
    strangers: usize,
    /// What each sends on a connection of its own, again and again.
    sends: Vec<u8>,
}

/// All attacks, each after a calm time of its own.
pub async fn withstand(set: &[u8], upstream: u16) {
    println!(
        "\n{:<34} {:>9} {:>9} {:>9} {:>7} {:>7} {:>7}",
        "p99 under attack, µs", "calm", "discarded", "attacked", "times", "goal", "MiB"
    );
    let load = Load::route_of_books();
    let show = |name: &str, p99: [f64; 3], memory: f64| {
        let [calm, discarded, attacked] = p99;
        let ratio = attacked / calm;
        println!(
            "{name:<34} {calm:>9.0} {discarded:>9.0} {attacked:>9.0} {ratio:>7.2} {GOAL:>7.1} {memory:>7.1}"
        );
    };
    for attack in attacks() {
        let proxy = Proxy::ours(set, upstream, WORKERS).await;
        load.pace(&proxy, TURN / 4).await;
        let calm = load.pace(&proxy, TURN).await.at(990);
        let bin = Bin::start(attack.sends.len());
        let strangers = attack.begin(bin.port);
        let discarded = load.pace(&proxy, TURN).await.at(990);
        drop((strangers, bin));
        let strangers = attack.begin(proxy.port);
        let attacked = load.pace(&proxy, TURN).await.at(990);
        let memory = proxy.memory();
        drop(strangers);
        show(attack.name, [calm, discarded, attacked], memory);
    }
    for (name, count, first) in
        [("slow headers", SLOW, &b"GET / HTTP/1.1\r\nhost: t\r\n"[..]), ("idle", IDLE, b"")]
    {
        let proxy = Proxy::ours(set, upstream, WORKERS).await;
        processes::allow_files(&proxy, count + 500);
        load.pace(&proxy, TURN / 4).await;
        let calm = load.pace(&proxy, TURN).await.at(990);
        let mut open = if first.is_empty() { load::idle(proxy.port, count).await } else { Vec::new() };
        while open.len() < count {
            let mut stream = connect(proxy.port).await;
            let _ = stream.write_all(first).await;
            open.push(stream);
        }
        let attacked = load.pace(&proxy, TURN).await.at(990);
        show(&format!("{count} {name} connections"), [calm, f64::NAN, attacked], proxy.memory());
        drop(open);
    }
}

impl Attack {
    /// Goes on until what it gives is dropped.
    fn begin(&self, port: u16) -> oneshot::Sender<()> {
        let (sends, strangers) = (self.sends.clone(), self.strangers);
        let (over, until) = oneshot::channel();
        std::thread::spawn(move || {
            processes::stand_back();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap_or_else(|error| panic!("{error}")).block_on(async {
                for _ in 0..strangers {
                    tokio::spawn(again(sends.clone(), port));
                }
                let _ = until.await;
            });
        });
        over
    }
}

/// Sends the same again and again.
async fn again(sends: Vec<u8>, port: u16) {
    loop {
        let begun = Instant::now();
        let mut stream = connect(port).await;
        let (mut reader, mut writer) = stream.split();
        let mut answer = [0; 4096];
        // The gateway may hang up before it has everything, or answer and wait for more.
        tokio::select! {
            _ = async { let _ = writer.write_all(&sends).await; std::future::pending::<()>().await } => {}
            _ = reader.read(&mut answer) => {}
            () = tokio::time::sleep(TURN) => {}
        }
        // No faster than a core that has other work can send.
        let rest = Duration::from_millis(5).saturating_sub(begun.elapsed());
        tokio::time::sleep(rest).await;
    }
}

fn attacks() -> Vec<Attack> {
    let attack = |name, strangers, sends| Attack { name, strangers, sends };
    let deep = [br#"{"editor":"#.repeat(50_000), b"0".to_vec()].concat();
    let tiny = format!("{{\"authors\":[{}{{}}]}}", "{},".repeat(1_300_000)).into_bytes();
    let numbers = format!("{{\"title\":\"{}\"}}", "\\u00e4".repeat(600_000)).into_bytes();
    let bomb = packed(&vec![b' '; 64 << 20]);
    vec![
        attack("headers of 64 KiB", 4, {
            let head = format!("GET / HTTP/1.1\r\nhost: t\r\nx-bomb: {}\r\n\r\n", "x".repeat(64 << 10));
            head.into_bytes()
        }),
        attack("streams reset at once", 2, resets(2_000)),
        attack("JSON 50,000 deep", 2, post(&deep, "")),
        attack("4 MB of tiny messages", 2, post(&tiny, "")),
        attack("4 MB of escapes", 2, post(&numbers, "")),
        attack("64 MiB packed in 64 KiB", 2, post(&bomb, "content-encoding: gzip\r\n")),
    ]
}

fn post(body: &[u8], more: &str) -> Vec<u8> {
    let head = format!(
        "POST /v1/books HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n{more}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_else(|error| panic!("{error}"))
}

/// Streams of HTTP/2 that are opened and reset in one breath.
fn resets(count: u32) -> Vec<u8> {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for index in 0..count {
        // `GET /` out of HPACK's static table.
        bytes.extend(frame(1, 0x5, index * 2 + 1, &[0x82, 0x86, 0x84, 0x41, 1, b't']));
        bytes.extend(frame(3, 0, index * 2 + 1, &[0, 0, 0, 8]));
    }
    bytes
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap_or_else(|error| panic!("{error}"))
}
