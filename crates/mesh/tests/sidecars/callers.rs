//! Who reaches a service, and who does not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mesh::certificates::{Account, Authority, Identity};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Code;
use tonic::transport::Endpoint;

use crate::support::{Ask, Ground, READ, STABLE, WRITE};

/// How a connection of HTTP/2 begins, with empty settings.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn gateway() -> Account {
    Account { namespace: "tessera-gateway".to_owned(), name: "gateway".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_does_not_reach_a_service() {
    // Whoever is in the network but not in the mesh is nobody.
    let mut ground = Ground::new();
    let instances = ground.instances(1).await;
    ground.publish(&[&instances[0]]);
    let at = instances[0].pod.addresses.sidecar(instances[0].pod.workload.port);
    let plain = Endpoint::from_shared(format!("http://{at}")).unwrap().connect_lazy();
    let refused = ground.send(plain, READ, &Ask::default()).await.unwrap_err();
    // Nobody answers: which code the client makes of it depends on when the connection is cut.
    let cut =
        std::error::Error::source(&refused).is_some_and(|source| source.is::<tonic::transport::Error>());
    assert!(cut, "{refused:?}");
    assert_eq!(ground.executed(), []);
    // The same call through the mesh does, so that it was the missing certificate that was refused.
    let caller = ground.caller("gateway").await;
    ground.call(&caller, READ, &Ask::default()).await.unwrap();
    assert_eq!(ground.executed().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_certificates_of_the_mesh_reach_a_service() {
    // None, one of another authority with the right name, and one of another mesh are refused before anything is read.
    let mut ground = Ground::new();
    let instances = ground.instances(1).await;
    let at = instances[0].pod.addresses.sidecar(instances[0].pod.workload.port);
    let foreign = Authority::new(&ground.path("foreign")).unwrap().issue(&gateway()).unwrap();
    let own = ground.mesh.authority();
    let other_mesh = own.issue_in("other.mesh", &gateway()).unwrap();
    assert!(!knock(at, None).await, "without a certificate");
    assert!(!knock(at, Some(&foreign)).await, "of another authority");
    assert!(!knock(at, Some(&other_mesh)).await, "of another mesh");
    assert!(knock(at, Some(&own.issue(&gateway()).unwrap())).await, "of this mesh");
    let refused = instances[0].sidecar.stats("ssl.fail_verify").await.unwrap();
    let count = |name: &str| {
        refused.iter().filter(|(one, _)| one.ends_with(name)).map(|(_, count)| count).sum::<u64>()
    };
    let counted = ["fail_verify_no_cert", "fail_verify_error", "fail_verify_san"].map(count);
    assert_eq!(counted, [1, 1, 1], "{refused:?}");
    assert_eq!(ground.executed(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_method_and_token_must_be_in_the_policy() {
    // A service of the mesh may call what its policy names, and nothing else there.
    let mut ground = Ground::new();
    let instances = ground.instances(1).await;
    ground.publish(&[&instances[0]]);
    let gateway = ground.caller("gateway").await;
    let crm = ground.caller("crm").await;
    let refused = ground.call(&crm, READ, &Ask::default()).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "RBAC: access denied"));
    const UNNAMED: &str = "/erp.orders.v1.OrderService/DropEverything";
    let refused = ground.call(&gateway, UNNAMED, &Ask::default()).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "RBAC: access denied"));

    let without = Ask { token: Some(String::new()), ..Ask::default() };
    let refused = ground.call(&gateway, READ, &without).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    let forged = Ask { token: Some("e30.e30.e30".to_owned()), ..Ask::default() };
    let refused = ground.call(&gateway, READ, &forged).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    assert_eq!(ground.executed(), []);

    // What a caller says of its own certificate is not believed.
    const FORGED: &str = "By=x;URI=spiffe://cluster.local/ns/tessera-gateway/sa/gateway";
    let claims = Ask { headers: vec![("x-forwarded-client-cert", FORGED)], ..Ask::default() };
    let refused = ground.call(&crm, READ, &claims).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    ground.call(&gateway, READ, &Ask::default()).await.unwrap();
    ground.call(&gateway, WRITE, &Ask::default()).await.unwrap();
    assert_eq!(ground.executed().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_speaks_to_nobody_who_only_stands_at_the_address() {
    // Whoever takes over an address, with a certificate of another service, learns nothing of the call.
    let mut ground = Ground::new();
    let crm = Account { namespace: "tessera-core".to_owned(), name: "crm".to_owned() };
    let crm = ground.mesh.authority().issue(&crm).unwrap();
    let impostor = ground.impostor(&crm).await;
    ground.publish(&[&impostor]);
    let caller = ground.caller("gateway").await;
    let refused = ground.call(&caller, WRITE, &Ask::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(ground.executed(), []);
    let stats = caller.sidecar.stats("ssl.fail_verify_san").await.unwrap();
    let refused: u64 = stats.iter().filter(|(name, _)| name.contains(STABLE)).map(|(_, count)| count).sum();
    assert!(refused > 0, "{stats:?}");
}

/// Whether a sidecar begins to speak with whoever has this certificate. With TLS 1.3 a refusal comes only after the
/// handshake, so that the first answer tells.
async fn knock(at: SocketAddr, identity: Option<&Identity>) -> bool {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring knows the versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let chain =
                CertificateDer::pem_file_iter(&identity.certificate).expect("the certificate is there");
            let chain = chain.collect::<Result<Vec<_>, _>>().expect("it is PEM");
            let key = PrivateKeyDer::from_pem_file(&identity.key).expect("the key is there");
            builder.with_client_auth_cert(chain, key).expect("the key belongs to it")
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let spoken = async {
        let stream = TcpStream::connect(at).await?;
        let name = ServerName::try_from("orders.mesh").expect("it is a name");
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        stream.write_all(HELLO).await?;
        stream.read(&mut [0; 9]).await
    };
    let spoken = tokio::time::timeout(Duration::from_secs(10), spoken).await.expect("it answers or hangs up");
    spoken.is_ok_and(|read| read > 0)
}

/// Believes every server: it is the server's belief that is tested.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
