//! TLS with real certificates and a real client.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gateway_grpcweb::{Options, Tls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{rest, serve};

/// Writes a certificate for `localhost` and its key; gives what trusts it.
fn write_pair(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn client(
    trusted: &CertificateDer<'static>,
    alpn: &[&str],
    version: &'static rustls::SupportedProtocolVersion,
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|one| one.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn connect(
    connector: &TlsConnector,
    address: std::net::SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await.unwrap();
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test]
async fn browsers_get_http_2_by_alpn() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = write_pair(folder.path());
    let tls = Tls::from_files(folder.path().join("tls.crt"), folder.path().join("tls.key")).unwrap();
    let (address, _stop) = serve(Options { tls: Some(tls), ..Options::default() }).await;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut stream = connect(&client(&trusted, &["h2", "http/1.1"], version), address).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream.write_all(super::attacks::PREFACE).await.unwrap();
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[3], 4, "the server's settings come first");

        let mut stream = connect(&client(&trusted, &["http/1.1"], version), address).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream
            .write_all(b"GET /v1/books/1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    }
}

#[tokio::test]
async fn certificates_are_replaced_without_a_restart() {
    // A new pair serves new connections; one that does not fit together is refused and the old stays.
    let folder = tempfile::tempdir().unwrap();
    let first = write_pair(folder.path());
    let files = [folder.path().join("tls.crt"), folder.path().join("tls.key")];
    let tls = Tls::from_files(&files[0], &files[1]).unwrap();
    let (address, _stop) = serve(Options { tls: Some(tls.clone()), ..Options::default() }).await;
    let by_first = client(&first, &[], &rustls::version::TLS13);
    connect(&by_first, address).await.unwrap();

    let old_key = std::fs::read(&files[1]).unwrap();
    let second = write_pair(folder.path());
    let new_key = std::fs::read(&files[1]).unwrap();
    std::fs::write(&files[1], &old_key).unwrap();
    let refused = tls.reload().unwrap_err().to_string();
    assert!(refused.contains("certificate and key"), "{refused}");
    connect(&by_first, address).await.unwrap();

    std::fs::write(&files[1], &new_key).unwrap();
    let by_second = client(&second, &[], &rustls::version::TLS13);
    // Seen by the watch on its own; asked for until then.
    let replaced = async {
        while connect(&by_second, address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(super::LONG, replaced).await.expect("the watch sees the change");
    assert!(connect(&by_first, address).await.is_err(), "the old certificate is gone");
    std::fs::write(&files[0], "no certificate").unwrap();
    assert!(tls.reload().unwrap_err().to_string().contains("tls.crt"));
}

#[tokio::test]
async fn handshakes_have_their_time() {
    let folder = tempfile::tempdir().unwrap();
    write_pair(folder.path());
    let tls = Tls::from_files(folder.path().join("tls.crt"), folder.path().join("tls.key")).unwrap();
    let options = Options { tls: Some(tls), handshake: Duration::from_millis(200), ..Options::default() };
    let (address, _stop) = serve(options).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert!(rest(&mut silent).await.is_empty());
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    assert!(!rest(&mut plain).await.starts_with(b"HTTP/"), "plain requests are not answered");
}
