// What a field of the contracts is to people: how it is shown, typed in, filtered by and compared.
import { getOption, ScalarType } from "@bufbuild/protobuf";
import type { DescEnum, DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { field as fieldOption } from "@client/gen/erp/v1/options_pb";
import { FieldBehavior, field_behavior } from "@client/gen/google/api/field_behavior_pb";

/** What one value of a field is. */
export type ValueKind =
  | "text"
  | "integer"
  | "number"
  | "bool"
  | "enum"
  | "reference"
  | "money"
  | "decimal"
  | "date"
  | "time"
  | "duration"
  | "bytes"
  | "json"
  | "localized"
  | "message";

export type Shape = "single" | "list" | "map";

export interface FieldModel {
  readonly desc: DescField;
  /** As the contracts write it: `display_name`. */
  readonly name: string;
  readonly shape: Shape;
  /** Of the single value, the item of a list or the value of a map. */
  readonly kind: ValueKind;
  readonly message: DescMessage | undefined;
  readonly enum: DescEnum | undefined;
  readonly oneof: DescOneof | undefined;
  /** Full name of the entity whose id it holds; `kind` is then `reference`. */
  readonly references: string;
  readonly required: boolean;
  readonly outputOnly: boolean;
  readonly immutable: boolean;
  readonly personal: boolean;
  readonly secret: boolean;
  readonly readPermission: string;
  /** True when it may be absent: `optional`, or a message. */
  readonly optional: boolean;
}

const WELL_KNOWN: Readonly<Record<string, ValueKind>> = {
  "google.protobuf.Timestamp": "time",
  "google.protobuf.Duration": "duration",
  "google.protobuf.Struct": "json",
  "google.protobuf.Value": "json",
  "google.protobuf.ListValue": "json",
  "google.protobuf.FieldMask": "json",
  "google.type.Money": "money",
  "google.type.Decimal": "decimal",
  "google.type.Date": "date",
  "erp.v1.LocalizedText": "localized",
};

/** Fields that the engine keeps for itself; forms and lists leave them out. */
const PLUMBING = new Set(["tenant_id", "etag", "request_id", "update_mask"]);

const models = new WeakMap<DescMessage, readonly FieldModel[]>();

/** The fields of a message that people deal with, in the order of the contract. */
export function fieldsOf(message: DescMessage): readonly FieldModel[] {
  let fields = models.get(message);
  if (!fields) {
    fields = message.fields.map(modelOf);
    models.set(message, fields);
  }
  return fields;
}

/** Parts of common types that nobody fills in. */
const UNUSED = new Set(
  ["revision", "language_code", "sorting_code"].map((name) => `google.type.PostalAddress.${name}`),
);

export function isPlumbing({ name, desc }: FieldModel): boolean {
  return PLUMBING.has(name) || UNUSED.has(`${desc.parent.typeName}.${name}`);
}

/** Who made and changed a record and when; every entity has these. */
export function isBookkeeping({ name }: FieldModel): boolean {
  return ["create_time", "update_time", "delete_time", "created_by", "updated_by"].includes(name);
}

function modelOf(desc: DescField): FieldModel {
  const options = getOption(desc, fieldOption);
  const behaviors = getOption(desc, field_behavior);
  const message =
    desc.fieldKind === "message" || ((desc.fieldKind === "list" || desc.fieldKind === "map") && desc.message)
      ? desc.message
      : undefined;
  const enumeration =
    desc.fieldKind === "enum" || ((desc.fieldKind === "list" || desc.fieldKind === "map") && desc.enum)
      ? desc.enum
      : undefined;
  return {
    desc,
    name: desc.name,
    shape: desc.fieldKind === "list" || desc.fieldKind === "map" ? desc.fieldKind : "single",
    kind: options.references ? "reference" : kindOf(message, enumeration, scalarOf(desc)),
    message,
    enum: enumeration,
    oneof: desc.oneof,
    references: options.references,
    required: behaviors.includes(FieldBehavior.REQUIRED),
    outputOnly: behaviors.includes(FieldBehavior.OUTPUT_ONLY),
    immutable: behaviors.includes(FieldBehavior.IMMUTABLE),
    personal: options.personal,
    secret: options.secret,
    readPermission: options.readPermission,
    optional: desc.fieldKind === "message" || desc.proto.proto3Optional,
  };
}

function scalarOf(desc: DescField): ScalarType | undefined {
  if (desc.fieldKind === "scalar") return desc.scalar;
  return desc.fieldKind === "list" || desc.fieldKind === "map" ? desc.scalar : undefined;
}

function kindOf(
  message: DescMessage | undefined,
  enumeration: DescEnum | undefined,
  scalar: ScalarType | undefined,
): ValueKind {
  if (message) return WELL_KNOWN[message.typeName] ?? "message";
  if (enumeration) return "enum";
  switch (scalar) {
    case ScalarType.STRING:
      return "text";
    case ScalarType.BOOL:
      return "bool";
    case ScalarType.BYTES:
      return "bytes";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "number";
    default:
      return "integer";
  }
}

/** What a list can be sorted by; the engine sorts single values only. */
export function isSortable(field: FieldModel): boolean {
  return field.shape === "single" && !["message", "json", "bytes", "localized"].includes(field.kind) && !field.secret;
}

/** Numbers stand on the right, so that their digits stand below each other. */
export function isNumeric(field: FieldModel): boolean {
  return field.shape === "single" && ["money", "decimal", "integer", "number"].includes(field.kind);
}
