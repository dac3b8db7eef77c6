//! The port for operators: health, readiness and metrics, apart from the port of callers.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use telemetry::BUCKETS;
use tokio::net::TcpListener;

use crate::{Body, Gateway};

/// How often what was measured is summed up, so that it takes bounded memory.
const SUM_UP_EVERY: Duration = Duration::from_secs(5);
/// Longer than any prober takes.
const HEADER_TIME: Duration = Duration::from_secs(5);
const MAX_BUFFER: usize = 16 * 1024;

/// Collects the metrics of this process for `/metrics`.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder of the process; before the gateway is made, and once.
    ///
    /// # Errors
    /// When there is a recorder already.
    pub fn install() -> Result<Self, String> {
        let buckets = Matcher::Full("gateway_request_seconds".to_owned());
        let recorder = PrometheusBuilder::new().set_buckets_for_metric(buckets, &BUCKETS);
        let recorder = recorder.map_err(|error| error.to_string())?.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
        Ok(Self(handle))
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Gateway {
    /// Answers `/health`, `/ready` and `/metrics` (Prometheus' text) on a port of their own, until
    /// the future is dropped.
    ///
    /// # Errors
    /// When the listener is of no more use.
    pub async fn serve_admin(self, listener: TcpListener, metrics: Metrics) -> io::Result<()> {
        let sums = metrics.clone();
        let sum_up = async {
            loop {
                tokio::time::sleep(SUM_UP_EVERY).await;
                sums.0.run_upkeep();
            }
        };
        let accept = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let (gateway, metrics) = (self.clone(), metrics.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer(&gateway, &metrics, &request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                let mut server = hyper::server::conn::http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(MAX_BUFFER);
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        };
        tokio::select! {
            () = sum_up => Ok(()),
            () = accept => Ok(()),
        }
    }
}

fn answer(gateway: &Gateway, metrics: &Metrics, request: &Request<Incoming>) -> Response<Body> {
    const JSON: &str = "application/json";
    let ok = r#"{"status":"ok"}"#;
    let (status, content_type, body) = match request.uri().path() {
        _ if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            (StatusCode::METHOD_NOT_ALLOWED, JSON, r#"{"status":"GET only"}"#.to_owned())
        }
        "/health" | "/livez" => (StatusCode::OK, JSON, ok.to_owned()),
        "/ready" | "/readyz" if gateway.is_ready() => (StatusCode::OK, JSON, ok.to_owned()),
        "/ready" | "/readyz" => {
            (StatusCode::SERVICE_UNAVAILABLE, JSON, r#"{"status":"stopping"}"#.to_owned())
        }
        "/metrics" => (StatusCode::OK, "text/plain; version=0.0.4", metrics.0.render()),
        _ => (StatusCode::NOT_FOUND, JSON, r#"{"status":"no such path"}"#.to_owned()),
    };
    let mut response = Response::new(crate::body(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
