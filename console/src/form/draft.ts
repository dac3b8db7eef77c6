// What a form holds while it is filled in: plain JSON, as typed, so that it survives a reload; and the way from a message
// to it and back.
import { create, fromJson, toJson } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue } from "@bufbuild/protobuf";
import { durationFromMs, durationMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { dateText } from "@client/values";
import type { Date as CivilDate } from "@client/gen/google/type/date_pb";
import type { AnyMessage } from "../api/wire";
import { parseMoney, plainNumber, typedMoney } from "../format/money";
import type { Money } from "../format/money";
import { instantOf, msOf, wallClock } from "../format/time";
import { fieldsOf } from "../schema/fields";
import type { FieldModel } from "../schema/fields";

export interface MoneyDraft {
  readonly amount: string;
  readonly currency: string;
}
export interface PairDraft {
  readonly key: string;
  readonly value: Draft;
}
export type Draft = string | boolean | null | MoneyDraft | PairDraft | DraftMessage | readonly Draft[];
/** By field name; the choice of a oneof is under its own name behind a `?`. */
export interface DraftMessage {
  readonly [name: string]: Draft;
}

/** How things are typed here. */
export interface Typing {
  readonly locale: string;
  readonly timeZone: string;
  /** The currency that an amount begins with. */
  readonly currency: string;
}

export type ProblemKind = "required" | "number" | "money" | "currency" | "date" | "json" | "duration";

/** Something that was typed and cannot be sent, by the path that the server would give it. */
export interface Problem {
  readonly path: string;
  readonly kind: ProblemKind;
}

export function choiceKey(oneof: { name: string }): string {
  return `?${oneof.name}`;
}

/** What a field holds before anything was typed. */
export function emptyOf(field: FieldModel, typing: Typing): Draft {
  if (field.shape !== "single") return [];
  if (field.kind === "message" || field.kind === "localized") {
    return field.required && field.message ? emptyMessage(field.message, typing) : null;
  }
  return emptyItem(field, typing);
}

/** What a new item of a list or map, or a message that is added, begins with. */
export function emptyItem(field: FieldModel, typing: Typing): Draft {
  switch (field.kind) {
    case "bool":
      return field.optional && field.shape === "single" ? null : false;
    case "enum":
      return "0";
    case "money":
      return { amount: "", currency: typing.currency };
    case "message":
    case "localized":
      return field.message ? emptyMessage(field.message, typing) : null;
    default:
      return "";
  }
}

export function emptyMessage(message: DescMessage, typing: Typing): DraftMessage {
  const draft: Record<string, Draft> = {};
  for (const field of fieldsOf(message)) {
    draft[field.name] = emptyOf(field, typing);
    if (field.oneof) draft[choiceKey(field.oneof)] = "";
  }
  return draft;
}

/** A message as a form shows it. */
export function draftOf(message: DescMessage, value: AnyMessage, typing: Typing): DraftMessage {
  const draft: Record<string, Draft> = {};
  for (const field of fieldsOf(message)) {
    const { desc, oneof } = field;
    let inner: unknown = value[desc.localName];
    if (oneof) {
      const one = value[oneof.localName] as { case?: string; value?: unknown };
      inner = one.case === desc.localName ? one.value : undefined;
      if (inner !== undefined) draft[choiceKey(oneof)] = field.name;
      else draft[choiceKey(oneof)] ??= "";
    }
    draft[field.name] = valueDraft(field, inner, typing);
  }
  return draft;
}

function valueDraft(field: FieldModel, value: unknown, typing: Typing): Draft {
  if (field.shape === "list") return ((value ?? []) as unknown[]).map((one) => itemDraft(field, one, typing));
  if (field.shape === "map") {
    return Object.entries(value ?? {}).map(([key, one]) => ({ key, value: itemDraft(field, one, typing) }));
  }
  return value === undefined ? emptyUnset(field, typing) : itemDraft(field, value, typing);
}

function emptyUnset(field: FieldModel, typing: Typing): Draft {
  return field.kind === "message" || field.kind === "localized" ? null : emptyItem(field, typing);
}

function itemDraft(field: FieldModel, value: unknown, typing: Typing): Draft {
  switch (field.kind) {
    case "bool":
      return value === true;
    case "money":
      return { amount: typedMoney(value as Money, typing.locale), currency: (value as Money).currencyCode };
    case "decimal":
      return typedNumber((value as { value: string }).value, typing);
    case "number":
      return typedNumber(String(value), typing);
    case "date":
      return dateText(value as CivilDate);
    case "time":
      return wallClock(msOf(value as Timestamp), typing.timeZone);
    case "duration":
      return typedNumber(String(durationMs(value as Duration) / 1000), typing);
    case "json":
      return JSON.stringify(field.message && isMessage(value) ? toJson(field.message, value) : value, null, 2);
    case "message":
    case "localized":
      return field.message ? draftOf(field.message, value as AnyMessage, typing) : null;
    case "bytes":
      return "";
    default:
      return String(value);
  }
}

function isMessage(value: unknown): value is AnyMessage {
  return typeof value === "object" && value !== null && "$typeName" in value;
}

function typedNumber(plain: string, { locale }: Typing): string {
  return new Intl.NumberFormat(locale).format(0.5).includes(",") ? plain.replace(".", ",") : plain;
}

/** The message that a draft says, and what of it cannot be said. */
export function messageOf(
  message: DescMessage,
  draft: DraftMessage,
  typing: Typing,
  prefix = "",
): [AnyMessage, Problem[]] {
  const problems: Problem[] = [];
  return [build(message, draft, typing, prefix, problems), problems];
}

function build(
  message: DescMessage,
  draft: DraftMessage,
  typing: Typing,
  prefix: string,
  problems: Problem[],
): AnyMessage {
  const init: Record<string, unknown> = {};
  for (const field of fieldsOf(message)) {
    const { oneof, desc, name } = field;
    const inner = draft[name];
    if (inner === undefined || (oneof && draft[choiceKey(oneof)] !== name)) continue;
    const value = fieldValue(field, inner, typing, prefix + name, problems);
    if (value === undefined) continue;
    if (oneof) init[oneof.localName] = { case: desc.localName, value };
    else init[desc.localName] = value;
  }
  return create(message, init as never);
}

function fieldValue(field: FieldModel, draft: Draft, typing: Typing, path: string, problems: Problem[]): unknown {
  if (field.shape === "list") {
    const items = draft as readonly Draft[];
    if (items.length === 0 && field.required) problems.push({ path, kind: "required" });
    return items.flatMap((one, place) => itemValue(field, one, typing, `${path}[${place}]`, problems) ?? []);
  }
  if (field.shape === "map") {
    const pairs = (draft as readonly PairDraft[]).filter(({ key }) => key !== "");
    const entries = pairs.map(({ key, value }) => [
      key,
      itemValue(field, value, typing, `${path}["${key}"]`, problems) ?? "",
    ]);
    return Object.fromEntries(entries) as object;
  }
  const value = itemValue(field, draft, typing, path, problems);
  if (field.required && isMissing(field, value) && !problems.some((one) => one.path === path))
    problems.push({ path, kind: "required" });
  // What may be absent is absent when nothing was typed.
  return value === "" && field.optional ? undefined : value;
}

/** A zero that was typed is there; the first value of an enum means that none was chosen. */
function isMissing(field: FieldModel, value: unknown): boolean {
  return value === undefined || value === "" || (field.kind === "enum" && value === 0);
}

function itemValue(field: FieldModel, draft: Draft, typing: Typing, path: string, problems: Problem[]): unknown {
  if (draft === null) return undefined;
  if (field.kind === "message" || field.kind === "localized") {
    return field.message ? build(field.message, draft as DraftMessage, typing, `${path}.`, problems) : undefined;
  }
  if (field.kind === "bool") return draft === true;
  if (field.kind === "enum") return Number(draft);
  const value =
    field.kind === "money"
      ? moneyValue(draft as MoneyDraft, typing)
      : textValue(field, (draft as string).trim(), draft as string, typing);
  if (!(value instanceof Fault)) return value;
  problems.push({ path, kind: value.kind });
  return undefined;
}

/** In the place of a value that cannot be read from what was typed. */
class Fault {
  readonly kind: ProblemKind;

  constructor(kind: ProblemKind) {
    this.kind = kind;
  }
}

function moneyValue({ amount, currency }: MoneyDraft, typing: Typing): unknown {
  if (amount.trim() === "") return undefined;
  const code = currency.trim().toUpperCase();
  if (!/^[A-Z]{3}$/.test(code)) return new Fault("currency");
  return parseMoney(amount, code, typing.locale) ?? new Fault("money");
}

function textValue(field: FieldModel, text: string, raw: string, typing: Typing): unknown {
  if (field.kind === "text" || field.kind === "reference") return field.secret ? raw : text;
  if (text === "")
    return field.kind === "integer" || field.kind === "number"
      ? field.optional
        ? undefined
        : zeroOf(field)
      : undefined;
  switch (field.kind) {
    case "integer": {
      const plain = plainNumber(text, typing.locale);
      if (plain === undefined || !/^-?\d+$/.test(plain)) return new Fault("number");
      return integerOf(field, plain);
    }
    case "number": {
      const plain = plainNumber(text, typing.locale);
      return plain === undefined ? new Fault("number") : Number(plain);
    }
    case "decimal": {
      const plain = plainNumber(text, typing.locale);
      return plain === undefined ? new Fault("number") : { value: plain };
    }
    case "date": {
      const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
      return year === undefined ? new Fault("date") : { year: Number(year), month: Number(month), day: Number(day) };
    }
    case "time": {
      const ms = instantOf(text, typing.timeZone);
      return ms === undefined ? new Fault("date") : timestampFromMs(ms);
    }
    case "duration": {
      const plain = plainNumber(text, typing.locale);
      return plain === undefined ? new Fault("duration") : durationFromMs(Math.round(Number(plain) * 1000));
    }
    case "json":
      return jsonValue(field, text);
    default:
      return undefined;
  }
}

function jsonValue(field: FieldModel, text: string): unknown {
  try {
    const json = JSON.parse(text) as JsonValue;
    // A Struct is a plain object in messages.
    return field.message && field.message.typeName !== "google.protobuf.Struct" ? fromJson(field.message, json) : json;
  } catch {
    return new Fault("json");
  }
}

/** 64-bit integers are bigints. */
function isLong(field: FieldModel): boolean {
  const type = field.desc.proto.type;
  return [3, 4, 6, 16, 18].includes(type);
}

function integerOf(field: FieldModel, plain: string): number | bigint {
  return isLong(field) ? BigInt(plain) : Number(plain);
}

function zeroOf(field: FieldModel): number | bigint {
  return isLong(field) ? 0n : 0;
}

/** The fields whose drafts differ, which are those that an update sends. */
export function changedFields(message: DescMessage, before: DraftMessage, after: DraftMessage): readonly FieldModel[] {
  const differ = (name: string) => JSON.stringify(before[name] ?? null) !== JSON.stringify(after[name] ?? null);
  return fieldsOf(message).filter((field) => {
    if (!field.oneof) return differ(field.name);
    const key = choiceKey(field.oneof);
    const wasChosen = before[key] === field.name;
    const isChosen = after[key] === field.name;
    return wasChosen !== isChosen || (isChosen && differ(field.name));
  });
}

/** A draft with one place changed. */
export function withPlace(draft: Draft, path: readonly (string | number)[], value: Draft): Draft {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  if (typeof first === "number") {
    return (draft as readonly Draft[]).map((one, place) => (place === first ? withPlace(one, rest, value) : one));
  }
  const message = (draft ?? {}) as DraftMessage;
  return { ...message, [first]: withPlace(message[first] ?? null, rest, value) };
}
