// What the descriptors say of the resources: nothing is known of any of them beforehand.
import { getOption } from "@bufbuild/protobuf";
import type {
  DescField,
  DescMessage,
  DescMethod,
  DescMethodUnary,
  DescService,
  FileRegistry,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { access, entity as entityOption } from "@client/gen/erp/v1/options_pb";
import { http } from "@client/gen/google/api/annotations_pb";
import { grouped } from "../format/grouped";
import { fieldsOf } from "./fields";
import type { FieldModel } from "./fields";

export type StandardVerb = "get" | "batchGet" | "list" | "search" | "create" | "update" | "delete" | "undelete";

/** A resource: a message with the option `entity`, and the methods that deal with it. */
export interface Entity {
  readonly desc: DescMessage;
  /** Full name, such as `erp.crm.v1.Account`. */
  readonly typeName: string;
  /** `crm`. */
  readonly domain: string;
  /** As in addresses: `journal-entries`. */
  readonly collection: string;
  /** Where its list is: `/crm/accounts`. */
  readonly path: string;
  readonly service: DescService | undefined;
  readonly methods: Readonly<Partial<Record<StandardVerb, DescMethodUnary>>>;
  /** Methods that change one record, such as CancelOrder; one that only reads, such as GetOrderTimeline, is no action. */
  readonly recordActions: readonly DescMethodUnary[];
  /** Methods without a record, such as PlaceOrder. */
  readonly collectionActions: readonly DescMethodUnary[];
  readonly fields: readonly FieldModel[];
  /** What makes a person recognise a record, most telling first. */
  readonly titleFields: readonly FieldModel[];
}

/** A reference from one entity to another. */
export interface Relation {
  readonly from: Entity;
  readonly field: FieldModel;
}

export interface Model {
  readonly registry: FileRegistry;
  readonly entities: readonly Entity[];
  entity: (typeName: string) => Entity | undefined;
  at: (domain: string, collection: string) => Entity | undefined;
  /** Which entities refer to this one. */
  relationsTo: (typeName: string) => readonly Relation[];
}

export function modelOf(registry: FileRegistry): Model {
  const messages: DescMessage[] = [];
  const services: DescService[] = [];
  for (const type of registry) {
    if (type.kind === "message" && getOption(type, entityOption).table !== "") messages.push(type);
    if (type.kind === "service") services.push(type);
  }
  const entities = messages.map((message) => entityOf(message, services)).sort(byPlace);
  const byName = new Map(entities.map((one) => [one.typeName, one]));
  const byPath = new Map(entities.map((one) => [one.path, one]));
  const relations = grouped(
    entities.flatMap((from) => from.fields.filter((field) => field.references).map((field) => ({ from, field }))),
    ({ field }) => field.references,
  );
  return {
    registry,
    entities,
    entity: (typeName) => byName.get(typeName),
    at: (domain, collection) => byPath.get(`/${domain}/${collection}`),
    relationsTo: (typeName) => relations.get(typeName) ?? [],
  };
}

export function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function byPlace(a: Entity, b: Entity): number {
  return a.path < b.path ? -1 : 1;
}

function entityOf(desc: DescMessage, services: readonly DescService[]): Entity {
  const noun = desc.name;
  const service = services.find(({ methods }) =>
    methods.some((method) => method.name === `Get${noun}` && method.output === desc),
  );
  const methods: Partial<Record<StandardVerb, DescMethodUnary>> = {};
  const recordActions: DescMethodUnary[] = [];
  const collectionActions: DescMethodUnary[] = [];
  for (const method of service?.methods ?? []) {
    if (!isUnary(method)) continue;
    const verb = standardVerb(method, desc);
    if (verb) methods[verb] = method;
    else if (isRead(method)) continue;
    else if (idFieldOf(method.input, desc)) recordActions.push(method);
    else collectionActions.push(method);
  }
  const domain = desc.file.proto.package.split(".")[1] ?? desc.file.proto.package;
  const collection = getOption(desc, entityOption).table.replaceAll("_", "-");
  const fields = fieldsOf(desc);
  return {
    desc,
    typeName: desc.typeName,
    domain,
    collection,
    path: `/${domain}/${collection}`,
    service,
    methods,
    recordActions,
    collectionActions,
    fields,
    titleFields: titleFieldsOf(fields),
  };
}

/** Standard methods are known by the AIP's names and by what they take and answer. */
function standardVerb(method: DescMethod, entity: DescMessage): StandardVerb | undefined {
  const { name, input, output } = method;
  const noun = entity.name;
  const answersPage = output.fields.some((field) => field.fieldKind === "list" && field.message === entity);
  if (name === `Get${noun}`) return "get";
  if (name === `Create${noun}`) return "create";
  if (name === `Update${noun}`) return "update";
  if (name === `Delete${noun}`) return "delete";
  if (name === `Undelete${noun}`) return "undelete";
  if (!answersPage) return undefined;
  if (name.startsWith("BatchGet") && input.fields.some((field) => field.name === "ids")) return "batchGet";
  if (name.startsWith("List") && input.fields.some((field) => field.name === "page_token")) return "list";
  if (name.startsWith("Search") && input.fields.some((field) => field.name === "query")) return "search";
  return undefined;
}

/** The field of a request that names the record: `id`. */
export function idFieldOf(request: DescMessage, entity: DescMessage): DescField | undefined {
  const byNoun = `${snake(entity.name)}_id`;
  return request.fields.find(({ name }) => name === "id") ?? request.fields.find(({ name }) => name === byNoun);
}

/** The field of a request or a page that holds the entity itself. */
export function holderOf(message: DescMessage, entity: DescMessage): DescField | undefined {
  return message.fields.find((field) => field.message === entity);
}

/** What REST gets with GET, or what says of itself that it has no side effects, changes nothing. */
export function isRead(method: DescMethod): boolean {
  return (
    getOption(method, http).pattern.case === "get" ||
    method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
  );
}

/** The permission that a method asks for; empty: any signed-in caller may call it. */
export function permissionOf(method: DescMethod): string {
  return getOption(method, access).permission;
}

/** Whether a deleted record is kept, so that it can be brought back. */
export function isSoftDeleted(entity: Entity): boolean {
  return getOption(entity.desc, entityOption).softDelete;
}

const TELLING = [
  "display_name",
  "given_name",
  "family_name",
  "name",
  "title",
  "number",
  "code",
  "sku",
  "subject",
  "slug",
  "email",
  "order_number",
];

function titleFieldsOf(fields: readonly FieldModel[]): FieldModel[] {
  const found = TELLING.flatMap(
    (name) => fields.find((field) => field.name === name && field.shape === "single") ?? [],
  );
  const [first] = found;
  if (!first) return [];
  // A person has two names that belong together.
  return first.name === "given_name" ? found.filter(({ name }) => name.endsWith("_name")).slice(0, 2) : [first];
}

export function snake(name: string): string {
  return name.replace(/(?<=[a-z0-9])([A-Z])/g, "_$1").toLowerCase();
}
