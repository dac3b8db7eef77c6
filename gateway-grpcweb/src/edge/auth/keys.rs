//! The keys of tokens, fetched from a service or from a page.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use prost::Message;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokens::{Jwk, KeySource};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::KeySet;
use crate::backend::Backend;
use crate::call::{self, Fault};
use crate::edge::deadline;
use crate::error::ApiError;

/// How long the keys may take to come.
const FETCH_MAX: Duration = Duration::from_secs(5);
/// The longest set of keys.
const LONGEST: usize = 256 * 1024;

/// The answer of a method that tells keys.
#[derive(Clone, PartialEq, prost::Message)]
struct Keys {
    #[prost(message, repeated, tag = "1")]
    keys: Vec<Key>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Key {
    #[prost(string, tag = "1")]
    kid: String,
    #[prost(string, tag = "4")]
    x: String,
}

/// The document of RFC 7517. Keys of other kinds have no `x`, and are left out.
#[derive(serde::Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

/// Where the keys come from.
pub(crate) struct Source {
    keys: KeySet,
    backend: Backend,
}

impl Source {
    pub(crate) fn new(keys: &KeySet, backend: Backend) -> Self {
        Self { keys: keys.clone(), backend }
    }
}

impl KeySource for Source {
    async fn fetch(&self) -> Result<Vec<Jwk>, String> {
        match &self.keys {
            KeySet::Method(method) => {
                let answer: Keys =
                    Box::pin(ask(&self.backend, method, &())).await.map_err(|error| error.message)?;
                Ok(answer.keys.into_iter().map(|key| Jwk { kid: key.kid, x: key.x }).collect())
            }
            KeySet::Url(uri) => {
                let page = tokio::time::timeout(FETCH_MAX, Box::pin(page(uri))).await;
                let page =
                    page.map_err(|_| "it took too long".to_owned())?.map_err(|error| error.to_string())?;
                let document: Document = serde_json::from_slice(&page).map_err(|error| error.to_string())?;
                Ok(document.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
            }
        }
    }
}

/// Calls a unary method on the gateway's own behalf.
pub(crate) async fn ask<I: Message, O: Message + Default>(
    backend: &Backend,
    method: &str,
    request: &I,
) -> Result<O, ApiError> {
    let path = PathAndQuery::try_from(format!("/{method}")).map_err(|error| ApiError::internal(&error))?;
    let mut frame = vec![0; call::FRAME_HEAD];
    request.encode(&mut frame).map_err(|error| ApiError::internal(&error))?;
    call::close_frame(&mut frame)?;
    let mut metadata = HeaderMap::new();
    deadline::pass_on(&mut metadata, Some(FETCH_MAX));
    let mut answer =
        call::send(backend, &path, metadata, crate::body(frame), Fault::default(), LONGEST).await?;
    let message = answer.messages.next().await?;
    let message = message.ok_or_else(|| ApiError::internal(&"a service answered OK without a message"))?;
    // The status comes behind the message.
    answer.messages.next().await?;
    O::decode(message).map_err(|error| ApiError::internal(&error))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn page(uri: &Uri) -> Result<bytes::Bytes, Failure> {
    let host = uri.host().ok_or("the address names no host")?;
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    if !secure {
        return get(uri, stream).await;
    }
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())?;
    get(uri, TlsConnector::from(Arc::new(config)).connect(name, stream).await?).await
}

async fn get(
    uri: &Uri,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<bytes::Bytes, Failure> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path).header(HOST, authority).header(ACCEPT, "application/json");
    let response = sender.send_request(request.body(Empty::<bytes::Bytes>::new())?).await?;
    if !response.status().is_success() {
        return Err(format!("it answered {}", response.status()).into());
    }
    let page = Limited::new(response.into_body(), LONGEST).collect().await?.to_bytes();
    connection.abort();
    Ok(page)
}
