//! The argument `health`: asks the gateway that runs beside it in the same container, whose image has
//! no other program that could. It asks the port for operators, which is never behind TLS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::{Error, text};

const ADMIN: &str = "TESSERA_GATEWAY_ADMIN_ADDRESS";
/// How long the whole question may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Asks the gateway that is told the same by its environment whether it takes calls.
pub(crate) async fn ask() -> Result<(), Error> {
    let address = text(ADMIN).ok_or(format!("{ADMIN} is not set: no port tells of health"))?;
    let address: SocketAddr = address.parse().map_err(|error| format!("{ADMIN}: {address}: {error}"))?;
    let address = SocketAddr::new(near(address.ip()), address.port());
    let asked = tokio::time::timeout(ANSWER_MAX, ready(address)).await;
    asked.map_err(|_| format!("{address} does not answer"))?
}

async fn ready(address: SocketAddr) -> Result<(), Error> {
    let mut stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    // `HTTP/1.1 200`
    let mut head = [0; 12];
    stream.read_exact(&mut head).await?;
    match &head[9..] {
        b"200" => Ok(()),
        status => Err(format!("{address} answers {}", String::from_utf8_lossy(status)).into()),
    }
}

/// Who listens everywhere is asked on this machine.
fn near(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn ask_one_that_answers(answer: &'static [u8]) -> Result<(), Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(answer).await;
        });
        ready(address).await
    }

    #[tokio::test]
    async fn only_one_that_takes_calls_is_healthy() {
        // A gateway that is stopping gets no more calls, and one that is cut off is not well either.
        assert!(ask_one_that_answers(b"HTTP/1.1 200 OK\r\n\r\n").await.is_ok());
        let stopping = ask_one_that_answers(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await;
        assert!(stopping.unwrap_err().to_string().ends_with("answers 503"));
        assert!(ask_one_that_answers(b"HTTP").await.is_err());
    }
}
