//! The argument `health`: asks the service that runs beside it in the same container, whose image has no other program
//! that could.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use kit::{Error, Result};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::health::READINESS;

/// How long the whole question may take.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Asks the process that listens at this address whether it is ready.
pub(crate) async fn ask(listen: SocketAddr) -> Result<()> {
    let address = SocketAddr::new(near(listen.ip()), listen.port());
    let away = |cause: String| Error::unavailable("the service", format!("{address}: {cause}"));
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(Error::internal)?;
    let channel = endpoint.connect_timeout(ANSWER_MAX).timeout(ANSWER_MAX).connect().await;
    let mut client = HealthClient::new(channel.map_err(|error| away(error.to_string()))?);
    let answer = client.check(HealthCheckRequest { service: READINESS.to_owned() }).await;
    match answer.map_err(|status| away(status.message().to_owned()))?.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        other => Err(away(other.as_str_name().to_owned())),
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
    use super::*;

    async fn ask_one_that_is(status: tonic_health::ServingStatus) -> Result<()> {
        let reporter = tonic_health::server::HealthReporter::new();
        reporter.set_service_status(READINESS, status).await;
        let service = tonic_health::server::HealthService::from_health_reporter(reporter);
        let health = tonic_health::pb::health_server::HealthServer::new(service);
        let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(tonic::transport::Server::builder().add_service(health).serve_with_incoming(incoming));
        ask(address).await
    }

    #[tokio::test]
    async fn only_one_that_is_ready_is_healthy() {
        // A container that counts as healthy is called; one without its database could only fail.
        assert!(ask_one_that_is(tonic_health::ServingStatus::Serving).await.is_ok());
        let error = ask_one_that_is(tonic_health::ServingStatus::NotServing).await.unwrap_err();
        assert!(error.cause().unwrap().contains("NOT_SERVING"), "{error:?}");
    }

    #[tokio::test]
    async fn nobody_is_not_healthy() {
        // Before it listens, a process must not pass for one that does.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(ask(address).await.unwrap_err().cause().unwrap().contains(&address.to_string()));
    }
}
