//! The gRPC health protocol, as far as a probe speaks it.

use std::time::Duration;

use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

const SERVING: i32 = 1;

/// Healthy if the service says it is serving.
pub(super) async fn check(ip: &str, port: u16, service: &str, timeout: Duration) -> Result<(), String> {
    let host = if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip.to_owned()
    };
    let unreachable =
        |error: &dyn std::fmt::Display| format!("error: failed to connect service \"{host}:{port}\": {error}");
    let answer = async {
        let endpoint = Endpoint::from_shared(format!("http://{host}:{port}")).map_err(|error| unreachable(&error))?;
        let channel = endpoint.connect().await.map_err(|error| unreachable(&error))?;
        let mut grpc = Grpc::new(channel);
        grpc.ready().await.map_err(|error| unreachable(&error))?;
        let request = tonic::Request::new(HealthCheckRequest {
            service: service.to_owned(),
        });
        let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        let codec: ProstCodec<HealthCheckRequest, HealthCheckResponse> = ProstCodec::default();
        grpc.unary(request, path, codec)
            .await
            .map_err(|status| format!("error: health rpc probe failed: {status}"))
    };
    let answer = tokio::time::timeout(timeout, answer).await;
    let answer = answer.map_err(|_| {
        format!(
            "timeout: failed to connect service \"{host}:{port}\" within {}s: context deadline exceeded",
            timeout.as_secs()
        )
    })??;
    match answer.into_inner().status {
        SERVING => Ok(()),
        status => Err(format!("service unhealthy (responded with \"{}\")", name(status))),
    }
}

fn name(status: i32) -> &'static str {
    match status {
        2 => "NOT_SERVING",
        3 => "SERVICE_UNKNOWN",
        _ => "UNKNOWN",
    }
}
