//! Events as they leave a service: the envelope of `erp.v1.EventEnvelope` around the payload's proto3 JSON.

use kit::{Error, OffsetDateTime, Result};
use prost_reflect::{ReflectMessage, SerializeOptions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Cx;
use crate::flush::OutboxRow;

/// The wrapper of every event, as JSON on the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    pub event_id: Uuid,
    pub event_type: String,
    pub version: String,
    #[serde(with = "time::serde::rfc3339")]
    pub timestamp: OffsetDateTime,
    pub tenant_id: Uuid,
    pub source: String,
    pub data: Value,
    #[serde(default)]
    pub metadata: Metadata,
}

/// Where an event came from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    pub correlation_id: String,
    pub user_id: String,
    pub trace_id: String,
    pub causation_id: String,
}

impl Envelope {
    /// Reads an envelope from the log.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::invalid("event", format!("is no envelope: {error}")))
    }

    /// The payload as its message. Fields of newer producers are passed over.
    pub fn payload<E: ReflectMessage + Default>(&self) -> Result<E> {
        let options = prost_reflect::DeserializeOptions::new().deny_unknown_fields(false);
        let message = prost_reflect::DynamicMessage::deserialize_with_options(
            E::default().descriptor(),
            &self.data,
            &options,
        )
        .map_err(|error| Error::invalid("event.data", error.to_string()))?;
        message.transcode_to().map_err(|error| Error::invalid("event.data", error.to_string()))
    }
}

/// The proto3 JSON of a message.
pub fn to_json<M: ReflectMessage>(message: &M) -> Result<Value> {
    let options = SerializeOptions::new();
    message
        .transcode_to_dynamic()
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(Error::internal)
}

/// The outbox row of an event of this call.
pub(crate) fn outbox_row(
    cx: &Cx,
    event_type: &str,
    topic: &str,
    key: &str,
    data: Value,
) -> Result<OutboxRow> {
    let tenant_id = cx.tenant()?;
    let meta = cx.meta();
    let traceparent = cx.traceparent();
    let envelope = Envelope {
        event_id: cx.env().ids().new_id(),
        event_type: event_type.to_owned(),
        version: "v1".to_owned(),
        timestamp: cx.now(),
        tenant_id,
        source: cx.env().service().to_owned(),
        data,
        metadata: Metadata {
            correlation_id: meta.correlation_id.clone(),
            user_id: cx.actor().to_string(),
            trace_id: traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
            causation_id: meta.causation_id.clone(),
        },
    };
    let key = if key.is_empty() { tenant_id.to_string() } else { format!("{tenant_id}:{key}") };
    Ok(OutboxRow {
        id: envelope.event_id,
        topic: topic.to_owned(),
        key,
        event_type: envelope.event_type.clone(),
        payload: serde_json::to_vec(&envelope).map_err(Error::internal)?,
        traceparent,
    })
}
