//! Calls of any method with messages made of descriptors.

use std::str::FromStr;

use bytes::Buf as _;
use http::uri::PathAndQuery;
use kit::Error;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor};
use store::CallError;
use testkit::Party;
use tonic::Status;
use tonic::body::Body;
use tonic::client::{Grpc, GrpcService};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Calls a method as somebody.
pub async fn call(
    party: &Party,
    method: &MethodDescriptor,
    request: DynamicMessage,
) -> Result<DynamicMessage, Error> {
    call_over(party.client(Grpc::new), method, request).await
}

/// Calls a method over a client that generated ones are built on.
pub async fn call_over<T>(
    mut client: Grpc<T>,
    method: &MethodDescriptor,
    request: DynamicMessage,
) -> Result<DynamicMessage, Error>
where
    T: GrpcService<Body, ResponseBody = Body, Error = CallError>,
{
    client.ready().await.expect("a service of this process is always ready");
    let path = PathAndQuery::from_str(&crate::path(method)).expect("names of methods make a path");
    let codec = Dynamic(method.output());
    let answer = client.unary(tonic::Request::new(request), path, codec).await;
    answer.map(tonic::Response::into_inner).map_err(Error::from)
}

/// The message of a JSON text; panics where the text does not fit, since it is the suite's own.
pub fn message(descriptor: &MessageDescriptor, json: serde_json::Value) -> DynamicMessage {
    DynamicMessage::deserialize(descriptor.clone(), json).expect("the suite's own JSON fits the message")
}

struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let message = DynamicMessage::decode(self.0.clone(), bytes);
        message.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
