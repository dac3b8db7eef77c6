//! JSON to protobuf: `google.protobuf.Any`, and messages that only reflection knows.

use std::fmt;

use prost::Message;
use prost_reflect::DynamicMessage;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::encode::{Encoder, Fail, Put};
use super::plan::{MessagePlan, Shape, Ty};
use super::seeds::ValueSeed;
use super::wire::{close_len, open_len, put_bytes};

impl Encoder<'_> {
    /// `{"@type": url, ...fields}`, or `{"@type": url, "value": json}` for well-known types.
    pub(super) fn any<'de, A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        let Some(first) = map.next_key::<String>()? else { return Ok(()) };
        if first == "@type" {
            let url = map.next_value::<String>()?;
            return self.any_content(&url, map);
        }
        // The type is not told first: the rest must be kept until it is known.
        let mut rest = serde_json::Map::new();
        rest.insert(first, map.next_value()?);
        while let Some((key, value)) = map.next_entry::<String, serde_json::Value>()? {
            if rest.insert(key, value).is_some() {
                return Err(self.fail(Fail("has a field that is given twice".into())));
            }
        }
        let Some(serde_json::Value::String(url)) = rest.remove("@type") else {
            return Err(self.fail(Fail("needs a type's URL in @type".into())));
        };
        let visitor = AnyVisitor { enc: self, url: &url };
        serde_json::Value::Object(rest).deserialize_any(visitor).map_err(A::Error::custom)
    }

    fn any_content<'de, A: MapAccess<'de>>(&mut self, url: &str, mut map: A) -> Result<(), A::Error> {
        let name = url.rsplit_once('/').map(|(_, name)| name);
        let Some(id) = name.and_then(|name| self.plans.find(name)) else {
            return Err(self.fail(Fail(format!("@type {url:?} is not known"))));
        };
        let plan = self.plans.message(id);
        self.out.push(0x0A);
        put_bytes(&mut self.out, url.as_bytes());
        self.out.push(0x12);
        let start = open_len(&mut self.out);
        match plan.shape {
            Shape::Plain => self.fields(plan, map)?,
            Shape::Reflect => self.reflect(plan, map)?,
            _ => {
                if map.next_key::<String>()?.as_deref() != Some("value") {
                    return Err(self.fail(Fail("needs its content in `value`".into())));
                }
                map.next_value_seed(ValueSeed { enc: self, ty: Ty::Message(id), put: Put::Bare })?;
                if map.next_key::<IgnoredAny>()?.is_some() {
                    return Err(self.fail(Fail("has more than @type and value".into())));
                }
            }
        }
        close_len(&mut self.out, start);
        Ok(())
    }

    pub(super) fn reflect<'de, A: MapAccess<'de>>(
        &mut self,
        plan: &MessagePlan,
        map: A,
    ) -> Result<(), A::Error> {
        let message = DynamicMessage::deserialize(plan.descriptor.clone(), MapAccessDeserializer::new(map))?;
        self.out.extend_from_slice(&message.encode_to_vec());
        Ok(())
    }
}

struct AnyVisitor<'e, 'p, 'u> {
    enc: &'e mut Encoder<'p>,
    url: &'u str,
}

impl<'de> Visitor<'de> for AnyVisitor<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.enc.any_content(self.url, map)
    }
}
