// Values as plain text: for titles, for CSV files and for comparing versions.
import type { DescEnumValue } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { dateText } from "@client/values";
import type { Date as CivilDate } from "@client/gen/google/type/date_pb";
import type { AnyMessage } from "../api/wire";
import { shownDecimal, shownMoney } from "../format/money";
import type { Money } from "../format/money";
import { msOf, shortTime, shownDate } from "../format/time";
import type { I18n } from "../i18n";
import { fieldsOf } from "../schema/fields";
import type { FieldModel } from "../schema/fields";
import type { Entity } from "../schema/model";
import { idOf, valueOf } from "./records";

/** How values are written. */
export interface Writing {
  readonly i18n: I18n;
  readonly timeZone: string;
}

export function isUnset(field: FieldModel, value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (field.shape === "list") return (value as unknown[]).length === 0;
  if (field.shape === "map") return Object.keys(value).length === 0;
  return field.kind === "enum" && value === 0;
}

export function enumValue(field: FieldModel, value: unknown): DescEnumValue | undefined {
  return field.enum?.values.find(({ number }) => number === value);
}

/** One value of a field, whatever its shape, in one line. */
export function textOf(field: FieldModel, value: unknown, writing: Writing): string {
  if (isUnset(field, value)) return "";
  if (field.shape === "list") return (value as unknown[]).map((one) => itemText(field, one, writing)).join(", ");
  if (field.shape === "map") {
    return Object.entries(value as object)
      .map(([key, one]) => `${key}: ${itemText(field, one, writing)}`)
      .join(", ");
  }
  return itemText(field, value, writing);
}

function itemText(field: FieldModel, value: unknown, { i18n, timeZone }: Writing): string {
  const { locale, t, label } = i18n;
  switch (field.kind) {
    case "bool":
      return t(value === true ? "record.yes" : "record.no");
    case "enum": {
      const known = enumValue(field, value);
      return known ? label(known) : String(value);
    }
    case "money":
      return shownMoney(value as Money, locale);
    case "decimal":
      return shownDecimal((value as { value: string }).value, locale);
    case "integer":
      return new Intl.NumberFormat(locale).format(value as bigint);
    case "date":
      return shownDate(dateText(value as CivilDate), locale);
    case "time":
      return shortTime(msOf(value as Timestamp), locale, timeZone);
    case "duration":
      return `${new Intl.NumberFormat(locale).format(durationMs(value as Duration) / 1000)} ${t("form.seconds")}`;
    case "localized":
      return localizedText(value, locale);
    case "json":
      return JSON.stringify(value);
    case "message":
      return messageText(field, value as AnyMessage, { i18n, timeZone });
    default:
      return String(value);
  }
}

function messageText(field: FieldModel, value: AnyMessage, writing: Writing): string {
  if (!field.message) return "";
  const parts = fieldsOf(field.message).map((inner) => textOf(inner, valueOf(inner, value), writing));
  return parts.filter(Boolean).join(", ");
}

/** The reader's language, else its stem, else the tenant's own. */
export function localizedText(value: unknown, locale: string): string {
  const { text = "", translations = {} } = value as { text?: string; translations?: Record<string, string> };
  return translations[locale] ?? translations[locale.split("-")[0] ?? ""] ?? text;
}

/** A name by which a person knows the record; its id where it has none. */
export function titleOf(entity: Entity, record: AnyMessage, locale: string): string {
  const parts = entity.titleFields.map((field) => {
    const value = valueOf(field, record);
    if (value === undefined) return "";
    return field.kind === "localized" ? localizedText(value, locale) : typeof value === "string" ? value : "";
  });
  const title = parts.filter(Boolean).join(" ").trim();
  if (title) return title;
  return firstReadable(entity, record) ?? shortId(idOf(record));
}

function firstReadable(entity: Entity, record: AnyMessage): string | undefined {
  for (const field of entity.fields) {
    if (field.kind !== "text" || field.shape !== "single" || /(^|_)id$|etag|_by$/.test(field.name) || field.secret)
      continue;
    const value = valueOf(field, record);
    if (typeof value === "string" && value !== "") return value;
  }
  return undefined;
}

/** The end of a UUIDv7 tells records apart; its beginning is the time. */
export function shortId(id: string): string {
  return id.length === 36 ? `…${id.slice(-8)}` : id;
}
