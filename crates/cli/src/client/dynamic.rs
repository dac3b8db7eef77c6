//! Calls of any method, from descriptors: JSON in, JSON out.

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions};
use serde_json::Value;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status, Streaming};

use crate::client::{ANSWER_MAX, Client};
use crate::failure::Failure;
use crate::{Result, names};

/// What came of a call.
pub enum Sent {
    /// The one answer.
    Answer(DynamicMessage),
    /// Answers as they come.
    Stream(Streaming<DynamicMessage>),
}

impl Client {
    /// Calls a method that answers once.
    pub async fn send(&self, method: &MethodDescriptor, request: DynamicMessage) -> Result<DynamicMessage> {
        match self.send_any(method, request, None).await? {
            Sent::Answer(answer) => Ok(answer),
            Sent::Stream(_) => Err(Failure::new(format!("{} answers with a stream", names::full(method)))),
        }
    }

    /// Calls any method. A token that is refused is renewed, and the call is sent once more.
    pub async fn send_any(
        &self,
        method: &MethodDescriptor,
        request: DynamicMessage,
        timeout: Option<std::time::Duration>,
    ) -> Result<Sent> {
        if method.is_client_streaming() {
            return Err(Failure::usage(format!("{} takes a stream of requests", names::full(method)))
                .next("call it from a program"));
        }
        let correlation = new_id();
        let explain = |status: Status| {
            let failure = Failure::of_call(&status, &names::full(method), &correlation);
            match status.code() {
                Code::Unavailable => failure.line(format!("address: {}", self.address())),
                _ => failure,
            }
        };
        let token = self.transport().session().token().await.map_err(explain)?;
        let mut sent = self.try_send(method, &request, timeout, &correlation).await;
        let refused = sent.as_ref().is_err_and(|status| status.code() == Code::Unauthenticated);
        if let (true, Some(token)) = (refused, token)
            && self.transport().session().renew(&token).await.unwrap_or(false)
        {
            sent = self.try_send(method, &request, timeout, &correlation).await;
        }
        sent.map_err(explain)
    }

    async fn try_send(
        &self,
        method: &MethodDescriptor,
        request: &DynamicMessage,
        timeout: Option<std::time::Duration>,
        correlation: &str,
    ) -> Result<Sent, Status> {
        let mut grpc = Grpc::new(self.transport()).max_decoding_message_size(ANSWER_MAX);
        grpc.ready().await?;
        let mut request = Request::new(request.clone());
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        if let Ok(id) = MetadataValue::try_from(correlation) {
            request.metadata_mut().insert("x-request-id", id);
        }
        let path = format!("/{}", names::full(method));
        let path = http::uri::PathAndQuery::try_from(path)
            .map_err(|error| Status::unknown(format!("the method has no path: {error}")))?;
        let codec = DynamicCodec(method.output());
        if method.is_server_streaming() {
            let answer = grpc.server_streaming(request, path, codec).await?;
            return Ok(Sent::Stream(answer.into_inner()));
        }
        Ok(Sent::Answer(grpc.unary(request, path, codec).await?.into_inner()))
    }
}

/// A new id, for a request or for a call.
pub fn new_id() -> String {
    use kit::IdSource as _;
    kit::UuidV7.new_id().to_string()
}

/// Reads a request in JSON; an error names the place in it.
pub fn parse_request(method: &MethodDescriptor, json: &str) -> Result<DynamicMessage> {
    let next = format!("tessera describe {}", names::full(method));
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let parsed = DynamicMessage::deserialize(method.input(), tracked);
    let message = parsed.map_err(|error| {
        let path = track.path().to_string();
        let place = if path == "." { String::new() } else { format!(" at `{path}`") };
        Failure::usage(format!("the request{place} is not {}: {error}", method.input().full_name()))
            .next(&next)
    })?;
    deserializer.end().map_err(|error| {
        Failure::usage(format!("something stands behind the end of the request: {error}")).next(&next)
    })?;
    Ok(message)
}

/// A message as proto3 JSON with lowerCamelCase names, as the gateway writes it.
pub fn to_json(message: &DynamicMessage) -> Result<Value> {
    message
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .map_err(|error| Failure::new(format!("the answer has no form in JSON: {error}")))
}

/// Encodes and decodes by descriptor.
struct DynamicCodec(MessageDescriptor);

impl Codec for DynamicCodec {
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

impl Encoder for DynamicCodec {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(out).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for DynamicCodec {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        DynamicMessage::decode(self.0.clone(), bytes)
            .map(Some)
            .map_err(|error| Status::internal(format!("the answer cannot be read: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_in_the_request_is_named_with_its_place() {
        // In a request of a hundred lines nobody finds `invalid type: string`.
        let method = names::method("erp.orders.v1.OrderService/PlaceOrder").unwrap();
        let fault = |json: &str| parse_request(&method, json).unwrap_err();
        let failure = fault(r#"{"lines": [{"product_id": "x"}, {"quantity": 5}]}"#);
        assert!(failure.message().contains("lines[1].quantity"), "{}", failure.message());
        assert_eq!(failure.exit(), crate::failure::USAGE);
        assert!(fault(r#"{"no_such_field": 1}"#).message().contains("no_such_field"));
        assert!(fault("{} x").message().contains("behind the end"));
    }

    #[test]
    fn both_spellings_of_a_field_are_read() {
        // Filters and protos say `page_size`, JSON answers say `pageSize`.
        let method = names::method("erp.crm.v1.AccountService/ListAccounts").unwrap();
        let read = |json: &str| parse_request(&method, json).unwrap();
        assert_eq!(read(r#"{"page_size": 3}"#), read(r#"{"pageSize": 3}"#));
    }
}
