//! The service behind the proxies: one answer for every call. It shares its core with the load, and what both take
//! together bounds what a proxy can show, so it speaks only as much HTTP/2 as proxies need: it reads nothing of a request
//! but where it ends, and its answer is the same bytes each time.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a client sends first (RFC 9113, 3.4).
const PREFACE: usize = 24;
/// Length, type, flags and stream of a frame.
const HEAD: usize = 9;
/// The largest window there is: nobody waits for this service to read.
const WINDOW: u32 = i32::MAX as u32;
/// The window of a connection before anything is said of it.
const WINDOW_FIRST: u32 = 65_535;
/// So much is read before its room is given back.
const ROOM: u32 = 1 << 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` and `content-type: application/grpc`, by numbers of the static table and without a dynamic one.
const OPENING: &[u8] = b"\x88\x0f\x10\x10application/grpc";
/// `grpc-status: 0`.
const TRAILERS: &[u8] = b"\x00\x0bgrpc-status\x010";

/// Serves this message on a free port.
pub async fn start(message: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap_or_else(|error| panic!("{error}"));
    let port = listener.local_addr().unwrap_or_else(|error| panic!("{error}")).port();
    let message = framed(&message);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            // A proxy that has ended has nothing to say any more.
            tokio::spawn(Connection::new(message.clone()).serve(stream));
        }
    });
    port
}

/// The message behind the five bytes of a gRPC frame.
pub fn framed(message: &[u8]) -> Bytes {
    let mut frame = vec![0];
    frame.extend_from_slice(&(message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

struct Connection {
    message: Bytes,
    /// What is to be written.
    out: Vec<u8>,
    /// How much the proxy still takes.
    window: i64,
    /// Streams that wait for room.
    owed: VecDeque<u32>,
    /// How much was read for which the proxy has no new room yet.
    read: u32,
}

impl Connection {
    fn new(message: Bytes) -> Self {
        let window = i64::from(WINDOW_FIRST);
        Self { message, out: Vec::new(), window, owed: VecDeque::new(), read: 0 }
    }

    async fn serve(mut self, mut stream: TcpStream) -> io::Result<()> {
        let mut settings = vec![0, 4];
        settings.extend_from_slice(&WINDOW.to_be_bytes());
        self.frame(SETTINGS, 0, 0, &settings);
        self.frame(WINDOW_UPDATE, 0, 0, &(WINDOW - WINDOW_FIRST).to_be_bytes());
        let mut bytes = vec![0; 256 * 1024];
        stream.read_exact(&mut bytes[..PREFACE]).await?;
        let mut filled = 0;
        loop {
            stream.write_all(&self.out).await?;
            self.out.clear();
            let more = stream.read(&mut bytes[filled..]).await?;
            if more == 0 {
                return Ok(());
            }
            filled += more;
            let taken = self.take_frames(&bytes[..filled]);
            bytes.copy_within(taken..filled, 0);
            filled -= taken;
        }
    }

    /// Answers to whole frames and tells how many bytes they were.
    fn take_frames(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while let [a, b, c, kind, flags, s, t, u, v, rest @ ..] = &bytes[taken..] {
            let length = u32::from_be_bytes([0, *a, *b, *c]);
            let Some(payload) = rest.get(..length as usize) else { break };
            self.take(*kind, *flags, u32::from_be_bytes([*s, *t, *u, *v]), payload);
            taken += HEAD + payload.len();
        }
        if self.read > ROOM {
            let read = std::mem::take(&mut self.read);
            self.frame(WINDOW_UPDATE, 0, 0, &read.to_be_bytes());
        }
        while self.window >= self.message.len() as i64
            && let Some(stream) = self.owed.pop_front()
        {
            self.answer(stream);
        }
        taken
    }

    fn take(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        if kind == DATA {
            self.read += payload.len() as u32;
        }
        match kind {
            DATA | HEADERS if flags & END_STREAM != 0 => self.owed.push_back(stream),
            SETTINGS if flags & ACK == 0 => self.frame(SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => self.frame(PING, ACK, 0, payload),
            WINDOW_UPDATE if stream == 0 => {
                let more = payload.try_into().map_or(0, u32::from_be_bytes);
                self.window += i64::from(more);
            }
            // Priorities, resets, news of streams and farewells change nothing.
            _ => {}
        }
    }

    fn answer(&mut self, stream: u32) {
        let message = self.message.clone();
        self.window -= message.len() as i64;
        self.frame(HEADERS, END_HEADERS, stream, OPENING);
        self.frame(DATA, 0, stream, &message);
        self.frame(HEADERS, END_HEADERS | END_STREAM, stream, TRAILERS);
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = (payload.len() as u32).to_be_bytes();
        self.out.extend_from_slice(&[length[1], length[2], length[3], kind, flags]);
        self.out.extend_from_slice(&stream.to_be_bytes());
        self.out.extend_from_slice(payload);
    }
}
