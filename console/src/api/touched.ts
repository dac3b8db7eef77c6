// What an event makes old, as the descriptors tell: no list of events is kept here.
import { getOption } from "@bufbuild/protobuf";
import type { DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { EventEnvelope } from "@client/gen/erp/v1/event_pb";
import { entity as entityOption, event as eventOption, field as fieldOption } from "@client/gen/erp/v1/options_pb";
import { grouped } from "../format/grouped";
import type { Model } from "../schema/model";

/** Ids by the full name of the entity; none: any of them. */
export type Touched = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Events of the engine name their record. Others are payloads of the contracts: the aggregates of the payload's package are
 * what the domain's rules may have changed with it (goods that move change the stock level), those records by id that the
 * payload refers to.
 */
export function touchedBy(model: Model): (event: Pick<EventEnvelope, "eventType" | "data">) => Touched {
  const payloads = new Map<string, DescMessage>();
  for (const type of model.registry) {
    const name = type.kind === "message" ? getOption(type, eventOption).type : "";
    if (type.kind === "message" && name) payloads.set(name, type);
  }
  const packages = grouped(
    model.entities.filter(({ desc }) => getOption(desc, entityOption).aggregate),
    ({ desc }) => desc.file.proto.package,
  );
  return ({ eventType, data = {} }) => {
    const { entityType, entityId } = data;
    if (typeof entityType === "string" && typeof entityId === "string") {
      return new Map([[entityType, new Set([entityId])]]);
    }
    const payload = payloads.get(eventType);
    if (!payload) return new Map();
    const { package: home } = payload.file.proto;
    const touched = new Map((packages.get(home) ?? []).map(({ typeName }) => [typeName, new Set<string>()]));
    for (const [typeName, id] of referencesIn(payload, data)) {
      if (model.entity(typeName)?.desc.file.proto.package !== home) continue;
      const ids = touched.get(typeName) ?? new Set();
      touched.set(typeName, ids.add(id));
    }
    return touched;
  };
}

/** The entities and ids that a payload refers to, at any depth; its JSON is that of proto3. */
function referencesIn(message: DescMessage, json: JsonObject): [string, string][] {
  return message.fields.flatMap((field) => {
    const value = json[field.jsonName];
    if (value === undefined || field.fieldKind === "map") return [];
    const values = Array.isArray(value) ? value : [value];
    const { references } = getOption(field, fieldOption);
    if (references) return values.filter(isText).map((id): [string, string] => [references, id]);
    const inner = field.message;
    return inner ? values.filter(isObject).flatMap((one) => referencesIn(inner, one)) : [];
  });
}

function isText(value: JsonValue): value is string {
  return typeof value === "string" && value !== "";
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
